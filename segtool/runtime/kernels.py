"""How kernels are compiled: when they are first called, once, into a cache that may live in two places.

A kernel is a module-level function on plain one-dimensional arrays and scalars, decorated with :func:`kernel`. The
few kernels that cutting needs are wrapped in :class:`LazyKernel` by name: the same source runs uncompiled for a
short text and compiled for a long one.

numba compiles them. Compiled code is kept beside the package, or in the user's cache folder when the package is
read-only, in numba's own files and, for kernels that allocate nothing, in files that later processes run without
importing numba (:mod:`segtool.runtime.machine_code`). Where neither place can be written the kernels are compiled for
this process only.
"""

from __future__ import annotations

import functools
import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["LazyKernel", "all_kernels", "kernel", "on_first_compile"]

logger = logging.getLogger("segtool")

_lock = threading.RLock()
_announce: list[Callable[[], object]] = []


def on_first_compile(callback: Callable[[], object]) -> None:
    """Call `callback` once, just before this process compiles its first kernel.

    Nothing is called while compiled kernels come out of the cache.
    """
    _announce[:] = [callback]


def _numba() -> Any:
    import numba
    from numba.core import event

    class Announcer(event.Listener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            while _announce:
                _announce.pop()()

        def on_end(self, event: Any) -> None:
            pass

    if not getattr(_numba, "listening", False):
        event.register("numba:compile", Announcer())
        _numba.listening = True  # type: ignore[attr-defined]
    return numba


def _type(numba: Any, text: str) -> Any:
    kinds = {"b": "bool", "i": "int", "u": "uint", "f": "float"}
    found = re.fullmatch(r"([biuf])(\d)(\[(const)?\])?", text.strip())
    if found is None:
        raise ValueError(f"not a kernel type: {text!r}")
    name = kinds[found[1]]
    scalar = numba.types.boolean if name == "bool" else getattr(numba.types, f"{name}{8 * int(found[2])}")
    return numba.types.Array(scalar, 1, "C", readonly=bool(found[4])) if found[3] else scalar


@functools.cache
def _warn() -> None:
    logger.warning("no folder for compiled kernels can be written: set NUMBA_CACHE_DIR to one that can")


def _compile(function: Callable[..., Any], signature: str) -> Callable[..., Any]:
    with _lock:
        numba = _numba()
        result, arguments = signature.removesuffix(")").rsplit("(", 1)
        types = [_type(numba, part) for part in arguments.split(",")]
        if result == "void":
            returned = numba.types.void
        elif result.startswith("("):
            returned = numba.types.Tuple([_type(numba, part) for part in result.strip("()").split(",")])
        else:
            returned = _type(numba, result)
        try:
            compiled = numba.njit([returned(*types)], cache=True, nogil=True)(function)
        except (RuntimeError, OSError) as error:
            if isinstance(error, RuntimeError) and "cannot cache" not in str(error):
                raise
            _warn()
            compiled = numba.njit([returned(*types)], nogil=True)(function)
        return compiled


class LazyKernel:
    """A kernel that is compiled, or found compiled, when it is first called.

    Other kernels may call it as any function that numba has compiled.

    Attributes
    ----------
    interpreted : callable
        The function as written. Those that short texts are cut with are written so that arrays may be lists, bytes
        or memoryviews.
    compiled : callable
        The same function compiled. Other arrays or numbers than those of the signature are a TypeError. Without kept
        code, the first access imports numba.
    """

    def __init__(self, function: Callable[..., Any], signature: str) -> None:
        functools.update_wrapper(self, function)
        self.interpreted = function
        self.signature = signature
        self._compiled: Callable[..., Any] | None = None
        self._dispatcher: Any = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the compiled kernel."""
        return (self._compiled or self.compiled)(*arguments)

    @property
    def compiled(self) -> Callable[..., Any]:
        """The function compiled; see above."""
        if self._compiled is None:
            with _lock:
                if self._compiled is None:
                    self._compiled = self._find()
        return self._compiled

    def _find(self) -> Callable[..., Any]:
        from segtool.runtime.machine_code import keep, kept

        linked = kept(self.interpreted, self.signature)
        if linked is None:
            linked = keep(self.interpreted, self.signature, self.dispatcher)
        return linked or self.dispatcher

    @property
    def home(self) -> Path | None:
        """Folder where its compiled code is kept, which may have to be made; None where it cannot be."""
        from segtool.runtime.machine_code import home

        found = home(self.interpreted) if self.compiled is not self._dispatcher else None
        if found is None and self._stats is not None and self._stats.cache_path:
            found = Path(self._stats.cache_path)
        return found

    @property
    def is_new(self) -> bool:
        """Whether this process has compiled it, rather than found it compiled."""
        return self._stats is not None and not self._stats.cache_hits

    @property
    def _stats(self) -> Any:
        """What numba knows of its cache; None if it was not asked, or has been told not to compile."""
        return getattr(self._dispatcher, "stats", None)

    @property
    def dispatcher(self) -> Any:
        """What numba makes of it."""
        with _lock:
            if self._dispatcher is None:
                self._dispatcher = _compile(self.interpreted, self.signature)
            return self._dispatcher

    @property
    def _numba_type_(self) -> Any:
        """What numba asks for in a kernel that another one calls."""
        return _numba().types.Dispatcher(self.dispatcher)


def kernel(signature: str) -> Callable[[Callable[..., Any]], LazyKernel]:
    """Make a kernel of a function, for one signature.

    Parameters
    ----------
    signature : str
        ``"i8(u2[const], f8[], i8)"``: kind and size in bytes; ``[]`` is a one-dimensional contiguous
        array, ``[const]`` one that is only read and may be a read-only memory map; ``b1`` is a bool,
        ``(i8,b1)(...)`` returns a tuple.
    """
    return lambda function: LazyKernel(function, signature)


def all_kernels() -> list[LazyKernel]:
    """Every kernel of segtool, all modules being imported.

    Returns
    -------
    list of LazyKernel
        By module and place in it.
    """
    import importlib
    import pkgutil

    import segtool

    found = pkgutil.walk_packages(segtool.__path__, "segtool.")
    names = sorted(each.name for each in found if not each.ispkg and each.name != "segtool.__main__")
    modules = [importlib.import_module(name) for name in names]
    return [
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, LazyKernel) and each.interpreted.__module__ == module.__name__
    ]

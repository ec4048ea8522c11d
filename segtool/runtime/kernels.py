"""Kernels: functions that are compiled when they are first called.

A kernel is a module-level function on one-dimensional contiguous arrays and scalars, with its signature in the
decorator :func:`kernel`. Wrapping a function in :class:`LazyKernel` by hand keeps the function itself for short texts,
where starting the compiled code would take longer than running plain Python.

The first call loads the machine code that an earlier process left in the cache folder
(:mod:`segtool.runtime.machine_code`), or compiles the kernel and leaves its code there, if a folder can be written.
docs/internals.md shows how to add a kernel.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from segtool.runtime.progress import is_watched

if TYPE_CHECKING:
    from segtool.runtime.machine_code import MachineCode

__all__ = ["LazyKernel", "all_kernels", "kernel", "on_first_compile"]

logger = logging.getLogger("segtool")

NOTICE = "compiling its kernels, the first time only …"

_lock = threading.RLock()


def _notify() -> None:
    """Log the notice; or print it, where records of level INFO are not shown and a person waits."""
    if logger.isEnabledFor(logging.INFO):
        logger.info("segtool is %s", NOTICE)
    elif logger.isEnabledFor(logging.WARNING) and is_watched():
        print(f"segtool: {NOTICE}", file=sys.stderr)


_announce: list[Callable[[], object]] = [_notify]


def on_first_compile(callback: Callable[[], object]) -> None:
    """Call `callback` once, just before this process compiles its first kernel, instead of giving notice of it."""
    _announce[:] = [callback]


@functools.cache
def _warn() -> None:
    logger.warning(
        "no folder can keep compiled kernels: set NUMBA_CACHE_DIR to one that you, and nobody else, can write to"
    )


class LazyKernel:
    """A kernel that is compiled, or loaded compiled, when it is first called.

    Other kernels may call it, as they may call any function that numba has compiled.

    Attributes
    ----------
    interpreted : callable
        The function as written. Those that cut short texts also take lists, bytes or memoryviews for arrays.
    signature : str
        See :func:`kernel`.
    """

    def __init__(self, function: Callable[..., Any], signature: str) -> None:
        functools.update_wrapper(self, function)
        self.interpreted = function
        self.signature = signature
        self._run: Callable[..., Any] | None = None
        self._code: MachineCode | None = None
        self._dispatcher: Any = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the compiled kernel."""
        return (self._run or self.compiled)(*arguments)

    @property
    def compiled(self) -> Callable[..., Any]:
        """The compiled function; it raises TypeError for arguments of other types than those of the signature."""
        return self.machine_code.run

    @property
    def machine_code(self) -> MachineCode:
        """Its machine code, and where that is from."""
        if self._code is None:
            from segtool.runtime.machine_code import load_code, save_code

            with _lock:
                if self._code is None:
                    code = load_code(self.interpreted, self.signature)
                    if code is None:
                        code = save_code(self.interpreted, self.signature, self.dispatcher)
                        if code.folder is None and not code.reason:
                            _warn()
                    self._code, self._run = code, code.run
        return self._code

    @property
    def dispatcher(self) -> Any:
        """The kernel compiled by numba, which other kernels are linked with."""
        from segtool.runtime.numba_compiler import compile_kernel

        with _lock:
            if self._dispatcher is None:
                while _announce:
                    _announce.pop()()
                self._dispatcher = compile_kernel(self.interpreted, self.signature)
            return self._dispatcher

    @property
    def _numba_type_(self) -> Any:
        """Type that numba gives it inside another kernel."""
        from numba import types

        return types.Dispatcher(self.dispatcher)


def kernel(signature: str) -> Callable[[Callable[..., Any]], LazyKernel]:
    """Make a kernel of a function, for one signature.

    Parameters
    ----------
    signature : str
        ``"i8(u2[const], f8[], i8)"``: kind (``i``, ``u``, ``f``, ``b``) and size in bytes of the result and of each
        argument; ``[]`` is a one-dimensional contiguous array, ``[const]`` one that is only read and may be a
        read-only memory map; ``b1`` is a bool, ``void(...)`` returns nothing, ``(i8,b1)(...)`` a tuple. With
        ``" locked"`` behind it, the kernel keeps Python's lock, and may take objects (``o``), of which it gets the
        addresses, and return one. A kernel becomes a part of those that call it, except with ``" apart"`` behind.
    """
    return lambda function: LazyKernel(function, signature)


def all_kernels() -> list[LazyKernel]:
    """Import all modules of the package but the integrations, and list their kernels by module and place in it."""
    import importlib
    import pkgutil

    import segtool

    found = pkgutil.walk_packages(segtool.__path__, "segtool.")
    # Integrations import other libraries.
    names = sorted(
        each.name
        for each in found
        if not each.ispkg and each.name != "segtool.__main__" and not each.name.startswith("segtool.integrations.")
    )
    modules = [importlib.import_module(name) for name in names]
    return [
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, LazyKernel) and each.interpreted.__module__ == module.__name__
    ]

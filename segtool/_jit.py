"""How kernels are compiled: lazily, once, into a cache that may live in two places.

A kernel is a module-level function on plain one-dimensional arrays and scalars. Training modules
decorate theirs with :func:`kernel` (they are imported only when something is trained). The few
kernels that cutting needs are wrapped in :class:`LazyKernel`: the same source runs uncompiled for a
short text, so that numba is not even imported, and compiled for a long one.

numba keeps compiled code beside the package, or in the user's cache folder when the package is
read-only; where neither can be written the kernels are compiled for this process only.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["LazyKernel", "kernel", "on_first_compile"]

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
            logger.warning("no folder for compiled kernels can be written: set NUMBA_CACHE_DIR to one that can")
            compiled = numba.njit([returned(*types)], nogil=True)(function)
        return compiled


def kernel(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function at once for one signature.

    Parameters
    ----------
    signature : str
        ``"i8(u2[const], f8[], i8)"``: kind and size in bytes; ``[]`` is a one-dimensional contiguous
        array, ``[const]`` one that is only read and may be a read-only memory map; ``b1`` is a bool,
        ``(i8,b1)(...)`` returns a tuple.
    """
    return lambda function: _compile(function, signature)


class LazyKernel:
    """A kernel that can run as plain Python before numba is there.

    Attributes
    ----------
    interpreted : callable
        The function as written; arrays may be lists, bytes or memoryviews.
    compiled : callable
        The same function compiled; the first access imports numba.
    """

    def __init__(self, function: Callable[..., Any], signature: str) -> None:
        self.interpreted = function
        self._signature = signature
        self._compiled: Callable[..., Any] | None = None

    @property
    def compiled(self) -> Callable[..., Any]:
        if self._compiled is None:
            with _lock:
                if self._compiled is None:
                    self._compiled = _compile_or_link(self.interpreted, self._signature)
        return self._compiled


def _compile_or_link(function: Callable[..., Any], signature: str) -> Callable[..., Any]:
    from segtool._kept import keep, kept

    linked = kept(function, signature)
    if linked is None:
        compiled = _compile(function, signature)
        linked = keep(function, signature, compiled) or compiled
    return linked

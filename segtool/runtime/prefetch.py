"""Prefetching for kernels that read large tables in random order.

Such kernels wait for memory most of the time. Prefetching many addresses before reading them lets the cache misses
overlap.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["Intrinsic", "prefetch"]


class Intrinsic:
    """An intrinsic of numba, made when numba compiles a kernel that calls it; loaded machine code needs no numba."""

    def __init__(self, define: Callable[..., Any]) -> None:
        functools.update_wrapper(self, define)

    def __call__(self, *arguments: Any) -> Any:
        """Do nothing: plain Python is too slow to wait for memory, and has no addresses."""

    @functools.cached_property
    def _numba_type_(self) -> Any:
        from numba.core.registry import cpu_target
        from numba.extending import intrinsic

        made, context = intrinsic(self.__wrapped__), cpu_target.typing_context  # type: ignore[attr-defined]
        context.refresh()
        return context.resolve_value_type(made)


@Intrinsic
def prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Fetch ``array[index]`` into the cache, for kernels; it changes no result."""
    from llvmlite import ir
    from numba.core import types

    byte, word = ir.IntType(8), ir.IntType(32)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), byte.as_pointer())
        hint = ir.FunctionType(ir.VoidType(), [place.type, word, word, word])
        call = builder.module.declare_intrinsic("llvm.prefetch", [place.type], hint)
        builder.call(call, [place, word(0), word(3), word(1)])  # read access, keep in all cache levels, data cache
        return context.get_dummy_value()

    return types.void(array, types.int64), emit

"""A hint to the processor, for kernels that read large tables in no order: fetch this, it is needed soon.

Such kernels wait for memory most of the time. Who first says of many places that they are needed, and then reads them,
waits for all of them at once.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

__all__ = ["prefetch"]

BYTE, WORD = ir.IntType(8), ir.IntType(32)


@intrinsic
def prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Ask for ``array[index]``; only kernels can call this. Nothing but time depends on it."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), BYTE.as_pointer())
        hint = ir.FunctionType(ir.VoidType(), [place.type, WORD, WORD, WORD])
        call = builder.module.declare_intrinsic("llvm.prefetch", [place.type], hint)
        builder.call(call, [place, WORD(0), WORD(3), WORD(1)])  # to read, to be kept, data
        return context.get_dummy_value()

    return types.void(array, types.int64), emit

"""Object files of kernels that run without numba.

numba compiles the kernel and an *entry* that Python can call as a built-in function (``METH_FASTCALL``). The entry
checks the arguments, reads the addresses of arrays from numpy's own structures, releases Python's lock while the kernel
runs, and makes Python objects of the results. It uses only Python's C interface, so LLVM alone can link the object file
into a later process (:mod:`segtool.runtime.machine_code`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from segtool.runtime.numba_compiler import LOCKED, OBJECT, argument_types, result_type

__all__ = ["ENTRY", "object_code"]

ENTRY = "segtool.entry"
"""Name of the entry in the object file."""

_HEAD = object.__basicsize__  # of every Python object; the fields of numpy's structures follow
_DATA, _NDIM, _SHAPE, _DTYPE, _FLAGS = _HEAD, _HEAD + 8, _HEAD + 16, _HEAD + 40, _HEAD + 48  # of an array
_BYTE_ORDER, _KIND_NUMBER = _HEAD + 10, _HEAD + 12  # of a dtype
_ALLOCATES = ("NRT_Allocate", "NRT_MemInfo_alloc", "NRT_MemInfo_new")
_CONTIGUOUS, _ALIGNED, _WRITEABLE = 0x1, 0x100, 0x400


def object_code(compiled: Any, function: Callable[..., Any], signature: str) -> bytes:
    """Make the object file of a kernel and its entry.

    Parameters
    ----------
    compiled : numba dispatcher
        Compiled for one signature: contiguous one-dimensional arrays, signed integers, unsigned ones below 64 bits,
        floats and bools.
    function : callable
        The kernel as written.
    signature : str
        See :func:`segtool.runtime.kernels.kernel`.

    Raises
    ------
    ValueError
        If the kernel cannot run without numba: it allocates, or has another signature.
    Exception
        Any other, from a version of numba or numpy that works in another way.
    """
    from llvmlite import ir
    from numba.core import types
    from numba.core.compiler_lock import global_compiler_lock

    _check_layout()
    [result] = compiled.overloads.values()
    described = result.fndesc
    if result.library.has_dynamic_globals:
        raise ValueError("the kernel holds addresses of this process")
    declared = result.library._get_module_for_linking().functions
    if any(each.is_declaration and each.name.startswith(_ALLOCATES) for each in declared):
        raise ValueError("the kernel allocates")
    # a code generator of its own keeps the symbols of the entry out of numba's
    codegen = type(result.target_context.codegen())(ENTRY)
    library = codegen.create_library(ENTRY)
    library.enable_object_caching()
    module = library.create_ir_module(ENTRY)

    byte = ir.IntType(8)
    pointer, size = byte.as_pointer(), ir.IntType(64)
    entry = ir.Function(module, ir.FunctionType(pointer, [pointer, pointer.as_pointer(), size]), ENTRY)
    builder = ir.IRBuilder(entry.append_basic_block())
    make = _Entry(builder, result.target_context, entry.args[0], function.__name__.removeprefix("_"))
    expected = len(described.argtypes)
    make.fail_if(builder.icmp_signed("!=", entry.args[2], size(expected)), f"{expected} arguments expected")
    arguments = []
    for i, (kind, name) in enumerate(zip(described.argtypes, function.__code__.co_varnames, strict=False)):
        value = builder.load(builder.gep(entry.args[1], [size(i)]))
        if argument_types(signature)[i] == OBJECT:
            arguments.append(builder.ptrtoint(value, size))
        elif isinstance(kind, types.Array):
            arguments.append(make.array(value, kind, name))
        else:
            arguments.append(make.scalar(value, kind))
    make.call(module, described, arguments, signature)

    # numba's code calls this to free an array that owns memory; no array here does
    unused = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer]), "NRT_MemInfo_call_dtor")
    ir.IRBuilder(unused.append_basic_block()).ret_void()
    with global_compiler_lock:
        library.add_ir_module(module)
        library.add_linking_library(result.library)
        library.finalize()
    return bytes(library._get_compiled_object())


class _Entry:
    """Writes the code of an entry."""

    def __init__(self, builder: Any, context: Any, array_type: Any, name: str) -> None:
        from llvmlite import ir
        from numba.core.cgutils import get_or_insert_function

        self._builder, self._context, self._array_type, self._name = builder, context, array_type, name
        self._api = context.get_python_api(builder)
        pointer = array_type.type
        self._is_instance = get_or_insert_function(
            builder.module, ir.FunctionType(ir.IntType(32), [pointer, pointer]), "PyObject_IsInstance"
        )

    def fail_if(self, condition: Any, why: str = "", error: str = "PyExc_TypeError") -> None:
        """Write code that raises an error under a condition; without a reason, one is set already."""
        from numba.core.cgutils import get_null_value

        with self._builder.if_then(condition, likely=False):
            if why:
                self._api.err_set_string(error, f"{self._name}(): {why}")
            self._builder.ret(get_null_value(self._array_type.type))

    def scalar(self, value: Any, kind: Any) -> Any:
        """Write code that converts an argument to a number."""
        from llvmlite import ir
        from numba.core import cgutils, types

        builder, api = self._builder, self._api
        if kind == types.boolean:
            number = builder.trunc(api.object_istrue(value), ir.IntType(1))
        elif isinstance(kind, types.Float):
            number = api.float_as_double(value)
            number = number if kind.bitwidth == 64 else builder.fptrunc(number, ir.FloatType())
        elif isinstance(kind, types.Integer) and (kind.signed or kind.bitwidth < 64):
            number = api.long_as_longlong(value)
            number = number if kind.bitwidth == 64 else builder.trunc(number, ir.IntType(kind.bitwidth))
        else:
            raise ValueError(f"an entry takes no {kind}")
        self.fail_if(cgutils.is_not_null(builder, api.err_occurred()))
        return number

    def array(self, value: Any, kind: Any, name: str) -> Any:
        """Write code that checks an argument and makes a numba array of it, which does not own its memory."""
        from llvmlite import ir
        from numba.core import types
        from numba.np.arrayobj import populate_array
        from numba.np.numpy_support import as_dtype

        builder, context = self._builder, self._context
        byte, short, long = ir.IntType(8), ir.IntType(32), ir.IntType(64)

        def field(owner: Any, offset: int, of: Any) -> Any:
            return builder.load(builder.bitcast(builder.gep(owner, [long(offset)]), of.as_pointer()))

        dtype = as_dtype(kind.dtype)
        why = f"{name} must be a contiguous one-dimensional array of {dtype}" + ", not read-only" * kind.mutable
        is_array = builder.call(self._is_instance, (value, self._array_type))
        self.fail_if(builder.icmp_signed("!=", is_array, is_array.type(1)), why)
        wanted = _CONTIGUOUS | _ALIGNED | (_WRITEABLE if kind.mutable else 0)
        flags = builder.and_(field(value, _FLAGS, short), short(wanted))
        description = field(value, _DTYPE, byte.as_pointer())
        order = field(description, _BYTE_ORDER, byte)
        number = field(description, _KIND_NUMBER, short)
        is_kind = ir.IntType(1)(0)
        for each in _numbers(dtype):
            is_kind = builder.or_(is_kind, builder.icmp_signed("==", number, short(each)))
        native = [builder.icmp_signed("==", order, byte(ord(sign))) for sign in "=|"]
        fits = builder.and_(
            builder.and_(is_kind, builder.or_(*native)),
            builder.and_(
                builder.icmp_signed("==", flags, short(wanted)),
                builder.icmp_signed("==", field(value, _NDIM, short), short(1)),
            ),
        )
        self.fail_if(builder.not_(fits), why)
        array = context.make_array(kind)(context, builder)
        item_size = context.get_constant(types.intp, dtype.itemsize)
        populate_array(
            array,
            data=builder.bitcast(field(value, _DATA, byte.as_pointer()), array.data.type),
            shape=[builder.load(field(value, _SHAPE, long.as_pointer()))],
            strides=[item_size],
            itemsize=item_size,
            meminfo=None,
        )
        return array._getvalue()

    def call(self, module: Any, described: Any, arguments: list[Any], signature: str) -> None:
        """Write code that calls the kernel, perhaps without Python's lock, and returns its result."""
        from numba.core import cgutils

        builder, context, api = self._builder, self._context, self._api
        unlocked = not signature.endswith(LOCKED)
        kernel = context.declare_function(module, described)
        state = api.save_thread() if unlocked else None
        status, result = context.call_conv.call_function(
            builder, kernel, described.restype, described.argtypes, arguments
        )
        if unlocked:
            api.restore_thread(state)
        else:
            self.fail_if(cgutils.is_not_null(builder, api.err_occurred()))
        self.fail_if(status.is_error, "the kernel failed", "PyExc_ArithmeticError")
        if result_type(signature) == OBJECT:
            builder.ret(builder.inttoptr(result, self._array_type.type))
        else:
            builder.ret(api.from_native_value(described.restype, result))


def _check_layout() -> None:
    """Check that numpy's structures have the layout that the entry expects."""
    sample = np.zeros(3, np.uint16)

    def field(owner: object, offset: int, kind: Any) -> Any:
        return kind.from_address(id(owner) + offset).value

    found = [
        field(sample, _DATA, ctypes.c_void_p),
        field(sample, _NDIM, ctypes.c_int),
        ctypes.c_ssize_t.from_address(field(sample, _SHAPE, ctypes.c_void_p)).value,
        field(sample, _DTYPE, ctypes.c_void_p),
        field(sample, _FLAGS, ctypes.c_int) & (_CONTIGUOUS | _ALIGNED | _WRITEABLE),
        field(sample.dtype, _BYTE_ORDER, ctypes.c_char),
        field(sample.dtype, _KIND_NUMBER, ctypes.c_int),
    ]
    address, _ = sample.__array_interface__["data"]
    wanted = [address, 1, 3, id(sample.dtype), _CONTIGUOUS | _ALIGNED | _WRITEABLE, b"=", sample.dtype.num]
    if found != wanted:
        raise ValueError("numpy's structures have another layout")


def _numbers(dtype: np.dtype[Any]) -> list[int]:
    """Type numbers of a dtype; long and long long, say, are two of the same size."""
    same = [np.dtype(letter) for letter in "?bBhHiIlLqQfd"]
    return sorted({each.num for each in same if (each.kind, each.itemsize) == (dtype.kind, dtype.itemsize)})

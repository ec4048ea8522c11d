"""Python's own objects in kernels that keep its lock: strings and lists, given by their addresses (``id``)."""

from __future__ import annotations

from typing import Any

from segtool.runtime.prefetch import Intrinsic

__all__ = ["append_slice", "append_token", "item_of", "utf8_of"]

_HASH_END = 32
"""Bytes before the items of a tuple that keeps its hash."""


class _Calls:
    """Writes calls of Python's C interface."""

    def __init__(self, builder: Any) -> None:
        from llvmlite import ir

        self.builder = builder
        self.pointer, self.size, self._status = (ir.IntType(8).as_pointer(), ir.IntType(64), ir.IntType(32))

    def object(self, address: Any) -> Any:
        """Make a pointer of an address."""
        return self.builder.inttoptr(address, self.pointer)

    def call(self, name: str, result: str, *arguments: Any) -> Any:
        """Call a function that returns a pointer, a size, a status or nothing."""
        from llvmlite import ir
        from numba.core.cgutils import get_or_insert_function

        returned = {"p": self.pointer, "n": self.size, "i": self._status, "v": ir.VoidType()}[result]
        kind = ir.FunctionType(returned, [each.type for each in arguments])
        return self.builder.call(get_or_insert_function(self.builder.module, kind, name), arguments)

    def append(self, items: Any, made: Any) -> None:
        """Append an object that is not needed otherwise; if it could not be made, Python has its error."""
        from numba.core.cgutils import is_not_null

        with self.builder.if_then(is_not_null(self.builder, made)):
            self.call("PyList_Append", "i", items, made)
            self.call("Py_DecRef", "v", made)


@Intrinsic
def item_of(typing_context: Any, items: Any, place: Any) -> Any:
    """Give the address of ``items[place]``, for kernels."""
    from numba.core import types

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        calls = _Calls(builder)
        item = calls.call("PyList_GetItem", "p", calls.object(arguments[0]), arguments[1])
        return builder.ptrtoint(item, calls.size)

    return types.int64(types.int64, types.int64), emit


@Intrinsic
def utf8_of(typing_context: Any, data: Any) -> Any:
    """Make an array of a bytes object, for kernels."""
    from numba.core import types

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from numba.np.arrayobj import populate_array

        calls = _Calls(builder)
        data = calls.object(arguments[0])
        array = context.make_array(signature.return_type)(context, builder)
        one = context.get_constant(types.intp, 1)
        populate_array(
            array,
            data=builder.bitcast(calls.call("PyBytes_AsString", "p", data), array.data.type),
            shape=[calls.call("PyBytes_Size", "n", data)],
            strides=[one],
            itemsize=one,
            meminfo=None,
        )
        return array._getvalue()

    return types.Array(types.uint8, 1, "C", readonly=True)(types.int64), emit


@Intrinsic
def append_slice(typing_context: Any, words: Any, text: Any, start: Any, end: Any) -> Any:
    """Do ``words.append(text[start:end])``, for kernels."""
    from numba.core import types

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        calls = _Calls(builder)
        words, text, start, end = arguments
        calls.append(calls.object(words), calls.call("PyUnicode_Substring", "p", calls.object(text), start, end))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), emit


@Intrinsic
def append_token(
    typing_context: Any, tokens: Any, kind: Any, text: Any, start: Any, end: Any, first: Any, last: Any
) -> Any:
    """Do ``tokens.append(kind((text[start:end], first, last)))`` for a subclass of tuple, for kernels.

    The collector of circular garbage, which would look at each token again and again, does not see them, as it does
    not see plain tuples of strings and numbers.
    """
    from numba.core import types

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from numba.core.cgutils import is_not_null

        calls = _Calls(builder)
        tokens, kind, text, start, end, first, last = arguments
        made = calls.call("PyType_GenericAlloc", "p", calls.object(kind), calls.size(3))
        with builder.if_then(is_not_null(builder, made)):
            calls.call("PyObject_GC_UnTrack", "v", made)
            if tuple.__basicsize__ == _HASH_END:  # from Python 3.14 on, tuples keep their hash, -1 until it is known
                at = builder.gep(made, [calls.size(_HASH_END - 8)])
                builder.store(calls.size(-1), builder.bitcast(at, calls.size.as_pointer()))
            word = calls.call("PyUnicode_Substring", "p", calls.object(text), start, end)
            for place, item in enumerate(
                (word, *(calls.call("PyLong_FromLongLong", "p", each) for each in (first, last)))
            ):
                calls.call("PyTuple_SetItem", "i", made, calls.size(place), item)
        calls.append(calls.object(tokens), made)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), emit

"""Python's own objects in kernels that keep its lock: strings, lists and tokens, given by their addresses (``id``).

Kernels read characters where Python keeps them and fill lists in place. Where that is, this module finds out when it is
imported. In a Python that keeps strings or lists in another way no state in `STRINGS` occurs, and kernels leave texts
to slower code.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

from segtool.runtime.kernels import kernel
from segtool.runtime.prefetch import Intrinsic

__all__ = [
    "COLLECTS",
    "LENGTH",
    "LIST_ITEMS",
    "STATE",
    "STATE_BITS",
    "STRINGS",
    "TUPLE_ITEMS",
    "append",
    "byte_at",
    "drop",
    "integer",
    "item_of",
    "keep",
    "new_list",
    "new_token",
    "number_at",
    "prefetch_address",
    "put_number",
    "short_at",
    "start_collector",
    "stop_collector",
    "substring",
    "utf8_of",
    "word_at",
]

LENGTH = object.__basicsize__
"""Bytes before the length of a string, a list or a tuple."""

LIST_ITEMS = LENGTH + 8
"""Bytes before the address of the items of a list."""

TUPLE_ITEMS = tuple.__basicsize__
"""Bytes before the items of a tuple."""

COLLECTS = sys.version_info < (3, 12)
"""Whether making an object may start the collector of circular garbage, and so run any code."""

_KEEPS_HASH = LENGTH + 8 < TUPLE_ITEMS  # from Python 3.14 on, tuples keep their hash, -1 until it is known


def _layout() -> tuple[int, int, tuple[tuple[int, int, int], ...]]:
    """Find out how Python keeps strings and lists; see :data:`STRINGS`."""
    samples = [("ab", 1, "latin-1"), ("\xe9\xe8", 1, "latin-1"), ("中文", 2, "utf-16"), ("𠮷𠮶", 4, "utf-32")]
    order = {"little": "-le", "big": "-be"}[sys.byteorder]
    unknown = 0, 0, ((-1, 0, 0),) * len(samples)
    if sys.implementation.name != "cpython":
        return unknown
    items = [samples]
    if ctypes.c_void_p.from_address(_number_at(id(items) + LIST_ITEMS)).value != id(samples):
        return unknown
    texts = ["".join([*sample]) for sample, *_ in samples]  # new ones, which nothing else uses
    interned = sys.intern("".join([*texts[2]]))
    places = [sys.getsizeof(text) - width * 3 for text, (_, width, _) in zip(texts, samples, strict=True)]
    for text, at, (_, width, encoding) in zip(texts, places, samples, strict=True):
        held = ctypes.string_at(id(text) + at, 2 * width)
        if _number_at(id(text) + LENGTH) != 2 or held != text.encode(encoding + order * (width > 1)):
            return unknown
    for state in range(LENGTH + 16, LENGTH + 20):
        values = [ctypes.string_at(id(text) + state, 1)[0] for text in (*texts, interned)]
        bits = 0xFF & ~(values[2] ^ values[-1])
        if len({value & bits for value in values}) == len(samples):
            kinds = zip(values, places, samples, strict=False)
            return state, bits, tuple((value & bits, at, width) for value, at, (_, width, _) in kinds)
    return unknown


def _number_at(address: int) -> int:
    return ctypes.c_ssize_t.from_address(address).value


STATE, STATE_BITS, STRINGS = _layout()
"""Bytes before the byte of a string that says how wide its characters are, and the bits of it that count. For each kind
of string the value of these, the bytes before its characters, and the bytes of a character."""


def _calling(name: str, kinds: str) -> Callable[..., Any]:
    """Write a call of Python's C interface.

    Parameters
    ----------
    name : str
        Of the function.
    kinds : str
        Of the result and of each argument: ``p`` is a pointer, of which kernels have the address, ``n`` a size, ``i`` a
        status, ``v`` nothing.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from llvmlite import ir
        from numba.core.cgutils import get_or_insert_function

        size = ir.IntType(64)
        of = {"p": ir.IntType(8).as_pointer(), "n": size, "i": ir.IntType(32), "v": ir.VoidType()}
        kind = ir.FunctionType(of[kinds[0]], [of[each] for each in kinds[1:]])
        given = [
            builder.inttoptr(each, of["p"]) if kind == "p" else each
            for kind, each in zip(kinds[1:], arguments, strict=True)
        ]
        result = builder.call(get_or_insert_function(builder.module, kind, name), given)
        if kinds[0] == "v":
            return context.get_dummy_value()
        if kinds[0] == "i":
            return builder.sext(result, size)
        return builder.ptrtoint(result, size) if kinds[0] == "p" else result

    return emit


def _defined(name: str, kinds: str) -> tuple[Any, Callable[..., Any]]:
    """Define an intrinsic that is a call; parameters of :func:`_calling`."""
    from numba.core import types

    result = types.void if kinds[0] == "v" else types.int64
    return result(*[types.int64] * (len(kinds) - 1)), _calling(name, kinds)


def _loading(bits: int) -> tuple[Any, Callable[..., Any]]:
    """Define an intrinsic that reads an unsigned number of so many bits."""
    from llvmlite import ir
    from numba.core import types

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
        number = builder.load(place, align=1)
        return number if bits == 64 else builder.zext(number, ir.IntType(64))

    return types.int64(types.int64), emit


@Intrinsic
def short_at(typing_context: Any, address: Any) -> Any:
    """Read a number of 16 bits, for kernels."""
    return _loading(16)


@Intrinsic
def word_at(typing_context: Any, address: Any) -> Any:
    """Read a number of 32 bits, for kernels."""
    return _loading(32)


@Intrinsic
def number_at(typing_context: Any, address: Any) -> Any:
    """Read a number of 64 bits, for kernels."""
    return _loading(64)


@Intrinsic
def byte_at(typing_context: Any, address: Any) -> Any:
    """Read a byte, for kernels."""
    return _loading(8)


@Intrinsic
def prefetch_address(typing_context: Any, address: Any) -> Any:
    """As :func:`segtool.runtime.prefetch.prefetch`, by an address."""
    from llvmlite import ir
    from numba.core import types

    word = ir.IntType(32)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        hint = ir.FunctionType(ir.VoidType(), [place.type, word, word, word])
        call = builder.module.declare_intrinsic("llvm.prefetch", [place.type], hint)
        builder.call(call, [place, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(types.int64), emit


@Intrinsic
def put_number(typing_context: Any, address: Any, number: Any) -> Any:
    """Write a number of 64 bits, for kernels."""
    from numba.core import types

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], builder.inttoptr(arguments[0], arguments[1].type.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


@Intrinsic
def item_of(typing_context: Any, items: Any, place: Any) -> Any:
    """Give the address of ``items[place]``, for kernels."""
    return _defined("PyList_GetItem", "ppn")


@Intrinsic
def utf8_of(typing_context: Any, data: Any) -> Any:
    """Make an array of a bytes object, for kernels."""
    from numba.core import types

    start, size = _calling("PyBytes_AsString", "pp"), _calling("PyBytes_Size", "np")

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from numba.np.arrayobj import populate_array

        array = context.make_array(signature.return_type)(context, builder)
        one = context.get_constant(types.intp, 1)
        populate_array(
            array,
            data=builder.inttoptr(start(context, builder, signature, arguments), array.data.type),
            shape=[size(context, builder, signature, arguments)],
            strides=[one],
            itemsize=one,
            meminfo=None,
        )
        return array._getvalue()

    return types.Array(types.uint8, 1, "C", readonly=True)(types.int64), emit


@Intrinsic
def substring(typing_context: Any, text: Any, start: Any, end: Any) -> Any:
    """Make ``text[start:end]``, for kernels; 0 if there is no memory."""
    return _defined("PyUnicode_Substring", "ppnn")


@Intrinsic
def integer(typing_context: Any, number: Any) -> Any:
    """Make an integer, for kernels; 0 if there is no memory."""
    return _defined("PyLong_FromLongLong", "pn")


@Intrinsic
def new_list(typing_context: Any, size: Any) -> Any:
    """Make a list whose items are to be put, for kernels; 0 if there is no memory."""
    return _defined("PyList_New", "pn")


@Intrinsic
def _new_variable(typing_context: Any, kind: Any, size: Any) -> Any:
    return _defined("_PyObject_GC_NewVar", "ppn")


@Intrinsic
def append(typing_context: Any, items: Any, item: Any) -> Any:
    """Do ``items.append(item)``, for kernels."""
    return _defined("PyList_Append", "ipp")


@Intrinsic
def keep(typing_context: Any, item: Any) -> Any:
    """Count one more owner of an object, for kernels."""
    return _defined("Py_IncRef", "vp")


@Intrinsic
def drop(typing_context: Any, item: Any) -> Any:
    """Count one owner less of an object, for kernels."""
    return _defined("Py_DecRef", "vp")


@Intrinsic
def stop_collector(typing_context: Any) -> Any:
    """Stop the collector of circular garbage, for kernels; give whether it ran."""
    return _defined("PyGC_Disable", "i")


@Intrinsic
def start_collector(typing_context: Any) -> Any:
    """Start it again, for kernels."""
    return _defined("PyGC_Enable", "i")


@kernel("i8(i8, i8, i8, i8) locked")
def new_token(kind, word, first, last):  # type: ignore[no-untyped-def]
    """Make ``kind((word, first, last))`` for a subclass of tuple; 0 if there is no memory.

    The collector of circular garbage, which would look at each token again and again, does not see them, as it does not
    see plain tuples of strings and numbers. The token owns the word.
    """
    token = _new_variable(kind, 3)
    if token == 0:
        drop(word)
        return token
    if _KEEPS_HASH:
        put_number(token + TUPLE_ITEMS - 8, -1)
    put_number(token + TUPLE_ITEMS, word)
    put_number(token + TUPLE_ITEMS + 8, integer(first))
    put_number(token + TUPLE_ITEMS + 16, integer(last))
    return token

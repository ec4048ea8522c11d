"""Compiling kernels with numba; nothing else in the package calls its compiler."""

from __future__ import annotations

import ctypes
import pickle
import re
from collections.abc import Callable
from typing import Any

__all__ = [
    "APART",
    "LOCKED",
    "OBJECT",
    "argument_types",
    "compile_kernel",
    "deserialise",
    "result_type",
    "serialise",
    "taking_objects",
]

LOCKED = " locked"
"""End of the signature of a kernel that keeps Python's lock, as it uses Python's objects."""

APART = " apart"
"""End of the signature of a long kernel that the kernels which call it share; others become a part of each caller, so
that the compiler sees what it is given."""

OBJECT = "o"
"""Type of an argument that is any object: the kernel gets its address; or of a result, whose address the kernel gives
with an owner counted for it, or 0 with Python's error set."""


def argument_types(signature: str) -> list[str]:
    """Types of the arguments in a signature (:func:`segtool.runtime.kernels.kernel`)."""
    return [part.strip() for part in _halves(signature)[1].split(",")]


def result_type(signature: str) -> str:
    """Type of the result in a signature."""
    return _halves(signature)[0]


def compile_kernel(function: Callable[..., Any], signature: str) -> Any:
    """Compile a function for one signature (:func:`segtool.runtime.kernels.kernel`), and return numba's dispatcher.

    numba's cache is not used: it knows the file of the function alone, and would return old code after an edit of a
    constant or a function in another file.
    """
    import numba

    unlocked = not signature.endswith(LOCKED)
    result = result_type(signature)
    types = [_type(part) for part in argument_types(signature)]
    if result == "void":
        returned = numba.types.void
    elif result.startswith("("):
        returned = numba.types.Tuple([_type(part) for part in result.strip("()").split(",")])
    else:
        returned = _type(result)
    inlined = not signature.endswith(APART)
    return numba.njit([returned(*types)], nogil=unlocked, forceinline=inlined)(function)


def taking_objects(dispatcher: Any, signature: str) -> Any:
    """Make a function that gives numba's dispatcher the addresses of objects, if the kernel takes any."""
    objects = [i for i, kind in enumerate(argument_types(signature)) if kind == OBJECT]
    if not objects:
        return dispatcher

    def run(*arguments: Any) -> Any:
        given = list(arguments)
        for i in objects:
            given[i] = id(given[i])
        result = dispatcher(*given)
        if result_type(signature) != OBJECT:
            return result
        made = ctypes.cast(result, ctypes.py_object).value
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(made))
        return made

    return run


def serialise(dispatcher: Any) -> bytes:
    """Pack the machine code of a compiled kernel, if it holds no addresses of this process."""
    from numba.core.serialize import dumps

    [compiled] = dispatcher.overloads.values()
    if compiled.library.has_dynamic_globals:
        raise ValueError("its code holds addresses of this process")
    return dumps(compiled._reduce())


def deserialise(function: Callable[..., Any], signature: str, data: bytes) -> Any:
    """Make a dispatcher of a function and its machine code from :func:`serialise`, a pickle of trusted origin."""
    import numba
    from numba.core.compiler import CompileResult

    dispatcher = numba.njit(nogil=not signature.endswith(LOCKED))(function)
    context = dispatcher.targetctx
    context.refresh()
    compiled = CompileResult._rebuild(context, *pickle.loads(data))
    context.insert_user_function(compiled.entry_point, compiled.fndesc, [compiled.library])
    dispatcher.add_overload(compiled)
    dispatcher.disable_compile()
    return dispatcher


def _halves(signature: str) -> list[str]:
    """Result and arguments of a signature."""
    return signature.removesuffix(APART).removesuffix(LOCKED).removesuffix(")").rsplit("(", 1)


def _type(text: str) -> Any:
    from numba import types

    if text.strip() == OBJECT:
        return types.int64
    kinds = {"b": "bool", "i": "int", "u": "uint", "f": "float"}
    found = re.fullmatch(r"([biuf])(\d)(\[(const)?\])?", text.strip())
    if found is None:
        raise ValueError(f"not a kernel type: {text!r}")
    name = kinds[found[1]]
    scalar = types.boolean if name == "bool" else getattr(types, f"{name}{8 * int(found[2])}", None)
    if scalar is None:
        raise ValueError(f"not a kernel type: {text!r}")
    return types.Array(scalar, 1, "C", readonly=bool(found[4])) if found[3] else scalar

"""Machine code of kernels in files: later processes load it without importing numba.

Importing numba and loading its cache takes a third of a second; LLVM alone (``llvmlite.binding``) links an object file
in a millisecond. A file holds a SHA-256 digest, then the object code of one kernel with its entry
(:mod:`segtool.runtime.machine_entry`). The digest covers that code and everything that it was made from: the bytecode
and signature of the kernel and of all kernels and functions that it calls, the constants that they name, in whatever
module, the versions of Python, numpy, numba, llvmlite and segtool, the ``NUMBA_`` settings and the processor. If one
of these differs, or a file is damaged or untrusted (:mod:`segtool.runtime.cache_folder`), the kernel is compiled anew.

Some kernels cannot run without numba: those that allocate, and all where object files are not ELF (macOS, Windows).
Their files hold what numba itself would cache, behind the same digest.
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import hashlib
import logging
import os
import struct
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from segtool import __version__
from segtool.runtime.cache_folder import VARIABLE, cache_folders, read_trusted, write_trusted
from segtool.runtime.machine_entry import ENTRY, object_code
from segtool.runtime.numba_compiler import deserialise, serialise, taking_objects

__all__ = ["MachineCode", "load_code", "save_code"]

logger = logging.getLogger("segtool")

_DIGEST_SIZE = 32
_ELF = b"\x7fELF"
_MAKERS = ("machine_entry.py", "numba_compiler.py")
"""Modules that decide how code is made."""
_METH_FASTCALL = 0x80
_NEEDS_NUMBA = ("NRT_", "numba_")
"""How the names of numba's own functions begin, which a process without numba lacks."""
_PACKAGES = {"builtins", "numpy", "numba", "llvmlite"}
"""Modules whose versions the digest covers, so that it need not look into them; so are those of Python itself."""
_NAMED = (FunctionType, BuiltinFunctionType, ModuleType, type)
_SCALARS = (bool, int, float, complex, str, bytes, type(None), type(...), range, slice)


class MachineCode(NamedTuple):
    """A compiled kernel: a built-in function or numba's dispatcher, and where it is from.

    Attributes
    ----------
    folder : Path or None
        Where its file is; None if it is in memory only.
    is_new : bool
        Whether this process compiled it.
    reason : str
        Why no file can hold it, where that is so.
    """

    run: Callable[..., Any]
    folder: Path | None
    is_new: bool
    reason: str = ""


def load_code(function: Callable[..., Any], signature: str) -> MachineCode | None:
    """Load a kernel from its file; None if no file fits."""
    for folder in cache_folders():
        try:
            data = read_trusted(folder / _file_name(function))
            code = data[_DIGEST_SIZE:]
            if _digest(function, signature, code) != data[:_DIGEST_SIZE]:
                raise ValueError("made from other source, for another system, or damaged")
            if code.startswith(_ELF):
                run = _link(function, code)
            else:
                run = taking_objects(deserialise(function, signature, code), signature)
            return MachineCode(run, folder, is_new=False)
        except FileNotFoundError:
            continue
        except Exception as error:  # whatever is wrong with a file, compiling is the answer
            logger.debug("%s: machine code in %s is not used: %s", _name(function), folder, error)
    return None


def save_code(function: Callable[..., Any], signature: str, dispatcher: Any) -> MachineCode:
    """Write the machine code of a kernel that numba has compiled into the cache folder.

    The result runs as that of :func:`load_code` will; where no file can hold the code, it is numba's dispatcher.
    """
    run = taking_objects(dispatcher, signature)
    try:
        try:
            code = object_code(dispatcher, function, signature)
            run = _link(function, code)
        except Exception as error:  # such as a version of numba that works in another way
            logger.debug("%s: needs numba to run: %s", _name(function), error)
            code = serialise(dispatcher)
        data = _digest(function, signature, code) + code
    except Exception as error:
        logger.debug("%s: machine code is not kept: %s", _name(function), error)
        return MachineCode(run, None, True, str(error))
    return MachineCode(run, write_trusted(_file_name(function), data), is_new=True)


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__name__}"


def _file_name(function: Callable[..., Any]) -> str:
    system = hashlib.sha256(_system()).hexdigest()[:12]
    return f"{_name(function).removeprefix('segtool.')}-{system}.code"


def _digest(function: Callable[..., Any], signature: str, code: bytes) -> bytes:
    summed = hashlib.sha256(_system())
    for part in (signature, *_ingredients(function)):
        summed.update(f"{len(part)}:{part}".encode())
    summed.update(code)
    return summed.digest()


@functools.cache
def _system() -> bytes:
    """Everything but the kernel that its machine code depends on."""
    import llvmlite
    from llvmlite import binding

    numba = find_spec("numba")
    if numba is None or numba.origin is None:
        raise ImportError("no numba")
    settings = sorted(
        f"{name}={value}" for name, value in os.environ.items() if name.startswith("NUMBA_") and name != VARIABLE
    )
    parts = [
        __version__,
        sys.version,
        str((object.__basicsize__, sys.byteorder)),
        np.__version__,
        llvmlite.__version__,
        binding.get_process_triple(),
        binding.get_host_cpu_name(),
        binding.get_host_cpu_features().flatten(),
        *settings,
        Path(numba.origin).with_name("_version.py").read_text(encoding="utf-8"),
        *(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _MAKERS),
    ]
    return "\0".join(parts).encode()


def _ingredients(value: Any, names: list[str] | None = None, within: tuple[Any, ...] = ()) -> Iterator[str]:
    """Yield text of everything that decides what a kernel does; raise ValueError for a thing that may change unseen.

    `names` are those in the code that names the value, which may be attributes of it; `within` are values around it.
    """
    if any(value is each for each in within):
        return
    inside = (*within, value)
    root = _root(value)
    if hasattr(value, "interpreted"):  # another kernel
        yield value.signature
        yield from _ingredients(value.interpreted, None, inside)
    elif isinstance(value, _NAMED) and (root in _PACKAGES or root in sys.stdlib_module_names):
        yield f"{root} {value!r}".partition(" at 0x")[0].partition(" from ")[0]
    elif hasattr(value, "__wrapped__"):  # an intrinsic of numba
        yield from _ingredients(value.__wrapped__, None, inside)
    elif isinstance(value, FunctionType):
        if value.__closure__:
            raise ValueError(f"{value.__qualname__} is not a function of a module")
        yield value.__name__
        yield from _ingredients((value.__defaults__, value.__kwdefaults__, value.__code__), None, inside)
        named = _names(value.__code__)
        for name in named:
            if name in value.__globals__:
                yield name
                yield from _ingredients(value.__globals__[name], named, inside)
    elif isinstance(value, (ModuleType, type)):
        for name in names or ():
            if hasattr(value, name):
                yield f"{value.__name__}.{name}"
                yield from _ingredients(getattr(value, name), names, inside)
    elif isinstance(value, CodeType):
        yield repr((value.co_code, value.co_names, value.co_varnames, value.co_argcount, value.co_flags))
        yield from _ingredients(value.co_consts, None, inside)
    elif isinstance(value, (tuple, list, dict)):
        each = [*value.items()] if isinstance(value, dict) else [*value]
        yield f"{type(value).__name__} {len(each)}"
        for item in each:
            yield from _ingredients(item, names, inside)
    elif isinstance(value, frozenset):
        yield from _ingredients(sorted(value, key=repr), None, inside)
    elif isinstance(value, (np.ndarray, np.generic)):
        yield f"{value.dtype.descr} {value.shape} {value.tobytes().hex()}"
    elif isinstance(value, _SCALARS) or (root in _PACKAGES and " at 0x" not in repr(value)):
        yield f"{type(value)} {value!r}"
    else:
        raise ValueError(f"it uses {value!r}, which may change unseen")


def _root(value: Any) -> str:
    """Package that defines a module, a function or a class, or else the class of a value."""
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return (home if isinstance(home, str) else type(value).__module__).partition(".")[0]


def _names(code: CodeType) -> list[str]:
    """Names of globals and attributes in a function and in those inside it."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return [*code.co_names, *(name for each in inner for name in _names(each))]


def _undefined(code: bytes) -> list[str]:
    """Names of the symbols that an ELF object file does not define."""
    if not code.startswith(_ELF + b"\x02\x01"):
        raise ValueError("object files of this system are not 64-bit ELF")
    [table] = struct.unpack_from("<Q", code, 40)
    [count] = struct.unpack_from("<H", code, 60)
    sections = [struct.unpack_from("<IIQQQQIIQQ", code, table + 64 * i) for i in range(count)]
    names = []
    for _, kind, _, _, offset, size, strings, *_ in sections:
        if kind == 2:  # a symbol table; its first entry is empty
            for at in range(offset + 24, offset + size, 24):
                name, _, _, section = struct.unpack_from("<IBBH", code, at)
                begin = sections[strings][4] + name
                if section == 0:
                    names.append(code[begin : code.index(b"\0", begin)].decode())
    return names


class _MethodDef(ctypes.Structure):
    """Python's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def _link(function: Callable[..., Any], code: bytes) -> Callable[..., Any]:
    """Make a built-in function of object code whose digest is right."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(jit=True)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    for name in _undefined(code):
        if name.startswith("PyExc_"):
            # numba's code takes this symbol for the address of the exception itself
            binding.add_symbol(name, id(getattr(builtins, name.removeprefix("PyExc_"))))
        # LLVM would end the process over a missing symbol
        if name.startswith(_NEEDS_NUMBA) or not binding.address_of_symbol(name):
            raise ValueError(f"it needs {name}, which this process lacks")
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(ENTRY)
    if not address:
        raise ValueError("its entry is missing")
    method = _MethodDef(function.__name__.removeprefix("_").encode(), address, _METH_FASTCALL, None)
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)(
        ("PyCFunction_NewEx", ctypes.pythonapi)
    )
    built_in = make(ctypes.addressof(method), np.ndarray, function.__module__)
    # never freed: when Python ends, it may clear this module before it looks at the built-in functions once more
    ctypes.pythonapi.Py_IncRef(ctypes.py_object((engine, method)))
    return built_in

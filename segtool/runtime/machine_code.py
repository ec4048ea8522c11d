"""Machine code of kernels, kept in files that a later process runs without numba.

Importing numba and having it load what it has cached takes a third of a second; LLVM alone (``llvmlite.binding``) links
an object file in a millisecond. A file holds the object code of one kernel with its entry
(:mod:`segtool.runtime.machine_entry`) behind a digest of it and of all that it depends on: the code of the kernel and
the constants that it uses, its signature, the versions of Python, numpy, numba, llvmlite and segtool, and the
processor. What does not fit, is damaged or needs a symbol that the process lacks is never run: numba then does what
it always did.

The files lie where numba has its own: in the folder that ``NUMBA_CACHE_DIR`` names, else beside the package, or in the
user's cache folder where that is read-only.
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from segtool.runtime.machine_entry import ENTRY, object_code

__all__ = ["folders", "home", "keep", "kept"]

_DIGEST_SIZE = 32
_METH_FASTCALL = 0x80
_OURS = ("NRT_", "numba_")
"""What numba calls its own functions, which a process without numba lacks."""

_alive: list[Any] = []
"""Engines and method tables, which must live as long as the functions that they hold."""


def folders(module: str = "segtool") -> list[Path]:
    """Where the kept code of a module may lie, the best place first; numba's cache is there, too.

    Parameters
    ----------
    module : str
        Its name.

    Returns
    -------
    list of Path
        Empty if the module has no file.
    """
    import hashlib

    package = module.partition(".")[0]
    file = getattr(sys.modules.get(package if package == "segtool" else module), "__file__", None)
    if file is None:
        return []
    home = Path(file).absolute().parent
    own = f"{home.name}_{hashlib.sha1(str(home).encode(), usedforsecurity=False).hexdigest()}"
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return [Path(given) / own]
    places = [home / "__pycache__"]
    with suppress(RuntimeError):  # no home
        caches = os.environ.get("XDG_CACHE_HOME")
        places.append((Path(caches) if caches else Path.home() / ".cache") / "numba" / own)
    return places


def kept(function: Callable[..., Any], signature: str) -> Callable[..., Any] | None:
    """Compiled kernel out of its file.

    Parameters
    ----------
    function : callable
        The kernel as written.
    signature : str

    Returns
    -------
    callable or None
        None if there is none that fits.
    """
    for folder in folders(function.__module__):
        try:
            data = (folder / _file_name(function)).read_bytes()
            digest, code = data[:_DIGEST_SIZE], data[_DIGEST_SIZE:]
            if _digest(function, signature, code) == digest:
                return _link(function, code)
        except Exception:  # whatever it is, numba does without
            continue
    return None


def keep(function: Callable[..., Any], signature: str, compiled: Any) -> Callable[..., Any] | None:
    """Keep a kernel that numba has compiled, if that can be done.

    Parameters
    ----------
    function : callable
        The kernel as written.
    signature : str
    compiled : numba dispatcher
        The same, compiled for the signature.

    Returns
    -------
    callable or None
        What :func:`kept` will return in later processes; None if it cannot be made.
    """
    try:
        code = object_code(compiled, function)
        linked = _link(function, code)
        data = _digest(function, signature, code) + code
    except Exception:  # such as a version of numba that works in another way
        return None
    for folder in folders(function.__module__):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / _file_name(function), data)
            break
    return linked


def home(function: Callable[..., Any]) -> Path | None:
    """Folder where the code of a kernel is kept; None if nowhere."""
    return next((each for each in folders(function.__module__) if (each / _file_name(function)).is_file()), None)


def _write(path: Path, data: bytes) -> None:
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _file_name(function: Callable[..., Any]) -> str:
    import hashlib

    system = hashlib.sha256(_system()).hexdigest()[:12]
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}-{system}.code"


def _digest(function: Callable[..., Any], signature: str, code: bytes) -> bytes:
    import hashlib

    summed = hashlib.sha256(_system())
    for part in (signature, *_said(function)):
        summed.update(f"{len(part)}:{part}".encode())
    summed.update(code)
    return summed.digest()


@functools.cache
def _system() -> bytes:
    """All that machine code depends on beside the kernel."""
    from importlib.util import find_spec

    import llvmlite
    from llvmlite import binding

    from segtool import __version__

    numba = find_spec("numba")
    if numba is None or numba.origin is None:
        raise ImportError("no numba")
    settings = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.startswith("NUMBA_") and name != "NUMBA_CACHE_DIR"
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
        Path(__file__).with_name("machine_entry.py").read_text(encoding="utf-8"),
    ]
    return "\0".join(parts).encode()


def _said(value: Any, within: tuple[Any, ...] = ()) -> Iterator[str]:
    """What a function does, as text: its code, and the constants and functions that it names."""
    if isinstance(value, FunctionType):
        if value.__closure__:
            raise ValueError("a kernel is a function of a module")
        yield repr((value.__name__, value.__defaults__, value.__kwdefaults__))
        yield from _said(value.__code__)
        for name in _names(value.__code__):
            other = value.__globals__.get(name)
            other = getattr(other, "__wrapped__", other)  # another kernel, or an intrinsic of numba
            if other is not None and not any(other is each for each in (*within, value)):
                yield name
                yield from _said(other, (*within, value))
    elif isinstance(value, CodeType):
        yield repr((value.co_code, value.co_names, value.co_varnames, value.co_argcount, value.co_flags))
        for constant in value.co_consts:
            yield from _said(constant)
    elif isinstance(value, ModuleType):
        yield value.__name__
    elif isinstance(value, tuple):
        yield str(len(value))
        for each in value:
            yield from _said(each)
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype.str} {value.shape} {value.tobytes().hex()}"
    else:
        text = f"{type(value)} {value!r}"
        if " at 0x" in text:
            raise ValueError(f"a kernel that uses {text} is not kept")
        yield text


def _names(code: CodeType) -> list[str]:
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return [*code.co_names, *(name for each in inner for name in _names(each))]


def _undefined(code: bytes) -> list[str]:
    """Names that an object file takes from elsewhere.

    Raises
    ------
    ValueError
        If it is no 64-bit little-endian ELF file, of which alone that is known.
    """
    if code[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no ELF file")
    [table] = struct.unpack_from("<Q", code, 40)
    [count] = struct.unpack_from("<H", code, 60)
    sections = [struct.unpack_from("<IIQQQQIIQQ", code, table + 64 * i) for i in range(count)]
    names = []
    for _, kind, _, _, offset, size, strings, *_ in sections:
        if kind == 2:  # symbols, the first of which is none
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
    """Built-in function of object code that has been verified."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(jit=True)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    for name in _undefined(code):
        if name.startswith("PyExc_"):
            # numba's code takes the symbol for the exception itself, and has it say so in every process
            binding.add_symbol(name, id(getattr(builtins, name.removeprefix("PyExc_"))))
        # LLVM ends the process over a missing one
        if name.startswith(_OURS) or not binding.address_of_symbol(name):
            raise ValueError(f"no symbol {name}")
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(ENTRY)
    if not address:
        raise ValueError("no entry")
    method = _MethodDef(function.__name__.removeprefix("_").encode(), address, _METH_FASTCALL, None)
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)(
        ("PyCFunction_NewEx", ctypes.pythonapi)
    )
    built_in = make(ctypes.addressof(method), np.ndarray, function.__module__)
    _alive.append((engine, method))
    return built_in

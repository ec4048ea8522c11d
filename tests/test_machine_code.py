"""Machine code in files: what its digest covers, and that nothing else is ever run."""

import hashlib
import logging
import re
import struct
from importlib.util import spec_from_file_location

import numpy as np
import pytest

from segtool.runtime import machine_code
from segtool.runtime.kernels import LazyKernel, kernel
from segtool.runtime.prefetch import prefetch
from segtool.text.symbols import symbolise
from tests.helpers import python


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A cache folder of this process, with one kernel in it: its function, its signature and its file."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    lazy = LazyKernel(symbolise.interpreted, symbolise.signature)
    assert type(lazy.compiled).__name__ == "builtin_function_or_method"
    [path] = tmp_path.rglob("*.code")
    assert machine_code.load_code(lazy.interpreted, lazy.signature) is not None
    return lazy.interpreted, lazy.signature, path


# What the digest covers

LIMIT = 3


def limited(value):
    return min(value, LIMIT)


def numbered(values):
    return sum([i + LIMIT for i in range(values)])


def test_digest_covers_globals_of_every_kind(monkeypatch):
    def digest():
        return machine_code._digest(limited, "i8(i8)", b"")

    found = [digest()]
    assert digest() == found[0]
    for value in (4, True, 1.0, -0.0, 0.0, None, "4", b"4", (4,), [4], {4: 4}, range(4), np.arange(3), np.int32(4)):
        monkeypatch.setitem(globals(), "LIMIT", value)
        found.append(digest())
        assert digest() == found[-1]
    for value in (np.sqrt, np.int32, int, np, kernel("i8(i8)")(numbered), kernel("i4(i8)")(numbered), limited):
        monkeypatch.setitem(globals(), "LIMIT", value)
        found.append(digest())
        assert digest() == found[-1]
    assert len(set(found)) == len(found)


def with_closure(value):
    return lambda: value


@pytest.mark.parametrize("value", [object(), [object()], re.compile("x"), logging.getLogger("x"), with_closure(1)])
def test_globals_that_may_change_unseen_are_refused(monkeypatch, value):
    monkeypatch.setitem(globals(), "LIMIT", value)
    with pytest.raises(ValueError, match=r"may change unseen|not a function of a module"):
        machine_code._digest(limited, "i8(i8)", b"")


def test_digest_covers_what_inner_functions_name(monkeypatch):
    first = machine_code._digest(numbered, "i8(i8)", b"")
    monkeypatch.setitem(globals(), "LIMIT", 4)
    assert machine_code._digest(numbered, "i8(i8)", b"") != first


def test_digest_covers_intrinsics(monkeypatch):
    def digest():
        return machine_code._digest(prefetching, "void(i8[])", b"")

    first = digest()
    monkeypatch.setattr(prefetch, "__wrapped__", limited)
    assert digest() != first


def test_digest_leaves_out_the_folder_of_packages(monkeypatch):
    """An environment that is reached by two paths, through a link, has the same code."""
    first = machine_code._digest(widened, "i8(i8)", b"")
    monkeypatch.setattr(np, "__spec__", spec_from_file_location("numpy", "/elsewhere/numpy/__init__.py"))
    assert "elsewhere" in repr(np)
    assert machine_code._digest(widened, "i8(i8)", b"") == first


def widened(value):
    return np.int64(value)


def prefetching(values):
    prefetch(values, 0)


def test_code_is_for_one_signature_and_one_system(own, monkeypatch):
    function, signature, path = own
    assert machine_code.load_code(function, signature.replace("i4", "i8")) is None
    system = machine_code._system()
    for changed in (b"another" + system, system.replace(b"0.", b"1.")):
        monkeypatch.setattr(machine_code, "_system", lambda changed=changed: changed)
        path.with_name(machine_code._file_name(function)).write_bytes(path.read_bytes())
        assert machine_code.load_code(function, signature) is None


# Damage


def test_any_flipped_bit_is_noticed(own):
    function, signature, path = own
    data = bytearray(path.read_bytes())
    for place in range(0, len(data), 37):
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        assert machine_code.load_code(function, signature) is None
        data[place] ^= 1 << place % 8
    path.write_bytes(data)
    assert machine_code.load_code(function, signature) is not None


def test_code_for_another_system_is_not_run(own):
    """Such as one that another numba has made, or for another processor."""
    function, signature, path = own
    system = hashlib.sha256(b"another").hexdigest()[:12]
    path.rename(path.with_name(f"{path.name.partition('-')[0]}-{system}.code"))
    assert machine_code.load_code(function, signature) is None


@pytest.mark.parametrize("symbol", [b"PyLong_FromLongLong", b"PyEval_SaveThread"])
def test_missing_symbol_is_noticed_before_the_linker_does(own, symbol):
    """LLVM would end the process."""
    function, signature, path = own
    code = path.read_bytes()[32:]
    assert symbol.decode() in machine_code._undefined(code)
    code = code.replace(symbol, symbol[:-1] + b"_")
    path.write_bytes(machine_code._digest(function, signature, code) + code)
    assert machine_code.load_code(function, signature) is None


def test_other_object_files_are_left_alone(own):
    function, signature, path = own
    code = struct.pack("<I", 0xFEEDFACF) + path.read_bytes()[36:]
    path.write_bytes(machine_code._digest(function, signature, code) + code)
    assert machine_code.load_code(function, signature) is None


# What cannot be kept

ADDRESS = np.arange(1 << 18)


def addressed(place):
    return ADDRESS[place]


def with_room(size):
    return np.ones(size, np.int64).sum()


def test_kernels_that_allocate_are_kept_for_numba(own, caplog):
    with caplog.at_level(logging.DEBUG, "segtool"):
        for is_new in (True, False):
            lazy = kernel("i8(i8)")(with_room)
            assert lazy(5) == 5
            assert lazy.machine_code.is_new == is_new
            assert type(lazy.compiled).__name__ == "CPUDispatcher"
            with pytest.raises(TypeError):
                lazy(1j)
    assert "with_room: needs numba to run: the kernel allocates" in caplog.text


def test_a_kernel_that_cannot_be_kept_says_why(own, caplog):
    with caplog.at_level(logging.DEBUG, "segtool"):
        lazy = kernel("i8(i8)")(addressed)
        assert lazy(5) == 5
    assert (lazy.machine_code.folder, lazy.machine_code.is_new) == (None, True)
    assert "addressed: machine code is not kept: its code holds addresses of this process" in caplog.text
    assert [record.levelname for record in caplog.records if "addressed" in record.getMessage()] == ["DEBUG"] * 2


# The end of a process


def test_functions_outlive_the_module():
    found = python(
        """
        import gc, json
        import numpy as np
        from segtool.runtime import machine_code
        from segtool.text.symbols import class_table, symbolise
        run, table = symbolise.compiled, np.frombuffer(class_table(), np.uint8)
        codes, starts = np.zeros(3, np.int32), np.zeros(3, np.int32)
        vars(machine_code).clear()  # as Python does when it ends
        gc.collect()
        print(json.dumps(run(np.array([0x4E00, 0x31, 0x32], np.uint32), table, codes, starts)))
        """
    )
    assert found == 2

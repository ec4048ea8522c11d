"""How compiled kernels that run without numba take their arguments, raise errors and return results."""

import gc
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from segtool.decode.block import Scratch, write_words
from segtool.runtime import machine_code
from segtool.runtime.kernels import kernel
from segtool.runtime.objects import keep
from segtool.text.symbols import symbolise
from tests.helpers import TIMEOUT, environment


@pytest.fixture(scope="module")
def write():
    assert type(write_words.compiled).__name__ == "builtin_function_or_method"
    return write_words.compiled


def arguments():
    scratch = Scratch(2)
    scratch.begins[1:3], scratch.starts[1:4] = 1, [0, 3, 4]
    text, separator = (np.frombuffer(each.encode(), np.uint8).copy() for each in ("一a", " "))
    return [text, 0, 2, 0, False, separator, scratch.places, 0, np.zeros(16, np.uint8)]


def test_arguments_and_results(write):
    given = arguments()
    assert write(*given) == (5, True)
    assert given[-1][:5].tobytes().decode() == "一 a"


def test_read_only_arrays_and_memory_maps(write, tmp_path):
    given = arguments()
    given[5].flags.writeable = False
    np.save(tmp_path / "text.npy", given[0])
    given[0] = np.load(tmp_path / "text.npy", mmap_mode="r")
    assert write(*given) == (5, True)


def test_numbers_of_numpy(write):
    given = arguments()
    given[2:5] = np.int64(2), np.uint8(0), np.bool_(True)
    assert write(*given) == (6, True)


READ_ONLY = np.zeros(16, np.uint8)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, np.zeros(2, np.int8), "data must be a contiguous one-dimensional array of uint8"),
        (0, np.zeros(2, np.float32), "data must be"),
        (0, np.zeros(2, np.uint64), "data must be"),
        (0, np.zeros(4, np.uint8)[::2], "data must be"),
        (0, np.zeros((1, 2), np.uint8), "data must be"),
        (0, np.array(2, np.uint8), "data must be"),
        (0, [1, 2], "data must be"),
        (0, None, "data must be"),
        (6, np.zeros(600, np.int64), "places must be a contiguous one-dimensional array of int32"),
        (6, np.zeros(600, ">i4"), "places must be"),
        (6, np.frombuffer(bytearray(2401), np.int32, 600, 1), "places must be"),
        (8, READ_ONLY, "out must be a contiguous one-dimensional array of uint8, not read-only"),
        (2, 2.0, "float"),
        (2, "2", "str"),
        (7, None, "NoneType"),
    ],
)
def test_wrong_arguments_are_type_errors(write, place, value, message):
    given = arguments()
    given[place] = value
    with pytest.raises(TypeError, match=re.escape(message)):
        write(*given)


def test_errors_without_numba():
    """Where numba has not given LLVM the addresses of exceptions."""
    assert symbolise.compiled
    program = """
        import sys
        from segtool.text.symbols import symbolise
        try:
            symbolise.compiled(1)
        except TypeError as error:
            print(error, "numba" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert (done.returncode, done.stdout) == (0, "symbolise(): 4 arguments expected False\n"), done.stderr


def test_numbers_that_are_too_great(write):
    given = arguments()
    given[2] = 1 << 63
    with pytest.raises(OverflowError):
        write(*given)


def test_too_few_or_many_arguments(write):
    for given in ([], arguments()[:-1], [*arguments(), 1]):
        with pytest.raises(TypeError, match=r"write_words\(\): 9 arguments expected"):
            write(*given)
    with pytest.raises(TypeError, match="keyword"):
        write(*arguments()[:-1], out=READ_ONLY)


def test_calls_hold_on_to_nothing(write):
    """Counted on objects of its own: small numbers and exceptions are shared with the rest of the process."""
    given = arguments()
    given[1:4] = np.int64(0), np.int64(2), np.int64(0)
    given[7] = np.int64(0)
    own = [each for each in given if type(each).__module__ == "numpy"]
    assert len(own) == 8
    before = [sys.getrefcount(each) for each in own]
    for _ in range(1000):
        assert write(*given) == (5, True)
        try:
            write(*given[:-1], READ_ONLY)
        except TypeError:
            continue
        raise AssertionError("a read-only array was written")
    gc.collect()
    assert [sys.getrefcount(each) for each in own] == before


def divided(values, by):
    return values[0] / by, values[0] // by


def halved(values, by):
    for i in range(len(values)):
        values[i] *= by


def test_results_of_other_kinds():
    compiled = kernel("(f8,i8)(f8[const], f8)")(divided)
    assert compiled(np.array([7.0]), 2) == (3.5, 3)
    with pytest.raises(ArithmeticError):
        compiled(np.array([7.0]), 0)
    values = np.array([3, 4], np.float32)
    assert kernel("void(f4[], f4)")(halved)(values, 0.5) is None
    assert values.tolist() == [1.5, 2]


def ends_of(text, words, values):
    values[0], values[1] = text, words
    return values[0]


def test_objects_are_given_by_their_addresses(monkeypatch, tmp_path):
    """Also where numba itself runs the kernel."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    given = "今天", []
    for linked in (True, False):
        if not linked:
            monkeypatch.setattr(machine_code, "object_code", None)  # as where object files are of another kind
            monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "other"))
        compiled = kernel("i8(o, o, i8[]) locked")(ends_of)
        values = np.zeros(2, np.int64)
        before = [sys.getrefcount(each) for each in given]
        assert compiled(*given, values) == id(given[0])
        assert values.tolist() == list(map(id, given))
        assert [sys.getrefcount(each) for each in given] == before
        assert (type(compiled.compiled).__name__ == "builtin_function_or_method") is linked


def one_of(first, second, place):
    found = second if place else first
    keep(found)
    return found


def test_objects_are_returned(monkeypatch, tmp_path):
    """Also where numba itself runs the kernel."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    given = ["今天"], []
    for linked in (True, False):
        if not linked:
            monkeypatch.setattr(machine_code, "object_code", None)
            monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "other"))
        compiled = kernel("o(o, o, i8) locked")(one_of)
        before = [sys.getrefcount(each) for each in given]
        assert compiled(*given, 0) is given[0] and compiled(*given, 1) is given[1]
        assert [sys.getrefcount(each) for each in given] == before
        assert (type(compiled.compiled).__name__ == "builtin_function_or_method") is linked

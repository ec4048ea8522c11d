"""How compiled kernels that run without numba take their arguments, raise errors and return results."""

import gc
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from segtool.decode.viterbi import join_utf8
from segtool.runtime.kernels import kernel
from segtool.text.symbols import symbolise
from tests.helpers import TIMEOUT, environment


@pytest.fixture(scope="module")
def join():
    assert type(join_utf8.compiled).__name__ == "builtin_function_or_method"
    return join_utf8.compiled


def arguments():
    return [
        np.array([0x4E00, 0x61], np.uint32),
        np.array([0, 1], np.int32),
        np.array([1, 2], np.int32),
        2,
        2,
        np.array([0x20], np.uint8),
        False,
        np.zeros(9, np.uint8),
    ]


def test_arguments_and_results(join):
    given = arguments()
    assert join(*given) == (5, True)
    assert given[-1][:5].tobytes().decode() == "一 a"


def test_read_only_arrays_and_memory_maps(join, tmp_path):
    given = arguments()
    for array in given[:3]:
        array.flags.writeable = False
    np.save(tmp_path / "ends.npy", given[2])
    given[2] = np.load(tmp_path / "ends.npy", mmap_mode="r")
    assert join(*given) == (5, True)


def test_numbers_of_numpy(join):
    given = arguments()
    given[3:5], given[6] = [np.int64(2), np.uint8(2)], np.bool_(True)
    assert join(*given) == (6, True)


READ_ONLY = np.zeros(9, np.uint8)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, np.zeros(2, np.int32), "points must be a contiguous one-dimensional array of uint32"),
        (0, np.zeros(2, np.float32), "points must be"),
        (0, np.zeros(2, np.uint64), "points must be"),
        (0, np.zeros(2, ">u4"), "points must be"),
        (0, np.zeros(4, np.uint32)[::2], "points must be"),
        (0, np.zeros((1, 2), np.uint32), "points must be"),
        (0, np.array(2, np.uint32), "points must be"),
        (0, np.frombuffer(b"\0" * 9, np.uint32, 2, 1), "points must be"),
        (0, [1, 2], "points must be"),
        (0, None, "points must be"),
        (1, np.zeros(2, np.int64), "word_starts must be a contiguous one-dimensional array of int32"),
        (7, READ_ONLY, "out must be a contiguous one-dimensional array of uint8, not read-only"),
        (3, 2.0, "float"),
        (3, "2", "str"),
        (4, None, "NoneType"),
    ],
)
def test_wrong_arguments_are_type_errors(join, place, value, message):
    given = arguments()
    given[place] = value
    with pytest.raises(TypeError, match=re.escape(message)):
        join(*given)


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


def test_numbers_that_are_too_great(join):
    given = arguments()
    given[3] = 1 << 63
    with pytest.raises(OverflowError):
        join(*given)


def test_too_few_or_many_arguments(join):
    for given in ([], arguments()[:-1], [*arguments(), 1]):
        with pytest.raises(TypeError, match=r"join_utf8\(\): 8 arguments expected"):
            join(*given)
    with pytest.raises(TypeError, match="keyword"):
        join(*arguments()[:-1], out=READ_ONLY)


def test_calls_hold_on_to_nothing(join):
    """Counted on objects of its own: small numbers and exceptions are shared with the rest of the process."""
    given = arguments()
    given[3:5] = np.int64(2), np.int64(2)
    own = [each for each in given if type(each).__module__ == "numpy"]
    assert len(own) == 7
    before = [sys.getrefcount(each) for each in own]
    for _ in range(1000):
        assert join(*given) == (5, True)
        try:
            join(*given[:-1], READ_ONLY)
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

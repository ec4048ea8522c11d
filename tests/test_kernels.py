"""When numba is loaded, when kernels are compiled, and what happens where they cannot be kept."""

import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segtool.runtime.kernels import LazyKernel, _compile, kernel

ROOT = Path(__file__).parent.parent


def python(program, **environment):
    """Run a program in a process of its own; give what it prints as JSON on its last line."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def cache(tmp_path):
    return {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}


def test_numba_is_loaded_by_compiled_only(cache):
    found = python(
        """
        import json, sys
        from segtool.decode import viterbi as decode
        from segtool.text import symbols
        codes, starts = [0] * 3, [0] * 4
        tokens = symbols.symbolise.interpreted([0x4E00, 0x31, 0x2E], symbols.class_table(), codes, starts)
        before = "numba" in sys.modules
        decode.join_utf8.compiled
        print(json.dumps([tokens, before, "numba" in sys.modules]))
        """,
        **cache,
    )
    assert found == [3, False, True]


ANNOUNCE = """
    import json
    from segtool.runtime import kernels as _jit
    from segtool.decode import viterbi as decode
    from segtool.text import symbols
    heard = []
    _jit.on_first_compile(lambda: heard.append("replaced"))
    _jit.on_first_compile(lambda: heard.append(len(heard)))
    decode.join_utf8.compiled
    symbols.symbolise.compiled
    print(json.dumps(heard))
"""


def test_first_compile_is_announced_once_and_only_when_there_is_no_cache(cache):
    assert python(ANNOUNCE, **cache) == [0]
    assert list(Path(cache["NUMBA_CACHE_DIR"]).rglob("*.nbi"))
    assert python(ANNOUNCE, **cache) == []


def test_announcement_comes_before_the_compilation(cache):
    found = python(
        """
        import json
        from segtool.runtime import kernels as _jit
        from segtool.decode import viterbi as decode
        seen = []
        _jit.on_first_compile(lambda: seen.append(decode.join_utf8._compiled is None))
        decode.join_utf8.compiled
        print(json.dumps(seen + [decode.join_utf8._compiled is None]))
        """,
        **cache,
    )
    assert found == [True, False]


JOIN = """
    import json, logging
    import numpy as np
    from segtool.decode import viterbi as decode
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    messages = []
    logging.getLogger("segtool").addFilter(lambda record: messages.append(record.getMessage()) or True)
    out = np.zeros(9, np.uint8)
    spans = [np.array(ends, np.int32) for ends in ([0, 1], [1, 2])]
    points, separator = np.array([0x4E00, 0x61], np.uint32), np.array([0x20], np.uint8)
    size, _ = decode.join_utf8.compiled(points, *spans, 2, 2, separator, False, out)
    print(json.dumps([out[:size].tobytes().decode(), messages]))
"""


def test_kernels_run_where_no_folder_can_be_written(cache):
    """The folder beside the package and the user's are read-only: temporary files cannot be made there."""
    refused = """
    import tempfile
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")
    tempfile.TemporaryFile = tempfile.mkstemp = refuse
    """
    words, messages = python(refused + JOIN, **cache)
    assert words == "一 a"
    assert len(messages) == 1
    assert "NUMBA_CACHE_DIR" in messages[0]
    assert not list(Path(cache["NUMBA_CACHE_DIR"]).rglob("*.*"))


def test_kernels_run_where_the_disk_is_full(cache):
    """The folder is there and can be written to, but not a byte more fits."""
    full = """
    import resource, segtool.decode.viterbi, numba
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    """
    assert python(full + JOIN, **cache)[0] == "一 a"


def test_cache_is_used_where_the_folder_can_be_written(cache):
    assert python(JOIN, **cache) == ["一 a", []]
    assert python(JOIN, **cache) == ["一 a", []]


def test_code_without_a_file_is_compiled_for_this_process(caplog):
    scope: dict[str, Any] = {}
    exec("def double(x):\n    return 2 * x\n", scope)
    with caplog.at_level(logging.WARNING, "segtool"):
        assert LazyKernel(scope["double"], "i8(i8)").compiled(21) == 42
    assert "NUMBA_CACHE_DIR" in caplog.text


def test_other_errors_are_not_taken_for_a_missing_cache():
    def fails(x):
        return x.nothing

    with pytest.raises(Exception, match="nothing"):
        _compile(fails, "i8(i8)")


def first_and_length(values, scale, flag):
    """A kernel with an argument and a result of several kinds."""
    if flag:
        values[0] = scale
    return values[0] * 0.5, len(values)


def test_signatures():
    compiled = _compile(first_and_length, "(f8,i8)(i4[], u2, b1)")
    values = np.array([3, 4], np.int32)
    assert compiled(values, 7, False) == (1.5, 2)
    assert compiled(values, 7, True) == (3.5, 2)
    assert values.tolist() == [7, 4]
    arguments = compiled.nopython_signatures[0].args
    assert [str(each) for each in arguments] == ["array(int32, 1d, C)", "uint16", "bool"]


def total(values):
    result = 0
    for value in values:
        result += value
    return result


def test_read_only_arrays_are_for_const_arguments():
    values = np.array([3, 4], np.int32)
    values.flags.writeable = False
    assert kernel("i8(i4[const])")(total)(values) == 7
    with pytest.raises(TypeError, match="values must be a contiguous one-dimensional array of int32"):
        kernel("i8(i4[])")(total)(values)


@pytest.mark.parametrize("values", [np.zeros(3, np.int64), np.zeros(6, np.int32)[::2], np.zeros((2, 2), np.int32)])
def test_kernels_take_one_kind_of_array_and_compile_for_no_other(values):
    compiled = kernel("i8(i4[const])")(total)
    with pytest.raises(TypeError, match="values must be a contiguous one-dimensional array of int32"):
        compiled(values)
    assert len(compiled.dispatcher.nopython_signatures) == 1


def nothing(values):
    values[0] = 1


def test_void():
    values = np.zeros(1, np.uint8)
    assert kernel("void(u1[])")(nothing)(values) is None
    assert values[0] == 1


@pytest.mark.parametrize("signature", ["i8(x4)", "i8(i4[mutable])", "int(i8)", "i8(i4[][])", "i8(i44)"])
def test_what_is_no_signature(signature):
    with pytest.raises(ValueError, match="not a kernel type"):
        _compile(total, signature)


def twice_total(values):
    return 2 * lazy_total(values)


lazy_total = kernel("i8(i4[const])")(total)


def test_kernels_call_kernels():
    values = np.array([3, 4], np.int32)
    assert kernel("i8(i4[const])")(twice_total)(values) == 14
    assert lazy_total(values) == 7


def test_kernels_are_compiled_when_they_are_first_called():
    found = python(
        """
        import json, sys
        import segtool.ngrams.count, segtool.lexicon.em, segtool.methods.tags
        print(json.dumps("llvmlite" in sys.modules))
        """
    )
    assert found is False


def test_threads_share_one_compilation():
    lazy = LazyKernel(total, "i8(i8[const])")
    found = []
    threads = [threading.Thread(target=lambda: found.append(lazy.compiled)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(map(id, found))) == 1
    assert lazy.interpreted([1, 2]) == lazy.compiled(np.array([1, 2])) == 3

"""Kernels: the time of compiling, its announcement, signatures, and the kernels of the package."""

import re
import threading
from typing import Any

import numpy as np
import pytest

from segtool.runtime.kernels import LazyKernel, all_kernels, kernel
from segtool.runtime.numba_compiler import compile_kernel
from tests.helpers import ROOT, python


@pytest.fixture
def cache(tmp_path):
    return {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}


def test_numba_is_loaded_by_compiled_only(cache):
    found = python(
        """
        import json, sys
        from segtool.decode.block import write_words
        from segtool.text import symbols
        codes, starts = [0] * 3, [0] * 4
        tokens = symbols.symbolise.interpreted([0x4E00, 0x31, 0x2E], symbols.class_table(), codes, starts)
        before = "numba" in sys.modules
        write_words.compiled
        print(json.dumps([tokens, before, "numba" in sys.modules]))
        """,
        **cache,
    )
    assert found == [3, False, True]


ANNOUNCE = """
    import json
    from segtool.runtime import kernels
    from segtool.decode.block import write_words
    from segtool.text import symbols
    heard = []
    kernels.on_first_compile(lambda: heard.append("replaced"))
    kernels.on_first_compile(lambda: heard.append(len(heard)))
    write_words.compiled
    symbols.symbolise.compiled
    print(json.dumps(heard))
"""


def test_first_compile_is_announced_once_and_only_when_there_is_no_cache(cache):
    assert python(ANNOUNCE, **cache) == [0]
    assert python(ANNOUNCE, **cache) == []


def test_announcement_comes_before_the_compilation(cache):
    found = python(
        """
        import json
        from segtool.runtime import kernels
        from segtool.decode.block import write_words
        seen = []
        kernels.on_first_compile(lambda: seen.append(write_words._code is None))
        write_words.compiled
        print(json.dumps(seen + [write_words._code is None]))
        """,
        **cache,
    )
    assert found == [True, False]


def test_code_without_a_file_is_a_kernel(cache, monkeypatch):
    monkeypatch.setenv(*cache.popitem())
    scope: dict[str, Any] = {"__name__": "typed_in"}
    exec("def double(x):\n    return 2 * x\n", scope)
    assert LazyKernel(scope["double"], "i8(i8)").compiled(21) == 42
    assert not LazyKernel(scope["double"], "i8(i8)").machine_code.is_new


def test_errors_of_the_compiler_are_raised():
    def fails(x):
        return x.nothing

    with pytest.raises(Exception, match="nothing"):
        compile_kernel(fails, "i8(i8)")


def first_and_length(values, scale, flag):
    """A kernel with an argument and a result of several kinds."""
    if flag:
        values[0] = scale
    return values[0] * 0.5, len(values)


def test_signatures():
    compiled = compile_kernel(first_and_length, "(f8,i8)(i4[], u2, b1)")
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


@pytest.mark.parametrize(
    "signature", ["i8(x4)", "i8(i4[mutable])", "int(i8)", "i8(i4[][])", "i8(i44)", "i8(i3)", "i8(f1[])"]
)
def test_what_is_no_signature(signature):
    with pytest.raises(ValueError, match="not a kernel type"):
        compile_kernel(total, signature)


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


# Kernels of the package


def test_all_kernels_are_found():
    """Found by name in the source: functions under ``@kernel`` and calls of ``LazyKernel``."""
    written = set()
    for path in (ROOT / "segtool").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        names = re.findall(r"^@kernel\([^@]*?^def (\w+)|^\w+ = LazyKernel\(\s*(\w+)", text, re.MULTILINE)
        written |= {(path.stem, one or other) for one, other in names}
    found = [(each.interpreted.__module__.rpartition(".")[2], each.interpreted.__name__) for each in all_kernels()]
    assert len(found) == len(set(found)) > 30
    assert set(found) == written


def test_kernels_take_few_arguments():
    counted = {each.interpreted.__name__: each.interpreted.__code__.co_argcount for each in all_kernels()}
    assert {name: count for name, count in counted.items() if count > 10} == {}


def test_kernels_are_found_without_the_optional_packages():
    program = """
        import json, sys
        sys.modules |= dict.fromkeys(("pyspark", "pandas", "pyarrow", "zstandard", "kenlm"))  # cannot be imported
        from segtool.runtime.kernels import all_kernels
        print(json.dumps(len(all_kernels())))
    """
    assert python(program) == len(all_kernels())

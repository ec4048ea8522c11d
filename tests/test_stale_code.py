"""Machine code in files that are stale or damaged: it is made anew."""

import importlib
import os
import re
import shutil
import sys
import textwrap

import numpy as np
import pytest

from segtool.runtime import machine_code
from tests.helpers import ROOT, python, random_text

# Stale code


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A package whose kernels use what its other modules define; gives a function that imports it anew."""
    folder = tmp_path / "site" / "own"
    folder.mkdir(parents=True)
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python compares seconds, and edits here follow each other

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] == "own"]:
            del sys.modules[name]

    def fresh():
        forget()
        importlib.invalidate_caches()
        return importlib.import_module("own.main").main

    yield folder, fresh
    forget()


MODULES = {
    "__init__": "",
    "constants": """
        from enum import IntEnum
        import numpy as np
        STEP, PAIR, DEEP = 3, (1, 2), (1, (2.5, (3,)))
        TABLE, LARGE = np.array([5, 6, 7]), np.arange(5000)
        TABLES = (np.arange(3), np.arange(4))
        RECORD = np.zeros(2, [("a", "i4"), ("b", "f8")])
        class Kinds(IntEnum):
            WORD = 4
        UNUSED = 1
    """,
    "more": """
        FACTOR = 2
    """,
    "callee": """
        from own import more
        from own.constants import LARGE
        from segtool.runtime.kernels import kernel

        @kernel("i8(i8)")
        def plain(value):
            return value * 7

        @kernel("i8(i8)")
        def inner(value):
            return plain(value) + LARGE[4000] + more.FACTOR
    """,
    "hint": """
        from llvmlite import ir
        from numba.core import types
        from numba.extending import intrinsic

        SEVEN = ir.IntType(64)(7)

        @intrinsic
        def seven(typing_context, value):
            return types.int64(types.int64), lambda context, builder, signature, arguments: SEVEN
    """,
    "main": """
        import own.constants
        from own import constants
        from own.callee import inner
        from own.constants import DEEP, PAIR, RECORD, STEP, TABLE, TABLES
        from own.hint import seven
        from segtool.runtime.kernels import kernel

        @kernel("f8(i8)")
        def main(value):
            fixed = own.constants.STEP + constants.Kinds.WORD + PAIR[1] + DEEP[1][1][0] + RECORD[1]["b"]
            return inner(value) + STEP + TABLE[2] + TABLES[1][3] + fixed + seven(value)
    """,
}


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("constants", "STEP, PAIR, DEEP = 3", "STEP, PAIR, DEEP = 4"),
        ("constants", "(1, 2)", "(1, 3)"),
        ("constants", "(3,)", "(4,)"),
        ("constants", "2.5", "2.25"),
        ("constants", "[5, 6, 7]", "[5, 6, 8]"),
        ("constants", "[5, 6, 7]", "[5.0, 6, 7]"),
        ("constants", "np.arange(5000)", "np.arange(1, 5001)"),
        ("constants", "np.arange(4)", "np.arange(4)[::-1]"),
        ("constants", '"i4"', '"i8"'),
        ("constants", "WORD = 4", "WORD = 5"),
        ("more", "FACTOR = 2", "FACTOR = 3"),
        ("callee", "LARGE[4000] +", "LARGE[4000] -"),
        ("callee", "value * 7", "value * 8"),
        ("callee", "value * 7", "value + 7"),
        ("callee", '@kernel("i8(i8)")', '@kernel("i8(i4)")'),
        ("hint", "(7)", "(8)"),
        ("hint", "lambda context, builder, signature, arguments: SEVEN", "lambda c, b, s, arguments: arguments[0]"),
    ],
)
def test_digest_covers_what_other_modules_define(modules, module, old, new):
    folder, fresh = modules

    def digest():
        main = fresh()
        return machine_code._digest(main.interpreted, main.signature, b"")

    first = digest()
    assert digest() == first
    path = folder / f"{module}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert digest() != first


def test_digest_leaves_out_what_a_kernel_does_not_use(modules):
    """Comments and other constants of the same modules: an edit of them compiles nothing."""
    folder, fresh = modules
    first = machine_code._digest(fresh().interpreted, "", b"")
    path = folder / "constants.py"
    path.write_text("# a comment\n\n" + path.read_text().replace("UNUSED = 1", "UNUSED = 2"))
    assert machine_code._digest(fresh().interpreted, "", b"") == first


RUN_OWN = """
    import json
    from own.main import main
    print(json.dumps([main(1), main.machine_code.is_new]))
"""

ON_OTHER_SYSTEMS = """
    from segtool.runtime import machine_code
    def refuse(code):
        raise ValueError("object files of this system are not 64-bit ELF")
    machine_code._undefined = refuse
"""


@pytest.mark.parametrize("system", ["", ON_OTHER_SYSTEMS], ids=["ELF", "other systems"])
def test_edits_in_another_module_take_effect(modules, tmp_path, system):
    """As after a ``git pull`` under an editable install: the file of the kernel itself is the same."""
    folder, _ = modules
    place = {"PYTHONPATH": f"{folder.parent}{os.pathsep}{ROOT}", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    place["PYTHONDONTWRITEBYTECODE"] = "1"
    program = textwrap.dedent(system + RUN_OWN)
    value = 7 + 4000 + 2 + 3 + 7 + 3 + 3 + 4 + 2 + 3 + 0 + 7
    assert python(program, **place) == [value, True]
    assert python(program, **place) == [value, False]
    constants, callee = folder / "constants.py", folder / "callee.py"
    constants.write_text(constants.read_text().replace("DEEP = 3", "DEEP = 103"))
    assert python(program, **place) == [value + 200, True]
    callee.write_text(callee.read_text().replace("* 7", "* 1007"))
    assert python(program, **place) == [value + 1200, True]
    assert python(program, **place) == [value + 1200, False]
    assert not [*tmp_path.rglob("*.nbi"), *tmp_path.rglob("*.nbc")], "numba keeps nothing"


CUT = """
    import json
    import segtool
    from segtool.segmenter import Segmenter
    segmenter, text = segtool.load({model!r}), open({text!r}, encoding="utf-8").read()
    def words(plain):
        Segmenter.interprets = staticmethod(lambda characters: plain)
        return [word for line in text.splitlines() for word in segmenter.cut(line)]
    print(json.dumps([words(True) == words(False), len(words(False))]))
"""


def test_plain_python_and_machine_code_agree_after_an_edit(tmp_path):
    """Of a constant of the decoder, in another file than the kernel that cuts by it."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "segtool", tmp_path / "segtool", ignore=ignored)
    (tmp_path / "text").write_text(random_text(6000), encoding="utf-8")
    program = CUT.format(model=str(ROOT / "segtool" / "default"), text=str(tmp_path / "text"))
    place = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    same, before = python(program, **place)
    assert same
    path = tmp_path / "segtool" / "decode" / "viterbi.py"
    edited, places = re.subn(r"(?m)^TAG_STEP = .*$", "TAG_STEP = WEIGHT_UNIT", path.read_text(encoding="utf-8"))
    assert places == 1
    path.write_text(edited, encoding="utf-8")
    same, after = python(program, **place)
    assert same
    assert after != before


# Damage

DAMAGE = {
    "random bytes": lambda path: path.write_bytes(np.random.default_rng(1).bytes(3000)),
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "a pickle behind a wrong digest": lambda path: path.write_bytes(path.read_bytes()[:32] + b"cos\nabort\n(tR."),
    "of another kernel": lambda path: path.write_bytes(path.with_name("other.code").read_bytes()),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a loop of links": lambda path: (path.unlink(), path.symlink_to(path)),
}


@pytest.mark.parametrize("what", DAMAGE)
@pytest.mark.parametrize("system", ["", ON_OTHER_SYSTEMS], ids=["ELF", "other systems"])
def test_damaged_files_are_made_anew(modules, tmp_path, what, system):
    """Files that numba itself would take, too."""
    folder, _ = modules
    place = {"PYTHONPATH": f"{folder.parent}{os.pathsep}{ROOT}", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    program = textwrap.dedent(system + RUN_OWN.replace("own.main", "own.callee").replace("main", "inner"))
    value = 7 + 4000 + 2
    assert python(program, **place) == [value, True]
    [path] = tmp_path.rglob("*.code")
    path.with_name("other.code").write_bytes(b"\0" * 32 + path.read_bytes()[32:])
    DAMAGE[what](path)
    for line in range(20):
        for ending in ("nbi", "1.nbc"):
            name = f"callee.inner-{line}.py{sys.version_info[0]}{sys.version_info[1]}.{ending}"
            path.with_name(name).write_bytes(b"\x80\x05damaged")
    assert python(program, **place) == [value, True]
    if what != "a folder":
        assert python(program, **place) == [value, False]

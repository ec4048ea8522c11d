"""What a command costs before it does anything: no compiler is loaded where kept code or plain Python will do."""

import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from segtool import load
from segtool.decode.viterbi import join_utf8
from segtool.runtime import machine_code as _kept
from segtool.runtime.kernels import LazyKernel, all_kernels, kernel
from segtool.text.symbols import symbolise
from tests.helpers import GOLD, ROOT, SAMPLE, TIMEOUT, environment, random_text, run, said, sample_model, succeed

IMPORTED = """
import atexit, sys
atexit.register(lambda: print("imported", sorted({"numba", "llvmlite"} & {*sys.modules}), file=sys.stderr))
"""


def python(program, **variables):
    """Run a program in a process of its own; give what it prints as JSON on its last line."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=environment(**variables),
        cwd=os.sep,  # the package is found by its environment alone
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """An environment in which every process tells at its end whether it has imported a compiler."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(IMPORTED)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


@pytest.fixture(scope="module")
def warm():
    """What `segtool warmup` said."""
    return said(succeed("warmup").stderr)


@pytest.fixture
def cache(warm, tmp_path, monkeypatch):
    """Another cache, with copies of all kept code, which may be damaged."""
    homes = {each.home for each in all_kernels()}
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    [folder] = _kept.folders()
    folder.mkdir()
    for path in (path for home in homes for path in home.glob("*.code")):
        shutil.copy(path, folder)
    monkeypatch.undo()
    return tmp_path


# What imports no compiler


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["cut", "--help"], ["train", "--help"], ["warmup", "--help"], ["eval", GOLD, GOLD]],
    ids=lambda arguments: " ".join(map(str, arguments[:2])),
)
def test_commands_that_need_no_kernel(watched, arguments):
    assert succeed(*arguments, env=environment(**watched)).stderr == b"imported []\n"


def test_short_line(watched):
    done = succeed("cut", input="今天天气很好\n".encode(), env=environment(**watched))
    assert done.stdout.decode() == "今天 天气 很好\n"
    assert done.stderr == b"imported []\n"


def test_load():
    program = """
        import json, sys, segtool
        words = segtool.load().cut("今天天气很好")
        print(json.dumps([words, sorted({"numba", "llvmlite"} & {*sys.modules})]))
    """
    assert python(program) == [["今天", "天气", "很好"], []]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A file that is too long for plain Python, and its words."""
    path = tmp_path_factory.mktemp("text") / "long.txt"
    path.write_text(random_text(60_000), encoding="utf-8")
    lines = [" ".join(load(sample_model()).cut(line)) for line in random_text(60_000).splitlines()]
    return path, "".join(f"{line}\n" for line in lines).encode()


def test_long_text_is_cut_by_kept_code_without_numba(watched, warm, text):
    done = succeed("cut", text[0], "-m", sample_model(), env=environment(**watched))
    assert done.stdout == text[1]
    assert said(done.stderr) == ["imported ['llvmlite']"]


# Kept code that is not what it should be


def code_files(cache):
    found = {path.name.partition("-")[0]: path for path in cache.rglob("*.code")}
    assert {"symbols._symbolise", "utf8_kernel._cut_utf8", "utf8_files._valid_utf8"} <= set(found)
    return found


DAMAGE = {
    "one bit": lambda files: damage(files, lambda data: data[:900] + bytes([data[900] ^ 1]) + data[901:]),
    "empty": lambda files: damage(files, lambda data: b""),
    "cut short": lambda files: damage(files, lambda data: data[:-100]),
    "of another kernel": lambda files: shutil.copy(files["symbols._symbolise"], files["utf8_kernel._cut_utf8"]),
    "a folder": lambda files: (files["utf8_kernel._cut_utf8"].unlink(), files["fused._cut_utf8"].mkdir()),
}


def damage(files, change):
    for path in files.values():
        path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_code_is_not_run(watched, cache, text, what):
    DAMAGE[what](code_files(cache))
    done = succeed("cut", text[0], "-m", sample_model(), env=environment(**watched, NUMBA_CACHE_DIR=str(cache)))
    assert done.stdout == text[1]
    assert said(done.stderr) == ["imported ['llvmlite', 'numba']"]
    if what != "a folder":
        done = succeed("cut", text[0], "-m", sample_model(), env=environment(**watched, NUMBA_CACHE_DIR=str(cache)))
        assert said(done.stderr) == ["imported ['llvmlite']"], "what was damaged is made anew"


def test_code_for_another_system_is_not_run(watched, cache, text):
    """Such as one that another numba has made, or for another processor: the digest does not fit."""
    system = hashlib.sha256(b"another").hexdigest()[:12]
    for path in code_files(cache).values():
        path.rename(path.with_name(f"{path.name.partition('-')[0]}-{system}.code"))
    done = succeed("cut", text[0], "-m", sample_model(), env=environment(**watched, NUMBA_CACHE_DIR=str(cache)))
    assert done.stdout == text[1]
    assert said(done.stderr) == ["imported ['llvmlite', 'numba']"]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A cache of this process, with one kernel in it: its function, its signature and its file."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    lazy = LazyKernel(symbolise.interpreted, symbolise.signature)
    assert type(lazy.compiled).__name__ == "builtin_function_or_method"
    [path] = tmp_path.rglob("*.code")
    assert _kept.kept(lazy.interpreted, lazy.signature) is not None
    return lazy.interpreted, lazy.signature, path


def test_any_flipped_bit_is_noticed(own):
    function, signature, path = own
    data = bytearray(path.read_bytes())
    for place in range(0, len(data), 37):
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        assert _kept.kept(function, signature) is None
        data[place] ^= 1 << place % 8
    path.write_bytes(data)
    assert _kept.kept(function, signature) is not None


def test_code_is_for_one_signature_and_one_system(own, monkeypatch):
    function, signature, path = own
    assert _kept.kept(function, signature.replace("i4", "i8")) is None
    for changed in (b"another" + _kept._system(), _kept._system().replace(b"0.", b"1.")):
        monkeypatch.setattr(_kept, "_system", lambda changed=changed: changed)
        path.with_name(_kept._file_name(function)).write_bytes(path.read_bytes())
        assert _kept.kept(function, signature) is None


@pytest.mark.parametrize("symbol", [b"PyLong_FromLongLong", b"PyEval_SaveThread"])
def test_missing_symbol_is_noticed_before_the_linker_does(own, symbol):
    """It would end the process."""
    function, signature, path = own
    code = path.read_bytes()[32:]
    assert symbol.decode() in _kept._undefined(code)
    code = code.replace(symbol, symbol[:-1] + b"_")
    path.write_bytes(_kept._digest(function, signature, code) + code)
    assert _kept.kept(function, signature) is None


def test_other_than_elf_is_left_alone(own):
    function, signature, path = own
    code = struct.pack("<I", 0xFEEDFACF) + path.read_bytes()[36:]
    path.write_bytes(_kept._digest(function, signature, code) + code)
    assert _kept.kept(function, signature) is None


LIMIT = 3


def limited(value):
    return min(value, LIMIT)


def numbered(values):
    return sum([i + LIMIT for i in range(values)])


def test_digest_knows_the_constants_and_functions_that_a_kernel_names(monkeypatch):
    def digest():
        return _kept._digest(limited, "i8(i8)", b"")

    first = digest()
    assert digest() == first
    monkeypatch.setitem(globals(), "LIMIT", 4)
    second = digest()
    monkeypatch.setitem(globals(), "LIMIT", np.arange(3))
    third = digest()
    monkeypatch.setitem(globals(), "LIMIT", kernel("i8(i8)")(limited))
    assert len({first, second, third, digest()}) == 4
    monkeypatch.setitem(globals(), "LIMIT", object())
    with pytest.raises(ValueError, match="object"):
        digest()


def test_digest_knows_what_inner_functions_name(monkeypatch):
    first = _kept._digest(numbered, "i8(i8)", b"")
    monkeypatch.setitem(globals(), "LIMIT", 4)
    assert _kept._digest(numbered, "i8(i8)", b"") != first


INTRINSIC = """
    import json, sys
    import numpy as np
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic
    from segtool.runtime.kernels import kernel

    WORD = ir.IntType(64)

    @intrinsic
    def seven(typing_context, value):
        return types.int64(types.int64), lambda context, builder, signature, arguments: WORD(7)

    @kernel("i8(i8)")
    def plus_seven(value):
        return value + seven(value)
"""


def test_kernels_with_intrinsics_are_kept(tmp_path):
    (tmp_path / "own.py").write_text(textwrap.dedent(INTRINSIC))
    program = """
        import json, own
        print(json.dumps([own.plus_seven(5), own.plus_seven._dispatcher is None]))
    """
    place = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "NUMBA_CACHE_DIR": str(tmp_path)}
    assert python(program, **place) == [12, False]
    assert python(program, **place) == [12, True]
    (tmp_path / "own.py").write_text(textwrap.dedent(INTRINSIC).replace("7", "8"))
    assert python(program, **place) == [13, False]


# How kept code takes its arguments


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


def test_errors_without_numba(warm):
    """Where numba has not told LLVM what its code takes for exceptions."""
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
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
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
    given = arguments()
    before = [sys.getrefcount(each) for each in given]
    for _ in range(1000):
        join(*given)
        with pytest.raises(TypeError):
            join(*given[:-1], READ_ONLY)
    assert np.abs(np.subtract([sys.getrefcount(each) for each in given], before)).max() < 100


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


def test_kernels_that_allocate_stay_with_numba():
    def with_room(size):
        return np.ones(size, np.int64).sum()

    lazy = kernel("i8(i8)")(with_room)
    assert lazy(5) == 5
    assert type(lazy.compiled).__name__ == "CPUDispatcher"


# Where kept code lies


REFUSE = """
    import pathlib, tempfile
    def refusing(make):
        def made(*args, dir=None, **kwargs):
            if str(dir).startswith({package!r}):
                raise PermissionError(13, "Permission denied")
            return make(*args, dir=dir, **kwargs)
        return made
    tempfile.TemporaryFile, tempfile.mkstemp = refusing(tempfile.TemporaryFile), refusing(tempfile.mkstemp)
"""
JOIN = """
    import json, sys
    import numpy as np
    from segtool.decode import viterbi as decode
    out = np.zeros(9, np.uint8)
    spans = [np.array(ends, np.int32) for ends in ([0, 1], [1, 2])]
    points, separator = np.array([0x4E00, 0x61], np.uint32), np.array([0x20], np.uint8)
    size, _ = decode.join_utf8.compiled(points, *spans, 2, 2, separator, False, out)
    print(json.dumps([out[:size].tobytes().decode(), "numba" in sys.modules]))
"""


@pytest.fixture
def installed(tmp_path):
    """A copy of the package without anything compiled, and an environment that uses it."""
    ignored = shutil.ignore_patterns("__pycache__", "*.npy")
    shutil.copytree(ROOT / "segtool", tmp_path / "site" / "segtool", ignore=ignored)
    place = {"PYTHONPATH": str(tmp_path / "site"), "XDG_CACHE_HOME": str(tmp_path / "caches"), "NUMBA_CACHE_DIR": ""}
    return tmp_path / "site" / "segtool", tmp_path / "caches", place


def test_code_is_kept_beside_the_package(installed):
    package, caches, place = installed
    assert python(JOIN, **place) == ["一 a", True]
    assert python(JOIN, **place) == ["一 a", False]
    assert [path.parent for path in package.rglob("*.code")] == [package / "__pycache__"]
    assert not caches.exists()


def test_code_is_kept_in_the_users_folder_where_the_package_is_read_only(installed):
    package, caches, place = installed
    refuse = REFUSE.format(package=str(package))
    assert python(refuse + JOIN, **place) == ["一 a", True]
    assert python(refuse + JOIN, **place) == ["一 a", False]
    assert not list(package.rglob("*.code"))
    [code] = caches.rglob("*.code")
    assert list(code.parent.glob("*.nbi")), "numba's own cache is in the same place"


def test_read_only_package_that_is_warm_needs_no_other_place(installed):
    package, caches, place = installed
    python(JOIN, **place)
    assert python(REFUSE.format(package=str(package)) + JOIN, **place) == ["一 a", False]
    assert not caches.exists()


def test_processes_that_compile_at_the_same_time(tmp_path):
    variables = environment(NUMBA_CACHE_DIR=str(tmp_path))
    program = [sys.executable, "-c", textwrap.dedent(JOIN)]
    running = [subprocess.Popen(program, env=variables, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for each in running:
        said_at_last, _ = each.communicate(timeout=TIMEOUT)
        assert json.loads(said_at_last)[0] == "一 a"
    assert python(JOIN, NUMBA_CACHE_DIR=str(tmp_path)) == ["一 a", False]
    assert {path.suffix for path in tmp_path.rglob("*.*")} == {".code", ".nbi", ".nbc"}, "nothing unfinished"


# segtool warmup


def test_all_kernels_are_found():
    written = sum(
        len(re.findall(r"^@kernel\(|^\w+ = LazyKernel\(", path.read_text(encoding="utf-8"), re.MULTILINE))
        for path in (ROOT / "segtool").rglob("*.py")
    )
    assert len(all_kernels()) == written > 30


def test_warmup_tells_what_it_did(warm):
    kernels = all_kernels()
    new, old = map(int, re.fullmatch(r"segtool: (\d+) kernels compiled, (\d+) already there", warm[0]).groups())
    assert new + old == len(kernels)
    again = succeed("warmup").stderr.decode().splitlines()
    assert again[0] == f"segtool: 0 kernels compiled, {len(kernels)} already there"
    homes = sorted({f"segtool: kept in {each.home}" for each in kernels})
    assert warm[1:] == again[1:] == homes
    assert succeed("warmup", "-q").stderr == b""


def test_warmup_counts_what_it_compiles(tmp_path):
    """One kernel is there already."""
    program = """
        import json
        from click.testing import CliRunner
        from segtool.runtime import kernels as _jit
        from segtool.cli.main import main
        from segtool.decode import viterbi as decode
        from segtool.text import symbols
        for kernels in ([symbols.symbolise], [symbols.symbolise, decode.join_utf8]):
            _jit.all_kernels = lambda: [_jit.LazyKernel(each.interpreted, each.signature) for each in kernels]
            done = CliRunner().invoke(main, ["warmup"])
        print(json.dumps(done.stderr.splitlines()))
    """
    announced, told, _ = python(program, NUMBA_CACHE_DIR=str(tmp_path))
    assert announced.startswith("segtool: compiling")
    assert told == "segtool: 1 kernels compiled, 1 already there"


def test_warmup_fails_where_nothing_can_be_kept(installed):
    _, caches, place = installed
    caches.write_text("no folder")
    (installed[0] / "__pycache__").write_text("no folder")
    done = run("warmup", env=environment(**place), cwd=caches.parent)
    assert done.returncode == 1
    warned, *_, last = said(done.stderr)
    assert "NUMBA_CACHE_DIR" in warned
    assert last.startswith("segtool: ")
    assert "NUMBA_CACHE_DIR" in last


def test_nothing_is_compiled_after_warmup(warm, tmp_path):
    program = f"""
        import json, segtool
        from segtool.runtime import kernels as _jit
        heard = []
        _jit.on_first_compile(lambda: heard.append(1))
        for method in ("unigram", "entropy", "cohesion", "lm"):
            segmenter = segtool.train({str(SAMPLE)!r}, {str(tmp_path / "m")!r}, method=method)
            segmenter.cut(open({str(SAMPLE / "city.txt")!r}, encoding="utf-8").read() * 50)
            segtool.load({str(tmp_path / "m")!r})
        print(json.dumps(heard))
    """
    assert python(program) == []


# Memory


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="the system does not tell")
def test_processes_share_the_pages_of_a_model():
    program = f"""
        import sys, segtool
        segmenter = segtool.load({str(sample_model())!r})
        segmenter.cut("今天天气很好")
        print("ready", flush=True)
        sys.stdin.read()
    """
    running = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    try:
        for each in running:
            assert each.stdout.readline() == "ready\n"
        for each in running:
            mapped = mapped_memory(each.pid, sample_model())
            assert mapped["Private_Dirty"] == mapped["Shared_Dirty"] == 0
            assert mapped["Rss"] > 0.9 * (sample_model() / "lexicon.npy").stat().st_size / 1024
            assert mapped["Shared_Clean"] == mapped["Rss"]
            assert mapped["Pss"] <= mapped["Rss"] / 3
    finally:
        for each in running:
            each.communicate("", timeout=TIMEOUT)


def mapped_memory(process, folder):
    """Kilobytes of memory of each kind that a process has of the files of a folder."""
    sums: dict[str, int] = {}
    inside = False
    for line in Path(f"/proc/{process}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = str(folder) in line
        elif inside and line.endswith(" kB"):
            name, size, _ = line.split()
            sums[name.rstrip(":")] = sums.get(name.rstrip(":"), 0) + int(size)
    return sums

"""Every method from end to end: the commands, the library, files on disk and what goes wrong with them."""

import functools
import importlib
import inspect
import itertools
import json
import pickle
import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segtool import UsageError, load, train
from segtool.cli.main import main
from segtool.decode.streaming import cut_stream
from segtool.segmenter import Segmenter
from segtool.settings import METHODS, TrainingSettings
from segtool.store.model import save_model
from tests.helpers import (
    SAMPLE,
    any_text,
    contents,
    interpreting,
    refusal,
    run,
    said,
    sample_model,
    sample_text,
    scratch,
    succeed,
)

VARIANTS = {
    "unigram": {},
    "entropy": {},
    "cohesion": {},
    "cohesion 2015": {"cohesion_revision": 2015},
    "lm": {},
    "dict": {},
}
"""Every decoder and every way to make words."""
PLAIN = [name for name in VARIANTS if name != "lm"]
"""Those that cut short texts without compiled code."""

every = pytest.mark.parametrize("variant", VARIANTS)


def test_every_method_has_the_same_silhouette():
    """A module with ``learn``, whose settings are part of the settings of training."""
    shapes = set()
    for _, module in METHODS.values():
        signature = inspect.signature(importlib.import_module(module).learn, eval_str=True)
        corpus, candidates, parameters, resources = signature.parameters.values()
        assert issubclass(TrainingSettings, parameters.annotation)
        assert parameters.annotation.__dataclass_params__.frozen
        shapes.add((corpus, candidates, parameters.name, resources, signature.return_annotation))
    assert len(shapes) == 1


@functools.cache
def word_list():
    path = scratch() / "words.txt"
    succeed("export", "-m", sample_model(), "-o", path)
    return path


def corpus(variant):
    return word_list() if variant == "dict" else SAMPLE


@functools.cache
def model(variant):
    """Train with the command and two workers, once; do not write there."""
    path = scratch() / f"{variant}.model"
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in VARIANTS[variant].items()]
    succeed("train", "-q", "--method", variant.split()[0], *flags, "-j", 2, corpus(variant), "-o", path)
    return path


@functools.cache
def segmenter(variant):
    return load(model(variant))


def in_utf8(words):
    return b" ".join(word.encode("utf-8", "surrogatepass") for word in words)


def line_by_line(variant, text):
    return b"\n".join(in_utf8(segmenter(variant).cut(line)) for line in text.split("\n"))


def test_all_methods_are_here():
    option = next(each for each in main.commands["train"].params if each.name == "method")
    choices = option.type.to_info_dict()["choices"]
    assert {name.split()[0] for name in VARIANTS} == set(METHODS)
    assert list(choices) == list(METHODS)


# ---------------------------------------------------------------- the commands


@every
def test_train_and_cut(tmp_path, variant):
    """The library and the commands, one worker and two: the same model and the same bytes."""
    train(corpus(variant), tmp_path / "m", method=variant.split()[0], workers=1, **VARIANTS[variant])
    assert contents(tmp_path / "m") == contents(model(variant))
    text = sample_text() + "𠮷野家12,345.6%OK——\r\n\n 没有 换行"
    (tmp_path / "text").write_bytes(text.encode())
    wanted = line_by_line(variant, text.replace("\r\n", "\n"))
    assert wanted.decode().split() != text.split(), "nothing was cut"
    for workers in (1, 2) if variant in ("lm", "cohesion 2015", "entropy") else (2,):  # the others decode alike
        output = succeed("cut", "-m", model(variant), "-j", workers, tmp_path / "text").stdout
        assert output.replace(b"\r\n", b"\n") == wanted


def test_methods_differ():
    """Not one and the same decoder under many names."""
    cuts = [line_by_line(variant, sample_text()) for variant in VARIANTS]
    assert len(set(cuts)) == len(cuts)


@pytest.mark.parametrize("variant", ["lm", "cohesion 2015"])
def test_options_of_cut(tmp_path, variant):
    done = succeed("cut", "-m", model(variant), "--sep", "/", "-o", tmp_path / "out", input="今天，好 吧\n".encode())
    assert done.stdout == b""
    words = segmenter(variant).cut("今天，好 吧")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "/".join(words) + "\n"
    done = succeed("cut", "-m", model(variant), "--encoding", "gb18030", "-q", input="今天天气\n".encode("gb18030"))
    assert done.stdout == line_by_line(variant, "今天天气\n")
    assert done.stderr == b""


def test_errors_of_cut_are_those_of_unigram(tmp_path):
    (tmp_path / "bad").write_bytes(b"\xff\xfe\xfa\n")
    for arguments, code in (((tmp_path / "none",), 1), ((tmp_path / "bad",), 1), (("--sep", ""), 2)):
        done, wanted = (run("cut", "-m", path, *arguments) for path in (model("lm"), sample_model()))
        assert done.returncode == wanted.returncode == code
        assert refusal(done.stderr) == refusal(wanted.stderr)
        assert done.stdout == b""


def test_summary_of_a_word_list(tmp_path):
    (tmp_path / "list").write_text("今天 3\n太长了太长了啊 2\n今天，\n", encoding="utf-8")
    done = succeed("train", "--method", "dict", tmp_path / "list", "-o", tmp_path / "m")
    assert any(line.startswith("left out 2 words") and line.endswith("太长了太长了啊") for line in said(done.stderr))


@pytest.mark.parametrize(
    "flags",
    [
        ["--method", "other"],
        ["--method", "cohesion", "--cohesion-thresholds", "2,x"],
        ["--method", "lm", "--lm-moves", "1,2"],
    ],
    ids=lambda flags: flags[-2],
)
def test_flags_that_make_no_sense(tmp_path, flags):
    done = run("train", "-q", *flags, SAMPLE, "-o", tmp_path / "m")
    assert done.returncode == 2
    assert flags[-2] in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("method", "parameter"),
    [
        ("entropy", {"entropy_mean": "median"}),
        ("cohesion", {"cohesion_revision": 2016}),
        ("cohesion", {"cohesion_thresholds": ()}),
        ("lm", {"lm_moves": (1.0, 2.0)}),
        ("lm", {"lm_order": 7}),
        ("other", {}),
    ],
)
def test_parameters_that_make_no_sense(tmp_path, method, parameter):
    flag = "--" + next(iter(parameter), "method").replace("_", "-")
    with pytest.raises(UsageError, match=flag):
        train(SAMPLE, tmp_path / "m", method=method, **parameter)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("method", ["", "UNIGRAM", "viterbi"]),
        ("entropy_length_power", [-0.1, 1e9, float("nan")]),
        ("cohesion_min_count", [0, -1]),
        ("lm_order", [1, 7]),
    ],
)
def test_parameters_out_of_range(name, values):
    for value in values:
        with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} {value}"):
            TrainingSettings(**{name: value}).checked()


# ---------------------------------------------------------------- the library


@settings(max_examples=100)
@given(any_text)
@example("今天\ud800天气\udc80很好\U0001f600𠮷\U000e0100家\x00")
@example("𠮷" * 30)
@example("")
def test_nothing_but_whitespace_is_lost(text):
    """Words are slices of the text, in order, and cut, tokenize and batches agree."""
    for variant in VARIANTS:
        each = segmenter(variant)
        words = each.cut(text)
        assert "".join(words) == "".join(text.split())
        assert "" not in words
        tokens = each.tokenize(text)
        assert [text[token.start : token.end] for token in tokens] == [token.word for token in tokens] == words
        assert all(one.end <= other.start for one, other in itertools.pairwise(tokens))
        assert each.cut_batch([text, "", text]) == [words, [], words]


FLOWING = st.lists(st.sampled_from("今天气很好我们一起去公园医生说123a，。%.—… \r\n\u0301\u200d👨"), max_size=60).map(
    "".join
)


@settings(max_examples=60)
@given(FLOWING | any_text, st.lists(st.integers(0, 60), max_size=6), st.sampled_from([1, 2, 3]))
def test_pieces_may_end_anywhere(text, cuts, workers):
    cuts = sorted(min(cut, len(text)) for cut in cuts)
    pieces = [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    for variant in VARIANTS:
        wanted = line_by_line(variant, text).split(b"\n")
        for plain in (True, False) if variant in PLAIN else (False,):
            with interpreting(plain):
                found = b"".join(cut_stream(segmenter(variant), iter(pieces), " ", workers))
            assert [line.removesuffix(b"\r") for line in found.split(b"\n")] == wanted


@settings(max_examples=60)
@given(FLOWING | any_text)
def test_compiled_kernels_cut_like_plain_python(text):
    for variant in PLAIN:
        with interpreting(True):
            plain = segmenter(variant).tokenize(text)
        with interpreting(False):
            assert segmenter(variant).tokenize(text) == plain


@every
def test_a_real_text_in_batches_and_pieces(variant):
    text = sample_text()
    lines = text.split("\n")
    words = [segmenter(variant).cut(line) for line in lines]
    for workers in (1, 2):
        assert segmenter(variant).cut_batch(lines, workers) == words
    pieces = [text[i : i + 997] for i in range(0, len(text), 997)]
    assert b"".join(cut_stream(segmenter(variant), pieces)) == b"\n".join(map(in_utf8, words))


@every
def test_in_memory_saved_loaded_and_pickled(tmp_path, variant):
    """However a model comes to be, it cuts the same."""
    text = sample_text()[:3000]
    words = segmenter(variant).cut(text)
    memory = train(corpus(variant), method=variant.split()[0], **VARIANTS[variant])
    assert memory.model.path is None
    assert memory.cut(text) == words
    saved = save_model(memory.model, tmp_path / "m")
    assert contents(tmp_path / "m") == contents(model(variant))
    assert Segmenter(saved).cut(text) == words
    assert (memory.model.lm is None) == (variant != "lm")
    assert (saved.path / "lm").exists() == (variant == "lm")
    assert saved.lm is None  # on the disk
    for each in (memory, segmenter(variant)):
        again = pickle.loads(pickle.dumps(each))
        assert again.cut(text) == words
        assert again.model.path == each.model.path


@every
def test_threads_share_a_segmenter(variant):
    lines = sample_text().splitlines()[:200]
    words = [segmenter(variant).cut(line) for line in lines]
    found = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: [segmenter(variant).cut(line) for line in lines]}))
        for i in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(3)] == [words] * 3


@every
def test_the_card_tells_the_method(variant):
    card = json.loads((model(variant) / "card.json").read_text(encoding="utf-8"))
    assert card["parameters"]["method"] == variant.split()[0]
    assert card["decoder"] == {"lm": "tags", "cohesion 2015": "pairs"}.get(variant, "lattice")
    assert (model(variant) / "lm").exists() == (variant == "lm")

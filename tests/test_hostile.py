"""Directories whose checksums are right and whose content makes no sense: refused, or used without harm."""

import gc
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

from segtool import ModelError, load
from segtool.lm.language_model import LanguageModel
from segtool.store.model import MODEL
from tests.helpers import TIMEOUT, environment, sample_model, sample_text, scratch, succeed
from tests.hostile_cases import run_cases
from tests.mutations import change_array, change_card, seal
from tests.test_methods import model as model_of

NOT_WINDOWS = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


@pytest.fixture
def model(tmp_path):
    return shutil.copytree(sample_model(), tmp_path / "a.model")


def refused(path, *parts, open_it=load):
    with pytest.raises(ModelError) as caught:
        open_it(path)
    message = str(caught.value)
    assert message.isprintable()
    for part in (str(path), "damaged", *parts):
        assert part in message
    return message


def put(index, value):
    """A change of an array in one place."""

    def change(array):
        array[index] = value

    return change


def column(name, index, value):
    def change(array):
        array[name][index] = value

    return change


def parent_ring(units):
    """Two nodes of longer words, each the parent of the other."""
    table = units.reshape(-1, 4)
    node = int(np.flatnonzero((table[:, 1] >= 0) & (table[table[:, 1], 1] >= 0) & (table[:, 0] > 0))[0])
    table[node, 1] = node
    table[node, 0] = node - 5


MODEL_CHANGES = {
    "children behind the trie": ("lexicon", lambda units: put(4 * 9, len(units) // 4 - 1)(units)),
    "children before the trie": ("lexicon", put(4 * 9, -1)),
    "a parent that is none": ("lexicon", put(4 * 9 + 1, 3)),
    "a ring": ("lexicon", parent_ring),
    "children of the boundary": ("lexicon", put(0, 700)),
    "a short trie": ("lexicon", lambda units: units[: len(units) // 4 // 4 * 2]),
    "half a node": ("lexicon", lambda units: units[:-1]),
    "no symbols": ("symbols", put(slice(None), 0)),
    "symbols twice": ("symbols", lambda codes: put(5, codes[4])(codes)),
    "symbols that are no Han characters": ("symbols", put(-1, 0x3FFFF)),
    "symbols beyond Unicode": ("symbols", put(-1, 0xFFFFFFFF)),
    "a line end for a character": ("faces", put(7, 10)),
    "half a pair for a character": ("faces", put(7, 0xD800)),
    "a granularity without end": ("spelling", put(3, 2**31 - 1)),
    "no word": ("words", lambda words: words[:0]),
    "a symbol that is no word": ("words", lambda words: words[1:]),
    "a word of nothing": ("words", column("length", 5, 0)),
    "a word of another length": ("words", column("length", -1, 1)),
    "a word longer than it can be": ("words", column("length", -1, 99)),
    "a symbol that is none": ("words", column("symbols", (-1, 0), 65535)),
    "a count below zero": ("words", column("count", 5, -1)),
    "counts whose sum is too large": ("words", column("count", 5, 2**62)),
    "a weight that is no number": ("words", column("weight", 5, np.nan)),
    "an endless weight": ("words", column("weight", 5, np.inf)),
    "endless expectations": ("words", column("expected", 5, np.inf)),
    "no expectations": ("words", column("expected", slice(None), 0.0)),
    "a word that nothing holds together": ("words", column("cohesion", -1, np.inf)),
    "an entropy that is no number": ("words", column("left_entropy", 5, np.nan)),
    "a spelling of no word": ("spellings", lambda _: spelling(10**6, 0, 0x4E00)),
    "a spelling behind the word": ("spellings", lambda _: spelling(5, 1, 0x4E00)),
    "a spelling by a line end": ("spellings", lambda _: spelling(5, 0, 10)),
}


def spelling(word, place, code):
    return np.array([(word, place, code)], [("word", "<u4"), ("place", "<u4"), ("code", "<u4")])


@pytest.mark.parametrize("change", MODEL_CHANGES)
def test_arrays_of_a_model(model, change):
    name, how = MODEL_CHANGES[change]
    change_array(model, name, how)
    refused(model, f"{name}.npy")


@pytest.mark.parametrize(
    "entry",
    [
        {"decoder": []},
        {"name": 5},
        {"corpus": []},
        {"corpus": {"symbols": "many"}},
        {"base": {"base": {"corpus": 3}}},
        {"base": [1]},
        {"tuned": "yes"},
        {"adapted": -1},
        {"adapted": {"symbols": []}},
        {"granularity": True},
        {"granularity": 1e400},
        {"calibration": 0},
        {"dictionary": {"splits": ["今天"]}},
        {"dictionary": {"splits": ["a|b"]}},
        {"dictionary": {"splits": ["|".join("今" * 16)]}},
        {"dictionary": {"splits": "今|天"}},
        {"dictionary": {"literals": [""]}},
        {"dictionary": {"literals": ["a\nb"]}},
        {"dictionary": {"literals": [" a"]}},
        {"dictionary": {"literals": ["\ud7fe"]}},
        {"dictionary": {"literals": [5]}},
        {"dictionary": {"words": -1}},
    ],
    ids=str,
)
def test_card_of_a_model(model, entry):
    change_card(model, lambda card: card | entry)
    refused(model, "card.json")


@pytest.mark.parametrize("value", [6.0, True, "6", 10**30])
def test_lengths_are_whole_numbers(model, value):
    change_card(model, lambda card: card["parameters"].update(unknown_len=value))
    refused(model, "card.json", "unknown_len")


@pytest.mark.parametrize("value", [None, "\x1b[31m", [0.5], 10**400, -1, {}])
def test_parameters_that_only_learning_needs(model, value):
    """They do not matter for cutting."""
    change_card(model, lambda card: card["parameters"].update(min_count=value))
    segmenter = load(model)
    segmenter.cut(sample_text())
    with pytest.raises(ModelError, match=r"a parameter in its card makes no sense .*: train it again") as caught:
        segmenter.adapt(["今天天气很好"])
    assert str(caught.value).isprintable()


def test_control_characters_are_not_printed(model):
    change_card(model, lambda card: card | {"format_version": "\x1b[31m\n", "segtool_version": "9\x07" + "x" * 1000})
    with pytest.raises(ModelError, match=r"model format \\x1b\[31m\\n, written by segtool 9\\x07x{50,}…") as caught:
        load(model)
    assert str(caught.value).isprintable()
    change_card(model, lambda card: card | {"format_version": MODEL.version, "decoder": "9\n" * 1000})
    with pytest.raises(ModelError, match=r"a model for decoder '(9\\n){20,}', which") as caught:
        load(model)
    assert str(caught.value).isprintable()
    change_card(model, lambda card: card | {"name": "\ud800"})
    refused(model, "card.json", "not JSON")


@pytest.mark.parametrize(
    "text", ["[" * 10**6, '{"a":' * 900 + "1" + "}" * 900, '{"format": NaN}', '{"a": 1' + "0" * 9999 + "}"]
)
def test_cards_that_json_should_not_have(model, text):
    (model / "card.json").write_text(text, encoding="utf-8")
    refused(model, "card.json", "not JSON")


@NOT_WINDOWS
@pytest.mark.parametrize("name", ["card.json", "lexicon.npy"])
@pytest.mark.parametrize("kind", ["fifo", "/dev/zero"])
def test_files_without_end(model, name, kind):
    (model / name).unlink()
    if kind == "fifo":
        os.mkfifo(model / name)
    else:
        (model / name).symlink_to(kind)
    refused(model, name, "a pipe or a device")


def test_a_card_without_end(model):
    with open(model / "card.json", "wb") as file:
        file.truncate(1 << 40)
    refused(model, "card.json", "larger than")


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x93NUMPY\x02\x00", b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 9000])
def test_arrays_in_other_formats(model, start):
    file = model / "words.npy"
    file.write_bytes(start + file.read_bytes()[len(start) :])
    seal(model, file.name)
    refused(model, "words.npy", "not a .npy array")


# Language models


LM_CHANGES = {
    "its own suffix": ("suffix", lambda suffix: put(-1, len(suffix) - 1)(suffix)),
    "a suffix behind the tables": ("suffix", put(-1, 2**31 - 1)),
    "a suffix of a single symbol": ("suffix", put(1, 0)),
    "no suffix": ("suffix", put(-1, -1)),
    "children behind the tables": ("first_child", put(5, 2**31 - 1)),
    "children before the tables": ("first_child", put(5, -1)),
    "children of a longer level": ("first_child", put(0, 0)),
    "a symbol that is none": ("symbol", put(-1, 65535)),
    "children in disorder": ("symbol", lambda symbols: symbols[::-1].copy()),
    "a probability above 1": ("log10_probability", put(5, 0.5)),
    "a probability that is no number": ("log10_probability", put(5, np.nan)),
    "an endless probability": ("log10_probability", put(5, -np.inf)),
    "a huge back-off weight": ("log10_backoff", put(5, 1e38)),
    "codes that are no Han characters": ("codes", put(-1, 0x3FFFF)),
    "codes in disorder": ("codes", lambda codes: put(4, codes[3])(codes)),
}


@pytest.fixture
def lm(tmp_path):
    return shutil.copytree(model_of("lm") / "lm", tmp_path / "a.lm")


def test_lm_info_prints_no_control_characters(lm):
    change_card(lm, lambda card: card["parameters"].update({"order": "\x1b[31m\n", "\x07": [1, 2]}))
    out = succeed("lm", "info", lm).stdout.decode()
    assert "parameters: order \\x1b[31m\\n\n" in out and "parameters: \\x07 [1, 2]\n" in out


def test_info_prints_no_control_characters(model):
    change_card(model, lambda card: card["parameters"].update(class_words="\x1b[31m\x00"))
    assert "class_words \\x1b[31m\\x00" in succeed("info", model).stdout.decode()


@pytest.mark.parametrize("change", LM_CHANGES)
def test_tables_of_a_language_model(lm, change):
    name, how = LM_CHANGES[change]
    change_array(lm, name, how)
    refused(lm, f"{name}.npy", open_it=LanguageModel.open)


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "other"},
        {"kind": []},
        {"ngrams": "123"},
        {"ngrams": []},
        {"ngrams": [-1, 5]},
        {"ngrams": [2**31, 2**31]},
        {"ngrams": [3] * 16},
        {"discounts": [[1]]},
        {"discounts": None},
        {"parameters": []},
        {"parameters": {"fold": "yes"}},
        {"corpus": 1},
    ],
    ids=str,
)
def test_card_of_a_language_model(lm, entry):
    change_card(lm, lambda card: card | entry)
    refused(lm, "card.json", open_it=LanguageModel.open)


# Sharing


@NOT_WINDOWS
def test_segmenters_of_one_model_share_its_memory(model):
    text = sample_text()[:5000]
    first = load(model)
    words = first.cut(text)
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    others = [load(model) for _ in range(20)]
    assert len(os.listdir("/dev/fd")) <= before
    for other in (*others, pickle.loads(pickle.dumps(first))):
        assert np.shares_memory(other.model.lexicon, first.model.lexicon)
        assert other._cutter is first._cutter
        assert other.cut(text) == words
    assert first.with_granularity(2.0)._cutter is not first._cutter
    change_card(model, lambda card: card | {"granularity": 2.0})
    assert load(model)._cutter is not first._cutter
    del first, others, other
    shutil.rmtree(model)
    shutil.copytree(model_of("cohesion"), model)
    assert load(model).cut(text) == load(model_of("cohesion")).cut(text)


@NOT_WINDOWS
def test_processes_that_were_forked_share_it_too(model):
    first = load(model)
    child = os.fork()
    if child == 0:
        os._exit(0 if load(model).cut("今天天气很好") == first.cut("今天天气很好") else 1)
    assert os.waitpid(child, 0)[1] == 0


# In processes of their own


def test_random_changes(monkeypatch):
    """A few of those that ``python -m tests.hostile_cases`` makes."""
    folder = scratch() / "hostile"
    folder.mkdir()
    monkeypatch.setenv("SEGTOOL_HOSTILE", str(folder))
    for kind, seed, told, failure in run_cases(["extended", "shard", "checkpoints"], range(3), 1):
        assert not failure, (kind, seed, told, failure)


def test_a_crash_is_reported(monkeypatch, tmp_path):
    """The process that crashes is replaced."""
    code = "import os; from tests import hostile_cases as h; h.run_case = lambda *_: os.abort(); h.worker()"
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"model 1\n", capture_output=True, env=environment(), timeout=TIMEOUT
    )
    assert done.returncode == -6
    assert b"Abort" in done.stderr

"""A model is a directory of memory-mapped arrays and a card, and a damaged one is refused."""

import ast
import dataclasses
import json
import os
import pickle
import shutil
import zlib

import numpy as np
import pytest

from segtool import __version__, load, train
from segtool.errors import ModelError, OutputError
from segtool.ngrams.counter import collect_corpus
from segtool.segmenter import Segmenter
from segtool.settings import TrainingSettings
from segtool.store.model import FORMAT_VERSION, load_model, save_model, word_record
from tests.helpers import ROOT, SAMPLE, contents, extend, sample_model, sample_segmenter, sample_text

ARRAYS = ["symbols", "faces", "lexicon", "spelling", "words", "spellings"]
TEXT = "医生说今天要休息,我们3点半去公园散步。"


@pytest.fixture
def model(tmp_path):
    """A copy that may be damaged."""
    return shutil.copytree(sample_model(), tmp_path / "a.model")


@pytest.fixture(scope="module")
def opened():
    return load_model(sample_model())


def card_of(folder):
    return json.loads((folder / "card.json").read_text(encoding="utf-8"))


def write_card(folder, card, seal=True):
    """Write a card with or without a checksum that fits."""
    if seal:
        said = json.dumps({key: value for key, value in card.items() if key != "checksum"}, sort_keys=True)
        card = card | {"checksum": f"{zlib.crc32(said.encode()):08x}"}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


def seal(folder, name):
    """Make the card vouch for a file as it is now."""
    card = card_of(folder)
    data = (folder / name).read_bytes()
    card["arrays"][name] = {"bytes": len(data), "crc32": f"{zlib.crc32(data):08x}"}
    write_card(folder, card)


def refused(path, *parts):
    """The message of a model that is refused; it names the place and how to fix it."""
    with pytest.raises(ModelError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(path), *parts):
        assert part in message
    place, _, fix = message.rpartition(": ")
    assert place, message
    assert any(verb in fix for verb in ("train", "restore", "pass", "install", "make", "check")), message
    return message


# What a model is


def test_model_holds_nothing_but_arrays_and_a_card():
    assert sorted(contents(sample_model())) == sorted(["card.json", *(f"{name}.npy" for name in ARRAYS)])


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_read_only_memory_maps(opened, name):
    array = getattr(opened, name)
    owner = array
    while owner is not None and not isinstance(owner, np.memmap):
        owner = owner.base
    assert isinstance(owner, np.memmap)
    assert owner.filename is not None
    assert os.path.samefile(owner.filename, sample_model() / f"{name}.npy")
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        array[:1] = array[:1]


def test_trained_segmenter_is_the_one_on_disk(tmp_path):
    segmenter = train(SAMPLE, tmp_path / "m")
    assert segmenter.model.path == tmp_path / "m"
    assert not segmenter.model.lexicon.flags.writeable


def test_card_tells_what_the_model_is():
    card = card_of(sample_model())
    text = sample_text()
    assert card["format_version"] == FORMAT_VERSION
    assert card["segtool_version"] == __version__
    assert card["parameters"] == json.loads(json.dumps(dataclasses.asdict(TrainingSettings())))
    assert card["corpus"]["characters"] == len(text) - text.count("\n")
    assert card["corpus"]["lines"] == text.count("\n")
    assert card["corpus"]["digest"] == f"{collect_corpus([text]).stats.digest:016x}"


def test_card_sums_up_every_array():
    folder = sample_model()
    expected = {}
    for name in ARRAYS:
        data = (folder / f"{name}.npy").read_bytes()
        expected[f"{name}.npy"] = {"bytes": len(data), "crc32": f"{zlib.crc32(data):08x}"}
    assert card_of(folder)["arrays"] == expected


def test_words_are_n_grams_of_the_corpus(opened):
    text = sample_text()
    words = [opened.spell(i) for i in range(len(opened.words))]
    assert len(set(words)) == len(words)
    for word, record in zip(words, opened.words, strict=True):
        assert record["length"] == len(word) <= opened.max_word_len
        if not set(word) & {"0", "A"}:
            assert word in text
        if len(word) > 1 and "0" not in word:  # 十岁 counts for NUM岁 as often as it is expected
            assert record["count"] >= opened.card["parameters"]["min_count"]
    singles = {word for word in words if len(word) == 1}
    assert {c for c in text if "一" <= c <= "龥"} <= singles
    order = [(len(word), [ord(c) for c in word.replace("0", "\1").replace("A", "\2")]) for word in words]
    assert order == sorted(order)


def test_layout_of_a_word(opened):
    assert opened.words.dtype == word_record(opened.max_word_len)


def test_saved_model_cuts_like_the_one_in_memory(tmp_path):
    in_memory = train(SAMPLE)
    assert in_memory.model.path is None
    saved = save_model(in_memory.model, tmp_path / "m")
    assert contents(tmp_path / "m") == contents(sample_model())
    assert load(saved.path).cut(sample_text()) == in_memory.cut(sample_text())


def test_saved_extras(tmp_path):
    extended = Segmenter(extend(sample_segmenter().model, 1, 3))
    saved = load(save_model(extended.model, tmp_path / "m").path)
    assert (saved.model.unknown_len, sample_segmenter().model.unknown_len) == (3, 4)
    assert saved.cut(sample_text()) == extended.cut(sample_text()) != sample_segmenter().cut(sample_text())


def test_saving_replaces_a_model_whole(model):
    small = train(texts=["今天天气很好。今天天气不好。今天天气很好。"])
    old = load(model)
    save_model(small.model, model)
    assert card_of(model)["corpus"] == small.model.card["corpus"]
    assert load(model).cut("今天天气") == small.cut("今天天气")
    assert old.cut(TEXT) == sample_segmenter().cut(TEXT), "one that is open goes on with what it opened"


def test_saving_leaves_other_folders_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("1")
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="thesis"):
        save_model(sample_segmenter().model, tmp_path / "thesis")
    assert contents(tmp_path) == before


# Damage


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 0, None, "1", [1]])
@pytest.mark.parametrize("seal", [True, False])
def test_other_format_version(model, version, seal):
    """Told as such, and not as damage, since only a format that is known has a checksum that is known."""
    write_card(model, card_of(model) | {"format_version": version, "segtool_version": "9.8.7"}, seal)
    message = refused(model, "9.8.7", f"format {version}", "train the model again")
    assert f"reads format {FORMAT_VERSION}" in message


def test_no_format_version(model):
    card = card_of(model)
    del card["format_version"]
    write_card(model, card)
    refused(model, "train the model again")


@pytest.mark.parametrize("name", ARRAYS)
def test_missing_array(model, name):
    (model / f"{name}.npy").unlink()
    refused(model, f"{name}.npy", "missing")


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize(
    "cut", [lambda data: data[:-1], lambda data: data[:60], lambda data: b"", lambda data: data + b"\0"]
)
def test_array_of_another_size(model, name, cut):
    file = model / f"{name}.npy"
    file.write_bytes(cut(file.read_bytes()))
    refused(model, str(file), "damaged")


@pytest.mark.parametrize("name", ARRAYS)
def test_one_flipped_bit(model, name):
    file = model / f"{name}.npy"
    data = bytearray(file.read_bytes())
    places = sorted({*range(0, 130), *range(130, len(data), len(data) // 40), len(data) - 1})
    for place in places:
        data[place] ^= 1 << place % 8
        file.write_bytes(data)
        refused(model, str(file), "damaged")
        data[place] ^= 1 << place % 8
    file.write_bytes(data)
    load(model)


def test_checksums_can_be_left_out(model):
    file = model / "words.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    load_model(model, verify=False)
    refused(model, str(file), "checksum")


@pytest.mark.parametrize("swapped", [("symbols", "lexicon"), ("lexicon", "words"), ("words", "symbols")])
def test_arrays_that_changed_places(model, swapped):
    one, other = (model / f"{name}.npy" for name in swapped)
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    refused(model, "damaged")
    seal(model, one.name)
    seal(model, other.name)
    refused(model, "not the array of a model")


@pytest.mark.parametrize("name", ["faces", "spelling"])
def test_arrays_of_another_number_of_symbols(model, name):
    file = model / f"{name}.npy"
    np.save(file, np.load(file)[:-1])
    seal(model, file.name)
    refused(model, file.name, "not the array of a model")


def test_no_array_at_all(model):
    (model / "words.npy").write_bytes(b"words\n" * 100)
    seal(model, "words.npy")
    refused(model, "words.npy", "not a .npy array")


@pytest.mark.parametrize("text", ["", "{", "no card", '{"format": "segtool model"', "\udcff\udcfe", "[" * 100])
def test_card_is_not_json(model, text):
    (model / "card.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    refused(model, "card.json", "not JSON")


@pytest.mark.parametrize("card", [{}, [], None, 1, "segtool model", {"format": "other"}, {"name": "x", "version": 1}])
def test_card_of_something_else(model, card):
    (model / "card.json").write_text(json.dumps(card), encoding="utf-8")
    refused(model, "card.json", "not the card of a segtool model")


@pytest.mark.parametrize("entry", ["parameters", "arrays"])
@pytest.mark.parametrize("value", ["absent", None, [], {}, 5, "x"])
def test_card_with_an_entry_missing_or_of_another_kind(model, entry, value):
    card = card_of(model) | {entry: value}
    if value == "absent":
        del card[entry]
    write_card(model, card)
    refused(model, "card.json")


@pytest.mark.parametrize("entry", [None, 5, "x", [], {}, {"bytes": 1}, {"crc32": "00000000"}])
def test_card_with_a_damaged_entry_on_an_array(model, entry):
    card = card_of(model)
    card["arrays"]["lexicon.npy"] = entry
    write_card(model, card)
    refused(model)


@pytest.mark.parametrize("name", ["max_word_len", "unknown_len"])
@pytest.mark.parametrize("length", [None, [], "six", {}, -1, 16])
def test_card_with_a_damaged_parameter(model, name, length):
    card = card_of(model)
    card["parameters"][name] = length
    write_card(model, card)
    refused(model, "card.json")


@pytest.mark.parametrize("length", [-1, 0, 5, 7, 1 << 40])
def test_card_with_a_parameter_that_the_words_belie(model, length):
    card = card_of(model)
    card["parameters"]["max_word_len"] = length
    write_card(model, card)
    refused(model)


def test_no_flipped_bit_of_the_card_goes_unnoticed(model):
    file = model / "card.json"
    card = card_of(model)
    data = bytearray(file.read_bytes())
    refusals = 0
    for place in range(len(data)):
        data[place] ^= 1 << place % 7
        file.write_bytes(data)
        try:
            # a tab in place of a space says the same
            assert load(model).model.card == card
        except ModelError:
            refusals += 1
        data[place] ^= 1 << place % 7
    assert refusals > len(data) / 2


@pytest.mark.parametrize("entry", ["corpus", "parameters", "segtool_version"])
def test_card_that_was_edited(model, entry):
    write_card(model, card_of(model) | {entry: card_of(model)["arrays"]}, seal=False)
    refused(model, "card.json", "damaged")


def test_card_that_ends_early(model):
    file = model / "card.json"
    data = file.read_bytes().rstrip()
    for size in range(0, len(data), 7):
        file.write_bytes(data[:size])
        refused(model, "card.json", "not JSON")


def test_card_is_a_folder(model):
    (model / "card.json").unlink()
    (model / "card.json").mkdir()
    refused(model, "card.json")


def test_path_is_a_file(tmp_path):
    file = tmp_path / "model.npy"
    file.write_text("x")
    refused(file, "is a file")


def test_empty_folder(tmp_path):
    refused(tmp_path, "card.json", f"segtool train CORPUS -o {tmp_path}")


def test_no_such_folder(tmp_path):
    refused(tmp_path / "no" / "such.model", "does not exist")


# No pickle


class Bomb:
    exploded = False

    def __reduce__(self):
        return setattr, (Bomb, "exploded", True)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("raw", [True, False])
def test_pickled_arrays_are_not_opened(model, name, raw):
    file = model / f"{name}.npy"
    if raw:
        file.write_bytes(pickle.dumps(Bomb()))
    else:
        np.save(file, np.array([Bomb()], object), allow_pickle=True)
    seal(model, file.name)
    refused(model, str(file), "not a .npy array")
    assert not Bomb.exploded


def test_nothing_is_pickled():
    calls = 0
    for path in sorted((ROOT / "segtool").rglob("*.py")):
        if path.parent.name == "spark" or path.name == "numba_compiler.py":
            continue  # Spark pickles what it sends, and numba its machine code (see tests/test_machine_code.py)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name.split(".")[0] for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "cPickle", "shelve", "marshal", "joblib", "dill"}, path
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and (node.func.value.id, node.func.attr) in [("np", "load"), ("np", "save")]
            ):
                calls += 1
                flags = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert flags.get("allow_pickle") == "False", f"{path}:{node.lineno}"
    assert calls >= 1

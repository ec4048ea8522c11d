"""Language models as directories."""

import dataclasses
import json
import shutil
import zlib

import numpy as np
import pytest

from segtool.errors import ModelError, OutputError
from segtool.lm import language_model as lm_files
from segtool.lm.kneser_ney import estimate
from segtool.lm.language_model import LanguageModel
from segtool.lm.store import import_lm
from segtool.store.cards import card_checksum
from segtool.store.files import atomic_directory
from tests.helpers import contents
from tests.naive_lm import (
    arrays,
    same,
    write_arpa_file,
)


def save_lm(lm, path):
    with atomic_directory(path) as folder:
        lm.write(folder)
    return LanguageModel.open(path)


@pytest.fixture(scope="module")
def lm(sample_counts):
    return estimate(sample_counts, 4)


@pytest.fixture(scope="module")
def saved(lm, tmp_path_factory):
    """Do not write there."""
    path = tmp_path_factory.mktemp("lm") / "a.lm"
    return save_lm(lm, path), path


@pytest.fixture
def folder(saved, tmp_path):
    """A copy that may be damaged."""
    return shutil.copytree(saved[1], tmp_path / "b.lm")


def test_what_is_saved_is_loaded(lm, saved):
    loaded = LanguageModel.open(saved[1])
    assert same(loaded, lm)
    assert (loaded.ngrams, loaded.discounts, loaded.order) == (lm.ngrams, lm.discounts, 4)
    assert loaded.score_text("医生说今天") == lm.score_text("医生说今天")
    assert not any(array.flags.writeable for array in arrays(loaded))


def test_directory_holds_nothing_but_arrays_and_a_card(saved):
    assert sorted(contents(saved[1])) == sorted(["card.json", *(f"{name}.npy" for name in lm_files.TABLE_TYPES)])


def test_same_model_same_bytes(lm, saved, tmp_path):
    save_lm(lm, tmp_path / "one")
    save_lm(LanguageModel.open(saved[1]), tmp_path / "two")  # a model is what it was, however often it is saved
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(saved[1])


def test_directory_may_be_part_of_another(lm, tmp_path):
    (tmp_path / "model").mkdir()
    assert same(save_lm(lm, tmp_path / "model" / "lm"), lm)


def test_directory_that_holds_something_else_is_kept(lm, tmp_path):
    (tmp_path / "thesis.txt").write_text("x", encoding="utf-8")
    write_arpa_file(lm, tmp_path / "a.arpa")
    with pytest.raises(OutputError, match=r"card\.json"):
        import_lm(tmp_path / "a.arpa", tmp_path)


def card_of(folder):
    return json.loads((folder / "card.json").read_text(encoding="utf-8"))


def write_card(folder, card):
    card["checksum"] = card_checksum(card)
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


def refused(path, part):
    with pytest.raises(ModelError, match=part) as caught:
        LanguageModel.open(path)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(path))
    assert any(verb in message.rpartition(": ")[2] for verb in ("restore", "make", "train", "pass", "import"))


@pytest.mark.parametrize("name", lm_files.TABLE_TYPES)
def test_damaged_arrays(folder, name):
    file = folder / f"{name}.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused(folder, "checksum")
    if name in ("symbol", "log10_probability", "log10_backoff"):  # the others make no sense any more
        LanguageModel.open(folder, verify=False)
    file.write_bytes(whole[:-1])
    refused(folder, "bytes instead of")
    file.unlink()
    refused(folder, "missing")


def seal(folder, name):
    """Make the card vouch for a file as it is now."""
    data = (folder / name).read_bytes()
    card = card_of(folder)
    card["arrays"][name] = {"bytes": len(data), "crc32": f"{zlib.crc32(data):08x}"}
    write_card(folder, card)


@pytest.mark.parametrize("name", lm_files.TABLE_TYPES)
def test_arrays_of_another_model(folder, name):
    file = folder / f"{name}.npy"
    array = np.load(file)
    for other in (array[:-1], array.reshape(1, -1), array.astype(np.float64)):
        np.save(file, other)
        seal(folder, file.name)
        refused(folder, "not the array")
    file.write_bytes(b"x" * 200)
    seal(folder, file.name)
    refused(folder, "not a .npy array")


def test_cards_that_are_none(folder, tmp_path):
    card = card_of(folder)
    write_card(folder, card | {"format_version": 99, "segtool_version": "7.1"})
    refused(folder, r"format 99, written by segtool 7\.1")
    write_card(folder, card | {"format": "segtool model"})
    refused(folder, "not the card of a language model")
    (folder / "card.json").write_text(json.dumps(card | {"ngrams": [1]}), encoding="utf-8")
    refused(folder, "checksum")
    (folder / "card.json").write_text("{", encoding="utf-8")
    refused(folder, "not JSON")
    (folder / "card.json").unlink()
    refused(folder, r"no card\.json")
    refused(tmp_path / "nowhere", "does not exist")


def test_a_language_model_is_its_arrays(lm):
    names = [each.name for each in dataclasses.fields(LanguageModel)]
    assert names == ["codes", "ngrams", *list(lm_files.TABLE_TYPES)[1:], "discounts", "card"]
    assert len(lm.tables) == 5

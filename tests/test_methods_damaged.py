"""Models of every method that are damaged, and models that keep a language model."""

import json
import shutil

import pytest

from segtool import ModelError, UsageError, load, train
from segtool.lm.store import open_lm
from segtool.segmenter import Segmenter
from segtool.store.cards import card_checksum
from segtool.store.model import load_model
from tests.helpers import (
    SAMPLE,
    refusal,
    run,
    sample_text,
    succeed,
)
from tests.test_methods import every, model, segmenter


@pytest.fixture
def copy(tmp_path):
    def copy(variant):
        return shutil.copytree(model(variant), tmp_path / "copy")

    return copy


def change_card(path, **entries):
    """Change a card on purpose, checksum and all; None takes an entry out."""
    card = json.loads((path / "card.json").read_text(encoding="utf-8")) | entries
    card = {key: value for key, value in card.items() if value is not None}
    (path / "card.json").write_text(json.dumps(card | {"checksum": card_checksum(card)}), encoding="utf-8")


@every
def test_a_decoder_that_is_not_known(copy, variant):
    path = copy(variant)
    change_card(path, decoder="oracle")
    with pytest.raises(ModelError, match="copy: a model for decoder 'oracle'"):
        load(path)


def test_a_decoder_that_is_not_known_on_the_command_line(copy):
    path = copy("cohesion 2015")
    change_card(path, decoder="oracle")
    done = run("cut", "-m", path, input="今天\n".encode())
    assert done.returncode == 1
    assert f"{path}: a model for decoder 'oracle'" in refusal(done.stderr)
    assert done.stdout == b""


def test_a_card_without_a_decoder_is_of_a_lattice(copy):
    """As written before there were others."""
    path = copy("unigram")
    change_card(path, decoder=None)
    assert load(path).cut(sample_text()) == segmenter("unigram").cut(sample_text())


def test_a_model_of_tags_without_its_language_model():
    bare = load_model(model("cohesion"))
    bare.card["decoder"] = "tags"
    with pytest.raises(ModelError, match="the language model is missing"):
        Segmenter(bare)


LM_FILES = ["card.json", "codes", "symbol", "first_child", "suffix", "log10_probability", "log10_backoff"]


@pytest.mark.parametrize("name", [name if "." in name else f"{name}.npy" for name in LM_FILES])
def test_damage_to_the_language_model(copy, name):
    path = copy("lm")
    file = path / "lm" / name
    data = file.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    for damaged in (b"", data[:-2], data + b"\0", bytes(flipped)):
        file.write_bytes(damaged)
        with pytest.raises(ModelError) as caught:
            load(path)
        assert str(file) in str(caught.value)
        assert "\n" not in str(caught.value)
    file.unlink()
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(file if name != "card.json" else file.parent) in str(caught.value)


def test_no_language_model_at_all(copy):
    path = copy("lm")
    shutil.rmtree(path / "lm")
    done = run("cut", "-m", path, input="今天\n".encode())
    assert done.returncode == 1
    assert str(path / "lm") in refusal(done.stderr)
    (path / "lm").write_text("a file", encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(path / "lm") in str(caught.value)


def test_missing_arrays_of_every_decoder(copy, tmp_path):
    for variant in ("cohesion 2015", "lm"):
        path = copy(variant)
        (path / "lexicon.npy").unlink()
        with pytest.raises(ModelError, match=r"lexicon\.npy: missing"):
            load(path)
        shutil.rmtree(tmp_path / "copy")


@pytest.mark.parametrize("method", ["unigram", "entropy", "cohesion"])
def test_a_language_model_is_kept_beside_any_method(tmp_path, method):
    plain = train(SAMPLE, tmp_path / "plain", method=method)
    kept = train(SAMPLE, tmp_path / "kept", method=method, with_lm=True, lm_order=3)
    assert not (tmp_path / "plain" / "lm").exists()
    text = sample_text()
    assert kept.cut(text) == plain.cut(text)
    lm = open_lm(tmp_path / "kept")
    assert lm.order == 3
    alone = tmp_path / "alone"
    succeed("lm", "train", SAMPLE, "-o", alone, "--order", 3, "-q")
    # counted up to 7-grams in the one and 3-grams in the other: the same 3-grams
    assert lm.score_text(text) == open_lm(alone).score_text(text)
    with pytest.raises(ModelError, match=r"card\.json"):
        open_lm(tmp_path / "plain")


def test_no_language_model_of_a_word_list():
    with pytest.raises(UsageError, match="--with-lm"):
        train(texts=["今天 3\n"], method="dict", with_lm=True)

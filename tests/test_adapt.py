"""Learning from the text at hand: what is gained, what is kept, and that the model stays as it is."""

import pickle

import numpy as np
import pytest

import segtool
from segtool.decode.decoders import decoder_of
from segtool.errors import CorpusError, UsageError
from segtool.lexicon import adapt as adaptation
from segtool.ngrams.counter import collect_corpus
from tests.helpers import SAMPLE, sample_model, sample_segmenter, sample_text

NAME = "墨麒麟"
NOVEL = [
    f"{before}{NAME}{behind}。"
    for before, behind in [
        ("昨天", "去公园"), ("我们喜欢", "的朋友"), ("医生说", "要休息"), ("今天", "很忙"), ("听说", "在学校"),
        ("大家都找", "帮忙"), ("后来", "买了东西"), ("天气好的时候", "出门"), ("可是", "没有来"), ("这是", "的项目"),
    ]
]  # fmt: skip


def test_a_name_that_comes_again_becomes_a_word():
    before = sample_segmenter()
    adapted = before.adapt(NOVEL)
    assert NAME not in before.cut(NOVEL[0]) or NAME not in words_of(before.model)
    assert NAME in words_of(adapted.model)
    assert all(NAME in adapted.cut(line) for line in NOVEL)


def words_of(model):
    return {model.spell(i) for i in range(len(model.words))}


def test_the_model_itself_stays_as_it_is():
    segmenter = segtool.load(sample_model())
    arrays = [getattr(segmenter.model, name).copy() for name in ("symbols", "lexicon", "words", "spelling", "faces")]
    card = repr(segmenter.model.card)
    adapted = segmenter.adapt(NOVEL)
    assert adapted is not segmenter
    for name, array in zip(("symbols", "lexicon", "words", "spelling", "faces"), arrays, strict=True):
        assert (getattr(segmenter.model, name) == array).all()
    assert repr(segmenter.model.card) == card
    assert adapted.model.path is None


def test_what_is_known_stays_known():
    before, adapted = sample_segmenter(), sample_segmenter().adapt(NOVEL)
    lines = sample_text().split("\n")
    same = sum(before.cut(line) == adapted.cut(line) for line in lines)
    assert same > 0.88 * len(lines)
    total = adapted.model.words["expected"].sum()
    assert total > before.model.words["expected"].sum()


def test_words_are_slices_of_the_text():
    text = "".join(NOVEL) + "龘靐 x1,000% 墨麒麟。\r\n後來墨麒麟"
    assert "".join(sample_segmenter().adapt(NOVEL).cut(text)) == "".join(text.split())


def test_workers_make_no_difference():
    models = [sample_segmenter().adapt(NOVEL * 30, workers).model for workers in (1, 2, 5)]
    for other in models[1:]:
        for name in ("symbols", "lexicon", "words", "spelling", "spellings", "faces"):
            assert getattr(models[0], name).tobytes() == getattr(other, name).tobytes()


def test_it_can_be_done_again():
    twice = sample_segmenter().adapt(NOVEL[:5]).adapt(NOVEL[5:])
    assert NAME in words_of(twice.model)
    assert pickle.loads(pickle.dumps(twice)).cut(NOVEL[3]) == twice.cut(NOVEL[3])


def test_counts_add_up():
    before, text = sample_segmenter().model, "\n".join(NOVEL)
    adapted = adaptation.adapt_model(before, collect_corpus([text]))
    names = {adapted.spell(i): i for i in range(len(adapted.words))}
    old = {before.spell(i): i for i in range(len(before.words))}
    for symbol in "天的说":
        grown = adapted.words["count"][names[symbol]] - before.words["count"][old[symbol]]
        assert grown == text.count(symbol)
    assert adapted.words["count"][names[NAME]] == len(NOVEL)


def test_new_characters_are_known_afterwards():
    before = sample_segmenter()
    assert ord("麒") not in before.model.symbols
    assert ord("麒") in before.adapt(NOVEL).model.symbols


def test_words_keep_the_script_of_the_text():
    text = [line.replace("医生说", "醫生說").replace("墨麒麟", "東邊龍") for line in NOVEL]
    model = sample_segmenter().adapt(text).model
    assert "東邊龍" in words_of(model)
    assert "医生" in words_of(model)


def test_the_trie_holds_the_words():
    model = sample_segmenter().adapt(NOVEL).model
    units = model.lexicon.reshape(-1, 4)
    for record in model.words[:: len(model.words) // 50]:
        node = int(record["symbols"][0])
        for symbol in record["symbols"][1 : record["length"]]:
            child = units[node, 0] + symbol
            assert units[child, 1] == node
            node = child
        assert units[node, 2] == pytest.approx(float(record["weight"]) * 65536, abs=1)
    order = [(int(r["length"]), *r["symbols"].tolist()) for r in model.words]
    assert order == sorted(order)


def test_an_adapted_model_decodes_like_its_tables():
    assert decoder_of(sample_segmenter().adapt(NOVEL).model).plain is not None


@pytest.mark.parametrize("texts", [[], [""], ["abc 123", "…"]])
def test_nothing_to_learn(texts):
    with pytest.raises(CorpusError):
        sample_segmenter().adapt(texts)


def test_a_text_is_a_text():
    assert NAME in words_of(sample_segmenter().adapt("\n".join(NOVEL)).model)


@pytest.mark.parametrize("method", ["entropy", "cohesion"])
def test_other_methods_cannot(method):
    segmenter = segtool.train(SAMPLE, method=method)
    with pytest.raises(UsageError, match=method):
        segmenter.adapt(NOVEL)


def test_workers_must_be_some():
    with pytest.raises(UsageError, match="workers"):
        sample_segmenter().adapt(NOVEL, 0)


def test_training_from_a_base(tmp_path):
    report = segtool.TrainingReport()
    path = tmp_path / "more.model"
    segmenter = segtool.train(texts=NOVEL, base=sample_model(), output=path, report=report)
    assert NAME in words_of(segmenter.model)
    assert segtool.load(path).cut(NOVEL[0]) == segmenter.cut(NOVEL[0])
    assert [stage.name for stage in report.stages] == ["read", "adapt", "write"]
    assert segmenter.model.card["base"]["corpus"] == sample_segmenter().model.card["corpus"]
    assert segmenter.model.card["corpus"]["characters"] == sum(map(len, NOVEL))


def test_a_base_has_its_own_parameters():
    with pytest.raises(UsageError, match="--min-count"):
        segtool.train(texts=NOVEL, base=sample_model(), min_count=3)
    segtool.train(texts=NOVEL * 20, base=sample_model(), sample=0.9, seed=3)


def test_a_small_text_counts_for_more():
    model = sample_segmenter().model
    text = "今天天气很好"
    words = len(sample_segmenter().cut(text))
    adapted = adaptation.adapt_model(model, collect_corpus([text]))
    gained = adapted.words["expected"].sum() - model.words["expected"].sum()
    assert gained == pytest.approx(adaptation.MOST * words, rel=0.3)
    assert np.isfinite(adapted.words["weight"]).all()
    much = adaptation.adapt_model(model, collect_corpus([text] * 20_000))
    gained = much.words["expected"].sum() - model.words["expected"].sum()
    assert 0.7 * words <= gained / 20_000 <= len(text), "as much as it is"

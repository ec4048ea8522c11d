"""Explanations with a dictionary: where its words come from, literals and splits."""

from hypothesis import given
from hypothesis import strategies as st

import segtool
from tests.helpers import sample_segmenter

SEGMENTER = sample_segmenter()
HAN = "今天气很好我们去公园散步和服务"
found_words = st.lists(st.text(st.sampled_from(HAN + "\u9fa5"), min_size=2, max_size=4), max_size=8, unique=True)


@given(st.text(st.sampled_from(HAN + "，\u9fa5"), max_size=20), found_words, st.booleans(), st.booleans())
def test_origins_of_a_dictionary(text, found, complete, again):
    lists = {name: found[i::4] for i, name in enumerate(("prefer", "force", "forbid", "words"))}
    segmenter = SEGMENTER.with_words(**lists, words_only=complete and bool(lists["words"]))
    complete = complete and bool(lists["words"])
    if again:
        segmenter = segmenter.with_words(prefer=found[:1])
        lists |= {name: [word for word in listed if word not in found[:1]] for name, listed in lists.items()}
        lists["prefer"] += found[:1]
    names = {"preferred": "prefer", "forced": "force", "forbidden": "forbid", "listed": "words"}
    origins = {word: origin for origin, name in names.items() for word in lists[name]}
    own = {word.word: word.origin for one in SEGMENTER.explain(text).runs for word in one.words}
    explanation = segmenter.explain(text)
    assert explanation.words == segmenter.cut(text)
    for one in explanation.runs:
        for word in one.words:
            learned = own.get(word.word, "unknown word")
            if complete and learned == "lexicon" and len(word.word) > 1:
                learned = "unlisted"
            assert word.origin == origins.get(word.word, learned)
            assert word.score == sum(part.nats for part in word.parts)
            force = [part.nats for part in word.parts if part.name == "force"]
            assert force == ([1000.0 * len(word.word)] if word.origin == "forced" else [])
            assert (word.count is None) == (word.word not in SAMPLE_WORDS)
        assert sum(word.score for word in one.cover) + sum(gap.score for gap in one.cuts) == one.score


SAMPLE_WORDS = {SEGMENTER.model.spell(i) for i in range(len(SEGMENTER.model.words))}


def test_origins_are_saved(tmp_path):
    segmenter = SEGMENTER.with_words(prefer=["很好"], force=["天气很"], forbid=["今天"], words=["公园"])
    segmenter.save(tmp_path / "m")
    saved = segtool.load(tmp_path / "m").explain("今天天气很好公园")
    assert saved.runs == segmenter.explain("今天天气很好公园").runs
    found = {word.word: word.origin for word in saved.runs[0].words}
    assert [found[word] for word in ("今天", "天气很", "很好", "公园", "天气")] == [
        *("forbidden", "forced", "preferred", "listed", "lexicon")
    ]


def test_single_symbols_of_a_dictionary():
    found = SEGMENTER.with_words(force=["龘", "今"], prefer=["好"]).explain("龘今好").runs[0].words
    assert {word.word: word.origin for word in found if len(word.word) == 1} == {
        "龘": "forced",
        "今": "forced",
        "好": "lexicon",
    }
    new = SEGMENTER.with_words(prefer=["龘今"]).explain("龘").runs[0].words
    assert (new[0].origin, new[0].count) == ("unknown character", None)


def test_literals_and_splits():
    segmenter = SEGMENTER.with_words(force=["C++", "iPhone 15 Pro", "今天|天气"])
    text = "用C++写😀今天天气iPhone 15 Pro好"
    explanation = segmenter.explain(text)
    assert explanation.words == segmenter.cut(text)
    assert {"今天", "天气", "C++", "iPhone 15 Pro"} < set(explanation.words)
    assert [one.word for one in explanation.runs if one.origin == "literal"] == ["C++", "iPhone 15 Pro"]
    for one in explanation.runs:
        assert text[one.start : one.end] == one.word
        assert all(text[word.start : word.end] == word.word == "".join(word.pieces) for word in one.words)
    (split,) = [word for one in explanation.runs for word in one.cover if word.word == "今天天气"]
    assert (split.pieces, split.origin) == (("今天", "天气"), "forced")
    assert "forced, as 今天 天气: weight -" in explanation.report()
    assert "comes out as 今天 天气" in explanation.to_html()


@given(st.text(st.sampled_from("C+5G3.% a好\u0301\u200d😀\ud7fe\ud7ff今天"), max_size=40))
def test_literals_in_any_text(text):
    segmenter = LITERALS
    explanation = segmenter.explain(text)
    assert explanation.words == segmenter.cut(text)
    assert all(text[one.start : one.end] == one.word for one in explanation.runs)


LITERALS = SEGMENTER.with_words(force=["C++", "5G", "3.5", "a a", "😀+", "今|天"])

"""Word lists and dictionaries: their strengths, splits and literals, files, and the command line."""

import pickle
from collections import deque
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import segtool
from segtool.decode.literals import Literals
from segtool.decode.search import search_utf8_stream
from segtool.decode.streaming import cut_stream
from segtool.decode.viterbi import SPLITS
from segtool.errors import UsageError
from segtool.guideline import dictionary
from segtool.guideline.extend import best_splits, widen
from segtool.segmenter import Segmenter
from segtool.text.symbols import STAND_INS
from tests import naive_dictionary
from tests.helpers import GOLD, extend, interpreting, sample_segmenter

SEGMENTER = Segmenter(extend(sample_segmenter().model, 3))
"""With a boundary model and unknown words of random scores."""

HAN = "今天气很好我们去公园散步和服务"
texts = st.text(st.sampled_from(HAN + "，。5a\u9fa5"), max_size=30)
texts |= st.text(st.sampled_from("好气好气，"), max_size=40)
words = st.text(st.sampled_from(HAN + "\u9fa5"), min_size=2, max_size=5)
words |= st.text(st.sampled_from("好气"), min_size=2, max_size=15)
some_words = st.lists(words, min_size=1, max_size=6, unique=True)
ONE = str.maketrans(STAND_INS[1], STAND_INS[0])
MIXED = "C+5G3.%-#[]⿰@ a好\u0301\u200d\u200b😀\ud7fe\ud7ff"


def cut_every_way(segmenter, text):
    """The words by plain Python, compiled, in a batch and as a stream, which must agree."""
    with interpreting(True):
        plain = segmenter.cut(text)
    with interpreting(False):
        assert segmenter.cut(text) == plain
        assert segmenter.cut_batch([text, "好", text], 2) == [plain, ["好"], plain]
        if not any(space in text + "".join(plain) for space in " \n/|"):
            pieces = [text[i : i + 3] for i in range(0, len(text), 3)]
            assert b"".join(cut_stream(segmenter, pieces, "/", 2)).decode() == "/".join(plain)
    return plain


@given(st.lists(st.text(st.sampled_from(HAN + "\u9fa5\u4e00"), min_size=2, max_size=5), min_size=1, max_size=8))
def test_best_splits(found):
    model = SEGMENTER.model
    codes = [[list(map(ord, word)) for word in found if len(word) == k] for k in range(1, 16)]
    trie = widen(model, [np.array(rows, np.int64).reshape(len(rows), k) for k, rows in enumerate(codes, 1)])
    units, spelling = trie.units.tolist(), trie.spelling.tolist()
    for rows in trie.rows[1:]:
        if len(rows):
            expected = [naive_dictionary.best_split(tuple(r), units, spelling, 4) for r in rows.tolist()]
            assert best_splits(trie, rows).tolist() == expected


@given(texts, some_words)
def test_new_words_alone_change_nothing(text, found):
    """A wider trie, with characters that the model lacks, cuts as the model does."""
    wide = SEGMENTER.with_words(prefer=dict.fromkeys(found, -1000.0))
    assert cut_every_way(wide, text) == SEGMENTER.cut(text)


@given(words)
def test_a_preferred_word_is_one_word_alone(word):
    assert cut_every_way(SEGMENTER.with_words(prefer=[word]), word) == [word]


@given(texts, some_words)
def test_the_most_forced_characters_win(text, found):
    forced = SEGMENTER.with_words(force=found)
    got = cut_every_way(forced, text)
    assert "".join(got) == text
    assert sum(len(word) for word in got if word in found) == naive_dictionary.most_forced(text, found)


@given(texts, some_words)
def test_a_forbidden_word_never_comes_out(text, found):
    assert not {*found} & {*cut_every_way(SEGMENTER.with_words(forbid=found), text)}
    assert not {*found} & {*cut_every_way(SEGMENTER.with_words(forbid=found, force=[found[0] + "们"]), text)}


@given(texts, st.lists(st.lists(st.text(st.sampled_from(HAN), min_size=1, max_size=3), min_size=2, max_size=3)))
def test_forced_splits_are_forced_words_cut_on_output(text, found):
    splits = {"".join(parts): parts for parts in found}
    whole = SEGMENTER.with_words(force=list(splits))
    split = SEGMENTER.with_words(force=["|".join(parts) for parts in splits.values()])
    expected = [part for word in whole.cut(text) for part in splits.get(word, [word])]
    assert cut_every_way(split, text) == expected


@given(
    st.text(st.sampled_from(MIXED), max_size=40),
    st.lists(st.text(st.sampled_from("C+5G3.% a好😀"), min_size=2, max_size=5).map(str.strip), min_size=1, max_size=5),
)
def test_literals(text, found):
    literals = [word for word in found if any(c in word for c in "C+5G3.%a😀")]
    assume(literals)
    segmenter = SEGMENTER.with_words(force=literals)
    kept = segmenter.model.card["dictionary"]["literals"]
    expected = naive_dictionary.with_literals(text, kept, SEGMENTER.cut)
    assert cut_every_way(segmenter, text) == expected


@given(st.text(st.sampled_from(MIXED + "\n"), max_size=60), st.integers(1, 7), st.integers(1, 2))
def test_literals_across_pieces_of_a_stream(text, size, workers):
    segmenter = SEGMENTER.with_words(force=["C++", "5G", "3.5", "a a", "😀+"])
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    lines = [segmenter.cut(line) for line in text.split("\n")]
    expected = "\n".join("/".join(line) for line in lines)
    assert b"".join(cut_stream(segmenter, pieces, "/", workers)).decode() == expected


@given(texts, some_words, some_words, st.floats(0, 9), st.sampled_from([-3.0, 0.0, 2.0]))
def test_search_and_granularity(text, found, split, within, granularity):
    """Entries for search are the same in every way; the words of the cut are primary and in order."""
    force = ["C5", "+ +", *{word: f"{word[:1]}|{word[1:]}" for word in split}.values()]
    segmenter = SEGMENTER.with_granularity(granularity).with_words(force=force, prefer={*found} - {*split})
    text += "C5" + text + "+ +" + text[:9]
    with interpreting(True):
        plain = segmenter.tokenize(text, search=True, within=within)
        assert [token.word for token in plain if token.primary] == segmenter.cut(text)
    with interpreting(False):
        assert segmenter.tokenize(text, search=True, within=within) == plain
        pieces = [text[i : i + 3].encode() for i in range(0, len(text), 3)]
        stream = b"".join(search_utf8_stream(segmenter, pieces, "/", within, 2)).decode()
        assert stream == "/".join(token.word for token in plain)
    assert all(text[token.start : token.end] == token.word for token in plain)
    parts = {part for entry in force for part in entry.split("|")[1:]}  # which other entries force
    assert not ({*split} - parts) & {token.word for token in plain}


@given(
    st.text(st.sampled_from(MIXED + "好今\n \u0301"), max_size=60),
    st.lists(st.text(st.sampled_from(MIXED[:-2] + "好今"), min_size=1, max_size=4), min_size=1, max_size=6),
    st.integers(0, 60),
)
def test_stretches_around_literals(text, found, size):
    """Literals are the same in compiled code, which divides only stretches of text into tokens, and in two parts."""
    found = [word for word in (word.strip() for word in found) if word and not set(word) <= {"\u0301", "\u200d"}]
    assume(found)
    literals = Literals(found, folds=False)
    hidden, replaced = literals.hide(text)
    assert literals.hide_compiled(text) == (hidden, replaced)
    left = deque()
    pieces = [part.encode() for part in (text[:size], text[size:])]
    assert b"".join(literals.hide_stream(pieces, left)).decode().translate(ONE) == hidden.translate(ONE)
    assert [word.decode() for word in left] == replaced


def test_literals_fold_and_stand_ins_are_text():
    """A character that stands for literals may be in a text, beside literals."""
    segmenter = SEGMENTER.with_words(force=["C++", "开放A"])
    assert cut_every_way(segmenter, "好開放A好") == ["好", "開放A", "好"]
    for text in ("用C++写c++開放A", f"好{STAND_INS}C++{STAND_INS[0]}好{STAND_INS[1] * 2}", STAND_INS[1] + "\u0301C++"):
        words = cut_every_way(segmenter, text)
        assert "".join(words) == text
        assert words.count("C++") == text.count("C++")


def test_an_emoji_joiner_does_not_join_a_literal():
    segmenter = SEGMENTER.with_words(force=["C++"])
    for before in ("👧\u200d", "。\u200d", "好\u200d", "C++。\u200d", f"👧\u200d{STAND_INS[0]}。\u200d"):
        words = cut_every_way(segmenter, f"{before}C++好")
        assert words[-2:] == ["C++", "好"] and "".join(words) == f"{before}C++好"
    batch = ["👧\u200dC++", "好", "C++"]
    assert segmenter.cut_batch(batch) == [segmenter.cut(text) for text in batch]


def test_a_tuned_model_takes_words():
    """Scores of tuned models have another scale; the promises of the strengths hold there, too."""
    lines = GOLD.read_text(encoding="utf-8").splitlines()
    tuned = sample_segmenter().tune([line.split() for line in lines[:60]])
    assert tuned.model.card["tuned"]["wins"]
    for word in ("医生说今天", "休息公园", "\u9fa5\u9fa5好"):
        assert len(tuned.cut(word)) > 1
        assert tuned.with_words(prefer=[word]).cut(word) == [word]
        text = f"我们去{word}的"
        assert word in cut_every_way(tuned.with_words(force=[word]), text)
        forced = tuned.with_words(force=[word])
        assert word not in cut_every_way(forced.with_words(forbid=[word]), text)
    listed = tuned.with_words(words=["休息公园"], words_only=True)
    texts = [line.replace(" ", "") for line in lines[60:]]
    before, after = (sum(map(len, each.cut_batch(texts))) for each in (tuned, listed))
    assert after > before * 1.02  # unlisted words cost nats, so there are more single characters


def test_the_spare_numbers_of_a_stored_model_are_not_trusted():
    spelling = SEGMENTER.model.spelling.copy()
    spelling[SPLITS] = 1 << 30
    other = Segmenter(replace(SEGMENTER.model, spelling=spelling))
    assert cut_every_way(other, HAN) == SEGMENTER.cut(HAN)
    assert cut_every_way(other.with_words(force=["天|气"]), "天气") == ["天", "气"]


def test_examples():
    base = segtool.load()
    text = "商品和服务项目"
    assert cut_every_way(base.with_words(force=["和服", "服务项目"]), text) == ["商品", "和", "服务项目"]
    preferred = base.with_words(prefer=["川普"])
    assert cut_every_way(preferred, "四川普通话") == ["四川", "普通话"]
    assert cut_every_way(preferred, "川普") == ["川普"]
    split = base.with_words(force=["商品和|服务"])
    assert cut_every_way(split, "商品和服務") == ["商品和", "服務"]  # folded
    text = "用C++写，iPhone 15 Pro支持5G，不是15G、3.5G和C+++。👨‍👩‍👧"
    literal = base.with_words(force=["C++", "5G"], prefer=["iPhone 15 Pro", "👨‍👩‍👧"])
    got = cut_every_way(literal, text)
    assert [word for word in got if word in ("C++", "5G", "iPhone 15 Pro", "👨‍👩‍👧")] == [
        "C++", "iPhone 15 Pro", "5G", "👨‍👩‍👧",
    ]  # fmt: skip
    long = "天地玄黄宇宙洪荒日月盈昃辰宿列张"
    assert cut_every_way(base.with_words(force=[long]), f"第{long}号")[1:2] == [long]
    tokens = literal.tokenize(text, "byte")
    assert all(text.encode()[token.start : token.end].decode() == token.word for token in tokens)


def test_preferred_words_that_the_model_lacks_gain_more():
    box = segtool.load()
    words = {box.model.spell(i) for i in range(len(box.model.words))}
    assert "凯特琳" not in words and "研究生" in words
    preferred, text = box.with_words(prefer=["凯特琳", "研究生"]), "我和凯特琳练功，研究生命"
    assert cut_every_way(preferred, text) == ["我", "和", "凯特琳", "练功", "，", "研究", "生命"]
    assert "凯特琳" not in box.with_words(prefer={"凯特琳": 4.0}).cut(text)


def test_a_word_list():
    listed = ["今天", "天气", "很好", "我们"]
    partial = SEGMENTER.with_words(words=[*listed, "，", "A股", "C++"])
    assert all(partial.cut(word) == [word] for word in listed)
    complete = SEGMENTER.with_words(words=listed, words_only=True)
    text = "今天天气很好我们去公园散步"
    unlisted = [{w for w in each.cut(text) if len(w) > 1 and w not in listed} for each in (SEGMENTER, complete)]
    assert len(unlisted[1]) <= len(unlisted[0])
    assert complete.cut(text)[:4] == listed


def test_dictionaries_add_up_and_the_later_one_wins():
    first = SEGMENTER.with_words(force=["天气|很", "C++", "我们去"])
    second = first.with_words(forbid=["我们去"], force=["天气很", "5G"])
    assert second.cut("天气很C++我们去5G")[0] == "天气很"
    assert "C++" in second.cut("好C++好") and "5G" in second.cut("好5G好")
    assert "我们去" not in second.cut("我们去")
    again = first.with_words(force=["我们去"])
    assert np.max(again.model.lexicon.reshape(-1, 4)[:, 2]) == np.max(first.model.lexicon.reshape(-1, 4)[:, 2])


def test_saved_pickled_and_unchanged(tmp_path):
    before = SEGMENTER.model.lexicon.copy()
    words = ["天气很|好", "C++", "\u9fa5\u9fa5好", "今天天气很好我们"]
    segmenter = SEGMENTER.with_words(force=words)
    text = "今天天气很好我们C++\u9fa5\u9fa5好天气很好"
    segmenter.save(tmp_path / "model")
    for other in (segtool.load(tmp_path / "model"), pickle.loads(pickle.dumps(segmenter))):
        assert cut_every_way(other, text) == segmenter.cut(text)
    assert np.array_equal(SEGMENTER.model.lexicon, before)
    table = segmenter.model.words
    assert {segmenter.model.spell(i) for i in range(len(table))} >= {"\u9fa5\u9fa5好", "今天天气很好我们"}
    order = [(int(row["length"]), row["symbols"].tolist()) for row in table]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"prefer": ["天气"], "force": ["天氣"]}, "force: 天氣: the same word is in prefer: 天气"),
        ({"force": ["天|气", "天气"]}, "split in another way"),
        ({"forbid": ["好"]}, "forbid: 好: a single character cannot be forbidden"),
        ({"forbid": ["A股"]}, "number or a Latin run"),
        ({"force": ["天|"]}, "no word on one side"),
        ({"force": ["5|G"]}, "Han characters only"),
        ({"prefer": "天气"}, "prefer: one string"),
        ({"prefer": [" "]}, "no word"),
        ({"prefer": ["天\n气"]}, "control character"),
        ({"prefer": {"天气": float("nan")}}, "nats"),
        ({"words_only": True}, "no word list"),
    ],
)
def test_refusals(lists, message):
    with pytest.raises(UsageError, match=message):
        segtool.load().with_words(**lists)


def test_other_methods_and_learning_after_words():
    with pytest.raises(UsageError, match="cannot be tuned"):
        segtool.load().with_words(prefer=["天气"]).tune([["今天", "好"]] * 3)
    with pytest.raises(UsageError, match="cannot be adapted"):
        segtool.load().with_words(prefer=["天气"]).adapt(["今天天气很好"])
    model = sample_segmenter().model
    with pytest.raises(UsageError, match="takes no words"):
        other = replace(model, card=model.card | {"decoder": "pairs"})
        dictionary.extend(other, dictionary.Dictionary.of(["天气"]))

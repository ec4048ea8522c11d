"""The ranking is what its formula says, words are listed as asked, and examples stand in the text."""

import doctest
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segtool
from segtool import UsageError, discovery
from segtool.discovery import SORT_FIELDS, WordScore, check_lengths, discover, examples, rank
from segtool.store.model import save_model, word_record
from segtool.text.symbols import LAT, MARK, NUM, SPACE, spelled
from tests import naive
from tests.helpers import any_text, sample_segmenter, sample_text

SEGMENTER = sample_segmenter()
MODEL = SEGMENTER.model
LISTED = discover(SEGMENTER)
EVERY = discover(SEGMENTER, min_len=1, with_numbers=True)


# Naive twins


def record(symbols, count, expected, cohesion=5.0, left=3.0, right=3.0, width=4):
    row = np.zeros(1, word_record(width))
    row["symbols"][0, : len(symbols)] = symbols
    row["length"], row["count"], row["expected"] = len(symbols), count, expected
    row["cohesion"] = math.inf if len(symbols) == 1 else cohesion
    row["left_entropy"], row["right_entropy"] = left, right
    return row


def table(*rows):
    return np.concatenate(rows)


def spelling(row):
    return tuple(row["symbols"][: row["length"]].tolist())


def covers(word):
    """Every way to cut a word into two parts or more."""
    for cuts in itertools.product((False, True), repeat=len(word) - 1):
        places = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(word)]
        if len(places) > 2:
            yield [word[a:b] for a, b in itertools.pairwise(places)]


def naive_scores(words):
    tiny = np.finfo(float).tiny
    total = max(float(words["expected"].sum()), tiny)
    theta = {spelling(row): math.log(max(row["expected"], tiny)) - math.log(total) for row in words}
    share = {spelling(row): min(row["expected"] / max(row["count"], 1), 1) for row in words if row["length"] == 1}
    least = min(theta.values(), default=0.0)
    scores = []
    for row in words:
        word = spelling(row)
        if len(word) < 2:
            scores.append(0.0)
            continue
        best = max(
            sum(theta.get(part, least if len(part) == 1 else -math.inf) for part in cover) for cover in covers(word)
        )
        count = max(float(row["count"]), 1.0)
        longer = 0.0
        for other in words:
            text = spelling(other)
            if len(text) > len(word) and any(text[i : i + len(word)] == word for i in range(len(text) - len(word) + 1)):
                longer = max(longer, float(other["count"]))
        edge = max(share.get(word[:1], 0.0), share.get(word[-1:], 0.0))
        scores.append(
            max(theta[word] - best, 0.0) ** 2
            * max(float(row["cohesion"]), 0.0)
            * math.log1p(max(row["expected"] - 1, 0) / 10)
            * min(min(float(row["left_entropy"]), float(row["right_entropy"])) / 2.5, 1)
            * min(row["expected"] / count, 1)
            * (1 - edge**3)
            * (1 - min(longer / count, 1) ** 2)
        )
    return scores


entropies = st.floats(0, 5, width=32)
words_of_few_symbols = st.lists(
    st.builds(
        record,
        st.lists(st.integers(1, 3), min_size=1, max_size=4),
        st.integers(0, 60),
        st.floats(0, 60),
        st.floats(-4, 12, width=32),
        entropies,
        entropies,
    ),
    max_size=30,
    unique_by=lambda row: spelling(row[0]),
).map(lambda rows: table(np.zeros(0, word_record(4)), *rows))


@given(words_of_few_symbols)
def test_rank_is_the_formula(words):
    np.testing.assert_allclose(rank(words), naive_scores(words), rtol=1e-6, atol=2e-3)


def test_rank_of_real_words_is_the_formula():
    words, scores = MODEL.words, rank(MODEL.words)
    texts = ["/".join(map(str, ["", *spelling(row), ""])) for row in words]
    for place in range(0, len(words), 40):
        some = [i for i, text in enumerate(texts) if text in texts[place] or texts[place] in text]
        # the other words bear on the score by their part of the whole alone
        rest = float(words["expected"].sum() - words[some]["expected"].sum())
        others = record((60_000,), 1, rest, width=words["symbols"].shape[1])
        naive = naive_scores(table(words[some], others))[some.index(place)]
        assert scores[place] == pytest.approx(naive, rel=1e-6, abs=2e-3)


@given(words_of_few_symbols, st.randoms(use_true_random=False))
def test_rank_does_not_depend_on_the_order_of_words(words, draw):
    order = list(range(len(words)))
    draw.shuffle(order)
    assert rank(words[order]).tolist() == rank(words)[order].tolist()


# What the ranking prefers

SINGLES = [record((i,), 1000, 900.0) for i in (1, 2)] + [record((i,), 100, 1.0) for i in (3, 4, 5, 6)]
WORD = record((3, 4), 100, 90.0)


def score_of(word, *others):
    return rank(table(*SINGLES, *others, word))[-1]


@pytest.mark.parametrize(
    ("worse", "others"),
    [
        (record((1, 2), 100, 90.0), []),  # both symbols are words
        (record((1, 4), 100, 90.0), []),  # one is
        (record((3, 4), 100, 90.0, cohesion=2.0), []),
        (record((3, 4), 10, 9.0), []),  # rare
        (record((3, 4), 100, 30.0), []),  # no word most of the time
        (record((3, 4), 100, 90.0, left=0.2), []),  # tied to what stands before
        (record((3, 4), 100, 90.0, right=0.2), []),
        (WORD, [record((5, 3, 4), 95, 5.0)]),  # almost always part of one longer word
        (WORD, [record((3, 4, 5), 95, 5.0)]),
        (record((3,), 100, 90.0), []),  # a single symbol
    ],
)
def test_rank_prefers_solid_complete_free_and_frequent_words(worse, others):
    assert score_of(WORD) > 1.5 * score_of(worse, *others)


def test_rank_prefers_the_longer_of_two_solid_words():
    assert score_of(record((3, 4, 5, 6), 100, 90.0)) > score_of(WORD)


def test_what_is_expected_once_has_no_score():
    assert score_of(record((3, 4), 1, 1.0)) == 0
    assert score_of(record((3, 4), 3, 2.5)) > 0


def test_rank_of_nothing():
    assert rank(np.zeros(0, word_record(3))).tolist() == []


NAME, FRAGMENTS = "内塔尼亚胡", ["塔尼亚胡", "内塔尼亚", "尼亚胡", "塔尼", "亚胡"]


def test_a_planted_name_leads_and_its_fragments_do_not():
    lines = sample_text().splitlines()
    frames = ["{}说了很多。", "我们见到了{}", "{}在公园里", "昨天{}没有来", "医生告诉{}要休息", "老师和{}都来了"]
    planted = [frames[i % 6].format(NAME) for i in range(24)]
    found = discover(segtool.train(texts=["\n".join(lines + planted)]))
    order = [each.word for each in found]
    assert NAME in order[:3]
    for fragment in FRAGMENTS:
        assert fragment not in order[: len(order) // 2]


def test_the_first_words_of_the_sample_are_words():
    first = [each.word for each in LISTED[:60]]
    assert {"医生", "公司", "羽毛球", "图书馆"} <= set(first) | {each.word for each in LISTED[:120]}
    loose = "的了是在和也就把"
    assert not [word for word in first if word[0] in loose or word[-1] in loose]


# The list


def test_list_is_complete_and_ranked():
    assert len(EVERY) == len(MODEL.words) == len({each.word for each in EVERY})
    scores = dict(zip(map(MODEL.spell, range(len(MODEL.words))), rank(MODEL.words).tolist(), strict=True))
    assert {each.word: each.score for each in EVERY} == scores
    assert [(-each.score, each.word) for each in EVERY] == sorted((-each.score, each.word) for each in EVERY)
    assert math.isclose(sum(each.probability for each in EVERY), 1)


def test_fields_are_those_of_the_model():
    for each in EVERY[::37]:
        (row,) = [MODEL.words[i] for i in range(len(MODEL.words)) if MODEL.spell(i) == each.word]
        assert each.count == row["count"]
        for name in ("expected", "cohesion", "left_entropy", "right_entropy"):
            assert getattr(each, name) == float(row[name])
        assert type(each.count) is int
        assert type(each.score) is type(each.cohesion) is float


def test_model_or_segmenter():
    assert discover(MODEL) == LISTED == discover(SEGMENTER)


def test_neither_workers_nor_a_folder_change_the_list(tmp_path):
    text = sample_text()
    one, two = (segtool.train(texts=[text], workers=workers) for workers in (1, 2))
    assert discover(one) == discover(two) == discover(save_model(one.model, tmp_path / "m"))


@pytest.mark.parametrize("field", SORT_FIELDS)
def test_sort(field):
    found = discover(SEGMENTER, sort=field)
    assert sorted(found) == sorted(LISTED)
    keys = [(-getattr(each, field), each.word) for each in found]
    assert keys == sorted(keys)


@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 50))
@settings(max_examples=20)
def test_lengths_and_top(shortest, more, top):
    found = discover(SEGMENTER, min_len=shortest, max_len=shortest + more, top=top)
    longest = shortest + more
    fits = [each for each in discover(SEGMENTER, min_len=1) if shortest <= len(each.word) <= longest]
    assert found == fits[:top]


def test_numbers_are_hidden_by_default():
    classes = set(np.flatnonzero(np.isin(MODEL.symbols, (NUM, LAT))).tolist())
    mixed = {MODEL.spell(i) for i in range(len(MODEL.words)) if classes & set(MODEL.words[i]["symbols"].tolist())}
    assert mixed
    assert not mixed & {each.word for each in discover(SEGMENTER, min_len=1)}
    assert mixed <= {each.word for each in EVERY}


def test_rare_words_can_be_left_out():
    assert {each.word for each in discover(SEGMENTER, min_count=5)} == {each.word for each in LISTED if each.count >= 5}
    assert {each.word for each in discover(SEGMENTER, min_expected=2.5)} == {
        each.word for each in LISTED if each.expected >= 2.5
    }


def test_known_words_are_left_out():
    known = [each.word for each in LISTED[::2]]
    assert discover(SEGMENTER, known=known) == LISTED[1::2]
    assert discover(SEGMENTER, known=["无此词", "", "a b", "·"]) == LISTED


def test_known_numbers_are_any_numbers():
    (number,) = [each for each in EVERY if each.word == "0"]
    assert number not in discover(SEGMENTER, min_len=1, with_numbers=True, known=["１２.5%"])
    assert len(discover(SEGMENTER, min_len=1, with_numbers=True, known=["2024"])) == len(EVERY) - 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sort": "weight"}, "--sort takes score, count"),
        ({"sort": "word"}, "--sort"),
        ({"top": -1}, "--top"),
        ({"min_len": 0}, "--min-len 0"),
        ({"min_len": 3, "max_len": 2}, "--min-len 3 is more than --max-len 2"),
        ({"min_len": 7}, "longest words have 6 symbols"),
        ({"known": "今天"}, "not a single str"),
    ],
)
def test_parameters_that_make_no_sense(options, message):
    with pytest.raises(UsageError, match=message):
        discover(SEGMENTER, **options)


def test_check_lengths():
    check_lengths(2, None, 6)
    check_lengths(6, 6, 6)
    check_lengths(1, 99, 6)


def test_docstring():
    test = doctest.DocTestFinder().find(discover, globs={})[0]
    assert doctest.DocTestRunner().run(test) == doctest.TestResults(0, 3)


def test_names():
    assert discovery.__all__ == sorted(discovery.__all__)
    assert (*WordScore._fields,) == ("word", *SORT_FIELDS)


# Examples


def test_examples_stand_in_the_text():
    words = [each.word for each in EVERY[:200]]
    shown = examples(SEGMENTER, [sample_text()], words, 3, width=6)
    assert list(shown) == words
    lines = [" ".join(line.split()) for line in sample_text().splitlines()]
    for word, contexts in shown.items():
        assert len(contexts) == len(set(contexts)) <= 3
        for context in contexts:
            left, rest = context.split("【")
            inside, right = rest.split("】")
            assert spelled(inside) == word
            assert len(left) <= 6
            assert len(right) <= 6
            assert any(left + inside + right in line for line in lines)
    assert sum(map(len, shown.values())) > 500


def test_examples_do_not_depend_on_how_the_text_comes(monkeypatch):
    words = [each.word for each in EVERY[:50]]
    whole = examples(SEGMENTER, [sample_text()], words, 2)
    assert examples(SEGMENTER, sample_text().splitlines(keepends=True), words, 2) == whole
    monkeypatch.setattr(discovery, "PIECE", 100)
    assert examples(SEGMENTER, [sample_text()], words, 2) == whole


def test_examples_of_a_word_with_a_number():
    text = "号码 21 和 ９。\n号码 5%\n"
    shown = ["号码 【21】 和", "和 【９】。", "号码 【5%】"]
    assert examples(SEGMENTER, [text], ["0"], 3, width=3) == {"0": shown}


def test_repeated_contexts_are_shown_once():
    assert examples(SEGMENTER, ["今天休息\n今天休息\n\t今天  休息"], ["今天"], 5) == {
        "今天": ["【今天】休息", "【今天】 休息"]
    }


def test_no_examples():
    assert examples(SEGMENTER, [sample_text()], ["今天"], 0) == {"今天": []}
    assert examples(SEGMENTER, [], ["今天"], 2) == {"今天": []}
    assert examples(SEGMENTER, ["", "今天"], [], 2) == {}
    assert examples(SEGMENTER, ["今天"], ["无此词"], 2) == {"无此词": []}


@given(any_text)
def test_spelling_is_naive(text):
    classes = {NUM: "0", LAT: "A", MARK: "\0", SPACE: "\n"}
    assert spelled(text) == "".join(classes.get(code) or chr(code) for _, _, code in naive.tokens(text))


def test_spelling_of_words():
    assert spelled("今天") == "今天"
    assert spelled("12.5%，ＡBc股\n３月") == "0\0A股\n0月"
    assert spelled("") == ""

"""Numbers in Han characters as tokens: the grammar, the kernels, streams, literals and words of the lexicon."""

import itertools
from collections import defaultdict
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segtool import Segmenter, train
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.lexicon.build import join_numbers
from segtool.lexicon.number_words import pool_numbers
from segtool.text.folding import fold_table, fold_text
from segtool.text.numbers import NUMBER_CHARACTERS
from segtool.text.symbols import NUM, STAND_INS, class_table, symbolise, tokenise
from tests import naive
from tests.helpers import extend, interpreting, little_room, sample_segmenter, sample_text
from tests.naive_numbers import end_of_number

SEGMENTER = sample_segmenter()
EVERY = [SEGMENTER, Segmenter(extend(SEGMENTER.model, 5, 4)), Segmenter(extend(SEGMENTER.model, 6, 15))]

NUMERALS = "".join(NUMBER_CHARACTERS)
NUMBERED = st.text(st.sampled_from(NUMERALS + "一二三十百万1５．%年岁第人。 \ufe0f\n"), max_size=14)
FLOWING = st.lists(
    st.sampled_from([*NUMERALS, "十五", "二〇", "一百", "今天", "年", "第", "1", ".", "%", "。", "\n"]), max_size=40
).map("".join)


def tokens(text):
    """Tokens by the compiled kernel, as (start, end, code)."""
    codes, starts = tokenise(text, True)
    starts = starts.tolist()
    return list(zip(starts, [*starts, len(text)][1:], codes.tolist(), strict=True))


def numbers(text):
    return [text[start:end] for start, end, code in tokens(text) if code == NUM]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("第十四条，第十条，第一条，第14条，第二十", ["第十四", "第十", "14", "第二十"]),
        ("一百年", ["一百"]),
        ("五十五岁", ["五十五"]),
        ("三千元", ["三千"]),
        ("二零零八年", ["二零零八"]),
        ("二〇〇八年五月", ["二〇〇八"]),
        ("百分之三十五", ["三十五"]),
        ("三分之二", []),
        ("十五六岁", ["十五六"]),
        ("第二十八届", ["第二十八"]),
        ("三五百人", ["三五百"]),
        ("两三千人", ["两三千"]),
        ("三四年，一两次，七八个", ["三四", "一两", "七八"]),
        ("几十个，十几个，几百万", ["几十", "十几", "几百万"]),
        ("一千零一夜", ["一千零一"]),
        ("三万六千五百二十四", ["三万六千五百二十四"]),
        ("一萬兩千", ["一萬兩千"]),
        ("3千万，10万，6.7万户，10几岁", ["3千万", "10万", "6.7万", "10几"]),
        ("5千瓦，60万千瓦，3百", ["5", "60万", "3"]),
        ("１９９８年一月", ["１９９８"]),
        ("一些，统一，万一，千万，百姓，三峡，十分，四川，六安", []),
        ("唯一一个，唯一一百个", ["一百"]),
        ("五四，七七，九一八，一一，三三两两，千千万万", []),
        ("十", []),
        ("零十", []),
        ("一百 五十", ["一百", "五十"]),
        ("五\ufe0f十，五十\ufe0f", ["五十\ufe0f"]),
    ],
)
def test_what_a_number_is(text, found):
    assert numbers(text) == found
    assert [text[start:end] for start, end, code in naive.tokens(text, numbers=True) if code == NUM] == found


def test_all_short_stretches_are_read_as_the_grammar_says():
    some = "零一二三五九两几十百万第"
    for size in (1, 2, 3, 4, 5):
        lines = ["".join(each) for each in itertools.product(some if size < 5 else "零一二三十百第", repeat=size)]
        text = "\n".join(lines)
        spans = iter(tokens(text))
        at = 0
        for line in lines:
            start, end, code = next(spans)
            number = end_of_number(line, 0, 1, False)
            assert (start, end - start, code == NUM) == (at, number or 1, number is not None)
            while end < at + len(line):
                _, end, _ = next(spans)
            next(spans, None)  # the line end
            at += len(line) + 1


def test_a_character_that_folds_to_a_numeral_is_one():
    fold = fold_table()
    kinds = {ord(character): kind for character, kind in NUMBER_CHARACTERS.items()}
    for code in np.flatnonzero(np.isin(fold, [*kinds])).tolist():
        assert kinds[code] == kinds[int(fold[code])]
    assert numbers("二○○八年") == ["二○○八"]


@settings(max_examples=500)
@given(NUMBERED)
@example("3百三五")
def test_kernels_read_numbers_like_the_twin(text):
    wanted = naive.tokens(text, numbers=True)
    assert tokens(text) == wanted
    codes, starts = [0] * len(text), [0] * len(text)
    count = symbolise.interpreted(list(map(ord, text)), class_table(True), codes, starts)
    assert list(zip(starts[:count], codes[:count], strict=True)) == [(start, code) for start, _, code in wanted]


@given(FLOWING, st.sampled_from([1, 2, 5, 4096]))
def test_compiled_code_cuts_like_plain_python(text, room):
    lines = text.split("\n")
    for segmenter in EVERY:
        with interpreting(True):
            wanted = [segmenter.cut(line) for line in lines]
        with little_room(room), interpreting(False):
            assert [segmenter.cut(line) for line in lines] == wanted
            assert list(segmenter.cut_batch(lines)) == wanted
        assert ["".join(words) for words in wanted] == ["".join(line.split()) for line in lines]


@given(FLOWING, st.lists(st.integers(1, 9), min_size=1), st.sampled_from([2, 4096]))
@example("今天二〇〇八年", [4, 1], 4096)
@example("第一二三五", [4], 4096)
def test_pieces_are_cut_like_the_whole(text, sizes, room):
    data = text.encode()
    for segmenter in EVERY:
        decoder = segmenter._cutter.decoder
        whole = decoder.cut(data, b" ")[0].tobytes()
        out, kept, before, open_line, size = b"", b"", 0, False, itertools.cycle(sizes)
        pieces = [""]
        while sum(map(len, pieces)) < len(text):
            at = sum(map(len, pieces))
            pieces.append(text[at : at + next(size)])
        with little_room(room):
            for piece in [*pieces, None]:
                kept += b"" if piece is None else piece.encode()
                done, consumed, before, open_line = decoder.cut(kept, b" ", piece is None, before, open_line)
                out += done.tobytes()
                kept = kept[consumed:]
        assert out == whole


@given(FLOWING)
def test_no_word_begins_or_ends_inside_a_number(text):
    line = text.replace("\n", " ")
    words, at = [], 0
    for word in SEGMENTER.cut(line):
        at = line.index(word, at)
        words += [at, at + len(word)]
        at += len(word)
    for start, end, code in tokens(line):
        if code == NUM:
            assert not any(start < place < end for place in words)


@given(FLOWING)
def test_alternatives_and_search_have_whole_numbers(text):
    line = text.replace("\n", "，")
    inside = {place for start, end, _ in tokens(line) for place in range(start + 1, end)}
    for plain in (True, False):
        with interpreting(plain):
            entries = SEGMENTER.tokenize(line, search=True)
            assert not inside & {place for entry in entries for place in (entry.start, entry.end)}
            assert SEGMENTER.nbest(line, 1)[0].words == SEGMENTER.cut(line)


def test_models_without_number_tokens_cut_as_before():
    card = SEGMENTER.model.card
    older = {name: value for name, value in card["parameters"].items() if name != "numbers"}
    for parameters in (older, older | {"numbers": False}):
        segmenter = Segmenter(replace(SEGMENTER.model, card=card | {"parameters": parameters}))
        for plain in (True, False):
            with interpreting(plain):
                assert segmenter.cut("二零零八二零零八二零零八") != ["二零零八二零零八二零零八"]
                assert SEGMENTER.cut("二零零八二零零八二零零八") == ["二零零八二零零八二零零八"]


@given(FLOWING, st.lists(st.integers(1, 9), min_size=1))
def test_literals_are_whole_tokens_of_a_stream(text, sizes):
    words = ["二十四节", "十五", "五A", "百三"]
    segmenter = SEGMENTER.with_words(force=["二十四节", "十五", "五A"])
    literals = segmenter.literals
    assert literals is not None
    text = text.replace("今天", "节").replace("年", "A")
    whole, found = literals.hide(text)
    whole = whole.replace(STAND_INS[1], STAND_INS[0])  # they take turns
    again, same = literals.hide_compiled(text)
    assert (again.replace(STAND_INS[1], STAND_INS[0]), same) == (whole, found)
    bounds = {start for start, _, _ in tokens(text)} | {len(text)}
    at = 0
    for word in found:
        assert fold_text(word) in words
        at = text.index(word, at)
        while not {at, at + len(word)} <= bounds:
            at = text.index(word, at + 1)
        at += len(word)
    pieces, size, at = [], itertools.cycle(sizes), 0
    while at < len(text):
        pieces.append(text[at : at + next(size)])
        at += len(pieces[-1])
    shown: list[bytes] = []
    hidden = b"".join(literals.hide_stream((piece.encode() for piece in pieces), shown))
    hidden = hidden.replace(STAND_INS[1].encode(), STAND_INS[0].encode())
    assert (hidden.decode(), [word.decode() for word in shown]) == (whole, found)


def test_words_with_numbers_in_a_dictionary():
    segmenter = SEGMENTER.with_words(force=["二十四节气"])
    assert segmenter.cut("今天是二十四节气") == [*SEGMENTER.cut("今天是"), "二十四节气"]
    assert "三十六节气" not in segmenter.cut("今天是三十六节气")
    with pytest.raises(Exception, match="no number"):
        SEGMENTER.with_words(force=["十|五"])


# Words of the lexicon


def in_number_tokens(symbols, codes):
    """Codes of a word, each number as NUM: joins strings of them by the twin's grammar."""
    word = [int(codes[symbol]) for symbol in symbols]
    out = []
    while word:
        code = word.pop(0)
        text = "".join("0" if each == NUM else "A" if each < 3 else chr(each) for each in [code, *word])
        end = end_of_number(text, 0, 1, code == NUM) if code != 2 else None
        out.append(NUM if end else code)
        del word[: (end or 1) - 1]
    return tuple(out)


def untouched(texts):
    """The model of a text before its words with numbers are pooled."""
    with mock.patch("segtool.training.pool_numbers", lambda model, patience: model):
        return train(texts=texts).model


AGES = "他二十岁，我二十五岁，她三十岁，都是5岁，7岁。第十五届，第十六届，第十七届，第3届会议。"
"""Text that makes words such as 十岁 and 五届."""


def test_words_with_numbers_are_pooled():
    before = untouched([sample_text(), *[AGES] * 20])
    after = pool_numbers(before, 256)
    groups = defaultdict(list)
    for record in before.words:
        groups[in_number_tokens(record["symbols"][: record["length"]], before.symbols)].append(record)
    assert len(groups) < len(before.words)
    found = {}
    for record in after.words:
        found[tuple(after.symbols[record["symbols"][: record["length"]]].tolist())] = record
    assert found.keys() == groups.keys()
    for key, members in groups.items():
        record = found[key]
        assert record["expected"] == pytest.approx(sum(each["expected"] for each in members))
        weights = [float(each["weight"]) + int(each["length"]) ** 2 for each in members]
        assert record["weight"] == pytest.approx(np.logaddexp.reduce(weights) - len(key) ** 2, abs=1e-4)
        node = record["symbols"][0]
        units = after.lexicon.reshape(-1, 4)
        for symbol in record["symbols"][1 : record["length"]]:
            node, parent = units[node, 0] + symbol, node
            assert units[node, 1] == parent
        assert units[node, 2] == pytest.approx(record["weight"] * WEIGHT_UNIT, abs=2)
    order = [(int(each["length"]), *each["symbols"].tolist()) for each in after.words]
    assert order == sorted(order)
    assert pool_numbers(after, 256) is after


@given(st.lists(st.text(st.sampled_from(NUMERALS + "年岁第人1A"), min_size=1, max_size=9), min_size=1, max_size=5))
def test_numbers_of_a_stream_are_joined(runs):
    codes, _ = tokenise("\n".join(runs))
    stream = np.concatenate([[0], np.maximum(codes, 0), [0]])
    alphabet, ids = np.unique(np.concatenate([[0, 1, 2], stream]), return_inverse=True)
    boundaries = np.arange(len(stream)).astype(np.uint16)
    joined, values = join_numbers(ids[3:].astype(np.uint16), boundaries, alphabet.astype(np.uint32))
    wanted = [0]
    for run in runs:
        shown = "".join({1: "0", 2: "A"}.get(code) or chr(code) for code in tokenise(run)[0].tolist())
        wanted += [*(code for _, _, code in naive.tokens(shown, numbers=True)), 0]
    assert alphabet[joined].tolist() == wanted
    assert values.tolist() == sorted(values.tolist())
    for symbol, value in zip(alphabet[joined].tolist(), stream[values].tolist(), strict=True):
        assert symbol in (value, NUM)

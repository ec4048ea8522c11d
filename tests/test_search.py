"""Entries for search: those of all covers, piece by piece as line by line, on the command line as in Python."""

import itertools
import pickle
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import segtool
from segtool.decode import search as search_module
from segtool.decode.memory import ROOM
from segtool.decode.search import search_batch, search_utf8_stream
from segtool.decode.viterbi import TAG_STEP, WEIGHT_UNIT
from segtool.errors import UsageError
from segtool.limits import WITHIN
from segtool.segmenter import Segmenter
from segtool.store.model import save_model
from segtool.tokens import SearchToken
from tests import naive_search
from tests.helpers import (
    any_text,
    extend,
    interpreting,
    refusal,
    run,
    sample_model,
    sample_segmenter,
    sample_text,
    succeed,
)
from tests.test_streaming import LONGEST, SINGLE, flowing, pieces_of
from tests.toy_decoder import TEXTS, UNKNOWN, decoders

SEGMENTER = sample_segmenter()
EXTENDED = Segmenter(extend(SEGMENTER.model, 3))
EVERY = [SEGMENTER, SINGLE, LONGEST, EXTENDED, Segmenter(extend(LONGEST.model, 4, 15))]
LOSSES = st.sampled_from([0, 1, 2, 3, TAG_STEP, 5 * TAG_STEP, 1 << 17, 100 * WEIGHT_UNIT])
TEXT = "医生说今天要休息，12.5%的人在北京大学学习C++。"


def find_entries(*arguments, **options):
    """Entries as (start, end, primary)."""
    return list(zip(*search_module.find_entries(*arguments, **options), strict=True))


@settings(max_examples=400)
@given(decoders(), TEXTS, LOSSES)
def test_entries_are_naive(decoder, text, loss):
    expected = naive_search.search(text, decoder.weights, UNKNOWN, decoder.extras, loss)
    for plain in (True, False):
        assert find_entries(decoder.decoder, text, loss / WEIGHT_UNIT, plain) == expected


@given(any_text | flowing, st.sampled_from([0.0, 1.5, 4.0, 100.0]))
def test_the_words_of_the_cut_are_primary(text, within):
    for segmenter in EVERY:
        found = []
        for plain in (True, False):
            with interpreting(plain):
                tokens = segmenter.tokenize(text, search=True, within=within)
                assert [token[:3] for token in tokens if token.primary] == segmenter.tokenize(text)
                assert segmenter.cut_for_search(text, within) == [token.word for token in tokens]
            found.append(tokens)
        assert found[0] == found[1]
        assert [token[1:3] for token in tokens] == sorted({token[1:3] for token in tokens})


def test_more_loss_gives_more_entries():
    found = [set(find_entries(EXTENDED._cutter.decoder, sample_text(), within)) for within in (0, 1, 2, 4, 8, 16)]
    assert all(fewer < more for fewer, more in itertools.pairwise(found))


def test_positions():
    words = EXTENDED.cut(TEXT)
    tokens = EXTENDED.tokenize(TEXT, search=True, within=9)
    starts = [token.start for token in EXTENDED.tokenize(TEXT)]
    assert len(tokens) > len(words)
    for token in tokens:
        assert TEXT[token.start : token.end] == token.word
        assert starts[token.position] <= token.start
        assert token.position + 1 == len(words) or token.start < starts[token.position + 1]
        assert token.primary == (token.word == words[token.position] and token.start == starts[token.position])
    data = TEXT.encode()
    for token, other in zip(EXTENDED.tokenize(TEXT, "byte", search=True, within=9), tokens, strict=True):
        assert data[token.start : token.end].decode() == token.word == other.word
        assert token[3:] == other[3:]
    assert SearchToken._fields == ("word", "start", "end", "position", "primary")


@pytest.mark.parametrize("segmenter", [SEGMENTER, EXTENDED, LONGEST])
def test_long_runs_are_searched_in_pieces(segmenter):
    text = (sample_text() * 2).translate({ord(c): None for c in "，。、；：？！\n “”"})[: 3 * ROOM]
    decoder = segmenter._cutter.decoder
    whole = find_entries(decoder, text, 3, room=1 << 20)
    for room in (60, 200, ROOM):
        found = find_entries(decoder, text, 3, room=room)
        assert [entry for entry in found if entry[2]] == [entry for entry in whole if entry[2]]
        assert set(found) <= set(whole)
        assert len(whole) - len(found) <= 4 * len(text) // room
    with interpreting(False):
        assert [text[start:end] for start, end, primary in whole if primary] == segmenter.cut(text)


def test_a_run_in_which_nothing_is_settled_takes_more_room():
    text = "今天天气" * 40
    for segmenter in (LONGEST, EVERY[-1]):
        found = find_entries(segmenter._cutter.decoder, text, 3, room=4)
        assert [text[start:end] for start, end, primary in found if primary] == segmenter.cut(text)


# Batches and streams


def expected(segmenter, text, separator, within):
    *lines, rest = text.split("\n")
    out = []
    for line in lines:
        out += [separator.join(segmenter.cut_for_search(line, within)), "\r\n" if line.endswith("\r") else "\n"]
    out.append(separator.join(segmenter.cut_for_search(rest, within)))
    return "".join(out).encode("utf-8", "surrogatepass")


def streamed(segmenter, pieces, separator, within, workers=1):
    data = [piece.encode("utf-8", "surrogatepass") for piece in pieces]
    return b"".join(search_utf8_stream(segmenter, data, separator, within, workers))


marked = st.lists(st.sampled_from([*"今天我。，1 \n", "\u200d", "\u0301"]), max_size=30).map("".join)


@given(marked | flowing | any_text, st.lists(st.integers(0, 60), max_size=8), st.sampled_from([" ", "/", "<->"]))
@example("今。。天", [2], " ")
@example("今。\u0301天", [2], " ")
def test_pieces_may_end_anywhere(text, cuts, separator):
    for segmenter in EVERY:
        wanted = expected(segmenter, text, separator, 3)
        for plain in (True, False):
            for limit in (0, 5, 1 << 16):
                with interpreting(plain), mock.patch.object(search_module, "LONG_LINE", limit):
                    for pieces in (pieces_of(text, cuts), text):
                        assert streamed(segmenter, pieces, separator, 3) == wanted


@given(st.lists(flowing | any_text, max_size=6), st.integers(1, 3))
def test_a_batch_is_its_texts(texts, workers):
    for segmenter in EVERY:
        wanted = [segmenter.cut_for_search(text, 2.5) for text in texts]
        for plain in (True, False):
            with interpreting(plain):
                assert search_batch(segmenter, texts, 2.5, workers) == wanted


def test_workers_give_the_same():
    text = sample_text()
    wanted = expected(EXTENDED, text, " ", 2)
    for workers in (1, 2, 3):
        for size in (1009, 20_000):
            pieces = [text[i : i + size] for i in range(0, len(text), size)]
            assert streamed(EXTENDED, pieces, " ", 2, workers) == wanted


def test_a_long_line_is_not_held_whole():
    text = "".join(line + "。" for line in sample_text().replace("\n", "").split("。"))[:9000]
    with mock.patch.object(search_module, "LONG_LINE", 500):
        parts = list(search_module._line_parts(text[i : i + 100] for i in range(0, len(text), 100)))
    assert "".join(parts) == text
    assert max(map(len, parts)) < 1000


def test_a_line_comes_out_when_it_ends():
    asked = []

    def pieces():
        for line in ("今天天气很好\n", "\n", "我们去公园\r\n"):
            asked.append(line)
            yield line.encode()

    done = b""
    for data in search_utf8_stream(SEGMENTER, pieces(), " ", 2):
        done += data
        if data:
            assert done.count(b"\n") == len(asked)


# The command


@pytest.mark.parametrize(
    ("options", "within"),
    [(["--search"], WITHIN), (["--search", "4"], 4), (["--search=1.5"], 1.5), (["--search", ".5"], 0.5)],
)
@pytest.mark.parametrize("more", [[], ["-j", 2]])
def test_command(options, within, more, tmp_path):
    text = sample_text()[:4000] + "没有换行"
    (tmp_path / "text").write_text(text, encoding="utf-8")
    wanted = expected(SEGMENTER, text, "/", within)
    others = ["--sep", "/", *more, "-m", sample_model()]
    assert succeed("cut", *options, *others, input=text.encode()).stdout == wanted
    assert succeed("cut", *others, *options, input=text.encode()).stdout == wanted
    assert succeed("cut", *others, *options, tmp_path / "text").stdout == wanted


@pytest.mark.parametrize("wrong", ["-1", "101", "1e9"])
def test_command_refuses(wrong, tmp_path):
    done = run("cut", f"--search={wrong}", "-o", tmp_path / "out", input="今天".encode())
    assert done.returncode == 2 and "choose a number from 0 to 100" in refusal(done.stderr)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("within", [-0.5, 101, float("nan"), float("inf")])
def test_wrong_loss(within):
    with pytest.raises(UsageError, match="choose a number from 0 to 100"):
        SEGMENTER.cut_for_search("今天", within)


@pytest.mark.parametrize("options", [{"method": "cohesion", "cohesion_revision": 2015}, {"method": "lm"}])
def test_methods_without_scores_of_words(options):
    segmenter = segtool.train(texts=["今天天气很好。" * 9], **options)
    for use in (
        lambda: segmenter.cut_for_search("今天"),
        lambda: segmenter.tokenize("今天", search=True),
        lambda: segmenter.with_granularity(1),
    ):
        with pytest.raises(UsageError, match="does not score words"):
            use()


# Granularity


@pytest.mark.parametrize("segmenter", EVERY)
def test_finer_and_coarser(segmenter):
    text = sample_text()[:3000]
    sizes = []
    for nats in (-100, -8, -2, -0.5, 0, 0.5, 2, 8, 100):
        finer = segmenter.with_granularity(nats)
        words = finer.cut(text)
        sizes.append(len(words))
        assert "".join(words) == "".join(text.split())
        for plain in (True, False):
            with interpreting(plain):
                assert finer.cut(text) == words
                assert finer.cut_batch(text.split("\n"), 2) == [finer.cut(line) for line in text.split("\n")]
    assert sizes == sorted(sizes)
    assert segmenter is SINGLE or sizes[0] < sizes[4] < sizes[-1]
    assert segmenter.with_granularity(3).with_granularity(0).cut(text) == segmenter.cut(text)


def test_all_gaps_at_the_upper_limit():
    assert SEGMENTER.with_granularity(100).cut("今天天气很好12.5%") == [*"今天天气很好", "12.5%"]


def test_granularity_is_kept(tmp_path):
    finer = SEGMENTER.with_granularity(3)
    text = sample_text()[:2000]
    assert finer.cut(text) != SEGMENTER.cut(text)
    assert finer.model.lexicon is SEGMENTER.model.lexicon
    assert len(pickle.dumps(finer)) < 1000
    assert pickle.loads(pickle.dumps(finer)).cut(text) == finer.cut(text)
    finer.save(tmp_path / "m")
    saved = segtool.load(tmp_path / "m")
    assert saved.cut(text) == finer.cut(text)
    plain = saved.with_granularity(0)
    assert plain.cut(text) == pickle.loads(pickle.dumps(plain)).cut(text) == SEGMENTER.cut(text)
    adapted = finer.adapt([text])
    assert adapted.model.granularity == 3
    assert adapted.cut(text) == SEGMENTER.adapt([text]).with_granularity(3).cut(text)
    sentences = [SEGMENTER.cut(line) for line in text.split("\n") if line]
    assert "granularity" not in SEGMENTER.tune(sentences).model.card


@pytest.mark.parametrize("nats", [float("nan"), float("inf"), 100.5, -101, "1", None])
def test_wrong_granularity(nats):
    with pytest.raises(UsageError, match="choose a number of nats from -100 to 100"):
        SEGMENTER.with_granularity(nats)


@pytest.mark.parametrize("entry", ["1", 1e6, None, float("nan")])
def test_a_damaged_granularity(tmp_path, entry):
    model = replace(SEGMENTER.model, card=SEGMENTER.model.card | {"granularity": entry})
    with pytest.raises(segtool.ModelError):
        save_model(model, tmp_path / "m")


def test_granularity_command(tmp_path):
    text = sample_text()[:3000]
    (tmp_path / "text").write_text(text, encoding="utf-8")
    for nats in ("-2", "3"):
        wanted = "\n".join(" ".join(SEGMENTER.with_granularity(float(nats)).cut(line)) for line in text.split("\n"))
        done = succeed("cut", "--granularity", nats, "-m", sample_model(), tmp_path / "text")
        assert done.stdout.decode() == wanted
    done = run("cut", "--granularity", "500", "-m", sample_model(), input=b"")
    assert done.returncode == 2 and "choose a number of nats" in refusal(done.stderr)

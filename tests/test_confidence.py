"""The best cuts, random cuts and probabilities of boundaries: those of all cuts, enumerated."""

import itertools
import math
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segtool
from scripts import reliability
from scripts.experiments import DEV, gold_of, sentences
from segtool.decode.confidence import best_cuts, gap_probabilities, nbest_utf8_stream, random_cut
from segtool.decode.n_best import best_paths
from segtool.decode.posterior import random_path
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.errors import UsageError
from segtool.segmenter import Segmenter
from segtool.store.model import save_model
from tests import naive_confidence
from tests.helpers import (
    GOLD,
    any_text,
    extend,
    interpreting,
    long_line,
    refusal,
    run,
    sample_model,
    sample_segmenter,
    sample_text,
    spans_of,
    succeed,
)
from tests.test_streaming import LONGEST, SINGLE, flowing, pieces_of
from tests.toy_decoder import TEXTS, UNKNOWN, decoders

SEGMENTER = sample_segmenter()
EXTENDED = Segmenter(extend(SEGMENTER.model, 3))
DICTIONARY = EXTENDED.with_words(force=["天天|气", "我们去", "C++"], prefer=["天气很好"], forbid=["公园", "今天"])
EVERY = [SEGMENTER, SINGLE, LONGEST, EXTENDED, Segmenter(extend(LONGEST.model, 4, 15)), DICTIONARY]
PARTS = ["今天", "天天", "气", "我们", "去", "公园", "C++", "1", " ", "。"]
WORDY = st.lists(st.sampled_from(PARTS), max_size=9).map("".join)


def both(decoder, text, room):
    """The lattice for plain Python, and the one for compiled code, in blocks of so many places."""
    yield decoder.lattice(text, True)
    yield replace(decoder.lattice(text, False), room=room)


# All cuts


@settings(max_examples=150)
@given(decoders(), TEXTS, st.integers(1, 12), st.integers(1, 9))
def test_best_cuts_are_naive(toy, text, n, room):
    cuts = naive_confidence.cuts(text, toy.weights, UNKNOWN, toy.extras)
    expected = [(score, spans) for score, spans in cuts[:n]]
    for lattice in both(toy.decoder, text, room):
        found = list(best_cuts(lattice, text, n))
        assert [(round(cut.score * WEIGHT_UNIT), spans_of(text, cut.words)) for cut in found] == expected


@settings(max_examples=150)
@given(decoders(), TEXTS, st.sampled_from([1e-7, 0.15, 1, 1e4, 1e9]), st.integers(1, 9))
def test_probabilities_are_naive(toy, text, scale, room):
    cuts = naive_confidence.cuts(text, toy.weights, UNKNOWN, toy.extras)
    expected = naive_confidence.gaps(text, cuts, scale)
    for lattice in both(toy.decoder, text, room):
        assert gap_probabilities(lattice, scale) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=100)
@given(decoders(), TEXTS, st.sampled_from([1e-7, 1, 1e4]), st.integers(0, 1 << 40))
def test_random_cuts_are_the_same_with_compiled_code(toy, text, scale, seed):
    found = [random_path(lattice, scale, seed) for room in (3, 99) for lattice in both(toy.decoder, text, room)]
    assert found.count(found[0]) == len(found)


@pytest.mark.parametrize("plain", [True, False])
def test_random_cuts_have_their_probabilities(plain):
    text, draws = "今天天气很好", 4000
    lattice = EXTENDED._cutter.lattice(text, plain)
    cuts = [(round(cut.score * WEIGHT_UNIT), tuple(cut.words)) for cut in best_cuts(lattice, text, 1000)]
    shares = naive_confidence.probabilities(cuts, 0.3)
    found = Counter(tuple(lattice.words(random_path(lattice, 0.3, seed), text)) for seed in range(draws))
    assert len(found) > 5
    for share, (_, words) in zip(shares, cuts, strict=True):
        assert abs(found[words] / draws - share) < 5 * math.sqrt(share * (1 - share) / draws) + 1 / draws


# Any text


@settings(max_examples=40)
@given(any_text | flowing | WORDY, st.integers(1, 6))
def test_the_first_is_the_cut(text, n):
    for segmenter in EVERY:
        found = []
        for plain in (True, False):
            with interpreting(plain):
                cuts = segmenter.nbest(text, n)
                assert cuts[0].words == segmenter.cut(text) == segmenter.sample(text, 0, n)
                probabilities = segmenter.boundary_probabilities(text)
                found.append((cuts, segmenter.sample(text, 2, n), probabilities.tolist()))
        assert found[0] == found[1]
        assert probabilities.shape == (max(len(text) - 1, 0),)
        assert len({tuple(cut.words) for cut in cuts}) == len(cuts) <= n
        assert [cut.score for cut in cuts] == sorted((cut.score for cut in cuts), reverse=True)
        for words in [*(cut.words for cut in cuts), found[0][1]]:
            assert "".join("".join(words).split()) == "".join(text.split())
        for words in (cuts[0].words, found[0][1]):
            places = set(itertools.chain.from_iterable(spans_of(text, words))) - {0, len(text)}
            assert all(probabilities[place - 1] > 0 for place in places)


@settings(max_examples=50)
@given(WORDY)
def test_dictionaries(text):
    """All cuts of a short text: those of all paths, where a split word counts as its parts."""
    text = text[:8]
    lattice = DICTIONARY._cutter.lattice(text, True)
    paths = [(score, tuple(lattice.word_ends(path))) for score, path in best_paths(lattice, 1000)]
    assert len(paths) < 1000
    best = {}
    for score, ends in paths:
        best.setdefault(ends, score)
    cuts = DICTIONARY.nbest(text, 1000)
    assert [(lattice.words(ends, text), score / WEIGHT_UNIT) for ends, score in best.items()] == cuts
    for n in (1, 2, 3):
        assert DICTIONARY.nbest(text, n) == cuts[:n]
    scale = DICTIONARY.model.calibration
    shares = naive_confidence.probabilities(paths, scale)
    spans = [(score, spans_of(text, lattice.words(ends, text))) for score, ends in paths]
    assert DICTIONARY.boundary_probabilities(text) == pytest.approx(naive_confidence.gaps(text, spans, scale), abs=1e-9)
    assert sum(shares) == pytest.approx(1)


def test_forced_words_and_literals():
    text = "今天天气很好我们去C++公园"
    assert DICTIONARY.cut(text) == [*["今", "天天", "气", "很", "好", "我们去", "C++", "公", "园"]]
    gaps = DICTIONARY.boundary_probabilities(text)
    assert gaps[[0, 2, 3, 5, 8, 11, 12]] == pytest.approx(1) and gaps[[1, 6, 7, 9, 10]] == pytest.approx(0)


@pytest.mark.parametrize("segmenter", EVERY)
def test_long_runs(segmenter):
    text = sample_text().translate({ord(c): None for c in "，。、；：？！\n “”"})[:9000]
    with interpreting(False):
        cuts = segmenter.nbest(text, 5)
        assert cuts[0].words == segmenter.cut(text) and len(cuts) == (1 if segmenter is SINGLE else 5)
        probabilities = segmenter.boundary_probabilities(text)
        drawn = segmenter.sample(text, 1, 7)
        scale = segmenter.model.calibration
    for room in (100, 777):
        lattice = replace(segmenter._cutter.lattice(text, False), room=room)
        assert list(best_cuts(lattice, text, 5)) == cuts
        assert np.array_equal(gap_probabilities(lattice, scale), probabilities)
        assert random_cut(lattice, text, scale, 1, 7) == drawn
    assert segmenter is SINGLE or probabilities.min() < 0.1 < 0.9 < probabilities.max() <= 1


def test_runs_do_not_depend_on_one_another():
    lines = sample_text()[:3000].split("\n")
    with interpreting(False):
        whole = EXTENDED.boundary_probabilities("\n".join(lines))
        at = 0
        for line in lines:
            alone = EXTENDED.boundary_probabilities(line)
            assert whole[at : at + len(alone)] == pytest.approx(alone, abs=1e-12)
            at += len(line) + 1


def test_memory_follows_the_text():
    with interpreting(False):
        lattice = EXTENDED._cutter.lattice(long_line(200_000), False)
    held = [edges.nbytes for _, _, edges in lattice.blocks()]
    assert max(held) <= 8 * 15 * 4096 and len(held) == math.ceil(lattice.size / lattice.room)


# Temperature and granularity


def test_temperature():
    text = sample_text()[:2000]
    best = spans_of(text, EXTENDED.cut(text))
    shared = []
    for temperature in (0, 1e-10, 1e-4, 0.3, 1, 3, 30, 1000):
        drawn = EXTENDED.sample(text, temperature, 11)
        shared.append(len({*best} & {*spans_of(text, drawn)}))
        assert drawn == EXTENDED.sample(text, temperature, 11)
    assert shared[0] == shared[1] == shared[2] == len(best)
    assert all(more > fewer for more, fewer in itertools.pairwise(shared[2:-1]))
    assert len({tuple(EXTENDED.sample(text, 1, seed)) for seed in range(20)}) == 20
    assert EXTENDED.sample(text, np.float32(1), np.int64(7)) == EXTENDED.sample(text, 1, 7)
    assert EXTENDED.nbest(text, np.int64(2)) == EXTENDED.nbest(text, 2)


def test_granularity():
    text = sample_text()[:2000]
    means = [EXTENDED.with_granularity(nats).boundary_probabilities(text).mean() for nats in (-4, -1, 0, 1, 4)]
    assert means == sorted(means) and means[-1] - means[0] > 0.1
    finer = EXTENDED.with_granularity(3)
    assert finer.nbest(text, 1)[0].words == finer.cut(text) != EXTENDED.cut(text)


# Calibration


@pytest.mark.skipif("SEGTOOL_DATA" not in os.environ, reason="SEGTOOL_DATA is not set")
@pytest.mark.parametrize(("labels", "most"), [(0, 0.05), (50, 0.035)])
def test_probabilities_agree_with_labelled_text(labels, most):
    gold = gold_of(Path(os.environ["SEGTOOL_DATA"]), DEV)
    errors = []
    for lines in gold.values():
        segmenter = segtool.load()
        if labels:
            segmenter = segmenter.tune([line.split() for line in lines[::2] if line.split()][:labels])
        reported = sentences(lines[3::4])
        segmenter = reliability.by_scores(segmenter)
        gaps = reliability.gaps_of(segmenter, reported)
        uncalibrated = reliability.gaps_of(reliability.scaled(segmenter, 1.0), reported)
        assert reliability.log_loss(gaps) < reliability.log_loss(uncalibrated)
        errors.append(reliability.calibration_error(gaps))
    assert sum(errors) / len(errors) < most


def test_calibration_follows_the_corpus():
    default = segtool.load().model
    assert 0.2 < default.calibration < 0.25 < SEGMENTER.model.calibration < 0.6
    more = segtool.train(texts=["练九阳神功要十年。" * 9], base="default").model
    assert more.calibration == pytest.approx(default.calibration, rel=1e-4)


def test_a_tuned_model_has_its_own_calibration(tmp_path):
    sentences = [line.split() for line in GOLD.read_text(encoding="utf-8").splitlines()]
    tuned = segtool.load().tune(sentences)
    assert tuned.model.card["tuned"]["wins"] and tuned.model.calibration == tuned.model.card["calibration"]
    tuned.save(tmp_path / "m")
    text = "".join(sentences[0])
    loaded = segtool.load(tmp_path / "m").with_granularity(1).with_granularity(0).with_words(prefer=["九阳神功"])
    assert loaded.boundary_probabilities(text) == pytest.approx(tuned.boundary_probabilities(text), abs=1e-9)


@pytest.mark.parametrize("entry", ["1", 0, -1, 1e6, None, float("nan")])
def test_a_damaged_calibration(tmp_path, entry):
    model = replace(SEGMENTER.model, card=SEGMENTER.model.card | {"calibration": entry})
    with pytest.raises(segtool.ModelError):
        save_model(model, tmp_path / "m")


# Streams and the command


def listed(segmenter, text, separator, n, first=1):
    lines = text.split("\n")
    out = []
    for number, line in enumerate(lines if lines[-1] else lines[:-1], first):
        out += [f"{number}\t{cut.score:.5f}\t{separator.join(cut.words)}\n" for cut in segmenter.nbest(line, n)]
    return "".join(out).encode("utf-8", "surrogatepass")


@settings(max_examples=40)
@given(flowing | any_text | WORDY, st.lists(st.integers(0, 60), max_size=8), st.sampled_from(["/", "<->"]))
def test_streams(text, cuts, separator):
    for segmenter in (EXTENDED, DICTIONARY):
        wanted = listed(segmenter, text, separator, 3)
        for plain in (True, False):
            for workers, size in ((1, 1 << 14), (3, 5)):
                with interpreting(plain), mock.patch("segtool.text.lines.GROUPED", size):
                    pieces = [piece.encode("utf-8", "surrogatepass") for piece in pieces_of(text, cuts)]
                    assert b"".join(nbest_utf8_stream(segmenter, pieces, separator, 3, workers)) == wanted


def test_a_line_comes_out_when_it_ends():
    asked = []

    def pieces():
        for line in ("今天天气很好\n", "\n", "我们去公园\r\n"):
            asked.append(line)
            yield line.encode()

    done = b""
    for data in nbest_utf8_stream(SEGMENTER, pieces(), " ", 1):
        done += data
        assert done.count(b"\n") == len(asked)
    assert [line.split(b"\t")[0] for line in done.splitlines()] == [b"1", b"2", b"3"]


@pytest.mark.parametrize("more", [[], ["-j", 2]])
def test_command(more, tmp_path):
    first, second = sample_text()[:3000], sample_text()[3000:4000] + "没有换行"
    (tmp_path / "a").write_text(first, encoding="utf-8")
    (tmp_path / "b").write_text(second, encoding="utf-8")
    wanted = listed(SEGMENTER, first, "/", 4)
    lines = len(first.split("\n"))
    wanted += listed(SEGMENTER, second, "/", 4, lines + 1 if not first.endswith("\n") else lines)
    done = succeed("cut", "--nbest", 4, "--sep", "/", *more, "-m", sample_model(), tmp_path / "a", tmp_path / "b")
    assert done.stdout == wanted
    plain = succeed("cut", "--sep", "/", "-m", sample_model(), tmp_path / "a", tmp_path / "b").stdout.splitlines()
    best = {}
    for line in done.stdout.splitlines():
        number, score, words = line.split(b"\t")
        best.setdefault(int(number), words)
        assert re.fullmatch(rb"-?\d+\.\d{5}", score)
    assert list(best) == list(range(1, len(plain) + 1)) and list(best.values()) == plain


def test_command_with_words(tmp_path):
    (tmp_path / "words").write_text("iPhone 15 Pro\n天天|气\n", encoding="utf-8")
    options = ["cut", "--nbest", 1, "--force", tmp_path / "words", "-m", sample_model()]
    done = run(*options, input="今天天气iPhone 15 Pro".encode())
    assert done.returncode == 2 and "choose another --sep" in refusal(done.stderr) and done.stdout == b""
    done = succeed(*options, "--sep", "|", input="今天天气iPhone 15 Pro".encode())
    assert done.stdout.decode().split("\t")[2] == "今|天天|气|iPhone 15 Pro\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--nbest", "0"], "choose a whole number from 1 to 1000"),
        (["--nbest", "1001"], "choose a whole number from 1 to 1000"),
        (["--nbest", "2", "--search"], "--search and --nbest"),
    ],
)
def test_command_refuses(options, message, tmp_path):
    done = run("cut", *options, "-o", tmp_path / "out", input="今天".encode())
    assert done.returncode == 2 and message in refusal(done.stderr)
    assert not (tmp_path / "out").exists()


# Errors


@pytest.mark.parametrize("n", [0, -1, 1001, 2.5, "3", None])
def test_wrong_number(n):
    with pytest.raises(UsageError, match="choose a whole number from 1 to 1000"):
        SEGMENTER.nbest("今天", n)


@pytest.mark.parametrize("temperature", [-0.1, float("nan"), float("inf"), 1001, "1", None])
def test_wrong_temperature(temperature):
    with pytest.raises(UsageError, match="choose a number from 0 to 1000"):
        SEGMENTER.sample("今天", temperature)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None])
def test_wrong_seed(seed):
    with pytest.raises(UsageError, match="choose a whole number, 0 or more"):
        SEGMENTER.sample("今天", 1, seed)


@pytest.mark.parametrize("options", [{"method": "cohesion", "cohesion_revision": 2015}, {"method": "lm"}])
def test_methods_without_scores_of_words(options):
    segmenter = segtool.train(texts=["今天天气很好。" * 9], **options)
    for use in (
        lambda: segmenter.nbest("今天", 2),
        lambda: segmenter.sample("今天"),
        lambda: segmenter.sample("今天", 0),
        lambda: segmenter.boundary_probabilities("今天"),
    ):
        with pytest.raises(UsageError, match="does not score words"):
            use()


@pytest.mark.parametrize("options", [{"method": "entropy"}, {"method": "cohesion"}])
def test_other_methods_with_scores_of_words(options):
    segmenter = segtool.train(texts=[sample_text()], **options)
    text = sample_text()[:400]
    assert segmenter.nbest(text, 3)[0].words == segmenter.cut(text)
    assert segmenter.boundary_probabilities(text).min() >= 0

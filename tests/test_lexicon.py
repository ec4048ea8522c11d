"""EM for the segmental unigram lexicon against the sum over all covers of each run."""

import math
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.errors import UsageError
from segtool.lexicon import em as fitting
from segtool.lexicon.em import Expectation, learn
from segtool.lexicon.learned import Resources
from segtool.lexicon.passes import Threads
from segtool.ngrams.count import count_stream
from segtool.ngrams.scores import BOUNDARY_FANOUT, score
from segtool.ngrams.table import spell
from segtool.settings import LexiconSettings, TrainingSettings
from segtool.store.checkpoints import Checkpoints
from tests import naive, naive_run_hashes
from tests.helpers import chunked

SYMBOLS = 6
RUNS = st.lists(st.lists(st.integers(1, SYMBOLS - 1), min_size=1, max_size=7), min_size=1, max_size=6)
SETTINGS = st.builds(
    LexiconSettings,
    length_penalty=st.floats(0, 3),
    variation_weight=st.floats(-1, 1),
    entropy_weight=st.floats(0, 4),
    entropy_floor=st.floats(0, 2),
    passes=st.integers(1, 4),
    min_expected=st.just(0.0),
    word_classes=st.integers(0, 3),
    class_words=st.integers(1, 6),
    class_weight=st.floats(0, 2),
    class_passes=st.integers(0, 3),
    beginning_weight=st.floats(0, 2),
    divergence_weight=st.floats(0, 2),
    evidence_weight=st.floats(0, 4),
)
PLAIN = SETTINGS.map(lambda parameters: replace(parameters, word_classes=0))
nothing_forgotten = patch.object(fitting, "FORGOTTEN", 0.0)
nothing_held_up = patch.object(fitting, "LEAST_EXPECTED", 1e-9)


def candidates_of(runs, max_word_len, min_count):
    counts = count_stream(naive.stream(runs), np.arange(SYMBOLS, dtype=np.uint32), max_word_len + 1)
    return score(counts, max_word_len, min_count)


def fit(runs, max_word_len, min_count, parameters, workers=1, chunk=1 << 18):
    candidates = candidates_of(runs, max_word_len, min_count)
    corpus = chunked(runs, candidates.codes, chunk)
    return candidates, learn(corpus, candidates, parameters, Resources(Threads(workers)))


def table(candidates, learned):
    """(weight, expected) of each word."""
    found = {}
    first = 0
    for k, level in enumerate(candidates.levels, 1):
        here = (learned.words.at >= first) & (learned.words.at < first + len(level))
        ngrams = map(tuple, spell(candidates.levels, k, learned.words.at[here] - first).tolist())
        first += len(level)
        rows = zip(learned.words.weight[here].tolist(), learned.words.expected[here].tolist(), strict=True)
        found |= dict(zip(ngrams, rows, strict=True))
    assert len(found) == len(learned.words.weight)
    return found


def check(candidates, learned, expectation, occurrences):
    """A lexicon in which nothing was forgotten is that of the naive twin, up to fixed-point rounding."""
    weights, expected, likelihoods = expectation
    assert learned.log_likelihood == pytest.approx(likelihoods, rel=1e-6, abs=1e-5)
    found = table(candidates, learned)
    assert found.keys() >= expected.keys()
    assert found.keys() <= expected.keys() | {(symbol,) for symbol in range(1, len(candidates.codes))}
    for word, (weight, times) in found.items():
        if word in expected:
            assert times == pytest.approx(expected[word], rel=1e-5, abs=occurrences * 1e-7), word
            if expected[word] > 1e-2:
                assert weight == pytest.approx(weights[word], abs=1e-3), word


@settings(max_examples=200)
@given(RUNS, st.integers(1, 4), st.integers(1, 3), PLAIN)
def test_em_is_naive(runs, max_word_len, min_count, parameters):
    with nothing_forgotten:
        candidates, learned = fit(runs, max_word_len, min_count, parameters)
    scores = naive.scores(runs, max_word_len, min_count, BOUNDARY_FANOUT)
    idle = SYMBOLS - 1 - sum(len(ngram) == 1 for ngram in scores)
    expected = naive.fit(runs, scores, parameters, fitting.LEAST_EXPECTED, idle)
    check(candidates, learned, expected, sum(map(len, runs)))


@given(RUNS, st.integers(1, 4), SETTINGS)
def test_naive_twins_agree(runs, max_word_len, parameters):
    """The twin that can take long runs is the one that enumerates."""
    scores = naive.scores(runs, max_word_len, 1, BOUNDARY_FANOUT)
    short = naive.fit(runs, scores, parameters, 0.01)
    long = naive.fit(runs, scores, parameters, 0.01, expect=naive.expectations_of_long_runs)
    assert short[1] == pytest.approx(long[1], abs=1e-9)
    assert short[2] == pytest.approx(long[2])


def test_em_of_real_text(sample_candidates, sample_runs, sample_chunks):
    parameters = LexiconSettings(passes=3, min_expected=0.0, word_classes=0)
    with nothing_forgotten:
        learned = learn(sample_chunks, sample_candidates, parameters, Resources(Threads(2)))
    runs = naive.unstream(sample_runs.stream)
    scores = naive.scores(runs, 4, 2, BOUNDARY_FANOUT)
    expected = naive.fit(runs, scores, parameters, fitting.LEAST_EXPECTED, expect=naive.expectations_of_long_runs)
    assert {(1,), (2,)} <= scores.keys(), "no symbol is idle"
    check(sample_candidates, learned, expected, 1000)


@pytest.mark.parametrize("length", [1_000, 20_000])
def test_long_runs_do_not_underflow(length):
    draw = np.random.default_rng(1)
    runs = [[4], draw.integers(1, SYMBOLS, length).tolist(), [3, 5]]
    parameters = LexiconSettings(passes=2, min_expected=0.0, word_classes=0)
    with nothing_forgotten:
        candidates, learned = fit(runs, 4, 2, parameters)
    scores = naive.scores(runs, 4, 2, BOUNDARY_FANOUT)
    expected = naive.fit(runs, scores, parameters, fitting.LEAST_EXPECTED, expect=naive.expectations_of_long_runs)
    assert learned.log_likelihood[0] < -700, "the likelihood itself is no number above zero"
    check(candidates, learned, expected, length)


@given(RUNS, st.integers(1, 4), SETTINGS)
def test_every_symbol_lies_in_one_word(runs, max_word_len, parameters):
    with nothing_forgotten, nothing_held_up:
        candidates, learned = fit(runs, max_word_len, 1, parameters)
    lengths = candidates.lengths()[learned.words.at]
    assert (learned.words.expected * lengths).sum() == pytest.approx(sum(map(len, runs)), abs=1e-5)


@given(RUNS, st.integers(1, 4), SETTINGS)
def test_likelihood_never_falls(runs, max_word_len, parameters):
    """A theorem where priors are fixed and nothing is forgotten or held up: θ maximises the expectation."""
    with nothing_forgotten, nothing_held_up:
        _, learned = fit(runs, max_word_len, 1, parameters)
    plain, classes = np.split(learned.log_likelihood, [parameters.passes])
    assert np.all(np.diff(plain) >= -1e-6)
    assert np.all(np.diff(classes) >= -1e-6)


def test_likelihood_of_real_text_rises(sample_candidates, sample_chunks):
    with nothing_forgotten, nothing_held_up:
        learned = learn(sample_chunks, sample_candidates, LexiconSettings(passes=6))
    assert len(learned.log_likelihood) == 6 + 4
    assert np.all(np.diff(learned.log_likelihood[:6]) > 0)
    assert np.all(np.diff(learned.log_likelihood[6:]) > 0)


def bits(learned, but=()):
    arrays = vars(learned) | vars(learned.words)
    left_out = {"decoding", "words", *but}
    return {name: np.asarray(array).tobytes() for name, array in arrays.items() if name not in left_out}


@given(RUNS, SETTINGS, st.integers(1, 30), st.randoms())
def test_workers_chunks_and_order_change_nothing(runs, parameters, chunk, draw):
    _, alone = fit(runs, 3, 1, parameters)
    one, *others = [bits(fit(runs, 3, 1, parameters, workers, chunk)[1]) for workers in (1, 2, 3)]
    assert others == [one, one]
    shuffled = draw.sample(runs, len(runs))
    for _, other in (fit(runs, 3, 1, parameters, 1, chunk), fit(shuffled, 3, 1, parameters, 1, chunk)):
        assert bits(other, but=["log_likelihood"]) == bits(alone, but=["log_likelihood"])
        assert other.log_likelihood == pytest.approx(alone.log_likelihood)


def test_workers_change_nothing_on_real_text(sample_candidates, sample_runs):
    runs = chunked(naive.unstream(sample_runs.stream), sample_runs.codes, 1000)
    assert len(runs) > 10
    found = [bits(learn(runs, sample_candidates, LexiconSettings(), Resources(Threads(n)))) for n in (1, 2, 3)]
    assert found[0] == found[1] == found[2]


@given(RUNS, SETTINGS, st.integers(0, 40))
def test_the_sample_is_the_runs_of_the_least_hashes(runs, parameters, most):
    """In the order of their hashes; its boundaries are those of all the runs."""
    candidates = candidates_of(runs, 3, 1)
    with patch.object(fitting, "SAMPLED", most):
        learned = learn(chunked(runs, candidates.codes, 5), candidates, parameters)
    whole = learn(chunked(runs, candidates.codes), candidates, parameters)
    ordered = naive_run_hashes.in_order(runs, candidates.codes)
    assert naive.unstream(whole.sample) == ordered
    taken = naive.unstream(learned.sample)
    assert taken == ordered[: len(taken)]
    assert learned.boundaries.tolist() == whole.boundaries[: len(learned.sample)].tolist()
    assert len(learned.sample) - 1 <= most
    assert whole.boundaries[np.flatnonzero(whole.sample == 0)[:-1] + 1].tolist() == [65535] * len(runs)


@settings(max_examples=40)
@given(RUNS, SETTINGS, st.data())
def test_fitting_goes_on_behind_any_pass(runs, parameters, data):
    """From the checkpoint, and the same lexicon comes out; a finished one is taken as it is."""
    candidates = candidates_of(runs, 3, 1)
    corpus = chunked(runs, candidates.codes)
    whole = learn(corpus, candidates, parameters)
    stop = data.draw(st.integers(0, parameters.all_passes))
    with tempfile.TemporaryDirectory() as name:
        checkpoints = Checkpoints(Path(name))
        killed = Stopping(checkpoints, stop)
        with suppress(StopIteration):
            learn(corpus, candidates, parameters, Resources(checkpoints=killed))
        left = {path.name for path in Path(name).iterdir()}
        assert left <= {"em.npz"}
        engine = Counting()
        again = learn(corpus, candidates, parameters, Resources(engine, checkpoints=checkpoints))
        assert bits(again) == bits(whole)
        assert engine.passes == parameters.all_passes - stop
        assert [path.name for path in Path(name).iterdir()] == ["em.npz"]


class Stopping(Checkpoints):
    """Checkpoints of a training that is killed when so many have been kept."""

    def __init__(self, checkpoints, after):
        super().__init__(checkpoints.folder)
        self.after = after

    def save(self, name, **arrays):
        if self.after == 0:
            raise StopIteration
        self.after -= 1
        super().save(name, **arrays)


class Counting(Threads):
    """Threads that count EM passes."""

    passes = 0

    def run(self, task, runs, progress=None):
        self.passes += isinstance(task, Expectation)
        return super().run(task, runs, progress)


def test_a_character_that_is_always_inside_a_word_keeps_a_weight():
    runs = [[3, 4, first] for first in (1, 2, 5)] * 20 + [[first, 3, 4] for first in (1, 2, 5)] * 20
    parameters = LexiconSettings(length_penalty=0.0, entropy_weight=0.0, passes=30)
    found = table(*fit(runs, 2, 1, parameters))
    assert found[3, 4][1] == pytest.approx(120, abs=0.1)
    for symbol in (3, 4):
        weight, expected = found[(symbol,)]
        assert expected == fitting.LEAST_EXPECTED
        assert math.isfinite(weight)


@given(RUNS, SETTINGS, st.sampled_from([0.0, 0.5, 2.0]))
def test_what_stays_in_the_lexicon(runs, parameters, min_expected):
    parameters = LexiconSettings(min_expected=min_expected, passes=parameters.passes)
    candidates, learned = fit(runs, 3, 1, parameters)
    found = table(candidates, learned)
    assert found.keys() >= {(symbol,) for symbol in range(1, SYMBOLS)}, "every symbol, also one that does not occur"
    assert (0,) not in found
    assert all(
        expected >= max(min_expected, fitting.FORGOTTEN) for word, (_, expected) in found.items() if len(word) > 1
    )
    assert min(found[(symbol,)][1] for symbol in range(1, SYMBOLS)) >= fitting.LEAST_EXPECTED
    assert np.all(np.isfinite(learned.words.weight))
    assert learned.words.unknown_weight == min(found[(symbol,)][0] for symbol in range(1, SYMBOLS)) - 1
    assert learned.words.at.tolist() == sorted(learned.words.at.tolist())


@given(RUNS)
def test_rarer_words_leave_the_lexicon_and_the_others_keep_their_weights(runs):
    candidates, every = fit(runs, 3, 1, LexiconSettings(min_expected=0.0))
    _, some = fit(runs, 3, 1, LexiconSettings(min_expected=0.7))
    stay = (every.words.at < len(candidates.codes)) | (every.words.expected >= 0.7)
    assert some.words.weight.tobytes() == every.words.weight[stay].tobytes()
    assert some.words.at.tobytes() == every.words.at[stay].tobytes()


def test_parameters_move_what_they_are_said_to_move():
    runs = [[3, 4], [3, 4], [4, 5, 3, 4], [5, 3], [5, 4, 4]] * 5
    plain = {"length_penalty": 1.0, "variation_weight": 0.0, "entropy_weight": 0.0, "passes": 2, "word_classes": 0}

    def expected(**changed):
        return table(*fit(runs, 2, 1, LexiconSettings(**plain | {"min_expected": 0.0} | changed)))[3, 4][1]

    assert expected(length_penalty=2.0) < expected() < expected(length_penalty=0.5)
    assert expected(entropy_weight=1.0, entropy_floor=3.0) < expected(entropy_weight=1.0, entropy_floor=2.0)
    assert expected(entropy_weight=1.0, entropy_floor=0.0) == expected()


def allowed(**parameters):
    """Settings with the parameters, each halved until it is allowed."""
    for name in parameters:
        while True:
            try:
                TrainingSettings(**{name: parameters[name]}).checked()
                break
            except UsageError:
                parameters[name] /= 2
    return TrainingSettings(**parameters).checked()


@pytest.mark.parametrize(
    "parameters",
    [
        {"length_penalty": 1000.0, "entropy_weight": 1000.0, "entropy_floor": 1000.0},
        {"length_penalty": 0.0, "entropy_weight": -1000.0, "entropy_floor": 1000.0},
        {"variation_weight": 1000.0},
        {"variation_weight": -1000.0},
    ],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_the_largest_parameters_allowed_give_numbers(sample_candidates, sample_chunks, parameters):
    largest = allowed(**parameters)
    learned = learn(sample_chunks, sample_candidates, largest)
    assert any(abs(getattr(largest, name)) > 1 for name in parameters)
    assert np.all(np.isfinite(learned.log_likelihood))
    assert np.all(np.isfinite(learned.words.weight))
    assert np.all(np.isfinite(learned.words.expected))


@pytest.mark.parametrize("workers", [1, 2])
def test_empty_corpus(workers):
    candidates, learned = fit([], 3, 1, LexiconSettings(), workers)
    assert learned.log_likelihood == (0.0,) * LexiconSettings().all_passes
    assert len(learned.words.weight) == SYMBOLS - 1
    assert np.all(np.isfinite(learned.words.weight))
    assert all(len(level) == 0 for level in candidates.levels[1:])


@pytest.mark.parametrize("workers", [1, 3])
def test_progress_passes_the_stream_once_a_pass(workers):
    runs = [[3, 4, 5]] * 50
    candidates, seen = candidates_of(runs, 3, 1), []
    corpus = chunked(runs, candidates.codes, 20)
    learn(corpus, candidates, LexiconSettings(passes=3), Resources(Threads(workers), seen.append))
    assert sum(seen) == 7 * corpus.stats.positions
    assert len(seen) == 7 * len(corpus) > 7

"""Forward-backward under class bigrams against the sum over all covers, and EM under class bigrams."""

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.lexicon import em as fitting
from segtool.lexicon import word_classes
from segtool.lexicon.em import learn
from segtool.lexicon.lattice import FIXED_POINT
from segtool.ngrams.scores import BOUNDARY_FANOUT
from segtool.ngrams.table import spell
from segtool.settings import LexiconSettings
from segtool.text.run_hashes import BUCKETS
from tests import naive, naive_classes
from tests.test_lexicon import RUNS, SETTINGS, fit, nothing_forgotten, table
from tests.test_word_classes import SYMBOLS, Corpus


def flat(lists):
    return list(itertools.chain(*lists))


class Lattice(Corpus):
    """Runs with weights of words, classes and factors."""

    def __init__(self, runs, longest, draw, spread=3.0, classes=4, share=0.7, centre=0.0):
        super().__init__(runs, longest)
        self.runs = runs
        self.weights = {
            ngram: draw.normal(centre * len(ngram), spread)
            for ngram in self.ngrams[1:]
            if len(ngram) == 1 or draw.random() < share
        }
        self.class_of = {ngram: int(draw.integers(classes)) for ngram in self.ngrams} | {naive_classes.BOUNDARY: 0}
        self.factors = {(left, right): math.exp(draw.normal()) for left in range(classes) for right in range(classes)}
        self.classes = classes

    def e_step(self):
        linear = self.per_node({word: math.exp(weight) for word, weight in self.weights.items()}, 0.0, np.float64)
        classes = self.per_node(self.class_of, 255, np.uint8)
        factors = np.array([self.factors[left, right] for right in range(self.classes) for left in range(self.classes)])
        task = fitting.Expectation(self.units, linear, (classes, factors), self.longest, len(self.stream), BUCKETS)
        total = np.zeros(task.size, np.int64)
        hashes = np.zeros(len(self.runs), np.uint64)
        chunk = SimpleNamespace(stream=self.stream, hashes=lambda: hashes)
        likelihood, (_, boundaries, _) = task(chunk, task.scratch(), total)
        return total, likelihood, np.insert(boundaries, 0, 65535)

    def check(self, found, expectation, exact=1e-6):
        """An E-step is what the twin says, up to fixed-point rounding."""
        total, likelihood, boundaries = found
        expected, log_likelihood, inside = expectation
        assert likelihood == pytest.approx(log_likelihood, rel=1e-9, abs=1e-7)
        for word in self.ngrams[1:]:
            assert total[self.node[word]] / FIXED_POINT == pytest.approx(expected[word], rel=exact, abs=exact), word
        at = 1
        for run, probabilities in zip(self.runs, inside, strict=True):
            here = boundaries[at : at + len(run)]
            assert here[0] == 65535
            assert here[1:] / 65535 == pytest.approx(probabilities, abs=0.51 / 65535)
            at += len(run) + 1
        assert np.all(boundaries[self.stream == 0] == 65535)


@settings(max_examples=200)
@given(
    st.lists(st.lists(st.integers(1, SYMBOLS - 1), min_size=1, max_size=8), max_size=6),
    st.sampled_from([1, 2, 3, 4, 15]),
    st.sampled_from([0.0, 1.0, 5.0]),
    st.integers(0, 1 << 32),
)
def test_class_lattice_is_naive(runs, longest, spread, seed):
    lattice = Lattice(runs, longest, np.random.default_rng(seed), spread)
    expected = naive_classes.expectations(runs, lattice.weights, lattice.class_of, lattice.factors)
    lattice.check(lattice.e_step(), expected)
    again = naive_classes.expectations_of_long_runs(runs, lattice.weights, lattice.class_of, lattice.factors)
    assert again[0] == pytest.approx(expected[0], abs=1e-9)
    assert again[1] == pytest.approx(expected[1])
    assert flat(again[2]) == pytest.approx(flat(expected[2]), abs=1e-9)


@pytest.mark.parametrize("centre", [-9.0, 0.0, 9.0, 60.0, -60.0], ids=str)
def test_long_runs_stay_in_range(centre):
    """Whether values shrink or grow."""
    draw = np.random.default_rng(1)
    runs = [[4], draw.integers(1, SYMBOLS, 1000).tolist(), [3, 5]]
    lattice = Lattice(runs, 4, draw, 4.0, centre=centre)
    found = lattice.e_step()
    expected = naive_classes.expectations_of_long_runs(runs, lattice.weights, lattice.class_of, lattice.factors)
    lattice.check(found, expected)


@pytest.mark.parametrize("single", [-140.0, 80.0])
def test_a_word_may_be_much_likelier_than_its_parts(single):
    """And its parts likelier than it, by more than there are numbers for."""
    runs = [[1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5] * 3, [1, 2, 5, 4]]
    for weight in (-400.0, -200.0, 0.0, 200.0):
        lattice = Lattice(runs, 15, np.random.default_rng(1), 0.0)
        lattice.weights = {word: single if len(word) == 1 else weight for word in lattice.weights if len(word) != 14}
        expected = naive_classes.expectations_of_long_runs(runs, lattice.weights, lattice.class_of, lattice.factors)
        lattice.check(lattice.e_step(), expected)


@given(RUNS, st.integers(1, 4), st.integers(0, 1 << 32))
def test_without_bigrams_it_is_the_plain_lattice(runs, longest, seed):
    lattice = Lattice(runs, longest, np.random.default_rng(seed))
    lattice.factors = dict.fromkeys(lattice.factors, 1.0)
    lattice.check(lattice.e_step(), (*naive.expectations(runs, lattice.weights), lattice_boundaries(lattice)))


def lattice_boundaries(lattice):
    return naive_classes.expectations(lattice.runs, lattice.weights, lattice.class_of, lattice.factors)[2]


@settings(max_examples=200)
@given(RUNS, st.integers(1, 4), st.integers(1, 3), SETTINGS)
def test_em_under_class_bigrams_is_naive(runs, longest, min_count, parameters):
    """From where plain passes end, with the classes that the corpus was given."""
    parameters = replace(parameters, word_classes=3, class_passes=2)
    given_classes = []

    def spy(*arguments):
        given_classes.extend(cluster(*arguments))
        return given_classes

    cluster = fitting.cluster
    everything_seen = patch.object(word_classes, "LEAST_SEEN", 1)
    with nothing_forgotten, everything_seen, patch.object(fitting, "cluster", spy):
        candidates, learned = fit(runs, longest, min_count, parameters)
        _, plain = fit(runs, longest, min_count, replace(parameters, word_classes=0))
    classes, counts = given_classes
    ngrams = [
        map(tuple, spell(candidates.levels, k, np.arange(len(level))).tolist())
        for k, level in enumerate(candidates.levels, 1)
    ]
    class_of = dict(zip(flat(ngrams), classes.tolist(), strict=True)) | {naive_classes.BOUNDARY: 0}
    found_factors = fitting.class_factors(counts, parameters.class_weight)
    factors = {(left, right): factor for (right, left), factor in np.ndenumerate(found_factors)}
    assert learned.log_likelihood[: parameters.passes] == plain.log_likelihood
    weights = {word: weight for word, (weight, _) in table(candidates, plain).items()}
    scores = naive.scores(runs, longest, min_count, BOUNDARY_FANOUT)
    priors = naive.log_priors(runs, scores, parameters)
    sampled = naive.unstream(learned.sample)  # all runs, in the order of their hashes
    assert sorted(sampled) == sorted(runs)
    idle = SYMBOLS - 1 - sum(len(ngram) == 1 for ngram in scores)
    for likelihood in learned.log_likelihood[parameters.passes :]:
        found, log_likelihood, boundaries = naive_classes.expectations(sampled, weights, class_of, factors)
        assert likelihood == pytest.approx(log_likelihood, rel=1e-6, abs=1e-5)
        least = fitting.LEAST_EXPECTED
        expected = {ngram: max(found[ngram], least if len(ngram) == 1 else 0.0) for ngram in scores}
        everything = sum(expected.values()) + idle * least
        weights = {
            ngram: (math.log(times / everything) if times else -math.inf) + priors[ngram]
            for ngram, times in expected.items()
        }
    rows = table(candidates, learned)
    for word, times in expected.items():
        assert rows[word][1] == pytest.approx(times, rel=1e-5, abs=1e-5), word
    stream = learned.sample
    here = learned.boundaries[1:][(stream[1:] != 0) & (stream[:-1] != 0)]
    assert here / 65535 == pytest.approx(flat(boundaries), abs=2e-5)


@given(RUNS, st.integers(1, 4), SETTINGS)
def test_boundaries_count_the_words(runs, longest, parameters):
    with nothing_forgotten, patch.object(fitting, "LEAST_EXPECTED", 1e-9):
        _, learned = fit(runs, longest, 1, parameters)
    stream = learned.sample
    assert len(learned.boundaries) == len(stream) == len(naive.stream(runs))
    assert learned.boundaries.dtype == np.uint16
    assert np.all(learned.boundaries[1:][(stream == 0)[1:] | (stream == 0)[:-1]] == 65535)
    words = learned.boundaries[stream != 0].sum() / 65535
    assert words == pytest.approx(learned.words.expected.sum(), abs=1e-5 * len(stream))


@pytest.mark.parametrize("longest", [1, 2, 15])
@pytest.mark.parametrize("runs", [[], [[1]], [[1], [1]], [[1, 2]], [[1, 2, 3, 4, 5] * 4] * 3], ids=str)
def test_tiny_corpora(runs, longest):
    _, learned = fit(runs, longest, 1, LexiconSettings())
    assert len(learned.log_likelihood) == LexiconSettings().all_passes
    assert np.all(np.isfinite(learned.log_likelihood))
    assert np.all(np.isfinite(learned.words.weight))
    assert len(learned.boundaries) == len(naive.stream(runs))


@pytest.mark.parametrize("off", [{"word_classes": 0}, {"class_passes": 0}], ids=str)
def test_without_classes_nothing_else_changes(sample_candidates, sample_chunks, off):
    with patch.object(fitting, "cluster", None):
        plain = learn(sample_chunks, sample_candidates, LexiconSettings(**off))
    with_classes = learn(sample_chunks, sample_candidates, LexiconSettings())
    assert plain.log_likelihood == with_classes.log_likelihood[: LexiconSettings().passes]
    assert plain.words.weight.tobytes() != with_classes.words.weight.tobytes()


def test_classes_without_weight_are_more_plain_passes(sample_candidates, sample_chunks):
    with nothing_forgotten:
        classes = learn(sample_chunks, sample_candidates, LexiconSettings(passes=3, class_weight=0.0))
        plain = learn(sample_chunks, sample_candidates, LexiconSettings(passes=7, word_classes=0))
    assert classes.words.expected == pytest.approx(plain.words.expected, rel=1e-6, abs=1e-6)
    assert classes.log_likelihood == pytest.approx(plain.log_likelihood)


def test_class_words_that_are_expected_less_often_do_not_count():
    """Words that would leave the lexicon are none in the corpus that classes come from."""
    runs = [[3, 4], [3, 4], [4, 3]]
    seen = []

    def parameters(min_expected):
        return LexiconSettings(min_expected=min_expected, length_penalty=0.0, entropy_weight=0.0)

    def spy(engine, runs, lattice):
        seen.append(lattice[1])

    with patch.object(fitting, "CutCorpus", spy), patch.object(fitting, "cluster", side_effect=StopIteration):
        for min_expected in (0.0, 1e6):
            with pytest.raises(StopIteration):
                fit(runs, 2, 1, parameters(min_expected))
    assert np.count_nonzero(np.isfinite(seen[0])) == SYMBOLS - 1 + 2
    assert np.count_nonzero(np.isfinite(seen[1])) == SYMBOLS - 1

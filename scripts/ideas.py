#!/usr/bin/env python3
"""Print F1 on the dev parts for ideas that were tried and left out: a table of docs/quality.md.

    .venv/bin/python -m scripts.ideas DATA [NAME...]

All learn from the news without the lines of the dev parts. Each NAME is one of these, by default all:

average     the tagger learns from the mean of the boundary probabilities of several settings; the lexicon is the same
iterate     four more EM passes over the lattice that the decoder sees: unknown words, the tagger, or both
free        a pair of symbols weighs less by γ times the share of both its symbols that are words by themselves
unknown     an unknown word costs the same whatever its spelling; frequent words weigh more for spelling
characters  the tagger also sees classes of characters, a wider window; or does without pairs now and then in training
classes     class bigrams of words not only teach the lexicon, the decoder weighs them too

No model has weights from the parts of words, which are newer than the ideas. scripts/tune.py reruns ideas that are only
other settings.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, TypeAlias
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from scripts.experiments import (
    DEV,
    exit_unless_known,
    f1,
    gold_of,
    parser_of,
    print_head,
    print_row,
    raw,
    read_texts,
    shown,
    texts_of,
    without,
)
from scripts.idea_kernels import CHARACTER_CLASSES, CLASSES, TRIPLES, WINDOW, apply_gaps, cover, fit_gaps
from segtool.decode.block import Scratch
from segtool.decode.decoder import Decoder
from segtool.decode.texts import TextCutter
from segtool.decode.viterbi import TAG_STEP, WEIGHT_UNIT
from segtool.lexicon.build import build_model
from segtool.lexicon.decoder_lattice import TextLattice, _gap_factors
from segtool.lexicon.em import FORGOTTEN, LEAST_EXPECTED, learn, log_prior, log_weight
from segtool.lexicon.learned import Learned, Resources
from segtool.lexicon.passes import Threads
from segtool.lexicon.trie import word_nodes
from segtool.lexicon.unknown_words import GROWTH, spelling_scores, spelling_steps
from segtool.lexicon.word_classes import CutCorpus, class_factors, cluster
from segtool.ngrams.count import count_stream
from segtool.ngrams.counter import collect_corpus
from segtool.ngrams.scores import Candidates, score
from segtool.ngrams.table import NGramTable
from segtool.runtime.workers import available_workers
from segtool.segmenter import Segmenter
from segtool.settings import TrainingSettings
from segtool.store.model import Model
from segtool.text.runs import Corpus

AVERAGED: list[dict[str, Any]] = [
    {"length_penalty": 1.95},
    {"length_penalty": 2.05},
    {"length_penalty": 2.15},
    {"min_count": 3},
    {"min_count": 6, "length_penalty": 1.95},
    {"variation_weight": 0.0},
    {"variation_weight": 0.1, "length_penalty": 2.05},
]
"""With the defaults eight settings. Rarer candidates want a greater penalty: see scripts/tune.py."""

PASSES = 4
Stream: TypeAlias = npt.NDArray[np.uint16]
Scores: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = Iterator[tuple[str, Segmenter]]


@dataclass(frozen=True)
class Base:
    """The results of the defaults on the news, from which ideas start."""

    runs: Corpus
    counts: NGramTable
    candidates: Candidates
    learned: Learned
    settings: TrainingSettings
    workers: int

    def model(self, learned: Learned | None = None, settings: TrainingSettings | None = None) -> Model:
        """The model of a lexicon; its tagger learns from the boundaries that the method has found."""
        learned, settings = learned or self.learned, settings or self.settings
        card: dict[str, object] = {"decoder": "lattice", "parameters": asdict(settings)}
        return build_model(self.candidates, learned, card, settings, self.runs)


def average(base: Base) -> Rows:
    total = base.learned.boundaries.astype(np.float64)
    for variant in AVERAGED:
        settings = replace(base.settings, **variant)
        least = settings.least_count(base.runs.stats.symbols)
        candidates = score(base.counts, settings.max_word_len, least, base.workers)
        total += learn(base.runs, candidates, settings, Resources(Threads(base.workers))).boundaries
    mean = np.rint(total / (1 + len(AVERAGED))).astype(np.uint16)
    name = f"tagger learns from the mean of {1 + len(AVERAGED)} settings"
    yield name, Segmenter(base.model(replace(base.learned, boundaries=mean)))


def iterate(base: Base) -> Rows:
    levels, lexicon, model = base.candidates.levels, base.learned.words, base.model()
    firsts = np.cumsum([0, *map(len, levels)])
    singles = slice(1, len(levels[0]))
    prior = log_prior(base.candidates, base.settings)
    # the tagger's weights, from the nodes of one and two symbols of the decoder's trie
    child = model.lexicon[4 * levels[1].parent] + levels[1].symbol
    found = model.lexicon[4 * child + 1] == levels[1].parent
    tags = np.zeros(firsts[-1], np.int32)
    tags[: firsts[1]] = model.lexicon[3 : 4 * firsts[1] : 4]
    tags[firsts[1] : firsts[2]] = np.where(found, model.lexicon[4 * child + 3], 0)
    spelling = spelling_scores(model.words, model.symbols, base.settings)
    for name, gaps, unknown_len in (
        ("the lexicon alone", np.zeros_like(tags), 0),
        ("unknown words", np.zeros_like(tags), base.settings.unknown_len),
        ("the tagger", tags, 0),
        ("unknown words and the tagger", tags, base.settings.unknown_len),
    ):
        lattice = TextLattice(base.runs.whole().stream, base.candidates, gaps, spelling, unknown_len)
        expected = np.zeros(firsts[-1])
        expected[lexicon.at] = lexicon.expected
        for _ in range(PASSES):
            expected = lattice.expect(log_weight(expected, prior), base.workers, None)
            expected[expected < FORGOTTEN] = 0.0
            expected[singles] = np.maximum(expected[singles], LEAST_EXPECTED)
        weight = log_weight(expected, prior)
        keep = expected >= base.settings.min_expected
        keep[singles] = True
        keep[0] = False
        kept = np.flatnonzero(keep)
        new = replace(lexicon, at=kept, weight=weight[kept], expected=expected[kept])
        learned = replace(base.learned, decoding=new, words=new)
        yield f"{PASSES} more passes without classes, with {name}", Segmenter(base.model(learned))


def free(base: Base) -> Rows:
    symbols, pairs = base.candidates.levels[:2]
    single = base.learned.words.at < len(symbols)
    freedom = np.zeros(len(symbols))
    at = base.learned.words.at[single]
    freedom[at] = np.minimum(base.learned.words.expected[single] / np.maximum(symbols.count[at], 1), 1.0)
    product = freedom[pairs.parent] * freedom[pairs.symbol]

    def lowered(weight: float, candidates: Candidates, settings: Any) -> Scores:
        prior = log_prior(candidates, settings)
        prior[len(symbols) : len(symbols) + len(pairs)] -= weight * product
        return prior

    for weight, penalty in ((0.5, 2.0), (1.0, 2.0), (2.0, 2.0), (1.0, 1.95), (1.0, 2.05)):
        settings = replace(base.settings, length_penalty=penalty)
        with patch("segtool.lexicon.em.log_prior", partial(lowered, weight)):
            learned = learn(base.runs, base.candidates, settings, Resources(Threads(base.workers)))
        name = f"pairs of free symbols lighter, γ = {weight:g}, `length_penalty` {penalty:g}"
        yield name, Segmenter(base.model(learned, settings))


def unknown(base: Base) -> Rows:
    model = base.model()

    def spelled(words: npt.NDArray[Any], **variant: Any) -> Segmenter:
        settings = replace(base.settings, **variant)
        return Segmenter(replace(model, spelling=spelling_steps(spelling_scores(words, model.symbols, settings))))

    for cost in (17.0, 19.0, 21.0):
        name = f"unknown words cost {cost:g} and 10 a further symbol, whatever their spelling"
        yield name, spelled(model.words, spelling_weight=0.0, unknown_cost=cost, unknown_step=10.0)
    # a word that is expected n² times counts n times; the size of the text, which is the sum of all, stays
    times = np.where(model.words["length"] > 1, np.rint(np.sqrt(model.words["expected"])), 1).astype(np.int64)
    words = np.repeat(model.words, times)
    growth = GROWTH * np.log(words["expected"].sum() / model.words["expected"].sum())
    for cost in (12.0, 13.0, 14.0):
        name = f"spelling learned from words weighted by the root of their frequency, `unknown_cost` {cost:g}"
        yield name, spelled(words, unknown_cost=cost - growth)


def characters(base: Base) -> Rows:
    model, stream, n = base.model(), base.learned.sample, CHARACTER_CLASSES
    alphabet = np.arange(len(model.symbols), dtype=np.int32)
    # words of one symbol, for which no trie is needed
    lattice = np.zeros(0, np.int32), np.zeros(len(alphabet)), 1, base.runs.stats.longest_run
    ones = np.ones(len(alphabet), np.int64)
    corpus = CutCorpus(Threads(base.workers), base.runs, lattice)
    found, _ = cluster(corpus, alphabet, ones, len(alphabet), n - 2)
    classes = np.append(found, 1).astype(np.int64)  # an unknown character is in the class of those that are too rare
    for name, kinds, dropout in (
        ("as it is", 0, 0.0),
        ("with class pairs", CLASSES, 0.0),
        ("with class pairs and triples", CLASSES | TRIPLES, 0.0),
        ("with a window of three symbols either side", WINDOW, 0.0),
        ("that learns without pairs at 3 gaps in 10", 0, 0.3),
        ("with all of these", CLASSES | TRIPLES | WINDOW, 0.3),
    ):
        weights = np.zeros(len(model.lexicon) + 3 * n**2 + 2 * n**3 + 2 * len(classes), np.float32)
        fit_gaps(stream, base.learned.boundaries, model.lexicon, classes, kinds, dropout, weights)

        def gaps(ids: Stream, kinds: int = kinds, weights: Any = weights) -> Scores:
            scores = np.zeros(len(ids))
            apply_gaps(ids, model.lexicon, classes, kinds, weights, scores)
            return scores

        yield f"tagger {name}, unrounded", segmenter(model, gaps)


def classes(base: Base) -> Rows:
    model = base.model()
    words, units = model.words, model.lexicon.reshape(-1, 4)
    node = word_nodes(units, words["symbols"], words["length"])
    weight = np.full(len(units), -np.inf)
    weight[node] = words["weight"]
    lattice = units[:, :2].ravel(), weight, base.settings.max_word_len, base.runs.stats.longest_run
    # the boundary and all words
    nodes, lengths = np.append(0, node).astype(np.int32), np.append(1, words["length"])
    kinds = base.settings.class_words, base.settings.word_classes
    corpus = CutCorpus(Threads(base.workers), base.runs, lattice)
    class_of, bigrams = cluster(corpus, nodes, lengths, *kinds)
    of_node = np.zeros(len(units), np.int64)
    of_node[node] = class_of[1:]

    def gaps(ids: Stream) -> Scores:
        factors = np.empty(len(ids))
        _gap_factors(ids, model.lexicon, TAG_STEP / WEIGHT_UNIT, factors)
        return np.log(factors)

    for share in (0.25, 0.5, 1.0):
        factors = np.log(class_factors(bigrams, share))
        yield f"class bigrams in the decoder, weight {share:g}", segmenter(model, gaps, of_node, factors)


IDEAS: dict[str, Callable[[Base], Rows]] = {
    idea.__name__: idea for idea in (average, iterate, free, unknown, characters, classes)
}


def segmenter(model: Model, gaps: Callable[[Stream], Scores], of_node: Any = None, factors: Any = None) -> Segmenter:
    """A segmenter with given scores of gaps, and given classes of nodes with the logs of their factors."""
    if of_node is None:
        of_node, factors = np.zeros(len(model.lexicon) // 4, np.int64), np.zeros((1, 1))

    class Scored(Decoder):
        def cover(self, tokens: int, certain: int, scratch: Scratch) -> int:
            ids = np.pad(scratch.symbols[1 : tokens + 1], (1, 2)).astype(np.uint16)
            joined = np.zeros(len(ids), np.bool_)
            tables = model.lexicon, model.spelling, gaps(ids), of_node, factors
            cover(ids, *tables, model.max_word_len, model.unknown_len, joined)
            scratch.begins[1 : tokens + 1] = ~joined[:tokens]
            return certain

    result = Segmenter(model)
    object.__setattr__(result, "_cutter", TextCutter(Scored(result._cutter.decoder.ids)))
    return result


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(IDEAS)}")
    options = parser.parse_args()
    exit_unless_known(options.names, IDEAS)
    workers, settings = available_workers(), TrainingSettings()
    gold = gold_of(options.data, DEV)
    runs = collect_corpus(["\n".join(without(gold, read_texts(texts_of(options.data))))])
    counts = count_stream(runs.whole().stream, runs.codes, settings.max_word_len + 1, workers)
    candidates = score(counts, settings.max_word_len, settings.least_count(runs.stats.symbols), workers)
    learned = learn(runs, candidates, settings, Resources(Threads(workers)))
    base = Base(runs, counts, candidates, learned, settings, workers)
    defaults: list[float] = []

    def row(name: str, segmenter: Segmenter) -> None:
        figures = [f1(lines, segmenter.cut_batch(raw(lines))) for lines in gold.values()]
        cells = list(map(shown, figures))
        for i, default in enumerate(defaults):
            cells[i] += f" ({figures[i] - default:+.4f})".replace("0.", ".")
        print_row(name, cells)
        defaults[:] = defaults or figures

    print_head("idea", list(gold))
    row("defaults", Segmenter(base.model()))
    for name in options.names or IDEAS:
        for label, made in IDEAS[name](base):
            row(label, made)


if __name__ == "__main__":
    main()

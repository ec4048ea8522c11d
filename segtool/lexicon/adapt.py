"""Learning more from a text that is at hand: its counts join those of a model, and the model is left as it is.

A model keeps what it expects of every word, E_m, in its own corpus. Of the text, n-grams are counted and scored as for
training (:mod:`segtool.ngrams.count`, :mod:`segtool.ngrams.scores`); they and the words of the model together are the
candidates. A few EM passes over the text alone, whose lattice has all that decoding has (words, unknown words, the
tagger), tell what to expect of each in the text, E_t, and

    θ(x) ∝ E_m(x) + ν E_t(x)

The rest of a word's weight is that of the model, or for a word that the model does not have that of the text. A text
is small beside a corpus: ν raises it to a share of 4 %, but at most tenfold. So names that come again in the
text become words, and what the model knows is kept. The papers on unsupervised segmentation train on the raw text that
they test on (Goldwater, Griffiths & Johnson 2009; Mochihashi, Yamada & Ueda 2009); this does it at the price of the
text alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool.decode.viterbi import NO_WORD
from segtool.errors import UsageError
from segtool.lexicon.build import weight_steps
from segtool.lexicon.decoder_lattice import TextLattice
from segtool.lexicon.em import FORGOTTEN, LEAST_EXPECTED, log_prior, log_weight
from segtool.lexicon.learned import Lexicon
from segtool.lexicon.spellings import odd_spellings
from segtool.lexicon.trie import build_trie
from segtool.lexicon.unknown_words import spelling_scores, spelling_steps
from segtool.ngrams.count import count_stream
from segtool.ngrams.scores import Candidates, score
from segtool.ngrams.table import spell
from segtool.runtime.arrays import Codes, Floats, Ids, Integers
from segtool.settings import TrainingSettings, settings_of
from segtool.store.model import SPELLING, Model, word_record
from segtool.text.runs import Corpus

__all__ = ["PASSES", "adapt_model"]

SHARE, MOST = 0.04, 10.0
"""A text that is less than this share of the model's corpus counts for so much, but up to tenfold."""

TRAINING_SHARE, TRAINING_MOST = 1.0, 30.0
"""The same for a text that a model is trained for."""

PASSES = 3

MIN_COUNT, MIN_EXPECTED = 2, 0.5
"""As in training, whatever the model was trained with: its corpus may have been large."""


def adapt_model(
    model: Model,
    runs: Corpus,
    workers: int = 1,
    progress: Callable[[int], object] | None = None,
    share: float = SHARE,
    most: float = MOST,
) -> Model:
    """Make a model that knows the words of a text, too.

    Parameters
    ----------
    model : Model
        Of method ``unigram``. It does not change.
    runs : Corpus
        The text, folded if the model folds.
    workers : int
        Threads. The result does not depend on it.
    progress : callable, optional
        Called with the number of symbols passed since the last call; `PASSES` times the stream in all.
    share, most : float
        A text that has less than this share of the symbols of the model's corpus counts for so much, but a symbol of
        it for no more than `most`.

    Returns
    -------
    Model
        In memory, with the model's card.

    Raises
    ------
    UsageError
        If the model is of another method.
    """
    settings = settings_of(model)
    if settings.method != "unigram":
        raise UsageError(f"a model of method {settings.method} cannot learn more: train one of method unigram")
    stream = runs.whole().stream
    counts = count_stream(stream, runs.codes, model.max_word_len + 1, workers, MIN_COUNT)
    found = score(counts, model.max_word_len, MIN_COUNT, workers)
    del counts
    both = _join(model, runs, found, settings, share, most)
    stream = both.of_text[stream]
    expected = np.where(both.is_word, both.pseudo + both.text_weight * both.of_both(both.new, "count"), 0.0)
    lattice = TextLattice(stream, both.symbols, both.parents, both.tags, both.spelling, both.unknown_len)
    for _ in range(PASSES):
        expected = both.pseudo + both.text_weight * lattice.expect(both.weigh(expected), workers, progress)
    return _model_of(both, expected, model, runs, found)


@dataclass(frozen=True)
class _Both:
    """The n-grams of a model and of a text, in one order: by length, then by symbol ids.

    Attributes
    ----------
    codes : ndarray of uint32
        Of the symbols of both.
    of_text : ndarray of uint16
        What the text's symbol ids are here.
    symbols, parents : list of ndarray
        N-grams with all that they begin with, as :func:`segtool.lexicon.trie.build_trie` takes them; the last single
        symbol is the unknown one.
    known, new : structured ndarray
        Words of the model, and candidates of the text with their log prior as weight, in symbol ids of both.
    at_known, at_new : ndarray of int64
        Where they stand among all n-grams.
    pseudo : ndarray of float64
        Expected counts of all n-grams in the model's corpus.
    prior : ndarray of float64
        Log weight without log θ.
    text_weight : float
        ν.
    tags : ndarray of int32
        The tagger's weights of all n-grams (:func:`segtool.decode.viterbi.viterbi`).
    spelling : ndarray of float64
        Scores of symbols in unknown words.
    """

    codes: Codes
    of_text: Ids
    symbols: list[Ids]
    parents: list[npt.NDArray[np.int32]]
    known: npt.NDArray[Any]
    new: npt.NDArray[Any]
    at_known: Integers
    at_new: Integers
    pseudo: Floats
    prior: Floats
    text_weight: float
    tags: npt.NDArray[np.int32]
    spelling: Floats
    unknown_len: int

    @property
    def singles(self) -> slice:
        return slice(1, len(self.codes))

    @property
    def is_word(self) -> npt.NDArray[np.bool_]:
        return np.isfinite(self.prior)

    def of_both(self, table: npt.NDArray[Any], field: str) -> Floats:
        """A field of one of the tables, for all n-grams; 0 for those that it does not hold."""
        out = np.zeros(len(self.prior))
        out[self.at_known if table is self.known else self.at_new] = table[field]
        return out

    def weigh(self, expected: Floats) -> Floats:
        """Log weights; those that may be no word have none."""
        expected = np.where(expected >= FORGOTTEN, expected, 0.0)
        expected[self.singles] = np.maximum(expected[self.singles], LEAST_EXPECTED)
        return log_weight(expected, self.prior)


def _join(
    model: Model, runs: Corpus, found: Candidates, settings: TrainingSettings, share: float, most: float
) -> _Both:
    codes = np.union1d(model.symbols, runs.codes).astype(np.uint32)
    of_model = np.searchsorted(codes, model.symbols).astype(np.uint16)
    of_text = np.searchsorted(codes, runs.codes).astype(np.uint16)
    known = model.words.copy()
    known["symbols"] = of_model[known["symbols"]]
    new = _table(found, of_text, settings)
    pairs, pair_tags, single_tags = _tags_of(model)
    symbols, parents, places = _ngrams(
        [known["symbols"], new["symbols"], of_model[pairs]],
        [known["length"], new["length"], np.full(len(pairs), 2)],
        len(codes) + 1,
    )
    at_known, at_new, at_pairs = places
    size = sum(map(len, symbols))
    tags = np.zeros(size, np.int32)
    tags[: len(codes) + 1] = single_tags[-1]  # what the model does not know, and the unknown symbol
    tags[of_model] = single_tags[:-1]
    tags[at_pairs] = pair_tags
    text_symbols = max(runs.stats.symbols, 1)
    model_symbols = float(known["count"][known["length"] == 1].sum())
    text_weight = min(max(share * model_symbols / text_symbols, 1.0), most)
    pseudo = np.zeros(size)
    pseudo[at_known] = known["expected"]
    theta = known["expected"] / known["expected"].sum()
    prior = np.full(size, -np.inf)
    prior[at_new] = new["weight"]
    prior[at_known] = known["weight"] - np.log(np.maximum(theta, np.finfo(np.float64).tiny))
    return _Both(
        codes, of_text, symbols, parents, known, new, at_known, at_new, pseudo, prior, text_weight, tags,
        spelling_scores(known, codes, settings), settings.unknown_len,
    )  # fmt: skip


def _share_of_text(size: int, at_known: Integers, count: Any, at_new: Integers, more: Any) -> Floats:
    """Which share of the occurrences of an n-gram is of the text."""
    of_model, of_text = np.zeros(size), np.zeros(size)
    of_model[at_known], of_text[at_new] = count, more
    return of_text / np.maximum(of_model + of_text, 1.0)


def _table(found: Candidates, ids: Ids, settings: TrainingSettings) -> npt.NDArray[Any]:
    """Candidates as a table of words, with the log prior as weight; symbols become `ids`."""
    tables, priors = [], np.split(log_prior(found, settings), np.cumsum([len(level) for level in found.levels])[:-1])
    for k, level in enumerate(found.levels, 1):
        table = np.zeros(len(level), word_record(len(found.levels)))
        table["symbols"][:, :k] = ids[spell(found.levels, k, np.arange(len(level)))]
        table["length"] = k
        table["weight"] = priors[k - 1]
        for name in ("count", "cohesion", "left_entropy", "right_entropy"):
            table[name] = getattr(level, name)
        tables.append(table[1:] if k == 1 else table)  # without the boundary
    return np.concatenate(tables)


def _tags_of(model: Model) -> tuple[Ids, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The pairs of symbols that the tagger weighs, with their tags; and the tags of single symbols."""
    units = model.lexicon.reshape(-1, 4)
    singles = len(model.symbols) + 1
    node = np.flatnonzero((units[:, 1] >= 0) & (units[:, 1] < singles - 1) & (units[:, 3] != 0))
    first = units[node, 1]
    pairs = np.column_stack([first, node - units[first, 0]]).astype(np.uint16)
    return pairs, units[node, 3], units[:singles, 3]


def _ngrams(
    rows: list[Ids], lengths: list[npt.NDArray[Any]], alphabet: int
) -> tuple[list[Ids], list[npt.NDArray[np.int32]], list[Integers]]:
    """Levels of n-grams out of tables of them, with all that they begin with; and where each row stands in all."""
    width = max(table.shape[1] for table in rows)
    spelled = np.concatenate([np.pad(table, ((0, 0), (0, width - table.shape[1]))) for table in rows])
    length = np.concatenate(lengths)
    symbols, parents = [np.arange(alphabet, dtype=np.uint16)], [np.zeros(alphabet, np.int32)]
    at = spelled[:, 0].astype(np.int64)
    offset = 0
    for k in range(2, width + 1):
        here = np.flatnonzero(length >= k)
        keys, inverse = np.unique(at[here] << 16 | spelled[here, k - 1], return_inverse=True)
        at[here] = inverse
        offset += len(symbols[-1])
        at[here[length[here] == k]] += offset
        symbols.append((keys & 0xFFFF).astype(np.uint16))
        parents.append((keys >> 16).astype(np.int32))
    return symbols, parents, np.split(at, np.cumsum([len(table) for table in rows])[:-1])


def _model_of(both: _Both, expected: Floats, model: Model, runs: Corpus, found: Candidates) -> Model:
    """Lay out what is expected often enough."""
    expected = expected.copy()
    expected[both.singles] = np.maximum(expected[both.singles], LEAST_EXPECTED)
    weight = both.weigh(expected)
    keep = both.is_word & (expected >= MIN_EXPECTED)
    keep[both.singles] = True
    at = np.flatnonzero(keep)
    sizes = np.cumsum([len(level) for level in both.symbols])
    level = np.searchsorted(sizes, at, side="right")
    words = np.zeros(len(at), word_record(model.max_word_len))
    levels = [_Level(symbol, parent) for symbol, parent in zip(both.symbols, both.parents, strict=True)]
    for k in range(1, len(both.symbols) + 1):
        here = level == k - 1
        words["symbols"][here, :k] = spell(levels, k, at[here] - (sizes[k - 2] if k > 1 else 0))
        words["length"][here] = k
    share = _share_of_text(len(keep), both.at_known, both.known["count"], both.at_new, both.new["count"])
    for name in ("cohesion", "left_entropy", "right_entropy"):
        old, new = both.of_both(both.known, name)[at], both.of_both(both.new, name)[at]
        mixed = (share[at] > 0) & (share[at] < 1) & np.isfinite(old)
        words[name] = np.where(share[at] == 1, new, old)
        words[name][mixed] += (share[at] * np.where(mixed, new - np.where(mixed, old, 0), 0))[mixed]
    words["count"] = (both.of_both(both.known, "count") + both.of_both(both.new, "count"))[at]
    words["expected"], words["weight"] = expected[at], weight[at]
    wanted = [part.copy() for part in np.split(keep | (both.tags != 0), sizes[:-1])]
    base, check, nodes = build_trie(both.symbols, both.parents, wanted)
    units = np.zeros((len(base), 4), np.int32)
    units[:, 0], units[:, 1], units[:, 2] = base, check, NO_WORD
    node = np.concatenate(nodes)
    units[node[at], 2] = weight_steps(weight[at])
    there = node >= 0
    units[node[there], 3] = both.tags[there]
    floor = float(weight[both.singles].min(initial=0.0)) - 1.0
    units[len(both.codes), 2] = weight_steps(np.array(floor))
    faces, spellings = _shown(both, words, at, model, runs, found)
    spelling = spelling_steps(both.spelling)
    return Model(both.codes, faces, units.ravel(), spelling, words, spellings, dict(model.card))


@dataclass(frozen=True)
class _Level:
    """Symbols and parents of the n-grams of one length, as :func:`segtool.ngrams.count.spell` takes them."""

    symbol: Ids
    parent: npt.NDArray[np.int32]


def _shown(
    both: _Both, words: npt.NDArray[Any], at: Integers, model: Model, runs: Corpus, found: Candidates
) -> tuple[Codes, npt.NDArray[Any]]:
    """What symbols are shown as, and the places of words that are shown otherwise."""
    faces = np.zeros(len(both.codes), np.uint32)
    faces[both.of_text] = runs.alphabet.display
    faces[np.searchsorted(both.codes, model.symbols)] = model.faces
    row_of = np.full(len(both.prior), -1)
    row_of[at] = np.arange(len(at))
    old = model.spellings.copy()
    row = row_of[both.at_known[old["word"]]]
    old["word"] = np.maximum(row, 0)
    old = old[row >= 0]
    # words that only the text has are shown as they stand there
    only = row_of[both.at_new]
    only[np.isin(both.at_new, both.at_known)] = -1
    take = np.flatnonzero(only >= 0)
    levels = both.new["length"][take].astype(np.int64)
    firsts = np.cumsum([0, *(len(level) for level in found.levels)]) - 1  # the boundary is not in the table
    place = take - np.maximum(firsts[levels - 1], 0) + (levels == 1)
    odd = odd_spellings(runs, found, Lexicon(levels, place, np.zeros(0), np.zeros(0), 0.0))
    symbol_face = np.zeros(len(both.codes), np.uint32)
    symbol_face[both.of_text] = runs.alphabet.display
    codes = symbol_face[both.new["symbols"][take]]
    codes[odd["word"], odd["place"]] = odd["code"]
    inside = np.arange(codes.shape[1]) < levels[:, None]
    which, where = np.nonzero(inside & (codes != faces[words["symbols"][only[take]]]))
    more = np.zeros(len(which), SPELLING)
    more["word"], more["place"], more["code"] = only[take][which], where, codes[which, where]
    spellings = np.concatenate([old, more])
    return faces, spellings[np.lexsort((spellings["place"], spellings["word"]))]

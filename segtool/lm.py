"""The character language model: how likely each symbol is behind the ones before it.

Interpolated modified Kneser-Ney smoothing (Chen & Goodman 1999, "An empirical study of smoothing
techniques for language modeling"), in the reading of KenLM's ``lmplz`` (Heafield et al. 2013, "Scalable
modified Kneser-Ney language model estimation"), whose numbers it reproduces. Every run is a sentence.

An n-gram x of length k has an *adjusted count* a(x): its occurrences if k is the order of the model or
x begins with ``<s>``, else the number of different symbols that it occurs behind. With the discounts
D(1), D(2), D(3 and more) of each length, and h' the context h without its first symbol,

    p(s | h) = (a(hs) − D(a(hs))) / Σ a(h·) + γ(h) p(s | h')      γ(h) = Σ D(a(h·)) / Σ a(h·)

down to p(s) = (a(s) − D(a(s))) / Σ a + γ / V, V being the symbols with ``</s>`` and ``<unk>``. A pruned
n-gram keeps its place in both sums over h·, and adds its whole a to γ.

The n-grams form a trie, laid down level by level in flat arrays; the *suffix* link of a node leads to
the longest n-gram that ends it (Aho & Corasick 1975), which is where back-off goes on. Symbol 0 is the
boundary: ``<s>`` as the first of an n-gram, ``</s>`` as the last, so that node 0 has the probability of
``</s>`` and the back-off of ``<s>``.
"""

from __future__ import annotations

import json
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segtool import __version__
from segtool._jit import kernel
from segtool.counts import Counts, Ids, Integers
from segtool.errors import CorpusError, ModelError, UsageError
from segtool.files import atomic_directory
from segtool.model import CARD
from segtool.symbols import CODE_LIMIT, class_table, code_points, symbolise

__all__ = ["LanguageModel", "TextScore", "advance", "estimate", "load_lm", "save_lm"]

FORMAT = "segtool language model"
FORMAT_VERSION = 1
RESTORE = "restore the language model or make it again"
FALLBACK = (0.5, 1.0, 1.5)
"""Discounts of a length whose counts of counts give none, as for ``lmplz --discount_fallback``."""

Links: TypeAlias = npt.NDArray[np.int32]
Floats: TypeAlias = npt.NDArray[np.float64]
_ARRAYS = {
    "codes": "<u4",
    "symbol": "<u2",
    "first_child": "<i4",
    "suffix": "<i4",
    "log10_probability": "<f4",
    "log10_backoff": "<f4",
}


@dataclass(frozen=True)
class TextScore:
    """What a language model says about a text.

    Attributes
    ----------
    log10_probability : float
    tokens : int
        Symbols and ends of runs.
    unknown : int
        Symbols that the model does not know.
    """

    log10_probability: float
    tokens: int
    unknown: int

    @property
    def perplexity(self) -> float:
        """Per token; not a number where there is none."""
        return float(10.0 ** (-self.log10_probability / self.tokens)) if self.tokens else float("nan")


class Scorer:
    """What every language model can do with a text, given :meth:`score_codes`."""

    def score_codes(self, codes: Links) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Log10 probability of each symbol of a stream of codes, and whether the model does not know it."""
        raise NotImplementedError

    def score_lines(self, text: str) -> tuple[Floats, Integers, Integers]:
        """Score each line of a text as KenLM does, every run as a sentence of its own.

        Returns
        -------
        log10_probability : ndarray of float64, shape (lines,)
        tokens, unknown : ndarray of int64, shape (lines,)
            As in :class:`TextScore`.
        """
        codes, line = _code_stream(text)
        log10, unknown = self.score_codes(codes)
        lines = text.count("\n") + (not text.endswith("\n"))
        sums = [np.bincount(line[1:], each[1:], lines) for each in (log10, np.ones(len(line)), unknown)]
        return sums[0], sums[1].astype(np.int64), sums[2].astype(np.int64)

    def score_text(self, text: str) -> TextScore:
        """Score a text, every run as a sentence of its own."""
        log10, tokens, unknown = self.score_lines(text)
        return TextScore(float(log10.sum()), int(tokens.sum()), int(unknown.sum()))


@dataclass(frozen=True)
class LanguageModel(Scorer):
    """N-grams with their log10 probabilities and back-off weights.

    Attributes
    ----------
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id, ascending: the boundary, then those that occur. The id one past them is
        ``<unk>``.
    ngrams : tuple of int
        How many of each length, the shortest first. Node i < ``ngrams[0]`` is the symbol with id i.
    symbol : ndarray of uint16, shape (nodes,)
        Last symbol of each n-gram; n-grams of one length stand together, in lexicographic order of ids.
    first_child : ndarray of int32, shape (inner + 1,)
        Extensions of node i are the nodes from ``first_child[i]`` up to ``first_child[i + 1]``; the nodes
        from `inner` on are the longest n-grams and have none.
    suffix : ndarray of int32, shape (nodes,)
        Node of the longest n-gram that ends this one, -1 for a single symbol.
    log10_probability : ndarray of float32, shape (nodes,)
    log10_backoff : ndarray of float32, shape (inner,)
    discounts : tuple of tuple of float
        D1, D2 and D3+ of each length; none for a model that was trained elsewhere.
    card : dict
        Where the model comes from.
    """

    codes: npt.NDArray[np.uint32]
    ngrams: tuple[int, ...]
    symbol: Ids
    first_child: Links
    suffix: Links
    log10_probability: npt.NDArray[np.float32]
    log10_backoff: npt.NDArray[np.float32]
    discounts: tuple[tuple[float, ...], ...] = ()
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> int:
        """Length of the longest n-grams, in symbols."""
        return len(self.ngrams)

    @property
    def unknown(self) -> int:
        """Symbol id of ``<unk>``."""
        return len(self.codes)

    @property
    def tables(self) -> tuple[npt.NDArray[Any], ...]:
        """The arrays that :func:`advance` takes."""
        return self.symbol, self.first_child, self.suffix, self.log10_probability, self.log10_backoff

    def ids(self) -> Ids:
        """Symbol id of every code below ``CODE_LIMIT``: ``ids()[runs.codes][runs.stream]`` is a stream."""
        table = np.full(CODE_LIMIT, self.unknown, np.uint16)
        table[self.codes] = np.arange(len(self.codes))
        return table

    def score_ids(self, stream: Ids) -> npt.NDArray[np.float32]:
        """Log10 probability of each symbol of a stream.

        Parameters
        ----------
        stream : ndarray of uint16, shape (n,)
            Symbol ids of this model; the first and the last are boundaries.

        Returns
        -------
        ndarray of float32, shape (n,)
            A boundary has that of ``</s>``; the first, which ends no run, has 0.
        """
        out = np.zeros(len(stream), np.float32)
        _score_stream(stream, *self.tables, out)
        return out

    def score_codes(self, codes: Links) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """See :class:`Scorer`."""
        stream = self.ids()[codes]
        return self.score_ids(stream), stream == self.unknown


def estimate(counts: Counts, order: int = 4, prune: tuple[int, ...] = (), workers: int = 1) -> LanguageModel:
    """Estimate a language model from n-gram counts.

    Parameters
    ----------
    counts : Counts
        Of that order at least.
    order : int
        Length of the longest n-grams, 2 to 6.
    prune : tuple of int
        N-grams of length k that occur ``prune[k - 1]`` times or less are left out. The first is 0, none is
        less than the one before, and the last one goes for all longer n-grams.
    workers : int
        Threads. The result does not depend on it.

    Returns
    -------
    LanguageModel

    Raises
    ------
    UsageError
        If a parameter is out of range.
    CorpusError
        If there are no n-grams, or more than 32 bits can number.

    Notes
    -----
    Where a count of counts n1, n2 or n3 is zero, or a discount is not above 0, the length takes the
    discounts ``FALLBACK``. ``lmplz --discount_fallback`` lets a discount of exactly 0 pass, which can leave
    a context without any back-off; and it takes the last n-gram of each length into its counts of counts
    by occurrences. Both show on tiny corpora only; on real ones the numbers are the same.
    """
    cuts = thresholds(prune, order)
    if counts.order < order:
        raise UsageError(f"--order {order}: needs counts of that order, not {counts.order}")
    if counts.total == 0:
        raise CorpusError("the corpus is empty: pass a file with Chinese text")
    codes, sizes, symbol, first_child, count = _lay_out(counts, order)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    suffix = link_suffixes(symbol, first_child, sizes, workers)
    adjusted = _adjusted_counts(count, first_child, suffix, starts)
    probability, backoff = np.zeros(len(symbol)), np.ones(len(first_child) - 1)
    discounts = [_discounts(adjusted[starts[k] : starts[k + 1]]) for k in range(order)]
    unigrams = adjusted[: sizes[0]]
    discount = np.array([0.0, *discounts[0]])[np.minimum(unigrams, 3)]
    probability[: sizes[0]] = (unigrams - discount + discount.sum() / sizes[0]) / unigrams.sum()
    for k in range(1, order):
        amounts = np.array([0.0, *discounts[k]])
        _in_parts(
            first_child, int(starts[k - 1]), int(starts[k]), workers,
            lambda low, high: _interpolate(
                first_child, suffix, count, adjusted, cuts[k], amounts, probability, backoff, low, high  # noqa: B023
            ),
        )  # fmt: skip
    lm = LanguageModel(
        codes,
        tuple(sizes),
        symbol,
        first_child,
        suffix,
        np.minimum(np.log10(probability), 0.0).astype(np.float32),
        np.log10(backoff).astype(np.float32),
        tuple(discounts),
        {"parameters": {"order": order, "prune": cuts}},
    )
    return _pruned(lm, count, cuts) if any(cuts) else lm


def thresholds(prune: tuple[int, ...], order: int) -> list[int]:
    """Pruning threshold of every length, if order and thresholds make sense; see :func:`estimate`."""
    if not 2 <= order <= 6:
        raise UsageError(f"--order {order}: choose 2 to 6")
    shown = " ".join(map(str, prune))
    if len(prune) > order:
        raise UsageError(
            f"--prune {shown}: has {len(prune)} thresholds: give at most as many as --order {order} says"
        )
    if prune and prune[0] != 0:
        raise UsageError(f"--prune {shown}: single symbols are never pruned: begin with 0")
    if list(prune) != sorted(prune):
        raise UsageError(
            f"--prune {shown}: a threshold is less than the one before: give them in ascending order"
        )
    return [*prune, *(prune[-1:] or (0,)) * (order - len(prune))]


def _lay_out(counts: Counts, order: int) -> tuple[npt.NDArray[np.uint32], list[int], Ids, Links, Integers]:
    """Codes, sizes of the levels, symbols, first children and counts of the trie, with ``<unk>`` in it."""
    levels = counts.levels[:order]
    seen = levels[0].count > 0  # a class symbol has an id even where it does not occur
    seen[0] = True
    rename = np.cumsum(seen) - 1
    unknown = np.count_nonzero(seen)
    sizes = [int(unknown) + 1, *map(len, levels[1:])]
    if sum(sizes) >= 1 << 31:
        raise CorpusError(
            f"{sum(sizes):,} n-grams are too many to number: train with a smaller --order or less text"
        )
    symbol = np.concatenate([np.arange(unknown + 1), *(rename[level.symbol] for level in levels[1:])])
    count = np.concatenate([levels[0].count[seen], [0], *(level.count for level in levels[1:])])
    parents = [rename[levels[1].parent], *(level.parent for level in levels[2:])]
    children = [np.bincount(each, minlength=size) for each, size in zip(parents, sizes, strict=False)]
    first_child = np.zeros(sum(sizes[:-1]) + 1, np.int32)
    first_child[0] = sizes[0]
    first_child[1:] = sizes[0] + np.cumsum(np.concatenate(children))
    return counts.codes[seen], sizes, symbol.astype(np.uint16), first_child, count


def link_suffixes(symbol: Ids, first_child: Links, sizes: list[int], workers: int = 1) -> Links:
    """Suffix link of every node; see :class:`LanguageModel`."""
    suffix = np.full(len(symbol), -1, np.int32)
    begin = 0
    for size in sizes[:-1]:
        _in_parts(
            first_child, begin, begin + size, workers,
            lambda low, high: _link(symbol, first_child, suffix, low, high),
        )  # fmt: skip
        begin += size
    return suffix


def _in_parts(first_child: Links, low: int, high: int, parts: int, work: Any) -> None:
    """Do work on nodes [low, high) in threads, parts with about equally many children each."""
    borders = np.linspace(first_child[low], first_child[high], parts + 1)[1:-1]
    cuts = [low, *np.searchsorted(first_child[low:high], borders) + low, high]
    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(work, cuts[:-1], cuts[1:]))


def _adjusted_counts(count: Integers, first_child: Links, suffix: Links, starts: Integers) -> Integers:
    adjusted = count.copy()
    behind_start = 0  # where the n-grams that begin with <s> end in the level; node 0 is </s> here
    for k in range(len(starts) - 2):
        longer = suffix[starts[k + 1] : starts[k + 2]]
        left = np.bincount(longer - starts[k], minlength=starts[k + 1] - starts[k])
        adjusted[behind_start : starts[k + 1]] = left[behind_start - starts[k] :]
        behind_start = int(first_child[max(behind_start, 1)])
    return adjusted


def _discounts(adjusted: Integers) -> tuple[float, ...]:
    """D1, D2 and D3+ of a length: equation 26 of Chen & Goodman (1999)."""
    _, *n = np.bincount(np.minimum(adjusted, 5), minlength=6)[:5].tolist()
    if 0 in n[:3]:
        return FALLBACK
    y = n[0] / (n[0] + 2 * n[1])
    # in whole numbers, so that rounding does not decide
    if any(j * (n[0] + 2 * n[1]) * n[j - 1] <= (j + 1) * n[0] * n[j] for j in (1, 2, 3)):
        return FALLBACK
    return tuple(j - (j + 1) * y * n[j] / n[j - 1] for j in (1, 2, 3))


def _pruned(lm: LanguageModel, count: Integers, cuts: list[int]) -> LanguageModel:
    keep = count > np.repeat(cuts, lm.ngrams)
    keep[: lm.ngrams[0]] = True
    place = np.concatenate([[0], np.cumsum(keep)]).astype(np.int32)
    suffix = lm.suffix[keep]
    suffix[lm.ngrams[0] :] = place[suffix[lm.ngrams[0] :]]
    inner = keep[: len(lm.log10_backoff)]
    first_child = place[lm.first_child[np.append(inner, True)]]
    sizes = [int(part.sum()) for part in np.split(keep, np.cumsum(lm.ngrams)[:-1])]
    logs = lm.log10_probability[keep], lm.log10_backoff[inner]
    return LanguageModel(
        lm.codes, tuple(sizes), lm.symbol[keep], first_child, suffix, *logs, lm.discounts, lm.card
    )


def _code_stream(text: str) -> tuple[Links, Integers]:
    """Codes of the runs of a text, 0 before, between and behind them; and the line of each."""
    points = code_points(text)
    codes, starts = np.zeros(len(points) + 1, np.int32), np.zeros(len(points) + 1, np.int32)
    tokens = symbolise.compiled(points, np.frombuffer(class_table(), np.uint8), codes, starts)
    codes = np.concatenate([[0], np.maximum(codes[:tokens], 0), [0]]).astype(np.int32)
    lines = np.concatenate([[0], np.cumsum(points == 0x0A)])[starts[:tokens]]
    keep = codes != 0
    keep[1:] |= keep[:-1]  # a boundary counts to the line of the run that it ends
    keep[0] = True
    return codes[keep], np.concatenate([[0], lines, [lines[-1:].sum()]])[keep]


def save_lm(lm: LanguageModel, path: str | os.PathLike[str]) -> LanguageModel:
    """Write a language model into a directory of its own, beside and renamed.

    Parameters
    ----------
    lm : LanguageModel
    path : path
        A directory that does not exist, is empty, or holds a model, which is replaced. It may lie in the
        directory of a model that is being written.

    Returns
    -------
    LanguageModel
        The same, opened from the directory.

    Raises
    ------
    OutputError
        If the place cannot be written or holds something else.
    """
    with atomic_directory(path, marker=CARD) as folder:
        write_lm(lm, folder)
    return load_lm(path)


def write_lm(lm: LanguageModel, folder: Path) -> None:
    """Write the files of a language model into an empty directory."""
    for name, dtype in _ARRAYS.items():
        np.save(folder / f"{name}.npy", getattr(lm, name).astype(dtype, copy=False), allow_pickle=False)
    write_card(folder, {**lm.card, "kind": "tables", "ngrams": lm.ngrams, "discounts": lm.discounts})


def write_card(folder: Path, entries: dict[str, Any]) -> None:
    """Write the card of a directory, which vouches for all files that are there."""
    arrays = {}
    for file in sorted(folder.iterdir()):
        data = np.memmap(file, np.uint8, "r")
        arrays[file.name] = {"bytes": len(data), "crc32": f"{zlib.crc32(data):08x}"}
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "segtool_version": __version__}
    card = {**entries, **head, "arrays": arrays}
    card["checksum"] = _card_checksum(card)
    text = json.dumps(card, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8")


def _card_checksum(card: dict[str, Any]) -> str:
    """Checksum of everything else that the card says."""
    said = {key: value for key, value in card.items() if key != "checksum"}
    return f"{zlib.crc32(json.dumps(said, sort_keys=True).encode()):08x}"


def load_lm(path: str | os.PathLike[str], verify: bool = True) -> LanguageModel:
    """Open a directory written by :func:`save_lm`.

    Parameters
    ----------
    path : path
    verify : bool
        Compare the checksums of the arrays with the card.

    Returns
    -------
    LanguageModel
        Its arrays are read-only memory maps.

    Raises
    ------
    ModelError
        If the directory or a file of it is missing, damaged, or of another format version.
    """
    folder = Path(path)
    card = read_card(folder)
    if card["kind"] != "tables":
        raise ModelError(f"{folder}: holds a KenLM binary and no tables: import an ARPA file for this use")
    loaded = {name: _load_array(checked_file(folder, f"{name}.npy", card, verify)) for name in _ARRAYS}
    sizes = tuple(card["ngrams"])
    nodes, inner = sum(sizes), sum(sizes[:-1])
    lengths = (sizes[0] - 1, nodes, inner + 1, nodes, nodes, inner)
    for (name, dtype), length in zip(_ARRAYS.items(), lengths, strict=True):
        if loaded[name].dtype != np.dtype(dtype) or loaded[name].shape != (length,):
            raise ModelError(f"{folder / name}.npy: not the array of this language model: {RESTORE}")
    return LanguageModel(**loaded, ngrams=sizes, discounts=tuple(map(tuple, card["discounts"])), card=card)


def read_card(folder: Path) -> dict[str, Any]:
    """Read the card of a directory."""
    file = folder / CARD
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        what = f"is no language model (it holds no {CARD})" if folder.is_dir() else "does not exist"
        raise ModelError(f"{folder}: {what}: make one with 'segtool lm train CORPUS -o {folder}'") from None
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}: check the permissions of the language model") from None
    except ValueError:
        raise ModelError(f"{file}: damaged (not JSON): {RESTORE}") from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise ModelError(f"{file}: not the card of a language model: pass a directory of 'segtool lm train'")
    if card.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"{folder}: language model format {card.get('format_version')}, written by segtool "
            f"{card.get('segtool_version')}; this segtool reads format {FORMAT_VERSION}: make it again"
        )
    if card.get("checksum") != _card_checksum(card):
        raise ModelError(f"{file}: damaged (its checksum is wrong): {RESTORE}")
    return card


def checked_file(folder: Path, name: str, card: dict[str, Any], verify: bool = True) -> Path:
    """Path of a file of a directory, which is as the card says."""
    file, entry = folder / name, card["arrays"][name]
    try:
        size = file.stat().st_size
        if size != entry["bytes"]:
            raise ModelError(f"{file}: damaged ({size:,} bytes instead of {entry['bytes']:,}): {RESTORE}")
        if verify and f"{zlib.crc32(np.memmap(file, np.uint8, 'r')):08x}" != entry["crc32"]:
            raise ModelError(f"{file}: damaged (wrong checksum): {RESTORE}")
    except FileNotFoundError:
        raise ModelError(f"{file}: missing from the language model: {RESTORE}") from None
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}: check the permissions of the language model") from None
    return file


def _load_array(file: Path) -> npt.NDArray[Any]:
    try:
        return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError):
        raise ModelError(f"{file}: damaged (not a .npy array): {RESTORE}") from None


@kernel("i8(i8, i8, u2[const], i4[const])")
def find_child(node, symbol, symbols, first_child):  # type: ignore[no-untyped-def]
    """Node of the extension of an inner node by a symbol, by bisection; -1 where there is none."""
    low, end = np.int64(first_child[node]), np.int64(first_child[node + 1])
    high = end
    while low < high:
        middle = (low + high) >> 1
        if symbols[middle] < symbol:
            low = middle + 1
        else:
            high = middle
    return low if low < end and symbols[low] == symbol else -1


@kernel("(f8,i8)(i8, i8, u2[const], i4[const], i4[const], f4[const], f4[const])")
def advance(node, symbol, symbols, first_child, suffix, log10_probability, log10_backoff):  # type: ignore[no-untyped-def]
    """Score a symbol behind a context, and go on to the context of the next one.

    Call it from any kernel, with ``*lm.tables`` behind the first two.

    Parameters
    ----------
    node : int
        The context: -1 for nothing, 0 for the begin of a run, else what the call before returned; only the
        longest part that the model knows is looked at.
    symbol : int
        Symbol id; 0 is the end of the run, the id one past the codes ``<unk>``.
    symbols, first_child, suffix, log10_probability, log10_backoff
        See :class:`LanguageModel`.

    Returns
    -------
    log10_probability : float
    node : int
        The longest n-gram that ends with the symbol, which was used: the context of the next symbol. Behind
        the end of a run it stands for the begin of the next one.
    """
    total = 0.0
    if node >= len(log10_backoff):  # the longest n-grams are no contexts
        node = np.int64(suffix[node])
    while node >= 0:
        child = find_child(node, symbol, symbols, first_child)
        if child >= 0:
            return total + log10_probability[child], child
        total += log10_backoff[node]
        node = np.int64(suffix[node])
    return total + log10_probability[symbol], symbol


@kernel("void(u2[const], i4[const], i4[], i8, i8)")
def _link(symbols, first_child, suffix, low, high):  # type: ignore[no-untyped-def]
    """Write the suffix links of the children of nodes [low, high)."""
    for node in range(low, high):
        for child in range(first_child[node], first_child[node + 1]):
            shorter = np.int64(suffix[node])
            found = -1
            while shorter >= 0 and found < 0:
                found = find_child(shorter, symbols[child], symbols, first_child)
                shorter = np.int64(suffix[shorter])
            suffix[child] = found if found >= 0 else symbols[child]


@kernel("void(i4[const], i4[const], i8[const], i8[const], i8, f8[const], f8[], f8[], i8, i8)")
def _interpolate(first_child, suffix, count, adjusted, cut, discount, probability, backoff, low, high):  # type: ignore[no-untyped-def]
    """Write the back-off weights of nodes [low, high) and the probabilities of their children."""
    for node in range(low, high):
        total = 0
        gamma = 0.0
        for child in range(first_child[node], first_child[node + 1]):
            total += adjusted[child]
            gamma += discount[min(adjusted[child], 3)] if count[child] > cut else adjusted[child]
        if total > 0:
            backoff[node] = gamma / total
            for child in range(first_child[node], first_child[node + 1]):
                own = (adjusted[child] - discount[min(adjusted[child], 3)]) / total
                probability[child] = own + backoff[node] * probability[suffix[child]]


@kernel("void(u2[const], u2[const], i4[const], i4[const], f4[const], f4[const], f4[])")
def _score_stream(stream, symbols, first_child, suffix, log10_probability, log10_backoff, out):  # type: ignore[no-untyped-def]
    node = 0
    for i in range(1, len(stream)):
        out[i], node = advance(
            node, stream[i], symbols, first_child, suffix, log10_probability, log10_backoff
        )

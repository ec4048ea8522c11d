"""The character language model: how likely each symbol is behind the ones before it.

:mod:`segtool.lm.kneser_ney` estimates one, :mod:`segtool.lm.arpa` writes it as an ARPA file,
:mod:`segtool.lm.arpa_reader` reads one, and :mod:`segtool.lm.store` opens all kinds. Every run is a sentence.

The n-grams form a trie, level by level in flat arrays. The *suffix* link of a node leads to the longest n-gram that
ends it (Aho & Corasick 1975), where back-off continues. Symbol 0 is the boundary: ``<s>`` as the first symbol of an
n-gram, ``</s>`` as the last, so that node 0 has the probability of ``</s>`` and the back-off of ``<s>``.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool import __version__
from segtool.errors import ModelError
from segtool.lm.table_checks import check_lm_card, table_faults
from segtool.runtime.arrays import Codes, Floats, Ids, Integers, Places, Singles
from segtool.runtime.kernels import kernel
from segtool.store.cards import CardFormat, write_array
from segtool.text.folding import fold_table
from segtool.text.symbols import CODE_LIMIT, code_points, tokenise

__all__ = ["LM", "LanguageModel", "Scorer", "TextScore", "advance", "find_child", "read_lm_card"]

LM = CardFormat(
    name="segtool language model",
    version=1,
    what="language model",
    title="language model",
    command="segtool lm train",
    verb="make",
)
"""The directory of a language model: its arrays (kind ``tables``), or the copy of a KenLM binary (kind ``kenlm``)."""
TABLE_TYPES = {
    "codes": "<u4",
    "symbol": "<u2",
    "first_child": "<i4",
    "suffix": "<i4",
    "log10_probability": "<f4",
    "log10_backoff": "<f4",
}


@dataclass(frozen=True)
class TextScore:
    """Probability of a text under a language model; tokens are symbols and ends of runs.

    Examples
    --------
    >>> import segtool
    >>> lm = segtool.train("data/sample", with_lm=True).model.lm
    >>> score = lm.score_text("今天天气很好")
    >>> score.tokens, score.unknown, round(score.perplexity, 1)
    (7, 0, 23.0)
    """

    log10_probability: float
    tokens: int
    unknown: int

    @property
    def perplexity(self) -> float:
        """Perplexity per token; not a number for a text without tokens."""
        return float(10.0 ** (-self.log10_probability / self.tokens)) if self.tokens else float("nan")


class Scorer(ABC):
    """Scores texts, by the :meth:`score_codes` of a subclass."""

    @abstractmethod
    def score_codes(self, codes: Places) -> tuple[Singles, npt.NDArray[np.bool_]]:
        """Give the log10 probability of each symbol of a stream of codes, and whether it is unknown to the model."""

    def score_lines(self, text: str) -> tuple[Floats, Integers, Integers]:
        """Score each line of a text: log10 probabilities, numbers of tokens and of unknown symbols.

        Examples
        --------
        >>> import segtool
        >>> lm = segtool.train("data/sample", with_lm=True).model.lm
        >>> lm.score_lines("今天天气很好")[0].round(1)
        array([-9.5])
        """
        codes, line = _code_stream(text)
        log10, unknown = self.score_codes(codes)
        lines = text.count("\n") + (not text.endswith("\n"))
        sums = [np.bincount(line[1:], each[1:], lines) for each in (log10, np.ones(len(line)), unknown)]
        return sums[0], sums[1].astype(np.int64), sums[2].astype(np.int64)

    def score_text(self, text: str) -> TextScore:
        """Score a text as KenLM does, every run as a sentence of its own.

        Examples
        --------
        >>> import segtool
        >>> lm = segtool.train("data/sample", with_lm=True).model.lm
        >>> round(lm.score_text("今天天气很好").log10_probability, 2)
        -9.53
        """
        log10, tokens, unknown = self.score_lines(text)
        return TextScore(float(log10.sum()), int(tokens.sum()), int(unknown.sum()))


@dataclass(frozen=True)
class LanguageModel(Scorer):
    """N-grams with their log10 probabilities and back-off weights.

    Attributes
    ----------
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id, ascending: the boundary, then the symbols that occur. The next id is ``<unk>``.
    ngrams : tuple of int
        Number of n-grams of each length, the shortest first. Node i < ``ngrams[0]`` is the symbol with id i.
    symbol : ndarray of uint16, shape (nodes,)
        Last symbol of each n-gram; n-grams of one length are consecutive, in lexicographic order of ids.
    first_child : ndarray of int32, shape (inner + 1,)
        Extensions of node i are the nodes from ``first_child[i]`` up to ``first_child[i + 1]``; the nodes
        from `inner` on are the longest n-grams and have none.
    suffix : ndarray of int32, shape (nodes,)
        Node of the longest n-gram that ends this one, -1 for a single symbol.
    log10_probability : ndarray of float32, shape (nodes,)
    log10_backoff : ndarray of float32, shape (inner,)
    discounts : tuple of tuple of float
        D1, D2 and D3+ of each length; empty for an imported model.
    card : dict
        Origin and parameters of the model, such as whether it folds (:mod:`segtool.text.folding`).

    Examples
    --------
    >>> import segtool
    >>> lm = segtool.train("data/sample", with_lm=True).model.lm
    >>> lm.order, len(lm.codes), lm.ngrams
    (4, 1445, (1446, 13625, 22291, 24062))
    """

    codes: Codes
    ngrams: tuple[int, ...]
    symbol: Ids
    first_child: Places
    suffix: Places
    log10_probability: Singles
    log10_backoff: Singles
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
        """Arguments of :func:`advance`."""
        return self.symbol, self.first_child, self.suffix, self.log10_probability, self.log10_backoff

    def write(self, folder: Path) -> None:
        """Write the arrays and a card into an empty directory.

        Examples
        --------
        >>> from pathlib import Path
        >>> import segtool
        >>> lm = segtool.train("data/sample", with_lm=True).model.lm
        >>> Path("lm").mkdir()
        >>> lm.write(Path("lm"))
        >>> sorted(path.name for path in Path("lm").iterdir())[:2]
        ['card.json', 'codes.npy']
        """
        files: dict[str, Any] = {}
        for name, dtype in TABLE_TYPES.items():
            files |= write_array(folder, name, getattr(self, name).astype(dtype, copy=False))
        card = {**self.card, "kind": "tables", "ngrams": self.ngrams, "discounts": self.discounts}
        LM.write(folder, {**card, "segtool_version": __version__}, files)

    @classmethod
    def open(cls, path: str | os.PathLike[str], verify: bool = True) -> LanguageModel:
        """Open a directory that :meth:`write` filled, with read-only memory maps as arrays.

        `verify` compares the checksums of the arrays with the card. Raises ModelError if the directory or a file of it
        is missing, damaged, or of another format version.

        Examples
        --------
        >>> from pathlib import Path
        >>> import segtool
        >>> from segtool.lm.language_model import LanguageModel
        >>> lm = segtool.train("data/sample", with_lm=True).model.lm
        >>> Path("lm").mkdir()
        >>> lm.write(Path("lm"))
        >>> LanguageModel.open("lm").order
        4
        """
        folder = Path(path)
        card = read_lm_card(folder)
        if card["kind"] != "tables":
            raise ModelError(f"{folder}: holds a KenLM binary and no tables: import an ARPA file for this use")
        sizes = tuple(card["ngrams"])
        nodes, inner = sum(sizes), sum(sizes[:-1])
        lengths = (sizes[0] - 1, nodes, inner + 1, nodes, nodes, inner)
        loaded = {
            name: LM.open_array(folder, name, card, dtype, length, verify)
            for (name, dtype), length in zip(TABLE_TYPES.items(), lengths, strict=True)
        }
        lm = cls(**loaded, ngrams=sizes, discounts=tuple(map(tuple, card["discounts"])), card=card)
        for name, fault in table_faults(lm):
            raise LM.wrong(folder, f"{name}.npy", fault)
        return lm

    def ids(self) -> Ids:
        """Give the symbol id of every code below ``CODE_LIMIT``: ``ids()[runs.codes][runs.stream]`` is a stream.

        Examples
        --------
        >>> import segtool
        >>> lm = segtool.train("data/sample", with_lm=True).model.lm
        >>> int(lm.ids()[ord("天")])
        363
        """
        table = np.full(CODE_LIMIT, self.unknown, np.uint16)
        table[self.codes] = np.arange(len(self.codes))
        return table[fold_table()] if self.card.get("parameters", {}).get("fold", False) else table

    def score_ids(self, stream: Ids) -> Singles:
        """Give the log10 probability of each symbol of a stream of ids with a boundary at either end.

        A boundary has that of ``</s>``, but the first one, which ends no run, has 0.

        Examples
        --------
        >>> import segtool
        >>> lm = segtool.train("data/sample", with_lm=True).model.lm
        >>> lm.score_ids(lm.ids()[[0, ord("天"), ord("气"), 0]]).round(1)
        array([ 0. , -2.2, -0.4, -1. ], dtype=float32)
        """
        out = np.zeros(len(stream), np.float32)
        _score_stream(stream, *self.tables, out)
        return out

    def score_codes(self, codes: Places) -> tuple[Singles, npt.NDArray[np.bool_]]:
        """See :class:`Scorer`.

        Examples
        --------
        >>> import numpy as np
        >>> import segtool
        >>> lm = segtool.train("data/sample", with_lm=True).model.lm
        >>> lm.score_codes(np.array([0, ord("天"), ord("气"), 0], np.int32))[0].round(1)
        array([ 0. , -2.2, -0.4, -1. ], dtype=float32)
        """
        stream = self.ids()[codes]
        return self.score_ids(stream), stream == self.unknown


def read_lm_card(folder: Path) -> dict[str, Any]:
    """Read and check the card of a language model of any kind; ModelError if it is damaged."""
    card = LM.read(folder)
    fault = check_lm_card(card)
    if fault:
        raise LM.damaged(folder, fault)
    return card


def _code_stream(text: str) -> tuple[Places, Integers]:
    """Give the codes of the runs of a text, with 0 before, between and behind runs, and the line of each code."""
    codes, starts = tokenise(text)
    codes = np.concatenate([[0], np.maximum(codes, 0), [0]]).astype(np.int32)
    lines = np.concatenate([[0], np.cumsum(code_points(text) == 0x0A)])[starts]
    keep = codes != 0
    keep[1:] |= keep[:-1]  # a boundary belongs to the line of the run that it ends
    keep[0] = True
    return codes[keep], np.concatenate([[0], lines, [lines[-1:].sum()]])[keep]


@kernel("i8(i8, i8, u2[const], i4[const])")
def find_child(node, symbol, symbols, first_child):  # type: ignore[no-untyped-def]
    """Find the node of the extension of an inner node by a symbol, by bisection; -1 for none."""
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
    """Score a symbol behind a context, and move on to the context of the next symbol.

    Any kernel can call it, with ``lm.tables`` as the last five arguments.

    Parameters
    ----------
    node : int
        The context: -1 for none, 0 for the begin of a run, else the node that the call before returned. The longest
        part that the model knows counts.
    symbol : int
        Symbol id; 0 is the end of the run, the number of codes is ``<unk>``.
    symbols, first_child, suffix, log10_probability, log10_backoff
        See :class:`LanguageModel`.

    Returns
    -------
    log10_probability : float
    node : int
        The longest known n-gram that ends with the symbol: the context of the next symbol. Behind the end of a run
        it is the begin of the next one.
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


@kernel("void(u2[const], u2[const], i4[const], i4[const], f4[const], f4[const], f4[])")
def _score_stream(stream, symbols, first_child, suffix, log10_probability, log10_backoff, out):  # type: ignore[no-untyped-def]
    node = 0
    for i in range(1, len(stream)):
        out[i], node = advance(node, stream[i], symbols, first_child, suffix, log10_probability, log10_backoff)

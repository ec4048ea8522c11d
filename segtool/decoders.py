"""How the models of each method cut: one small object a kind, all called alike.

A decoder takes the tokens of a text (:mod:`segtool.symbols`) and tells the words and how much of the text
is settled, as :func:`segtool.decode.viterbi` does. ``run`` is compiled; ``run_plain`` does the same without
numba, for short texts, where a decoder has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from segtool.decode import cut_pairs, viterbi
from segtool.errors import ModelError
from segtool.folding import fold_table
from segtool.model import Model
from segtool.symbols import CODE_LIMIT

if TYPE_CHECKING:
    from segtool.runs import Runs

__all__ = ["Decoder", "cut_runs", "decoder_of"]


class Decoder(Protocol):
    """What a segmenter needs of a method.

    Attributes
    ----------
    has_plain : bool
        Whether `run_plain` can be called.
    """

    has_plain: bool

    def run(self, codes: Any, starts: Any, tokens: int, final: bool, scratch: Any) -> tuple[int, int]:
        """Cut; `scratch` is best, back, word_starts, word_ends, tail."""

    def run_plain(self, codes: Any, starts: Any, tokens: int, final: bool, scratch: Any) -> tuple[int, int]:
        """Cut without compiled code."""


def decoder_of(model: Model) -> Decoder:
    """Decoder of a model's method.

    Raises
    ------
    ModelError
        If this version does not know it.
    """
    kind = model.card.get("decoder", "lattice")
    if kind not in _DECODERS:
        raise ModelError(f"{model.path}: a model for decoder {kind!r}, which this segtool lacks: train it again")
    return _DECODERS[kind](model)


def cut_runs(decoder: Decoder, runs: Runs, max_word_len: int) -> npt.NDArray[np.bool_]:
    """Cut a corpus.

    Parameters
    ----------
    decoder : Decoder
    runs : Runs
    max_word_len : int
        Of the model.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each symbol of the stream and the next one are of one word.
    """
    codes = runs.codes[runs.stream].astype(np.int32)
    size = len(codes)
    room = max(size + max_word_len + 2, 8)
    scratch = (np.empty(room, np.int64), *(np.empty(room, np.int32) for _ in range(4)))
    words, _ = decoder.run(codes, np.arange(size + 1, dtype=np.int32), size, True, scratch)
    joined = np.ones(size, np.bool_)
    joined[scratch[3][:words] - 1] = False
    return joined


class _Lattice:
    """The best cover of each run by words."""

    has_plain = True

    def __init__(self, model: Model) -> None:
        self._tables = (_symbol_ids(model), model.lexicon)
        self._plain_tables = [memoryview(table) for table in self._tables]
        self._max_len = model.max_word_len

    def run(self, codes: Any, starts: Any, tokens: int, final: bool, scratch: Any) -> tuple[int, int]:
        return viterbi.compiled(codes, starts, tokens, final, *self._tables, self._max_len, *scratch)

    def run_plain(self, codes: Any, starts: Any, tokens: int, final: bool, scratch: Any) -> tuple[int, int]:
        return viterbi.interpreted(codes, starts, tokens, final, *self._plain_tables, self._max_len, *scratch)


class _Pairs:
    """A cut between all neighbours that are no kept pair."""

    has_plain = True

    def __init__(self, model: Model) -> None:
        self._tables = (_symbol_ids(model), model.lexicon)
        self._plain_tables = [memoryview(table) for table in self._tables]

    def run(self, codes: Any, starts: Any, tokens: int, final: bool, scratch: Any) -> tuple[int, int]:
        return cut_pairs.compiled(codes, starts, tokens, final, *self._tables, *scratch[2:4])

    def run_plain(self, codes: Any, starts: Any, tokens: int, final: bool, scratch: Any) -> tuple[int, int]:
        return cut_pairs.interpreted(codes, starts, tokens, final, *self._plain_tables, *scratch[2:4])


class _Tags:
    """Tags by a language model; always compiled."""

    has_plain = False

    def __init__(self, model: Model) -> None:
        from segtool.tags import cut_by_tags, move_scores

        if model.lm is None:
            raise ModelError(f"{model.path}: the language model is missing: restore the model or train it again")
        self._kernel = cut_by_tags
        self._tables = (model.lm.ids(), *model.lm.tables)
        self._moves = move_scores(tuple(model.card["parameters"]["lm_moves"]))

    def run(self, codes: Any, starts: Any, tokens: int, final: bool, scratch: Any) -> tuple[int, int]:
        return self._kernel(codes, starts, tokens, final, *self._tables, self._moves, *scratch[:4])

    def run_plain(self, codes: Any, starts: Any, tokens: int, final: bool, scratch: Any) -> tuple[int, int]:
        return self.run(codes, starts, tokens, final, scratch)


_DECODERS: dict[str, Any] = {"lattice": _Lattice, "pairs": _Pairs, "tags": _Tags}


def _symbol_ids(model: Model) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Symbol id of each code, folded if the model folds; those that it does not know share the id behind the last."""
    ids = np.full(CODE_LIMIT, len(model.symbols), np.uint16)
    ids[model.symbols] = np.arange(len(model.symbols), dtype=np.uint16)
    return ids[fold_table()] if model.folds else ids

"""How the models of each method cut: one small object a kind, all called alike.

A decoder takes the tokens of a text (:mod:`segtool.text.symbols`) and tells the words, how much of the text is
settled, and what symbol the rest goes on behind, as :func:`segtool.decode.viterbi.viterbi` does. ``run`` is compiled;
``run_plain`` does the same without numba, for short texts, where a decoder has it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from segtool.decode.utf8_kernel import character_table
from segtool.decode.viterbi import cut_pairs, viterbi
from segtool.errors import ModelError
from segtool.settings import UNKNOWN_LIMIT
from segtool.store.model import LM_FOLDER, Model
from segtool.text.folding import fold_table
from segtool.text.symbols import CODE_LIMIT, MARK, class_table

if TYPE_CHECKING:
    from segtool.text.runs import Chunk

__all__ = ["Decoder", "Settled", "cut_runs", "decoder_of", "scratch_arrays"]

Settled: TypeAlias = tuple[int, int, int]
"""Number of words, characters that are settled, and code of the symbol before the rest (``MARK`` for none)."""


class Decoder(Protocol):
    """What a segmenter needs of a method.

    Attributes
    ----------
    has_plain : bool
        Whether `run_plain` can be called.
    utf8_tables : tuple of ndarray and int, or None
        What :func:`segtool.decode.utf8.cut` needs of the model, if the decoder has it.
    """

    has_plain: bool

    @property
    def utf8_tables(self) -> tuple[Any, ...] | None:
        """See above."""

    def run(self, codes: Any, starts: Any, tokens: int, final: bool, before: int, scratch: Any) -> Settled:
        """Cut; `scratch` is from :func:`scratch_arrays`, or as many lists."""

    def run_plain(self, codes: Any, starts: Any, tokens: int, final: bool, before: int, scratch: Any) -> Settled:
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


def scratch_arrays(room: int) -> tuple[npt.NDArray[Any], ...]:
    """Working memory of the decoders: two arrays of int64, seven of int32; of these the first two get the words.

    Parameters
    ----------
    room : int
        Tokens of the text and symbols of the longest word together.
    """
    room += UNKNOWN_LIMIT + 2
    return (*(np.empty(room, np.int64) for _ in range(2)), *(np.empty(room, np.int32) for _ in range(7)))


def cut_runs(decoder: Decoder, runs: Chunk, max_word_len: int) -> npt.NDArray[np.bool_]:
    """Cut a corpus.

    Parameters
    ----------
    decoder : Decoder
    runs : Chunk
    max_word_len : int
        Of the model.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each symbol of the stream and the next one are of one word.
    """
    codes = runs.codes[runs.stream].astype(np.int32)
    size = len(codes)
    scratch = scratch_arrays(size + max_word_len)
    words, _, _ = decoder.run(codes, np.arange(size + 1, dtype=np.int32), size, True, MARK, scratch)
    joined = np.ones(size, np.bool_)
    joined[scratch[3][:words] - 1] = False
    return joined


class _Lattice:
    """The best cover of each run by words."""

    has_plain = True

    def __init__(self, model: Model) -> None:
        ids, limits = _symbol_ids(model), (model.max_word_len, model.unknown_len)
        self._tables = ids, model.lexicon, model.spelling, *limits
        self._plain_tables = memoryview(ids), memoryview(model.lexicon), memoryview(model.spelling), *limits

    @functools.cached_property
    def utf8_tables(self) -> tuple[Any, ...]:
        ids, *tables = self._tables
        return character_table(ids), np.frombuffer(class_table(), np.uint8), *tables

    def run(self, codes: Any, starts: Any, tokens: int, final: bool, before: int, scratch: Any) -> Settled:
        return viterbi.compiled(codes, starts, tokens, final, before, *self._tables, *scratch)

    def run_plain(self, codes: Any, starts: Any, tokens: int, final: bool, before: int, scratch: Any) -> Settled:
        return viterbi.interpreted(codes, starts, tokens, final, before, *self._plain_tables, *scratch)


class _Pairs:
    """A cut between all neighbours that are no kept pair."""

    has_plain = True
    utf8_tables = None

    def __init__(self, model: Model) -> None:
        self._tables = (_symbol_ids(model), model.lexicon)
        self._plain_tables = [memoryview(table) for table in self._tables]

    def run(self, codes: Any, starts: Any, tokens: int, final: bool, before: int, scratch: Any) -> Settled:
        return *cut_pairs.compiled(codes, starts, tokens, final, *self._tables, *scratch[2:4]), MARK

    def run_plain(self, codes: Any, starts: Any, tokens: int, final: bool, before: int, scratch: Any) -> Settled:
        return *cut_pairs.interpreted(codes, starts, tokens, final, *self._plain_tables, *scratch[2:4]), MARK


class _Tags:
    """Tags by a language model; always compiled."""

    has_plain = False
    utf8_tables = None

    def __init__(self, model: Model) -> None:
        from segtool.decode.position_tags import cut_by_tags, move_scores, score_tags
        from segtool.lm.language_model import LanguageModel

        lm, folder = model.lm, None if model.path is None else model.path / LM_FOLDER
        if lm is None and folder is not None and folder.is_dir():
            lm = LanguageModel.open(folder)
        if lm is None:
            raise ModelError(f"{folder}: the language model is missing: restore the model or train it again")
        self._score, self._cut = score_tags, cut_by_tags
        self._tables = (lm.ids(), *lm.tables)
        self._moves = move_scores(tuple(model.card["parameters"]["lm_moves"]))

    def run(self, codes: Any, starts: Any, tokens: int, final: bool, before: int, scratch: Any) -> Settled:
        _, _, word_starts, word_ends, back = scratch[:5]
        scores = np.empty(4 * tokens + 8, np.int64)
        self._score(codes, tokens, *self._tables, scores)
        return *self._cut(codes, starts, tokens, final, self._moves, scores, back, word_starts, word_ends), MARK

    def run_plain(self, codes: Any, starts: Any, tokens: int, final: bool, before: int, scratch: Any) -> Settled:
        return self.run(codes, starts, tokens, final, before, scratch)


_DECODERS: dict[str, Any] = {"lattice": _Lattice, "pairs": _Pairs, "tags": _Tags}


def _symbol_ids(model: Model) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Symbol id of each code, folded if the model folds; those that it does not know share the id behind the last."""
    ids = np.full(CODE_LIMIT, len(model.symbols), np.uint16)
    ids[model.symbols] = np.arange(len(model.symbols), dtype=np.uint16)
    return ids[fold_table()] if model.folds else ids

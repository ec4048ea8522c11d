"""The segmenter: a model and the calls that cut text with it.

Short texts are cut by the decoding kernels as plain Python; once a process has cut some thousand
characters, compiled kernels cut, one that does it all where the decoder has it (:mod:`segtool.decode.utf8_kernel`),
else the same ones. The words are the same.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segtool.decode.decoders import Decoder, decoder_of, scratch_arrays
from segtool.decode.utf8 import cut as cut_bytes
from segtool.decode.viterbi import join_utf8
from segtool.errors import UsageError
from segtool.runtime.arrays import Bytes, Codes
from segtool.settings import UNKNOWN_LIMIT
from segtool.store.model import DEFAULT, Model, find_model, load_model
from segtool.text.symbols import MARK, class_table, code_points, symbolise

__all__ = ["Segmenter", "Token", "load"]

INTERPRETED_CHARACTERS = 3_500
"""A process cuts about so much in plain Python before it links compiled kernels; both take about as long."""

BATCH_CHARACTERS = 1 << 18

KEPT_CHARACTERS = 1 << 19
"""Working memory for texts up to this length is kept between calls."""


class Token(NamedTuple):
    """A word and where it stands.

    Attributes
    ----------
    word : str
    start, end : int
        Offsets into the text, in characters or in bytes of its UTF-8 form, as asked for.
    """

    word: str
    start: int
    end: int


class _Scratch(threading.local):
    """Working memory of the kernels, one for each thread, kept from call to call while it is small."""

    def __init__(self) -> None:
        self._room = 0
        self._arrays: tuple[npt.NDArray[Any], ...] = ()

    def get(self, size: int) -> tuple[npt.NDArray[Any], ...]:
        """Arrays for a text of so many characters: codes and starts of its tokens, then those of a decoder."""
        if size <= self._room:
            return self._arrays
        room = max(2 * size, 1 << 12) if size <= KEPT_CHARACTERS else size
        arrays = (*(np.empty(room + 2, np.int32) for _ in range(2)), *scratch_arrays(room))
        if size <= KEPT_CHARACTERS:
            self._room, self._arrays = room, arrays
        return arrays


_scratch = _Scratch()
_interpreted = itertools.count()  # blocks of 100 characters, counted without a lock
_SPACE = np.frombuffer(b" ", np.uint8)
_compiled: list[bool] = []  # not empty once compiled kernels are in use


class Segmenter:
    """Cuts text into words with a model.

    A segmenter does not change: threads may share it. Pickled, one that was loaded from a directory
    carries only the path, and the processes that open it share the model's memory.

    Parameters
    ----------
    model : Model

    Attributes
    ----------
    model : Model
    """

    __slots__ = ("_classes", "_decoder", "_max_len", "model")

    model: Model
    _classes: Bytes
    _decoder: Decoder
    _max_len: int

    def __init__(self, model: Model) -> None:
        put = object.__setattr__
        put(self, "model", model)
        put(self, "_decoder", decoder_of(model))
        put(self, "_max_len", model.max_word_len)
        put(self, "_classes", np.frombuffer(class_table(), np.uint8))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Segmenter does not change: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Segmenter does not change: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        if self.model.path is not None:
            return load, (self.model.path,)
        return Segmenter, (self.model,)

    def __repr__(self) -> str:
        where = self.model.path if self.model.path is not None else "in memory"
        return f"<Segmenter {where}: {len(self.model.words):,} words>"

    def cut(self, text: str) -> list[str]:
        """Cut a text into words.

        Parameters
        ----------
        text : str
            Any string; whitespace separates words and belongs to none.

        Returns
        -------
        list of str
            Slices of the text, in order; joined they give the text without its whitespace.
        """
        spans = self._spans(text)
        if spans is not None:
            return [text[start:end] for start, end in zip(*spans, strict=True)]
        # one string of all words, which Python splits faster than it would take slices
        joined = self._joined(text.replace("\n", " "))
        return joined.split(" ") if joined else []

    def adapt(self, texts: Iterable[str], workers: int = 1) -> Segmenter:
        """Learn the words of texts, such as those to be cut, from their raw characters.

        Parameters
        ----------
        texts : iterable of str
            A word does not go from one to the next.
        workers : int
            Threads. The result does not depend on it.

        Returns
        -------
        Segmenter
            A new one, in memory; this one stays as it is.

        Raises
        ------
        CorpusError
            If there is no Han character in the texts.
        UsageError
            If the model is of a method that cannot be adapted, or `workers` less than 1.

        Notes
        -----
        How, and where it comes from: :mod:`segtool.lexicon.adapt`.
        """
        from segtool.lexicon.adapt import adapt_model
        from segtool.ngrams.counter import collect_corpus

        if workers < 1:
            raise UsageError(f"adapt(): {workers} workers: choose 1 or more")
        runs = collect_corpus([texts] if isinstance(texts, str) else texts, self.model.folds)
        return Segmenter(adapt_model(self.model, runs, workers))

    def cut_iter(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Cut texts one by one, as they come.

        Parameters
        ----------
        texts : iterable of str
            For instance the lines of an open file.

        Yields
        ------
        list of str
        """
        return map(self.cut, texts)

    def tokenize(self, text: str, unit: str = "character") -> list[Token]:
        """Cut a text and tell where the words stand.

        Parameters
        ----------
        text : str
        unit : {"character", "byte"}
            Of the offsets; bytes are those of the text as UTF-8.

        Returns
        -------
        list of Token

        Raises
        ------
        UsageError
            If the unit is neither.
        """
        if unit not in ("character", "byte"):
            raise UsageError(f"tokenize(): unit {unit!r} is neither 'character' nor 'byte'")
        words = self.cut(text)
        starts, ends, at = [], [], 0
        for word in words:  # only whitespace is between them, and none is in them
            at = text.find(word, at)
            starts.append(at)
            at += len(word)
            ends.append(at)
        if unit == "byte":
            sizes = [1 if c < "\x80" else 2 if c < "\u0800" else 3 if c < "\U00010000" else 4 for c in text]
            places = list(itertools.accumulate(sizes, initial=0))
            starts, ends = [places[i] for i in starts], [places[i] for i in ends]
        return list(map(Token, words, starts, ends))

    def cut_batch(self, texts: Iterable[str], workers: int = 1) -> list[list[str]]:
        """Cut many texts, in several threads if so asked.

        Parameters
        ----------
        texts : iterable of str
        workers : int
            Threads; the decoding itself runs outside Python's lock.

        Returns
        -------
        list of list of str
            The words of each text, in order.

        Raises
        ------
        UsageError
            If `workers` is less than 1.
        """
        if workers < 1:
            raise UsageError(f"cut_batch(): {workers} workers: choose 1 or more")
        groups: list[list[str]] = [[]]
        size = 0
        for text in texts:
            if size > BATCH_CHARACTERS:
                groups.append([])
                size = 0
            groups[-1].append(text)
            size += len(text) + 1
        if workers == 1:
            return [words for group in groups for words in self._cut_group(group)]
        with ThreadPoolExecutor(workers) as pool:
            return [words for group in pool.map(self._cut_group, groups) for words in group]

    def _cut_group(self, texts: list[str]) -> list[list[str]]:
        """Cut texts as one, with a line end between them, which no word crosses."""
        if not texts:
            return []
        joined = "\n".join(texts)
        spans = self._spans(joined)
        if spans is not None:
            words = [joined[start:end] for start, end in zip(*spans, strict=True)]
            limits = np.cumsum([len(text) + 1 for text in texts])
            cuts = np.searchsorted(np.asarray(spans[0]), limits).tolist()
            return [words[low:high] for low, high in itertools.pairwise([0, *cuts])]
        if "\r" in joined or joined.count("\n") >= len(texts):  # line ends inside the texts
            joined = "\n".join([text.replace("\n", " ").replace("\r", " ") for text in texts])
        return [line.split(" ") if line else [] for line in self._joined(joined).split("\n")]

    def _joined(self, text: str) -> str:
        """The words of each line with a space between two; for decoders that cut UTF-8."""
        tables = self._decoder.utf8_tables
        assert tables is not None
        if not _compiled:
            _compiled.append(True)
        data = text.encode("utf-8", "surrogatepass")
        return str(cut_bytes(tables, data, _SPACE)[0], "utf-8", "surrogatepass")

    def cut_utf8(
        self, data: bytes, separator: bytes, final: bool = True, before: int = 0, open_line: bool = False
    ) -> tuple[bytes, int, int, bool]:
        """Cut UTF-8 with the compiled kernels; what streaming is made of.

        Parameters
        ----------
        data : bytes
            Whole characters, surrogates allowed.
        separator : bytes
            Written between two words of a line.
        final : bool
            Whether the text ends there (or a line does). If not, its end is left until more is known.
        before : int
            The symbol right before, in a run that goes on here; what the call before returned.
        open_line : bool
            Whether the line holds a word that was written before; what the call before returned.

        Returns
        -------
        out : bytes
            The words, line by line.
        consumed : int
            Bytes that are settled; give those behind them again, with what follows.
        before, open_line
            To be given with them.
        """
        tables, space = self._decoder.utf8_tables, np.frombuffer(separator, np.uint8)
        if tables is not None:
            if not _compiled:
                _compiled.append(True)
            out, consumed, before, open_line = cut_bytes(tables, data, space, final, before, open_line)
            return out.tobytes(), consumed, before, open_line
        text = data.decode("utf-8", "surrogatepass")
        points = code_points(text)
        starts, ends, characters, before = self.decode(points, final, before)
        joined = np.empty(4 * len(points) + len(starts) * len(separator) + 1, np.uint8)
        size, open_line = join_utf8.compiled(points, starts, ends, len(starts), characters, space, open_line, joined)
        return joined[:size].tobytes(), len(text[:characters].encode("utf-8", "surrogatepass")), before, open_line

    def _spans(self, text: str) -> tuple[list[int], list[int]] | None:
        """Start and end of each word, in characters; None where words are better had as UTF-8."""
        if self.interprets(len(text)):
            return self._spans_plain(text)
        if self._decoder.utf8_tables is not None:
            return None
        starts, ends, _, _ = self.decode(code_points(text), True)
        return starts.tolist(), ends.tolist()

    def interprets(self, characters: int) -> bool:
        """Whether a text of that size is cut in plain Python: if no compiled kernel is in use, nor worth it yet."""
        if _compiled or not self._decoder.has_plain or characters > INTERPRETED_CHARACTERS:
            return False
        used = 0
        for _ in range(characters // 100 + 1):
            used = next(_interpreted)
        return used < INTERPRETED_CHARACTERS // 100

    def decode(
        self, points: Codes, final: bool, before: int = MARK
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], int, int]:
        """Cut code points with the compiled kernels of any decoder.

        Parameters
        ----------
        points : ndarray of uint32, shape (n,)
        final : bool
            Whether the text ends there (or a line does). If not, its end is left until more is known.
        before : int
            Code of the symbol right before, in a run that goes on here; what the call before returned.

        Returns
        -------
        starts, ends : ndarray of int32, shape (words,)
            The words, as slices of the text. Valid until the next call in the same thread.
        consumed : int
            Characters that are settled; give those behind it again, with what follows.
        before : int
            To be given with them.
        """
        if not _compiled:
            _compiled.append(True)
        codes, starts, *scratch = _scratch.get(len(points) + self._max_len)
        tokens = symbolise.compiled(points, self._classes, codes, starts)
        starts[tokens] = len(points)
        words, consumed, before = self._decoder.run(codes, starts, tokens, final, before, scratch)
        return scratch[2][:words], scratch[3][:words], consumed, before

    def _spans_plain(self, text: str) -> tuple[list[int], list[int]]:
        points = list(map(ord, text))
        size = len(points) + 2
        codes, starts = [0] * size, [0] * size
        tokens = symbolise.interpreted(points, class_table(), codes, starts)
        starts[tokens] = len(points)
        scratch = [[0] * (size + self._max_len + UNKNOWN_LIMIT) for _ in range(9)]
        words, _, _ = self._decoder.run_plain(codes, starts, tokens, True, MARK, scratch)
        return scratch[2][:words], scratch[3][:words]


def load(path: str | os.PathLike[str] = DEFAULT) -> Segmenter:
    """Open a model directory.

    Parameters
    ----------
    path : path
        Written by ``segtool train`` or :func:`segtool.train`; ``"default"``, or none, for the model in the box. (A
        directory of that name is ``"./default"``.)

    Returns
    -------
    Segmenter

    Raises
    ------
    ModelError
        If the directory or a file of it is missing, damaged, or of another format version.
    """
    return Segmenter(load_model(find_model(path)))

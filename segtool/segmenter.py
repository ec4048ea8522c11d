"""The segmenter: a model and the calls that cut text with it.

A process cuts its first few thousand characters in plain Python, which needs no compiled code; after those, or from the
first longer text on, compiled kernels cut. The words are the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from segtool.decode.decoders import Decoder, decoder_of
from segtool.errors import UsageError
from segtool.store.model import DEFAULT, Model, find_model, load_model, save_model
from segtool.tokens import Token, locate

if TYPE_CHECKING:
    from segtool.decode.literals import Literals
    from segtool.guideline.word_files import Entries

__all__ = ["Segmenter", "Token", "load"]

PLAIN_CHARACTERS = 3_500
"""A process cuts so much in plain Python before it loads compiled kernels; both take about as long."""

PLAIN_COST = 100
"""A text counts as so many more characters."""

BATCH_CHARACTERS = 1 << 18

_plain_left = PLAIN_CHARACTERS  # a race between threads does no harm


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
    literals : segtool.decode.literals.Literals or None
        The words of the model that its symbols cannot distinguish.
    """

    __slots__ = ("_decoder", "literals", "model")

    model: Model
    literals: Literals | None
    _decoder: Decoder

    def __init__(self, model: Model) -> None:
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "_decoder", decoder_of(model))
        literals = model.card.get("dictionary", {}).get("literals")
        if literals:
            from segtool.decode.literals import Literals

            literals = Literals(literals, model.folds)
        object.__setattr__(self, "literals", literals or None)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Segmenter does not change: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Segmenter does not change: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        path = self.model.path
        if path is not None:
            return load, (DEFAULT if path == find_model(DEFAULT).absolute() else path,)
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
        plain = self.interprets(len(text))
        if self.literals is not None:
            hidden, found, _ = self.literals.hide(text, plain)
            return self.literals.show(self._words(hidden, plain), found)
        return self._words(text, plain)

    def _words(self, text: str, plain: bool) -> list[str]:
        """Cut a text without literals."""
        if plain:
            return self._decoder.cut_plain(text)
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

    def tune(self, sentences: Iterable[Sequence[str]], workers: int = 1) -> Segmenter:
        """Learn from labelled sentences what counts as a word.

        Parameters
        ----------
        sentences : iterable of sequence of str
            The words of each sentence; 20 to 50 sentences help, more help more.
        workers : int
            Threads. The result does not depend on it.

        Returns
        -------
        Segmenter
            A new one, in memory, which cuts as fast; this one stays as it is. ``model.card["tuned"]`` has the F1 of
            both by cross-validation; if tuning does not help, the new one cuts as this one does.

        Raises
        ------
        CorpusError
            If there are fewer than two sentences, or no Han character in them.
        UsageError
            If a sentence is one string, the model is of a method that cannot be tuned, or `workers` less than 1.

        Notes
        -----
        How, and where it comes from: :mod:`segtool.guideline.tune`.
        """
        from segtool.guideline.tune import tune_model

        if workers < 1:
            raise UsageError(f"tune(): {workers} workers: choose 1 or more")
        labelled = list(sentences)
        if any(isinstance(words, str) for words in labelled):
            raise UsageError("tune(): a sentence is a list of words, not one string: pass line.split()")
        return Segmenter(tune_model(self.model, labelled, workers)[0])

    def with_words(
        self,
        *,
        prefer: Iterable[str] | Mapping[str, float] | Entries = (),
        force: Iterable[str] | Entries = (),
        forbid: Iterable[str] | Entries = (),
        words: Iterable[str] | Entries = (),
        words_only: bool = False,
    ) -> Segmenter:
        """Add words, in three strengths, and a word list (:mod:`segtool.guideline.dictionary`).

        Parameters
        ----------
        prefer : iterable of str, mapping of str to float, or Entries
            Words that win over what they would be cut into, by 4 nats or those of the mapping.
        force : iterable of str or Entries
            Words that always win; ``和|服务`` is always cut at the bar.
        forbid : iterable of str or Entries
            Words of two Han characters or more that never come out.
        words : iterable of str or Entries
            A word list: its words are preferred.
        words_only : bool
            Whether that list is complete: all other words of two characters or more then cost 8 nats.

        Returns
        -------
        Segmenter
            A new one, in memory; this one stays as it is.

        Raises
        ------
        UsageError
            If a word is in two lists or cannot be forbidden, or the model is of a method that takes no words.
        DataError
            The same for words of a file.
        """
        from segtool.guideline.dictionary import extend_model

        return Segmenter(extend_model(self.model, prefer, force, forbid, words, words_only))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a directory, for :func:`segtool.load` and ``segtool cut -m``.

        Parameters
        ----------
        path : path
            A directory that does not exist, is empty, or is a model, which is replaced.

        Raises
        ------
        OutputError
            If the directory cannot be written or holds something else.
        """
        save_model(self.model, path)

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
        return locate(text, self.cut(text), unit)

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

    def interprets(self, characters: int) -> bool:
        """Whether to cut a text of so many characters in plain Python; if not, compiled kernels are in use from now."""
        global _plain_left
        cost = characters + PLAIN_COST
        plain = self._decoder.plain is not None and cost <= _plain_left
        _plain_left = _plain_left - cost if plain else 0
        return plain

    def cut_utf8(
        self, data: bytes, separator: bytes, final: bool = True, before: int = 0, open_line: bool = False
    ) -> tuple[bytes, int, int, bool]:
        """Cut UTF-8 with the compiled kernels; streaming consists of such calls.

        Literals must be hidden before (:meth:`segtool.decode.literals.Literals.hide_stream`).

        Parameters
        ----------
        data : bytes
            Whole characters, surrogates allowed.
        separator : bytes
            Written between two words of a line.
        final : bool
            Whether the text ends there (or a line does). If not, its end is left until more is known.
        before : int
            The symbol right before, in a run that goes on here; as the call before returned it.
        open_line : bool
            Whether the line holds a word that was written before; as the call before returned it.

        Returns
        -------
        out : bytes
            The words, line by line.
        consumed : int
            Bytes that are settled; give those behind them again, with the text that follows.
        before, open_line
            To be given with them.
        """
        out, consumed, before, open_line = self._decoder.cut(data, separator, final, before, open_line)
        return out.tobytes(), consumed, before, open_line

    def _cut_group(self, texts: list[str]) -> list[list[str]]:
        """Cut texts as one, with a line end between them, which no word crosses."""
        if not texts:
            return []
        joined = "\n".join(texts)
        plain = self.interprets(len(joined))
        if self.literals is not None:
            hidden, found, _ = zip(*(self.literals.hide(text, plain) for text in texts), strict=True)
            return list(map(self.literals.show, self._cut_lines(list(hidden), "\n".join(hidden), plain), found))
        return self._cut_lines(texts, joined, plain)

    def _cut_lines(self, texts: list[str], joined: str, plain: bool) -> list[list[str]]:
        """Cut texts without literals, which also come joined."""
        if plain:
            return [self._decoder.cut_plain(text) for text in texts]
        if "\r" in joined or joined.count("\n") >= len(texts):  # line ends inside the texts
            joined = "\n".join([text.replace("\n", " ").replace("\r", " ") for text in texts])
        return [line.split(" ") if line else [] for line in self._joined(joined).split("\n")]

    def _joined(self, text: str) -> str:
        """The words of each line with a space between two."""
        return str(self._decoder.cut(text.encode("utf-8", "surrogatepass"), b" ")[0], "utf-8", "surrogatepass")


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

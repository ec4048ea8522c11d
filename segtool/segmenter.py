"""The segmenter: a model and the calls that cut text with it.

A process cuts its first few thousand characters in plain Python, which needs no compiled code; after those, or from the
first longer text on, compiled kernels cut. The words are the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from segtool.decode.decoders import decoder_of
from segtool.decode.texts import TextCutter
from segtool.errors import UsageError
from segtool.limits import WITHIN
from segtool.runtime.workers import in_order, text_groups
from segtool.store.model import DEFAULT, Model, find_model, load_model, save_model, with_granularity
from segtool.tokens import SearchToken, Token, place_entries, place_words

if TYPE_CHECKING:
    from segtool.decode.literals import Literals
    from segtool.decode.search import Entries

__all__ = ["SearchToken", "Segmenter", "Token", "load"]

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
    literals : Literals or None
        The words of the model that its symbols cannot distinguish.
    """

    __slots__ = ("_cutter", "literals", "model")

    model: Model
    literals: Literals | None
    _cutter: TextCutter

    def __init__(self, model: Model) -> None:
        object.__setattr__(self, "model", model)
        literals = model.card.get("dictionary", {}).get("literals", ())
        object.__setattr__(self, "_cutter", TextCutter(decoder_of(model), literals, model.folds))
        object.__setattr__(self, "literals", self._cutter.literals)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Segmenter does not change: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Segmenter does not change: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        path = self.model.path
        if path is not None:
            name = DEFAULT if path == find_model(DEFAULT).absolute() else path
            if "granularity" in self.model.card:
                return _load_finer, (name, self.model.granularity)
            return load, (name,)
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
        return self._cutter.cut(text, self.interprets(len(text)))

    def adapt(self, texts: Iterable[str], workers: int = 1) -> Segmenter:
        """Learn the words of texts, such as those to be cut, from their raw characters (:mod:`segtool.lexicon.adapt`).

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
        """
        from segtool.lexicon.adapt import adapt_model
        from segtool.ngrams.counter import collect_corpus

        if workers < 1:
            raise UsageError(f"adapt(): {workers} workers: choose 1 or more")
        runs = collect_corpus([texts] if isinstance(texts, str) else texts, self.model.folds)
        return Segmenter(adapt_model(self.model, runs, workers))

    def tune(self, sentences: Iterable[Sequence[str]], workers: int = 1) -> Segmenter:
        """Learn from labelled sentences what counts as a word (:mod:`segtool.guideline.tune`).

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
        prefer: Iterable[str] | Mapping[str, float] = (),
        force: Iterable[str] = (),
        forbid: Iterable[str] = (),
        words: Iterable[str] = (),
        words_only: bool = False,
    ) -> Segmenter:
        """Add words, in three strengths, and a word list; all about them: :mod:`segtool.guideline.dictionary`.

        Parameters
        ----------
        prefer : iterable of str, or mapping of str to float
            Words that win over what they would be cut into, by 4 nats or those of the mapping.
        force, forbid : iterable of str
            Words that always win (``和|服务`` is always cut at the bar), and words that never come out.
        words : iterable of str
            A word list: its words are preferred.
        words_only : bool
            Whether it is complete: all other words of two characters or more then cost 8 nats.

        Returns
        -------
        Segmenter
            A new one, in memory; this one stays as it is.

        Raises
        ------
        UsageError
            If a word is in two lists or cannot be forbidden, or the model is of a method that takes no words.
        """
        from segtool.guideline.dictionary import Dictionary, extend

        return Segmenter(extend(self.model, Dictionary.of(prefer, force, forbid, words, words_only)))

    def with_granularity(self, nats: float) -> Segmenter:
        """Cut finer or coarser.

        Parameters
        ----------
        nats : float
            Added to the score of a cut for each gap between two words: more than 0 for finer words, less for coarser
            ones; −4 to 4 is sensible. It replaces the granularity that the segmenter has.

        Returns
        -------
        Segmenter
            A new one, which shares the arrays of this one and cuts as fast. Adaptation keeps the granularity; tuning
            learns its own.

        Raises
        ------
        UsageError
            If it is no number from −100 to 100, or the model is of a method without scores of words.
        """
        model = with_granularity(self.model, nats)
        self._cutter.decoder.demand_scores("granularity")
        return Segmenter(model)

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

    @overload
    def tokenize(
        self, text: str, unit: str = ..., *, search: Literal[False] = ..., within: float = ...
    ) -> list[Token]: ...

    @overload
    def tokenize(
        self, text: str, unit: str = ..., *, search: Literal[True], within: float = ...
    ) -> list[SearchToken]: ...

    def tokenize(
        self, text: str, unit: str = "character", *, search: bool = False, within: float = WITHIN
    ) -> list[Token] | list[SearchToken]:
        """Cut a text and give the places of the words.

        Parameters
        ----------
        text : str
        unit : {"character", "byte"}
            Of the offsets; bytes are those of the text as UTF-8.
        search : bool
            Give the entries of :meth:`cut_for_search`, with positions.
        within : float
            As there.

        Returns
        -------
        list of Token, or of SearchToken for `search`

        Raises
        ------
        UsageError
            If the unit is neither; for `search`, as :meth:`cut_for_search`.
        """
        if search:
            return place_entries(text, self.entries(text, within), unit)
        return place_words(text, self.cut(text), unit)

    def cut_for_search(self, text: str, within: float = WITHIN) -> list[str]:
        """List the entries of a text for a search index: its words and other words that it nearly has.

        Parameters
        ----------
        text : str
        within : float
            Greatest loss of an entry, in nats, from 0 to 100: the score of the best cut minus that of the best cut with
            the entry as a word. More gives more entries.

        Returns
        -------
        list of str
            Slices of the text, by start, then by length: the words of :meth:`cut`, and words that lie within one of
            those or consist of several.

        Raises
        ------
        UsageError
            If `within` is out of its limits, or the model is of a method without scores of words.

        See Also
        --------
        tokenize : With ``search=True``, places and positions too.
        """
        return self.entries(text, within).words(text)

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
        groups = text_groups(texts, BATCH_CHARACTERS)
        cuts = in_order(lambda group: self._cutter.cut_group(group, self.interprets), groups, workers)
        return [words for group in cuts for words in group]

    def interprets(self, characters: int) -> bool:
        """Whether to cut a text of so many characters in plain Python; if not, compiled kernels are in use from now."""
        global _plain_left
        cost = characters + PLAIN_COST
        plain = self._cutter.decoder.plain is not None and cost <= _plain_left
        _plain_left = _plain_left - cost if plain else 0
        return plain

    def entries(self, text: str, within: float) -> Entries:
        """Find the entries of a text for search: places in characters, and which are words of the cut."""
        return self._cutter.entries(text, within, self.interprets(2 * len(text)))  # one pass more

    def cut_utf8(
        self, data: bytes, separator: bytes, final: bool = True, before: int = 0, open_line: bool = False
    ) -> tuple[bytes, int, int, bool]:
        """Cut UTF-8 with the compiled kernels; streaming consists of such calls.

        Literals must be hidden before (:meth:`segtool.decode.literals.Literals.hide_stream`).

        Parameters
        ----------
        data, separator, final, before, open_line
            As for :meth:`segtool.decode.decoders.Decoder.cut`.

        Returns
        -------
        out : bytes
            The words, line by line.
        consumed, before, open_line
            Settled bytes; give those behind them again, with the text that follows and `before` and `open_line`.
        """
        out, consumed, before, open_line = self._cutter.decoder.cut(data, separator, final, before, open_line)
        return out.tobytes(), consumed, before, open_line


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


def _load_finer(path: str | os.PathLike[str], granularity: float) -> Segmenter:
    return load(path).with_granularity(granularity)

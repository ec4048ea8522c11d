"""The segmenter: a model and the calls that cut text with it.

A process cuts its first few thousand characters in plain Python, which needs no compiled code; after those, or from the
first longer text on, compiled kernels cut. The words are the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from segtool.alternatives import Alternatives
from segtool.arguments import check_text, check_unit, check_utf8, checked_texts, names_checked
from segtool.columns import Columns
from segtool.cut_texts import cut_texts
from segtool.decode.short_texts import TOKENS, WORDS
from segtool.decode.texts import TextCutter, cutter_of
from segtool.derivation import Derivable
from segtool.errors import ArgumentError, UsageError
from segtool.limits import WITHIN
from segtool.runtime.workers import in_order, text_groups
from segtool.separating import Separating
from segtool.store.model import DEFAULT, Model, find_model, load_model, with_settings
from segtool.tokens import SearchToken, Token, place_entries
from segtool.vocabulary import Vocabulary

if TYPE_CHECKING:
    from segtool.decode.literals import Literals
    from segtool.runtime.arrays import Integers

__all__ = ["SearchToken", "Segmenter", "Token", "load"]

PLAIN_CHARACTERS = 3_500
"""A process cuts so much in plain Python before it loads compiled kernels; both take about as long."""

PLAIN_COST = 100
"""A text counts as so many more characters."""
BATCH_CHARACTERS = 1 << 18

_plain_left = PLAIN_CHARACTERS  # a race between threads does no harm


class Segmenter(Derivable, Alternatives, Columns, Separating, Vocabulary):
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

    Examples
    --------
    >>> import segtool
    >>> seg = segtool.load()
    >>> seg.cut("今天天气很好")
    ['今天', '天气', '很', '好']
    >>> "天氣" in seg, "天很" in seg
    (True, False)
    """

    __slots__ = ("_background", "_cutter", "literals", "model")

    model: Model
    literals: Literals | None
    _cutter: TextCutter

    def __init__(self, model: Model) -> None:
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "_cutter", cutter_of(model))
        object.__setattr__(self, "literals", self._cutter.literals)
        object.__setattr__(self, "_background", None)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Segmenter does not change: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Segmenter does not change: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        path = self.model.path
        if path is not None:
            name = DEFAULT if self.model.is_included else path
            changed = self.model.settings
            return (_load_changed, (name, changed)) if changed else (load, (name,))
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

        Raises
        ------
        ArgumentError
            If the text is no string.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().cut("今天 天气很好。")
        ['今天', '天气', '很', '好', '。']
        """
        if type(text) is not str:
            check_text(text, "cut()")
        if not _plain_left and (found := self._cutter.short[WORDS](text)) is not None:
            return found
        return self._cutter.cut(text, self.interprets(len(text)))

    __call__ = cut

    def cut_iter(self, texts: Iterable[str]) -> Iterable[list[str]]:
        """Cut texts one by one, as they come.

        Parameters
        ----------
        texts : iterable of str
            For instance a list, or the lines of an open file.

        Returns
        -------
        iterable of list of str
            Each pass over it cuts the texts anew, if they can be iterated again, as a list can. Texts that can be read
            only once, as those of a generator or a file, give an iterator; a pass after its end raises UsageError.

        Raises
        ------
        ArgumentError
            If `texts` is one string or nothing that can be iterated; in a pass, if a text is no string.

        Examples
        --------
        >>> import segtool
        >>> for words in segtool.load().cut_iter(["今天天气很好", "我们去公园"]):
        ...     print(words)
        ['今天', '天气', '很', '好']
        ['我们', '去', '公园']
        """
        return cut_texts(self, texts)

    @overload
    def tokenize(
        self, text: str, unit: str = ..., *, search: Literal[False] = ..., within: float = ...
    ) -> list[Token]: ...

    @overload
    def tokenize(
        self, text: str, unit: str = ..., *, search: Literal[True], within: float = ...
    ) -> list[SearchToken]: ...

    @names_checked
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
        ArgumentError
            If the text is no string.
        UsageError
            If the unit is neither; for `search`, as :meth:`cut_for_search`.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().tokenize("天气很好")
        [Token(word='天气', start=0, end=2), Token(word='很', start=2, end=3), Token(word='好', start=3, end=4)]
        """
        if search:
            return place_entries(text, self.entries(text, within), unit)
        if type(text) is not str:
            check_text(text, "tokenize()")
        if unit == "character" and not _plain_left and (found := self._cutter.short[TOKENS](text)) is not None:
            return found
        check_unit(unit, "tokenize()")
        return self._cutter.cut_group([text], self.interprets, unit)[0]

    def spans(self, text: str, unit: str = "character") -> Integers:
        """Find the places of the words of a text.

        Parameters
        ----------
        text : str
        unit : {"character", "byte"}
            Of the places; bytes are those of the text as UTF-8.

        Returns
        -------
        ndarray of int64, shape (n, 2)
            Start and end of each word that :meth:`cut` gives.

        Raises
        ------
        ArgumentError
            If the text is no string.
        UsageError
            If the unit is neither.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().spans("天气 很好")
        array([[0, 2],
               [3, 4],
               [4, 5]])
        """
        check_text(text, "spans()")
        check_unit(unit, "spans()")
        return self._cutter.text_spans(text, unit == "character")

    @names_checked
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
        ArgumentError
            If `texts` is one string or nothing that can be iterated, or a text is no string.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().cut_batch(["今天天气很好", "我们去公园"], workers=2)
        [['今天', '天气', '很', '好'], ['我们', '去', '公园']]
        """
        texts = checked_texts(texts, "cut_batch()", "pass [text], or cut it by cut(text)")
        return self._batch(self._cutter.cut_group, texts, workers, "cut_batch()")

    @names_checked
    def tokenize_batch(self, texts: Iterable[str], unit: str = "character", workers: int = 1) -> list[list[Token]]:
        """Cut many texts and give the places of the words.

        Parameters
        ----------
        texts : iterable of str
        unit : {"character", "byte"}
            As for :meth:`tokenize`.
        workers : int
            As for :meth:`cut_batch`.

        Returns
        -------
        list of list of Token
            The words of each text, in order.

        Raises
        ------
        UsageError
            If the unit is neither, or `workers` is less than 1.
        ArgumentError
            As for :meth:`cut_batch`.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().tokenize_batch(["天气", "很好"])
        [[Token(word='天气', start=0, end=2)], [Token(word='很', start=0, end=1), Token(word='好', start=1, end=2)]]
        """
        check_unit(unit, "tokenize_batch()")
        texts = checked_texts(texts, "tokenize_batch()", "pass [text], or cut it by tokenize(text)")
        return self._batch(partial(self._cutter.cut_group, unit=unit), texts, workers, "tokenize_batch()")

    def _batch(self, cut: Callable[..., list[Any]], texts: Iterable[str], workers: int, call: str) -> list[Any]:
        """Cut texts by a function for groups of them."""
        if workers < 1:
            raise UsageError(f"{call}: {workers} workers: choose 1 or more")
        cuts = in_order(partial(cut, interprets=self.interprets), text_groups(texts, BATCH_CHARACTERS), workers)
        return [found for group in cuts for found in group]

    def interprets(self, characters: int) -> bool:
        """Whether to cut a text of so many characters in plain Python; if not, compiled kernels are in use from now.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().interprets(1_000_000)
        False
        """
        global _plain_left
        cost = characters + PLAIN_COST
        plain = self._cutter.decoder.plain is not None and cost <= _plain_left
        _plain_left = _plain_left - cost if plain else 0
        return plain

    def cut_utf8(
        self, data: bytes, separator: bytes, final: bool = True, before: int = 0, open_line: bool = False
    ) -> tuple[bytes, int, int, bool]:
        """Cut UTF-8 with the compiled kernels, piece by piece.

        Literals must be hidden before (:meth:`segtool.decode.literals.Literals.hide_stream`).

        Parameters
        ----------
        data, separator, final, before, open_line
            As for :meth:`segtool.decode.decoder.Decoder.cut`.

        Returns
        -------
        out : bytes
            The words, line by line.
        consumed, before, open_line
            Settled bytes; give those behind them again, with the text that follows and `before` and `open_line`.

        Raises
        ------
        ArgumentError
            If the data are not UTF-8 or end within a character, there is no separator, or `before` is no symbol.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().cut_utf8("天气很好".encode(), b"/")[0].decode()
        '天气/很/好'
        """
        check_utf8(data, separator, "cut_utf8()")
        if not 0 <= before <= len(self.model.symbols):
            raise ArgumentError(f"cut_utf8(): {before} is no symbol: pass what the call before returned")
        out, consumed, before, open_line = self._cutter.decoder.cut(data, separator, final, before, open_line)
        return out.tobytes(), consumed, before, open_line


@names_checked
def load(path: str | os.PathLike[str] = DEFAULT) -> Segmenter:
    """Open a model directory.

    Parameters
    ----------
    path : path
        Written by :func:`segtool.train`; ``"default"`` for the included model (``"./default"`` is a directory).

    Returns
    -------
    Segmenter

    Raises
    ------
    ModelError
        If the directory or a file of it is missing, damaged, or of another format version.

    Examples
    --------
    >>> import segtool
    >>> segtool.load().cut("天气很好")
    ['天气', '很', '好']
    """
    return Segmenter(load_model(find_model(path)))


def _load_changed(path: str | os.PathLike[str], settings: dict[str, Any]) -> Segmenter:
    return Segmenter(with_settings(load(path).model, settings))

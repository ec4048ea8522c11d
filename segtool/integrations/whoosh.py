"""Whoosh: an analyzer with more entries in the index than in queries (extra ``whoosh``).

A document gets the entries of :meth:`segtool.Segmenter.cut_for_search`, a query the words of the plain cut. Positions
count the words of the cut, so phrases match.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from segtool.integrations import ModelOrPath, has_letters, needs_extra, segmenter_of
from segtool.limits import WITHIN
from segtool.segmenter import Segmenter

with needs_extra("whoosh"):
    from whoosh.analysis import LowercaseFilter, Token, Tokenizer

__all__ = ["WhooshTokenizer", "analyzer"]


class WhooshTokenizer(Tokenizer):
    """Yields the words of a text that have a letter or digit; a schema keeps it with the index.

    Parameters
    ----------
    model : str, path or Segmenter
        An index keeps its name, or all of a segmenter in memory.
    within : float
        As of :meth:`segtool.Segmenter.cut_for_search`.

    Examples
    --------
    >>> from segtool.integrations.whoosh import WhooshTokenizer
    >>> [token.text for token in WhooshTokenizer()("高质量发展。")]
    ['高', '质量', '发展']
    """

    def __init__(self, model: ModelOrPath = "default", within: float = WITHIN) -> None:
        self.model = model
        self.within = within

    @cached_property
    def segmenter(self) -> Segmenter:
        """The loaded model."""
        return segmenter_of(self.model)

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model, "within": self.within}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WhooshTokenizer) and self.__getstate__() == other.__getstate__()

    __hash__ = None  # type: ignore[assignment]

    def __call__(
        self,
        value: str,
        positions: bool = False,
        chars: bool = False,
        keeporiginal: bool = False,
        removestops: bool = True,
        start_pos: int = 0,
        start_char: int = 0,
        mode: str = "",
        **options: Any,
    ) -> Iterator[Any]:
        """Yield the words of a text as Whoosh expects: the same token each time, with other contents."""
        entries = [each for each in self.segmenter.tokenize(value, search=True, within=self.within)]
        words = [each.position for each in entries if each.primary and has_letters(each.word)]
        numbers = dict(zip(words, range(start_pos, start_pos + len(words)), strict=True))
        token = Token(positions, chars, removestops=removestops, mode=mode, **options)
        for entry in entries:
            if entry.position not in numbers or (mode == "query" and not entry.primary):
                continue
            token.text, token.boost, token.stopped = entry.word, 1.0, False
            if keeporiginal:
                token.original = entry.word
            if positions:
                token.pos = numbers[entry.position]
            if chars:
                token.startchar, token.endchar = start_char + entry.start, start_char + entry.end
            yield token


def analyzer(model: ModelOrPath = "default", within: float = WITHIN) -> Any:
    """Make an analyzer for ``whoosh.fields.TEXT``: words in lower case.

    Parameters
    ----------
    model : str, path or Segmenter
    within : float
        As of :class:`WhooshTokenizer`.

    Returns
    -------
    whoosh.analysis.Analyzer

    Examples
    --------
    >>> from segtool.integrations.whoosh import analyzer
    >>> [token.text for token in analyzer()("高质量发展")]
    ['高', '质量', '发展']
    >>> [token.text for token in analyzer()("高质量发展", mode="query")]
    ['高', '质量', '发展']
    """
    return WhooshTokenizer(model, within) | LowercaseFilter()

"""The cuts of many texts, one by one, in as many passes as the texts allow."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from segtool.arguments import checked_texts
from segtool.errors import UsageError

if TYPE_CHECKING:
    from segtool.segmenter import Segmenter

__all__ = ["CutTexts", "OnePass", "cut_texts"]

_SINGLE = "pass [text], or cut it by cut(text)"


def cut_texts(segmenter: Segmenter, texts: Iterable[str]) -> Iterable[list[str]]:
    """Cut texts as they come; see :meth:`segtool.segmenter.Segmenter.cut_iter`."""
    checked_texts(texts, "cut_iter()", _SINGLE)  # raises before the first text
    return OnePass(segmenter, texts) if iter(texts) is texts else CutTexts(segmenter, texts)


class CutTexts:
    """The cuts of texts that can be iterated again: each pass cuts them anew.

    Parameters
    ----------
    segmenter : Segmenter
    texts : iterable of str
    """

    def __init__(self, segmenter: Segmenter, texts: Iterable[str]) -> None:
        self.segmenter = segmenter
        self.texts = texts

    def __iter__(self) -> Iterator[list[str]]:
        return map(self.segmenter.cut, checked_texts(self.texts, "cut_iter()", _SINGLE))


class OnePass(Generator[list[str], None, None]):
    """The cuts of texts that can be read only once, such as those of an open file.

    Another pass raises UsageError, where a plain generator would be empty without a word. It passes for a generator
    (`__class__`), because libraries that need several passes, such as gensim, ask for that before they begin.

    Parameters
    ----------
    segmenter : Segmenter
    texts : iterable of str
    """

    def __init__(self, segmenter: Segmenter, texts: Iterable[str]) -> None:
        self._cuts = map(segmenter.cut, checked_texts(texts, "cut_iter()", _SINGLE))
        self._ended = False

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return GeneratorType

    def __iter__(self) -> Generator[list[str], None, None]:
        if self._ended:
            fault = "cut_iter(): the texts could be read only once, and are read"
            raise UsageError(f"{fault}: pass a list of texts, which can be cut again in each pass")
        return self

    def send(self, value: None) -> list[str]:
        """Give the words of the next text."""
        try:
            return next(self._cuts)
        except BaseException:
            self._ended = True
            raise

    def throw(self, *error: Any) -> list[str]:
        """End the pass with an error."""
        self._ended, self._cuts = True, map(list, ())
        return super().throw(*error)

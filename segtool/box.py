"""Cutting without a segmenter: by the model in the box, which is loaded by the first call."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segtool.segmenter import Segmenter

__all__ = ["cut", "lcut"]


def cut(text: str) -> list[str]:
    """Cut a text into words with the model in the box, as ``segtool.load().cut(text)`` does.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str
        Slices of the text, in order.

    Raises
    ------
    ArgumentError
        If the text is no string.

    See Also
    --------
    segtool.load : For other models, and the other calls of a segmenter.

    Examples
    --------
    >>> import segtool
    >>> segtool.cut("今天天气很好")
    ['今天', '天气', '很', '好']
    >>> segtool.lcut("今天天气很好")
    ['今天', '天气', '很', '好']
    """
    return _boxed().cut(text)


lcut = cut
"""The same, under the name that jieba gives to a cut that is a list."""


@functools.cache
def _boxed() -> Segmenter:
    from segtool.segmenter import load

    return load()

"""Hugging Face tokenizers: a pre-tokenizer, so that no token crosses a word (extra ``tokenizers``).

A file ``tokenizer.json`` cannot hold Python code. :func:`save_tokenizer` writes one that splits at whitespace in its
place, so other programs can use it on text that ``segtool cut`` has cut; :func:`load_tokenizer` puts segtool back.
"""

from __future__ import annotations

import os
from typing import Any

from segtool.integrations import ModelOrPath, needs_extra, segmenter_of

with needs_extra("tokenizers"):
    from tokenizers import Tokenizer
    from tokenizers.pre_tokenizers import PreTokenizer, WhitespaceSplit

__all__ = ["HuggingFacePreTokenizer", "load_tokenizer", "pre_tokenizer", "save_tokenizer"]


class HuggingFacePreTokenizer:
    """Splits text into words and leaves whitespace out, for ``PreTokenizer.custom``.

    Parameters
    ----------
    model : str, path or Segmenter

    Examples
    --------
    >>> from tokenizers.pre_tokenizers import PreTokenizer
    >>> from segtool.integrations.tokenizers import HuggingFacePreTokenizer
    >>> PreTokenizer.custom(HuggingFacePreTokenizer()).pre_tokenize_str("我们去公园")
    [('我们', (0, 2)), ('去', (2, 3)), ('公园', (3, 5))]
    """

    def __init__(self, model: ModelOrPath = "default") -> None:
        self.segmenter = segmenter_of(model)

    def pre_tokenize(self, pretok: Any) -> None:
        """Split a ``PreTokenizedString`` in place.

        Examples
        --------
        >>> from tokenizers import PreTokenizedString
        >>> from segtool.integrations.tokenizers import HuggingFacePreTokenizer
        >>> text = PreTokenizedString("我们去公园")
        >>> HuggingFacePreTokenizer().pre_tokenize(text)
        >>> [word for word, _, _ in text.get_splits()]
        ['我们', '去', '公园']
        """
        pretok.split(self._words)

    def _words(self, _: int, normalized: Any) -> list[Any]:
        return [normalized[start:end] for _, start, end in self.segmenter.tokenize(normalized.normalized)]


def pre_tokenizer(model: ModelOrPath = "default") -> Any:
    """Make a ``tokenizers.pre_tokenizers.PreTokenizer`` that splits text into words.

    Parameters
    ----------
    model : str, path or Segmenter

    Returns
    -------
    PreTokenizer
        For ``Tokenizer.pre_tokenizer`` or ``pre_tokenizers.Sequence``.

    Examples
    --------
    >>> from segtool.integrations.tokenizers import pre_tokenizer
    >>> pre_tokenizer().pre_tokenize_str("我们去公园")
    [('我们', (0, 2)), ('去', (2, 3)), ('公园', (3, 5))]
    """
    return PreTokenizer.custom(HuggingFacePreTokenizer(model))


def save_tokenizer(tokenizer: Any, path: str | os.PathLike[str]) -> None:
    """Write a tokenizer with our pre-tokenizer as ``tokenizer.json``, which splits at whitespace in its place.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        It does not change.
    path : path

    Examples
    --------
    >>> from tokenizers import Tokenizer, models
    >>> from segtool.integrations.tokenizers import pre_tokenizer, save_tokenizer
    >>> tokenizer = Tokenizer(models.WordLevel({"公园": 0, "[UNK]": 1}, unk_token="[UNK]"))
    >>> tokenizer.pre_tokenizer = pre_tokenizer()
    >>> save_tokenizer(tokenizer, "tokenizer.json")
    >>> Tokenizer.from_file("tokenizer.json").encode("我们 去 公园").ids
    [1, 1, 0]
    """
    ours = tokenizer.pre_tokenizer
    tokenizer.pre_tokenizer = WhitespaceSplit()
    try:
        tokenizer.save(os.fspath(path))
    finally:
        tokenizer.pre_tokenizer = ours


def load_tokenizer(path: str | os.PathLike[str], model: ModelOrPath = "default") -> Any:
    """Read a ``tokenizer.json`` that :func:`save_tokenizer` wrote, and split text into words again.

    Parameters
    ----------
    path : path
    model : str, path or Segmenter
        The one that the tokenizer was trained with.

    Returns
    -------
    tokenizers.Tokenizer

    Examples
    --------
    >>> from tokenizers import Tokenizer, models
    >>> from segtool.integrations.tokenizers import load_tokenizer, pre_tokenizer, save_tokenizer
    >>> tokenizer = Tokenizer(models.WordLevel({"公园": 0, "[UNK]": 1}, unk_token="[UNK]"))
    >>> tokenizer.pre_tokenizer = pre_tokenizer()
    >>> save_tokenizer(tokenizer, "tokenizer.json")
    >>> load_tokenizer("tokenizer.json").encode("我们去公园").ids
    [1, 1, 0]
    """
    tokenizer = Tokenizer.from_file(os.fspath(path))
    tokenizer.pre_tokenizer = pre_tokenizer(model)
    return tokenizer

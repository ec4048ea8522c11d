"""gensim: the sentences and the corpus that its models read, again in each pass (extra ``gensim``)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from segtool.errors import ArgumentError, UsageError
from segtool.integrations import ModelOrPath, has_letters, needs_extra, segmenter_of
from segtool.runtime.workers import in_order, text_groups
from segtool.text.sources import find_sources, read_blocks

with needs_extra("gensim"):
    from gensim.corpora import Dictionary
    from gensim.interfaces import CorpusABC

__all__ = ["GensimCorpus", "GensimSentences"]

_GROUP = 1 << 18
"""Characters that are cut at once."""


class GensimSentences:
    """The words of each text, cut anew in each pass, for ``Word2Vec``, ``FastText`` and ``Phrases``.

    Parameters
    ----------
    inputs : path or sequence of path, or None
        Files, folders and globs, plain or compressed; each line is a text. Lines without words are left out.
    texts : sequence of str, or None
        Instead of `inputs`; anything that can be iterated again.
    model : str, path or Segmenter
    punctuation : bool
        Keep words without a letter or digit.
    encoding : str
        Of the files.
    workers : int
        Threads that cut.

    Raises
    ------
    UsageError
        If there are both inputs and texts or none, or the texts are one string or can be read only once.

    Examples
    --------
    >>> from segtool.integrations.gensim import GensimSentences
    >>> list(GensimSentences(texts=["我们去公园。", "天气很好"]))
    [['我们', '去', '公园'], ['天气', '很', '好']]
    """

    def __init__(
        self,
        inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
        *,
        texts: Iterable[str] | None = None,
        model: ModelOrPath = "default",
        punctuation: bool = False,
        encoding: str = "utf-8",
        workers: int = 1,
    ) -> None:
        if (inputs is None) == (texts is None):
            raise UsageError("GensimSentences(): give inputs (files) or texts, one of both")
        if isinstance(texts, str):
            raise ArgumentError("GensimSentences(): texts is one string: pass a list of strings")
        if texts is not None and iter(texts) is texts:
            raise UsageError("GensimSentences(): texts can be read only once, and gensim reads them again: pass a list")
        self.inputs: list[str | os.PathLike[str]] | None = None
        if inputs is not None:
            self.inputs = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
            if "-" in self.inputs:
                raise UsageError("GensimSentences(): standard input can be read only once, and gensim reads again")
            find_sources(self.inputs)  # a missing file is an error now, not in the middle of a training
        self.texts = texts
        self.segmenter = segmenter_of(model)
        self.punctuation = punctuation
        self.encoding = encoding
        self.workers = workers

    def __iter__(self) -> Iterator[list[str]]:
        for group in in_order(self.segmenter.cut_batch, text_groups(self._texts(), _GROUP), self.workers):
            for words in group:
                kept = words if self.punctuation else list(filter(has_letters, words))
                if kept:
                    yield kept

    def _texts(self) -> Iterator[str]:
        if self.inputs is None:
            yield from self.texts or ()
            return
        for block in read_blocks(find_sources(self.inputs, self.encoding), encoding=self.encoding):
            yield from block.split("\n")


class GensimCorpus(CorpusABC):
    """Bags of words, made anew in each pass, for ``LdaModel``, ``TfidfModel`` and ``LsiModel``.

    Parameters
    ----------
    sentences : GensimSentences
        Or any iterable of lists of words that can be iterated again.
    dictionary : gensim.corpora.Dictionary or None
        None makes it of the sentences, in one more pass.

    Attributes
    ----------
    dictionary : gensim.corpora.Dictionary

    Examples
    --------
    >>> from segtool.integrations.gensim import GensimCorpus, GensimSentences
    >>> corpus = GensimCorpus(GensimSentences(texts=["公园，公园。", "天气很好"]))
    >>> list(corpus)
    [[(0, 2)], [(1, 1), (2, 1), (3, 1)]]
    """

    def __init__(self, sentences: Iterable[list[str]], dictionary: Any = None) -> None:
        if iter(sentences) is sentences:
            raise UsageError("GensimCorpus(): sentences can be read only once: pass GensimSentences or a list")
        self.sentences = sentences
        self.dictionary = Dictionary(sentences) if dictionary is None else dictionary

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return map(self.dictionary.doc2bow, self.sentences)

    def __len__(self) -> int:
        return self._size

    @cached_property
    def _size(self) -> int:
        return sum(1 for _ in self.sentences)

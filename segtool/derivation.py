"""Making a segmenter from a segmenter: adapted, tuned, with more words, finer or coarser; and saving it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from segtool.arguments import names_checked
from segtool.errors import UsageError
from segtool.store.model import ADAPTED, Model, save_model, with_granularity, with_tokens

if TYPE_CHECKING:
    from segtool.decode.texts import TextCutter

__all__ = ["Derivable"]

Derived = TypeVar("Derived", bound="Derivable")


class Derivable:
    """What :class:`segtool.segmenter.Segmenter` can make of itself.

    Parameters
    ----------
    model : Model
    """

    __slots__ = ()

    model: Model
    _cutter: TextCutter

    def __init__(self, model: Model) -> None:
        raise NotImplementedError

    @names_checked
    def adapt(self: Derived, texts: Iterable[str], workers: int = 1) -> Derived:
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

        Examples
        --------
        >>> import segtool
        >>> seg = segtool.load()
        >>> seg.cut("运起九阳神功")
        ['运起', '九阳', '神功']
        >>> seg.adapt(["练九阳神功要十年。九阳神功很难。"]).cut("运起九阳神功")
        ['运起', '九阳神功']
        """
        from segtool.lexicon.adapt import adapt_model
        from segtool.ngrams.counter import collect_corpus

        if workers < 1:
            raise UsageError(f"adapt(): {workers} workers: choose 1 or more")
        runs = collect_corpus([texts] if isinstance(texts, str) else texts, self.model.folds)
        adapted = adapt_model(self.model, runs, workers)
        before = self.model.card.get(ADAPTED, {}).get("symbols", 0)
        adapted.card[ADAPTED] = {"symbols": before + runs.stats.symbols}
        return type(self)(adapted)

    @names_checked
    def tune(
        self: Derived,
        sentences: Iterable[Sequence[str]],
        words: Iterable[str] = (),
        words_only: bool = False,
        workers: int = 1,
    ) -> Derived:
        """Learn from labelled sentences what counts as a word (:mod:`segtool.guideline.tune`).

        Parameters
        ----------
        sentences : iterable of sequence of str
            The words of each sentence; 20 to 50 sentences help, more help more.
        words : iterable of str
            A word list to start from, as for :meth:`with_words`.
        words_only : bool
            Whether it is complete.
        workers : int
            Threads. The result does not depend on it.

        Returns
        -------
        Segmenter
            A new one, in memory, which cuts as fast; this one stays as it is. ``model.card["tuned"]`` has the F1 before
            and after by cross-validation; if tuning does not help, only the list is added.

        Raises
        ------
        CorpusError
            If there are fewer than two sentences or no Han character.
        UsageError
            If a sentence is one string, the model cannot be tuned, or `workers` is less than 1.

        Examples
        --------
        >>> import segtool
        >>> seg = segtool.load()
        >>> sentences = [line.split() for line in open("data/gold.seg.txt", encoding="utf-8")]
        >>> seg.cut("买一个西瓜"), seg.tune(sentences[:50]).cut("买一个西瓜")
        (['买', '一个', '西瓜'], ['买', '一', '个', '西瓜'])
        """
        from segtool.guideline.dictionary import Dictionary
        from segtool.guideline.tune import tune_model

        given = Dictionary.of(words=words, words_only=words_only)
        return type(self)(tune_model(self.model, list(sentences), workers, dictionary=given)[0])

    @names_checked
    def with_words(
        self: Derived,
        *,
        prefer: Iterable[str] | Mapping[str, float] = (),
        force: Iterable[str] = (),
        forbid: Iterable[str] = (),
        words: Iterable[str] = (),
        words_only: bool = False,
    ) -> Derived:
        """Add words, in three strengths, and a word list; all about them: :mod:`segtool.guideline.dictionary`.

        Parameters
        ----------
        prefer : iterable of str, or mapping of str to float
            Words that win over what they would be cut into: by the nats of the mapping, or else by 4, or 12 if the
            model lacks them.
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

        Examples
        --------
        >>> import segtool
        >>> seg = segtool.load()
        >>> seg.with_words(prefer=["服务项目"], forbid=["很好"]).cut("服务项目很好")
        ['服务项目', '很', '好']
        """
        from segtool.guideline.dictionary import Dictionary, extend

        return type(self)(extend(self.model, Dictionary.of(prefer, force, forbid, words, words_only)))

    def with_granularity(self: Derived, nats: float) -> Derived:
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

        Examples
        --------
        >>> import segtool
        >>> seg = segtool.load()
        >>> seg.cut("图书馆管理员"), seg.with_granularity(-4).cut("图书馆管理员")
        (['图书馆', '管理', '员'], ['图书馆', '管理员'])
        """
        model = with_granularity(self.model, nats)
        self._cutter.decoder.demand_scores("granularity")
        return type(self)(model)

    @names_checked
    def with_tokens(
        self: Derived,
        *,
        urls: str | None = None,
        names: str | None = None,
        units: str | None = None,
        dates: str | None = None,
    ) -> Derived:
        """Choose how URLs, names, units and dates are cut (docs/tokens.md).

        Parameters
        ----------
        urls : {"whole", "parts"}
            URLs and e-mail addresses.
        names : {"whole", "parts"}
            Names with a middle dot, such as 约翰·史密斯.
        units : {"learned", "whole", "apart"}
            A number with its unit, such as 5公里, 1.5L and 26.95%: as the model has learned it, one word, or two.
        dates : {"parts", "learned"}
            Whether each part of a date is a word (2017年, 10月, 5日), or what the model has learned.

        Returns
        -------
        Segmenter
            A new one, which shares the arrays of this one; a choice that is not given stays as it is.

        Raises
        ------
        UsageError
            If a value is unknown, or the model is of another method than ``unigram``.

        Examples
        --------
        >>> import segtool
        >>> seg = segtool.load()
        >>> seg.cut("约翰·史密斯跑了5公里"), seg.with_tokens(names="parts", units="whole").cut("约翰·史密斯跑了5公里")
        (['约翰·史密斯', '跑', '了', '5', '公里'], ['约翰', '·', '史密斯', '跑', '了', '5公里'])
        """
        if self.model.card["parameters"].get("method") != "unigram":
            raise UsageError("tokens: a model of another method has no such choices: train one of method unigram")
        given = {"urls": urls, "names": names, "units": units, "dates": dates}
        choices = {name: value for name, value in given.items() if value is not None}
        return type(self)(with_tokens(self.model, choices))

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

        Examples
        --------
        >>> import segtool
        >>> segtool.load().with_words(force=["九阳神功"]).save("words.model")
        >>> segtool.load("words.model").cut("运起九阳神功")
        ['运起', '九阳神功']
        """
        save_model(self.model, path)

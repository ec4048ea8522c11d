"""The words of a model with their numbers, in the scripts that are asked for, the most frequent ones first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from segtool.errors import UsageError
from segtool.export import SCRIPTS
from segtool.export.scripts import Scripts
from segtool.guideline.listing import literals_of
from segtool.methods.word_list import plain_words
from segtool.store.model import Model

__all__ = ["ExportedWord", "exported_words"]


class ExportedWord(NamedTuple):
    """A word of a model and its numbers.

    Attributes
    ----------
    word : str
    log_weight : float
        Nats. 0 for a literal, which has none.
    count : int
        Occurrences as an n-gram.
    expected : float
        Expected occurrences as a word.
    cohesion : float
        Nats; infinite for a single symbol.
    left_entropy, right_entropy : float
        Branching entropy, nats.
    occurrences : int
        Expected occurrences of this form of the word, at least 1. The forms of a word share its occurrences, so that
        words with one form and with several keep their proportions.
    is_literal : bool
        Whether it is searched in the text as it is written (:mod:`segtool.decode.literals`).

    Examples
    --------
    >>> from segtool.export.words import exported_words
    >>> from segtool.store.model import find_model, load_model
    >>> exported_words(load_model(find_model("default")), top=3)[2].word
    '是'
    """

    word: str
    log_weight: float
    count: int  # type: ignore[assignment]
    expected: float
    cohesion: float
    left_entropy: float
    right_entropy: float
    occurrences: int
    is_literal: bool = False


def exported_words(model: Model, scripts: str = "both", top: int | None = None) -> list[ExportedWord]:
    """List the words of a model that other tools can use.

    Words with a number or a Latin run are left out, because each represents many words. Of a model with a dictionary,
    those are left out that never come out (:mod:`segtool.guideline.listing`).

    Parameters
    ----------
    model : Model
    scripts : {"both", "simplified", "traditional", "seen"}
        See :meth:`segtool.export.scripts.Scripts.forms`.
    top : int, optional
        Number of words, the most frequent ones, each in all its forms; by default all.

    Returns
    -------
    list of ExportedWord
        By `occurrences`, from high to low; those that tie are in the order of their code points.

    Raises
    ------
    UsageError
        If a parameter makes no sense.

    Examples
    --------
    >>> import segtool
    >>> from segtool.export.words import exported_words
    >>> model = segtool.load().model
    >>> [(each.word, each.occurrences) for each in exported_words(model, top=3)]
    [('的', 1220890), ('在', 268192), ('是', 227177)]
    >>> [(each.word, each.occurrences) for each in exported_words(model) if each.word in ("世纪", "世紀", "今天")]
    [('今天', 16867), ('世紀', 2989), ('世纪', 2988)]
    """
    if scripts not in SCRIPTS:
        raise UsageError(f"words cannot be written in {scripts!r}: --scripts takes {', '.join(SCRIPTS)}")
    if top is not None and top < 0:
        raise UsageError(f"{top} words cannot be written: --top takes 0 or more")
    places = plain_words(model)
    names = ("weight", "count", "expected", "cohesion", "left_entropy", "right_entropy")
    columns = [np.asarray(model.words[name])[places].tolist() for name in names]
    columns.append([max(round(expected), 1) for expected in columns[2]])
    rows = zip(map(model.spell, places.tolist()), *columns, strict=True)
    words = [ExportedWord(*row) for row in rows]
    words += [ExportedWord(word, 0.0, 0, 0.0, 0.0, 0.0, 0.0, 1, True) for word in literals_of(model)]
    words.sort(key=_rank)
    writer = Scripts(((each.word, each.occurrences) for each in words), model.folds)
    found = []
    for each in words[:top]:
        forms = [each.word] if each.is_literal else writer.forms(each.word, scripts)
        # the first form, which was seen, has what cannot be shared
        shared = (each.occurrences + len(forms) - 1 - i for i in range(len(forms)))
        found += [
            each._replace(word=form, occurrences=max(share // len(forms), 1))
            for form, share in zip(forms, shared, strict=True)
        ]
    return sorted(found, key=_rank)


def _rank(each: ExportedWord) -> tuple[int, str]:
    return -each.occurrences, each.word

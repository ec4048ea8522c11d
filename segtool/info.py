"""Describes a model: facts (:mod:`segtool.store.description`), parameters, and its most frequent words by length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segtool.errors import one_line
from segtool.export.words import exported_words
from segtool.settings import TrainingSettings
from segtool.store.description import facts_of, shown_facts
from segtool.store.model import Model
from segtool.text.html import html_table

__all__ = ["ModelInfo", "describe_model"]


@dataclass(frozen=True)
class ModelInfo:
    """A description of a model.

    Attributes
    ----------
    facts : dict
        See :func:`segtool.store.description.facts_of`.
    top_words : dict of int to list of str
        The most frequent words of each length.

    Examples
    --------
    >>> import segtool
    >>> from segtool.info import describe_model
    >>> info = describe_model(segtool.load().model, top=2)
    >>> info.top_words[2]
    ['臺灣', '總統']
    >>> info.to_dict()["method"], info.report().splitlines()[1]
    ('unigram', 'method       unigram')
    """

    facts: dict[str, Any]
    top_words: dict[int, list[str]]

    def to_dict(self) -> dict[str, Any]:
        """Give facts and words by name, for JSON."""
        return {**self.facts, "top_words": {str(length): words for length, words in self.top_words.items()}}

    def report(self) -> str:
        """Give the description as text for people, a row for each fact."""
        return "\n".join(f"{name:<12} {value}" for name, value in self._rows())

    __str__ = report

    def _repr_html_(self) -> str:
        return html_table("segtool model", self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        given = {name: value for name, value in self.facts["parameters"].items() if name != "method"}
        changed = {name: value for name, value in given.items() if getattr(TrainingSettings, name, value) != value}
        shown = ", ".join(f"{name} {value}" for name, value in sorted(changed.items()) if not isinstance(value, list))
        rows = [*shown_facts(self.facts), ("parameters", shown or "the defaults")]
        rows += [(f"length {length}", " ".join(words)) for length, words in self.top_words.items()]
        return [(name, one_line(value, 2000)) for name, value in rows]


def describe_model(model: Model, top: int = 10) -> ModelInfo:
    """Describe a model.

    Parameters
    ----------
    model : Model
    top : int
        Number of words of each length.

    Returns
    -------
    ModelInfo
        Words with a number or a Latin run are not shown.

    Examples
    --------
    >>> import segtool
    >>> from segtool.info import describe_model
    >>> describe_model(segtool.train("data/sample").model, top=3).top_words[2]
    ['我们', '一个', '以后']
    """
    by_length: dict[int, list[str]] = {}
    for each in exported_words(model, "seen"):
        if not each.is_literal:
            by_length.setdefault(len(each.word), []).append(each.word)
    return ModelInfo(facts_of(model), {length: words[:top] for length, words in sorted(by_length.items())})

"""The words of a segmenter: whether a word is one of them, all of them, and the keywords of a text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from segtool.arguments import check_text
from segtool.store.model import Model

if TYPE_CHECKING:
    from segtool.keywords import Keyword

__all__ = ["Vocabulary"]


class Vocabulary:
    """What :class:`segtool.segmenter.Segmenter` knows of words.

    Parameters
    ----------
    model : Model
    """

    __slots__ = ()

    model: Model
    _background: dict[str, float] | None

    if TYPE_CHECKING:

        def cut(self, text: str) -> list[str]:
            """See :meth:`segtool.segmenter.Segmenter.cut`."""

    def __contains__(self, word: object) -> bool:
        """Whether the model has a word, in either script if it folds.

        A number or a Latin run stands for all of them. ArgumentError if it is no string.
        """
        from segtool.guideline.listing import literals_of
        from segtool.keywords import background_of, word_key

        check_text(word, "word in segmenter")
        text = str(word)
        return word_key(text, self.model) in background_of(self) or text in literals_of(self.model)

    def words(self) -> list[str]:
        """List the words of the model, as they were seen, the most frequent ones first.

        Words with a number or a Latin run are left out, and those that a dictionary forbids.

        Returns
        -------
        list of str

        See Also
        --------
        segtool.export.words.exported_words : With numbers, in both scripts.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().words()[:5]
        ['的', '在', '是', '了', '和']
        """
        from segtool.export.words import exported_words

        return [each.word for each in exported_words(self.model, "seen")]

    def keywords(self, text: str | Iterable[str], top: int | None = 20) -> list[Keyword]:
        """List the words that a text has more of than the model expects (:mod:`segtool.keywords`).

        Parameters
        ----------
        text : str, or iterable of str
            A text, or parts of one.
        top : int, optional
            Number of words; None for all.

        Returns
        -------
        list of Keyword

        Raises
        ------
        UsageError
            If `top` is less than 0.
        ArgumentError
            If the text is none.

        Examples
        --------
        >>> import segtool
        >>> text = "熊猫吃竹子。熊猫爱睡觉，竹子是熊猫的食物。"
        >>> [each.word for each in segtool.load().keywords(text, top=2)]
        ['熊猫', '竹子']
        """
        from segtool.keywords import find_keywords

        return find_keywords(self, text, top)

    def _repr_html_(self) -> str:
        from segtool.info import describe_model

        return describe_model(self.model)._repr_html_()

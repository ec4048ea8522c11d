"""Text with a separator between its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segtool.arguments import check_text, names_checked
from segtool.errors import UsageError

if TYPE_CHECKING:
    from segtool.decode.texts import TextCutter

__all__ = ["Separating"]


class Separating:
    """The call of :class:`segtool.segmenter.Segmenter` that gives text, not words."""

    __slots__ = ()

    _cutter: TextCutter

    @names_checked
    def separate(self, text: str, separator: str = " ") -> str:
        """Put a separator between the words of a text, and keep every character of it, spaces and line ends too.

        Parameters
        ----------
        text : str
            Any string, such as the content of a file of subtitles, TeX, JSON or HTML.
        separator : str
            A character that the text does not hold, such as a zero-width space, can be removed again:
            ``separate(text, separator).replace(separator, "")`` is the text.

        Returns
        -------
        str
            The text with a separator between two words of the cut that have no whitespace between them, if both hold a
            letter, a digit or a Han character, and at least one of them a Han character. So none stands beside a mark
            or inside Latin text, and markup stays whole.

        Raises
        ------
        ArgumentError
            If the text or the separator is no string.
        UsageError
            If the separator is empty.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().separate("  <b>今天天气</b>很好。", "/")
        '  <b>今天/天气</b>很/好。'
        """
        check_text(text, "separate()")
        check_text(separator, "separate(): separator")
        if not separator:
            raise UsageError("separate(): the separator is empty: give a character or more")
        from segtool.decode.separation import separate_text

        return separate_text(self._cutter, text, separator, self.interprets(len(text)))

    def interprets(self, characters: int) -> bool:
        """Whether to work on so many characters in plain Python."""
        raise NotImplementedError

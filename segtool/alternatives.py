"""What a segmenter finds in a text beside the best cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segtool.arguments import check_text, names_checked
from segtool.limits import WITHIN

if TYPE_CHECKING:
    from segtool.decode.lattice_of_text import Lattice
    from segtool.decode.search import Entries
    from segtool.decode.texts import TextCutter
    from segtool.explain.explanation import Explanation
    from segtool.runtime.arrays import Floats
    from segtool.store.model import Model
    from segtool.tokens import Cut

__all__ = ["Alternatives"]


class Alternatives:
    """The calls of :class:`segtool.segmenter.Segmenter` that use more than the best cut."""

    __slots__ = ()

    model: Model
    _cutter: TextCutter

    @names_checked
    def cut_for_search(self, text: str, within: float = WITHIN) -> list[str]:
        """List the entries of a text for a search index: its words and other words that it nearly has.

        Parameters
        ----------
        text : str
        within : float
            Greatest loss of an entry, in nats, from 0 to 100: the score of the best cut minus that of the best cut with
            the entry as a word. More gives more entries.

        Returns
        -------
        list of str
            Slices of the text, by start, then by length: the words of the cut, and words that lie within one of them or
            consist of several.

        Raises
        ------
        UsageError
            If `within` is out of its limits, or the model is of a method without scores of words.

        See Also
        --------
        tokenize : With ``search=True``, places and positions too.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().cut_for_search("高质量发展")
        ['高', '质量', '发展']
        """
        return self.entries(text, within).words(text)

    def explain(self, text: str) -> Explanation:
        """Explain why a text is cut as it is.

        Parameters
        ----------
        text : str
            At most 10,000 characters.

        Returns
        -------
        Explanation
            The scores of words and gaps, where they come from, and the best other cuts; with ``report()``,
            ``to_dict()`` and ``to_html()``.

        Raises
        ------
        UsageError
            If the text is longer, or the model is of a method without scores of words.

        Examples
        --------
        >>> import segtool
        >>> explanation = segtool.load().explain("和尚未结婚")
        >>> explanation.words, round(explanation.score, 2)
        (['和', '尚未', '结婚'], -27.74)
        """
        check_text(text, "explain()")
        from segtool.explain.explain import explain_text

        return explain_text(self._cutter, self.model, text)

    @names_checked
    def nbest(self, text: str, n: int) -> list[Cut]:
        """Find the best cuts of a text.

        Parameters
        ----------
        text : str
        n : int
            Number of cuts, from 1 to 1,000.

        Returns
        -------
        list of Cut
            Words and score, the best first; all cuts if there are no more than n. The first one is the cut that
            ``cut(text)`` gives. Of cuts of equal score the one whose last word is longer comes first, then the one
            whose last word but one is longer, and so on.

        Raises
        ------
        UsageError
            If `n` is out of its limits, or the model is of a method without scores of words.

        Examples
        --------
        >>> import segtool
        >>> for cut in segtool.load().nbest("和尚未结婚", 2):
        ...     print(cut.words, round(cut.score, 2))
        ['和', '尚未', '结婚'] -27.74
        ['和尚', '未', '结婚'] -29.15
        """
        from segtool.decode.confidence import best_cuts, check_number

        check_number(n)
        return list(best_cuts(self.lattice(text, "the best cuts", n), text, n))

    @names_checked
    def sample(self, text: str, temperature: float = 1.0, seed: int = 0) -> list[str]:
        """Draw a cut of a text at random.

        Parameters
        ----------
        text : str
        temperature : float
            From 0 to 1,000. At 1, cuts are drawn by their probability. Less favours probable cuts, and 0 gives the best
            one; at more, improbable cuts are drawn more often.
        seed : int
            0 or more. The same seed draws the same cut.

        Returns
        -------
        list of str
            The words of the cut.

        Raises
        ------
        UsageError
            If `temperature` or `seed` is out of its limits, or the model is of a method without scores of words.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().sample("和尚未结婚", temperature=2, seed=3)
        ['和尚', '未结婚']
        """
        from segtool.decode.confidence import check_draw, random_cut

        check_draw(temperature, seed)
        return random_cut(self.lattice(text, "random cuts"), text, self.model.calibration, temperature, seed)

    def boundary_probabilities(self, text: str) -> Floats:
        """Find the probability that the text is cut in each gap between two characters.

        Parameters
        ----------
        text : str

        Returns
        -------
        ndarray of float64, shape (len(text) - 1,)
            Entry i is for the gap behind ``text[i]``: 1 beside whitespace and marks, 0 inside a number, a Latin run or
            a repeated mark. Empty for a text of one character or none.

        Raises
        ------
        UsageError
            If the model is of a method without scores of words.

        Notes
        -----
        The probabilities are calibrated: of the gaps with probability .8, say, about 80 % are boundaries in labelled
        text (:mod:`segtool.decode.confidence`). That holds for models of method ``unigram``.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().boundary_probabilities("和尚未结婚").round(2)
        array([0.59, 0.48, 0.95, 0.04])
        """
        from segtool.decode.confidence import gap_probabilities

        lattice = self.lattice(text, "probabilities of boundaries")
        return gap_probabilities(lattice, self.model.calibration)

    def entries(self, text: str, within: float) -> Entries:
        """Find the entries of a text for search: places in characters, and which are words of the cut.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().entries("高质量", within=2)
        Entries(starts=[0, 1], ends=[1, 3], primary=[True, True])
        """
        check_text(text, "cut_for_search()")
        return self._cutter.entries(text, within, self.interprets(2 * len(text)))  # one pass more

    def lattice(self, text: str, wish: str, effort: int = 4) -> Lattice:
        """Score the words at all places of a text, for a wish that costs `effort` times what the cut does.

        Examples
        --------
        >>> import segtool
        >>> segtool.load().lattice("天气很好", "an example").size
        4
        """
        check_text(text, wish)
        self._cutter.decoder.demand_scores(wish)
        return self._cutter.lattice(text, self.interprets(effort * len(text)))

    def interprets(self, characters: int) -> bool:
        """Whether to work on so many characters in plain Python."""
        raise NotImplementedError

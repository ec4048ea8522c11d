"""scikit-learn: an analyzer for its text vectorizers (extra ``sklearn``)."""

from __future__ import annotations

from typing import Any

from segtool.integrations import ModelOrPath, has_letters, needs_extra, segmenter_of
from segtool.limits import WITHIN
from segtool.segmenter import Segmenter

with needs_extra("sklearn"):
    from sklearn.base import BaseEstimator

__all__ = ["SklearnAnalyzer"]


class SklearnAnalyzer(BaseEstimator):
    """Cuts a text into words: the ``analyzer`` of a vectorizer, or its ``tokenizer`` where it also makes n-grams.

    It can be cloned and pickled, and a grid search can vary its parameters, such as ``tfidf__analyzer__granularity``.

    Parameters
    ----------
    model : str, path or Segmenter
    granularity : float or None
        As of :meth:`segtool.Segmenter.with_granularity`; None leaves that of the model.
    search : bool
        Give the entries of :meth:`segtool.Segmenter.cut_for_search`, which are more than the words.
    within : float
        As there.
    punctuation : bool
        Keep words without a letter or digit.
    lowercase : bool
        Turn the words to lower case. (A vectorizer does so itself only for a ``tokenizer``.)

    Examples
    --------
    >>> from segtool.integrations.sklearn import SklearnAnalyzer
    >>> SklearnAnalyzer()("我们去 KTV。")
    ['我们', '去', 'ktv']
    """

    def __init__(
        self,
        model: ModelOrPath = "default",
        *,
        granularity: float | None = None,
        search: bool = False,
        within: float = WITHIN,
        punctuation: bool = False,
        lowercase: bool = True,
    ) -> None:
        self.model = model
        self.granularity = granularity
        self.search = search
        self.within = within
        self.punctuation = punctuation
        self.lowercase = lowercase

    def __call__(self, text: str) -> list[str]:
        """Give the words of a text."""
        segmenter = self._segmenter()
        words = segmenter.cut_for_search(text, self.within) if self.search else segmenter.cut(text)
        if not self.punctuation:
            words = list(filter(has_letters, words))
        return list(map(str.lower, words)) if self.lowercase else words

    def _segmenter(self) -> Segmenter:
        """Load the model when it is first needed, and again when a parameter was changed."""
        wanted = self.model, self.granularity
        if self.__dict__.get("_loaded_as") != wanted:
            segmenter = segmenter_of(self.model)
            if self.granularity is not None:
                segmenter = segmenter.with_granularity(self.granularity)
            self._loaded, self._loaded_as = segmenter, wanted
        return self._loaded

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if not name.startswith("_loaded")}

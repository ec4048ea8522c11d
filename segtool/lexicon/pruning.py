"""Telling which candidates EM will expect hardly anywhere, before a pass is made.

Where candidate x stands, a cover may hold it or any cover of x by other words. So the posterior of x is nowhere greater
than w(x) / Z(x), with Z(x) the sum of the weights of all covers of x; and with those covers alone that are x itself or
end in a word of one symbol,

    Z(x) ≥ w(x) + Z(x without its last symbol) w(its last symbol)
"""

from __future__ import annotations

import numpy as np

from segtool.ngrams.scores import Candidates
from segtool.runtime.arrays import Floats
from segtool.runtime.kernels import kernel

__all__ = ["most_expected"]


def most_expected(candidates: Candidates, weight: Floats) -> Floats:
    """Bound what a pass under independent words can expect of each candidate.

    Parameters
    ----------
    candidates : Candidates
    weight : ndarray of float64, shape (candidates,)
        Of each candidate, level by level; not negative, and positive for single symbols that occur.

    Returns
    -------
    ndarray of float64, shape (candidates,)
        Occurrences as a word; for single symbols all occurrences.
    """
    levels = candidates.levels
    found = np.empty(len(weight))
    found[: len(levels[0])] = levels[0].count
    covers = singles = weight[: len(levels[0])]
    at = len(singles)
    for level in levels[1:]:
        here = slice(at, at + len(level))
        longer = np.empty(len(level))
        _bound(level.symbol, level.parent, level.count, weight[here], singles, covers, longer, found[here])
        covers = longer
        at += len(level)
    return found


@kernel("void(u2[const], i4[const], i8[const], f8[const], f8[const], f8[const], f8[], f8[])")
def _bound(symbol, parent, count, weight, singles, shorter, covers, found):  # type: ignore[no-untyped-def]
    """The same for one length; `covers` becomes Z of each candidate, `shorter` is Z of those one symbol shorter.

    What is so unlikely that Z is no number above zero may be expected everywhere.
    """
    for i in range(len(symbol)):
        covers[i] = weight[i] + shorter[parent[i]] * singles[symbol[i]]
        found[i] = count[i] * weight[i] / covers[i] if covers[i] > 0.0 else np.float64(count[i])

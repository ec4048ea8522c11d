"""Words in simplified and traditional characters.

A model that folds (:mod:`segtool.text.folding`) has one entry for 世纪 and 世紀, and lists it as it was most often
written. :class:`Scripts` writes it in the other characters, too, character by character:

- The simplified form is the folded one. The few characters of `BOTH_SCRIPTS` belong to simplified text as well (著 of
  著名), so a word with one of them has two forms.
- A simplified character may stand for several traditional ones: 发 for 發 and 髮. The frequent characters of Big5 are
  the choice. If there are several, the words that the model has seen in traditional characters decide, weighted by
  their counts, if they agree in at least `AGREEMENT`. If not, the word has no traditional form.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

from segtool.text.folding import fold_table

__all__ = ["Scripts"]

AGREEMENT = 0.95

BOTH_SCRIPTS = "○乾彷瞭著藉"
"""Characters that fold, but are also written in simplified text: 二○○八, 乾隆, 彷徨, 瞭望, 著名, 慰藉."""

_FREQUENT = 0xC6
"""First byte of the last frequent character of Big5; rare ones follow."""


class Scripts:
    """Writes words in the characters of both scripts.

    Parameters
    ----------
    words : iterable of (str, int)
        The words of a model as they were seen, with counts.
    folds : bool
        Whether the model folds; if not, each word has one form, as it was seen.

    Examples
    --------
    >>> from segtool.export.scripts import Scripts
    >>> scripts = Scripts([("世紀", 5), ("頭髮", 2), ("發展", 3)], folds=True)
    >>> scripts.forms("世紀", "both"), scripts.forms("纪律", "traditional"), scripts.forms("著名", "simplified")
    (['世紀', '世纪'], ['紀律'], ['著名', '着名'])
    >>> scripts.forms("发", "both")
    ['发']
    """

    def __init__(self, words: Iterable[tuple[str, int]], folds: bool) -> None:
        table = fold_table()
        folded = np.flatnonzero(table != np.arange(len(table))).tolist() if folds else []
        self._folded = {chr(code): chr(table[code]) for code in folded}
        self._fold = str.maketrans(self._folded)
        self._simplify = str.maketrans({char: self._folded[char] for char in self._folded if char not in BOTH_SCRIPTS})
        self._traditional = self._traditional_characters(words)

    def forms(self, word: str, scripts: str) -> list[str]:
        """Give the forms of a word.

        Parameters
        ----------
        word : str
            As it was seen.
        scripts : {"both", "simplified", "traditional", "seen"}
            A word that has no traditional form is given as it was seen.

        Returns
        -------
        list of str
            Different forms; for ``"both"`` the one that was seen comes first.

        Examples
        --------
        >>> from segtool.export.scripts import Scripts
        >>> Scripts([], folds=True).forms("世紀", "simplified")
        ['世纪']
        """
        forms = [word] if scripts in ("both", "seen") else []
        if scripts in ("both", "simplified"):
            forms += [word.translate(self._simplify), word.translate(self._fold)]
        if scripts in ("both", "traditional"):
            found = [self._traditional.get(char, char) for char in word]
            forms.append("".join(found) if all(found) else word)
        return list(dict.fromkeys(forms))

    def _traditional_characters(self, words: Iterable[tuple[str, int]]) -> dict[str, str]:
        """Find the traditional form of each simplified character; empty if it is not certain."""
        choices: dict[str, list[str]] = defaultdict(list)
        for char, simple in self._folded.items():
            if char not in BOTH_SCRIPTS and _rarity(char) < 2:
                choices[simple].append(char)
        seen: dict[str, Counter[str]] = defaultdict(Counter)
        for word, count in words if self._folded else ():
            if word.translate(self._simplify) != word:
                for char in word:
                    seen[self._folded.get(char, char)][char] += count
        found = {}
        for simple, chars in choices.items():
            chars.append(simple)
            rarities = [_rarity(char) for char in chars]
            frequent = [char for char, rarity in zip(chars, rarities, strict=True) if rarity == min(rarities)]
            counts = seen[simple]
            most = max(counts, key=lambda each: (counts[each], each), default="")
            agreed = most if most and counts[most] >= AGREEMENT * counts.total() else ""
            found[simple] = frequent[0] if len(frequent) == 1 else agreed
        return found


def _rarity(char: str) -> int:
    """Give 0 for a frequent character of Big5, 1 for a rare one, 2 for one that it lacks."""
    try:
        return int(char.encode("big5")[0] > _FREQUENT)
    except UnicodeEncodeError:
        return 2

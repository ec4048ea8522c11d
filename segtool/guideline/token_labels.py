"""What labelled sentences say of the tokens that users may choose: names with a middle dot, and parts of dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from segtool.decode.rule_table import DATE_UNITS, joining_dots
from segtool.store.model import Model
from segtool.text.symbols import MARK, NUM, tokenise

__all__ = ["choices_of_labels"]


def choices_of_labels(model: Model, sentences: Iterable[Sequence[str]]) -> dict[str, str]:
    """Find the choices that most places of labelled sentences agree with.

    Parameters
    ----------
    model : Model
        Its own choices win.
    sentences : iterable of sequence of str
        The words of each sentence.

    Returns
    -------
    dict of str to str
        ``names`` and ``dates`` (:class:`segtool.text.choices.TokenChoices`), as far as the sentences have any.
    """
    seen: dict[str, Counter[bool]] = {"names": Counter(), "dates": Counter()}
    for words in sentences:
        text = "".join(words)
        ends = {0, *accumulate(map(len, words))}
        codes, starts = (array.tolist() for array in tokenise(text, model.reading))
        for dot in joining_dots(text, codes, starts):
            seen["names"][starts[dot] not in ends and starts[dot + 1] not in ends] += 1
        codes, starts = [MARK, *codes, MARK, MARK], [0, *starts, len(text), len(text)]
        for t in range(1, len(codes) - 2):
            if codes[t] == NUM and chr(codes[t + 1]) in DATE_UNITS:
                begins, divided, closes = (starts[place] in ends for place in (t, t + 1, t + 2))
                if begins and closes:
                    seen["dates"][not divided] += 1
                elif (not begins and chr(codes[t - 1]) in DATE_UNITS) or (not closes and codes[t + 2] == NUM):
                    seen["dates"][False] += 1  # a date of several parts is one word
    values = {"names": {True: "whole", False: "parts"}, "dates": {True: "parts", False: "learned"}}
    found = {name: values[name][counts[True] >= counts[False]] for name, counts in seen.items() if counts}
    return found | model.settings.get("tokens", {})

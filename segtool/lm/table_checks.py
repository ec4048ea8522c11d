"""What the tables of a language model must be, so that no content of its files breaks the kernels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from segtool.limits import MOST_IDS
from segtool.store.cards import is_number, is_whole
from segtool.store.model_checks import are_han
from segtool.text.symbols import LAT

if TYPE_CHECKING:
    from segtool.lm.language_model import LanguageModel

__all__ = ["MOST_LOG10", "MOST_ORDER", "check_lm_card", "table_faults"]

MOST_ORDER = 15
"""Symbols of the longest n-grams of a language model."""
MOST_LOG10 = 10_000.0
"""Limit of log10 probabilities and back-off weights, in either direction: sums over long runs stay exact enough."""
_MOST_NODES = 1 << 31


def check_lm_card(card: dict[str, Any]) -> str:
    """Describe the first entry of a language model's card that makes no sense; empty if all do."""
    for name in ("parameters", "corpus", "imported"):
        if not isinstance(card.get(name, {}), dict):
            return f"its entry {name} is no object"
    if not isinstance(card.get("parameters", {}).get("fold", False), bool):
        return "its fold is neither true nor false"
    if card.get("kind") == "kenlm":
        return ""
    if card.get("kind") != "tables":
        return "its kind is neither tables nor kenlm"
    sizes, discounts = card.get("ngrams"), card.get("discounts")
    if not isinstance(sizes, list) or not 1 <= len(sizes) <= MOST_ORDER or not all(map(is_whole, sizes)):
        return "its ngrams are no sizes"
    if not 2 <= sizes[0] <= MOST_IDS or sum(sizes) >= _MOST_NODES:
        return "its ngrams are out of range"
    if not isinstance(discounts, list) or len(discounts) not in (0, len(sizes)):
        return "its discounts are not as many as its ngrams"
    if not all(isinstance(each, list) and len(each) == 3 and all(map(is_number, each)) for each in discounts):
        return "its discounts are no numbers"
    return ""


def table_faults(lm: LanguageModel) -> Iterator[tuple[str, str]]:
    """Find the tables of a language model that make no sense; yields the name of each, and the fault."""
    codes, starts = lm.codes, np.cumsum([0, *lm.ngrams])
    nodes, inner = int(starts[-1]), int(starts[-2])
    if codes[0] != 0 or np.any(codes[1:] <= codes[:-1]) or not are_han(codes[codes > LAT]):
        yield "codes", "it is no alphabet"
    first = lm.first_child
    if first[0] != starts[1] or first[-1] != nodes or np.any(first[starts[1:-1]] != starts[2:]):
        yield "first_child", "its levels are not those of the card"
    elif np.any(first[1:] < first[:-1]):
        yield "first_child", "children do not follow one another"
    else:
        symbol, single = lm.symbol, lm.ngrams[0]
        if np.any(symbol[:single] != np.arange(single)) or symbol.max() >= single:
            yield "symbol", "it holds symbols outside the alphabet"
        follows = symbol[1:] > symbol[:-1]
        follows[first[:-1][first[:-1] < nodes] - 1] = True  # the first child of a node
        if not follows.all():
            yield "symbol", "children are not in order"
    if np.any(lm.suffix[: lm.ngrams[0]] != -1):
        yield "suffix", "a single symbol has a suffix"
    for low, high in pairwise(starts[1:].tolist()):
        if low < high and not (lm.suffix[low:high].min() >= 0 and lm.suffix[low:high].max() < low):
            yield "suffix", "a suffix is not shorter than its n-gram"
            break
    if not (np.abs(lm.log10_probability).max() <= MOST_LOG10 and lm.log10_probability.max() <= 0.0):
        yield "log10_probability", "a probability is out of range"
    if inner and not np.abs(lm.log10_backoff).max() <= MOST_LOG10:
        yield "log10_backoff", "a back-off weight is out of range"

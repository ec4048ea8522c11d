"""Limits that parameters, models, kernels and commands share; a module of its own, since cutting needs no settings."""

from __future__ import annotations

__all__ = ["FORMATS", "LITTLE_TEXT", "LONGEST_TOKEN", "LONGEST_WORD", "MOST_IDS", "MOST_OPEN", "WITHIN"]

LONGEST_TOKEN = 1 << 22
"""Bytes after which a token (a number, a Latin run, a mark with its repeats) that would go on ends, and is a mark."""

LONGEST_WORD = 15
"""Symbols of the longest word, in the lexicon or outside."""

MOST_OPEN = 1 << 18
"""Tokens whose words may stay undecided until more text comes; beyond them the text is cut there, as if it ended."""

WITHIN = 3.5
"""Greatest loss of an entry for search, in nats, if none is asked for."""

MOST_IDS = 0xFF80
"""Ids of symbols are below this; a table of characters has the ids above for numerals and classes."""

LITTLE_TEXT = 20_000
"""Symbols of a text from which a model can be learned; a training on less warns."""

FORMATS = ("text", "jsonl", "tsv", "bies", "conllu")
"""Formats of cuts (:mod:`segtool.decode.formats`)."""

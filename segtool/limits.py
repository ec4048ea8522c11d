"""Limits that parameters, models and kernels share; a module of its own, since cutting needs no settings."""

from __future__ import annotations

__all__ = ["LONGEST_WORD"]

LONGEST_WORD = 15
"""Symbols of the longest word, in the lexicon or outside."""

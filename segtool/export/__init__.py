"""The words of a model in the formats of other tools."""

from __future__ import annotations

__all__ = ["EXPORT_FORMATS", "SCRIPTS"]

EXPORT_FORMATS = ("jieba", "tsv", "jsonl", "hf", "sentencepiece", "arpa")

SCRIPTS = ("both", "simplified", "traditional", "seen")
"""Which forms of a word are written (:mod:`segtool.export.scripts`)."""

"""``jieba.posseg`` tags parts of speech, and segtool knows none: its names raise an error that says so."""

from __future__ import annotations

from typing import Any

from segtool.errors import UsageError

_NAMES = {"POSTokenizer", "cut", "dt", "initialize", "lcut", "pair"}


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        raise UsageError(
            f"segtool has no jieba.posseg.{name}: it learns words from raw text, without parts of speech; "
            "cut with segtool and tag the words with another tool, or keep jieba for tagging"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Writes words as a dictionary of jieba, a table, JSON Lines, or a tokenizer of another library."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence

from segtool.export.unigram import sentencepiece_model, tokenizer_json
from segtool.export.words import ExportedWord

__all__ = ["WRITERS", "json_numbers"]

_SHOWN = ExportedWord._fields[1:-2]
_SPECS = {"log_weight": ".4f", "count": "d", "expected": ".2f"}


def _jieba(words: Sequence[ExportedWord]) -> Iterator[bytes]:
    return (f"{each.word} {each.occurrences}\n".encode() for each in words)


def _tsv(words: Sequence[ExportedWord]) -> Iterator[bytes]:
    yield ("\t".join(["word", *_SHOWN]) + "\n").encode()
    for each in words:
        yield ("\t".join([each.word, *_shown(each).values()]) + "\n").encode()


def _jsonl(words: Sequence[ExportedWord]) -> Iterator[bytes]:
    for each in words:
        yield (json.dumps({"word": each.word, **json_numbers(_shown(each))}, ensure_ascii=False) + "\n").encode()


def json_numbers(shown: dict[str, str]) -> dict[str, float | None]:
    """Read numbers as they are shown; JSON has no infinity, which is the cohesion of a single symbol."""
    return {name: json.loads(text) if math.isfinite(float(text)) else None for name, text in shown.items()}


def _shown(each: ExportedWord) -> dict[str, str]:
    return {name: format(getattr(each, name), _SPECS.get(name, ".3f")) for name in _SHOWN}


WRITERS: dict[str, Callable[[Sequence[ExportedWord]], Iterator[bytes]]] = {
    "jieba": _jieba,
    "tsv": _tsv,
    "jsonl": _jsonl,
    "hf": lambda words: iter([tokenizer_json(words)]),
    "sentencepiece": lambda words: iter([sentencepiece_model(words)]),
}
"""A writer for each format of words; each gives the bytes of a file, piece by piece."""

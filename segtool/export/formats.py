"""Writes words as a dictionary of jieba, a table, JSON Lines, or a tokenizer of another library."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence

from segtool.export.unigram import sentencepiece_model, tokenizer_json
from segtool.export.words import ExportedWord

__all__ = ["WRITERS"]

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
        # JSON has no infinity, which is the cohesion of a single symbol
        numbers = {
            name: json.loads(text) if math.isfinite(float(text)) else None for name, text in _shown(each).items()
        }
        yield (json.dumps({"word": each.word, **numbers}, ensure_ascii=False) + "\n").encode()


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

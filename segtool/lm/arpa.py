"""Writes language models as ARPA files.

An ARPA file lists every n-gram with its log10 probability and its back-off weight (the format of Doug Paul, 1992,
which SRILM and KenLM read and write). The words of the file are symbols: a Han character is itself, a digit run
``<num>``, a Latin run ``<lat>``. Neither these nor the reserved ``<s>``, ``</s>``, ``<unk>`` can collide with a
character. :mod:`segtool.lm.arpa_reader` reads the files.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from segtool.lm.language_model import LanguageModel
from segtool.runtime.kernels import kernel
from segtool.text.symbols import LAT, NUM

__all__ = ["POWERS", "word_of", "write_arpa"]

POWERS = np.array([float(f"1e{i}") for i in range(23)])
"""Powers of ten that a float64 holds exactly."""
_LINES = 1 << 16


def word_of(code: int) -> str:
    """Spell the symbol of a code for an ARPA file."""
    return {NUM: "<num>", LAT: "<lat>"}.get(code) or chr(code)


def write_arpa(
    lm: LanguageModel, file: BinaryIO, packed: bool, progress: Callable[[int], object] | None = None
) -> None:
    """Write an ARPA file, compressed with gzip if `packed`; `progress` receives the number of new n-grams."""
    if not packed:
        _write_ngrams(lm, file.write, progress)
        return
    # no name and no time, so that the same model gives the same bytes
    with gzip.GzipFile("", "wb", 4, file, mtime=0) as stream:
        _write_ngrams(lm, stream.write, progress)


def _write_ngrams(lm: LanguageModel, write: Callable[[Any], object], progress: Callable[[int], object] | None) -> None:
    sizes = (lm.ngrams[0] + 1, *lm.ngrams[1:])  # the boundary is two words
    write("\n".join(["\\data\\", *(f"ngram {k}={size}" for k, size in enumerate(sizes, 1)), "", ""]).encode())
    words = ["</s>", *(word_of(code) for code in lm.codes[1:].tolist()), "<unk>"]
    spelt = [word.encode() for word in words]
    word_starts = np.concatenate([[0], np.cumsum([len(word) for word in spelt])]).astype(np.int64)
    letters = np.frombuffer(b"".join(spelt), np.uint8)
    out = np.empty(_LINES * (6 * lm.order + 40), np.uint8)
    log10, backoff = lm.log10_probability, lm.log10_backoff
    start = 0
    for k, types in enumerate(lm.ngrams, 1):
        write(f"\\{k}-grams:\n".encode())
        path = np.concatenate([[0], np.cumsum(lm.ngrams[: k - 1])]).astype(np.int64)
        end = start + types
        if k == 1:  # <unk> and <s> first, as lmplz writes them
            write(f"{log10[lm.unknown]!s}\t<unk>\t{backoff[lm.unknown]!s}\n".encode())
            write(f"0\t<s>\t{backoff[0]!s}\n{log10[0]!s}\t</s>\t0\n".encode())
            start, end = 1, lm.unknown
        for low in range(start, end, _LINES):
            high = min(low + _LINES, end)
            size = _format_lines(low, high, path, letters, word_starts, lm.symbol, lm.first_child, log10, backoff, out)
            write(out[:size])
            if progress is not None:
                progress(high - low)
        write(b"\n")
        start = sum(lm.ngrams[:k])
    write(b"\\end\\\n")


@kernel("i8(i8, i8, u1[], i8)")
def _put_integer(value, places, out, at):  # type: ignore[no-untyped-def]
    """Write a whole number with a point before its last `places` digits; returns the end."""
    width = 1
    rest = value // 10
    while rest > 0 or width <= places:
        rest //= 10
        width += 1
    end = at + width + (places > 0)
    to = end - 1
    for digit in range(width):
        if digit == places and places > 0:
            out[to] = 0x2E
            to -= 1
        out[to] = 0x30 + value % 10
        value //= 10
        to -= 1
    return end


@kernel("i8(f8, u1[], i8)")
def _put_number(value, out, at):  # type: ignore[no-untyped-def]
    """Write a float32 with the fewest digits that distinguish it from its neighbours; returns the end."""
    if value < 0.0:
        out[at] = 0x2D
        at += 1
        value = -value
    if value == 0.0:
        out[at] = 0x30
        return at + 1
    magnitude = np.int64(np.floor(np.log10(value)))
    shift = magnitude if magnitude < -5 or magnitude > 8 else 0  # the exponent to write
    scaled = value * 10.0 ** -float(shift) if shift != 0 else value
    places = 0
    whole = np.int64(0)
    for digits in range(6, 10):
        places = max(digits - 1 - magnitude + shift, 0)
        whole = np.int64(np.rint(scaled * POWERS[places]))
        again = whole / POWERS[places]
        if np.float32(again * 10.0 ** float(shift) if shift != 0 else again) == np.float32(value):
            break
    while places > 0 and whole % 10 == 0:
        whole //= 10
        places -= 1
    at = _put_integer(whole, places, out, at)
    if shift != 0:
        out[at] = 0x65
        at += 1
        if shift < 0:
            out[at] = 0x2D
            at += 1
        at = _put_integer(abs(shift), 0, out, at)
    return at


@kernel("i8(i8, i8, i8[], u1[const], i8[const], u2[const], i4[const], f4[const], f4[const], u1[])")
def _format_lines(low, high, path, letters, word_starts, symbols, first_child, log10_probability, log10_backoff, out):  # type: ignore[no-untyped-def]
    """Write nodes [low, high) as lines of an ARPA file; returns the number of bytes.

    `path` holds the nodes on the way to the node before `low`, or the first node of each length.
    """
    at = 0
    last = len(path) - 1
    for node in range(low, high):
        path[last] = node
        for k in range(last - 1, -1, -1):
            while first_child[path[k] + 1] <= path[k + 1]:
                path[k] += 1
        at = _put_number(log10_probability[node], out, at)
        out[at] = 0x09
        at += 1
        for k in range(last + 1):
            symbol = symbols[path[k]]
            if symbol == 0 and k == 0:
                out[at], out[at + 1], out[at + 2] = 0x3C, 0x73, 0x3E  # <s>
                at += 3
            else:
                for i in range(word_starts[symbol], word_starts[symbol + 1]):
                    out[at] = letters[i]
                    at += 1
            out[at] = 0x20
            at += 1
        at -= 1
        if node < len(log10_backoff):
            out[at] = 0x09
            at = _put_number(log10_backoff[node], out, at + 1)
        out[at] = 0x0A
        at += 1
    return at

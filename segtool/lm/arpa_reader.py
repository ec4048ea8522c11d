r"""Reads ARPA files that SRILM, KenLM or segtool wrote; :mod:`segtool.lm.arpa` describes the format.

N-grams that no text of segtool can contain (with words of several characters, with marks, with ``<s>`` behind a word)
are left out, which changes no probability of the others.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from segtool.errors import ModelError
from segtool.lm.arpa import POWERS
from segtool.lm.kenlm import MAGIC
from segtool.lm.kneser_ney import link_suffixes
from segtool.lm.language_model import LanguageModel, find_child
from segtool.lm.table_checks import MOST_LOG10, MOST_ORDER
from segtool.runtime.arrays import Codes
from segtool.runtime.kernels import kernel
from segtool.text.encodings import PART_BYTES, byte_lines
from segtool.text.runs import MAX_SYMBOLS
from segtool.text.symbols import CODE_LIMIT, LAT, NUM, class_table
from segtool.text.unpacked import UnpackedFile

__all__ = ["read_arpa"]

logger = logging.getLogger("segtool")

_FLOAT_LIMIT = 3.40282356e38

# Codes of the words of an ARPA file that are no Han characters.
_FOREIGN, _BEGIN, _END, _UNKNOWN = -1, -2, -3, -4
_NAMES = {"<s>": _BEGIN, "</s>": _END, "<unk>": _UNKNOWN, "<UNK>": _UNKNOWN, "<num>": NUM, "<lat>": LAT}
_WORDS = np.array([[int.from_bytes(name.encode(), "big"), code] for name, code in _NAMES.items()])
_NO_UNKNOWN = -100.0
"""Log10 probability of ``<unk>`` in a file without one, as in KenLM."""
_FAULTS = (
    "",
    "begins with no number",
    "holds too few words",
    "has a log10 probability above 0",
    "holds more than the words and a back-off weight",
    f"has a log10 probability or a back-off weight beyond {MOST_LOG10:,.0f}",
)


def read_arpa(path: str | os.PathLike[str], progress: Callable[[int], object] | None = None) -> LanguageModel:
    """Read an ARPA file, plain or compressed, in UTF-8; ``-`` is standard input.

    `progress` receives the number of on-disk bytes read since the last call. Raises ModelError, which names the line,
    if it is not the ARPA file of a model of characters.
    """
    standard = os.fspath(path) == "-"
    name = "<stdin>" if standard else os.fspath(path)
    with closing(UnpackedFile(None if standard else Path(path), name, progress)) as file:
        sections = _read_sections(byte_lines(file.pieces), name)
    return _assemble(sections, name)


class _Section:
    """The n-grams of one length in the order of the file, on consecutive lines."""

    def __init__(self, order: int, first_line: int) -> None:
        self.order, self.first_line = order, first_line
        self.parts: list[tuple[npt.NDArray[Any], ...]] = []

    def __len__(self) -> int:
        return sum(len(part[1]) for part in self.parts)

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Give word codes (a row for each n-gram), probabilities and back-off weights."""
        codes, log10, backoff = map(np.concatenate, zip(*self.parts, strict=True))
        return codes.reshape(-1, self.order), log10, backoff


def _refuse(name: str, line: int, what: str) -> NoReturn:
    raise ModelError(f"{name}, line {line}: {what}: fetch or write the ARPA file again")


def _refuse_first(bad: npt.NDArray[np.bool_], lines: npt.NDArray[Any], name: str, what: str) -> None:
    if bad.any():
        _refuse(name, int(lines[bad.argmax()]), what)


def _read_sections(blocks: Iterator[tuple[bytes, bool]], name: str) -> list[_Section]:
    """Parse blocks of whole lines."""
    is_han = np.frombuffer(class_table(), np.uint8)[:0x110000] == class_table()[ord("一")]
    announced: list[int] = []
    sections: list[_Section] = []
    state, line = "begin", 0
    for block, ends in blocks:
        if not ends and state != "begin":
            _refuse(name, line + 1, f"a line of more than {PART_BYTES:,} bytes")
        if line == 0 and block.startswith(MAGIC):
            raise ModelError(f"{name}: a compressed KenLM binary: unpack it and pass it as a file")
        if not block.endswith(b"\n"):
            block += b"\n"
        data, at = np.frombuffer(block, np.uint8), 0
        while at < len(block):
            k = len(sections)
            if state == "n-grams":
                rows = block.count(b"\n", at)
                codes = np.empty(rows * k, np.int32)
                log10, backoff = np.empty(rows, np.float32), np.empty(rows, np.float32)
                at, found, fault = _parse_lines(data, at, k, is_han, codes, log10, backoff)
                line += found
                if fault:
                    _refuse(name, line + 1, f"a {k}-gram that {_FAULTS[fault]}")
                part = codes[: found * k].copy(), log10[:found].copy(), backoff[:found].copy()
                sections[-1].parts.append(part)
                state = state if at == len(block) else "between"
                continue
            end = block.index(b"\n", at)
            text = block[at:end].strip().decode("utf-8", "replace").removeprefix("\ufeff")
            at, line = end + 1, line + 1
            if state == "begin":
                state = "counts" if text == "\\data\\" else state
            elif not text:
                pass
            elif state == "counts" and (
                size := re.fullmatch(rf"ngram\s+{len(announced) + 1}\s*=\s*(\d{{1,15}})", text)
            ):
                if len(announced) == MOST_ORDER:
                    _refuse(name, line, f"n-grams of more than {MOST_ORDER} words")
                announced.append(int(size[1]))
            elif state != "end" and text == ("\\end\\" if k == len(announced) else f"\\{k + 1}-grams:"):
                if k and len(sections[-1]) != announced[k - 1]:
                    what = f"behind {len(sections[-1]):,} {k}-grams, and {announced[k - 1]:,} were announced"
                    _refuse(name, line, what)
                if k < len(announced):
                    sections.append(_Section(k + 1, line + 1))
                state = "n-grams" if k < len(announced) else "end"
            else:
                _refuse(name, line, f"{text[:40]!r} is not what an ARPA file has here")
    if state == "begin":
        raise ModelError(f"{name}: holds no line \\data\\: pass an ARPA file or a KenLM binary")
    if state != "end":
        _refuse(name, line, "the file ends early (there is no line \\end\\)")
    if not 2 <= len(sections) <= MOST_ORDER:
        raise ModelError(f"{name}: a model of order {len(sections)}: pass one of order 2 to {MOST_ORDER}")
    return sections


def _assemble(sections: list[_Section], name: str) -> LanguageModel:
    """Sort the n-grams of each length into the trie."""
    words, log10, backoff = sections[0].arrays()
    words = words[:, 0]
    codes = _vocabulary(words, sections[0].first_line, name)
    unknown = len(codes)
    ids = np.full(CODE_LIMIT, -1, np.int32)  # codes below 0 are its last entries
    ids[codes] = np.arange(unknown)
    ids[[_BEGIN, _END, _UNKNOWN]] = 0, 0, unknown
    symbol = np.arange(unknown + 1, dtype=np.uint16)
    log10s, backoffs = [np.zeros(unknown + 1, np.float32)], [np.zeros(unknown + 1, np.float32)]
    log10s[0][unknown] = _NO_UNKNOWN
    known = words != _FOREIGN
    for values, special, target in ((log10, _BEGIN, log10s[0]), (backoff, _END, backoffs[0])):
        here = known & (words != special)  # the boundary has the probability of </s> and the back-off of <s>
        target[ids[words[here]]] = values[here]
    sizes, left_out = [unknown + 1], int(np.count_nonzero(~known))
    first_child = np.array(sizes, np.int32)
    for section in sections[1:]:
        words, log10, backoff = section.arrays()
        keep = ~((words == _FOREIGN).any(1) | (words[:, 1:] == _BEGIN).any(1) | (words[:, :-1] == _END).any(1))
        left_out += len(words) - int(np.count_nonzero(keep))
        lines = section.first_line + np.flatnonzero(keep)
        grams = ids[words[keep]]
        _refuse_first((grams < 0).any(1), lines, name, "a word that is not among the 1-grams")
        grams = grams.astype(np.uint16)
        context = np.empty(len(grams), np.int32)
        _find_contexts(grams.ravel(), section.order, symbol, first_child, context)
        what = f"an n-gram whose first {section.order - 1} words are no n-gram of the file"
        _refuse_first(context < 0, lines, name, what)
        key = context.astype(np.int64) << 16 | grams[:, -1]
        order = np.argsort(key, kind="stable")
        twice = np.zeros(len(order), np.bool_)
        twice[order[1:]] = np.diff(key[order]) == 0
        _refuse_first(twice, lines, name, "an n-gram for the second time")
        end = sum(sizes)
        if end + len(order) >= 1 << 31:
            raise ModelError(f"{name}: more n-grams than can be numbered: pass a pruned model")
        children = np.bincount(context - (end - sizes[-1]), minlength=sizes[-1])
        first_child = np.concatenate([first_child, end + np.cumsum(children)]).astype(np.int32)
        symbol = np.concatenate([symbol, grams[order, -1]])
        log10s.append(log10[keep][order])
        backoffs.append(backoff[keep][order] * (symbol[end:] != 0))  # nothing follows </s>
        sizes.append(len(order))
    if left_out:
        logger.warning("%s: left out %s n-grams with words that no text is turned into", name, f"{left_out:,}")
    return LanguageModel(
        codes,
        tuple(sizes),
        symbol,
        first_child,
        link_suffixes(symbol, first_child, sizes),
        np.concatenate(log10s),
        np.concatenate(backoffs[:-1]),
        card={"imported": {"file": os.path.basename(name), "left_out": left_out}},
    )


def _vocabulary(words: npt.NDArray[Any], first_line: int, name: str) -> Codes:
    """Give the codes of the symbols among the 1-grams, ascending, the boundary first."""
    codes, first = np.unique(words, return_index=True)
    twice = np.ones(len(words), np.bool_)
    twice[first] = False
    lines = first_line + np.arange(len(words))
    _refuse_first(twice & (words != _FOREIGN), lines, name, "a 1-gram for the second time")
    if not np.any(codes > LAT):
        raise ModelError(f"{name}: no 1-gram is a Han character: pass a model of characters, in UTF-8")
    if not np.all(np.isin([_BEGIN, _END], codes)):
        raise ModelError(f"{name}: <s> and </s> are not both 1-grams: pass a model of whole sentences")
    codes = codes[codes > 0]
    if len(codes) > MAX_SYMBOLS:
        raise ModelError(f"{name}: {len(codes):,} characters, at most {MAX_SYMBOLS:,} are possible: prune the model")
    return np.concatenate([[0], codes]).astype(np.uint32)


@kernel("(f8,i8)(u1[const], i8)")
def _parse_number(data, at):  # type: ignore[no-untyped-def]
    """Return the value of the decimal number at a place, and its end; -1 for no number."""
    sign = -1.0 if data[at] == 0x2D else 1.0
    if data[at] == 0x2D or data[at] == 0x2B:
        at += 1
    value = 0.0
    digits = 0
    exponent = 0
    behind_point = False
    while 0x30 <= data[at] <= 0x39 or (data[at] == 0x2E and not behind_point):
        if data[at] == 0x2E:
            behind_point = True
        else:
            digits += 1
            if value < 1e15:  # a float64 holds these numbers exactly; more digits change nothing
                value = value * 10.0 + (data[at] - 0x30)
                exponent -= behind_point
            else:
                exponent += not behind_point
        at += 1
    if digits == 0:
        return 0.0, -1
    if data[at] == 0x65 or data[at] == 0x45:
        at += 1
        down = data[at] == 0x2D
        if data[at] == 0x2D or data[at] == 0x2B:
            at += 1
        power = 0
        begin = at
        while 0x30 <= data[at] <= 0x39:
            power = min(power * 10 + (data[at] - 0x30), 9999)
            at += 1
        if at == begin:
            return 0.0, -1
        exponent += -power if down else power
    if data[at] != 0x09 and data[at] != 0x20 and data[at] != 0x0D and data[at] != 0x0A:
        return 0.0, -1
    if -23 < exponent < 23:
        value = value * POWERS[exponent] if exponent >= 0 else value / POWERS[-exponent]
    else:
        value *= 10.0 ** float(exponent)
    return sign * value, at if value < _FLOAT_LIMIT else -1


@kernel("(i8,i8)(u1[const], i8, b1[const])")
def _parse_word(data, at, is_han):  # type: ignore[no-untyped-def]
    """Return the code of the word at a place, and its end."""
    begin = at
    while data[at] != 0x09 and data[at] != 0x20 and data[at] != 0x0D and data[at] != 0x0A:
        at += 1
    size = at - begin
    first = data[begin]
    if size == 3 and first >> 4 == 0xE:
        point = np.int64(first & 0xF)
    elif size == 4 and first >> 3 == 0x1E:
        point = np.int64(first & 0x7)
    else:
        word = np.int64(0)
        for i in range(begin, min(at, begin + 6)):
            word = word << 8 | data[i]
        for i in range(len(_WORDS)):
            if word == _WORDS[i, 0]:
                return _WORDS[i, 1], at
        return _FOREIGN, at
    for i in range(begin + 1, at):
        if data[i] >> 6 != 2:
            return _FOREIGN, at
        point = point << 6 | (data[i] & 0x3F)
    return point if point < len(is_han) and is_han[point] else _FOREIGN, at


@kernel("(i8,i8,i8)(u1[const], i8, i8, b1[const], i4[], f4[], f4[])")
def _parse_lines(data, at, order, is_han, codes, log10, backoff):  # type: ignore[no-untyped-def]
    """Parse lines up to one that is blank or begins with a backslash; the data end with a line end.

    Returns the begin of that line, the number of n-grams, and the fault of the next one: an index of ``_FAULTS``, 0
    for none.
    """
    found = 0
    while at < len(data):
        while data[at] == 0x09 or data[at] == 0x20:
            at += 1
        if data[at] == 0x0A or data[at] == 0x0D or data[at] == 0x5C:
            break
        value, at = _parse_number(data, at)
        if at < 0:
            return at, found, 1
        if value > 0.0:
            return at, found, 3
        if value < -MOST_LOG10:
            return at, found, 5
        log10[found] = value
        backoff[found] = 0.0
        for i in range(order + 1):
            while data[at] == 0x09 or data[at] == 0x20:
                at += 1
            if data[at] == 0x0A or data[at] == 0x0D:
                if i < order:
                    return at, found, 2
            elif i < order:
                codes[found * order + i], at = _parse_word(data, at, is_han)
            else:
                backoff[found], at = _parse_number(data, at)
                if at < 0:
                    return at, found, 4
                if abs(backoff[found]) > MOST_LOG10:
                    return at, found, 5
        while data[at] == 0x09 or data[at] == 0x20 or data[at] == 0x0D:
            at += 1
        if data[at] != 0x0A:
            return at, found, 4
        at += 1
        found += 1
    return at, found, 0


@kernel("void(u2[const], i8, u2[const], i4[const], i4[])")
def _find_contexts(grams, order, symbols, first_child, context):  # type: ignore[no-untyped-def]
    """Find the node of each n-gram without its last symbol; -1 for none."""
    for i in range(len(context)):
        node = np.int64(grams[i * order])
        for k in range(1, order - 1):
            if node >= 0:
                node = find_child(node, grams[i * order + k], symbols, first_child)
        context[i] = node

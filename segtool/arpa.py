r"""Language models as files of others: ARPA text, and KenLM binaries.

An ARPA file lists every n-gram with its log10 probability and its back-off weight (Doug Paul's format of
1992, as SRILM and KenLM read and write it). A word of it is a symbol here: a Han character is itself, a
digit run ``<num>``, a Latin run ``<lat>``; these and the reserved ``<s>``, ``</s>``, ``<unk>`` cannot
collide with a character. What segtool's own text cannot lead to (words of several characters, marks,
``<s>`` behind a word) is left out on reading, which changes no probability of what stays.

A KenLM binary cannot be turned back into a list of n-grams: its hash tables hold no words, and the
``kenlm`` package only answers queries. It is asked through that package (:class:`KenLM`), and imported as
a copy.
"""

from __future__ import annotations

import gzip
import itertools
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
import numpy.typing as npt

from segtool._jit import kernel
from segtool.errors import ModelError
from segtool.files import UnpackedFile, atomic_directory, atomic_file
from segtool.lm import (
    LanguageModel,
    Links,
    Scorer,
    checked_file,
    find_child,
    link_suffixes,
    load_lm,
    read_card,
    save_lm,
    write_card,
)
from segtool.model import CARD
from segtool.runs import MAX_SYMBOLS
from segtool.symbols import CODE_LIMIT, LAT, NUM, class_table

__all__ = ["KenLM", "import_lm", "open_lm", "read_arpa", "word_of", "write_arpa"]

logger = logging.getLogger("segtool")

MAX_ORDER = 15
_BINARY = b"mmap lm http://kheafield.com/code"
_COMMON = "的一是不了在有人"
_LINES = 1 << 16
_BLOCK = 1 << 22
_COPY = "model.kenlm"
_POWERS = np.array([float(f"1e{i}") for i in range(23)])
_FLOAT_LIMIT = 3.40282356e38

# Codes of what stands in an ARPA file beside Han characters.
_FOREIGN, _BEGIN, _END, _UNKNOWN = -1, -2, -3, -4
_NAMES = {"<s>": _BEGIN, "</s>": _END, "<unk>": _UNKNOWN, "<UNK>": _UNKNOWN, "<num>": NUM, "<lat>": LAT}
_WORDS = np.array([[int.from_bytes(name.encode(), "big"), code] for name, code in _NAMES.items()])
_NO_UNKNOWN = -100.0
"""Log10 probability of ``<unk>`` where a file has none, as KenLM has it."""
_FAULTS = (
    "",
    "begins with no number",
    "holds too few words",
    "has a log10 probability above 0",
    "holds more than the words and a back-off weight",
)


def word_of(code: int) -> str:
    """Spell a symbol for an ARPA file.

    Parameters
    ----------
    code : int
        Code of a Han character, ``NUM`` or ``LAT``; see :mod:`segtool.symbols`.
    """
    return {NUM: "<num>", LAT: "<lat>"}.get(code) or chr(code)


def write_arpa(
    lm: LanguageModel, path: str | os.PathLike[str], progress: Callable[[int], object] | None = None
) -> None:
    """Write an ARPA file.

    Parameters
    ----------
    lm : LanguageModel
    path : path
        Compressed if the name ends in ``.gz``.
    progress : callable, optional
        Called with the number of n-grams written since the last call.

    Raises
    ------
    OutputError
        If the place cannot be written.
    """
    with atomic_file(path) as file:
        stream_arpa(lm, file, os.fspath(path).endswith(".gz"), progress)


def stream_arpa(
    lm: LanguageModel, file: BinaryIO, packed: bool, progress: Callable[[int], object] | None = None
) -> None:
    """Write an ARPA file into an open file, compressed with gzip if so told."""
    if not packed:
        _write(lm, file.write, progress)
        return
    # without the name and the time, so that the same model gives the same bytes
    with gzip.GzipFile("", "wb", 4, file, mtime=0) as stream:
        _write(lm, stream.write, progress)


def _write(
    lm: LanguageModel, write: Callable[[Any], object], progress: Callable[[int], object] | None
) -> None:
    sizes = (lm.ngrams[0] + 1, *lm.ngrams[1:])  # the boundary is two words
    write("\n".join(["\\data\\", *(f"ngram {k}={size}" for k, size in enumerate(sizes, 1)), "", ""]).encode())
    words = ["</s>", *(word_of(code) for code in lm.codes[1:].tolist()), "<unk>"]
    spelt = [word.encode() for word in words]
    word_starts = np.concatenate([[0], np.cumsum([len(word) for word in spelt])]).astype(np.int64)
    letters = np.frombuffer(b"".join(spelt), np.uint8)
    out = np.empty(_LINES * (6 * lm.order + 40), np.uint8)
    start = 0
    for k, size in enumerate(lm.ngrams, 1):
        write(f"\\{k}-grams:\n".encode())
        path = np.concatenate([[0], np.cumsum(lm.ngrams[: k - 1])]).astype(np.int64)
        end = start + size
        if k == 1:  # as lmplz has it: <unk> and <s> first
            log10, backoff = lm.log10_probability, lm.log10_backoff
            write(f"{log10[lm.unknown]!s}\t<unk>\t{backoff[lm.unknown]!s}\n".encode())
            write(f"0\t<s>\t{backoff[0]!s}\n{log10[0]!s}\t</s>\t0\n".encode())
            start, end = 1, lm.unknown
        for low in range(start, end, _LINES):
            high = min(low + _LINES, end)
            write(out[: _format_lines(low, high, path, letters, word_starts, *lm.tables, out)])
            if progress is not None:
                progress(high - low)
        write(b"\n")
        start = sum(lm.ngrams[:k])
    write(b"\\end\\\n")


def read_arpa(path: str | os.PathLike[str], progress: Callable[[int], object] | None = None) -> LanguageModel:
    """Read an ARPA file.

    Parameters
    ----------
    path : path
        Plain or compressed, in UTF-8; ``-`` for standard input.
    progress : callable, optional
        Called with the number of on-disk bytes read since the last call.

    Returns
    -------
    LanguageModel
        Its card tells how many n-grams were left out.

    Raises
    ------
    InputError
        If the file cannot be read or unpacked.
    ModelError
        If it is no ARPA file of a model of characters; the message names the line.
    """
    standard = os.fspath(path) == "-"
    name = "<stdin>" if standard else os.fspath(path)
    with closing(UnpackedFile(None if standard else Path(path), name, progress)) as file:
        sections = _read_sections(_blocks(file.pieces), name)
    return _assemble(sections, name)


class _Section:
    """The n-grams of one length as they stand in the file, on consecutive lines."""

    def __init__(self, order: int, first_line: int) -> None:
        self.order, self.first_line = order, first_line
        self.parts: list[tuple[npt.NDArray[Any], ...]] = []

    def __len__(self) -> int:
        return sum(len(part[1]) for part in self.parts)

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Word codes, a row for each n-gram; probabilities; back-off weights."""
        codes, log10, backoff = map(np.concatenate, zip(*self.parts, strict=True))
        return codes.reshape(-1, self.order), log10, backoff


def _refuse(name: str, line: int, what: str) -> NoReturn:
    raise ModelError(f"{name}, line {line}: {what}: fetch or write the ARPA file again")


def _refuse_first(bad: npt.NDArray[np.bool_], lines: npt.NDArray[Any], name: str, what: str) -> None:
    if bad.any():
        _refuse(name, int(lines[bad.argmax()]), what)


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks of whole lines."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _BLOCK and b"\n" in piece:
            block = b"".join(held)
            end = block.rfind(b"\n") + 1
            yield block[:end]
            held, size = [block[end:]], len(block) - end
    yield b"".join(held) + b"\n"


def _read_sections(blocks: Iterator[bytes], name: str) -> list[_Section]:
    """Parse the file."""
    is_han = np.frombuffer(class_table(), np.uint8) == class_table()[ord("一")]
    announced: list[int] = []
    sections: list[_Section] = []
    state, line = "begin", 0
    for block in blocks:
        if line == 0 and block.startswith(_BINARY):
            raise ModelError(f"{name}: a compressed KenLM binary: unpack it and pass it as a file")
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
    if not 2 <= len(sections) <= MAX_ORDER:
        raise ModelError(f"{name}: a model of order {len(sections)}: pass one of order 2 to {MAX_ORDER}")
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
        keep = ~(
            (words == _FOREIGN).any(1) | (words[:, 1:] == _BEGIN).any(1) | (words[:, :-1] == _END).any(1)
        )
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
        backoffs.append(backoff[keep][order] * (symbol[end:] != 0))  # </s> is the context of nothing
        sizes.append(len(order))
    if left_out:
        logger.warning(
            "%s: left out %s n-grams with words that no text is turned into", name, f"{left_out:,}"
        )
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


def _vocabulary(words: npt.NDArray[Any], first_line: int, name: str) -> npt.NDArray[np.uint32]:
    """Codes of the symbols among the 1-grams, ascending, the boundary first."""
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
        raise ModelError(
            f"{name}: {len(codes):,} characters, {MAX_SYMBOLS:,} can be told apart: prune the model"
        )
    return np.concatenate([[0], codes]).astype(np.uint32)


class KenLM(Scorer):
    """A model that is queried through the ``kenlm`` package, with the methods of :class:`Scorer`.

    Parameters
    ----------
    path : path
        A KenLM binary or an ARPA file.

    Raises
    ------
    ModelError
        If it cannot be opened, or is no model of characters.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            import kenlm
        except ImportError:
            raise ModelError(f"{path}: a KenLM binary needs a package: pip install kenlm") from None
        config = kenlm.Config()
        config.show_progress = False
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        try:
            self._model = kenlm.Model(os.fspath(path), config)
        except (OSError, RuntimeError) as error:
            reason = re.sub(r"^.* threw \w+( because `[^']*')?\W*", "", " ".join(str(error).split())).rstrip(
                " .)"
            )
            raise ModelError(
                f"{path}: KenLM cannot open it ({reason}): build it again with build_binary"
            ) from None
        if not any(character in self._model for character in _COMMON):
            raise ModelError(f"{path}: knows none of {_COMMON} as a word: pass a model of characters")
        self.path = Path(path)
        self.order = int(self._model.order)

    def score_codes(self, codes: Links) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """See :class:`Scorer`."""
        log10, unknown = np.zeros(len(codes), np.float32), np.zeros(len(codes), np.bool_)
        ends = np.flatnonzero(codes == 0).tolist()
        for low, high in itertools.pairwise(ends):
            sentence = " ".join(map(word_of, codes[low + 1 : high].tolist()))
            for i, (score, _, is_unknown) in enumerate(self._model.full_scores(sentence), low + 1):
                log10[i], unknown[i] = score, is_unknown
        return log10, unknown


def open_lm(path: str | os.PathLike[str]) -> LanguageModel | KenLM:
    """Open a language model, whatever it is.

    Parameters
    ----------
    path : path
        An ARPA file, a KenLM binary, or a directory of either.

    Returns
    -------
    LanguageModel or KenLM

    Raises
    ------
    InputError, ModelError
        If it is none, or cannot be read.
    """
    if not os.path.isdir(path):
        return KenLM(path) if _is_binary(path) else read_arpa(path)
    card = read_card(Path(path))
    if card["kind"] == "tables":
        return load_lm(path)
    return KenLM(checked_file(Path(path), _COPY, card))


def import_lm(source: str | os.PathLike[str], path: str | os.PathLike[str]) -> LanguageModel | KenLM:
    """Make a directory out of a language model that was trained elsewhere.

    Parameters
    ----------
    source : path
        An ARPA file, which is turned into tables, or a KenLM binary, which is copied.
    path : path
        A directory that does not exist, is empty, or holds a model, which is replaced.

    Returns
    -------
    LanguageModel or KenLM
        Opened from the directory.

    Raises
    ------
    InputError, ModelError
        If the source is no language model of characters, or cannot be read.
    OutputError
        If the place cannot be written or holds something else.
    """
    if not _is_binary(source):
        return save_lm(read_arpa(source), path)
    order = KenLM(source).order
    with atomic_directory(path, marker=CARD) as folder:
        shutil.copyfile(source, folder / _COPY)
        write_card(folder, {"kind": "kenlm", "order": order, "imported": {"file": os.path.basename(source)}})
    return open_lm(path)


def _is_binary(path: str | os.PathLike[str]) -> bool:
    if not os.path.isfile(path):  # a pipe can be read only once
        return False
    try:
        with open(path, "rb") as file:
            return file.read(len(_BINARY)) == _BINARY
    except OSError:
        return False  # whoever reads it next tells why


@kernel("(f8,i8)(u1[const], i8)")
def _parse_number(data, at):  # type: ignore[no-untyped-def]
    """Value of the decimal number that stands at a place, and where it ends; -1 where there is none."""
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
            if value < 1e15:  # a float64 holds such a number exactly; more digits say nothing
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
        value = value * _POWERS[exponent] if exponent >= 0 else value / _POWERS[-exponent]
    else:
        value *= 10.0 ** float(exponent)
    return sign * value, at if value < _FLOAT_LIMIT else -1


@kernel("(i8,i8)(u1[const], i8, b1[const])")
def _parse_word(data, at, is_han):  # type: ignore[no-untyped-def]
    """Code of the word that stands at a place, and where it ends."""
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

    Returns where that line begins, how many n-grams were found, and what is wrong with the next one (0 for
    nothing): a place in ``_FAULTS``.
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
        while data[at] == 0x09 or data[at] == 0x20 or data[at] == 0x0D:
            at += 1
        if data[at] != 0x0A:
            return at, found, 4
        at += 1
        found += 1
    return at, found, 0


@kernel("void(u2[const], i8, u2[const], i4[const], i4[])")
def _find_contexts(grams, order, symbols, first_child, context):  # type: ignore[no-untyped-def]
    """Node of each n-gram without its last symbol; -1 where there is none."""
    for i in range(len(context)):
        node = np.int64(grams[i * order])
        for k in range(1, order - 1):
            if node >= 0:
                node = find_child(node, grams[i * order + k], symbols, first_child)
        context[i] = node


@kernel("i8(i8, i8, u1[], i8)")
def _put_integer(value, places, out, at):  # type: ignore[no-untyped-def]
    """Write a whole number with a point before its last `places` digits; returns where it ends."""
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
    """Write a float32 with as few digits as tell it from its neighbours; returns where it ends."""
    if value < 0.0:
        out[at] = 0x2D
        at += 1
        value = -value
    if value == 0.0:
        out[at] = 0x30
        return at + 1
    magnitude = np.int64(np.floor(np.log10(value)))
    shift = magnitude if magnitude < -5 or magnitude > 8 else 0  # then it is written with an exponent
    scaled = value * 10.0 ** -float(shift) if shift != 0 else value
    places = 0
    whole = np.int64(0)
    for digits in range(6, 10):
        places = max(digits - 1 - magnitude + shift, 0)
        whole = np.int64(np.rint(scaled * _POWERS[places]))
        again = whole / _POWERS[places]
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


@kernel("i8(i8, i8, i8[], u1[const], i8[const], u2[const], i4[const], i4[const], f4[const], f4[const], u1[])")
def _format_lines(  # type: ignore[no-untyped-def]
    low, high, path, letters, word_starts, symbols, first_child, suffix, log10_probability, log10_backoff, out
):  # fmt: skip
    """Write nodes [low, high) as lines of an ARPA file; returns the bytes written.

    `path` holds the nodes that lead to the one before `low`, or the first ones of each length.
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

"""Cuts of lines in formats for other programs: JSON Lines, tables, BIES tags, CoNLL-U; perhaps without some words."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from segtool.text.lines import write_lines
from segtool.text.sources import MOST_LINE
from segtool.tokens import has_letters, place_entries, place_words

if TYPE_CHECKING:
    from segtool.segmenter import Segmenter

__all__ = ["CutLine", "Dropped", "Format", "LineCutter", "format_utf8_stream", "json_line"]

_SPACE = re.compile(r"\s")


@dataclass(frozen=True)
class Dropped:
    """The words that are left out.

    Attributes
    ----------
    punctuation : bool
        Words without a letter, Han character or digit.
    space : bool
        Words without a visible character, such as a zero-width space.
    words : frozenset of str
        These words.
    """

    punctuation: bool = False
    space: bool = False
    words: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.punctuation or self.space or self.words)

    def __contains__(self, word: str) -> bool:
        return (
            word in self.words
            or (self.punctuation and not has_letters(word))
            or (self.space and all(unicodedata.category(each)[0] in "ZC" for each in word))
        )


@dataclass(frozen=True)
class Format:
    """How cuts are written.

    Attributes
    ----------
    name : str
        One of :data:`segtool.limits.FORMATS`.
    separator : str
        Between two words, for ``text``.
    unit : {"character", "byte"} or None
        Unit of the offsets; None for no offsets.
    dropped : Dropped
    within : float or None
        Give the entries for a search index (:meth:`segtool.segmenter.Segmenter.cut_for_search`).
    nbest : int or None
        Give so many cuts of each line.
    keep_space : bool
        For ``text``: write the text with all its whitespace (:meth:`segtool.segmenter.Segmenter.separate`).
    """

    name: str = "text"
    separator: str = " "
    unit: str | None = None
    dropped: Dropped = Dropped()
    within: float | None = None
    nbest: int | None = None
    keep_space: bool = False

    @property
    def head(self) -> bytes:
        """What comes before the first line: the names of the columns of a table."""
        if self.name != "tsv":
            return b""
        places = ["start", "end"] if self.unit else []
        return ("\t".join(["line", "word", *places, *["position"] * (self.within is not None)]) + "\n").encode()


class CutLine(NamedTuple):
    """The words of a line that are not dropped.

    Attributes
    ----------
    words : list of str
        The whole line with separators, as one, if its whitespace is kept.
    spans : list of (int, int)
        Start and end of each; empty if the format needs none.
    positions : list of int or None
        Of entries for search.
    score : float or None
        Of one of several cuts.
    """

    words: list[str]
    spans: list[tuple[int, int]]
    positions: list[int] | None = None
    score: float | None = None

    def to_dict(self, field: str = "", unit: str | None = None) -> dict[str, Any]:
        """Give the values of a record: ``words``, ``spans``, ``positions``; or `field` and names that begin with it."""
        found: dict[str, Any] = {} if self.score is None else {"score": round(self.score, 5)}
        found[field or "words"] = self.words
        before = f"{field}." if field else ""
        if unit:
            found[f"{before}spans"] = self.spans
        if self.positions is not None:
            found[f"{before}positions"] = self.positions
        return found


class LineCutter:
    """Cuts lines for a format.

    Parameters
    ----------
    segmenter : Segmenter
    form : Format

    Raises
    ------
    UsageError
        If the separator of the format ``text`` would not show where the words end.
    """

    def __init__(self, segmenter: Segmenter, form: Format) -> None:
        if form.name == "text" and segmenter.literals is not None:
            segmenter.literals.check_separator(form.separator, form.keep_space)
        self.segmenter = segmenter
        self.form = form

    def cut_lines(self, lines: list[str]) -> Iterator[list[CutLine]]:
        """Cut lines without their ends.

        Yields
        ------
        list of CutLine
            The cuts of a line: one, or as many as the format asks for.
        """
        form = self.form
        if form.keep_space:
            for line in lines:
                yield [CutLine([self.segmenter.separate(line, form.separator)], [])]
        elif form.nbest is not None:
            for line in lines:
                cuts = self.segmenter.nbest(line, form.nbest)
                yield [self._placed(line, each.words)._replace(score=each.score) for each in cuts]
        elif form.within is not None:
            for line in lines:
                yield [self._entries(line, form.within)]
        else:
            for line, words in zip(lines, self.segmenter.cut_batch(lines), strict=True):
                yield [self._placed(line, words)]

    def _placed(self, line: str, words: list[str]) -> CutLine:
        form = self.form
        if form.unit is None and form.name != "conllu":
            kept = [word for word in words if word not in form.dropped] if form.dropped else words
            return CutLine(kept, [])
        found = [each for each in place_words(line, words, form.unit or "character") if each.word not in form.dropped]
        return CutLine([each.word for each in found], [(each.start, each.end) for each in found])

    def _entries(self, line: str, within: float) -> CutLine:
        placed = place_entries(line, self.segmenter.entries(line, within), self.form.unit or "character")
        found = [each for each in placed if each.word not in self.form.dropped]
        spans = [(each.start, each.end) for each in found]
        return CutLine([each.word for each in found], spans, [each.position for each in found])


def format_utf8_stream(
    segmenter: Segmenter, pieces: Iterable[bytes], form: Format, workers: int, numbers: Iterator[int]
) -> Iterator[bytes]:
    """Cut a text that comes in pieces of UTF-8, and write it in a format.

    Parameters
    ----------
    segmenter : Segmenter
    pieces : iterable of bytes
        The text; a piece may end anywhere but inside a character.
    form : Format
    workers : int
        Threads. The result does not depend on it.
    numbers : iterator of int
        Numbers for the lines.

    Yields
    ------
    bytes
        The cuts of whole lines, as soon as they are complete.

    Raises
    ------
    InputError
        For a line of more than `MOST_LINE` characters.
    """
    cutter, write = LineCutter(segmenter, form), _WRITERS[form.name]

    def written(group: list[tuple[str, int]]) -> bytes:
        lines = [line for line, _ in group]
        cuts = cutter.cut_lines([line.removesuffix("\r") for line in lines])
        rows = (write(line, number, cut, form) for (line, number), cut in zip(group, cuts, strict=True))
        return "".join(rows).encode("utf-8", "surrogatepass")

    return write_lines(pieces, written, MOST_LINE, f"cannot be written as {form.name}: divide it", numbers, workers)


def _text_line(line: str, number: int, cuts: Sequence[CutLine], form: Format) -> str:
    if form.nbest is not None:
        return "".join(f"{number}\t{each.score:.5f}\t{form.separator.join(each.words)}\n" for each in cuts)
    return form.separator.join(cuts[0].words) + ("\r\n" if line.endswith("\r") else "\n")


def _jsonl_line(line: str, number: int, cuts: Sequence[CutLine], form: Format) -> str:
    if form.nbest is not None:
        return "".join(json_line({"line": number} | each.to_dict(unit=form.unit)) for each in cuts)
    return json_line(cuts[0].to_dict(unit=form.unit))


def json_line(record: dict[str, Any]) -> str:
    """Write a record as a line of JSON; characters are escaped only where one of them has no UTF-8."""
    text = json.dumps(record, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(record)
    return text + "\n"


def _tsv_line(line: str, number: int, cuts: Sequence[CutLine], form: Format) -> str:
    [cut] = cuts
    columns: list[Iterable[object]] = [[number] * len(cut.words), cut.words]
    if form.unit is not None:
        columns += [[span[0] for span in cut.spans], [span[1] for span in cut.spans]]
    if cut.positions is not None:
        columns.append(cut.positions)
    return "".join("\t".join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


def _bies_line(line: str, number: int, cuts: Sequence[CutLine], form: Format) -> str:
    rows = []
    for word in cuts[0].words:
        tags = "S" if len(word) == 1 else "B" + "I" * (len(word) - 2) + "E"
        rows += [f"{character}\t{tag}\n" for character, tag in zip(word, tags, strict=True)]
    return "".join(rows) + "\n"


def _conllu_line(line: str, number: int, cuts: Sequence[CutLine], form: Format) -> str:
    [cut] = cuts
    if not cut.words:
        return ""  # the format has no empty sentences
    starts = [start for start, _ in cut.spans]
    rows = [f"# sent_id = {number}\n# text = {_SPACE.sub(' ', line).strip()}\n"]
    follows = [*starts[1:], None]
    for i, (word, (start, end), follow) in enumerate(zip(cut.words, cut.spans, follows, strict=True), 1):
        notes = ["SpaceAfter=No"] * (follow == end)
        if form.unit is not None:
            short = {"character": "char", "byte": "byte"}[form.unit]
            notes += [f"start_{short}={start}", f"end_{short}={end}"]
        rows.append("\t".join([str(i), word, *"_______", "|".join(sorted(notes, key=str.lower)) or "_"]) + "\n")
    return "".join([*rows, "\n"])


_WRITERS: dict[str, Callable[[str, int, Sequence[CutLine], Format], str]] = {
    "text": _text_line,
    "jsonl": _jsonl_line,
    "tsv": _tsv_line,
    "bies": _bies_line,
    "conllu": _conllu_line,
}

"""Labelled sentences as symbols: the runs of their text and the places where a word begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segtool.errors import CorpusError
from segtool.runtime.arrays import Codes, Ids, Integers
from segtool.runtime.budget import Budget
from segtool.store.model import Model
from segtool.text.folding import fold_table
from segtool.text.sources import read_lines
from segtool.text.symbols import CODE_LIMIT, LAT, MARK, NUM, tokenise

__all__ = ["Gold", "encode_gold", "parse_conllu", "parse_segmented", "read_gold"]

Sentence = Sequence[str]


@dataclass(frozen=True)
class Gold:
    """Labelled sentences as one stream of symbols.

    Attributes
    ----------
    codes : ndarray of uint32, shape (symbols,)
        Code of each symbol id: the symbols of a model and those of the sentences.
    stream : ndarray of uint16, shape (n,)
        Symbol ids; 0 is a boundary, and stands at either end and between two runs.
    begins : ndarray of bool, shape (n,)
        Whether a word begins at the symbol; true at boundaries.
    ends : ndarray of int64, shape (n,)
        Where the word of each symbol ends: the place of the next one that begins.
    sentence : ndarray of int64, shape (n,)
        Number of the sentence of each symbol.
    marks : int
        Tokens that are no symbols: they are words in any segmentation.
    lost : int
        Boundaries between words that lie inside a symbol, such as a number, where no cut is possible.
    """

    codes: Codes
    stream: Ids
    begins: npt.NDArray[np.bool_]
    ends: Integers
    sentence: Integers
    marks: int
    lost: int

    @property
    def size(self) -> int:
        """Number of labelled words, marks among them."""
        return int(np.count_nonzero(self.begins[self.stream != 0])) + self.marks


def read_gold(paths: Sequence[str], form: str, encoding: str = "utf-8") -> list[list[str]]:
    """Read the labelled sentences of some files.

    Parameters
    ----------
    paths : sequence of str
        Files, plain or compressed, or ``-`` for standard input.
    form : {"text", "conllu"}
    encoding : str

    Returns
    -------
    list of list of str
        The words of each sentence.

    Raises
    ------
    CorpusError
        If a file holds no sentence, or a line that is no row of CoNLL-U.
    InputError, EncodingError
        If a file cannot be read.
    UsageError
        If they do not fit into half of the free memory.
    """
    parse = parse_conllu if form == "conllu" else parse_segmented
    sentences: list[list[str]] = []
    budget, labels = Budget.of(None), 0
    for path in paths:
        found = []
        try:
            for words in parse(read_lines(path, encoding=encoding)):
                found.append(words)
                labels += len(words)
                budget.check_labels(labels)
        except CorpusError as error:
            raise CorpusError(f"{path}, {error}: pass --format text for one sentence a line") from None
        if not found:
            raise CorpusError(f"{path}: holds no labelled sentence: give one a line, its words separated by spaces")
        sentences += found
    return sentences


def parse_segmented(lines: Iterable[str]) -> Iterator[list[str]]:
    """Read one sentence a line, its words separated by whitespace; empty lines are passed over.

    Parameters
    ----------
    lines : iterable of str

    Yields
    ------
    list of str
    """
    for line in lines:
        words = line.split()
        if words:
            yield words


def parse_conllu(lines: Iterable[str]) -> Iterator[list[str]]:
    """Read the word forms of sentences in CoNLL-U; a multiword token counts as its surface form.

    Parameters
    ----------
    lines : iterable of str

    Yields
    ------
    list of str

    Raises
    ------
    CorpusError
        For a line that is no row of CoNLL-U, with its number.
    """
    words: list[str] = []
    covered = 0  # last word id that a multiword token stands for
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if not line.strip():
            if words:
                yield words
            words, covered = [], 0
            continue
        if line.startswith("#"):
            continue
        columns = line.split("\t")
        first, _, last = columns[0].partition("-")
        if len(columns) != 10 or not first.partition(".")[0].isdecimal() or (last and not last.isdecimal()):
            raise CorpusError(
                f"line {number}: not a row of CoNLL-U (ten columns with tabs between, the first a number)"
            )
        if last:
            covered = int(last)
        elif "." in first or int(first) <= covered:
            continue
        words.append(columns[1])
    if words:
        yield words


def encode_gold(model: Model, sentences: Sequence[Sentence]) -> Gold:
    """Turn labelled sentences into symbols as a model has them.

    Parameters
    ----------
    model : Model
        Decides whether characters are folded and numbers are one token. Its symbols come first in order of code,
        together with new ones.
    sentences : sequence of sequence of str
        Words of each sentence. Whitespace inside a word separates it in two, as it does in any text.

    Returns
    -------
    Gold

    Raises
    ------
    CorpusError
        If there is no Han character in the sentences.
    """
    text, starts, line_ends = _joined(sentences)
    codes, places = tokenise(text, model.has_number_tokens)
    begins = np.zeros(len(text) + 1, np.bool_)
    begins[starts] = True
    is_start = np.zeros(len(text) + 1, np.bool_)
    is_start[places] = True
    lost = int(np.count_nonzero(begins & ~is_start)) - int(begins[-1])
    inside = codes > MARK
    if not np.any(codes > LAT):
        raise CorpusError("no Han character in the labelled sentences: pass Chinese text, and --encoding if needed")
    folded = np.zeros(len(codes), np.uint32)
    folded[inside] = codes[inside]
    if model.folds:
        folded[inside] = fold_table()[codes[inside]]
    alphabet = np.union1d(model.symbols, folded).astype(np.uint32)
    alphabet = np.union1d(alphabet, np.array([0, NUM, LAT], np.uint32)).astype(np.uint32)
    ids = np.zeros(CODE_LIMIT, np.uint16)
    ids[alphabet] = np.arange(len(alphabet), dtype=np.uint16)
    keep = inside.copy()
    keep[1:] |= inside[:-1]  # one boundary after each run; a line end is after the last
    stream = np.concatenate([[0], np.where(inside, ids[folded], 0)[keep]]).astype(np.uint16)
    starts_word = np.concatenate([[True], (begins[places] | ~inside)[keep]])
    starts_word[1:] |= stream[:-1] == 0
    sentence = np.concatenate([[0], np.searchsorted(line_ends, places[keep])])
    at = np.where(starts_word, np.arange(len(stream)), len(stream))
    following = np.concatenate([at[1:], [len(stream)]])
    ends = np.minimum.accumulate(following[::-1])[::-1]
    marks = int(np.count_nonzero(codes == MARK))
    return Gold(alphabet, stream, starts_word, ends, sentence, marks, lost)


def _joined(sentences: Sequence[Sentence]) -> tuple[str, list[int], list[int]]:
    """The text of all sentences, a line each, and where words begin and lines end."""
    parts: list[str] = []
    starts: list[int] = []
    line_ends: list[int] = []
    at = 0
    for words in sentences:
        for word in words:
            word = word.replace("\n", " ").replace("\r", " ")
            starts.append(at)
            parts.append(word)
            at += len(word)
        parts.append("\n")
        line_ends.append(at)
        at += 1
    return "".join(parts), starts, line_ends

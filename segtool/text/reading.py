"""The text to learn from, in blocks: out of files or at hand, perhaps a sample of its lines."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from segtool.runtime.progress import Progress, StageReport
from segtool.text import sources as corpus

__all__ = ["Digested", "ReadingReport", "open_blocks", "sample_lines"]


@dataclass
class ReadingReport:
    """Sizes of the text that a command read, and the cost of its stages.

    Attributes
    ----------
    reading : ReadReport
        Files, lines, characters, and the lines that could not be read.
    stages : list of StageReport
        Seconds and peak memory of each stage.
    """

    reading: corpus.ReadReport = field(default_factory=corpus.ReadReport)
    stages: list[StageReport] = field(default_factory=list)


@contextmanager
def open_blocks(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    texts: Iterable[str] | None,
    encoding: str,
    skip_undecodable: bool,
    watch: Progress,
    reading: corpus.ReadReport,
) -> Iterator[Iterable[str]]:
    """Give the text in blocks, as a stage of its own.

    Parameters
    ----------
    inputs, texts, encoding, skip_undecodable
        As for :func:`segtool.train`; one of the first two is None.
    watch : Progress
    reading : ReadReport
        Filled while the blocks are gone through.

    Yields
    ------
    iterable of str
        A block ends every run.
    """
    if texts is not None:
        with watch.stage("read"):
            yield _texts_as_blocks(texts, reading)
        return
    names = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs or ())
    sources = corpus.find_sources(names)
    with watch.stage("read", corpus.total_size(sources), "B") as step:
        yield corpus.read_blocks(
            sources, encoding=encoding, skip_undecodable=skip_undecodable, report=reading, progress=step
        )


def _texts_as_blocks(texts: Iterable[str], reading: corpus.ReadReport) -> Iterator[str]:
    if isinstance(texts, str):
        texts = [texts]
    for text in texts:
        ends = text.count("\n")
        reading.characters += len(text) - ends
        reading.lines += ends + (not text.endswith("\n") and text != "")
        yield text


def sample_lines(blocks: Iterable[str], share: float, seed: int) -> Iterator[str]:
    """Draw from the lines.

    Parameters
    ----------
    blocks : iterable of str
    share : float
        Of the lines, 1 for all.
    seed : int
        Of the draw.

    Yields
    ------
    str
    """
    draw = np.random.default_rng(seed)
    for block in blocks:
        if share < 1.0:
            lines = block.split("\n")
            taken = draw.random(len(lines)) < share
            block = "\n".join(line for line, take in zip(lines, taken, strict=True) if take)
        yield block


class Digested:
    """Blocks of text on their way, and the SHA-256 of those that have passed, as UTF-8."""

    def __init__(self, blocks: Iterable[str]) -> None:
        self._blocks = blocks
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks:
            self.digest.update(block.encode("utf-8", "surrogatepass"))
            yield block

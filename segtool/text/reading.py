"""Text in blocks, from files or from memory; perhaps a sample of its lines."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from segtool.runtime.progress import Progress, StageReport
from segtool.text import sources
from segtool.text.preparing import join_wrapped, leave_out_repeats

__all__ = ["Digested", "ReadingReport", "TextInput"]


@dataclass
class ReadingReport:
    """Sizes of the text that a command read, and the cost of its stages."""

    reading: sources.ReadReport = field(default_factory=sources.ReadReport)
    stages: list[StageReport] = field(default_factory=list)


@dataclass(frozen=True)
class TextInput:
    """The text that a command reads; attributes as the parameters of :func:`segtool.train`.

    One of `inputs` and `texts` is None. `sample` is the share of lines to draw, with `seed`; `join_lines` and
    `unique_lines` are settings of training, too.
    """

    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None
    texts: Iterable[str] | None = None
    encoding: str = "utf-8"
    skip_undecodable: bool = False
    sample: float = 1.0
    seed: int = 0
    join_lines: int = 0
    unique_lines: bool = False

    @property
    def flags_of_lines(self) -> list[str]:
        """The flags given that need all lines, in their order."""
        given = {
            "--sample": self.sample < 1.0,
            "--join-lines": self.join_lines > 0,
            "--unique-lines": self.unique_lines,
        }
        return [flag for flag, is_given in given.items() if is_given]

    @contextmanager
    def open(self, watch: Progress, reading: sources.ReadReport) -> Iterator[Iterable[str]]:
        """Open the text as blocks, in a stage ``read``; `reading` is filled while they are read."""
        if self.texts is not None:
            with watch.stage("read"):
                yield self._prepared([text] for text in _texts_as_blocks(self.texts, reading))
            return
        names = [self.inputs] if isinstance(self.inputs, str | os.PathLike) else list(self.inputs or ())
        found = sources.find_sources(names, self.encoding)
        skip = self.skip_undecodable
        with watch.stage("read", sources.total_size(found), "B") as step:
            how: Any = {"encoding": self.encoding, "skip_undecodable": skip, "report": reading, "progress": step}
            yield self._prepared(sources.read_blocks([source], **how) for source in found)

    def _prepared(self, texts: Iterable[Iterable[str]]) -> Iterable[str]:
        """Give the blocks of several texts, with joined lines, without repeats, drawn."""
        if self.join_lines:
            texts = (join_wrapped(blocks, self.join_lines) for blocks in texts)
        blocks: Iterable[str] = chain.from_iterable(texts)
        return self._drawn(leave_out_repeats(blocks) if self.unique_lines else blocks)

    def _drawn(self, blocks: Iterable[str]) -> Iterable[str]:
        if self.sample == 1.0:
            return blocks
        draw = np.random.default_rng(self.seed)
        return (self._sampled(block.split("\n"), draw) for block in blocks)

    def _sampled(self, lines: list[str], draw: np.random.Generator) -> str:
        taken = draw.random(len(lines)) < self.sample
        return "\n".join(line for line, take in zip(lines, taken, strict=True) if take)


def _texts_as_blocks(texts: Iterable[str], reading: sources.ReadReport) -> Iterator[str]:
    for text in [texts] if isinstance(texts, str) else texts:
        ends = text.count("\n")
        reading.characters += len(text) - ends
        reading.lines += ends + (not text.endswith("\n") and text != "")
        yield text


class Digested:
    """Passes blocks of text on and computes their SHA-256, as UTF-8."""

    def __init__(self, blocks: Iterable[str]) -> None:
        self._blocks = blocks
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks:
            self.digest.update(block.encode("utf-8", "surrogatepass"))
            yield block

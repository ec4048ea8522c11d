"""Training of a language model from raw text: read → runs → counts → model → file or directory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segtool.errors import CorpusError
from segtool.lm.arpa import stream_arpa
from segtool.lm.kneser_ney import estimate, thresholds
from segtool.lm.language_model import LanguageModel
from segtool.ngrams.count import count_stream
from segtool.runtime.progress import Progress, StageReport
from segtool.runtime.workers import checked_workers
from segtool.store.files import atomic_directory, atomic_file
from segtool.text.runs import RunCollector
from segtool.text.sources import ReadReport, find_sources, read_blocks, total_size
from segtool.text.symbols import LAT

__all__ = ["ReadingReport", "train_language_model"]


@dataclass
class ReadingReport:
    """What was read, and the cost of each stage.

    Attributes
    ----------
    reading : ReadReport
        Files, lines, characters, and the lines that could not be read.
    stages : list of StageReport
        Seconds and peak memory of each stage.
    """

    reading: ReadReport = field(default_factory=ReadReport)
    stages: list[StageReport] = field(default_factory=list)


def train_language_model(
    inputs: Sequence[str | os.PathLike[str]],
    output: str,
    order: int = 4,
    prune: tuple[int, ...] = (),
    *,
    encoding: str = "utf-8",
    skip_undecodable: bool = False,
    workers: int | None = None,
    progress: bool = False,
    report: ReadingReport | None = None,
) -> LanguageModel:
    """Train a language model and write it.

    Parameters
    ----------
    inputs : sequence of path
        Files, directories, globs, ``"-"`` for standard input; plain or compressed.
    output : str
        A name that ends in .arpa or .arpa.gz, or a directory.
    order : int
        Length of the longest n-grams, 2 to 6.
    prune : tuple of int
        For 1, 2, … symbols: n-grams seen so often or less are left out (:func:`segtool.lm.kneser_ney.thresholds`).
    encoding : str
        Of the inputs.
    skip_undecodable : bool
        Leave out and count lines that are not valid in that encoding, instead of raising.
    workers : int, optional
        Threads; by default one per processor. The model does not depend on it.
    progress : bool
        Show progress bars on standard error if that is a terminal.
    report : ReadingReport, optional
        Filled with what was read.

    Returns
    -------
    LanguageModel

    Raises
    ------
    UsageError
        If a parameter makes no sense.
    InputError, EncodingError
        If an input cannot be read.
    CorpusError
        If the text holds no Han character.
    OutputError
        If the output cannot be written.
    """
    thresholds(prune, order)
    workers = checked_workers(workers)
    report = report if report is not None else ReadingReport()
    watch = Progress(progress, report.stages)
    reading, digest, collector = report.reading, hashlib.sha256(), RunCollector()
    sources = find_sources(inputs)
    as_arpa = output.endswith((".arpa", ".arpa.gz"))
    # entered first, so that a place that cannot be written is known before hours of work
    with atomic_file(output) if as_arpa else atomic_directory(output) as place:
        with watch.stage("read", total_size(sources), "B") as step:
            for block in read_blocks(
                sources, encoding=encoding, skip_undecodable=skip_undecodable, report=reading, progress=step
            ):
                digest.update(block.encode("utf-8", "surrogatepass"))
                collector.add(block)
            runs = collector.runs()
        if runs.codes[-1] <= LAT:
            raise CorpusError(
                "the corpus holds no Han character: pass Chinese text, and --encoding if it is not in UTF-8"
            )
        corpus = {
            "characters": reading.characters,
            "digest": digest.hexdigest(),
            "lines": reading.lines,
            "runs": collector.stats.runs,
            "symbols": collector.stats.symbols,
        }
        with watch.stage("count"):
            counts = count_stream(runs.stream, runs.codes, order, workers)
            del runs
        with watch.stage("estimate"):
            model = estimate(counts, order, prune, workers)
            del counts
        model.card["corpus"] = corpus
        with watch.stage("write", sum(model.ngrams)) as step:
            if isinstance(place, Path):
                model.write(place)
            else:
                stream_arpa(model, place, output.endswith(".gz"), step)
    return model

"""Trains a language model on raw text: read, count, estimate, write."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from segtool.errors import CorpusError
from segtool.lm.arpa import stream_arpa
from segtool.lm.kneser_ney import estimate, thresholds
from segtool.lm.language_model import LanguageModel
from segtool.ngrams.count import count_stream
from segtool.runtime.progress import Progress
from segtool.runtime.workers import checked_workers
from segtool.store.files import atomic_directory, atomic_file
from segtool.text.runs import RunCollector
from segtool.text.sources import ReadReport, find_sources, read_blocks, total_size
from segtool.text.symbols import LAT

__all__ = ["train_lm"]


def train_lm(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    order: int = 4,
    prune: tuple[int, ...] = (),
    encoding: str = "utf-8",
    skip_undecodable: bool = False,
    workers: int | None = None,
    watch: Progress | None = None,
    reading: ReadReport | None = None,
) -> LanguageModel:
    """Train a language model on raw text and write it.

    Parameters
    ----------
    inputs : sequence of path
        Files, directories, globs, ``"-"`` for standard input; plain or compressed.
    output : path
        An ARPA file if the name ends in ``.arpa`` or ``.arpa.gz``, else a directory.
    order, prune
        As for :func:`segtool.lm.kneser_ney.estimate`.
    encoding : str
        Encoding of the inputs.
    skip_undecodable : bool
        Leave out lines that are no text in that encoding, and count them, instead of raising.
    workers : int, optional
        Threads; by default one for each processor. The model does not depend on it.
    watch : Progress, optional
        Runs the stages.
    reading : ReadReport, optional
        Receives what was read.

    Returns
    -------
    LanguageModel
        Its card holds the size and digest of the corpus.

    Raises
    ------
    UsageError
        If a parameter is out of range.
    InputError, EncodingError
        If an input cannot be read.
    CorpusError
        If the text holds no Han character.
    OutputError
        If the output cannot be written.
    """
    thresholds(prune, order)
    workers = checked_workers(workers)
    watch, reading = watch or Progress(False), reading if reading is not None else ReadReport()
    digest, collector = hashlib.sha256(), RunCollector()
    sources = find_sources(inputs)
    name = os.fspath(output)
    # entered first, so that a place that cannot be written is known before hours of work
    with atomic_file(name) if name.endswith((".arpa", ".arpa.gz")) else atomic_directory(name) as place:
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
        sizes = {"runs": runs.count, "symbols": runs.symbols}
        with watch.stage("count"):
            counts = count_stream(runs.stream, runs.codes, order, workers)
            del runs
        with watch.stage("estimate"):
            lm = estimate(counts, order, prune, workers)
            del counts
        text = {"characters": reading.characters, "digest": digest.hexdigest(), "lines": reading.lines}
        lm.card["corpus"] = {**text, **sizes}
        with watch.stage("write", sum(lm.ngrams)) as step:
            if isinstance(place, Path):
                lm.write(place)
            else:
                stream_arpa(lm, place, name.endswith(".gz"), step)
    return lm

"""Trains a language model on raw text: read, count, estimate, write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from segtool.lm.arpa import write_arpa
from segtool.lm.kneser_ney import estimate, thresholds
from segtool.lm.language_model import LanguageModel
from segtool.ngrams.count import count_stream
from segtool.ngrams.counter import collect_corpus
from segtool.runtime.progress import Progress
from segtool.runtime.workers import checked_workers
from segtool.store.files import atomic_directory, atomic_file
from segtool.text.reading import Digested, ReadingReport, TextInput

__all__ = ["train_language_model"]


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
    """Train a language model and write it to a file (.arpa or .arpa.gz) or a directory.

    The parameters are those of :func:`segtool.lm.kneser_ney.estimate` and :class:`segtool.text.reading.TextInput`;
    `report` is filled. The card of the model holds size and digest of the corpus.
    """
    thresholds(prune, order)
    workers = checked_workers(workers)
    report = report if report is not None else ReadingReport()
    watch, reading = Progress(progress, report.stages), report.reading
    as_arpa = output.endswith((".arpa", ".arpa.gz"))
    # entered first, so that a place that cannot be written is known before hours of work
    with atomic_file(output) if as_arpa else atomic_directory(output) as place:
        with TextInput(inputs, None, encoding, skip_undecodable).open(watch, reading) as blocks:
            digested = Digested(blocks)
            runs = collect_corpus(digested, fold=False)
        corpus = {
            "characters": reading.characters,
            "digest": digested.digest.hexdigest(),
            "lines": reading.lines,
            "runs": runs.stats.runs,
            "symbols": runs.stats.symbols,
        }
        with watch.stage("count"):
            counts = count_stream(runs.whole().stream, runs.codes, order, workers)
            del runs
        with watch.stage("estimate"):
            model = estimate(counts, order, prune, workers)
            del counts
        model.card["corpus"] = corpus
        with watch.stage("write", sum(model.ngrams)) as step:
            if isinstance(place, Path):
                model.write(place)
            else:
                write_arpa(model, place, output.endswith(".gz"), step)
    return model

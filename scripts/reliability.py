#!/usr/bin/env python3
"""Print the tables of docs/confidence.md: how well the probabilities of boundaries agree with labelled text.

    .venv/bin/python -m scripts.reliability DATA [--tune 50 1000] [--granularity -2 2] [--parts 3 8 32 80 320]

The gaps are those between two symbols of a run; elsewhere the cut is certain. Rules for names and dates are off. Every
second line of a dev part is for labels to tune to. Of the others, every second one is for finding the best scale of
scores, beside that of the model; the rest is reported.
"""

from __future__ import annotations

import random
from dataclasses import replace
from statistics import mean

import numpy as np

import segtool
from scripts.experiments import (
    DEV,
    Gold,
    gold_of,
    parser_of,
    print_head,
    print_row,
    read_texts,
    sentences,
    shown,
    texts_of,
    without,
)
from segtool.plot.figures import BINS, Gaps, calibration_error, gaps_of, reliability_bins

FACTORS = [1.1**i for i in range(-7, 8)]
"""Scales are tried that are so many times that of the model."""
UNCALIBRATED = 1.0
CERTAIN = 1e-9


def by_scores(segmenter: segtool.Segmenter) -> segtool.Segmenter:
    """The same without the rules for names and dates, which look at no score."""
    return segmenter.with_tokens(names="parts", dates="learned")


def scaled(segmenter: segtool.Segmenter, scale: float) -> segtool.Segmenter:
    """The same with another calibration."""
    model = segmenter.model
    return segtool.Segmenter(replace(model, card=model.card | {"calibration": scale}, path=None))


def log_loss(gaps: Gaps) -> float:
    """Mean negative log probability of the labels, in nats."""
    right = np.where(gaps.is_boundary, gaps.probability, 1 - gaps.probability)
    return float(-np.log(np.maximum(right, CERTAIN)).mean())


def best_scale(segmenters: dict[str, segtool.Segmenter], gold: Gold) -> float:
    """The scale with the least mean log loss on the lines for that, as a multiple of the calibration of the model."""

    def loss(factor: float) -> float:
        each = ((scaled(seg, factor * seg.model.calibration), gold[name][1::4]) for name, seg in segmenters.items())
        return mean(log_loss(gaps_of(segmenter, sentences(lines))) for segmenter, lines in each)

    return min(FACTORS, key=loss)


def report(name: str, segmenters: dict[str, segtool.Segmenter], gold: Gold) -> dict[str, Gaps]:
    """Print the row of a model, one segmenter for each gold set, and return the gaps of the lines that are reported."""
    segmenters = {set_name: by_scores(each) for set_name, each in segmenters.items()}
    factor = best_scale(segmenters, gold)
    own = mean(each.model.calibration for each in segmenters.values())
    found, best, raw_scores = {}, {}, {}
    for set_name, each in segmenters.items():
        lines = sentences(gold[set_name][3::4])
        found[set_name] = gaps_of(each, lines)
        best[set_name] = gaps_of(scaled(each, factor * each.model.calibration), lines)
        raw_scores[set_name] = gaps_of(scaled(each, UNCALIBRATED), lines)
    cells = [shown(calibration_error(gaps)) for gaps in found.values()]
    cells += [shown(mean(map(calibration_error, each.values()))) for each in (found, best, raw_scores)]
    cells += [shown(mean(map(log_loss, each.values()))) for each in (found, best, raw_scores)]
    print_row(name, [f"{own:.3f}", f"{factor * own:.3f}", *cells])
    return found


def print_bins(rows: dict[str, dict[str, Gaps]]) -> None:
    """Print the mean probability and the share of boundaries in each bin, the mean of the gold sets."""
    print_head("probability", [f"{name}: {what}" for name in rows for what in ("gaps", "mean", "boundaries")])
    columns = [[list(reliability_bins(gaps)) for gaps in found.values()] for found in rows.values()]
    for number in range(BINS):
        cells = []
        for sets in columns:
            share, found, real = (float(np.nanmean([bins[number][i] for bins in sets])) for i in range(3))
            cells += [f"{share:.1%}", f"{found:.2f}", f"{real:.2f}"]
        print_row(f"{number / BINS:.1f} to {(number + 1) / BINS:.1f}", cells)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--tune", type=int, nargs="*", default=[50, 1000], metavar="N", help="labelled sentences")
    parser.add_argument("--granularity", type=float, nargs="*", default=[-2, 2], metavar="NATS")
    text = "train on each Nth line of the news, too"
    parser.add_argument("--parts", type=int, nargs="*", default=[], metavar="N", help=text)
    options = parser.parse_args()
    gold, included = gold_of(options.data, DEV), segtool.load()
    head = ["calibration", "best scale", *(f"error {name}" for name in gold), "error", "… best", "… scale 1"]
    print_head("model", [*head, "log loss", "… best", "… scale 1"])
    rows = {"included": report("included", dict.fromkeys(gold, included), gold)}
    for nats in options.granularity:
        report(f"included, granularity {nats:g}", dict.fromkeys(gold, included.with_granularity(nats)), gold)
    news = [line + "\n" for line in without(gold, read_texts(texts_of(options.data)))]
    for part in (1, *options.parts):
        name = "news" if part == 1 else f"news, 1/{part}"
        found = report(name, dict.fromkeys(gold, segtool.train(texts=news[::part])), gold)
        if part == 1:
            rows[name] = found
    for size in options.tune:
        tuned = {}
        for name, lines in gold.items():
            labels = [line.split() for line in lines[::2] if line.split()]
            tuned[name] = included.tune(random.Random(size).sample(labels, min(size, len(labels))))
        rows[f"tuned to {size}"] = report(f"included, tuned to {size} sentences", tuned, gold)
    print()
    print_bins(rows)


if __name__ == "__main__":
    main()

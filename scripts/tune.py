#!/usr/bin/env python3
"""Print F1 on the dev parts for settings around the defaults: the table of docs/quality.md.

    .venv/bin/python -m scripts.tune DATA [PARAMETER...]

Only the variants of the PARAMETERs are tried, by default all. Trained on the news without the lines of the dev parts.
Only dev parts are read; test parts are for scripts/bench and scripts/quality.py.
"""

from dataclasses import asdict, replace
from typing import Any

from scripts.experiments import (
    DEV,
    exit_unless_known,
    f1,
    gold_of,
    parser_of,
    print_head,
    print_row,
    raw,
    read_texts,
    shown,
    texts_of,
    without,
)
from segtool.lexicon.build import build_model
from segtool.lexicon.em import learn
from segtool.lexicon.learned import Resources
from segtool.lexicon.parts import weigh_parts
from segtool.lexicon.passes import Threads
from segtool.ngrams.count import count_stream
from segtool.ngrams.counter import collect_corpus
from segtool.ngrams.scores import score
from segtool.runtime.workers import available_workers
from segtool.segmenter import Segmenter
from segtool.settings import TrainingSettings

VARIANTS: list[dict[str, Any]] = [
    *({"length_penalty": value} for value in (1.9, 1.95, 2.05, 2.1, 2.2)),
    *({"min_count": value} for value in (3, 5)),
    *({"variation_weight": value} for value in (0.0, 0.1)),
    *({"entropy_weight": value} for value in (0.0, 4.0)),
    *({"entropy_floor": value} for value in (1.0, 2.0)),
    *({"passes": value} for value in (2, 8, 16)),
    {"max_word_len": 4},
    *({"word_classes": value} for value in (0, 30, 100)),
    *({"class_words": value} for value in (500, 10000)),
    *({"class_weight": value} for value in (0.6, 1.4)),
    *({"class_passes": value} for value in (2, 8)),
    {"length_penalty": 2.05, "word_classes": 0},
    *({"parts_weight": value} for value in (0, 0.5, 1.5)),
    *({"unknown_len": value} for value in (0, 3, 5)),
    *({"unknown_cost": value} for value in (10.2, 11.2, 13.2, 14.2)),
    *({"unknown_step": value} for value in (5, 8)),
    {"spelling_weight": 0.25, "unknown_cost": 15.95},
    {"spelling_weight": 0.75, "unknown_cost": 8.45},
    *({"tagger_weight": value} for value in (0, 0.5, 2)),
    *({"tagger_min_count": value} for value in (3, 10, 100)),
    {"unknown_len": 0, "tagger_weight": 0},
]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("parameters", nargs="*", metavar="PARAMETER")
    options = parser.parse_args()
    exit_unless_known(options.parameters, sorted({name for variant in VARIANTS for name in variant}))
    gold = gold_of(options.data, DEV)
    workers = available_workers()
    defaults = TrainingSettings()
    runs = collect_corpus(["\n".join(without(gold, read_texts(texts_of(options.data))))])
    counts = count_stream(runs.whole().stream, runs.codes, defaults.max_word_len + 1, workers)
    print_head("setting", list(gold))
    tried = [each for each in VARIANTS if not options.parameters or set(each) & set(options.parameters)]
    for variant in [{}, *tried]:
        settings = replace(defaults, **variant)
        candidates = score(counts, settings.max_word_len, settings.least_count(runs.stats.symbols), workers)
        learned = learn(runs, candidates, settings, Resources(Threads(workers)))
        card: dict[str, object] = {"parameters": asdict(settings)}
        model = build_model(candidates, learned, card, settings)
        segmenter = Segmenter(weigh_parts(model, runs, settings.parts_weight, Threads(workers)))
        name = ", ".join(f"`{key}` {value:g}" for key, value in variant.items()) or "defaults"
        print_row(name, (shown(f1(lines, segmenter.cut_batch(raw(lines)))) for lines in gold.values()))


if __name__ == "__main__":
    main()

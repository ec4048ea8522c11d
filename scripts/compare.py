#!/usr/bin/env python3
"""Train every method on the same text and print F1 on every gold set, and the cost of each: docs/methods.md.

    .venv/bin/python -m scripts.compare DATA [--megabytes 20]

F1 is by spans. Seconds are of one run each, in turn, in one process with warm kernels; cutting is that of the
texts of all gold sets, one worker, repeated up to --megabytes.
"""

import time
from typing import Any

import segtool
from scripts.experiments import DEV, f1, gold_of, parser_of, print_head, print_row, raw, read_texts, shown, texts_of
from segtool.decode.streaming import cut_stream
from segtool.methods.word_list import words_with_counts
from segtool.segmenter import Segmenter

GOLD = [*DEV, "ud_gsd_trad/dev", "pku/test", "msr/test"]
METHODS: dict[str, dict[str, Any]] = {
    "`unigram` (default)": {"method": "unigram"},
    "`lm`": {"method": "lm"},
    "`cohesion`": {"method": "cohesion"},
    "`cohesion`, revision 2015": {"method": "cohesion", "cohesion_revision": 2015},
    "`entropy`": {"method": "entropy"},
    "`dict`, words of `unigram`": {"method": "dict"},
}


def cutting_speed(segmenter: Segmenter, text: str, megabytes: float) -> float:
    """Megabytes a second."""
    size = len(text.encode())
    copies = max(int(megabytes * 1e6) // size, 1)
    for _ in cut_stream(segmenter, [text]):
        pass
    begin = time.perf_counter()
    for _ in cut_stream(segmenter, (text for _ in range(copies))):
        pass
    return size * copies / 1e6 / (time.perf_counter() - begin)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--megabytes", type=float, default=20.0, help="of text to cut; %(default)s")
    options = parser.parse_args()
    gold = gold_of(options.data, GOLD)
    cut_text = "\n".join(line for lines in gold.values() for line in raw(lines)) + "\n"
    text = read_texts(texts_of(options.data))
    segtool.train(texts=[text[:10_000]])  # kernels
    segtool.train(texts=[text[:10_000]], method="lm").cut("热身")
    print_head("method", [*gold, "training, s", "cutting, MB/s"])
    word_list: list[str] = []
    for name, parameters in METHODS.items():
        begin = time.perf_counter()
        texts = word_list if parameters["method"] == "dict" else [text]
        segmenter = segtool.train(texts=texts, **parameters)
        seconds = time.perf_counter() - begin
        if not word_list:
            word_list = [f"{word} {count}\n" for word, count in words_with_counts(segmenter.model)]
        figures = [shown(f1(lines, segmenter.cut_batch(raw(lines)))) for lines in gold.values()]
        speed = cutting_speed(segmenter, cut_text, options.megabytes)
        print_row(name, [*figures, f"{seconds:.1f}", f"{speed:.0f}"])


if __name__ == "__main__":
    main()

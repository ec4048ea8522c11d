#!/usr/bin/env python3
"""Print F1 after tuning to 20, 50, 200, … labelled sentences: the table of docs/tuning.md.

    .venv/bin/python -m scripts.learning_curve DATA [--sizes 20 50 200 1000] [--draws 4] [--no-peers]

Sentences are drawn at random from every second line of a dev part; the last column has all of them. F1 is on the test
part of the set, or on the other lines where there is none. Beside it: tuning with the word list that comes with the
set, if there is one; and a conditional random field that learns from the same sentences alone (CRFsuite, extra
``bench``): four tags, the symbols around a place and their pairs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean

import segtool
from scripts.experiments import f1, gold_of, parser_of, print_head, print_row, raw, sentences, shown
from segtool.plot.figures import LabelledWords, Learn, learning_curve

SETS = {"pku/dev10pct": "pku/test", "msr/dev10pct": "msr/test", "ud_gsdsimp/dev": "", "ud_gsd_trad/dev": ""}

LABELLED, DRAWS = [20, 50, 200, 1000], 4

Cut = Callable[[list[str]], Iterable[Sequence[str]]]


def plain(test: list[str], words: Sequence[str] = ()) -> str:
    """F1 of the included model, without labels."""
    segmenter = segtool.load()
    if words:
        segmenter = segmenter.with_words(words=words, words_only=True)
    return shown(f1(test, segmenter.cut_batch(raw(test))))


def tuned(labels: LabelledWords) -> Cut:
    """The included model, tuned."""
    return segtool.load().tune(labels).cut_batch


def tuned_with(words: Sequence[str]) -> Learn:
    """The included model, tuned with a complete word list."""
    return lambda labels: segtool.load().tune(labels, words, words_only=True).cut_batch


def features(text: str) -> list[list[str]]:
    """Features of every character."""
    padded = f"^^{text}$$"
    found = []
    for i in range(2, len(padded) - 2):
        a, b, c, d, e = list(padded[i - 2 : i + 3])
        found.append([f"0{a}", f"1{b}", f"2{c}", f"3{d}", f"4{e}", f"5{a}{b}", f"6{b}{c}", f"7{c}{d}", f"8{d}{e}"])
    return found


def crf(labels: LabelledWords) -> Cut:
    """A conditional random field over characters."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False, params={"c2": 1.0, "max_iterations": 100})
    for words in labels:
        tags = ["S" if len(word) == 1 else "B" + "M" * (len(word) - 2) + "E" for word in words]
        trainer.append(features("".join(words)), list("".join(tags)))
    with tempfile.NamedTemporaryFile() as file:
        trainer.train(file.name)
        tagger = pycrfsuite.Tagger()
        tagger.open(file.name)

    def cut(texts: list[str]) -> Iterable[list[str]]:
        for text in texts:
            words: list[str] = []
            for character, tag in zip(text, tagger.tag(features(text)), strict=True):
                if words and tag in "ME":
                    words[-1] += character
                else:
                    words.append(character)
            yield words

    return cut


def curve(labels: list[str], test: list[str], sizes: list[int], draws: int, learn: Learn) -> Iterable[str]:
    """F1 at every size, the mean of several draws, and with all sentences."""
    points = learning_curve(learn, sentences(labels), [line.split() for line in test], sizes, draws)
    found = {size: shown(mean(f1)) for size, f1 in points[:-1]}
    return [*(found.get(size, "-") for size in sizes), shown(mean(points[-1].f1))]


def print_curves(data: Path, sizes: list[int], draws: int, peers: bool) -> None:
    """Print the table."""
    gold = gold_of(data, [*SETS, *filter(None, SETS.values())])
    print_head("labelled sentences", ["0", *map(str, sizes), "all"])
    for name, lines in gold.items():
        if name in SETS.values():
            continue
        labels, test = [line for line in lines[::2] if line.split()], gold.get(SETS.get(name, ""), lines[1::2])
        print_row(name.partition("/")[0], [plain(test), *curve(labels, test, sizes, draws, tuned)])
        path = data / "gold" / name.partition("/")[0] / "training_words.txt"
        if path.exists():
            words = path.read_text("utf-8").split()
            print_row("… with its list", [plain(test, words), *curve(labels, test, sizes, draws, tuned_with(words))])
        if peers:
            print_row("… CRFsuite", ["-", *curve(labels, test, sizes, draws, crf)])


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=LABELLED, help="labelled sentences")
    parser.add_argument("--draws", type=int, default=DRAWS, help="means are over so many draws")
    parser.add_argument("--no-peers", action="store_true", help="leave out CRFsuite")
    options = parser.parse_args()
    print_curves(options.data, options.sizes, options.draws, not options.no_peers)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Print F1 on every gold set, with and without adaptation, beside the peers: the tables of README and docs/quality.md.

    .venv/bin/python -m scripts.quality DATA [--sizes] [--no-peers]

F1 is by spans; one set of parameters, the defaults, chosen on the dev parts; test parts are only reported. The news
text is that of scripts/bench. With adaptation, the model learns from the raw text of the set that it cuts. --sizes
adds F1 on the dev parts after training on samples of the news from 0.2 MB to all of it, and on more text beside it,
from nothing and from the included model; lines of the dev parts are taken out of the text. --curve adds the table of
scripts/learning_curve: F1 after tuning to labelled sentences, beside CRFsuite.
"""

import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import segtool
from scripts.experiments import (
    ALL,
    DEV,
    Gold,
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
from scripts.learning_curve import DRAWS, LABELLED, print_curves

MORE = ["news_xinwenlianbo.txt", "exam_c3.txt", "science_abstracts_csl.txt"]
SIZES = [200_000, 1_000_000, 5_000_000]

Cut = Callable[[list[str]], Iterable[list[str]]]


def row(name: str, gold: Gold, cut_of: Callable[[list[str]], Cut]) -> None:
    """Print one system; `cut_of` gives the call that cuts the lines of a set."""
    print_row(name, (shown(f1(lines, cut_of(raw(lines))(raw(lines)))) for lines in gold.values()))


def as_is(segmenter: segtool.Segmenter) -> Callable[[list[str]], Cut]:
    return lambda raw: segmenter.cut_batch


def adapted(segmenter: segtool.Segmenter) -> Callable[[list[str]], Cut]:
    return lambda raw: segmenter.adapt(line + "\n" for line in raw).cut_batch


def jieba() -> Cut:
    import jieba

    jieba.setLogLevel(60)
    return partial(map, jieba.lcut)


def sentencepiece(texts: list[Path], folder: str) -> Cut:
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    SentencePieceTrainer.train(
        input=list(map(str, texts)), model_prefix=f"{folder}/pieces", num_threads=2, minloglevel=2,
        model_type="unigram", vocab_size=30_000, hard_vocab_limit=False, character_coverage=0.9995,
        input_sentence_size=0,
        max_sentence_length=10**9, normalization_rule_name="identity",
    )  # fmt: skip
    encode = SentencePieceProcessor(model_file=f"{folder}/pieces.model").encode
    # the mark of a space, which no line has, comes first

    def cut(line: str) -> list[str]:
        return list(filter(None, (piece.lstrip("▁") for piece in encode(line, out_type=str))))

    return partial(map, cut)


def sample(lines: list[str], size: int) -> list[str]:
    """Lines from all over the text, about so many bytes of them; all if it has no more."""
    step = max(sum(len(line.encode()) + 1 for line in lines) / size, 1)
    return [lines[int(i * step)] for i in range(int(len(lines) / step))]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--sizes", action="store_true", help="also train on samples of several sizes")
    parser.add_argument("--curve", action="store_true", help="also tune to labelled sentences: scripts/learning_curve")
    parser.add_argument("--no-peers", action="store_true", help="leave out jieba, SentencePiece and CRFsuite")
    options = parser.parse_args()
    gold = gold_of(options.data, ALL)
    news = texts_of(options.data)
    trained, included = segtool.train(news), segtool.load()
    print_head("system", list(gold))
    row("segtool, trained on the news", gold, as_is(trained))
    row("… and adapted to the set's raw text", gold, adapted(trained))
    row("segtool, the included model", gold, as_is(included))
    row("… and adapted to the set's raw text", gold, adapted(included))
    if not options.no_peers:
        row("jieba", gold, lambda raw: jieba())
        with tempfile.TemporaryDirectory() as folder:
            pieces = sentencepiece(news, folder)
            row("SentencePiece, trained on the news", gold, lambda raw: pieces)
    if options.sizes:
        dev = gold_of(options.data, DEV)
        lines = without(dev, read_texts(news))
        more = read_texts(texts_of(options.data, MORE))
        print()
        print_head("text", list(dev))
        for size in [*SIZES, 0, -1]:
            text = "\n".join(sample(lines, size) if size > 0 else lines) + "\n" + (more if size < 0 else "")
            name = f"{len(text.encode()) / 1e6:.1f} MB"
            row(name, dev, as_is(segtool.train(texts=[text])))
            row(f"{name}, from the included model", dev, as_is(segtool.train(texts=[text], base="default")))
    if options.curve:
        print()
        print_curves(options.data, LABELLED, DRAWS, not options.no_peers)


if __name__ == "__main__":
    main()

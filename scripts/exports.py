#!/usr/bin/env python3
"""Print F1 of other tools with the words of the included model: the table of docs/export.md.

    .venv/bin/python -m scripts.exports DATA

Each tool reads the file that ``segtool export`` writes for it, and cuts the gold sets without segtool. Needs jieba,
tokenizers and sentencepiece (``pip install .[bench]``).
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import segtool
from scripts.experiments import ALL, f1, gold_of, parser_of, print_head, print_row, raw, shown
from segtool.export import SCRIPTS
from segtool.export.formats import WRITERS
from segtool.export.words import exported_words
from segtool.store.model import Model

Cut: TypeAlias = Callable[[list[str]], Iterable[list[str]]]


def jieba_of(path: Path | None) -> Any:
    """The tokenizer of jieba with a dictionary, or its own."""
    import jieba

    jieba.setLogLevel(60)
    tokenizer = jieba.Tokenizer(*map(str, [path] if path else []))
    if path:
        tokenizer.tmp_dir = str(path.parent)
    return tokenizer


def cut_by_jieba(path: Path | None, lines: Sequence[str]) -> Iterable[list[str]]:
    return map(jieba_of(path).lcut, lines)


def cut_by_tokenizers(path: Path, lines: Sequence[str]) -> Iterable[list[str]]:
    from tokenizers import Tokenizer

    for line, encoding in zip(lines, Tokenizer.from_file(str(path)).encode_batch(list(lines)), strict=True):
        yield [line[start:end] for start, end in encoding.offsets]


def cut_by_sentencepiece(path: Path, lines: Sequence[str]) -> Iterable[list[str]]:
    from sentencepiece import SentencePieceProcessor

    for pieces in SentencePieceProcessor(model_file=str(path)).encode(list(lines), out_type=str):
        words = []
        before = b""
        for piece in pieces:
            if re.fullmatch("<0x..>", piece):  # a byte of a character
                before += bytes.fromhex(piece[3:5])
                with suppress(UnicodeDecodeError):
                    words.append(before.decode())
                    before = b""
            else:
                words.append(piece)
        yield words


def write(model: Model, form: str, path: Path, scripts: str = "both") -> Path:
    """Write the words of a model as ``segtool export`` does."""
    with open(path, "wb") as file:
        file.writelines(WRITERS[form](exported_words(model, scripts)))
    return path


def main() -> None:
    gold = gold_of(parser_of(__doc__).parse_args().data, ALL)
    included = segtool.load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows: dict[str, Cut] = {"segtool, the included model": included.cut_batch, "jieba": partial(cut_by_jieba, None)}
        for scripts in SCRIPTS[::-1]:
            path = write(included.model, "jieba", folder / scripts, scripts)
            rows[f"jieba, --format jieba --scripts {scripts}"] = partial(cut_by_jieba, path)
        hf, pieces = (write(included.model, form, folder / form) for form in ("hf", "sentencepiece"))
        rows["tokenizers, --format hf"] = partial(cut_by_tokenizers, hf)
        rows["SentencePiece, --format sentencepiece"] = partial(cut_by_sentencepiece, pieces)
        print_head("cut by", list(gold))
        for row, cut in rows.items():
            print_row(row, (shown(f1(lines, cut(raw(lines)))) for lines in gold.values()))


if __name__ == "__main__":
    main()

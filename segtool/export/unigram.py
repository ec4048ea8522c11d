"""Words as the pieces of a unigram model of Hugging Face tokenizers or SentencePiece.

Both libraries cut a text into the pieces with the greatest sum of scores (Kudo 2018), as segtool does with its
lexicon. Their score of a piece is the log weight of the word, minus `PIECE_COST`, which stands for the scores of gaps
that these files cannot hold. Literals become tokens that are found before all others.

Hugging Face: runs of digits, Latin words and marks are split off first. Digits and Latin words are no pieces, so each
run is one ``<unk>``, whose offsets give its text. SentencePiece cannot split them off: each digit and letter is a piece
of its own, and all other characters are written in bytes, so decoding gives the text back.

References
----------
Kudo (2018), "Subword regularization: improving neural network translation models with multiple subword candidates".
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

from segtool.export.words import ExportedWord
from segtool.text.symbols import ALONE, class_table

__all__ = ["sentencepiece_model", "tokenizer_json"]

PIECE_COST = 1.0
"""Nats; chosen on the dev parts of PKU and MSR."""

UNKNOWN = "<unk>"

NUMBER_PATTERN, LATIN_PATTERN = r"\p{Nd}+", r"\p{Latin}+"
OTHER_LETTERS_PATTERN, MARK_PATTERN = r"[^\p{Han}\p{Latin}\p{Nd}\p{P}\p{S}\s]+", r"[^\p{Han}]"

_MARK_BLOCKS = ((0x21, 0x7F), (0xA1, 0xC0), (0x2010, 0x2060), (0x2190, 0x2200), (0x25A0, 0x2600), (0x3001, 0x3040),
                (0xFE30, 0xFE70), (0xFF01, 0xFF61), (0xFFE0, 0xFFE7))  # fmt: skip
_ALNUM = [chr(code) for start, size in ((0x30, 10), (0x41, 26), (0x61, 26)) for code in range(start, start + size)]
_FULL_WIDTH = 0xFEE0
_USER_DEFINED, _BYTE = 4, 6
_UNIGRAM = 1


def marks() -> list[str]:
    """List the common marks of Chinese and Latin text, in the order of their code points."""
    classes = class_table()
    codes = (code for low, high in _MARK_BLOCKS for code in range(low, high))
    return [chr(code) for code in codes if classes[code] in ALONE]


def _scored(words: Sequence[ExportedWord]) -> tuple[dict[str, float], list[str]]:
    """Give the pieces with their scores, marks first, and the literals."""
    scores = {each.word: round(each.log_weight - PIECE_COST, 6) for each in words if not each.is_literal}
    best = max(scores.values(), default=0.0)
    return {**dict.fromkeys(marks(), best), **scores}, [each.word for each in words if each.is_literal]


def tokenizer_json(words: Sequence[ExportedWord]) -> bytes:
    """Make the file ``tokenizer.json`` of a unigram model, for Hugging Face tokenizers.

    Parameters
    ----------
    words : sequence of ExportedWord

    Returns
    -------
    bytes
        UTF-8.

    Examples
    --------
    >>> import segtool
    >>> from segtool.export.unigram import tokenizer_json
    >>> from segtool.export.words import exported_words
    >>> from tokenizers import Tokenizer
    >>> tokenizer = Tokenizer.from_str(tokenizer_json(exported_words(segtool.load().model)).decode())
    >>> tokenizer.encode("今天天气很好，气温28度").tokens
    ['今天', '天气', '很好', '，', '气温', '28', '度']
    """
    scores, literals = _scored(words)
    added = [
        {"id": place, "content": word, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": False}
        for place, word in enumerate(literals, len(scores) + 1)
    ]  # fmt: skip
    pattern = f"{NUMBER_PATTERN}|{LATIN_PATTERN}|{OTHER_LETTERS_PATTERN}|{MARK_PATTERN}"
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, split]},
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "Unigram",
            "unk_id": 0,
            "vocab": [[UNKNOWN, 0.0], *map(list, scores.items())],
            "byte_fallback": False,
        },
    }
    return json.dumps(tokenizer, ensure_ascii=False).encode()


def sentencepiece_model(words: Sequence[ExportedWord]) -> bytes:
    """Make the file ``.model`` of a unigram model, for SentencePiece.

    The message is ``ModelProto`` of its ``sentencepiece_model.proto``.

    Parameters
    ----------
    words : sequence of ExportedWord

    Returns
    -------
    bytes

    Examples
    --------
    >>> import segtool
    >>> from sentencepiece import SentencePieceProcessor
    >>> from segtool.export.unigram import sentencepiece_model
    >>> from segtool.export.words import exported_words
    >>> words = exported_words(segtool.load().model)
    >>> SentencePieceProcessor(model_proto=sentencepiece_model(words)).encode("今天天气很好", out_type=str)
    ['今天', '天气', '很好']
    """
    scores, literals = _scored(words)
    lowest = min(scores.values())
    scores["▁"] = max(scores.values())  # a space
    for char in (*_ALNUM, *(chr(ord(char) + _FULL_WIDTH) for char in _ALNUM)):
        scores.setdefault(char, lowest)
    pieces = [_message((1, UNKNOWN), (2, 0.0), (3, 2))]
    pieces += [_message((1, f"<0x{byte:02X}>"), (2, 0.0), (3, _BYTE)) for byte in range(256)]
    pieces += [_message((1, word), (2, score)) for word, score in scores.items()]
    pieces += [_message((1, word.replace(" ", "▁")), (2, 0.0), (3, _USER_DEFINED)) for word in literals]
    no_id = (1 << 64) - 1  # -1
    trainer = _message((3, _UNIGRAM), (4, len(pieces)), (35, 1), (40, 0), (41, no_id), (42, no_id), (43, no_id))
    # no dummy prefix, no spaces removed, spaces escaped
    normalizer = _message((1, "identity"), (3, 0), (4, 0), (5, 1))
    return b"".join([_message((1, piece)) for piece in pieces]) + _message((2, trainer), (3, normalizer))


def _message(*fields: tuple[int, str | bytes | float | int]) -> bytes:
    """Write fields of a message of protocol buffers: strings, 32-bit floats, and numbers of 0 or more."""
    out = []
    for field, value in fields:
        if isinstance(value, float):
            out += [_varint(field << 3 | 5), struct.pack("<f", value)]
        elif isinstance(value, int):
            out += [_varint(field << 3), _varint(value)]
        else:
            data = value.encode() if isinstance(value, str) else value
            out += [_varint(field << 3 | 2), _varint(len(data)), data]
    return b"".join(out)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)

"""Cutting strings: one or many, compiled or in plain Python, with literals (:mod:`segtool.decode.literals`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from segtool.decode.decoder import Decoder, ShortCut
from segtool.decode.decoders import decoder_of
from segtool.decode.literals import Literals
from segtool.decode.places import encode_texts, place_in_texts, words_of
from segtool.decode.short_texts import BYTE_TOKENS, TOKENS, WORDS
from segtool.runtime.arrays import Integers
from segtool.tokens import place_words

if TYPE_CHECKING:
    from segtool.decode.lattice_of_text import Lattice
    from segtool.decode.search import Entries
    from segtool.store.model import Model

__all__ = ["TextCutter", "cutter_of"]

_shared: WeakValueDictionary[Any, TextCutter] = WeakValueDictionary()
"""Cutters in use of models in directories. No lock guards it: a process could be forked while it is held."""


def _leave(text: str) -> None:
    """Cut no text."""


def cutter_of(model: Model) -> TextCutter:
    """Make the cutter of a model; segmenters of one unchanged directory share it."""
    literals = model.dictionary.get("literals", ())
    key = None
    if model.path is not None and model.card.get("decoder", "lattice") != "tags":  # whose tables are in another one
        arrays = model.symbols, model.lexicon, model.spelling
        key = (*(each.ctypes.data for each in arrays), json.dumps(model.card, sort_keys=True))
        known = _shared.get(key)
        if known is not None:
            return known
    made = TextCutter(decoder_of(model), literals, model.folds)
    if key is not None:
        made.arrays = arrays  # so that no other arrays can have their addresses
        _shared[key] = made
    return made


class TextCutter:
    """Cuts strings.

    Parameters
    ----------
    decoder : Decoder
    literals : sequence of str
        Words that the decoder's symbols cannot distinguish.
    folds : bool
        Whether characters are folded.

    Attributes
    ----------
    decoder : Decoder
    literals : Literals or None
    short : tuple of callable
        For each kind of result (:data:`segtool.decode.short_texts.WORDS` and on) what cuts a short text, or gives None
        (:meth:`segtool.decode.decoder.Decoder.short_cutter`): before compiled code is in use or where there are
        literals, for any text.
    """

    def __init__(self, decoder: Decoder, literals: Sequence[str] = (), folds: bool = False) -> None:
        self.decoder = decoder
        self.arrays: tuple[Any, ...] = ()
        self.short: tuple[ShortCut, ...] = (_leave,) * 3
        self.literals = Literals(literals, folds, decoder.reading) if literals else None

    def cut(self, text: str, plain: bool) -> list[str]:
        """Cut a text.

        Parameters
        ----------
        text : str
        plain : bool
            Whether to cut without compiled code.

        Returns
        -------
        list of str
        """
        if plain:
            return [text[start:end] for start, end in self.plain_spans(text)]
        return self._compiled([text], WORDS)[0]

    def cut_group(
        self, texts: list[str], interprets: Callable[[int], bool], unit: str | None = None
    ) -> list[list[Any]]:
        """Cut texts as one, with a line end between them, which no word crosses.

        Parameters
        ----------
        texts : list of str
        interprets : callable
            Says whether to cut so many characters without compiled code.
        unit : {"character", "byte"} or None
            Give tokens, with places in this unit.

        Returns
        -------
        list of list of str, or of Token
        """
        if interprets(sum(map(len, texts)) + len(texts)):
            cuts = [self.cut(text, True) for text in texts]
            return cuts if unit is None else [place_words(*each, unit) for each in zip(texts, cuts, strict=True)]
        return self._compiled(texts, WORDS if unit is None else TOKENS if unit == "character" else BYTE_TOKENS)

    def _compiled(self, texts: list[str], kind: int) -> list[list[Any]]:
        if len(texts) == 1 and self.literals is None:
            if self.short[kind] is _leave:
                self.short = tuple(map(self.decoder.short_cutter, (WORDS, TOKENS, BYTE_TOKENS)))
            if (found := self.short[kind](texts[0])) is not None:
                return [found]
        data, bounds = encode_texts(texts)
        return words_of(texts, data, bounds, self.byte_spans(data), kind)

    def text_spans(self, text: str, characters: bool) -> Integers:
        """Find the places of the words of a text, a row for each; see :meth:`segtool.segmenter.Segmenter.spans`."""
        if self.literals is None:
            found = self.decoder.short_spans(text, not characters)
            if found is not None:
                return found
        data, bounds = encode_texts([text])
        return self.spans(data, bounds, characters)[0].copy().reshape(-1, 2)

    def spans(self, data: bytes, bounds: Integers, characters: bool = True) -> tuple[Integers, Integers]:
        """Find the places of the words of texts; compiled.

        Parameters
        ----------
        data, bounds
            As from :func:`segtool.decode.places.encode_texts`.
        characters : bool
            Whether to count characters, not bytes.

        Returns
        -------
        spans : ndarray of int64
            Start and end of each word in turn, in its text; valid until the next call in the same thread.
        counts : ndarray of int64
            Number of words of each text.
        """
        spans, counts = self.byte_spans(data), np.empty(len(bounds) - 1, np.int64)
        place_in_texts(np.frombuffer(data, np.uint8), bounds, characters, spans, counts)
        return spans, counts

    def byte_spans(self, data: bytes) -> Integers:
        """Find the places of the words of a text; see :meth:`segtool.decode.decoder.Decoder.spans`."""
        if self.literals is None:
            return self.decoder.spans(data)
        hidden, found, _ = self.literals.hide_utf8(data)
        spans = self.decoder.spans(hidden)
        return self.literals.shift_utf8(hidden, found, spans) if found else spans

    def plain_spans(self, text: str) -> Iterable[tuple[int, int]]:
        """Find the places of the words of a text, in characters, without compiled code."""
        if self.literals is None:
            return self.decoder.plain_spans(text)
        hidden, found = self.literals.hide(text)
        shift = self.literals.shift(hidden, found)
        return [(start, end) for start, end in map(shift, map(list, self.decoder.plain_spans(hidden)))]

    def entries(self, text: str, within: float, plain: bool) -> Entries:
        """Find the entries of a text for search: places in characters, and which are words of the cut.

        Parameters
        ----------
        text : str
        within : float
            See :func:`segtool.decode.search.find_entries`.
        plain : bool

        Returns
        -------
        Entries
        """
        from segtool.decode.search import find_entries

        if self.literals is None:
            return find_entries(self.decoder, text, within, plain)
        hidden, found = self._hide(text, plain)
        entries = find_entries(self.decoder, hidden, within, plain)
        shift = self.literals.shift(hidden, found)
        return entries._replace(starts=shift(entries.starts), ends=shift(entries.ends)) if found else entries

    def lattice(self, text: str, plain: bool) -> Lattice:
        """Score the words at all places of a text; `plain` without compiled code."""
        if self.literals is None:
            return self.decoder.lattice(text, plain)
        hidden, found = self._hide(text, plain)
        lattice = self.decoder.lattice(hidden, plain)
        return replace(lattice, starts=self.literals.shift(hidden, found)(lattice.starts))

    def _hide(self, text: str, plain: bool) -> tuple[str, list[str]]:
        """Replace the literals of a text."""
        assert self.literals is not None
        return self.literals.hide(text) if plain else self.literals.hide_compiled(text)

"""Cutting strings: one or many, compiled or in plain Python, with literals (:mod:`segtool.decode.literals`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from segtool.decode.decoders import Decoder, decoder_of
from segtool.decode.literals import Literals
from segtool.text.symbols import STAND_INS

if TYPE_CHECKING:
    from segtool.decode.lattice_of_text import Lattice
    from segtool.decode.search import Entries
    from segtool.store.model import Model

__all__ = ["TextCutter", "cutter_of"]

_shared: WeakValueDictionary[Any, TextCutter] = WeakValueDictionary()
"""Cutters in use of models in directories. No lock guards it: a process could be forked while it is held."""


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
    """

    def __init__(self, decoder: Decoder, literals: Sequence[str] = (), folds: bool = False) -> None:
        self.decoder = decoder
        self.arrays: tuple[Any, ...] = ()
        self.literals = Literals(literals, folds, decoder.numbers) if literals else None

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
        cut = self._cut_plain if plain else self._cut_compiled
        if self.literals is None:
            return cut(text)
        hidden, found = self._hide(text, plain)
        return self.literals.show(cut(hidden), found)

    def cut_group(self, texts: list[str], interprets: Callable[[int], bool]) -> list[list[str]]:
        """Cut texts as one, with a line end between them, which no word crosses.

        Parameters
        ----------
        texts : list of str
        interprets : callable
            Says whether to cut so many characters without compiled code.

        Returns
        -------
        list of list of str
        """
        if not texts:
            return []
        joined = "\n".join(texts)
        plain = interprets(len(joined))
        if self.literals is None:
            return self._cut_lines(texts, joined, plain)
        if _holds_line_ends(texts, joined):  # of which none is a space in a literal
            pairs = [self._hide(text, plain) for text in texts]
            texts, joined = [hidden for hidden, _ in pairs], "\n".join(hidden for hidden, _ in pairs)
            left = iter([word for _, found in pairs for word in found])
        else:
            joined, found = self._hide(joined, plain)
            texts, left = joined.split("\n"), iter(found)
        lines = self._cut_lines(texts, joined, plain)
        for i, text in enumerate(texts):
            if STAND_INS[0] in text or STAND_INS[1] in text:
                lines[i] = [next(left) if word in STAND_INS else word for word in lines[i]]
        return lines

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

    def _cut_plain(self, text: str) -> list[str]:
        return self.decoder.cut_plain(text)

    def _cut_compiled(self, text: str) -> list[str]:
        # one string of all words, which Python splits faster than it would take slices
        joined = self._joined(text.replace("\n", " "))
        return joined.split(" ") if joined else []

    def _cut_lines(self, texts: list[str], joined: str, plain: bool) -> list[list[str]]:
        """Cut texts, which also come joined."""
        if plain:
            return [self.decoder.cut_plain(text) for text in texts]
        if _holds_line_ends(texts, joined):
            joined = "\n".join([text.replace("\n", " ").replace("\r", " ") for text in texts])
        return [line.split(" ") if line else [] for line in self._joined(joined).split("\n")]

    def _joined(self, text: str) -> str:
        """The words of each line with a space between two."""
        return str(self.decoder.cut(text.encode("utf-8", "surrogatepass"), b" ")[0], "utf-8", "surrogatepass")


def _holds_line_ends(texts: list[str], joined: str) -> bool:
    """Whether there are line ends inside the texts."""
    return "\r" in joined or joined.count("\n") >= len(texts)

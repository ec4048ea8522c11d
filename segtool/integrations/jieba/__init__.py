"""The interface of jieba, with the words of segtool: a script changes its import.

::

    import segtool.integrations.jieba as jieba

Whitespace comes out as jieba gives it, so the pieces of :func:`cut` join to the text. Words that are added are
preferred (:meth:`segtool.Segmenter.with_words`), those that are deleted never come out. Counts and tags do not change
how text is cut, and neither does ``HMM``: unknown words are always found. The functions of the module share one
:class:`Tokenizer`, and threads may call all of them at the same time.

Examples
--------
>>> import segtool.integrations.jieba as jieba
>>> jieba.initialize()  # or the first call loads the model
>>> list(jieba.cut("我来到北京清华大学")) == jieba.lcut("我来到北京清华大学")
True
>>> list(jieba.cut_for_search("高质量发展")) == jieba.lcut_for_search("高质量发展")
True
>>> list(jieba.tokenize("天气很好"))
[('天气', 0, 2), ('很', 2, 3), ('好', 3, 4)]
>>> jieba.load_userdict(["云计算 5 n"])
>>> jieba.add_word("九阳神功", tag="n")
>>> jieba.del_word("很好")
>>> jieba.lcut("九阳神功很好"), jieba.user_word_tag_tab
(['九阳神功', '很', '好'], {'云计算': 'n', '九阳神功': 'n'})
>>> jieba.get_FREQ("天气"), jieba.suggest_freq("天气")
(1145, 1146)
>>> jieba.set_dictionary("default")  # or a folder, or a dictionary of jieba; it forgets added words
>>> jieba.dt.lcut("天气很好") == jieba.Tokenizer().lcut("天气很好")
True
>>> jieba.setLogLevel("ERROR")
>>> jieba.default_logger.name, jieba.enable_parallel(4), jieba.disable_parallel()
('segtool', None, None)
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from segtool import __version__
from segtool.errors import DataError, UsageError
from segtool.guideline.word_files import named_words, read_words
from segtool.integrations import ModelOrPath, segmenter_of
from segtool.limits import WITHIN
from segtool.methods.word_list import words_with_counts
from segtool.segmenter import Segmenter, load
from segtool.text.folding import fold_text
from segtool.text.sources import read_lines
from segtool.text.symbols import LAT, NUM, tokenise

__all__ = [
    "Tokenizer",
    "__version__",
    "add_word",
    "cut",
    "cut_for_search",
    "default_logger",
    "del_word",
    "disable_parallel",
    "dt",
    "enable_parallel",
    "get_FREQ",
    "initialize",
    "lcut",
    "lcut_for_search",
    "load_userdict",
    "setLogLevel",
    "set_dictionary",
    "suggest_freq",
    "tokenize",
    "user_word_tag_tab",
]

FULL = 6.0
"""Greatest loss of a word, in nats, with ``cut_all``."""

default_logger = logging.getLogger("segtool")

_SPACE = re.compile(r"\r\n|.", re.DOTALL)
_USER_LINE = re.compile(r"(\S.*?)(?:\s+([0-9]+))?(?:\s+([a-z]+))?")
_Placed = tuple[str, int, int]


class Tokenizer:
    """A model and words that were added to it.

    Parameters
    ----------
    dictionary : str, path, Segmenter or None
        None for the included model, a segmenter, a folder that ``segtool train`` wrote, or a dictionary of jieba
        (``word [count] [tag]``), whose words are then preferred.
    """

    def __init__(self, dictionary: ModelOrPath | None = None) -> None:
        self.lock = threading.RLock()
        self.user_word_tag_tab: dict[str, str] = {}
        self._preferred: dict[str, str] = {}  # by their folded form
        self._forbidden: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._base: Segmenter | None = None
        self._extended: Segmenter | None = None
        self.dictionary = dictionary

    def __repr__(self) -> str:
        return f"<Tokenizer dictionary={self.dictionary!r}>"

    @property
    def segmenter(self) -> Segmenter:
        """The segmenter that cuts now, with all words that were added."""
        found = self._extended
        return self._extend() if found is None else found

    def _extend(self) -> Segmenter:
        with self.lock:
            found = self._extended
            if found is None:
                found = self._model()
                if self._preferred or self._forbidden:
                    found = found.with_words(prefer=self._preferred.values(), forbid=self._forbidden.values())
                self._extended = found  # only now, since other threads read it without the lock
            return found

    def _model(self) -> Segmenter:
        """Load the model, without the words that were added."""
        with self.lock:
            if self._base is None:
                given = self.dictionary
                if given is None:
                    self._base = load()
                elif isinstance(given, str | os.PathLike) and os.path.isfile(given):
                    self._base = load().with_words(prefer=read_words(given, "set_dictionary()").words.keys())
                else:
                    self._base = segmenter_of(given)
            return self._base

    def initialize(self, dictionary: ModelOrPath | None = None) -> None:
        """Load the model now; otherwise the first call does."""
        if dictionary is not None:
            self.set_dictionary(dictionary)
        self._extend()

    def set_dictionary(self, dictionary_path: ModelOrPath) -> None:
        """Take another model or dictionary, as of :class:`Tokenizer`, and forget the words that were added."""
        with self.lock:
            self.dictionary = dictionary_path
            self._base = self._extended = None
            for each in (self._preferred, self._forbidden, self._counts, self.user_word_tag_tab):
                each.clear()

    def cut(
        self, sentence: str | bytes, cut_all: bool = False, HMM: bool = True, use_paddle: bool = False
    ) -> Iterator[str]:
        """Cut a text into words and whitespace.

        Parameters
        ----------
        sentence : str or bytes
            Bytes are UTF-8 or else GBK.
        cut_all : bool
            Give all words within the text, which overlap: those that lose at most 6 nats.
        HMM, use_paddle : bool
            Without effect.

        Returns
        -------
        iterator of str
        """
        text = _decoded(sentence)
        if cut_all:
            return (word for word, _, _ in self._entries(text, FULL))
        words = self.segmenter.cut(text)
        if sum(map(len, words)) == len(text):
            return iter(words)
        return (word for word, _, _ in _with_whitespace(text, _placed(text, words)))

    def lcut(self, *args: Any, **kwargs: Any) -> list[str]:
        """As :meth:`cut`, a list."""
        return list(self.cut(*args, **kwargs))

    def cut_for_search(self, sentence: str | bytes, HMM: bool = True) -> Iterator[str]:
        """Give the entries of :meth:`segtool.Segmenter.cut_for_search`, and whitespace; `HMM` has no effect."""
        return (word for word, _, _ in self._entries(_decoded(sentence), WITHIN))

    def lcut_for_search(self, *args: Any, **kwargs: Any) -> list[str]:
        """As :meth:`cut_for_search`, a list."""
        return list(self.cut_for_search(*args, **kwargs))

    def tokenize(self, unicode_sentence: str, mode: str = "default", HMM: bool = True) -> Iterator[_Placed]:
        """Give each word of :meth:`cut`, or of :meth:`cut_for_search` for mode ``search``, with its start and end."""
        if not isinstance(unicode_sentence, str):
            raise UsageError(f"tokenize(): {type(unicode_sentence).__name__}: pass a str")
        if mode == "default":
            words = self.segmenter.cut(unicode_sentence)
            return iter(_with_whitespace(unicode_sentence, _placed(unicode_sentence, words)))
        return iter(self._entries(unicode_sentence, WITHIN))

    def _entries(self, text: str, within: float) -> list[_Placed]:
        found = self.segmenter.tokenize(text, search=True, within=within)
        spaces = _with_whitespace(text, [(each.word, each.start, each.end) for each in found if each.primary])
        entries = [(each.word, each.start, each.end) for each in found]
        return sorted({*spaces, *entries}, key=lambda each: each[1:])

    def load_userdict(self, f: str | os.PathLike[str] | Iterable[str] | Iterable[bytes]) -> None:
        """Add the words of a file, one a line: ``word [count] [tag]``.

        Parameters
        ----------
        f : path, open file or other lines
            Text or UTF-8, with or without a byte order mark; a path also names a compressed file.
        """
        name = os.fspath(f) if isinstance(f, str | os.PathLike) else str(getattr(f, "name", "lines"))
        lines: Iterable[str | bytes] = read_lines(f) if isinstance(f, str | os.PathLike) else f
        for number, raw in enumerate(lines, 1):
            try:
                line = (raw if isinstance(raw, str) else raw.decode()).strip().removeprefix("\ufeff")
                entry = _USER_LINE.fullmatch(line)
                if entry is not None:
                    self.add_word(*entry.groups())
            except (UnicodeDecodeError, UsageError) as error:
                raise DataError(f"{name}, line {number}: {error} (load_userdict(): 'word [count] [tag]')") from None

    def add_word(self, word: str | bytes, freq: float | str | None = None, tag: str | None = None) -> None:
        """Prefer a word from now on; with the count 0, forbid it. Other counts make no difference.

        The next cut takes about a quarter of a second longer.
        """
        word = _decoded(word).strip()
        named_words("add_word()", [word])
        if freq is not None and int(freq) == 0:
            self.del_word(word)
            return
        with self.lock:
            key = self._key(word)
            self._forbidden.pop(key, None)
            self._preferred[key] = word
            if tag:
                self.user_word_tag_tab[word] = tag
            self._extended = None

    def del_word(self, word: str | bytes) -> None:
        """Forbid a word from now on: its characters are cut otherwise. A single character is left alone."""
        word = _decoded(word).strip()
        named_words("del_word()", [word])
        codes, _ = tokenise(word, self._model().model.has_number_tokens)
        with self.lock:
            key = self._key(word)
            known = self._preferred.pop(key, None)
            if len(codes) > 1 and not ((codes == NUM) | (codes == LAT)).any():
                self._forbidden[key] = word
            elif known is None and len(codes) > 1:
                default_logger.warning("del_word(): %s: words with digits or Latin letters cannot be forbidden", word)
            self._extended = None

    def suggest_freq(self, segment: str | Iterable[str], tune: bool = False) -> int:
        """Estimate the count that a word needs; with `tune`, prefer it, or forbid it if its parts are given.

        Parameters
        ----------
        segment : str or iterable of str
            A word that should not be cut, or the parts that a word should be cut into.
        tune : bool

        Returns
        -------
        int
            The count at which the word is as probable as its parts, and at least (for parts: at most) that which it
            has, on the scale of :func:`get_FREQ`.
        """
        together = isinstance(segment, str | bytes)
        parts = self.lcut(segment) if isinstance(segment, str | bytes) else list(map(_decoded, segment))
        word = "".join(parts)
        counts = self._frequencies()
        total = sum(counts.values())
        expected = float(total)
        for part in parts:
            expected *= counts.get(self._key(part), 1) / total
        found = counts.get(self._key(word), 0)
        freq = max(int(expected) + 1, found) if together else min(int(expected), found)
        if tune:
            self.add_word(word) if together else self.del_word(word)
        return freq

    def get_FREQ(self, k: str, d: int | None = None) -> int | None:
        """Give the expected occurrences of a word in the text that the model learned from, or `d`."""
        return self._frequencies().get(self._key(k), d)

    def _frequencies(self) -> dict[str, int]:
        """The counts of words; both scripts count as one."""
        with self.lock:
            if not self._counts:
                counts = words_with_counts(self._model().model)
                self._counts.update((self._key(word), count) for word, count in counts)
            return self._counts

    def _key(self, word: str) -> str:
        return fold_text(word) if self._model().model.folds else word


def _decoded(sentence: str | bytes) -> str:
    if isinstance(sentence, str):
        return sentence
    if not isinstance(sentence, bytes):
        raise UsageError(f"a {type(sentence).__name__} cannot be cut: pass a str")
    try:
        return sentence.decode()
    except UnicodeDecodeError:
        return sentence.decode("gbk")


def _placed(text: str, words: Iterable[str]) -> Iterator[_Placed]:
    at = 0
    for word in words:
        start = text.index(word, at)
        at = start + len(word)
        yield word, start, at


def _with_whitespace(text: str, words: Iterable[_Placed]) -> list[_Placed]:
    """Add the whitespace between words, each character by itself, but a carriage return with its line feed."""
    found: list[_Placed] = []
    at = 0
    for word, start, end in [*words, ("", len(text), len(text))]:
        found += [(each[0], *each.span()) for each in _SPACE.finditer(text, at, start)]
        if word:
            found.append((word, start, end))
        at = end
    return found


dt = Tokenizer()
"""The tokenizer behind the functions of the module; it loads its model when it is first needed."""

add_word = dt.add_word
cut = dt.cut
cut_for_search = dt.cut_for_search
del_word = dt.del_word
get_FREQ = dt.get_FREQ
initialize = dt.initialize
lcut = dt.lcut
lcut_for_search = dt.lcut_for_search
load_userdict = dt.load_userdict
set_dictionary = dt.set_dictionary
suggest_freq = dt.suggest_freq
tokenize = dt.tokenize
user_word_tag_tab = dt.user_word_tag_tab


def setLogLevel(log_level: int | str) -> None:
    """Set the level of the logger ``segtool``."""
    default_logger.setLevel(log_level)


def enable_parallel(processnum: int | None = None) -> None:
    """Do nothing: one thread cuts faster than the processes of jieba."""


def disable_parallel() -> None:
    """Do nothing, as :func:`enable_parallel`."""


_NOT_HERE = {
    "analyse": "it weighs no keywords: use sklearn's TfidfVectorizer with segtool.integrations.sklearn",
    "calc": "its lattice has no such form: use segtool.Segmenter",
    "enable_paddle": "it has no neural model: leave the call out",
    "finalseg": "unknown words are always found: leave it out",
    "get_DAG": "its lattice has no such form: use segtool.Segmenter",
    "get_dict_file": "its model is no text: segtool export writes a dictionary",
}


def __getattr__(name: str) -> Any:
    if name in _NOT_HERE:
        raise UsageError(f"segtool has no jieba.{name}; {_NOT_HERE[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

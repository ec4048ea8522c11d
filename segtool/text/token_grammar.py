"""The grammar of tokens other than Han characters: classes of characters, and one automaton that reads them all.

A token is the longest that the automaton accepts from where the last one ended. It reads one class of characters after
the other, so a rule is a state and its ways on. Some states accept what was read up to there; others accept it just if
what follows leads nowhere (*late*): in ``A+`` the plus belongs to the letter, in ``A+B`` it does not. From a state
without a way on, the token ends at the last place that was accepted; it looks at most `MOST_AHEAD` bytes ahead.

Every path reads by this table: :func:`segtool.text.symbols.symbolise` for text, and for UTF-8
:func:`segtool.decode.token_reader.read_tokens`. docs/tokens.md lists the rules.
"""

from __future__ import annotations

import functools

__all__ = [
    "AROUND_HAN",
    "BEHIND_SYMBOL",
    "CLASSES",
    "CODES_SIZE",
    "COLUMN_BITS",
    "DIGITS",
    "FIRST_ACCEPTED",
    "FIRST_LATE",
    "MOST_AHEAD",
    "MOST_BEFORE",
    "NO_WAY",
    "NUMBERS_APART",
    "NUMBER_TOKENS",
    "OPENING",
    "URLS_APART",
    "token_automaton",
]

CLASSES = [
    "mark", "space", "letter", "extend", "digit", "latin", "han",
    # marks that may be a part of something longer
    "dot", "comma", "colon", "slash", "sign", "percent", "permille", "hyphen", "wide hyphen", "apostrophe",
    "ampersand", "plus", "hash", "at", "underline", "equals", "stop", "semicolon", "caret", "bracket",
    "unbracket", "open", "close", "emoji",
    # no repeats of these
    "script", "w", "two parts", "three parts", "flag", "repeat", "joiner", "keycap",
]  # fmt: skip
"""Names of the classes of characters, by number. `repeat` is that of a mark like the one right before."""

COLUMN_BITS = 6
"""A row of the table of states has as many columns as numbers of so many bits."""

CODES_SIZE = 128
"""Room for the codes of states, one after the other, before the rows."""

MOST_AHEAD = 256
"""A token ends at the last place accepted if so many bytes behind it decide nothing."""

AROUND_HAN = ["hash", "bracket", "two parts", "three parts"]
"""Classes of the characters that begin the tokens with Han characters in them. These tokens are accepted whole, so they
are at most `MOST_AHEAD` bytes longer than a character at either end."""

MOST_BEFORE = 64
"""Invisible characters with whitespace before them belong to the token behind them; more bytes than these do not."""

NUMBER_TOKENS, URLS_APART, NUMBERS_APART = 1, 2, 4
"""How text is read, as bits: numbers in Han characters are tokens (:mod:`segtool.text.numbers`); URLs and e-mail
addresses are none, so that the other rules divide them; a number ends before a percent sign or letters."""

_MARKS = CLASSES[CLASSES.index("dot") : CLASSES.index("script")]
_EXTENDERS = ["extend", "joiner", "keycap"]
_LATIN = ["latin", "w"]
_INNER = [*_LATIN, "digit"]
_AS_SPACE, _AS_MARK, _AS_NUM, _AS_LAT = range(4)  # codes of symbols, plus 1


def _to(state: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, state)


_REPEATS = {"repeat": "mark", **_to("closed", *_EXTENDERS)}
_IN_WORD = {
    **_to("word", *_INNER, "script", *_EXTENDERS),
    "apostrophe": "word'",
    **_to("word-", "ampersand", "hyphen", "wide hyphen"),
    "underline": "word_",
    "dot": "word.",
    "plus": "plus~",
    "colon": "scheme",
    "at": "mail@",
}
_IN_ONE_LETTER = {**_IN_WORD, "dot": "one.", "hash": "sharp~"}
_IN_URL = {
    **_to("url", *_INNER, "slash", "hyphen", "underline", "ampersand", "hash", "percent", "equals", "plus", "at"),
    **_to("url.", "dot", "comma", "colon", "apostrophe", "stop", "semicolon", "open", "close", "repeat"),
}
_IN_TOPIC = _to(
    "topic", "han", "letter", *_INNER, "script", "underline", "hyphen", "dot", "ampersand", "plus", "apostrophe",
    "emoji", "repeat", "extend", "joiner",
)  # fmt: skip
_IN_NUMBER = {
    "digit": "digits",
    "script": "power",
    **_to("word", *_LATIN),
    **_to("digits x", "extend", "joiner"),
    "keycap": "closed",
}
_OPENING = {
    **_to("mark", "mark", *_MARKS),
    "space": "space",
    "letter": "letters",
    "digit": "digits",
    "latin": "one",
    "w": "w",
    "percent": "escape",
    "hash": "hash",
    "at": "@",
    "colon": "colon",
    "semicolon": "eyes",
    "caret": "caret",
    "bracket": "[",
    "two parts": "two parts",
    "three parts": "three parts",
    "emoji": "emoji",
    "flag": "flag",
    "script": "script",
    "underline": "underline",
    **_to("closed", *_EXTENDERS),
}


def _ways_to_parts(n: int) -> dict[str, str]:
    """The ways on from where `n` more parts of a character are to come."""
    ways = {"han": f"parts {n - 1}", "two parts": f"parts {n + 1}", "three parts": f"parts {n + 2}"}
    if n == 1:
        ways["han"] = "closed"
    return {name: state for name, state in ways.items() if state not in ("parts 7", "parts 8")}


# name: code of tokens plus 1 (none: not accepted), ways on; a name with ~ is late
_TOKEN_STATES: dict[str, tuple[int | None, dict[str, str]]] = {
    "dead": (None, {}),
    "opening": (None, {**_OPENING, **_to("minus", "hyphen", "wide hyphen", "plus")}),
    "behind symbol": (None, {**_OPENING, **_to("minus?", "hyphen", "wide hyphen", "plus")}),
    "digits": (
        _AS_NUM,
        {
            **_IN_NUMBER,
            **_to("digits.", "dot", "comma", "colon", "slash", "sign"),
            **_to("percent", "percent", "permille"),
            "hyphen": "digits-",
            "underline": "word_",
            "apostrophe": "word'",
            "hash": "number sign",
            "at": "mail@",
        },
    ),
    "space": (_AS_SPACE, {"space": "space"}),
    "letters": (_AS_MARK, _to("letters", "letter", *_EXTENDERS)),
    # marks
    "mark": (_AS_MARK, _REPEATS),
    "closed": (_AS_MARK, _to("closed", *_EXTENDERS)),
    "underline": (_AS_MARK, {**_REPEATS, "repeat": "underline", **_to("word", *_LATIN)}),
    "emoji": (_AS_MARK, {"repeat": "emoji", **_to("emoji x", "extend", "keycap"), "joiner": "emoji+"}),
    "emoji x": (_AS_MARK, {**_to("emoji x", "extend", "keycap"), "joiner": "emoji+"}),
    "emoji+": (_AS_MARK, {"emoji": "emoji", **_to("emoji x", "extend", "keycap"), "joiner": "emoji+"}),
    "script": (_AS_MARK, {"script": "script", **_to("closed", *_EXTENDERS)}),
    "flag": (_AS_MARK, {"flag": "closed", **_to("closed", *_EXTENDERS)}),
    # numbers
    "digits x": (_AS_NUM, _IN_NUMBER),
    "digits.": (None, {"digit": "digits"}),
    "digits-": (None, {"digit": "digits", **_to("word", *_LATIN)}),
    "number sign": (_AS_NUM, _to("number sign", *_EXTENDERS)),
    "percent": (_AS_NUM, {**_to("percent", *_EXTENDERS), "hyphen": "percent-"}),
    "percent-": (None, {"digit": "digits"}),
    "power": (_AS_NUM, {"script": "power", **_to("power", *_EXTENDERS), **_to("word", *_LATIN)}),
    "minus": (_AS_MARK, {**_REPEATS, "digit": "digits", "underline": "-_"}),
    "minus?": (_AS_MARK, {**_REPEATS, "digit": "loss", "underline": "-_"}),
    "loss": (None, {"digit": "loss", **_to("loss.", "dot", "comma"), **_to("percent", "percent", "permille")}),
    "loss.": (None, {"digit": "loss"}),
    # Latin words
    "one": (_AS_LAT, _IN_ONE_LETTER),
    "one.": (None, {**_to("abbreviation", *_LATIN), "digit": "word"}),
    "abbreviation": (_AS_LAT, {**_IN_WORD, "dot": "abbreviation."}),
    "abbreviation.": (_AS_LAT, {**_to("abbreviation", *_LATIN), "digit": "word", **_to("word x", *_EXTENDERS)}),
    "word": (_AS_LAT, _IN_WORD),
    "word x": (_AS_LAT, _to("word x", *_EXTENDERS)),
    "word'": (None, _to("word", *_LATIN)),
    "word-": (None, _to("word", *_INNER)),
    "word_": (None, {**_to("word", *_INNER), "repeat": "word_"}),
    "word.": (None, _to("word", *_INNER)),
    "plus~": (
        _AS_LAT,
        {"repeat": "plus plus~", **_to("refused", *_INNER, "han", "letter"), **_to("word x", *_EXTENDERS)},
    ),
    "plus plus~": (_AS_LAT, {"digit": "word", "repeat": "refused", **_to("word x", *_EXTENDERS)}),
    "sharp~": (_AS_LAT, {**_to("refused", *_INNER), **_to("word x", *_EXTENDERS)}),
    "refused": (None, {}),
    # addresses
    "w": (_AS_LAT, {**_IN_ONE_LETTER, "w": "ww"}),
    "ww": (_AS_LAT, {**_IN_WORD, "w": "www"}),
    "www": (_AS_LAT, {**_IN_WORD, "dot": "www."}),
    "www.": (None, _to("host", *_INNER)),
    "host": (
        _AS_LAT,
        {
            **_to("host", *_INNER),
            **_to("www.", "dot", "hyphen", "wide hyphen", "underline"),
            "slash": "url",
            **_to("word x", *_EXTENDERS),
        },
    ),
    "scheme": (None, {"slash": "scheme:/"}),
    "scheme:/": (None, {"repeat": "//"}),
    "//": (None, {**_to("url", *_INNER), "repeat": "//"}),
    "url": (_AS_MARK, {**_IN_URL, **_to("url", *_EXTENDERS)}),
    "url.": (None, _IN_URL),
    "mail@": (None, _to("mail", *_INNER)),
    "mail": (
        _AS_MARK,
        {
            **_to("mail", *_INNER, "underline"),
            **_to("mail@", "dot", "hyphen", "wide hyphen"),
            **_to("closed", *_EXTENDERS),
        },
    ),
    "@": (_AS_MARK, {**_REPEATS, **_to("name", *_LATIN)}),
    "name": (_AS_MARK, {**_to("name", *_INNER, "underline"), "hyphen": "name-", **_to("closed", *_EXTENDERS)}),
    "name-": (None, _to("name", *_INNER)),
    "escape": (_AS_MARK, {**_REPEATS, **_to("%1", *_INNER)}),
    "%1": (None, _to("%2", *_INNER)),
    "%2": (None, {"percent": "%3"}),
    "%3": (None, _to("%4", *_INNER)),
    "%4": (None, _to("%5", *_INNER)),
    "%5": (_AS_MARK, {"percent": "%3", **_to("closed", *_EXTENDERS)}),
    # topics, faces
    "hash": (_AS_MARK, {**_REPEATS, **_to("topic", "han", "letter", "digit"), **_to("tag~", *_LATIN)}),
    "tag~": (
        _AS_MARK,
        {**_IN_TOPIC, **_to("tag~", *_INNER, "script", "underline", "extend", "joiner"), "hash": "closed"},
    ),
    "topic": (None, {**_IN_TOPIC, "hash": "closed"}),
    "[": (_AS_MARK, {**_REPEATS, "han": "[2", **_to("[1", *_LATIN)}),
    "[1": (None, _to("[2", "han", *_LATIN)),
    **{f"[{n}": (None, {**_to(f"[{n + 1}", "han", *_LATIN), "unbracket": "closed"}) for n in range(2, 6)},
    "[6": (None, {"unbracket": "closed"}),
    "colon": (_AS_MARK, {**_REPEATS, "hyphen": ":-", "close": "smile", "open": "frown~"}),
    "eyes": (_AS_MARK, {**_REPEATS, "hyphen": ":-"}),
    ":-": (None, {**_to("smile", "open", "close"), **_to(":-D~", *_LATIN)}),
    ":-D~": (_AS_MARK, {**_to("refused", *_INNER), **_to("closed", *_EXTENDERS)}),
    "smile": (_AS_MARK, {**_REPEATS, "repeat": "smile"}),
    "frown~": (
        _AS_MARK,
        {**_to("refused", *_INNER, "han", "letter", "hyphen"), "repeat": "frown~", **_to("closed", *_EXTENDERS)},
    ),
    "caret": (_AS_MARK, {**_REPEATS, **_to("^_", "underline", "hyphen", "dot")}),
    "^_": (None, {"repeat": "^_", "caret": "closed"}),
    "-_": (None, {"repeat": "-_", "hyphen": "closed"}),
    # characters described by their parts, of which so many are to come
    "two parts": (_AS_MARK, {**_ways_to_parts(2), **_to("closed", *_EXTENDERS)}),
    "three parts": (_AS_MARK, {**_ways_to_parts(3), **_to("closed", *_EXTENDERS)}),
    **{f"parts {n}": (None, _ways_to_parts(n)) for n in range(1, 7)},
}


def _rank_of_state(name: str) -> int:
    """Order of the states: those that accept nothing, those that do late, and the others."""
    return 0 if _TOKEN_STATES[name][0] is None else 1 if name.endswith("~") else 2


_STATE_ORDER = sorted(_TOKEN_STATES, key=_rank_of_state)
NO_WAY, OPENING, BEHIND_SYMBOL, DIGITS = map(_STATE_ORDER.index, ("dead", "opening", "behind symbol", "digits"))
"""The state without a way on; those before the first character of a token, behind a mark, whitespace or nothing, and
behind a symbol; and the one behind a digit, which a number in Han characters may follow."""

FIRST_LATE, FIRST_ACCEPTED = ([*map(_rank_of_state, _STATE_ORDER)].index(rank) for rank in (1, 2))
"""States from the first of these on accept late, from the second on at once."""


def _ways_of(name: str, reading: int) -> dict[str, str]:
    """The ways on from a state, without those that are closed when text is read so."""
    ways = _TOKEN_STATES[name][1]
    if reading & URLS_APART:
        closed = {"scheme", "mail@", "url" if name == "host" else ""}
        ways = {each: to for each, to in ways.items() if to not in closed}
        if name == "behind symbol":
            ways["at"] = "mark"
    if reading & NUMBERS_APART and name in ("digits", "digits x", "digits-", "power", "loss"):
        ways = {each: to for each, to in ways.items() if to not in ("percent", "word", "word_", "word'")}
    return ways


@functools.cache
def token_automaton(reading: int = 0) -> bytes:
    """Make the table of the automaton.

    Parameters
    ----------
    reading : int
        `URLS_APART` and `NUMBERS_APART`, added up, close some ways.

    Returns
    -------
    bytes
        First the code of the tokens that end in each state, plus 1; then from `CODES_SIZE` on the rows: the next state,
        `NO_WAY` for none, at the state times two to the `COLUMN_BITS` plus the class.
    """
    codes = bytearray(CODES_SIZE)
    rows = bytearray(len(_STATE_ORDER) << COLUMN_BITS)
    for state, name in enumerate(_STATE_ORDER):
        codes[state] = _TOKEN_STATES[name][0] or 0
        for each, following in _ways_of(name, reading).items():
            rows[state << COLUMN_BITS | CLASSES.index(each)] = _STATE_ORDER.index(following)
    return bytes(codes) + bytes(rows)

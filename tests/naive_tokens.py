"""Twin of the automaton of tokens: regular expressions over the classes of characters, of which the longest decides."""

import re

from segtool.text.symbols import LAT, MARK, NUM, SPACE, class_table
from segtool.text.token_grammar import CLASSES, MOST_BEFORE
from tests.naive_numbers import end_of_number

LETTERS = dict(
    mark="m", space="s", letter="t", extend="e", digit="D", latin="L", han="H", dot=".", comma=",", colon=":",
    slash="/", sign="S", percent="%", permille="P", hyphen="-", apostrophe="'", ampersand="&", plus="+", hash="#",
    at="@", underline="_", equals="=", stop="!", open="(", close=")", emoji="o", script="2", w="w", flag="f",
    repeat="R", joiner="j", keycap="k", semicolon=";", caret="^", bracket="[", unbracket="]",
)  # fmt: skip
LETTERS |= {"wide hyphen": "~", "two parts": "p", "three parts": "q"}
_SHORT = {
    "{X}": "[ejk]*",  # what extends a character
    "{A}": "[LwD]",
    "{l}": "[Lw]",
    "{MORE}": "(?:D|[.,:/S]D|-D|[ej]+D|[%P]{X}-D)*",  # behind the first digit of a number
    "{LOSS}": "[-~+]D(?:[.,]?D)*[%P]",
}


def _pattern(text):
    for _ in range(3):
        for short, long in _SHORT.items():
            text = text.replace(short, long)
    return re.compile(text)


_NUMBER = "(?:D|SIGND|{LOSS}{X}-D){MORE}"
_WORD = (
    "(?:{l}|_R*{l}|NUMBER(?:[ej]*{l}|[ej]*2[2ejk]*{l}|'{l}|_R*{A}|-{l}))"
    "(?:[LwD2ejk]|'{l}|[-~&]{A}|_R*{A}|[.]{A}|[+]RD)*"
)
_PLUS = "(?:[+]R(?!R){X}|[+][ejk]+|[+](?![LwDHtRejk]))?"
_HOST = "www[.]{A}(?:[-._~]?{A})*"
_URL = "(?:[-LwD/_&#%=+@]|(?<=[-LwD/_&#%=+@ejk])[ejk]|[.,:'!;()*R]+[-LwD/_&#%=+@])*"
_TOPIC = "[-HtLwD2_.&+'oRej]"


def described(window):
    """Length of a character described by its parts, with what extends it; 0 if none begins there."""
    to_come = 1
    for i, letter in enumerate(window):
        to_come += {"p": 1, "q": 2, "H": -1}.get(letter, 9)
        if to_come == 0 and i:
            rest = window[i + 1 :]
            return len(window) - len(rest.lstrip("ejk"))
        if not 0 < to_come <= 6:
            break
    return 0


def _rules(sign):
    number = _NUMBER.replace("SIGN", sign)
    return [
        (SPACE, _pattern("s+")),
        (MARK, _pattern("t[tejk]*")),
        (MARK, _pattern("[-m.,:/S%P~'&+#@_=!();^\\[\\]]R*{X}|[pq]{X}")),
        (MARK, _pattern("2+{X}")),
        (MARK, _pattern("ff?{X}")),
        (MARK, _pattern("oR*(?:[ejk]*(?<=j)oR*)*{X}")),
        (MARK, _pattern(number + "[ej]*k{X}")),
        (NUM, _pattern(number + "(?:[ej]*2[2ejk]*|[ej]+|[%P]{X})?")),
        (NUM, _pattern("{LOSS}{X}")),
        (LAT, _pattern((_WORD + _PLUS).replace("NUMBER", number))),
        (NUM, _pattern(number + "#{X}")),
        (MARK, _pattern(f"(?:{_WORD}:/R+{{A}}|{_HOST}/){_URL}".replace("NUMBER", number))),
        (LAT, _pattern(_HOST + "{X}")),
        (MARK, _pattern(f"(?:{_WORD}|{number})@{{A}}(?:[LwD_]|[-.~]{{A}})*{{X}}".replace("NUMBER", number))),
        (MARK, _pattern("@{l}(?:[LwD_]|-{A})*{X}")),
        (MARK, _pattern("%{A}{A}(?:%{A}{A})+{X}")),
        (MARK, _pattern(f"#{{l}}[LwD2_ej]*(?![#LwD2_ej]|{_TOPIC})")),
        (MARK, _pattern(f"#[HtDLw]{_TOPIC}*#{{X}}")),
        (MARK, _pattern("\\[(?!{l}\\])(?:{l}[HLw]{1,5}|H[HLw]{0,4})\\]{X}")),
        (MARK, _pattern("[:;]-[()]R*{X}|:[)]R*{X}|[:;]-{l}(?![LwD]){X}|:[(]R*(?:[ejk]+|(?![-LwDHtRejk]))")),
        (MARK, _pattern("\\^[-_.]R*\\^{X}|[-~+]_R*-{X}")),
        (LAT, _pattern("{l}[#](?:[ejk]+|(?![LwDejk]))")),
        (LAT, _pattern("{l}(?:[.]{l})+[.]{X}")),
    ]


RULES = {False: _rules("[-~+]"), True: _rules("(?!)")}
"""Code and pattern of each kind of token, behind a boundary and behind a symbol."""

WINDOW = 3000


def tokens(text, numbers=False):
    """(start, end, code) of each token."""
    table, letters = class_table(), [LETTERS[name] for name in CLASSES]
    classes = "".join(letters[table[ord(char)]] for char in text)
    alone = set("m.,:/S%P-~'&+#@_=!()o;^[]")
    repeats = "".join(
        "R" if i and char == text[i - 1] and classes[i] in alone else classes[i] for i, char in enumerate(text)
    )
    found = []
    at = 0
    while at < len(text):
        begin = at
        while classes[at : at + 1] in {*"ejk"}:
            at += 1
        if begin < at and (classes[at : at + 1] in {"", "s"} or len(text[begin:at].encode()) > MOST_BEFORE):
            found.append((begin, at, MARK))
            continue
        if classes[at] == "H":
            end, code = at + 1, ord(text[at])
        else:
            window = classes[at] + repeats[at + 1 : at + WINDOW]
            behind = bool(found) and found[-1][2] > 0
            ends = [(match.end(), code) for code, rule in RULES[behind] if (match := rule.match(window))]
            ends.append((described(window), MARK))
            size, code = max(ends, key=lambda each: each[0])
            end = at + size
        if numbers and (classes[at] == "H" or code == NUM):
            number = end_of_number(text, at, end, classes[at] != "H")
            if number is not None:
                code, end = NUM, number
        if code != SPACE:
            while classes[end : end + 1] in {*"ejk"}:
                end += 1
        found.append((begin, end, code))
        at = end
    return found

"""Text to tokens: the table in the module's docstring, character classes, and two forms of one kernel."""

import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segtool.text.symbols import CODE_LIMIT, LAT, MARK, NUM, SPACE, STAND_INS, class_table, code_points, symbolise
from segtool.text.token_grammar import CLASSES
from tests import naive

MARK_CLASS, SPACE_CLASS, LETTER_CLASS, EXTEND_CLASS, DIGIT_CLASS, LATIN_CLASS, HAN_CLASS = range(7)

# A few of every kind, so that they meet: signs, repeats, joiners, line ends.
CHARACTERS = (
    "一二𠮷〇15５awZｚαдのᄀ.．·,/／:：∶%％‰-－'’&+＋#@_~$?;()[]^⿰⿲₂²。—…👩♂🇨\u0301\ufe0f\u200b\u00ad\ufeff\u200d\u20e3"
    " \n\r\t\u3000\ud800\udfff"
)
TEXTS = st.one_of(
    st.text(st.sampled_from(CHARACTERS), max_size=12),
    st.text(st.sampled_from("1５.：%-\u0301一"), max_size=9),
    st.text(st.sampled_from("aW1.-_'&+#一\u00ad"), max_size=10),
    st.text(st.sampled_from("aw1.:/@-_?(#%"), max_size=14),
    st.text(st.sampled_from("#[]一a1@_-。 \u200b"), max_size=12),
    st.text(st.sampled_from(":;-()a^_⿰⿲一\u0301 "), max_size=9),
    st.text(st.sampled_from("。👩♂🇨\u200d\ufe0f\u20e3一1\n"), max_size=9),
    st.text(max_size=8),
)


def compiled(text):
    """Tokens by the compiled kernel, as naive.tokens() gives them; outputs of exactly the stated size."""
    points = code_points(text)
    codes, starts = np.empty(len(text), np.int32), np.empty(len(text), np.int32)
    count = symbolise.compiled(points, np.frombuffer(class_table(), np.uint8), codes, starts)
    return as_tokens(codes[:count].tolist(), starts[:count].tolist(), len(text))


def interpreted(text):
    codes, starts = [0] * len(text), [0] * len(text)
    count = symbolise.interpreted(list(map(ord, text)), class_table(), codes, starts)
    return as_tokens(codes[:count], starts[:count], len(text))


def as_tokens(codes, starts, length):
    return list(zip(starts, [*starts, length][1:], codes, strict=True))


def shown(text):
    """Tokens as their slice and code."""
    return [(text[start:end], code) for start, end, code in compiled(text)]


@settings(max_examples=600)
@given(TEXTS)
@example("")
def test_kernel_is_naive(text):
    tokens = naive.tokens(text)
    assert compiled(text) == tokens
    assert interpreted(text) == tokens


def test_kernel_is_naive_on_real_text(sample_text):
    tokens = naive.tokens(sample_text)
    assert compiled(sample_text) == tokens
    assert interpreted(sample_text) == tokens


@given(TEXTS)
def test_tokens_cover_the_text(text):
    tokens = compiled(text)
    assert "".join(text[start:end] for start, end, _ in tokens) == text
    assert all(start < end for start, end, _ in tokens)


@given(TEXTS)
def test_whitespace_tokens_are_whitespace_and_no_other_is(text):
    for start, end, code in compiled(text):
        assert text[start:end].isspace() == (code == SPACE)
        assert not any(map(str.isspace, text[start:end])) or code == SPACE


@given(TEXTS)
def test_text_from_a_token_on_has_the_same_tokens(text):
    """A token depends on none before it, but for whether that is a symbol."""
    tokens = compiled(text)
    for before, (start, _, _) in zip([(0, 0, MARK), *tokens], tokens, strict=False):
        mark = "" if before[2] <= MARK else "一"
        gain = len(mark) - start
        rest = [(a + gain, b + gain, code) for a, b, code in tokens if a >= start]
        assert compiled(mark + text[start:])[len(mark) :] == rest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("１２．５％", [("１２．５％", NUM)]),
        ("1,000.50%5", [("1,000.50%", NUM), ("5", NUM)]),
        ("12%%", [("12%", NUM), ("%", MARK)]),
        ("%5", [("%", MARK), ("5", NUM)]),
        ("3.", [("3", NUM), (".", MARK)]),
        ("3.a", [("3", NUM), (".", MARK), ("a", LAT)]),
        ("3..5", [("3", NUM), ("..", MARK), ("5", NUM)]),
        (".5", [(".", MARK), ("5", NUM)]),
        ("3.%", [("3", NUM), (".", MARK), ("%", MARK)]),
        ("1\u0301.5", [("1\u0301", NUM), (".", MARK), ("5", NUM)]),
        ("1.5\u0301%", [("1.5\u0301", NUM), ("%", MARK)]),
        ("1%\u0301%", [("1%\u0301", NUM), ("%", MARK)]),
        ("8:30", [("8:30", NUM)]),
        ("2024/5/1", [("2024/5/1", NUM)]),
        ("9·11", [("9·11", NUM)]),
        ("3，5", [("3", NUM), ("，", MARK), ("5", NUM)]),
        ("1一", [("1", NUM), ("一", ord("一"))]),
        ("——", [("——", MARK)]),
        ("……", [("……", MARK)]),
        ("！？", [("！", MARK), ("？", MARK)]),
        ("。。」", [("。。", MARK), ("」", MARK)]),
        ("MP3", [("MP3", LAT)]),
        ("Ｃａｆé", [("Ｃａｆé", LAT)]),
        ("cafe\u0301s", [("cafe\u0301s", LAT)]),
        ("don't", [("don't", LAT)]),
        ("Москваの", [("Москваの", MARK)]),
        ("AλB", [("A", LAT), ("λ", MARK), ("B", LAT)]),
        ("👩\u200d💻", [("👩\u200d💻", MARK)]),
        ("👩🏽\u200d💻👩", [("👩🏽\u200d💻", MARK), ("👩", MARK)]),
        ("👨\u200d👩\u200d👧\u200d👦一", [("👨\u200d👩\u200d👧\u200d👦", MARK), ("一", ord("一"))]),
        ("👍👍🏽", [("👍👍🏽", MARK)]),
        ("5\ufe0f\u20e3", [("5\ufe0f\u20e3", MARK)]),
        ("\u0301一", [("\u0301一", ord("一"))]),
        ("一\n\u0301\u0302一", [("一", ord("一")), ("\n", SPACE), ("\u0301\u0302一", ord("一"))]),
        ("\u0301 一", [("\u0301", MARK), (" ", SPACE), ("一", ord("一"))]),
        ("葛\U000e0100城", [("葛\U000e0100", ord("葛")), ("城", ord("城"))]),
        ("𠮷野家", [("𠮷", ord("𠮷")), ("野", ord("野")), ("家", ord("家"))]),
        ("二〇二四", [("二", ord("二")), ("〇", ord("〇")), ("二", ord("二")), ("四", ord("四"))]),
        ("人々", [("人", ord("人")), ("々", ord("々"))]),
        (
            "一\ud800\ud800\udc00一",
            [("一", ord("一")), ("\ud800\ud800", MARK), ("\udc00", MARK), ("一", ord("一"))],
        ),
        ("一 \u3000\r\n二", [("一", ord("一")), (" \u3000\r\n", SPACE), ("二", ord("二"))]),
    ],
)
def test_examples(text, expected):
    assert shown(text) == expected


INVISIBLE = "永\u200b|远 永\u00ad|远 \u2060永|远 \ufeff永|远 \u200eABC 。\u200f|永 \u200b12|年"
EMOJI = (
    "🇫🇷|🇩🇪|🇫🇷|🇫 🇫🇷\ufe0f|🇩🇪 👩🏽\u200d🚒|👩 🏃\u200d♀\ufe0f|很|好 👍👍👍|👎 #\ufe0f\u20e3|1\ufe0f\u20e3|2\u20e3"
    " 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f|！ 👧\u200d|。 ❤\ufe0f|❤"
)
WORDS = """
    shouldn't rock'n'roll|' l’été|’ Procter&Gamble B&B &|amp|; i.e.|, P.R.C.|法 a.m. x|.|永 readme.txt|. J.K.Rowling
    e-mail state-of-the-art -|a|- a|--|b a|-|永 snake_case __init|__ _|永 Ｗｉ-Ｆｉ ＡＢ－１２ Notepad++ C++17|标|准
    C++|语|言 C|+++ A+|， A|+|级 HTML|+|CSS F# F#|语 F|#a ab|# p53 3D 1080p|的 M4A1 B-52 Covid-19 1.5L 100km|/|h 80's
    3-D v2.0.1 SO₄²⁻ cm² C₁₁H₂₂ 10²|个 ²|永 10⁻³
"""
NUMBERS = """
    -3.5|° （|-3|） 永|-|3 永|-3% 永|+0.5‰ 3|日|-|5|日 a-3 7:30-8:15 1999-12-31 010-12345678 5|－|0 －5 +86 1|+|1
    20%-30% 50%|-|永 3‰|5 5%|5 12|- 1|--|2
"""
ADDRESSES = """
    https://abc.cn/x?y=1&z=%E4#top|。|永 （|http://a.b/c|）
    ftp://u@h:21/d|, www.abc.com.cn|永 www.abc.cn/|永 ws://x/(y)z http|:|//
    li.ming@abc.com.cn|， 10086@qq.com|！ a@b|.|永 @abc_d|永 @|永 %E4%BD%A0%e5%a5%bd|永 50%|永 %|E4|永 a://b|;
"""
FACES = """
    #春天来了#|好 #AI绘画#|好 #include|<|a.h|> #|永|， #|1|。 1#|楼|2#|楼 好|[笑哭] [doge]|好 [|i|] [|1|]
    arr|[ij] [|一|二|三|四|五|六|] :-)|好 :)))|好 ;-) :-D|好 :|-|Da :|(|1|) :(|。 ^_^|好 -_-|好 T_T
    ⿰亻尔|的 ⿱艹⿰月月|的 ⿰|亻 ⿲彳言亍 □□|子
"""


@pytest.mark.parametrize("text", " ".join([INVISIBLE, EMOJI, WORDS, NUMBERS, ADDRESSES, FACES]).split())
def test_what_is_one_token(text):
    assert "|".join(token for token, _ in shown(text.replace("|", ""))) == text


def test_invisible_characters_behind_whitespace():
    assert shown("永\n\ufeff远\u200b \u200b") == [
        ("永", ord("永")), ("\n", SPACE), ("\ufeff远\u200b", ord("远")), (" ", SPACE), ("\u200b", MARK),
    ]  # fmt: skip
    assert shown("\u200b" * 30 + "远") == [("\u200b" * 30, MARK), ("远", ord("远"))]


@pytest.mark.parametrize("sign", ".．·,/／:：∶")
def test_inner_signs_stand_between_digits_only(sign):
    assert shown(f"1{sign}２") == [(f"1{sign}２", NUM)]
    assert shown(f"1{sign}一") == [("1", NUM), (sign, MARK), ("一", ord("一"))]
    assert shown(f"一{sign}2") == [("一", ord("一")), (sign, MARK), ("2", NUM)]


def test_whitespace_is_what_str_isspace_says():
    table = class_table()
    assert [code for code in range(sys.maxunicode + 1) if (table[code] == SPACE_CLASS) != chr(code).isspace()] == []


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0x3007, 0x3007),
        (0x3400, 0x4DBF),  # Ext-A
        (0x4E00, 0x9FFF),
        (0xF900, 0xFAD9),  # compatibility
        (0x20000, 0x2A6DF),  # Ext-B
        (0x2A700, 0x2EBE0),  # Ext-C to F
        (0x2EBF0, 0x2EE5D),  # Ext-I
        (0x2F800, 0x2FA1D),  # compatibility supplement
        (0x30000, 0x323AF),  # Ext-G and H
    ],
)
def test_han_blocks(low, high):
    assert set(class_table()[low : high + 1]) == {HAN_CLASS}


def test_every_ideograph_of_the_database_is_han():
    names = ((code, unicodedata.name(chr(code), "")) for code in range(0x110000))
    ideographs = [code for code, name in names if name.startswith(("CJK UNIFIED IDEO", "CJK COMPATIBILITY IDEO"))]
    assert len(ideographs) > 90_000
    assert {class_table()[code] for code in ideographs} == {HAN_CLASS}


def test_han_lies_below_the_limit_and_is_no_letter_of_another_script():
    han = [code for code, kind in enumerate(class_table()[:0x110000]) if kind == HAN_CLASS]
    assert max(han) < CODE_LIMIT
    for name in map(unicodedata.name, filter(str.isalpha, map(chr, range(0x3400)))):
        if name.split()[0] in ("HIRAGANA", "KATAKANA", "BOPOMOFO", "HANGUL", "GREEK", "CYRILLIC", "LATIN"):
            assert class_table()[ord(unicodedata.lookup(name))] != HAN_CLASS, name


@pytest.mark.parametrize(
    ("kind", "characters"),
    [
        (DIGIT_CLASS, "0123456789０１２３４５６７８９"),
        (LATIN_CLASS, "azAZéßĀｚＺ"),
        (LETTER_CLASS, "αЖのカㄅ한אع"),
        (EXTEND_CLASS, "\u0301\ufe0f\U000e0100🏽\u200b\u200c\u200e\u00ad\ufeff\u2060\U000e0067"),
        (CLASSES.index("sign"), "·／：\u2236"),
        (CLASSES.index("permille"), "％‰"),
        (CLASSES.index("emoji"), "👍❤♀©"),
        (CLASSES.index("script"), "₂²⁻"),
        (MARK_CLASS, "。，！—…《」€\x00\ud800\udfff\U0010ffff" + STAND_INS),
    ],
)
def test_classes(kind, characters):
    assert {class_table()[ord(char)] for char in characters} == {kind}


def test_code_points_keep_lone_surrogates():
    text = "a\ud800𠮷\udfff"
    assert code_points(text).tolist() == [0x61, 0xD800, 0x20BB7, 0xDFFF]
    assert code_points("").tolist() == []

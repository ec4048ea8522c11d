"""Numbers, units, dates and names with a middle dot, and what users choose about them."""

import copy
import itertools
import json
import pickle
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import segtool
from segtool.decode.decoders import decoder_of
from segtool.decode.formats import Format, format_utf8_stream
from segtool.decode.rule_table import NO_RULES, RULES_SIZE, rule_table
from segtool.decode.streaming import cut_stream
from segtool.decode.texts import TextCutter
from segtool.decode.word_rules import cut_numbers, number_lengths, starts_with_dot
from segtool.errors import ArgumentError, ModelError, UsageError
from segtool.guideline.token_labels import choices_of_labels
from segtool.segmenter import Segmenter
from segtool.text.choices import CHOICES, TokenChoices
from tests.helpers import interpreting, little_room, refusal, run, sample_model, sample_segmenter, sample_text, succeed
from tests.mutations import change_card
from tests.naive_word_rules import words_by_rule

SAMPLE = sample_segmenter()
INCLUDED = segtool.load()
EXTENDED = INCLUDED.with_words(prefer=["A5年"], force=["汉森", "王|小明"], forbid=["公里"])
ALL = [TokenChoices(*values) for values in itertools.product(*CHOICES.values())]

TEXTS = st.lists(
    st.sampled_from([*"路号第数年月日时点元一万", "约翰", "史密斯", "汉森", "百分之", "日电", "日元", "公里", "十二"])
    | st.sampled_from(["5", "17", "2024", "%", "kg", "A", "·", "‧", "・", "•", "。", ".", "\u200d", " ", "\n"])
    | st.sampled_from(["http://a.cn/b", "li@a.cn"]),
    max_size=14,
).map("".join)


def chosen(segmenter, choices):
    return segmenter.with_tokens(urls=choices.urls, names=choices.names, units=choices.units, dates=choices.dates)


def without_rules(segmenter):
    """The cutter of a segmenter as if it had no rules."""
    decoder = decoder_of(segmenter.model)
    decoder.rules, decoder._plain_rules = NO_RULES, NO_RULES.tolist()
    return TextCutter(decoder, segmenter.model.dictionary.get("literals", ()), segmenter.model.folds)


@pytest.mark.parametrize("choices", [*ALL[::5], TokenChoices()], ids=lambda each: "-".join(vars(each).values()))
@pytest.mark.parametrize("segmenter", [SAMPLE, INCLUDED], ids=["sample", "included"])
def test_rules_do_what_their_naive_twin_does(segmenter, choices):
    segmenter = chosen(segmenter, choices)
    bare = without_rules(segmenter)

    @given(TEXTS)
    @example("约翰·史密斯·汉森于2024年5月17日电")
    @example("路17号第17号数十二百分之十二")
    @example("约翰· 史密斯·5·汉森‧A")
    def check(text):
        wanted = words_by_rule(text, bare.cut(text, True), segmenter.model.reading, choices)
        assert segmenter._cutter.cut(text, True) == wanted
        assert segmenter._cutter.cut(text, False) == wanted

    check()


@pytest.mark.parametrize("choices", ALL, ids=lambda each: "-".join(vars(each).values()))
def test_all_calls_agree(choices):
    pyarrow = pytest.importorskip("pyarrow")
    text = (
        "约翰·史密斯跑了5公里，2024年5月17日电：中山路17号有3.5%，1.5kg，见https://a.cn/b?c=1或li@a.cn。\n十二点‧汉森\n"
    )
    lines = text.splitlines()
    for segmenter in (chosen(INCLUDED, choices), chosen(EXTENDED, choices)):
        wanted = [segmenter._cutter.cut(line, True) for line in lines]
        assert segmenter.cut_batch(lines, workers=2) == list(segmenter.cut_iter(lines)) == wanted
        assert [[each.word for each in segmenter.tokenize(line)] for line in lines] == wanted
        spans = [[line[a:b] for a, b in segmenter.spans(line).tolist()] for line in lines]
        assert spans == segmenter.cut_arrow(pyarrow.array(lines)).to_pylist() == wanted
        assert [segmenter.nbest(line, 3)[0].words for line in lines] == wanted
        assert [segmenter.sample(line, temperature=0) for line in lines] == wanted
        assert [segmenter.explain(line).words for line in lines] == wanted
        primary = [[each.word for each in segmenter.tokenize(line, search=True) if each.primary] for line in lines]
        assert primary == wanted
        joined = "".join("|".join(words) + "\n" for words in wanted)
        for workers, size in itertools.product((1, 2), (1, 2, 7, 1000)):
            pieces = [text[i : i + size] for i in range(0, len(text), size)]
            assert b"".join(cut_stream(segmenter, pieces, "|", workers)).decode() == joined
        with interpreting(False):
            kept = segmenter.separate(text, "|")
        assert kept == b"".join(cut_stream(segmenter, list(text), "|", 2, keep_space=True)).decode()
        assert kept.replace("|", "") == text
        formatted = b"".join(format_utf8_stream(segmenter, [text.encode()], Format("jsonl"), 2, itertools.count(1)))
        assert [json.loads(line)["words"] for line in formatted.splitlines()] == wanted
        assert pickle.loads(pickle.dumps(segmenter)).cut_batch(lines) == wanted


@given(TEXTS, st.lists(st.integers(0, 60), max_size=4), st.integers(4, 40))
@example("约翰·史密斯·汉森", [2, 3, 5, 7], 4)
@example("5月17日电", [1, 2, 4], 4)
def test_a_stream_is_cut_like_the_whole(text, cuts, room):
    for segmenter in (INCLUDED, EXTENDED, chosen(INCLUDED, TokenChoices(units="whole"))):
        wanted = "\n".join("|".join(segmenter._cutter.cut(line, True)) for line in text.split("\n"))
        places = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
        pieces = [text[low:high] for low, high in itertools.pairwise(places)]
        with interpreting(False), little_room(room):
            assert b"".join(cut_stream(segmenter, pieces, "|")).decode() == wanted
            assert segmenter.cut(text) == segmenter._cutter.cut(text, True)


def test_a_long_text():
    text = "".join(f"约翰·史密斯{i}月{i}日到中山路{i}号，汉森" + "·汉森" * (i % 7) for i in range(900))
    wanted = INCLUDED._cutter.cut(text, True)
    assert INCLUDED._cutter.cut(text, False) == wanted
    assert {"约翰·史密斯", "28日", "17号", "汉森·汉森·汉森"} <= set(wanted)
    with interpreting(False):
        found = INCLUDED.entries(text, 1)
    primary = [text[a:b] for a, b, is_word in zip(*found, strict=True) if is_word]
    assert primary == wanted
    assert found == INCLUDED._cutter.entries(text, 1, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("玛丽·冯·施密特", "玛丽·冯·施密特"),
        ("莉娜‧霍夫", "莉娜‧霍夫"),
        ("9·18", "9·18"),
        ("一·二", "一·二"),
        ("3·管理", "3 · 管理"),
        ("莉娜 · 霍夫", "莉娜 · 霍夫"),
        ("莉娜··霍夫", "莉娜 ·· 霍夫"),
        ("9月3日", "9月 3日"),
        ("11月30日晚", "11月 30日 晚"),
        ("8日元", "8 日元"),
        ("2031年9月3日", "2031年 9月 3日"),
        ("下午4时", "下午 4时"),
        ("长安街29号", "长安街 29号"),
        ("宽6米", "宽 6米"),
    ],
)
def test_words_by_default(text, words):
    assert INCLUDED.cut(text) == words.split(" ") or INCLUDED.cut(text) == words.split()


@pytest.mark.parametrize(
    ("choice", "text", "words"),
    [
        ({"urls": "parts"}, "见https://b.org/x?y=1", "见 https : // b.org / x ? y = 1"),
        ({"urls": "parts"}, "zhao@b.org", "zhao @ b.org"),
        ({"urls": "parts"}, "www.b.org/x", "www.b.org / x"),
        ({"names": "parts"}, "莉娜·霍夫", "莉娜 · 霍夫"),
        ({"units": "apart"}, "7.5%", "7.5 %"),
        ({"units": "apart"}, "7.5kg", "7.5 kg"),
        ({"units": "apart"}, "2031年", "2031 年"),
        ({"units": "apart"}, "H1N1", "H1N1"),
        ({"units": "whole"}, "7公里", "7公里"),
        ({"units": "whole"}, "三十五美元", "三十五美元"),
        ({"dates": "learned"}, "9月", "9月"),
    ],
)
def test_chosen_words(choice, text, words):
    assert INCLUDED.with_tokens(**choice).cut(text) == words.split()


def test_units_are_apart_or_whole_in_any_text():
    text = sample_text() + "。路上5公里，3点，26.95%，1.5L，2017年。"
    for segmenter in (INCLUDED, SAMPLE):
        words = segmenter.with_tokens(units="apart").cut(text)
        assert not [word for word in words if re.match(r"\d.*[^\d.,:/·-]", word)]
    whole = INCLUDED.with_tokens(units="whole").cut(text)
    assert not [pair for pair in itertools.pairwise(whole) if pair[0].isdecimal() and pair[1] in ("公里", "点", "年")]


def test_probabilities_follow_the_rules():
    text = "莉娜·霍夫9月3日到长安街29号"
    shares = INCLUDED.boundary_probabilities(text)
    assert shares[text.index("·") - 1] == shares[text.index("·")] == 0
    assert shares[text.index("29") - 1] == 1
    assert shares[text.index("日") - 1] == 0
    assert shares[text.index("日")] > 0.9
    apart = INCLUDED.with_tokens(names="parts", units="apart").boundary_probabilities(text)
    assert apart[text.index("·")] == 1
    assert apart[text.index("日") - 1] > 0.9
    assert ((shares >= 0) & (shares <= 1)).all()


def test_entries_of_names():
    assert INCLUDED.cut_for_search("莉娜·霍夫", within=0)[:2] == ["莉娜", "莉娜·霍夫"]
    assert "·" not in INCLUDED.cut_for_search("莉娜·霍夫", within=9)


def test_an_explanation_shows_both():
    report = INCLUDED.explain("莉娜·霍夫9月3日").report().splitlines()
    assert report[0] == "cut    莉娜·霍夫 9月 3日"
    assert report[1].startswith("scored 莉娜 · 霍夫 9月 3 日")


@pytest.mark.parametrize("text", ["·", "‧", "・", "•", "。", "a", "··", "é", "—"])
def test_dots(text):
    data = np.frombuffer(text.encode(), np.uint8)
    assert starts_with_dot.compiled(data, 0) == starts_with_dot.interpreted(data, 0) == (text[0] in "·‧・•")


def test_units_that_the_model_lacks_are_no_units():
    ids = np.full(0x40000, 9, np.uint16)
    ids[[ord("月"), ord("米")]] = 5, 6
    table = rule_table(ids, 9, TokenChoices(units="whole"))
    assert len(table) == RULES_SIZE
    assert set(table[1:].tolist()) == {0, 5, 6}


@given(st.lists(st.sampled_from([1, 2, 3, 4, 5]), max_size=9), st.data())
def test_numbers_compiled(symbols, data):
    ids = np.full(0x40000, 9, np.uint16)
    ids[[ord(each) for each in "月日米第"]] = 3, 4, 5, 6
    for choices in (TokenChoices(), TokenChoices(units="whole"), TokenChoices(units="apart")):
        rules = rule_table(ids, 9, choices)
        begins = [0, 1, *data.draw(st.lists(st.integers(0, 1), min_size=len(symbols), max_size=len(symbols)))]
        begins[len(symbols) + 1 :] = [1]
        padded, arrays = [0, *symbols, 0], np.array(begins, np.int32)
        numbers = [t for t in range(len(symbols), 0, -1) if padded[t] == 1]
        places = [t for t in range(1, len(begins)) if begins[t]]
        lengths = number_lengths(symbols, [b - a for a, b in itertools.pairwise(places)], rules.tolist())
        given_arrays = [np.array(each, np.int32) for each in (numbers, padded)]
        cut_numbers.compiled(len(symbols), *given_arrays, arrays, rules)
        starts = np.flatnonzero(arrays[1:]).tolist()
        assert lengths == [b - a for a, b in itertools.pairwise(starts)]


def test_choices_are_kept(tmp_path):
    segmenter = INCLUDED.with_tokens(units="apart").with_tokens(names="parts")
    assert segmenter.model.token_choices == TokenChoices(names="parts", units="apart")
    segmenter.save(tmp_path / "m")
    saved = segtool.load(tmp_path / "m")
    assert saved.cut("莉娜·霍夫走7公里") == segmenter.cut("莉娜·霍夫走7公里")
    back = saved.with_tokens(names="whole", units="learned")
    assert pickle.loads(pickle.dumps(back)).cut("莉娜·霍夫") == ["莉娜·霍夫"]
    assert copy.copy(segmenter).cut("莉娜·霍夫") == ["莉娜", "·", "霍夫"]
    assert Segmenter(segmenter.model).with_granularity(1).model.token_choices.names == "parts"


def test_wrong_choices():
    with pytest.raises(UsageError, match="units=none is no choice: choose from learned, whole, apart"):
        INCLUDED.with_tokens(units="none")
    with pytest.raises(ArgumentError, match="did you mean urls"):
        INCLUDED.with_tokens(url="parts")


@pytest.mark.parametrize("wrong", [{"units": "none"}, {"url": "parts"}, {"urls": None}])
def test_wrong_choices_of_a_model(wrong, tmp_path):
    SAMPLE.save(tmp_path / "m")
    change_card(tmp_path / "m", lambda card: card | {"tokens": wrong})
    with pytest.raises(ModelError, match="tokens"):
        segtool.load(tmp_path / "m")


def test_other_methods_have_no_choices():
    with pytest.raises(UsageError, match="train one of method unigram"):
        segtool.train(texts=["今天天气很好。" * 9], method="cohesion").with_tokens(urls="parts")


def test_labels_choose():
    apart = [["莉娜", "·", "霍夫", "9", "月", "3", "日", "来"]]
    assert choices_of_labels(SAMPLE.model, apart) == {"names": "parts", "dates": "learned"}
    whole = [["莉娜·霍夫", "9月", "3日", "来"], *apart]
    assert choices_of_labels(SAMPLE.model, whole) == {"names": "whole", "dates": "parts"}
    joined = [["9月3日", "来"], ["2031年9月3日", "来"], *whole]
    assert choices_of_labels(SAMPLE.model, joined)["dates"] == "learned"
    assert choices_of_labels(SAMPLE.model, [["今天", "很好"]]) == {}
    given = SAMPLE.with_tokens(names="parts").model
    assert choices_of_labels(given, whole)["names"] == "parts"


def test_the_command(tmp_path):
    text = "莉娜·霍夫9月3日走7公里，见http://b.org/x\n"
    model = sample_model()
    for given_choices in ("urls=parts", "names=parts,units=apart", "units=whole"):
        pairs = dict(each.split("=") for each in given_choices.split(","))
        wanted = " ".join(segtool.load(model).with_tokens(**pairs).cut(text)) + "\n"
        assert succeed("cut", "-m", model, "--tokens", given_choices, input=text.encode()).stdout.decode() == wanted
    shown = succeed("explain", "--tokens", "names=parts", "莉娜·霍夫").stdout.decode()
    assert shown.startswith("cut    莉娜 · 霍夫\n")
    for wrong in ("urls", "urls=no", "x=parts", ""):
        done = run("cut", "--tokens", wrong, input=b"")
        assert done.returncode == 2
        assert "tokens" in refusal(done.stderr)

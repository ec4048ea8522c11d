"""Explanations: scores and alternatives are those of all covers, sums are exact, and every text has a report."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segtool
from segtool.decode.block import ROWS, Scratch
from segtool.decode.texts import TextCutter
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.errors import UsageError
from segtool.explain.explain import MOST_CHARACTERS, ORIGINS, explain_runs
from segtool.limits import LONGEST_WORD
from segtool.segmenter import Segmenter
from tests import naive, naive_explain
from tests.helpers import any_text, extend, refusal, run, sample_model, sample_segmenter, sample_text, succeed
from tests.naive import STRANGE
from tests.toy_decoder import TEXTS, UNKNOWN, decoders

SEGMENTER = sample_segmenter()
EXTENDED = Segmenter(extend(SEGMENTER.model, 3))
TEXT = "医生说今天要休息，12.5%的人在北京大学学习C++。"


def explain(segmenter, text):
    return segmenter.explain(text)


def no_counts(symbols):
    return None


def steps(nats):
    """A score in steps, which must be a whole number of them."""
    assert float(nats * WEIGHT_UNIT).is_integer()
    return int(nats * WEIGHT_UNIT)


# Against all covers


def runs_of(decoder, text):
    """Runs of a text as codes, with the weights of all their words."""
    extras = decoder.extras
    for found in naive.runs_of_tokens(naive.tokens(text)):
        codes = [code if not extras.tags or (code,) in extras.tags else STRANGE for _, _, code in found]
        singles = {(code,): UNKNOWN for code in codes if (code,) not in decoder.weights}
        yield found, codes, decoder.weights | singles


def with_detour(cut, alternative):
    """The words of a cut, as (start, end), with an alternative in its place."""
    inside = [word for word in cut if alternative.start <= word[0] < alternative.end]
    assert inside[0][0] == alternative.start and inside[-1][1] == alternative.end
    ends = list(itertools.accumulate(map(len, alternative.words), initial=alternative.start))
    assert ends[-1] == alternative.end
    other = list(itertools.pairwise(ends))
    assert other[0] != inside[0] and other[-1] != inside[-1]
    return (
        [word for word in cut if word not in inside and word[0] < alternative.start]
        + other
        + [word for word in cut if word[0] >= alternative.end]
    )


@settings(max_examples=400)
@given(decoders(), TEXTS)
def test_explanations_are_naive(decoder, text):
    explained = [each for each in explain_runs(TextCutter(decoder.decoder), text, no_counts) if each.origin is None]
    for one, (found, codes, weights) in zip(explained, runs_of(decoder, text), strict=True):
        score, words, gaps, without, score_of = naive_explain.explain(codes, weights, decoder.extras)
        assert steps(one.score) == score
        starts = [start for start, _, _ in found]
        at = {start: i for i, start in enumerate([*starts, found[-1][1]])}
        seen = {(at[w.start], at[w.end]): (steps(w.score), steps(w.loss), w.chosen) for w in one.words}
        assert seen == words
        assert [(steps(gap.score), gap.chosen) for gap in one.gaps] == gaps
        assert [gap.place for gap in one.gaps] == starts[1:]
        cut = [(word.start, word.end) for word in one.cover]
        for item in (*one.cover, *one.gaps):
            place = (at[item.start], at[item.end]) if hasattr(item, "start") else at[item.place]
            if item.alternative is None:
                assert without[place] is None
                continue
            assert steps(item.alternative.loss) == without[place]
            other = with_detour(cut, item.alternative)
            cover = [tuple(codes[at[start] : at[end]]) for start, end in other]
            assert score - score_of(cover) == without[place]
            if hasattr(item, "start"):
                assert (item.start, item.end) not in other
            else:
                assert (item.place in {start for start, _ in other}) != item.chosen


# Sums


def kernel_score(decoder, symbols):
    """Score of the best cover of a run by the compiled kernel, in steps."""
    size = len(symbols)
    scratch = Scratch(size)
    scratch.put(np.array(symbols, np.uint16))
    settled, _ = decoder.search(size, size, 0, scratch, np.empty(LONGEST_WORD * size, np.int64))
    assert settled == size
    return int(scratch.scores[(LONGEST_WORD + 1) * (len(scratch.places) // ROWS)])


@given(any_text)
def test_sums_are_exact(text):
    for segmenter in (SEGMENTER, EXTENDED, EXTENDED.with_granularity(1.7)):
        explanation = explain(segmenter, text)
        assert explanation.words == segmenter.cut(text)
        runs = [symbols for _, symbols in segmenter._cutter.decoder.plain_runs(text)]
        for one, symbols in zip(explanation.runs, runs, strict=True):
            assert (one.origin == "mark") == (not symbols)
            for word in one.words:
                assert word.score == sum(part.nats for part in word.parts)
                assert word.origin in ORIGINS
            for gap in one.gaps:
                assert gap.score == gap.tagger + gap.granularity == sum(part.nats for part in gap.parts)
            total = sum(word.score for word in one.cover) + sum(gap.score for gap in one.cuts)
            assert total == one.score
            assert len(one.cuts) == max(len(one.cover) - 1, 0)
            if symbols:
                assert steps(one.score) == kernel_score(segmenter._cutter.decoder, symbols)
        assert explanation.score == sum(one.score for one in explanation.runs)


def test_a_long_run_adds_up():
    text = sample_text().translate({ord(c): None for c in "，。、；：？！\n “”"})[:3000]
    (one, *_), symbols = explain(EXTENDED, text).runs, next(EXTENDED._cutter.decoder.plain_runs(text))[1]
    assert steps(one.score) == kernel_score(EXTENDED._cutter.decoder, symbols)


def test_granularity_is_a_share_of_each_gap():
    before, after = explain(EXTENDED, TEXT), explain(EXTENDED.with_granularity(2), TEXT)
    for old, new in zip(before.runs, after.runs, strict=True):
        for gap, other in zip(old.gaps, new.gaps, strict=True):
            assert (gap.granularity, other.granularity, gap.tagger) == (0, 2, other.tagger)
    assert "granularity +2.000" in after.report()
    assert "granularity" not in before.report()


# Origins


def test_origins():
    explanation = explain(EXTENDED, "今天龘𠮷了")
    found = {word.word: word for one in explanation.runs for word in one.words}
    assert {found[c].origin for c in "龘𠮷"} == {"unknown character"}
    assert found["龘𠮷"].origin == "unknown word" and found["龘𠮷"].count is None
    assert [part.name for part in found["今天龘𠮷"].parts] == ["first", "middle", "middle", "last"]
    assert "".join(part.text for part in found["今天龘𠮷"].parts) == "今天龘𠮷"
    assert found["今天"].origin == "lexicon"
    assert found["今天"].count == sample_text().count("今天")
    assert 0 < found["今天"].expected <= found["今天"].count
    assert found["了"].count == sample_text().count("了")


def test_every_word_of_the_lexicon_has_its_count():
    words = SEGMENTER.model.words
    for i in range(0, len(words), 37):
        word = SEGMENTER.model.spell(i)
        (one,) = explain(SEGMENTER, word.replace("0", "5")).runs
        whole = one.words[-1] if len(one.symbols) == 1 else next(w for w in one.words if w.word == one.word)
        assert (whole.count, whole.expected) == (int(words["count"][i]), float(words["expected"][i]))


# Dictionaries

HAN = "今天气很好我们去公园散步和服务"
found_words = st.lists(st.text(st.sampled_from(HAN + "\u9fa5"), min_size=2, max_size=4), max_size=8, unique=True)


@given(st.text(st.sampled_from(HAN + "，\u9fa5"), max_size=20), found_words, st.booleans(), st.booleans())
def test_origins_of_a_dictionary(text, found, complete, again):
    lists = {name: found[i::4] for i, name in enumerate(("prefer", "force", "forbid", "words"))}
    segmenter = SEGMENTER.with_words(**lists, words_only=complete and bool(lists["words"]))
    complete = complete and bool(lists["words"])
    if again:
        segmenter = segmenter.with_words(prefer=found[:1])
        lists |= {name: [word for word in listed if word not in found[:1]] for name, listed in lists.items()}
        lists["prefer"] += found[:1]
    names = {"preferred": "prefer", "forced": "force", "forbidden": "forbid", "listed": "words"}
    origins = {word: origin for origin, name in names.items() for word in lists[name]}
    own = {word.word: word.origin for one in SEGMENTER.explain(text).runs for word in one.words}
    explanation = segmenter.explain(text)
    assert explanation.words == segmenter.cut(text)
    for one in explanation.runs:
        for word in one.words:
            learned = own.get(word.word, "unknown word")
            if complete and learned == "lexicon" and len(word.word) > 1:
                learned = "unlisted"
            assert word.origin == origins.get(word.word, learned)
            assert word.score == sum(part.nats for part in word.parts)
            force = [part.nats for part in word.parts if part.name == "force"]
            assert force == ([1000.0 * len(word.word)] if word.origin == "forced" else [])
            assert (word.count is None) == (word.word not in SAMPLE_WORDS)
        assert sum(word.score for word in one.cover) + sum(gap.score for gap in one.cuts) == one.score


SAMPLE_WORDS = {SEGMENTER.model.spell(i) for i in range(len(SEGMENTER.model.words))}


def test_origins_are_saved(tmp_path):
    segmenter = SEGMENTER.with_words(prefer=["很好"], force=["天气很"], forbid=["今天"], words=["公园"])
    segmenter.save(tmp_path / "m")
    saved = segtool.load(tmp_path / "m").explain("今天天气很好公园")
    assert saved.runs == segmenter.explain("今天天气很好公园").runs
    found = {word.word: word.origin for word in saved.runs[0].words}
    assert [found[word] for word in ("今天", "天气很", "很好", "公园", "天气")] == [
        *("forbidden", "forced", "preferred", "listed", "lexicon")
    ]


def test_single_symbols_of_a_dictionary():
    found = SEGMENTER.with_words(force=["龘", "今"], prefer=["好"]).explain("龘今好").runs[0].words
    assert {word.word: word.origin for word in found if len(word.word) == 1} == {
        "龘": "forced",
        "今": "forced",
        "好": "lexicon",
    }
    new = SEGMENTER.with_words(prefer=["龘今"]).explain("龘").runs[0].words
    assert (new[0].origin, new[0].count) == ("unknown character", None)


def test_literals_and_splits():
    segmenter = SEGMENTER.with_words(force=["C++", "iPhone 15 Pro", "今天|天气"])
    text = "用C++写😀今天天气iPhone 15 Pro好"
    explanation = segmenter.explain(text)
    assert explanation.words == segmenter.cut(text)
    assert {"今天", "天气", "C++", "iPhone 15 Pro"} < set(explanation.words)
    assert [one.word for one in explanation.runs if one.origin == "literal"] == ["C++", "iPhone 15 Pro"]
    for one in explanation.runs:
        assert text[one.start : one.end] == one.word
        assert all(text[word.start : word.end] == word.word == "".join(word.pieces) for word in one.words)
    (split,) = [word for one in explanation.runs for word in one.cover if word.word == "今天天气"]
    assert (split.pieces, split.origin) == (("今天", "天气"), "forced")
    assert "forced, as 今天 天气: weight -" in explanation.report()
    assert "comes out as 今天 天气" in explanation.to_html()


@given(st.text(st.sampled_from("C+5G3.% a好\u0301\u200d😀\ufdd0\ufdd1今天"), max_size=40))
def test_literals_in_any_text(text):
    segmenter = LITERALS
    explanation = segmenter.explain(text)
    assert explanation.words == segmenter.cut(text)
    assert all(text[one.start : one.end] == one.word for one in explanation.runs)


LITERALS = SEGMENTER.with_words(force=["C++", "5G", "3.5", "a a", "😀+", "今|天"])


# Forms


def test_report():
    lines = explain(SEGMENTER, TEXT).report().split("\n")
    assert lines[0] == "cut    " + " ".join(SEGMENTER.cut(TEXT))
    assert lines[1].startswith("score  -") and lines[1].endswith(" nats")
    assert lines[2] == f"model  {sample_model()}"
    assert lines[4].split() == ["word", "nats", "from", "best", "other", "cut", "loses"]
    words = [line.split()[0] for line in lines[5:]]
    assert [word for word in words if word != "|"] == SEGMENTER.cut(TEXT)
    gaps = sum(len(one.cuts) for one in explain(SEGMENTER, TEXT).runs)
    assert words.count("|") == gaps > 3


@given(any_text)
def test_every_text_has_a_report_and_json(text):
    explanation = explain(EXTENDED, text)
    lines = str(explanation).split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 3 or len(lines) > 5
    entry = json.loads(json.dumps(explanation.to_dict(), ensure_ascii=False))
    assert entry["text"] == text
    assert entry["cut"] == EXTENDED.cut(text)
    assert sum(one["score"] for one in entry["runs"]) == entry["score"] == explanation.score
    for one in entry["runs"]:
        chosen = [word["score"] for word in one["words"] if word["chosen"]]
        assert sum(chosen) + sum(gap["score"] for gap in one["gaps"] if gap["chosen"]) == one["score"]
        assert text[one["start"] : one["end"]] == one["word"]


@pytest.mark.parametrize("text", ["", " \n\u3000"])
def test_no_words(text):
    explanation = explain(SEGMENTER, text)
    assert (explanation.words, explanation.score, explanation.runs) == ([], 0, ())
    assert explanation.report().split("\n")[:2] == ["cut", "score  0.000 nats"]


# Limits


def test_too_long():
    explain(SEGMENTER, "今。" * (MOST_CHARACTERS // 2))
    with pytest.raises(UsageError, match=r"10,001 characters: 10,000 at most"):
        explain(SEGMENTER, "今" * (MOST_CHARACTERS + 1))


@pytest.mark.parametrize("options", [{"method": "cohesion", "cohesion_revision": 2015}, {"method": "lm"}])
def test_methods_without_scores_of_words(options):
    segmenter = segtool.train(texts=["今天天气很好。" * 9], **options)
    with pytest.raises(UsageError, match="explain: the method of this model does not score words"):
        explain(segmenter, "今天")


@pytest.mark.parametrize("method", ["entropy", "cohesion", "dict"])
def test_other_methods_that_cut_by_scores(method):
    segmenter = segtool.train(texts=["今天 5\n天气 2\n"] if method == "dict" else [sample_text()], method=method)
    explanation = explain(segmenter, TEXT)
    assert explanation.words == segmenter.cut(TEXT)
    assert explanation.score != 0


# The command


def test_command(tmp_path):
    model = ["-m", sample_model()]
    report = explain(SEGMENTER, TEXT).report() + "\n"
    assert succeed("explain", TEXT, *model).stdout.decode() == report
    assert succeed("explain", *model, input=TEXT.encode() + b"\r\n").stdout.decode() == report
    encoded = ["--encoding", "gb18030"]
    assert succeed("explain", *encoded, *model, input=TEXT.encode("gb18030")).stdout.decode() == report
    done = succeed("explain", TEXT, *model, "-o", tmp_path / "out", "--html", tmp_path / "page.html")
    assert (done.stdout, done.stderr) == (b"", b"")
    assert (tmp_path / "out").read_text(encoding="utf-8") == report
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == explain(SEGMENTER, TEXT).to_html()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "page.html"]


def test_command_json():
    done = succeed("explain", "--json", "-m", sample_model(), "--granularity", "3", TEXT, "今天")
    expected = explain(SEGMENTER.with_granularity(3), f"{TEXT} 今天").to_dict()
    assert json.loads(done.stdout) == json.loads(json.dumps(expected))


def test_command_with_the_included_model():
    assert b"\nmodel  default\n" in succeed("explain", "商品和服务").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["今天", "--html", "-"], 2, "--html -: standard output has the table"),
        (["今" * 10_001], 2, "10,000 at most"),
        (["今天", "-m", "nowhere"], 1, "nowhere"),
        (["今天", "--granularity", "101"], 2, "granularity 101.0"),
        (["今天", "--html", "no/page.html"], 1, "no or pass another --html"),
        (["今天", "--html", "page.html", "-o", "no/out"], 1, "no or pass another -o"),
    ],
)
def test_command_refuses(arguments, code, message, tmp_path):
    done = run("explain", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert message in refusal(done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_command_with_a_dictionary(tmp_path):
    (tmp_path / "mine").write_text("服务项目 5 n\n", encoding="utf-8")
    (tmp_path / "not").write_text("商品\n", encoding="utf-8")
    done = succeed("explain", "商品和服务项目", "--force", "mine", "--forbid", "not", cwd=tmp_path)
    lines = done.stdout.decode().split("\n")
    segmenter = segtool.load().with_words(force=["服务项目"], forbid=["商品"])
    wanted = segmenter.explain("商品和服务项目").report().split("\n")
    assert lines[2] == "model  default --force mine --forbid not"
    assert [*lines[:2], *lines[3:]] == [*wanted[:2], *wanted[3:], ""]
    assert "forced: weight -" in lines[-2] and "force +4000.000" in lines[-2]
    done = succeed("explain", "商品", "--words", "-", input="商品和\n".encode())
    assert b"--words -" in done.stdout
    done = run("explain", "--words", "-", input="商品和\n".encode())
    assert done.returncode == 2 and "only once" in refusal(done.stderr)


def test_command_reads_no_endless_input():
    done = run("explain", input="今天。".encode() * 1_000_000)
    assert done.returncode == 2 and "10,000 at most" in refusal(done.stderr)

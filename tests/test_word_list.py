"""Word lists: read, counted, cut by and written again; words counted in a corpus that is cut."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segtool import CorpusError, TrainingReport, train
from segtool.decode.viterbi import WEIGHT_UNIT
from segtool.lexicon.learned import Resources
from segtool.lexicon.trie import candidate_trie
from segtool.methods.word_list import (
    _add_counts,
    _count_words,
    count_words,
    frequency_lexicon,
    learn,
    list_words,
    words_with_counts,
)
from segtool.settings import CandidateSettings
from segtool.text.symbols import LAT, NUM
from segtool.text.word_lists import read_word_counts
from tests import naive
from tests import naive_methods as methods
from tests.helpers import SAMPLE, any_text, refusal, run, sample_model, sample_segmenter, sample_text, succeed

LINES = st.lists(st.text(st.sampled_from("一丁丁七1a，"), min_size=1, max_size=10), min_size=1, max_size=6)

# ---------------------------------------------------------------- kernels


@settings(max_examples=200)
@given(LINES.map("\n".join), st.integers(1, 4), st.integers(1, 2), st.randoms(use_true_random=False))
def test_words_of_a_cut_corpus_are_counted(text, max_word_len, min_count, draw):
    runs = methods.runs_of(text)
    candidates = methods.candidates_of(runs, max_word_len, min_count)
    joined = np.array([draw.random() < 0.6 for _ in runs.stream], np.bool_)
    expected: dict[tuple[int, ...], int] = {}
    at = 1
    for each in naive.runs(text):
        for word in methods.words_of(each, joined[at : at + len(each)]):
            expected[word] = expected.get(word, 0) + 1
        at += len(each) + 1
    counted = naive.ngrams(naive.runs(text), max_word_len)
    expected = {
        word: count
        for word, count in expected.items()
        if len(word) <= max_word_len and (len(word) == 1 or counted[word] >= min_count)
    }
    assert methods.word_counts(count_words(runs.stream, joined, candidates), candidates) == expected
    units, _ = candidate_trie(candidates)
    total = np.zeros(len(units) // 2, np.int64)
    _count_words(runs.stream, units, joined, max_word_len, total)
    assert total.sum() == sum(expected.values()), "nothing is counted where no candidate is"


@settings(max_examples=200)
@given(st.lists(st.tuples(st.text("一丁七", min_size=1, max_size=4), st.integers(1, 9)), min_size=1, max_size=12))
def test_counts_of_a_list_go_to_their_words(entries):
    runs = methods.runs_of("\n".join(word for word, _ in entries))
    candidates = methods.candidates_of(runs, 4, 1)
    units, nodes = candidate_trie(candidates)
    total = np.zeros(len(units) // 2)
    _add_counts(runs.stream, units, np.array([float(count) for _, count in entries]), total)
    expected: dict[tuple[int, ...], int] = {}
    for word, count in entries:
        key = tuple(map(ord, word))
        expected[key] = expected.get(key, 0) + count
    assert methods.word_counts(total[nodes], candidates) == expected
    assert total.sum() == sum(expected.values())


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("今天", [("今天", 1.0)]),
        ("今天 12", [("今天", 12.0)]),
        ("今天 12 t", [("今天", 12.0)]),
        ("今天\t12\tt", [("今天", 12.0)]),
        ("  今天\u300012  ", [("今天", 12.0)]),
        ("今天 2.5", [("今天", 2.5)]),
        ("今天 1e3 n", [("今天", 1000.0)]),
        ("今天 1.5E-2", [("今天", 0.015)]),
        ("今天 0", [("今天", 0.0)]),
        ("今天 n", [("今天", 1.0)]),
        ("今天 n 12", [("今天", 1.0)]),
        ("今天 -3", [("今天", 1.0)]),
        ("今天 ３", [("今天", 1.0)]),
        ("今天 nan", [("今天", 1.0)]),
        ("今天 inf", [("今天", 1.0)]),
        ("今天 1_000", [("今天", 1.0)]),
        ("今天 .5", [("今天", 1.0)]),
        ("12", [("12", 1.0)]),
        ("12 34", [("12", 34.0)]),
        ("", []),
        (" \t ", []),
        ("今天 3\r", [("今天", 3.0)]),
    ],
)
def test_a_line(line, expected):
    assert list(read_word_counts([line])) == expected
    assert list(read_word_counts([f"{line}\n{line}\n", f"{line}"])) == expected * 3


WORDS = st.text(st.sampled_from("一丁七3a"), min_size=1, max_size=4)
COUNTS = st.sampled_from([0.25, 1.0, 2.0, 3.0, 7.5, 12.0, 30.0])
ENTRIES = st.lists(st.tuples(WORDS, COUNTS), min_size=1, max_size=15)


def list_text(entries, form=2):
    return "".join(" ".join(map(str, (word, count, "n")[:form])) + "\n" for word, count in entries)


def weights_of(entries, max_word_len):
    """Log share of each word in codes, and the words that cannot be used, by the docstring."""
    counts: dict[tuple[int, ...], float] = {}
    left_out, symbols = [], {NUM, LAT}
    for word, count in entries:
        found = naive.tokens(word)
        codes = tuple(code for _, _, code in found)
        if count > 0 and 0 < len(codes) <= max_word_len and all(code > 0 for code in codes):
            counts[codes] = counts.get(codes, 0.0) + count
            symbols |= {*codes}
        else:
            left_out.append(word)
    return methods.frequency_weights(counts, symbols), left_out, bool(counts)


def learned_from(entries, max_word_len):
    words = list_words(entries, max_word_len)
    candidates = methods.candidates_of(words.corpus.whole(), max_word_len, 1)
    learned = learn(words.corpus, candidates, CandidateSettings(), Resources(run_counts=words.counts))
    assert learned.decoder == "lattice"
    assert learned.decoding is learned.words
    return candidates, learned.words, words


@settings(max_examples=200)
@given(ENTRIES, st.integers(1, 5))
def test_lexicon_is_naive(entries, max_word_len):
    """Words that are equal in symbols add up; every character is a word."""
    expected, left_out, some = weights_of(entries, max_word_len)
    if not some:
        with pytest.raises(CorpusError):
            list_words(entries, max_word_len)
        return
    candidates, lexicon, words = learned_from(entries, max_word_len)
    found = methods.as_dict(lexicon, candidates)
    assert found.keys() == expected.keys()
    for word, (weight, count) in expected.items():
        assert found[word] == (pytest.approx(weight, rel=1e-12, abs=1e-12), pytest.approx(count))
    assert words.left_out == left_out
    assert words.corpus.stats.runs == len(entries) - len(left_out)
    assert lexicon.unknown_weight < min(weight for weight, _ in expected.values())


def test_counts_may_be_whole_numbers():
    """What is typed as float takes an int."""
    candidates, lexicon, _ = learned_from([("今天", 2), ("天", 3)], 6)
    assert methods.as_dict(lexicon, candidates)[tuple(map(ord, "今天"))][1] == 2


def test_words_equal_in_symbols_add_up():
    """3月 and 12月 are both a number and 月."""
    segmenter = train(texts=["3月 2\n5月 3\n１２月 4\nabc版 1\nX版 6\n今天 2\n今天 5 t\n"], method="dict")
    model = segmenter.model
    counts = {model.spell(i): model.words["expected"][i] for i in range(len(model.words))}
    assert {word: count for word, count in counts.items() if count != 0.5} == {"0月": 9, "A版": 7, "今天": 7}
    assert segmenter.cut("2024月今天Word版") == ["2024月", "今天", "Word版"]


@pytest.mark.parametrize("word", ["今天，", "，", "今天天气很好啊", "\ud800", "かな", "😀", "\u0301", "今·天"])
def test_words_that_cannot_be_used_are_reported(word):
    report = TrainingReport()
    segmenter = train(texts=[f"好 3\n{word} 7\n"], method="dict", report=report)
    assert report.left_out == [word]
    assert report.words == len(segmenter.model.words) == 3  # 好, numbers, Latin
    assert "".join(segmenter.cut(f"好{word}")) == f"好{word}"


def test_a_word_that_never_occurs_is_left_out():
    report = TrainingReport()
    segmenter = train(texts=["今天 0\n今 1\n天 1\n"], method="dict", report=report)
    assert report.left_out == ["今天"]
    assert segmenter.cut("今天") == ["今", "天"]


@pytest.mark.parametrize("count", ["1e999", "1" + "0" * 400, "1e308"])
def test_a_count_without_measure(count):
    """Left out, or refused, but nothing that breaks: neither may the sum of all counts."""
    report = TrainingReport()
    lines = "".join(f"{word} {count}\n" for word in ("天气", "很好", "公园"))
    segmenter = train(texts=[f"今天 3\n{lines}"], method="dict", report=report)
    assert np.isfinite(segmenter.model.words["weight"]).all()
    assert np.isfinite(segmenter.model.words["expected"]).all()
    assert "今天" in segmenter.cut("今天去")
    assert all(isinstance(count, int) for _, count in words_with_counts(segmenter.model))


@pytest.mark.parametrize("text", ["", "\n \n", "，\n", "今天天气很好啊啊 3\n", "今天 0\n"])
def test_no_word_at_all(text):
    with pytest.raises(CorpusError, match="the word list holds no word"):
        train(texts=[text], method="dict")


def test_no_word_at_all_on_the_command_line(tmp_path):
    (tmp_path / "list").write_text("，\n", encoding="utf-8")
    done = run("train", "--method", "dict", tmp_path / "list", "-o", tmp_path / "m")
    assert done.returncode == 1
    assert "the word list holds no word" in refusal(done.stderr)
    assert not (tmp_path / "m").exists()


# ---------------------------------------------------------------- cutting

TEXTS = st.lists(st.sampled_from("一一丁丁七七3a𠮷， "), max_size=9).map("".join)


@settings(max_examples=150)
@given(ENTRIES, TEXTS, st.integers(1, 3))
def test_cut_of_greatest_probability(entries, text, form):
    """The product of shares, by every cover; a list without counts counts each word once."""
    read = [(word, float(count) if form > 1 else 1.0) for word, count in entries]
    expected, _, some = weights_of(read, 6)
    if not some:
        return
    segmenter = train(texts=[list_text(entries, form)], method="dict")
    weights = {word: round(weight * WEIGHT_UNIT) for word, (weight, _) in expected.items()}
    unknown = round((min(weight for weight, _ in expected.values()) - 1.0) * WEIGHT_UNIT)
    assert segmenter.cut(text) == [text[low:high] for low, high in naive.cut(text, weights, unknown)]


@given(any_text)
@example("今天 1 t\n天气 \ud800 5\n好")
def test_any_list_is_read(text):
    try:
        segmenter = train(texts=[text], method="dict")
    except CorpusError:
        assert not weights_of(list(read_word_counts([text])), 6)[2]
        return
    assert "".join(segmenter.cut(text)) == "".join(text.split())
    assert np.isfinite(segmenter.model.words["weight"]).all()


def test_counts_of_nothing_make_words_of_characters():
    lexicon = frequency_lexicon(np.zeros(6), 4)
    assert lexicon.at.tolist() == [1, 2, 3]
    assert lexicon.weight.tolist() == pytest.approx([-math.log(3)] * 3)


# ---------------------------------------------------------------- there and back


def exported(model):
    return succeed("export", "-m", model, "--scripts", "seen").stdout


def test_export_is_a_word_list_of_jieba():
    """A word and a whole count, which is one at least; nothing with a number or a Latin run."""
    lines = exported(sample_model()).decode().splitlines()
    model = sample_segmenter().model
    words = [model.spell(i) for i in range(len(model.words))]
    assert sorted(line.split(" ")[0] for line in lines) == sorted(w for w in words if "0" not in w and "A" not in w)
    assert lines == sorted(lines, key=lambda line: (-int(line.split(" ")[1]), line.split(" ")[0]))
    expected = dict(zip(words, model.words["expected"].tolist(), strict=True))
    for line in lines:
        word, count = line.split(" ")
        assert count == str(max(1, round(expected[word])))
    assert len({line.split(" ")[0] for line in lines}) == len(lines) > 500


@pytest.mark.parametrize("method", ["unigram", "cohesion", "lm", "entropy"])
def test_export_and_dict_go_there_and_back(method):
    """The same words with the same whole counts, so that a second export is the same; cut as these counts say."""
    first = train(SAMPLE, method=method)
    exported = list(words_with_counts(first.model))
    second = train(texts=[list_text(exported)], method="dict")
    assert list(words_with_counts(second.model)) == exported
    one, two = ({m.spell(i): m.words["expected"][i] for i in range(len(m.words))} for m in (first.model, second.model))
    plain = {word: max(1.0, float(round(count))) for word, count in one.items() if not {*word} & {"0", "A"}}
    assert {word: count for word, count in two.items() if word not in ("0", "A")} == plain
    if method == "cohesion":  # which cuts by those counts itself; only characters that are no words count for more
        text = sample_text()
        cuts = [{(t.start, t.end) for t in segmenter.tokenize(text)} for segmenter in (first, second)]
        assert len(cuts[0] ^ cuts[1]) < 0.02 * len(cuts[0])


def test_the_commands_go_there_and_back(tmp_path):
    seen = ["--format", "jieba", "--scripts", "seen"]
    succeed("export", "-m", sample_model(), "-o", tmp_path / "words", *seen)
    assert (tmp_path / "words").read_bytes() == exported(sample_model())
    succeed("train", "--method", "dict", "-q", tmp_path / "words", "-o", tmp_path / "m")
    assert exported(tmp_path / "m") == (tmp_path / "words").read_bytes()


def test_export_of_what_is_no_model(tmp_path):
    done = run("export", "-m", tmp_path / "none")
    assert done.returncode == 1
    assert str(tmp_path / "none") in refusal(done.stderr)
    assert done.stdout == b""

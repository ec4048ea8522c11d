"""Simplified and traditional text are one text to a model that folds, and no character of either is changed."""

import functools
import json
import pickle
import unicodedata
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segtool import UsageError, load, train
from segtool.decode.streaming import cut_stream
from segtool.discovery import discover, examples
from segtool.lexicon.spellings import odd_spellings
from segtool.lm.store import open_lm
from segtool.methods.word_list import words_with_counts
from segtool.settings import METHODS
from segtool.store.model import load_model, save_model
from segtool.text import runs as running
from segtool.text.folding import fold_table, fold_text
from segtool.text.runs import Corpus, RunCollector
from segtool.text.symbols import CODE_LIMIT, LAT, NUM, class_table
from tests import naive
from tests import naive_methods as methods
from tests.helpers import SAMPLE, any_text, contents, run, sample_segmenter, sample_text, scratch, succeed

HAN_CLASS = 6
TABLE = fold_table()
CHANGED = np.flatnonzero(np.arange(CODE_LIMIT) != TABLE).tolist()
TWINS = {int(TABLE[code]): chr(code) for code in sorted(CHANGED, key=lambda code: (0x4E00 <= code <= 0x9FFF, code))}
"""A character that folds to each simplified one, a traditional one where there is one."""
ARRAYS = ("symbols", "lexicon", "words")


def twin(text):
    """A text in other characters that fold to the same."""
    return text.translate(TWINS)


def others(text):
    """All texts of characters that fold to those of a text, one of them drawn."""
    sources = {}
    for code in CHANGED:
        sources.setdefault(chr(TABLE[code]), []).append(chr(code))
    return st.tuples(*(st.sampled_from([char, *sources.get(char, [])]) for char in text)).map("".join)


@functools.cache
def twin_folder():
    """The sample in the other characters; do not write there."""
    folder = scratch() / "twin"
    folder.mkdir()
    (folder / "corpus.txt").write_text(twin(sample_text()), encoding="utf-8")
    return folder


@functools.cache
def segmenter(method="unigram", traditional=False, fold=True):
    corpus = twin_folder() if traditional else SAMPLE
    return train(corpus, method=method, fold=fold, max_word_len=4)


@functools.cache
def twin_model():
    path = scratch() / "twin.model"
    train(twin_folder(), path)
    return path


def spelled(model):
    return [model.spell(i) for i in range(len(model.words))]


# ---------------------------------------------------------------- the table


def test_table_folds_once_and_han_only():
    classes = np.frombuffer(class_table(), np.uint8)[:0x110000]
    assert (TABLE.dtype, TABLE.shape, TABLE.flags.writeable) == (np.uint32, (CODE_LIMIT,), False)
    assert (TABLE[TABLE] == TABLE).all()
    assert {classes[code] for code in CHANGED} == {classes[code] for code in TABLE[CHANGED]} == {HAN_CLASS}
    assert TABLE[[0, NUM, LAT]].tolist() == [0, NUM, LAT]
    assert len(CHANGED) > 5000
    assert fold_table() is TABLE


@pytest.mark.parametrize(
    ("other", "simplified"),
    [
        ("國後裡裏說説為爲衆眾綫線臺颱檯峯羣", "国后里里说说为为众众线线台台台峰群"),
        ("發髮麵鬆隻週傢係繫佈託佔於乾徵夥", "发发面松只周家系系布托占于干征伙"),
        ("著麼麽衞衹敍牠妳瞭藉彷彿甦砲", "着么么卫只叙它你了借仿佛苏炮"),
        ("\u2f00\u2f08\u2f92\u2ec5\u2ed3\u2eec", "一人见见长齐"),  # radicals
        ("\uf900\uf91d\ufa0c\U0002f804", "岂栏兀\u4f60"),  # compatibility ideographs
        ("○〸", "〇十"),
        ("么于后里只着面干了借沈甚份俱覆矽吒薹〇々", "么于后里只着面干了借沈甚份俱覆矽吒薹〇々"),
        ("0０aＡ％,，。ーのカ한α \n😀\ud800\U0010ffff", "0０aＡ％,，。ーのカ한α \n😀\ud800\U0010ffff"),
    ],
)
def test_examples(other, simplified):
    assert fold_text(other) == simplified


def test_forms_of_one_ideograph_fold_alike():
    for code in range(CODE_LIMIT):
        plain = unicodedata.normalize("NFKC", chr(code))
        if class_table()[code] == HAN_CLASS and plain != chr(code):
            assert fold_text(chr(code)) == fold_text(plain)


def test_what_gb2312_has_is_hardly_changed():
    """The characters of simplified text, as of 1980; these few were looked at one by one."""
    changed = [chr(code) for code in CHANGED if chr(code).encode("gb2312", "ignore")]
    assert "".join(changed) == "○乾夥彷後徵拚捱摺於榘菸著藉袷醣麴麽"


@given(any_text)
def test_folding_keeps_the_length_and_all_else(text):
    folded = fold_text(text)
    assert len(folded) == len(text)
    assert fold_text(folded) == folded
    for before, after in zip(text, folded, strict=True):
        assert before == after or ord(before) in CHANGED
    assert [code for *_, code in naive.tokens(folded)] == [
        TABLE[code] if code > 2 else code for *_, code in naive.tokens(text)
    ]


# ---------------------------------------------------------------- runs and spellings

SIMPLIFIED = st.lists(st.text(st.sampled_from("后着里一丁1，"), max_size=9).map(lambda line: line + "\n"), max_size=6)
MIXED = SIMPLIFIED.flatmap(lambda lines: others("\t".join(lines))).map(lambda text: text.split("\t"))


def chunks_of(blocks, fold=True):
    collector = RunCollector()
    for block in blocks:
        collector.add(block)
    return Corpus([collector], fold)


def collect(blocks, fold=True):
    return chunks_of(blocks, fold).whole()


def same(one, other):
    arrays = [(each.stream, each.codes, each.alphabet.display, *each.odd()) for each in (one, other)]
    return all((a.dtype, a.tobytes()) == (b.dtype, b.tobytes()) for a, b in zip(*arrays, strict=True))


@given(MIXED)
def test_runs_are_those_of_the_folded_text(lines):
    runs, plain = collect(lines), collect(map(fold_text, lines), fold=False)
    assert runs.stream.tobytes() == plain.stream.tobytes()
    assert runs.codes.tobytes() == plain.codes.tobytes()
    assert same(runs, collect(["".join(lines)]))
    shown, display = runs.alphabet.display[runs.stream], runs.alphabet.display
    places, codes = runs.odd()
    shown[places] = codes
    assert [[int(code) for code in run] for run in unstream(shown)] == naive.runs("".join(lines))
    assert not np.any(display[runs.stream[places]] == codes)


def unstream(codes):
    return naive.unstream(codes.tolist())


@given(MIXED, st.randoms(use_true_random=False))
def test_displayed_characters_do_not_depend_on_the_order_of_lines(lines, draw):
    shuffled = draw.sample(lines, len(lines))
    assert collect(shuffled).alphabet.display.tolist() == collect(lines).alphabet.display.tolist()


@given(SIMPLIFIED)
def test_runs_of_simplified_text_are_as_they_were(lines):
    assert same(collect(lines), collect(lines, fold=False))


def test_displayed_characters():
    runs = collect(["後後后裡裏著着\n", "一"])
    assert dict(zip(map(chr, runs.codes[3:]), map(chr, runs.alphabet.display[3:]), strict=True)) == {
        "一": "一",
        "后": "後",
        "着": "着",  # as frequent as 著, and lower
        "里": "裏",
    }
    unfolded = collect(["後後后"], fold=False)
    assert unfolded.alphabet.display.tolist() == unfolded.codes.tolist() == [0, NUM, LAT, ord("后"), ord("後")]


@settings(max_examples=200)
@given(MIXED, st.integers(1, 4))
def test_spellings_are_naive(lines, max_word_len):
    runs = collect(lines)
    candidates = methods.candidates_of(runs, max_word_len, 1)
    words = methods.candidate_words(candidates)[1:]
    found = {i: list(runs.alphabet.display[np.searchsorted(runs.codes, word)]) for i, word in enumerate(words)}
    with patch.object(running, "CHUNK", 10):
        spellings = odd_spellings(chunks_of(lines), candidates, np.arange(1, len(words) + 1))
    for word, at, code in spellings.tolist():
        assert found[word][at] != code
        found[word][at] = code
    expected = naive.spellings(naive.runs("".join(lines)), lambda code: int(TABLE[code]), words)
    assert {words[i]: tuple(map(int, codes)) for i, codes in found.items()} == expected
    assert spellings.tolist() == sorted(spellings.tolist())


# ---------------------------------------------------------------- cutting


@settings(max_examples=100)
@given(st.data())
def test_a_text_and_its_twins_are_cut_alike(data):
    plain = data.draw(st.text(st.sampled_from(sample_text()[:2000]), max_size=40) | any_text)
    text = data.draw(others(fold_text(plain)))
    for method in METHODS:
        if method != "dict":
            tokens = segmenter(method).tokenize(text)
            spans = [token[1:] for token in segmenter(method).tokenize(plain)]
            assert [token[1:] for token in tokens] == spans
            assert "".join(token.word for token in tokens) == "".join(text.split())


@pytest.mark.parametrize("method", [method for method in METHODS if method != "dict"])
def test_a_model_of_traditional_text_is_that_of_simplified_text(method):
    """But for the characters that it shows."""
    one, other = segmenter(method).model, segmenter(method, traditional=True).model
    for name in ARRAYS:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert spelled(other) == [twin(word) for word in spelled(one)]
    assert spelled(other) != spelled(one)
    words = segmenter(method).cut(sample_text())
    assert segmenter(method, traditional=True).cut(twin(sample_text())) == [twin(word) for word in words]


@given(st.lists(st.integers(0, 400), max_size=5))
@example([])
def test_streams(cuts):
    text = twin(sample_text()[:400])
    cuts = sorted(cuts)
    pieces = [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    wanted = b"\n".join(" ".join(sample_segmenter().cut(line)).encode() for line in text.split("\n"))
    assert b"".join(cut_stream(sample_segmenter(), pieces)) == wanted
    assert fold_text(wanted.decode()).split() == sample_segmenter().cut(sample_text()[:400])


def test_saved_and_pickled(tmp_path):
    memory = train(twin_folder())
    save_model(memory.model, tmp_path / "m")
    assert contents(tmp_path / "m") == contents(twin_model())
    text = sample_text()[:500] + twin(sample_text()[:500])
    for each in (memory, load(twin_model())):
        again = pickle.loads(pickle.dumps(each))
        assert again.cut(text) == memory.cut(text)
        assert spelled(again.model) == spelled(memory.model)


def test_a_word_list_in_both_scripts():
    model = train(texts=["國際 5\n国际 3\n国际 1\n著名 2\n後 1\n皇后 4\n以後 2\n"], method="dict").model
    counts = {model.spell(i): model.words["expected"][i] for i in range(len(model.words))}
    words = {"后": 1, "国际": 9, "著名": 2, "皇后": 4, "以後": 2}
    assert {fold_text(word) for word in counts} == {"0", "A", *map(fold_text, words), *"以国皇际着名"}
    assert {word: count for word, count in counts.items() if len(word) > 1} == {
        word: count for word, count in words.items() if len(word) > 1
    }
    assert {fold_text(word): count for word, count in counts.items()}["后"] == 1


# ---------------------------------------------------------------- words as they are shown


def test_words_are_shown_as_they_are_written():
    """着 and 后 are each one symbol with another, and 著名 and 皇后 are no other words for that."""
    texts = ["皇后,以後。", "皇后,今後。", "著名,以後看著。", "著名,沿著。", "帶著,接著。"] * 3
    model = train(texts=texts, length_penalty=1.0).model
    assert {"皇后", "以後", "著名", "後", "著"} <= set(spelled(model))
    model = train(texts=["看着,沿着。", "沿着,看着。", "接着,著名。"] * 3, length_penalty=1.0).model
    assert {"著名", "看着", "着"} <= set(spelled(model))


def test_known_words_in_either_script():
    listed = [row.word for row in discover(segmenter())]
    known = listed[:20]
    for traditional in (False, True):
        for form in (known, [twin(word) for word in known]):
            found = [row.word for row in discover(segmenter(traditional=traditional), known=form)]
            assert sorted(map(fold_text, found)) == sorted(listed[20:])
    unfolded = [row.word for row in discover(segmenter(fold=False), known=[twin(word) for word in known])]
    assert set(known) & set(unfolded) == {word for word in known if twin(word) != word}


def test_examples_show_the_text():
    text = twin(sample_text())
    words = [row.word for row in discover(segmenter(), top=30)]
    here = examples(segmenter(), [sample_text()], words, 2)
    there = examples(segmenter(), [text], words, 2)
    assert list(there) == words
    assert {word: [twin(line) for line in lines] for word, lines in here.items()} == there
    assert here != there


def test_commands_on_traditional_text(tmp_path):
    rows = succeed("words", twin_folder(), "--context", 1, "--top", 20, "-q").stdout.decode().splitlines()[1:]
    simplified = succeed("words", SAMPLE, "--context", 1, "--top", 20, "-q").stdout.decode().splitlines()[1:]
    assert sorted(map(fold_text, rows)) == sorted(map(fold_text, simplified))
    assert sorted(rows) != sorted(simplified)
    for row in rows:
        word, *_, shown = row.split("\t")
        assert f"【{word}】" in shown
    (tmp_path / "known").write_text("\n".join(row.split("\t")[0] for row in simplified), encoding="utf-8")
    left = succeed("words", "-m", twin_model(), "--known", tmp_path / "known", "--top", 0, "-q").stdout.decode()
    assert {row.split("\t")[0] for row in rows}.isdisjoint(row.split("\t")[0] for row in left.splitlines())
    exported = succeed("export", "-m", twin_model(), "--scripts", "seen").stdout.decode().splitlines()
    words = words_with_counts(sample_segmenter().model)
    assert sorted(exported) == sorted(twin(f"{word} {count}") for word, count in words)


# ---------------------------------------------------------------- language models


def test_a_language_model_that_is_kept_folds_as_the_model_does(tmp_path):
    text = sample_text()
    for fold in (True, False):
        train(SAMPLE, tmp_path / str(fold), with_lm=True, fold=fold)
        lm = open_lm(tmp_path / str(fold))
        assert lm.card["parameters"]["fold"] is fold
        assert (lm.score_text(twin(text)) == lm.score_text(text)) is fold
        assert (lm.score_text(twin(text)).unknown == lm.score_text(text).unknown) is fold
    (tmp_path / "text").write_text(twin(text), encoding="utf-8")
    shown = succeed("lm", "score", tmp_path / "True", tmp_path / "text", "-q").stdout
    (tmp_path / "text").write_text(text, encoding="utf-8")
    assert succeed("lm", "score", tmp_path / "True", tmp_path / "text", "-q").stdout == shown


def test_a_language_model_alone_does_not_fold(tmp_path):
    succeed("lm", "train", SAMPLE, "-o", tmp_path / "lm", "-q")
    lm = open_lm(tmp_path / "lm")
    assert lm.score_text(twin(sample_text())).unknown > lm.score_text(sample_text()).unknown == 0


# ---------------------------------------------------------------- without folding


def test_no_fold(tmp_path):
    succeed("train", SAMPLE, "-o", tmp_path / "m", "--no-fold", "-q")
    plain, folding = load_model(tmp_path / "m"), sample_segmenter().model
    assert json.loads((tmp_path / "m" / "card.json").read_text(encoding="utf-8"))["parameters"]["fold"] is False
    assert (plain.folds, folding.folds) == (False, True)
    for name in (*ARRAYS, "faces", "spellings"):  # the sample holds nothing that folds
        assert getattr(plain, name).tobytes() == getattr(folding, name).tobytes()
    cut = load(tmp_path / "m").cut
    assert cut("图书馆") == ["图书馆"]
    bare = train(SAMPLE, fold=False, unknown_len=0)
    assert bare.cut("圖書館") == ["圖", "書", "館"]
    assert sample_segmenter().cut("圖書館") == ["圖書館"]
    other = train(twin_folder(), fold=False).model
    assert other.faces.tobytes() == other.symbols.tobytes()
    assert not len(other.spellings)
    assert {ord(char) for char in twin("图书馆")} <= {*other.symbols.tolist()}


def test_fold_is_true_or_false():
    with pytest.raises(UsageError, match="--fold maybe"):
        train(texts=["今天天气"], fold="maybe")


def test_fold_is_no_option_for_a_model():
    done = run("words", "-m", twin_model(), "--no-fold")
    assert done.returncode == 2
    assert "fold" in done.stderr.decode()

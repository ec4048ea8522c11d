"""Word lists and dictionaries as files: their formats, their faults, and the commands that take them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import segtool
from segtool.discovery import discover
from segtool.errors import DataError, EncodingError
from segtool.guideline.dictionary import Dictionary, extend
from segtool.guideline.word_files import read_words
from segtool.methods.word_list import words_with_counts
from tests.helpers import SAMPLE, contents, folder, refusal, run, sample_model, sample_segmenter, succeed


def test_forms_of_a_file(tmp_path):
    """Byte order mark, CRLF, full-width spaces, lines as jieba's, columns with tabs, words with spaces."""
    path = tmp_path / "words.txt"
    text = "\ufeff云计算 5\r\n\r\n\u3000李小福\u30002 nr\u3000\r\niPhone 15 Pro 3 n\nNew York\t7\n好评\n云计算\n"
    text += "大 本钟\t5\tns\n"
    path.write_bytes(text.encode("gb18030"))
    found = read_words(path, "--force", "gb18030")
    assert list(found.words) == ["云计算", "李小福", "iPhone 15 Pro", "New York", "好评", "大 本钟"]
    assert found.where("李小福") == f"{path}, line 3: 李小福"


def test_the_table_of_segtool_words_is_a_word_list(tmp_path):
    succeed("words", "-m", sample_model(), "-q", "--top", 20, "-o", tmp_path / "list.tsv")
    listed = [found.word for found in discover(sample_segmenter(), top=20)]
    assert list(read_words(tmp_path / "list.tsv", "--words").words) == listed


spaced_words = st.text("天气很好我们C+5 ", min_size=1, max_size=6).map(str.strip).filter(bool)


@given(st.lists(spaced_words, unique=True, min_size=1))
def test_words_with_a_tab_are_read_as_written(words):
    with folder() as place:
        (place / "w").write_text("".join(f"{word}\t3\tn\n" for word in words), encoding="utf-8")
        assert list(read_words(place / "w", "--words").words) == words
        (place / "w").write_text("".join(f"{word.replace(' ', '')} 3 n\n" for word in words), encoding="utf-8")
        assert list(read_words(place / "w", "--words").words) == list(dict.fromkeys(w.replace(" ", "") for w in words))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("北京 大学", "is not 'word [count] [tag]'"),
        ("北京 5 n x%", "is not 'word [count] [tag]'"),
        ("北京 %%% n", "is not 'word [count] [tag]'"),
        ("北京\t\u00a7\u00a7", "is not 'word [count] [tag]'"),
        ("北\x00京", "holds a control character"),
        ("\ufffd\ufffd", "holds a control character"),
    ],
)
def test_garbage_is_reported_with_its_line(tmp_path, line, message):
    (tmp_path / "w.txt").write_text(f"云计算 3\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_words(tmp_path / "w.txt", "--words")
    assert str(caught.value).startswith(f"{tmp_path}/w.txt, line 2: ")
    assert message in str(caught.value) and str(caught.value).endswith("(--words)")


def test_another_encoding_is_reported_with_its_remedy(tmp_path):
    (tmp_path / "w").write_bytes("abc\n云计算\n".encode("gb18030"))
    with pytest.raises(EncodingError, match=r"w, line 2, .*iconv -f gb18030 -t utf-8, or pass --encoding.*\(--words\)"):
        read_words(tmp_path / "w", "--words")
    done = run("cut", "--words", "w", "-o", "out", cwd=tmp_path, input="今天".encode())
    assert done.returncode == 1
    assert "w, line 2" in refusal(done.stderr)
    assert list(contents(tmp_path)) == ["w"]


def test_many_words():
    """Words of all lengths, with thousands of characters that the model lacks."""
    characters = [chr(code) for code in range(0x4E00, 0x9F00)]
    draw = np.random.default_rng(1)
    rows = draw.integers(len(characters), size=(30_000, 15))
    words = ["".join(characters[i] for i in row[: 2 + n % 14]) for n, row in enumerate(rows.tolist())]
    segmenter = sample_segmenter().with_words(prefer=words)
    assert all(segmenter.cut(word) == [word] for word in words[::300])
    assert segmenter.cut("今天天气很好") == sample_segmenter().cut("今天天气很好")


def test_the_command(tmp_path):
    for name, text in (("p", "川普\n"), ("f", "和服 3 n\n服务项目\nC++\n"), ("x", "商品和\n"), ("w", "普通话\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    files = ["--prefer", "p", "--force", "f", "--forbid", "x", "--words", "w", "--words-only"]
    text = "商品和服务项目\n四川普通话C++\n"
    done = succeed("cut", "-q", *files, cwd=tmp_path, input=text.encode())
    assert done.stdout.decode() == "商品 和 服务项目\n四川 普通话 C++\n"
    for workers in (1, 2):
        done = succeed("cut", "-q", "-j", workers, *files, cwd=tmp_path, input=text.encode() * 2000)
        assert done.stdout.decode() == "商品 和 服务项目\n四川 普通话 C++\n" * 2000


@pytest.mark.parametrize(
    ("content", "options", "code", "message"),
    [
        ("好\n", ["--forbid", "d"], 1, "d, line 1: 好: a single character cannot be forbidden"),
        ("天气\n和服\n", ["--forbid", "d", "--force", "d"], 1, "d, line 1: 天气: the same word is in d, line 1: 天气"),
        ("天气 很好\n", ["--words", "d"], 1, "d, line 1: '天气 很好' is not 'word [count] [tag]'"),
        ("iPhone 15 Pro\n", ["--force", "d"], 2, "'iPhone 15 Pro' holds a space"),
        ("天气\n", ["--words-only"], 2, "--words-only: there is no word list"),
        ("天气\n", ["--force", "-"], 2, "standard input"),
        ("天气\n", ["--force", "missing"], 1, "missing"),
        ("", ["--force", "d"], 1, "d holds no words"),
    ],
)
def test_refusals_of_the_command(tmp_path, content, options, code, message):
    (tmp_path / "d").write_text(content, encoding="utf-8")
    done = run("cut", "-q", *options, "-o", "out", cwd=tmp_path, input="今天天气很好\n".encode())
    assert done.returncode == code
    assert message in refusal(done.stderr)
    assert not (tmp_path / "out").exists()


DICTIONARY = {"prefer": ["川普"], "force": ["和服", "商品|和", "C++", "iPhone 15 Pro"], "forbid": ["自己"]}


def test_lists_show_the_extended_lexicon():
    """Forbidden and split words go; new words and literals come, in `export` with a count of 1."""
    base = sample_segmenter()
    model = extend(base.model, Dictionary.of(**DICTIONARY))
    before, after = (dict(words_with_counts(each)) for each in (base.model, model))
    new = {"川普", "和服", "C++", "iPhone 15 Pro"} - {*before}
    singles = {word for word in after if len(word) == 1} - {*before}
    assert {*after} - {*before} - singles == new and {after[word] for word in new} == {1}
    assert {*before} - {*after} == {"自己"}
    listed = {found.word: found for found in discover(model, min_len=1)}
    assert {*listed} >= new and listed["川普"].count == 0 and listed["川普"].score == 0
    assert not {"自己", "商品和"} & {*listed}
    assert not new & {found.word for found in discover(model, min_count=2)}


def test_a_complete_list_lists_nothing_else():
    model = extend(sample_segmenter().model, Dictionary.of(words=["天气", "川普"], prefer=["和服"], words_only=True))
    assert {word for word, _ in words_with_counts(model) if len(word) > 1} == {"天气", "川普", "和服"}
    assert {found.word for found in discover(model)} == {"天气", "川普", "和服"}


def test_commands_that_list_words(tmp_path):
    (tmp_path / "p").write_text("川普\n", encoding="utf-8")
    (tmp_path / "x").write_text("自己\n", encoding="utf-8")
    lists = ["--prefer", tmp_path / "p", "--forbid", tmp_path / "x"]
    exported = succeed("export", "-m", sample_model(), "--scripts", "seen", *lists).stdout.decode().splitlines()
    model = extend(sample_segmenter().model, Dictionary.of(prefer=["川普"], forbid=["自己"]))
    assert sorted(exported) == sorted(f"{word} {count}" for word, count in words_with_counts(model))
    for source in (["-m", sample_model()], [SAMPLE]):
        done = succeed("words", *source, *lists, "--top", 0, "--format", "jsonl", "-q").stdout.decode().splitlines()
        assert [json.loads(line)["word"] for line in done] == [found.word for found in discover(model)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "entropy"], "--method entropy takes no --prefer"),
        ([], "d, line 1: 好: a single character cannot be forbidden"),
    ],
)
def test_words_refuses_before_it_learns(tmp_path, options, message):
    (tmp_path / "d").write_text("好\n", encoding="utf-8")
    done = run("words", SAMPLE, "--forbid", tmp_path / "d", *options, "-o", tmp_path / "out")
    assert message in refusal(done.stderr)
    assert "learned" not in done.stderr.decode()
    assert not (tmp_path / "out").exists()


def test_saved_models_list_alike(tmp_path):
    segmenter = sample_segmenter().with_words(**DICTIONARY)
    segmenter.save(tmp_path / "m")
    again = segtool.load(tmp_path / "m").model
    assert list(words_with_counts(again)) == list(words_with_counts(segmenter.model))
    assert discover(again) == discover(segmenter)

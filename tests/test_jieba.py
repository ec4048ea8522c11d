"""The interface of jieba: scripts that were written for it, and what its documents promise."""

import io
import subprocess
import sys
import threading
from importlib.util import find_spec

import pytest
from hypothesis import given

import segtool
import segtool.integrations.jieba as jieba
from segtool import DataError, EncodingError, UsageError
from segtool.integrations.jieba import Tokenizer, posseg
from tests.helpers import TIMEOUT, any_text, environment, sample_model, sample_segmenter

TEXT = "如果放到post中将出错。\r\n 台中  正确\t应该\n"
IMPORT = "import jieba\n"
OURS = "import segtool.integrations.jieba as jieba\n"

# Written as for jieba: count the most frequent words of a file with a user dictionary and stop words.
FREQUENT = """
import collections
import sys
import jieba
jieba.setLogLevel(jieba.logging.INFO)
jieba.initialize()
jieba.load_userdict("user.txt")
with open("stop.txt", encoding="utf-8") as f:
    stop = set(line.strip() for line in f)
counts = collections.Counter()
for line in open("text.txt", "rb"):
    counts.update(w for w in jieba.cut(line.strip(), cut_all=False) if len(w) > 1 and w not in stop)
for word, n in counts.most_common(3):
    print(word, n)
"""

# Words with their places, search, adding and deleting, in the style of jieba's examples.
TOUR = """
import jieba
from io import StringIO
print("/ ".join(jieba.cut("我们去公园", cut_all=True)))
print("/ ".join(jieba.cut("我们去公园", cut_all=False, HMM=True)))
print(", ".join(jieba.cut_for_search("世界杯足球赛")))
jieba.load_userdict(StringIO(u"九阳神功 5 n\\n乾坤大挪移\\n"))
jieba.add_word("凯特琳", freq=20000, tag="nr")
print(jieba.lcut("我和凯特琳练九阳神功和乾坤大挪移"))
print(jieba.suggest_freq(("中", "将"), True) >= 0, "/".join(jieba.cut("如果放到post中将出错。", HMM=False)))
jieba.suggest_freq("台中", True)
print("/".join(jieba.cut("「台中」正确", HMM=False)))
jieba.del_word("九阳神功")
print("九阳神功" in jieba.lcut("运起九阳神功"))
for word, start, end in jieba.tokenize(u"我们去 公园"):
    print("word %s\\t start: %d \\t end:%d" % (word, start, end))
other = jieba.Tokenizer()
print("乾坤大挪移" in jieba.dt.lcut("会乾坤大挪移"), "乾坤大挪移" in other.lcut("会乾坤大挪移"))
jieba.enable_parallel(2); jieba.disable_parallel()
"""
TOLD = """我们/ 去/ 公园
我们/ 去/ 公园
世界, 世界杯, 杯, 足球赛
['我', '和', '凯特琳', '练', '九阳神功', '和', '乾坤大挪移']
True 如果/放到/post/中/将/出错/。
「/台中/」/正确
False
word 我们\t start: 0 \t end:2
word 去\t start: 2 \t end:3
word  \t start: 3 \t end:4
word 公园\t start: 4 \t end:6
True False
"""


@pytest.fixture
def tokenizer():
    return Tokenizer()


def script(text, folder):
    """Standard output of a script for jieba of which one line was changed."""
    changed = text.replace(IMPORT, OURS)
    assert [a == b for a, b in zip(text.split("\n"), changed.split("\n"), strict=True)].count(False) == 1
    command = [sys.executable, "-c", changed]
    variables = environment(PYTHONIOENCODING="utf-8")
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, encoding="utf-8", timeout=TIMEOUT)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# Scripts


def test_script_that_counts_words(tmp_path):
    (tmp_path / "user.txt").write_text("\ufeff九阳神功 10 n\n\n云计算\n", encoding="utf-8")
    (tmp_path / "stop.txt").write_text("我们\n", encoding="utf-8")
    (tmp_path / "text.txt").write_text("我们练九阳神功\n我们运起九阳神功，云计算\n九阳神功和云计算\n", encoding="utf-8")
    assert script(FREQUENT, tmp_path).splitlines()[:2] == ["九阳神功 3", "云计算 2"]


def test_script_that_shows_all(tmp_path):
    assert script(TOUR, tmp_path) == TOLD


@pytest.mark.skipif(find_spec("jieba") is None, reason="jieba is not installed: pip install 'segtool[dev]'")
@pytest.mark.parametrize("text", [FREQUENT, TOUR], ids=["counts words", "shows all"])
def test_scripts_run_with_jieba_itself(text, tmp_path):
    for name in ("user.txt", "stop.txt", "text.txt"):
        (tmp_path / name).write_text("九阳神功 10 n\n", encoding="utf-8")
    subprocess.run([sys.executable, "-c", text], cwd=tmp_path, check=True, timeout=TIMEOUT)


@pytest.mark.skipif(find_spec("jieba") is None, reason="jieba is not installed: pip install 'segtool[dev]'")
def test_names_and_parameters_are_those_of_jieba():
    import inspect

    import jieba as theirs

    for name in set(jieba.__all__) - {"Tokenizer", "__version__", "default_logger", "dt", "user_word_tag_tab"}:
        ours, other = (inspect.signature(getattr(each, name)).parameters for each in (jieba, theirs))
        assert list(ours) == list(other), name


# Cutting


@given(any_text)
def test_pieces_join_to_the_text(text):
    assert "".join(jieba.cut(text)) == text
    assert [word for word in jieba.cut(text) if not word.isspace()] == segtool.load().cut(text)
    for mode in ("default", "search"):
        assert all(text[start:end] == word for word, start, end in jieba.tokenize(text, mode))
    assert [word for word, *_ in jieba.tokenize(text)] == jieba.lcut(text)
    assert [word for word, *_ in jieba.tokenize(text, "search")] == jieba.lcut_for_search(text)
    assert {*jieba.lcut(text)} <= {*jieba.lcut_for_search(text)} <= {*jieba.lcut(text, cut_all=True)}


def test_whitespace_comes_as_jieba_gives_it(tokenizer):
    pieces = [piece for piece in tokenizer.cut(TEXT) if piece.isspace()]
    assert pieces == ["\r\n", " ", " ", " ", "\t", "\n"]


def test_bytes_are_decoded(tokenizer):
    assert tokenizer.lcut("今天天气".encode()) == tokenizer.lcut("今天天气".encode("gbk")) == ["今天", "天气"]
    with pytest.raises(UsageError, match="int"):
        tokenizer.cut(5)
    with pytest.raises(UsageError, match="bytes"):
        tokenizer.tokenize(b"a")


# Models and words


def test_another_model_or_dictionary(tokenizer, tmp_path):
    text = "运起九阳神功，医生说今天要休息"
    for each in (sample_model(), str(sample_model()), sample_segmenter()):
        assert Tokenizer(each).lcut(text) == sample_segmenter().cut(text)
    (tmp_path / "dict.txt").write_text("九阳神功 3 n\n", encoding="utf-8")
    tokenizer.add_word("说今天")
    tokenizer.set_dictionary(tmp_path / "dict.txt")
    assert "九阳神功" in tokenizer.lcut(text) and "说今天" not in tokenizer.lcut(text)
    tokenizer.initialize(sample_model())
    assert tokenizer.lcut(text) == sample_segmenter().cut(text)


def test_adding_and_deleting_words(tokenizer):
    text = "运起九阳神功"
    before = tokenizer.lcut(text)
    tokenizer.add_word("九阳神功", tag="n")
    assert tokenizer.lcut(text) == ["运起", "九阳神功"]
    assert tokenizer.user_word_tag_tab == {"九阳神功": "n"}
    tokenizer.add_word("九陽神功", 0)  # the same word in traditional characters
    assert "九阳神功" not in tokenizer.lcut(text)
    tokenizer.add_word("九阳神功", "7")
    assert tokenizer.lcut(text) == ["运起", "九阳神功"]
    assert Tokenizer().lcut(text) == before
    tokenizer.add_word("I/O")
    assert "I/O" in tokenizer.lcut("用I/O写")
    tokenizer.del_word("I/O")
    assert "I/O" not in tokenizer.lcut("用I/O写")
    tokenizer.del_word("写")  # a single character, as jieba does
    tokenizer.del_word("abc")
    assert tokenizer.lcut("写abc") == ["写", "abc"]
    with pytest.raises(UsageError, match="no word"):
        tokenizer.add_word(" ")


def test_new_words_come_out_in_most_contexts_and_known_ones_where_they_fit(tokenizer):
    for word in ("凯特琳", "研究生", "和服"):
        tokenizer.add_word(word)
    assert tokenizer.lcut("我和凯特琳练功") == ["我", "和", "凯特琳", "练功"]
    assert tokenizer.lcut("研究生命起源") == ["研究", "生命", "起源"]
    assert tokenizer.lcut("商品和服务项目") == ["商品", "和", "服务", "项目"]


def test_counts(tokenizer):
    assert tokenizer.get_FREQ("我们") > tokenizer.get_FREQ("公园") > 1
    assert tokenizer.get_FREQ("我們") == tokenizer.get_FREQ("我们"), "both scripts count as one"
    assert tokenizer.get_FREQ("没有这个词") is None and tokenizer.get_FREQ("没有这个词", 0) == 0
    assert tokenizer.suggest_freq("我们") >= tokenizer.get_FREQ("我们")
    assert tokenizer.suggest_freq(("我", "们")) <= tokenizer.get_FREQ("我们")
    assert "我们" in tokenizer.lcut("我们去"), "without tune nothing changes"
    tokenizer.suggest_freq(("我", "们"), tune=True)
    assert tokenizer.lcut("我们去") == ["我", "们", "去"]


def test_user_dictionaries(tokenizer, tmp_path):
    path = tmp_path / "user.txt"
    path.write_bytes("\ufeff云计算 5\r\n李小福 2 nr\r\n\r\neasy_install 3 eng\n韩玉赏鉴\t3\tnz\n".encode())
    with open(path, "rb") as in_bytes, open(path, encoding="utf-8") as in_text:
        made = [Tokenizer() for _ in range(5)]
        for each, given in zip(made, (path, str(path), in_bytes, in_text, io.BytesIO(path.read_bytes())), strict=True):
            each.load_userdict(given)
    for each in made:
        assert each.lcut("李小福做云计算，韩玉赏鉴") == ["李小福", "做", "云计算", "，", "韩玉赏鉴"]
    (tmp_path / "bad.txt").write_bytes(b"\xe4\xba\x91\n\xff\xfe\n")
    with pytest.raises(EncodingError, match=r"bad\.txt"):
        tokenizer.load_userdict(tmp_path / "bad.txt")
    with open(tmp_path / "bad.txt", "rb") as file, pytest.raises(DataError, match=r"bad\.txt, line 2"):
        tokenizer.load_userdict(file)
    with pytest.raises(DataError, match=r"lines, line 1: .*control character"):
        tokenizer.load_userdict(["云\x00计算 3"])


def test_threads_may_change_and_cut_at_once(tokenizer):
    """Every cut is that of some state, and the last state has all words."""
    words = [f"{a}{b}神功" for a in "九八" for b in "阳阴"]
    failures = []

    def work(word):
        try:
            for _ in range(2):
                tokenizer.add_word(word)
                if "".join(tokenizer.cut(f"运起{word}")) != f"运起{word}":
                    failures.append(word)
                if word not in tokenizer.lcut(f"运起{word}"):
                    failures.append(word)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[word]) for word in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(word in tokenizer.lcut(f"运起{word}") for word in words)


# What is not there


def test_missing_parts_say_so():
    for ask in (lambda: posseg.cut("我们"), lambda: posseg.lcut, lambda: posseg.POSTokenizer):
        with pytest.raises(UsageError, match="parts of speech"):
            ask()
    with pytest.raises(UsageError, match="keywords"):
        _ = jieba.analyse
    with pytest.raises(UsageError, match="keywords"):
        exec("from segtool.integrations.jieba import analyse")
    for module in (jieba, posseg):
        with pytest.raises(AttributeError):
            _ = module.nowhere

"""The integration of gensim, with gensim."""

import gzip
import io

import pytest

import segtool
from segtool import InputError, UsageError
from segtool.integrations import has_letters
from tests.helpers import SAMPLE, sample_segmenter

pytest.importorskip("gensim", reason="gensim is not installed: pip install 'segtool[gensim]'")

from gensim.corpora import Dictionary
from gensim.models import LdaModel, TfidfModel, Word2Vec
from gensim.models.phrases import Phrases

from segtool.integrations.gensim import GensimCorpus, GensimSentences

CITY = SAMPLE / "city.txt"


def expected(path, punctuation=False):
    lines = path.read_text(encoding="utf-8").splitlines()
    cut = [[word for word in segtool.load().cut(line) if punctuation or has_letters(word)] for line in lines]
    return [words for words in cut if words]


def test_sentences_are_read_again():
    sentences = GensimSentences(CITY)
    assert list(sentences) == list(sentences) == expected(CITY) != []


def test_sentences_of_files_and_texts(tmp_path):
    lines = CITY.read_text(encoding="utf-8").splitlines()
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(CITY.read_bytes()))
    assert list(GensimSentences([tmp_path], workers=2)) == expected(CITY)
    assert list(GensimSentences(texts=lines, punctuation=True)) == expected(CITY, punctuation=True)
    (tmp_path / "b.txt").write_bytes("今天天气\n\n。\n很好".encode("gb18030"))
    assert list(GensimSentences(tmp_path / "b.txt", encoding="gb18030")) == [["今天", "天气"], ["很", "好"]]
    ours = sample_segmenter()
    assert next(iter(GensimSentences(texts=["我们去公园"], model=ours))) == ours.cut("我们去公园")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of both"),
        ({"inputs": CITY, "texts": ["今天"]}, "one of both"),
        ({"texts": "今天"}, "pass a list"),
        ({"texts": (text for text in ["今天"])}, "only once"),
        ({"texts": io.StringIO("今天")}, "only once"),
        ({"inputs": "-"}, "only once"),
    ],
)
def test_sentences_that_cannot_be_read_again_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        GensimSentences(**arguments)


def test_a_missing_file_is_found_at_once(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        GensimSentences(tmp_path / "no.txt")


def test_word_vectors():
    model = Word2Vec(GensimSentences(SAMPLE), vector_size=8, min_count=5, epochs=2, seed=1, workers=1)
    assert "我们" in model.wv and "。" not in model.wv
    assert model.corpus_count == len(list(GensimSentences(SAMPLE)))
    assert Phrases(GensimSentences(SAMPLE), min_count=2, threshold=1).vocab


def test_topics():
    corpus = GensimCorpus(GensimSentences(SAMPLE))
    assert len(corpus) == len(list(corpus)) == corpus.dictionary.num_docs
    assert LdaModel(corpus, num_topics=2, id2word=corpus.dictionary, random_state=1).show_topics(2)
    assert TfidfModel(corpus)[next(iter(corpus))]
    given = Dictionary([["公园"]])
    assert max(map(len, GensimCorpus([["公园", "公园", "山"]], given))) == 1
    assert list(GensimCorpus([["公园", "公园", "山"]], given)) == [[(0, 2)]]
    with pytest.raises(UsageError, match="only once"):
        GensimCorpus(iter([["公园"]]))

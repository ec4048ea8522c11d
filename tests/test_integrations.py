"""Each integration with its library, which a test skips if it is not there (scripts/test installs them all)."""

import pickle
import sqlite3
import subprocess
import sys

import pytest

import segtool
from segtool.integrations import has_letters, needs_extra
from segtool.integrations.sqlite import register_functions
from tests.helpers import GOLD, ROOT, SAMPLE, environment, sample_model, sample_segmenter

TEXT = "我们去公园散步，ABC公司的3个董事会。"
LINES = [line.replace(" ", "") for line in GOLD.read_text(encoding="utf-8").splitlines()]
NAMES = ["gensim", "jieba", "sklearn", "spacy", "sqlite", "tokenizers", "whoosh"]


def words_of(text, segmenter=None):
    return [word for word in (segmenter or segtool.load()).cut(text) if has_letters(word)]


def library(name):
    return pytest.importorskip(name, reason=f"{name} is not installed: pip install 'segtool[{name}]'")


# All of them


def test_every_integration_is_listed():
    folder = ROOT / "segtool" / "integrations"
    assert sorted(path.stem for path in folder.iterdir() if not path.stem.startswith("__")) == NAMES


def test_importing_segtool_imports_no_integration():
    code = "import segtool.cli.main, segtool.segmenter, sys; print([n for n in sys.modules if 'integrations' in n])"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("name", ["gensim", "sklearn", "spacy", "tokenizers", "whoosh"])
def test_without_the_library_the_extra_is_named(name):
    code = f"import sys; sys.modules['{name}'] = None\nimport segtool.integrations.{name}"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    assert f"pip install 'segtool[{name}]'" in done.stderr.splitlines()[-1]


def test_other_errors_of_an_import_pass():
    with pytest.raises(ZeroDivisionError), needs_extra("zero"):
        _ = 1 / 0


def test_letters():
    assert [word for word in ["今", "3", "３.5", "C++", "。", "……", "😀", "+", "é", ""] if has_letters(word)] == [
        *["今", "3", "３.5", "C++", "é"]
    ]


# scikit-learn


@pytest.fixture
def analyzer():
    library("sklearn")
    from segtool.integrations.sklearn import SklearnAnalyzer

    return SklearnAnalyzer


def test_analyzer_gives_the_words(analyzer):
    assert analyzer()(TEXT) == [word.lower() for word in words_of(TEXT)]
    assert analyzer(punctuation=True, lowercase=False)(TEXT) == segtool.load().cut(TEXT)
    searched = segtool.load().cut_for_search(TEXT, 5)
    assert analyzer(search=True, within=5, punctuation=True, lowercase=False)(TEXT) == searched
    assert analyzer(sample_model())(LINES[0]) == words_of(LINES[0], sample_segmenter())
    assert analyzer(granularity=8.0)("高质量发展") == segtool.load().with_granularity(8).cut("高质量发展")


def test_analyzer_is_cloned_and_pickled(analyzer):
    from sklearn.base import clone

    made = analyzer(granularity=16.0, lowercase=False)
    expected = made(TEXT)
    for other in (clone(made), pickle.loads(pickle.dumps(made)), clone(analyzer(made._segmenter(), lowercase=False))):
        assert other(TEXT) == expected
        assert other.lowercase is False
    assert len(pickle.dumps(made)) < 1000, "a pickle holds parameters, not the model"
    assert made.set_params(granularity=-4.0)(TEXT) != expected, "another parameter takes effect"


def test_analyzer_in_a_grid_search(analyzer):
    """In processes, which get the analyzer as a pickle."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    files = [SAMPLE / f"{name}.txt" for name in ("travel", "work")]
    texts, topics = zip(
        *[(line, path.stem) for path in files for line in path.read_text("utf-8").splitlines() if line], strict=True
    )
    pipeline = make_pipeline(TfidfVectorizer(analyzer=analyzer()), LogisticRegression())
    grid = {"tfidfvectorizer__analyzer__granularity": [0.0, 4.0], "tfidfvectorizer__analyzer__lowercase": [True]}
    found = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(texts, topics)
    assert found.best_score_ > 0.6
    assert len(found.cv_results_["params"]) == 2
    assert "公园" in TfidfVectorizer(analyzer=analyzer()).fit([TEXT]).vocabulary_


def test_analyzer_as_the_tokenizer_of_n_grams(analyzer):
    from sklearn.feature_extraction.text import CountVectorizer

    made = CountVectorizer(tokenizer=analyzer(), token_pattern=None, ngram_range=(2, 2)).fit(["我们去公园散步"])
    assert set(made.vocabulary_) == {"我们 去", "去 公园", "公园 散步"}


# Hugging Face tokenizers


@pytest.fixture
def tokenizer():
    """Trained on words of the sample."""
    tokenizers = library("tokenizers")
    from segtool.integrations.tokenizers import pre_tokenizer

    made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizer()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=3000, special_tokens=["[UNK]"], show_progress=False)
    made.train_from_iterator(LINES, trainer)
    return made


def test_no_token_crosses_a_word(tokenizer):
    for line in LINES[:50]:
        starts = {token.start for token in segtool.load().tokenize(line)}
        assert starts <= {start for start, _ in tokenizer.encode(line).offsets}


def test_pre_tokenizer_gives_words_and_places():
    tokenizers = library("tokenizers")
    from segtool.integrations.tokenizers import HuggingFacePreTokenizer, pre_tokenizer

    text = "今天 𠮷𠮷天气\n很好é"
    expected = [(word, (start, end)) for word, start, end in segtool.load().tokenize(text)]
    assert pre_tokenizer().pre_tokenize_str(text) == expected
    lower = tokenizers.pre_tokenizers.Sequence([pre_tokenizer(), tokenizers.pre_tokenizers.Digits()])
    assert [word for word, _ in lower.pre_tokenize_str("在3年里")] == ["在", "3", "年", "里"]
    other = pickle.loads(pickle.dumps(HuggingFacePreTokenizer(sample_model())))
    assert other.segmenter.cut(text) == sample_segmenter().cut(text)


def test_tokenizer_in_a_file(tokenizer, tmp_path):
    tokenizers = library("tokenizers")
    from segtool.integrations.tokenizers import load_tokenizer, save_tokenizer

    path = tmp_path / "tokenizer.json"
    with pytest.raises(Exception, match=r"[Cc]ustom"):
        tokenizer.save(str(path))
    save_tokenizer(tokenizer, path)
    batch = [each.ids for each in tokenizer.encode_batch(LINES)]
    assert [each.ids for each in load_tokenizer(path).encode_batch(LINES)] == batch
    alone = tokenizers.Tokenizer.from_file(str(path))
    cut = [" ".join(segtool.load().cut(line)) for line in LINES]
    assert [each.ids for each in alone.encode_batch(cut)] == batch, "text that was cut beforehand needs no segtool"


# Whoosh


@pytest.fixture
def search(tmp_path):
    """Numbers of the documents that match a query."""
    library("whoosh")
    from whoosh.fields import NUMERIC, TEXT, Schema
    from whoosh.index import create_in, open_dir
    from whoosh.qparser import QueryParser

    from segtool.integrations.whoosh import analyzer

    index = create_in(tmp_path, Schema(number=NUMERIC(stored=True), body=TEXT(analyzer=analyzer(), stored=True)))
    with index.writer() as writer:
        for number, body in enumerate(DOCUMENTS):
            writer.add_document(number=number, body=body)

    def found(query):
        with open_dir(tmp_path).searcher() as searcher:
            hits = searcher.search(QueryParser("body", index.schema).parse(query))
            return sorted(hit["number"] for hit in hits)

    return found


DOCUMENTS = ["电影院发展，我们去公园。", "我们去上海的ABC公司", "电影不难。发展很快", "天气很好"]


def test_whoosh_finds_words_within_words(search):
    assert search("电影") == [0, 2]
    assert search("电影院") == [0]
    assert search("abc") == search("ABC") == [1]
    assert search("我们 公园") == [0]
    assert search("北京") == []


def test_whoosh_finds_phrases(search):
    assert search('"电影发展"') == [0], "an entry within a word has its position"
    assert search('"发展我们"') == [0], "marks have no position"
    assert search('"去公园"') == [0] and search('"公园去"') == []


def test_whoosh_tokens():
    library("whoosh")
    from segtool.integrations.whoosh import WhooshTokenizer, analyzer

    def tokens(made, **options):
        return [
            (token.text, token.pos, token.startchar)
            for token in made("，电影院发展", positions=True, chars=True, **options)
        ]

    assert tokens(analyzer()) == [("电影", 0, 1), ("电影院", 0, 1), ("院", 0, 3), ("发展", 1, 4)]
    assert tokens(analyzer(), mode="query") == [("电影院", 0, 1), ("发展", 1, 4)]
    assert tokens(WhooshTokenizer(within=0), start_pos=5, start_char=7) == [("电影院", 5, 8), ("发展", 6, 11)]
    assert WhooshTokenizer() == pickle.loads(pickle.dumps(WhooshTokenizer())) != WhooshTokenizer(within=1)


# SQLite


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(words, entries)")
    except sqlite3.OperationalError:
        pytest.skip("this SQLite has no FTS5")
    register_functions(connection)
    connection.executemany(
        "INSERT INTO t SELECT segtool_words(column1), segtool_entries(column1) FROM (VALUES (?))",
        [[body] for body in DOCUMENTS],
    )
    return connection


def found(connection, query):
    rows = connection.execute("SELECT rowid FROM t WHERE t MATCH segtool_query(?)", [query])
    return sorted(number - 1 for (number,) in rows)


def test_sqlite_finds_words_within_words(database):
    assert found(database, "电影") == [0, 2]
    assert found(database, "电影院") == [0]
    assert found(database, "abc") == found(database, "ABC，") == [1]
    assert found(database, "我们公园") == [0]
    assert found(database, "北京") == found(database, "。") == found(database, "") == []


def test_sqlite_finds_phrases(database):
    assert found(database, '"电影院发展"') == found(database, "“电影院发展”公园") == [0]
    assert found(database, '"去公园"') == [0] and found(database, '"公园去"') == []
    assert found(database, '发展 "很好') == [], "a quotation mark without its partner is no error"


def test_sqlite_functions(database):
    ask = "SELECT segtool_words(?1), segtool_entries(?1), segtool_query(?1)"
    assert database.execute(ask, [None]).fetchone() == (None, None, None)
    assert database.execute(ask, ["电影院，3"]).fetchone() == ("电影院 3", "电影 院", '"电影院" AND "3"')
    assert database.execute(ask, [35]).fetchone() == ("35", "", '"35"')
    for hostile in ['a" OR "b', "a* NOT b", "words:x", "NEAR(a b)", "'", "^a + b", "-"]:
        assert isinstance(found(database, hostile), list)


def test_sqlite_in_triggers(tmp_path):
    """The recipe of docs/integrations.md: the index follows the table."""
    connection = sqlite3.connect(tmp_path / "a.db")
    register_functions(connection, sample_segmenter(), within=0)
    connection.execute("CREATE TABLE d (id INTEGER PRIMARY KEY, body TEXT)")
    try:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(words, entries)")
    except sqlite3.OperationalError:
        pytest.skip("this SQLite has no FTS5")
    connection.execute(
        "CREATE TRIGGER a AFTER INSERT ON d BEGIN INSERT INTO t (rowid, words, entries)"
        " VALUES (new.id, segtool_words(new.body), segtool_entries(new.body)); END"
    )
    connection.execute("INSERT INTO d (body) VALUES (?)", [LINES[0]])
    assert found(connection, LINES[0]) == [0]
    assert connection.execute("SELECT words FROM t").fetchone() == (" ".join(words_of(LINES[0], sample_segmenter())),)

"""The integration of spaCy, with spaCy."""

import pickle
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from hypothesis import given

import segtool
from tests.helpers import any_text, environment, sample_model, sample_segmenter

spacy = pytest.importorskip("spacy", reason="spacy is not installed: pip install 'segtool[spacy]'")

from segtool.integrations.spacy import SpacyTokenizer, create_tokenizer  # noqa: E402

TEXT = "董事会的高质量发展，  我们\n去公园。"


def pipeline(**options):
    return spacy.blank("zh", config={"nlp": {"tokenizer": {"@tokenizers": "segtool.v1", **options}}})


def words_of(nlp, text=TEXT):
    """The tokens of a text without those of whitespace."""
    doc = nlp(text)
    assert doc.text == text
    return [token.text for token in doc if not token.is_space]


def test_pipeline_of_a_configuration():
    nlp = pipeline()
    assert words_of(nlp) == segtool.load().cut(TEXT)
    assert [token.text for token in nlp("我们  去")] == ["我们", " ", "去"], "more than one space"
    assert nlp("我们 去")[0].whitespace_ == " "
    assert words_of(pipeline(granularity=8.0)) == segtool.load().with_granularity(8).cut(TEXT)
    assert words_of(pipeline(model=str(sample_model()))) == sample_segmenter().cut(TEXT)
    nlp.add_pipe("sentencizer")
    assert len(list(nlp("我们去公园。天气很好。").sents)) == 2
    nlp.initialize()


@given(any_text)
def test_no_character_is_lost(text):
    text = text.encode("utf-8", "replace").decode()  # spaCy takes no lone surrogates
    tokenizer = create_tokenizer()(NLP)
    doc = tokenizer(text)
    assert doc.text == text
    assert "".join(token.text for token in doc if not token.is_space) == "".join(tokenizer.segmenter.cut(text))


NLP = spacy.blank("zh")


SEGMENTERS = {
    "included": segtool.load,
    "from a folder": sample_segmenter,
    "finer": lambda: segtool.load().with_granularity(8.0),
    "with words": lambda: segtool.load().with_words(prefer=["高质量发展"], forbid=["公园"]),
}


@pytest.mark.parametrize("name", SEGMENTERS)
def test_pipeline_in_bytes_on_disk_and_pickled(name, tmp_path):
    nlp = pipeline()
    nlp.tokenizer = SpacyTokenizer(nlp.vocab, SEGMENTERS[name]())
    expected = SEGMENTERS[name]().cut(TEXT)
    assert words_of(nlp) == expected
    nlp.to_disk(tmp_path)
    data = nlp.to_bytes()
    assert (b"lexicon.npy" in data) == (name != "included"), "of the included model only the name is kept"
    copies = [spacy.load(tmp_path), pipeline().from_bytes(data), pickle.loads(pickle.dumps(nlp))]
    for copy in copies:
        assert words_of(copy) == expected
        again = pipeline().from_bytes(copy.to_bytes())
        assert words_of(again) == words_of(pickle.loads(pickle.dumps(again))) == expected
    copies[0].to_disk(tmp_path)  # over the model that is open
    assert words_of(spacy.load(tmp_path)) == expected
    assert [len(doc) for doc in copies[0].pipe([TEXT] * 3, n_process=2)] == [len(nlp(TEXT))] * 3


def test_pipeline_on_disk_needs_no_import(tmp_path):
    """The registry of spaCy finds the tokenizer by an entry point of the package."""
    if "segtool.v1" not in entry_points(group="spacy_tokenizers").names:
        pytest.skip("segtool was installed before it had this entry point: bash scripts/install dev")
    pipeline().to_disk(tmp_path)
    code = "import spacy, sys; print(*spacy.load(sys.argv[1])('我们去公园'), sep='/')"
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, env=environment(PYTHONIOENCODING="utf-8"), capture_output=True, encoding="utf-8")
    assert done.stdout == "我们/去/公园\n", done.stderr

"""What a model says of itself: facts, words, short representations, tables for notebooks."""

import json
from html.parser import HTMLParser

import pytest

import segtool
from segtool.export.words import exported_words
from segtool.info import describe_model
from tests.helpers import SAMPLE, refusal, run, sample_model, sample_segmenter, succeed


class Cells(HTMLParser):
    """The texts of the cells of a table."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_data(self, data):
        self.found.append(data)


def rows_of(text):
    return [(line[:12].strip(), line[13:]) for line in text.splitlines()]


def test_the_command_says_what_a_model_is():
    model = sample_segmenter().model
    rows = rows_of(succeed("info", sample_model(), "--top", 3).stdout.decode())
    assert dict(rows)["model"] == str(sample_model())
    assert dict(rows)["words"] == f"{len(model.words):,} of {len(model.symbols):,} symbols"
    assert dict(rows)["corpus"].startswith(f"{model.card['corpus']['characters']:,} characters")
    assert dict(rows)["parameters"] == "the defaults"
    ranked = [each.word for each in exported_words(model, "seen")]
    for length in (1, 2, 3):
        assert dict(rows)[f"length {length}"].split() == [word for word in ranked if len(word) == length][:3]


def test_json_has_everything():
    facts = json.loads(succeed("info", "default", "--json", "--top", 1).stdout)
    card = segtool.load().model.card
    assert facts["included"] and facts["sources"] == card["sources"] and facts["parameters"] == card["parameters"]
    assert facts["top_words"]["1"] == ["的"] and facts["bytes"] > 5e6


def test_what_was_done_to_a_model_is_shown(tmp_path):
    gold = [line.split() for line in (SAMPLE.parent / "gold.seg.txt").read_text("utf-8").splitlines()[:40]]
    base = sample_segmenter()
    assert dict(rows_of(describe_model(base.tune(gold).model).report()))["tuned"].startswith("to 40 sentences: ")
    adapted = base.adapt(["练九阳神功要十年。九阳神功很难。"]).adapt(["九阳神功很难。"]).with_granularity(1.0)
    adapted.save(tmp_path / "adapted")
    rows = dict(rows_of(describe_model(segtool.load(tmp_path / "adapted").model).report()))
    assert (rows["adapted"], rows["granularity"]) == ("to 20 symbols of raw text", "1 nats")
    listed = describe_model(base.with_words(force=["C++"], prefer=["川普", "和服"]).model)
    assert dict(rows_of(str(listed)))["dictionary"] == "2 prefer, 1 force"
    more = segtool.train(texts=["今天天气很好。"] * 3, base=sample_model()).model
    shown = f"a model: {base.model.card['corpus']['characters']:,} characters"
    assert dict(rows_of(describe_model(more).report()))["continues"].startswith(shown)
    assert "adapted" not in more.card


def test_a_missing_model(tmp_path):
    done = run("info", tmp_path / "none")
    assert done.returncode == 1 and "does not exist" in refusal(done.stderr)


def test_representations_are_short():
    seg = sample_segmenter()
    assert repr(seg.model) == f"<Model {sample_model()}: {len(seg.model.words):,} words, method unigram>"
    result = segtool.evaluate(["今天 天气"], ["今天 天 气"], top_errors=1)
    assert repr(result) == "<Evaluation of 1 lines: F1 0.4000>"


def test_tables_for_notebooks():
    seg = sample_segmenter()
    cells = Cells(seg._repr_html_()).found
    assert cells[0] == "segtool model" and {"words", "length 2", "parameters"} <= {*cells}
    assert {*Cells(seg.model._repr_html_()).found} <= {*cells}
    result = segtool.evaluate(["<b> 天气"], ["<b> 天 气"], top_errors=1)
    cells = Cells(result._repr_html_()).found
    assert cells[0] == "Evaluation" and "天气 → 天 气" in cells
    assert cells[1:] == [part for row in rows_of(result.report()) for part in row]


# Words


def test_words():
    words = sample_segmenter().words()
    assert words == [each.word for each in exported_words(sample_segmenter().model, "seen")]
    assert len(words) == len({*words}) > 2000


def test_a_segmenter_has_words():
    seg = sample_segmenter()
    assert all(word in seg for word in seg.words()[:50])
    assert "天氣" in seg and "2023" in seg  # in either script, any number
    assert not [word for word in ("天很", "", "。", "天气\n", "天气。", "今 天") if word in seg]


def test_a_dictionary_counts():
    seg = sample_segmenter().with_words(force=["C++", "不|知道"], forbid=["自己"], prefer=["川普"])
    assert "C++" in seg and "川普" in seg
    assert "自己" not in seg and "不知道" not in seg and "自己" not in seg.words()


@pytest.mark.parametrize("word", [3, None, b"x"])
def test_what_is_no_string_is_no_word(word):
    with pytest.raises(segtool.ArgumentError, match="word in segmenter"):
        _ = word in sample_segmenter()

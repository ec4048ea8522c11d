"""Words of a model for other tools: in both scripts, in every format, read by the tools themselves."""

import json
import re

import pytest

import segtool
from segtool.export.formats import WRITERS
from segtool.export.scripts import Scripts
from segtool.export.unigram import marks, sentencepiece_model, tokenizer_json
from segtool.export.words import exported_words
from segtool.info import describe_model
from segtool.lm.store import open_lm
from segtool.methods.word_list import words_with_counts
from segtool.text.folding import fold_text
from tests.helpers import SAMPLE, refusal, run, sample_model, sample_segmenter, sample_text, succeed

TEXT = "2023年的iPhone15，我们去公园散步……😀 C++很好。"


def with_words():
    return sample_segmenter().with_words(force=["C++", "不|知道"], forbid=["自己"]).model


# Scripts


@pytest.mark.parametrize(
    ("word", "scripts", "forms"),
    [
        ("世紀", "both", ["世紀", "世纪"]),
        ("世纪", "both", ["世纪", "世紀"]),
        ("世纪", "seen", ["世纪"]),
        ("世紀", "simplified", ["世纪"]),
        ("北京", "both", ["北京"]),
        # of several traditional characters, the one that traditional words have
        ("发现", "traditional", ["發現"]),
        # not if these disagree, or if there are none
        ("干了", "traditional", ["干了"]),
        ("回去", "both", ["回去"]),
        # characters of both scripts
        ("著名", "simplified", ["著名", "着名"]),
        ("乾淨", "simplified", ["乾净", "干净"]),
        ("乾淨", "traditional", ["乾淨"]),
    ],
)
def test_forms(word, scripts, forms):
    seen = [("發現", 99), ("頭髮", 1), ("餅乾", 5), ("樹幹", 5)]
    assert Scripts(seen, True).forms(word, scripts) == forms


@pytest.mark.parametrize("scripts", ["both", "simplified", "traditional", "seen"])
def test_a_model_that_does_not_fold_has_the_words_that_it_saw(scripts):
    assert Scripts([("世紀", 1)], False).forms("世紀", scripts) == ["世紀"]


def test_most_traditional_words_come_back():
    """The words that the included model saw in traditional characters, from their simplified forms."""
    model = segtool.load().model
    words = list(words_with_counts(model))
    scripts = Scripts(words, True)
    traditional = [word for word, _ in words if fold_text(word) != word]
    again = [scripts.forms(fold_text(word), "traditional")[0] for word in traditional]
    assert sum(map(str.__eq__, traditional, again)) > 0.9 * len(traditional) > 10_000


def test_forms_share_the_occurrences():
    model = sample_segmenter().model
    counts = dict(words_with_counts(model))
    shared = dict.fromkeys(counts, 0)
    spelled = {fold_text(word): word for word in counts}
    for each in exported_words(model):
        shared[spelled[fold_text(each.word)]] += each.occurrences
    assert all(counts[word] <= shared[word] <= counts[word] + 2 for word in counts)
    assert {word: count for word, count in shared.items() if count > 2} == {w: c for w, c in counts.items() if c > 2}


def test_order_and_top():
    model = sample_segmenter().model
    seen = exported_words(model, "seen")
    assert [(w.word, w.occurrences) for w in seen] == sorted(words_with_counts(model), key=lambda w: (-w[1], w[0]))
    assert exported_words(model, "seen", 7) == seen[:7]
    both = exported_words(model, top=7)
    assert {fold_text(each.word) for each in both} == {fold_text(each.word) for each in seen[:7]}
    assert [(-w.occurrences, w.word) for w in both] == sorted((-w.occurrences, w.word) for w in both)


# Formats


def test_tables_have_the_numbers_of_the_model():
    model = sample_segmenter().model
    words = exported_words(model, "seen")
    header, *rows = [line.split("\t") for line in b"".join(WRITERS["tsv"](words)).decode().splitlines()]
    records = model.words
    numbers = {model.spell(i): records[i] for i in range(len(records))}
    entries = [json.loads(line) for line in b"".join(WRITERS["jsonl"](words)).splitlines()]
    assert [row[0] for row in rows] == [entry["word"] for entry in entries] == [each.word for each in words]
    for row, entry in zip(rows, entries, strict=True):
        assert list(entry) == header
        record = numbers[entry["word"]]
        assert entry["count"] == record["count"]
        assert entry["log_weight"] == pytest.approx(record["weight"], abs=1e-4)
        assert entry["left_entropy"] == pytest.approx(record["left_entropy"], abs=1e-3)
        shown = [None if text == "inf" else float(text) for text in row[1:]]
        assert shown == list(entry.values())[1:]
    assert entries[0]["cohesion"] is None


def test_tokenizers_reads_the_words():
    tokenizers = pytest.importorskip("tokenizers")
    words = exported_words(with_words())
    tokenizer = tokenizers.Tokenizer.from_str(tokenizer_json(words).decode())
    encoding = tokenizer.encode(TEXT)
    shown = [TEXT[start:end] for start, end in encoding.offsets]
    assert shown == encoding.tokens
    assert "".join(shown) == TEXT.replace(" ", "")
    assert {"2023", "iPhone", "15", "，", "公园", "C++"} <= {*shown}
    unknown = {token for token, number in zip(shown, encoding.ids, strict=True) if number == 0}
    assert {"2023", "iPhone", "15", "😀"} <= unknown and not unknown & {"，", "公园", "C++", "。"}
    assert "自己" not in tokenizer.get_vocab() and tokenizer.encode("自己").tokens == ["自", "己"]
    # no piece crosses a mark, a number or a Latin word, as no word of ours does
    for line in sample_text().splitlines()[:200]:
        ends = {token.end for token in segtool.load().tokenize(line) if re.search(r"[。，0-9A-Za-z]", token.word)}
        assert ends <= {end for _, end in tokenizer.encode(line).offsets}


def test_sentencepiece_opens_the_model():
    library = pytest.importorskip("sentencepiece")
    words = exported_words(with_words())
    model = library.SentencePieceProcessor(model_proto=sentencepiece_model(words))
    pieces = model.encode(TEXT, out_type=str)
    assert {"公园", "，", "▁", "C++", "2", "i"} <= {*pieces}
    assert model.encode("自己", out_type=str) == ["自", "己"]
    for text in (TEXT, "  𰻞\t\n二〇二三年 ", *sample_text().splitlines()[:100]):
        assert model.decode(model.encode(text)) == text
    scores = {model.id_to_piece(i): model.get_score(i) for i in range(len(model))}
    assert len(scores) == len(model)
    best = next(each for each in words if each.word == "公园")
    assert scores["公园"] == pytest.approx(best.log_weight - 1.0, abs=1e-5)


def test_marks_are_no_letters():
    assert {"，", "。", "《", "…", "!", "%", "："} <= {*marks()}
    assert not [mark for mark in marks() if mark.isalpha() or mark.isspace()]


# The command


@pytest.mark.parametrize("form", ["tsv", "jsonl", "hf", "sentencepiece"])
def test_the_command_writes_what_the_library_writes(form, tmp_path):
    options = ["-m", sample_model(), "--format", form, "--scripts", "traditional", "--top", 50]
    words = exported_words(sample_segmenter().model, "traditional", 50)
    assert succeed("export", *options).stdout == b"".join(WRITERS[form](words))
    succeed("export", *options, "-o", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"".join(WRITERS[form](words))


def test_arpa(tmp_path):
    model = segtool.train(SAMPLE / "city.txt", tmp_path / "m", method="lm", lm_order=3).model
    described = describe_model(model).report().splitlines()
    rows = {"method       lm", "language     keeps a language model", "parameters   lm_order 3, unknown_len 0"}
    assert rows <= {*described}
    succeed("export", "-m", tmp_path / "m", "--format", "arpa", "-o", tmp_path / "lm.arpa.gz")
    assert (tmp_path / "lm.arpa.gz").read_bytes()[:2] == b"\x1f\x8b"
    text = "今天天气很好"
    score = open_lm(tmp_path / "lm.arpa.gz").score_text(text).log10_probability
    assert score == pytest.approx(open_lm(tmp_path / "m").score_text(text).log10_probability, rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "it keeps no language model for --format arpa: train with --method lm"),
        (["--top", 3], "--top selects words, and --format arpa writes n-grams"),
        (["--scripts", "seen"], "--scripts selects words"),
        (["--prefer", "x"], "which takes no words: leave out the word lists"),
    ],
)
def test_arpa_is_refused(tmp_path, options, message):
    done = run("export", "-m", sample_model(), "--format", "arpa", *options, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert message in refusal(done.stderr)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("arguments", "message"), [(["all"], "--scripts takes both"), (["both", -1], "--top takes 0")])
def test_wrong_arguments(arguments, message):
    with pytest.raises(segtool.UsageError, match=message):
        exported_words(sample_segmenter().model, *arguments)

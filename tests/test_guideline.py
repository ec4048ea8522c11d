"""The layer that labelled sentences add to a model: kernels against their twins, gradients, folding, tuning."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import segtool
from segtool.errors import CorpusError, UsageError
from segtool.evaluation import evaluate
from segtool.guideline import tune
from segtool.guideline.features import add_gradient, add_scores
from segtool.guideline.fold import fold_layer
from segtool.guideline.gold import encode_gold, parse_conllu, parse_segmented
from segtool.guideline.knowledge import knowledge_of
from segtool.guideline.lattice import CUT, KNOWN, LOCAL, REACH, WHOLE, find_edges, posterior_differences, scratch_size
from segtool.guideline.layer import Layer
from segtool.guideline.lbfgs import minimise
from segtool.lexicon.trie import build_trie
from segtool.segmenter import Segmenter
from tests import naive_guideline
from tests.helpers import GOLD, contents, refusal, run, sample_model, sample_segmenter, succeed

SENTENCES = [line.split() for line in GOLD.read_text(encoding="utf-8").splitlines()]


def trie_of(words, symbols):
    """Base and check of words (tuples of symbols), and the number of the word of each node."""
    prefixes = sorted({word[:k] for word in words for k in range(1, len(word) + 1)} | {(s,) for s in range(symbols)})
    levels = [[word for word in prefixes if len(word) == k] for k in range(1, max(map(len, prefixes)) + 1)]
    parents = [np.zeros(len(levels[0]), np.int32)] + [
        np.array([above.index(word[:-1]) for word in level], np.int32) for above, level in itertools.pairwise(levels)
    ]
    last = [np.array([word[-1] for word in level], np.uint16) for level in levels]
    base, check, nodes = build_trie(last, parents, [np.ones(len(level), np.bool_) for level in levels])
    word_of = np.full(len(base), -1, np.int32)
    for level, node in zip(levels, nodes, strict=True):
        for word, at in zip(level, node, strict=True):
            word_of[at] = words.get(word, -1)
    return np.column_stack([base, check]).astype(np.int32).ravel(), word_of


@st.composite
def lattices(draw):
    """A stream of runs, the words of a lexicon, scores, and labels."""
    symbols = 4
    rows = draw(st.sets(st.lists(st.integers(1, symbols - 1), min_size=2, max_size=4).map(tuple), max_size=8))
    words = {row: i for i, row in enumerate([(s,) for s in range(1, symbols)] + sorted(rows))}
    runs = draw(st.lists(st.lists(st.integers(1, symbols - 1), min_size=1, max_size=6), min_size=1, max_size=3))
    stream = [0, *itertools.chain.from_iterable([*each, 0] for each in runs)]
    number = st.floats(-3, 3)
    scores = draw(st.lists(number, min_size=len(words), max_size=len(words)))
    local = draw(st.lists(st.tuples(number, number, number, number), min_size=len(stream), max_size=len(stream)))
    begins = draw(st.lists(st.booleans(), min_size=len(stream), max_size=len(stream)))
    return stream, words, np.array(scores), np.array(local), begins, draw(st.integers(1, 4))


@given(lattices())
def test_posteriors_of_every_edge_and_gap(lattice):
    stream, words, scores, local, begins, unknown_len = lattice
    longest = max(map(len, words))
    units, word_of = trie_of(words, 4)
    places = np.zeros((len(stream), CUT), np.int32)
    ids = np.array(stream, np.uint16)
    size = find_edges(ids, units, word_of, longest, places.ravel(), np.empty(0, np.int32))
    found = np.empty(size, np.int32)
    assert find_edges(ids, units, word_of, longest, places.ravel(), found) == size
    expected_words = naive_guideline.find_words(stream, words, longest)
    assert found.tolist() == [number for here in expected_words for _, number in here]
    assert places[:, KNOWN].tolist() == [sum(1 << k for k, _ in here) for here in expected_words]

    starts = [i for i in range(len(stream)) if stream[i] == 0 or begins[i] or stream[i - 1] == 0]
    end_of = {start: end for start, end in itertools.pairwise([*starts, len(stream)])}
    expected = np.zeros(size + local.size)
    at_place, total, edge_number = expected[size:].reshape(-1, LOCAL), 0.0, {}
    for i, here in enumerate(expected_words):
        for k, _ in here:
            edge_number[i, i + k] = len(edge_number)
    for low, high in itertools.pairwise([i for i, symbol in enumerate(stream) if symbol == 0]):
        first, length = low + 1, high - low - 1
        edges, kind = {}, {}
        for start, end in itertools.combinations(range(length + 1), 2):
            at, k = first + start, end - start
            if (at, at + k) in edge_number:
                edges[start, end] = scores[found[edge_number[at, at + k]]]
            elif 2 <= k <= unknown_len:
                inner = local[at + 1 : at + k - 1, 2].sum()
                edges[start, end] = local[at, 1] + inner + local[at + k - 1, 3]
                kind[start, end] = True
        labels = [(s - first, min(end_of[s], high) - first) for s in starts if first <= s < high]
        for start, end in labels:
            places[first + start : first + end, REACH] = [first + end - i for i in range(first + start, first + end)]
            places[first + start : first + end, WHOLE] = (start, end) in edges
        gaps = local[first:high, 0]
        for sign, given_labels in ((1.0, labels), (-1.0, None)):
            value, by_edge, by_gap = naive_guideline.posteriors(length, edges, gaps, given_labels)
            total += sign * value
            at_place[first + 1 : high, 0] += sign * np.array(by_gap[1:])
            for (start, end), share in by_edge.items():
                if (start, end) in kind:
                    at_place[first + start, 1] += sign * share
                    at_place[first + start + 1 : first + end - 1, 2] += sign * share
                    at_place[first + end - 1, 3] += sign * share
                else:
                    expected[edge_number[first + start, first + end]] += sign * share
    reach = max(longest, unknown_len)
    out, scratch = np.zeros_like(expected), np.empty(scratch_size(len(stream), reach))
    tables = places.ravel(), found, scores, local.ravel(), reach, unknown_len
    assert posterior_differences(*tables, 0, len(stream) - 1, scratch, out) == pytest.approx(total, abs=1e-9)
    assert out == pytest.approx(expected, abs=1e-9)


@given(st.integers(1, 5), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_scores_and_gradient_of_features(width, rows, seed):
    draw = np.random.default_rng(seed)
    columns = draw.integers(0, 7, (rows, width)).astype(np.int32)
    weights, values = draw.normal(size=7), draw.normal(size=rows)
    scores, gradient = values.copy(), np.zeros(7)
    add_scores(columns.ravel(), width, weights, scores)
    add_gradient(columns.ravel(), width, values, gradient)
    assert scores == pytest.approx(values + np.array([sum(weights[i] for i in row) for row in columns]))
    expected = [sum(v * list(row).count(i) for v, row in zip(values, columns, strict=True)) for i in range(7)]
    assert gradient == pytest.approx(np.array(expected, float))


def test_gradient_of_the_layer():
    model = sample_segmenter().model
    gold = encode_gold(model, SENTENCES[:8])
    layer = Layer(knowledge_of(model, gold), gold, model.unknown_len, 1)
    draw = np.random.default_rng(0)
    point = layer.start * 0.3 + draw.normal(0, 0.2, len(layer.start))
    _, gradient = layer(point)
    for _ in range(20):
        direction = draw.normal(size=len(point))
        ahead, behind = layer(point + 1e-5 * direction)[0], layer(point - 1e-5 * direction)[0]
        assert (ahead - behind) / 2e-5 == pytest.approx(gradient @ direction, rel=1e-4, abs=1e-4)


@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_minimum_of_a_quadratic(size, seed):
    draw = np.random.default_rng(seed)
    factor = draw.normal(size=(size, size))
    matrix, target = factor @ factor.T + np.eye(size), draw.normal(size=size)

    def value(point):
        return 0.5 * (point - target) @ matrix @ (point - target), matrix @ (point - target)

    found, steps = minimise(value, np.zeros(size), 200)
    assert found == pytest.approx(target, abs=0.05) and steps <= 200


def test_symbols_of_labelled_sentences():
    model = sample_segmenter().model
    gold = encode_gold(model, [["今天", "，", "12.5%", "的", "A", "股"], ["𠮷", "好"], ["1", "2"]])
    assert [hex(code) for code in gold.codes[gold.stream]].count("0x0") == 5  # a boundary around each of four runs
    assert gold.begins[gold.stream != 0].sum() == 8 and gold.marks == 1
    assert gold.lost == 1, "1 and 2 are one number"
    assert ord("𠮷") in gold.codes
    assert gold.size == 9


def test_a_layer_without_labels_to_learn_from_changes_no_cut():
    """The prior alone is the model; folding it loses nothing but the rounding of bytes."""
    model = sample_segmenter().model
    gold = encode_gold(model, SENTENCES[:2])
    known = knowledge_of(model, gold)
    layer = Layer(known, gold, model.unknown_len, 1)
    texts = ["".join(words) for words in SENTENCES]
    folded = fold_layer(model, known, layer, layer.all_weights(layer.start), 256)
    before, after = Segmenter(model).cut_batch(texts), Segmenter(folded).cut_batch(texts)
    same = sum(a == b for a, b in zip(before, after, strict=True))
    assert same >= 0.97 * len(texts)


@pytest.fixture(scope="module")
def tuned():
    return tune.tune_model(sample_segmenter().model, SENTENCES[:100])


def test_tuning_helps_on_other_sentences(tuned):
    model, report = tuned
    assert report.wins and report.sentences == 100 and report.words > 0
    test = SENTENCES[100:]
    texts, lines = ["".join(words) for words in test], [" ".join(words) for words in test]

    def f1(cut):
        return evaluate(lines, [" ".join(words) for words in cut.cut_batch(texts)]).f1

    assert f1(Segmenter(model)) > f1(sample_segmenter()) + 0.01
    assert model.card["tuned"]["f1"] == [round(report.before.f1, 4), round(report.after.f1, 4)]


def test_words_that_the_lexicon_lacked_are_words(tuned):
    model, report = tuned
    words = {model.spell(i) for i in range(len(model.words))}
    old = {sample_segmenter().model.spell(i) for i in range(len(sample_segmenter().model.words))}
    labelled = {word for words in SENTENCES[:100] for word in words}
    assert len(words - old) >= report.words and any(len(word) > 1 for word in words - old)
    assert all(word in labelled or len(word) == 1 or set(word) & set("0A") for word in words - old)


def test_the_plain_and_the_compiled_path_agree(tuned):
    from tests.helpers import interpreting

    segmenter = Segmenter(tuned[0])
    for words in SENTENCES[100:130]:
        with interpreting(True):
            plain = segmenter.cut("".join(words))
        with interpreting(False):
            assert segmenter.cut("".join(words)) == plain


def test_the_model_does_not_depend_on_workers(tuned, tmp_path, monkeypatch):
    monkeypatch.setattr("segtool.guideline.layer.PLACES_AT_ONCE", 200)
    segtool.load(sample_model()).tune(SENTENCES[:100], workers=3).save(tmp_path / "three")
    segtool.load(sample_model()).tune(SENTENCES[:100]).save(tmp_path / "one")
    assert contents(tmp_path / "one") == contents(tmp_path / "three")
    assert segtool.load(tmp_path / "one").cut("今天天气很好") == Segmenter(tuned[0]).cut("今天天气很好")


def test_labels_that_do_not_help_leave_the_weights():
    """Every character a word of its own in one half, none in the other: nothing can be learned for the rest."""
    draw = np.random.default_rng(3)
    cut = sample_segmenter().cut_batch("".join(words) for words in SENTENCES[:12])
    labels = [list("".join(words)) if draw.random() < 0.5 else words for words in cut]
    model, report = tune.tune_model(sample_segmenter().model, labels)
    if report.wins:  # whichever way it turns out, the report and the weights agree
        assert report.after.f1 > report.before.f1
    else:
        assert model.lexicon is sample_segmenter().model.lexicon
    assert model.card["tuned"]["wins"] == report.wins
    assert "tuned" not in sample_segmenter().model.card


def test_contradicting_labels_are_weighed_up():
    three = [["今天", "天气"], ["今天", "天气"], ["今天天气"]] * 4
    tuned = segtool.load(sample_model()).tune(three)
    assert "".join(tuned.cut("今天天气")) == "今天天气"


def test_labels_in_the_other_script_and_with_spaces(tmp_path):
    seg = segtool.load(sample_model())
    seg.tune([["醫生", "說", "今天", "要", "休息"], ["New York", "很", "大"], ["", "今天"]] * 3).save(tmp_path / "m")
    assert "".join(segtool.load(tmp_path / "m").cut("醫生說")) == "醫生說"


@pytest.mark.parametrize("sentences", [[], [["今天"]], [["", " "], ["今天"]]])
def test_too_few_sentences(sentences):
    with pytest.raises(CorpusError, match="fewer than two"):
        sample_segmenter().tune(sentences)


def test_wrong_uses():
    with pytest.raises(CorpusError, match="no Han character"):
        sample_segmenter().tune([["hello"], ["world"]])
    with pytest.raises(UsageError, match="list of words"):
        sample_segmenter().tune(["今天 天气"])
    with pytest.raises(UsageError, match="workers"):
        sample_segmenter().tune(SENTENCES, workers=0)
    with pytest.raises(UsageError, match="method entropy cannot be tuned"):
        segtool.train(texts=["今天天气很好。" * 9], method="entropy").tune(SENTENCES)


def test_the_included_model_is_pickled_by_name():
    box = segtool.load()
    assert box.__reduce__()[1] == ("default",)
    assert pickle.loads(pickle.dumps(box)).cut("今天天气很好") == box.cut("今天天气很好")


# Files


def test_segmented_and_conllu_files():
    assert list(parse_segmented(["今天  天气\n", "\n", "　很 好\n"])) == [["今天", "天气"], ["很", "好"]]
    rows = ["# text = 给我看", "1-2\t给我\t_" + "\t_" * 7, "1\t给\t_" + "\t_" * 7, "2\t我\t_" + "\t_" * 7]
    rows += ["2.1\t它\t_" + "\t_" * 7, "3\t看\t_" + "\t_" * 7, "", "", "1\t好\t_" + "\t_" * 7]
    assert list(parse_conllu(row + "\n" for row in rows)) == [["给我", "看"], ["好"]]
    with pytest.raises(CorpusError, match="line 2: not a row"):
        list(parse_conllu(["# one\n", "今天 天气\n"]))


def test_command(tuned, tmp_path):
    gold = tmp_path / "gold.txt"
    gold.write_text("".join(" ".join(words) + "\n" for words in SENTENCES[:100]), encoding="utf-8")
    done = succeed("tune", gold, "-m", sample_model(), "-o", tmp_path / "m", "-j", 2)
    assert b"by cross-validation" in done.stderr and b"after    F1" in done.stderr
    segtool.Segmenter(tuned[0]).save(tmp_path / "same")
    assert contents(tmp_path / "m") == contents(tmp_path / "same")
    out = succeed("cut", "-m", tmp_path / "m", input="今天天气很好。\n".encode()).stdout.decode()
    assert out.replace(" ", "") == "今天天气很好。\n"


@pytest.mark.parametrize(
    ("text", "options", "what"),
    [
        ("", [], "holds no labelled sentence"),
        ("今天 天气\n", [], "fewer than two"),
        ("今天 天气\n", ["--format", "conllu"], "line 1: not a row of CoNLL-U"),
        ("今天 天气\n" * 9, ["-m", "nowhere"], "nowhere"),
    ],
)
def test_command_refuses(tmp_path, text, options, what):
    gold = tmp_path / "gold.txt"
    gold.write_text(text, encoding="utf-8")
    done = run("tune", gold, "-o", tmp_path / "m", *options, cwd=tmp_path)
    assert done.returncode == 1 and what in refusal(done.stderr)
    assert not (tmp_path / "m").exists()

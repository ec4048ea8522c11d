"""Lines joined, and repeated lines left out, before learning."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import segtool
from segtool.errors import UsageError
from segtool.text.preparing import join_wrapped, leave_out_repeats
from segtool.text.reading import TextInput
from tests.failures import fails
from tests.helpers import SAMPLE, contents, run, sample_text

CHARACTERS = st.text("今天气，12 \n\r", max_size=40)


def wrapped(text, width):
    """Wrap each line of a text."""
    return re.sub(rf"([^\n]{{{width}}})(?=[^\n])", r"\1\n", text)


def pieces(text, places):
    """Cut a text at places."""
    bounds = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[low:high] for low, high in pairwise(bounds)]


@given(CHARACTERS, st.integers(1, 6), st.lists(st.integers(0, 100), max_size=4))
def test_long_lines_are_joined_with_the_next(text, width, places):
    lines = [line.removesuffix("\r") for line in text.split("\n")[:-1]]
    wanted = "".join(line if len(line) >= width else line + "\n" for line in lines) + text.split("\n")[-1]
    assert "".join(join_wrapped([text], width)) == wanted
    if "\r" not in text:
        assert "".join(join_wrapped(pieces(text, places), width)) == wanted


@given(CHARACTERS, st.lists(st.integers(0, 100), max_size=4))
def test_no_run_is_cut_at_the_end_of_a_block(text, places):
    blocks = list(join_wrapped(pieces(text, places), 3))
    whole = "".join(blocks)
    end = 0
    for block in blocks[:-1]:
        end += len(block)
        assert whole[end - 1] == "\n" or not whole[end].isalnum()


@given(st.lists(st.text("今天12 ", max_size=3), max_size=30), st.lists(st.integers(0, 100), max_size=9))
def test_each_line_once(lines, cuts):
    bounds = [0, *sorted(cut % (len(lines) + 1) for cut in cuts), len(lines)]
    blocks = ["\n".join(lines[low:high]) for low, high in pairwise(bounds)]
    found = [line for block in leave_out_repeats(blocks) for line in block.split("\n")]
    first = {}
    for line in lines:
        first.setdefault(re.sub("[12]+", "0", line.strip()), line)
    assert [line for line in found if line.strip()] == [line for line in first.values() if line.strip()]


def test_wrapped_text_gives_the_model_of_the_text(tmp_path):
    (tmp_path / "f").write_text(wrapped(sample_text(), 30), encoding="utf-8")
    # lines of 30 characters exactly would be joined with the next
    (tmp_path / "whole").write_text(re.sub(r"(?m)^((?:[^\n]{30})+)\n", r"\1", sample_text()), encoding="utf-8")
    report, whole = segtool.TrainingReport(), segtool.TrainingReport()
    joined = segtool.train(tmp_path / "f", join_lines=30, report=report)
    assert joined.words() == segtool.train(tmp_path / "whole", report=whole).words()
    assert report.digest == whole.digest
    assert joined.model.card["parameters"]["join_lines"] == 30


def test_repeats_make_no_difference(tmp_path):
    text = sample_text()
    once = segtool.train(texts=[text], unique_lines=True)
    (tmp_path / "one").write_text(text + "医生说今天1点休息\n", encoding="utf-8")
    (tmp_path / "two").write_text("医生说今天23点休息\n" * 99 + text[::-1] + "\n", encoding="utf-8")
    reports = [segtool.TrainingReport() for _ in range(3)]
    names = [tmp_path / "one", tmp_path / "two"]
    segtool.train(names, unique_lines=True, workers=1, report=reports[0])
    segtool.train([*names[::-1], *names], unique_lines=True, workers=3, report=reports[1])
    segtool.train(texts=[path.read_text("utf-8") for path in names * 2], unique_lines=True, report=reports[2])
    assert len({report.digest for report in reports}) == 1
    assert once.words()


def test_shell_and_python_agree(tmp_path):
    flags = ["--join-lines", 40, "--unique-lines"]
    assert run("count", SAMPLE, SAMPLE / "city.txt", "-o", tmp_path / "shell", "-q", *flags).returncode == 0
    segtool.count([SAMPLE, SAMPLE / "city.txt"], tmp_path / "python", join_lines=40, unique_lines=True)
    assert contents(tmp_path / "shell") == contents(tmp_path / "python")


def test_base_takes_them():
    adapted = segtool.train(texts=[sample_text()] * 2, base="default", unique_lines=True)
    assert (
        adapted.model.card["corpus"]["digest"]
        == segtool.train(texts=[sample_text()], base="default", unique_lines=True).model.card["corpus"]["digest"]
    )


@pytest.mark.parametrize("settings", [{"join_lines": 20}, {"unique_lines": True}])
def test_where_they_cannot_work(settings, tmp_path):
    segtool.count(SAMPLE, tmp_path / "counts")
    calls = [
        lambda: segtool.train(SAMPLE / "city.txt", method="dict", **settings),
        lambda: segtool.train(counts=[tmp_path / "counts"], **settings),
        lambda: segtool.count(None, tmp_path / "new", counts=[tmp_path / "counts"], **settings),
    ]
    for call in calls:
        with pytest.raises(UsageError, match=r"^--(join|unique)-lines"):
            call()
    assert TextInput(SAMPLE, **settings).flags_of_lines


def test_refused_on_the_command_line(tmp_path):
    assert "--join-lines" in fails("train", SAMPLE, "-o", "m", "--join-lines", -1, cwd=tmp_path, code=2)


def test_many_hashes_are_kept_in_few_arrays():
    draw = np.random.default_rng(0)
    spelled = str.maketrans("0123456789", "今天气很好我们去公园")
    lines = [str(number).translate(spelled) for number in draw.integers(0, 500, 3000)]
    found = [line for block in leave_out_repeats(lines) for line in block.split("\n") if line]
    assert found == list(dict.fromkeys(lines))


def test_byte_order_marks_make_no_line_another():
    assert list(leave_out_repeats(["今天\n", "\ufeff 今天\n\u200b今天"])) == ["今天\n", "\u200b今天"]

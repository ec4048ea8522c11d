"""Columns of text as Arrow arrays: each element is cut as a text alone, in arrays of every library."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool import ArgumentError, DataError, UsageError
from segtool.decode import arrow
from segtool.decode.arrow import join_texts, pack_words
from tests import naive_places
from tests.helpers import interpreting, python, sample_segmenter, sample_text
from tests.test_spans import EVERY, texts

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'segtool[arrow]'")

LONE = re.compile("[\ud800-\udfff]")  # which UTF-8 cannot hold
SEGMENTER = sample_segmenter()
LINES = sample_text().splitlines()
KINDS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
WIDE = [False, True, True, False]

columns = st.lists(st.none() | texts.map(lambda text: LONE.sub("", text)), max_size=8)


def array_of(texts, kind):
    if pa.types.is_dictionary(kind):
        return pa.array(texts, kind.value_type).dictionary_encode()
    return pa.array(texts, kind)


@given(columns, st.integers(0, 8), st.integers(0, 8), st.sampled_from(["character", "byte"]))
def test_each_element_is_cut_as_a_text_alone(column, low, high, unit):
    part = column[low:high]
    with interpreting(False):
        cuts = [[None if text is None else segmenter.cut(text) for text in part] for segmenter in EVERY]
    for kind, wide in zip(KINDS, WIDE, strict=True):
        array = array_of(column, kind)[low:high]
        for segmenter, wanted in zip(EVERY, cuts, strict=True):
            words, spans = (segmenter.cut_arrow(array), segmenter.spans_arrow(array, unit))
            for each in (words, spans):
                each.validate(full=True)
                assert each.null_count == part.count(None)
            assert words.type == (pa.large_list(pa.large_string()) if wide else pa.list_(pa.string()))
            assert words.to_pylist() == wanted
            number = pa.int64() if wide else pa.int32()
            assert spans.type.value_type == pa.struct({"start": number, "end": number})
            pairs = zip(part, wanted, strict=True)
            places = [None if text is None else naive_places.places(text, cut, unit) for text, cut in pairs]
            found = [each and [(place["start"], place["end"]) for place in each] for each in spans.to_pylist()]
            assert found == places


@given(columns, columns, st.integers(1, 3))
def test_chunks_and_threads(one, other, workers):
    given_chunks = pa.chunked_array([pa.array(each, pa.string()) for each in (one, other, [])])
    found = SEGMENTER.cut_arrow(given_chunks, workers=workers)
    found.validate(full=True)
    assert found.num_chunks == 3
    assert found.to_pylist() == [text if text is None else SEGMENTER.cut(text) for text in one + other]


@pytest.mark.parametrize("workers", [1, 2])
def test_groups_of_rows(workers, monkeypatch):
    monkeypatch.setattr(arrow, "_GROUP_BYTES", 100)
    column = [*LINES[:40], None, "", "今" * 200, *LINES[:3]]
    array = pa.array(["不在其中", *column])[1:]
    assert SEGMENTER.cut_arrow(array, workers).to_pylist() == [
        None if text is None else SEGMENTER.cut(text) for text in column
    ]
    assert SEGMENTER.spans_arrow(array, workers=workers) == SEGMENTER.spans_arrow(array)


@pytest.mark.parametrize(
    "empty", [pa.array([], pa.string()), pa.chunked_array([], pa.string()), pa.array([], pa.null())]
)
def test_empty_arrays(empty):
    for found in (SEGMENTER.cut_arrow(empty), SEGMENTER.spans_arrow(empty)):
        assert len(found) == 0 and found.type.num_fields == 1 and type(found).__name__[:4] in ("List", "Chun")


def test_texts_behind_null_are_not_read():
    array = pa.Array.from_buffers(
        pa.string(),
        2,
        [pa.py_buffer(b"\x02"), pa.py_buffer(np.array([0, 6, 12], np.int32)), pa.py_buffer("今天医生".encode())],
    )
    assert SEGMENTER.cut_arrow(array).to_pylist() == [None, ["医生"]]


# Other libraries


def test_arrays_of_polars():
    pl = pytest.importorskip("polars")
    series = pl.Series(["医生说今天", None, "要休息"])
    found = pl.Series(SEGMENTER.cut_arrow(series))
    assert found.dtype == pl.List(pl.String)
    assert found.to_list() == [SEGMENTER.cut("医生说今天"), None, SEGMENTER.cut("要休息")]


@pytest.mark.parametrize("dtype", ["object", "string", "string[pyarrow]", "category"])
def test_series_of_pandas(dtype):
    pd = pytest.importorskip("pandas")
    series = pd.Series(["医生说今天", None, "要休息"], dtype=dtype)
    assert SEGMENTER.cut_arrow(series).to_pylist() == [SEGMENTER.cut("医生说今天"), None, SEGMENTER.cut("要休息")]


# Errors


def test_no_array_of_strings():
    tables = pa.table({"text": ["今天"], "n": [1]})
    for wrong, message in [
        (pa.array([1]), "an array of int64 is no array of strings: pass another column, or cast it"),
        (pa.array([b"1"]), "an array of binary is no array of strings"),
        (tables, "pass one of its columns: text, n"),
        (tables.to_batches()[0], "pass one of its columns: text, n"),
        ("今天", "one str is no array"),
        (3, "int is no array of strings"),
        ([1, "a"], "list is no array of strings"),
        (None, "NoneType is no array of strings"),
    ]:
        for call in (SEGMENTER.cut_arrow, SEGMENTER.spans_arrow):
            with pytest.raises(ArgumentError, match=message):
                call(wrong)


def test_wrong_options():
    with pytest.raises(UsageError, match="'character' nor 'byte'"):
        SEGMENTER.spans_arrow(pa.array(["今"]), unit="word")
    with pytest.raises(UsageError, match="0 workers"):
        SEGMENTER.cut_arrow(pa.array(["今"]), workers=0)


@pytest.mark.parametrize(
    ("offsets", "data"),
    [([0, 2, 3], "今".encode()), ([0, 3, 3], b"\xff\xfe\xfd"), ([0, 2, 2], b"\xe4\xbb"), ([0, 9, 3], b"abc")],
)
def test_damaged_arrays_are_refused(offsets, data):
    """Kernels would read behind them."""
    buffers = [None, pa.py_buffer(np.array(offsets, np.int32)), pa.py_buffer(data)]
    array = pa.Array.from_buffers(pa.string(), 2, buffers)
    with pytest.raises(DataError, match="the array is damaged: "):
        SEGMENTER.cut_arrow(array)


def test_without_pyarrow_the_extra_is_named():
    found = python(
        """
        import json, sys
        sys.modules["pyarrow"] = None
        import segtool
        try:
            segtool.load().cut_arrow(["今天"])
        except ModuleNotFoundError as error:
            print(json.dumps(str(error)))
        """
    )
    assert found.endswith("pip install 'segtool[arrow]'")


# Kernels


@given(st.lists(texts, max_size=6))
def test_kernels_join_texts_and_pack_words(batch):
    parts = [text.encode("utf-8", "surrogatepass") for text in batch]
    bounds = np.cumsum([0, *(len(part) + 1 for part in parts)])
    joined = np.empty(bounds[-1], np.uint8)
    starts = np.cumsum([0, *map(len, parts)])
    join_texts.compiled(np.frombuffer(b"".join(parts), np.uint8), starts, bounds, joined)
    assert joined.tobytes() == b"".join(part + b"\n" for part in parts)

    words = [text.split() for text in batch]
    spans = [
        int(begin) + place
        for begin, *each in zip(bounds, batch, words, strict=False)
        for span in naive_places.byte_places(*each)
        for place in span
    ]
    flat = [word.encode("utf-8", "surrogatepass") for each in words for word in each]
    counts, ends, out = (np.empty(len(batch), np.int64), np.empty(len(flat), np.int64), np.empty(len(joined), np.uint8))
    size = pack_words.compiled(joined, bounds, np.array(spans, np.int64), counts, ends, out)
    assert counts.tolist() == list(map(len, words))
    assert ends.tolist() == np.cumsum([*map(len, flat)]).tolist()
    assert out[:size].tobytes() == b"".join(flat)

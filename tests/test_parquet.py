"""``segtool cut --column`` of Parquet: the words of the field, and all else as it was."""

import datetime
import io
import json
import sys

import pytest

from segtool import DataError, InputError
from segtool.decode import columns, parquet
from segtool.decode.columns import ColumnCutter
from segtool.decode.formats import Dropped, Format
from segtool.decode.parquet import ParquetTable, is_parquet
from tests.helpers import sample_segmenter, sample_text, succeed

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'segtool[arrow]'")
import pyarrow.parquet as pq  # noqa: E402

SEGMENTER = sample_segmenter()
TEXTS = [*sample_text().splitlines()[:60], None, "", "今天\n天气"]
TABLE = pa.table(
    {
        "id": range(len(TEXTS)),
        "text": TEXTS,
        "day": [datetime.date(2020, 1, 1)] * len(TEXTS),
        "tags": [["a", None]] * len(TEXTS),
    }
).replace_schema_metadata({"by": "us"})
TEXT = Format()
WORDS = [None if text is None else SEGMENTER.cut(text) for text in TEXTS]


def written(tmp_path, table=TABLE, rows=20):
    path = tmp_path / "in.parquet"
    pq.write_table(table, path, row_group_size=rows)
    return path


def cut(path, form=TEXT, workers=1, column="text", progress=None):
    cutter = ColumnCutter(SEGMENTER, form, column, workers)
    return b"".join(cutter.cut_parquet(path, path.name, progress or (lambda size: None)))


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_the_field_is_a_list_of_words(tmp_path, monkeypatch, kind):
    texts = TABLE["text"].dictionary_encode() if kind == "dictionary" else TABLE["text"].cast(kind)
    table = TABLE.set_column(1, "text", texts)
    path, read = written(tmp_path, table), []
    data = cut(path, progress=read.append)
    monkeypatch.setattr(parquet, "_BATCH_BYTES", 100)
    assert cut(path, workers=2) == cut(path)
    found = pq.read_table(io.BytesIO(data))
    assert found == pq.read_table(io.BytesIO(cut(path)))  # of less at a time
    assert found["text"].to_pylist() == WORDS
    assert found.drop_columns("text") == table.drop_columns("text")
    assert found.schema.metadata == {b"by": b"us"}
    assert len(read) == 4 and 0 < sum(read) < path.stat().st_size


def test_words_are_dropped_and_entries_listed(tmp_path):
    path = written(tmp_path)
    found = pq.read_table(io.BytesIO(cut(path, Format(dropped=Dropped(words=frozenset({"今天"}))))))
    assert found["text"].to_pylist()[-1] == ["天气"]
    found = pq.read_table(io.BytesIO(cut(path, Format(within=3.0))))
    assert found["text"].to_pylist() == [text and SEGMENTER.cut_for_search(text, 3.0) for text in TEXTS[:-2]] + [
        [],
        SEGMENTER.cut_for_search(TEXTS[-1], 3.0),
    ]


def test_json_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "_ROWS", 7)
    path = written(tmp_path, TABLE.drop_columns("day"))
    lines = cut(path, Format("jsonl", unit="character"), workers=2).decode().splitlines()
    records = [json.loads(line) for line in lines]
    assert [each["text"] for each in records] == WORDS
    assert [each["tags"] for each in records] == [["a", None]] * len(TEXTS)
    spans = [None if text is None else SEGMENTER.spans(text).tolist() for text in TEXTS]
    assert [each.get("text.spans") for each in records] == spans
    with pytest.raises(DataError, match=r"in.parquet: .*date.*: leave out --format jsonl"):
        cut(written(tmp_path), Format("jsonl"))


def test_an_empty_file(tmp_path):
    found = pq.read_table(io.BytesIO(cut(written(tmp_path, TABLE[:0]))))
    assert found.num_rows == 0 and found.schema.field("text").type == pa.list_(pa.string())


def test_the_command(tmp_path):
    path = written(tmp_path)
    succeed("cut", path, "--column", "text", "-o", tmp_path / "out.parquet", "-q")
    assert pq.read_table(tmp_path / "out.parquet")["id"] == TABLE["id"]
    succeed("cut", path, "--column", "text", "--in-place", "-q")
    assert pq.read_table(path) == pq.read_table(tmp_path / "out.parquet")
    assert is_parquet(path) and not is_parquet(tmp_path) and not is_parquet(None)


# Errors


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("words", r"no column words \(--column\): there are id, text, day, tags"),
        ("id", r"column id is of int64, not of strings: name another --column"),
        ("tags", r"column tags is of list<"),
    ],
)
def test_no_column_of_strings(tmp_path, column, message):
    with pytest.raises(DataError, match=f"in.parquet: {message}"):
        cut(written(tmp_path), column=column)


def test_damaged_files(tmp_path):
    whole = written(tmp_path).read_bytes()
    path = tmp_path / "bad.parquet"
    for data in (b"PAR1", whole[:-9], whole[:100] + bytes(200) + whole[300:], whole[:4] + whole[-8:]):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"bad.parquet: the Parquet file is damaged: .*: fetch or write it again"):
            cut(path)


def test_several_files(tmp_path):
    path = written(tmp_path)
    cutter = ColumnCutter(SEGMENTER, Format(), "text")
    list(cutter.cut_parquet(path, "a", lambda size: None))
    with pytest.raises(DataError, match="b is a second Parquet file: cut each by a command of its own"):
        list(cutter.cut_parquet(path, "b", lambda size: None))


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    path = written(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match=r"x: is a Parquet file, .* pip install 'segtool\[arrow\]'"):
        ParquetTable(path, "x", "text")

"""Shards, checkpoints, ARPA files and machine code whose checksums are right and whose content makes no sense."""

import json
import os
import shutil
from unittest.mock import patch

import numpy as np
import pytest

import segtool
from segtool import ModelError
from segtool.lm.arpa_reader import read_arpa
from segtool.ngrams import blocks
from segtool.ngrams.shards import Shard
from segtool.runtime.cache_folder import read_trusted
from tests.helpers import SAMPLE, contents, sample_text
from tests.killed_training import LITTLE, SAVE, goes_on, kill
from tests.mutations import change_array, change_card, write_blocks
from tests.test_hostile import put, refused


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "a.shard"
    segtool.count(SAMPLE, path)
    return path


@pytest.fixture
def shard(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "a.shard")


def train(path):
    return segtool.train(counts=[path])


# Shards


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("symbols", put(-1, 0x3FFFFF)),
        ("symbols", put(4, 0)),
        ("written", put(-1, 0xFFFFFFFF)),
        ("frequency", put(5, -1)),
        ("frequency", put(5, 2**62)),
        ("written_counts", put(5, 2**62)),
        ("written_counts", put(0, 10**9)),
        ("hash_sizes", put(5, 10**9)),
        ("runs_index", lambda index: index[:-1]),
    ],
)
def test_arrays_of_a_shard(shard, name, change):
    change_array(shard, name, change)
    refused(shard, open_it=Shard.open)


@pytest.mark.parametrize(
    "entry",
    [
        {"longest_run": -1},
        {"longest_run": 65537},
        {"longest_run": "12"},
        {"longest_run": 5.0},
        {"digest": "0x12"},
        {"digest": 12},
        {"files": "many"},
        {"lines": -1},
    ],
    ids=str,
)
def test_card_of_a_shard(shard, entry):
    change_card(shard, lambda card: card["corpus"].update(entry))
    refused(shard, "card.json", open_it=Shard.open)


def test_runs_that_are_longer_than_the_card_says(shard):
    """Working memory is made for the longest run."""
    change_card(shard, lambda card: card["corpus"].update(longest_run=card["corpus"]["longest_run"] - 1))
    refused(shard, "runs.bin", "longer runs, than the card says", open_it=train)


def test_a_sample_that_is_larger_than_the_shard_says(shard):
    """It might be larger than the memory."""

    def change(sizes):
        sizes[-1] += sizes[:-1].sum()
        sizes[:-1] = 0

    change_array(shard, "hash_sizes", change)
    with patch("segtool.lexicon.em.SAMPLED", 1000), pytest.raises(ModelError, match="does not fit the runs"):
        train(shard)


def test_runs_of_nothing(shard):
    runs = Shard.open(shard)
    stream = runs.chunk(0).copy()
    at = int(np.flatnonzero(stream[1:-1])[5]) + 1
    stream[at : at + 2] = 0
    change = np.load(shard / "runs_index.npy")
    write_blocks(shard, "runs", change["end"], [blocks.pack_stream(stream)])
    refused(shard, "runs.bin", open_it=train)


def test_runs_of_other_symbols_than_the_ngrams(shard):
    codes = np.load(shard / "symbols.npy")
    change_array(shard, "symbols", put(-1, codes[-1] + 1))
    refused(shard, "written.npy", "the runs have other symbols", open_it=train)


def test_bigrams_of_symbols_that_do_not_occur(shard):
    change_array(shard, "frequency", put(9, 0))
    refused(shard, "ngrams.bin", "symbols that do not occur", open_it=train)


def test_ngrams_that_are_more_frequent_than_what_they_begin_with(shard):
    """They are no candidates then, and nothing else happens."""
    index = np.load(shard / "ngrams_index.npy")
    data = (shard / "ngrams.bin").read_bytes()
    parts = [data[row["offset"] : row["offset"] + row["bytes"]] for row in index]
    columns = blocks._unpack(parts[0][8:], 4)
    counts = blocks._from_varints(columns[3], int.from_bytes(parts[0][:8], "little"))
    columns[3] = blocks._varints([np.ones_like(counts)])
    parts[0] = parts[0][:8] + blocks._pack(columns, 0)
    write_blocks(shard, "ngrams", index["end"], parts)
    segmenter = train(shard)
    assert segmenter.model.words["length"].max() == 1
    assert "".join(segmenter.cut(sample_text()[:3000])) == "".join(sample_text()[:3000].split())


def test_ngrams_without_the_ones_that_end_them(shard):
    index = np.load(shard / "ngrams_index.npy")
    data = (shard / "ngrams.bin").read_bytes()
    parts = [data[row["offset"] : row["offset"] + row["bytes"]] for row in index]
    header = 8 * (Shard.open(shard).order - 2)
    columns = [column.copy() for column in blocks._unpack(parts[1][header:], 4)]
    first = np.frombuffer(columns[1], np.uint8)
    columns[1] = np.concatenate([[first[0] ^ 1], first[1:]]).astype(np.uint8)
    parts[1] = parts[1][:header] + blocks._pack(columns, 0)
    write_blocks(shard, "ngrams", index["end"], parts)
    with pytest.raises(ModelError, match="a shard is damaged"):
        segtool.train(counts=[shard], method="lm")


# Checkpoints


def resumed(folder, name, change):
    """Train on from a checkpoint that was changed; the model is the same."""
    kill(folder, *SAVE, "em", 2)
    file = folder / ".m.work" / f"{name}.npz"
    with np.load(file) as found:
        arrays = dict(found)
    changed = change(arrays)
    np.savez(file, **(arrays if changed is None else changed))
    return goes_on(folder)


def at(name, index, value):
    return lambda arrays: put(index, value)(arrays[name])


@pytest.mark.parametrize(
    ("name", "change", "stage"),
    [
        ("em", at("expected", 5, np.nan), "passes"),
        ("em", at("expected", 5, -1.0), "passes"),
        ("em", lambda arrays: arrays | {"expected": arrays["expected"][:-1]}, "passes"),
        ("em", lambda arrays: arrays | {"log_likelihood": np.zeros(99)}, "passes"),
        ("em", lambda arrays: arrays | {"sample": np.array([0, 65535, 0], np.uint16)}, "passes"),
        ("em", lambda arrays: arrays | {"bigrams": np.zeros((3, 3), np.int64)}, "passes"),
        ("candidates", at("parent1", -1, 10**8), "scores"),
        ("candidates", at("symbol2", 0, 65535), "scores"),
        ("candidates", lambda arrays: arrays | {"count1": arrays["count1"][:-1]}, "scores"),
        ("candidates", at("left_entropy1", 3, np.nan), "scores"),
        ("candidates", at("codes", 5, 3), "scores"),
        ("counted", lambda arrays: arrays | {"record": np.frombuffer(b"[" * 9999, np.uint8)}, "blocks"),
        ("counted", lambda arrays: arrays | {"record": np.zeros(3)}, "blocks"),
    ],
)
def test_a_checkpoint_that_makes_no_sense_is_not_used(tmp_path, name, change, stage):
    calls = resumed(tmp_path, name, change)
    assert calls[stage] in (1, 8, 10)


@pytest.mark.parametrize("shards", [["../elsewhere"], [5], "spill-00000", [""]])
def test_a_checkpoint_that_names_other_folders(tmp_path, shards):
    def change(arrays):
        record = json.loads(arrays["record"].tobytes()) | {"shards": shards}
        return arrays | {"record": np.frombuffer(json.dumps(record).encode(), np.uint8)}

    assert resumed(tmp_path, "counted", change)["blocks"] == 10


def test_a_spilled_block_that_is_damaged_is_counted_again(tmp_path):
    kill(tmp_path, *SAVE, "em", 2)
    for file in (tmp_path / ".m.work" / "spill-00001" / "runs.bin", tmp_path / ".m.work" / "merged" / "ngrams.bin"):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    calls = goes_on(tmp_path, LITTLE)
    assert (calls["blocks"], calls["merges"]) == (10, 1)


def test_a_spilled_block_that_is_damaged_while_it_is_needed(tmp_path):
    """The message names it, and does not advise to restore what nobody has a copy of."""
    from segtool.ngrams.counter import add_up
    from segtool.runtime.budget import Budget

    def damage(shards, *rest):
        file = shards[1].path / "ngrams.bin"
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        return add_up(shards, *rest)

    message = r"spill-00001.ngrams\.bin: damaged \(block \d+: .*\): .* --tmp"
    budget, merge = patch.object(Budget, "symbols", 3000), patch("segtool.ngrams.counter.add_up", damage)
    with budget, merge, pytest.raises(ModelError, match=message) as caught:
        segtool.train(SAMPLE, tmp_path / "m")
    assert "restore" not in str(caught.value)
    assert contents(tmp_path) == {}


# ARPA files


ARPA = """\\data\\
ngram 1=4
ngram 2=1

\\1-grams:
-0.9\t</s>
-99\t<s>\t-0.3
-0.5\t一\t-0.2
-0.6\t丁\t-0.1

\\2-grams:
-0.3\t一 丁

\\end\\
"""


def test_an_arpa_file_that_is_read(tmp_path):
    (tmp_path / "a.arpa").write_text(ARPA, encoding="utf-8")
    assert read_arpa(tmp_path / "a.arpa").ngrams == (4, 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ngram 1=4", "ngram 1=99999999999999", "line 11: behind 4 1-grams"),
        ("ngram 2=1", "ngram 2=1\n" + "\n".join(f"ngram {k}=0" for k in range(3, 20_000)), "line 17: n-grams of more"),
        ("-0.5\t一", "nan\t一", "begins with no number"),
        ("-0.5\t一", "-inf\t一", "begins with no number"),
        ("-0.5\t一", "-1e38\t一", "beyond 10,000"),
        ("一\t-0.2", "一\t-1e38", "beyond 10,000"),
        ("一\t-0.2", "一\t1e38", "beyond 10,000"),
        ("一\t-0.2", "一\tnan", "more than the words"),
        ("一\t-0.2", "一\t1e400", "more than the words"),
    ],
)
def test_arpa_files_that_make_no_sense(tmp_path, old, new, message):
    (tmp_path / "a.arpa").write_text(ARPA.replace(old, new), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        read_arpa(tmp_path / "a.arpa")


# Machine code


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
@pytest.mark.parametrize("kind", ["fifo", "folder", "large", "/dev/zero"])
def test_machine_code_that_is_no_file(tmp_path, kind):
    file = tmp_path / "a.code"
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "large":
        with open(file, "wb") as out:
            out.truncate(1 << 40)
    else:
        file.symlink_to(kind)
    with pytest.raises(OSError):
        read_trusted(file)

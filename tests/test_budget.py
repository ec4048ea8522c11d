"""What --memory may be, what it means, and what the operating system tells of memory."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import UsageError
from segtool.runtime import budget
from segtool.runtime.budget import LEAST, Budget, free_memory, parse_size, resident_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("123456789", 123_456_789),
        ("1K", 1024),
        ("512M", 512 << 20),
        ("512m", 512 << 20),
        ("2G", 2 << 30),
        ("2GB", 2 << 30),
        ("2 GiB", 2 << 30),
        (" 1.5g ", 3 << 29),
        ("0.5T", 1 << 39),
        ("7B", 7),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "G", "much", "-1G", "1,5G", "2X", "2GG", "1e9", "nan", "inf", "\u0662G", "9" * 400, "2G 3G", "0x10"]
)
def test_what_is_no_size(text):
    with pytest.raises(UsageError, match=r"--memory .*not a size: .*2G"):
        parse_size(text)


@given(st.text())
def test_any_text_is_a_size_or_refused(text):
    try:
        assert parse_size(text) >= 0
    except UsageError as error:
        assert "--memory" in str(error)


@pytest.mark.parametrize("total", [0, 1, LEAST - 1])
def test_too_little(total):
    with pytest.raises(UsageError, match=r"--memory .*M: too little, give at least 256M"):
        Budget.of(total)


def test_more_memory_means_more_room():
    sizes = [LEAST, 1 << 30, 2 << 30, 16 << 30, 1 << 40]
    budgets = [Budget(size, 200 << 20) for size in sizes]
    for one, other in pairwise(budgets):
        assert 0 < one.room < other.room
        assert 0 < one.symbols <= other.symbols
        assert 0 < one.ngrams(2) < one.ngrams(1) < other.ngrams(1)
    for each in budgets:
        assert each.room <= each.total
        assert each.symbols * budget.SYMBOL_BYTES <= each.room
        assert each.ngrams(4) * 4 * budget.NGRAM_BYTES <= each.room


def test_what_is_used_is_no_room():
    assert Budget(4 << 30, 3 << 30).room < Budget(4 << 30, 1 << 30).room
    assert Budget(LEAST, 5 << 30).room > 0, "small parts, and not an error"


def test_symbols_of_a_part_have_places_of_32_bits():
    assert Budget(1 << 50).symbols <= 1 << 30


def test_default_is_what_is_in_use_and_a_half_of_what_is_free(monkeypatch):
    monkeypatch.setattr(budget, "free_memory", lambda: 10 << 30)
    monkeypatch.setattr(budget, "resident_memory", lambda: 1 << 30)
    assert Budget.of(None) == Budget(6 << 30, 1 << 30)
    monkeypatch.setattr(budget, "free_memory", lambda: 0)
    monkeypatch.setattr(budget, "resident_memory", lambda: 0)
    assert Budget.of(None) == Budget(LEAST, 0)


MEMINFO = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n"


@pytest.fixture
def system(monkeypatch):
    """What files of the operating system hold; the others are missing."""
    files = {}

    def read_text(path, encoding=None):
        if str(path) not in files:
            raise FileNotFoundError(path)
        return files[str(path)]

    monkeypatch.setattr(Path, "read_text", read_text)
    return files


def test_free_memory(system):
    system["/proc/meminfo"] = MEMINFO
    assert free_memory() == 8_000_000 << 10


@pytest.mark.parametrize(("limit", "free"), [("5000000", 4_000_000), ("max", 8_000_000 << 10), ("500000", 0)])
def test_free_memory_of_a_container(system, limit, free):
    system["/proc/meminfo"] = MEMINFO
    system["/sys/fs/cgroup/memory.max"] = f"{limit}\n"
    system["/sys/fs/cgroup/memory.current"] = "1000000\n"
    assert free_memory() == free
    system["/sys/fs/cgroup/memory.stat"] = "anon 5\nfile 900\nworkingset_inactive_file 3\ninactive_file 700\n"
    assert free_memory() == (max(int(limit) - 1_000_000 + 700, 0) if limit != "max" else free)


@pytest.mark.parametrize("text", ["", "MemAvailable: much kB\n", "MemTotal: 5 kB\n"])
def test_free_memory_elsewhere(system, monkeypatch, text):
    """A half of what is built in; 2 GB where not even that is told."""
    system["/proc/meminfo"] = text
    monkeypatch.setattr(budget.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__, raising=False)
    assert free_memory() == 4096 * 500
    monkeypatch.setattr(budget.os, "sysconf", int)  # raises ValueError, as for names that are not known
    assert free_memory() == 2 << 30
    monkeypatch.delattr(budget.os, "sysconf")
    assert free_memory() == 2 << 30


def test_resident_memory(system):
    assert resident_memory() == 0
    system["/proc/self/statm"] = "900 50 3 4 5 6 7\n"
    assert resident_memory() == 50 * budget.os.sysconf("SC_PAGE_SIZE")
    system["/proc/self/statm"] = ""
    assert resident_memory() == 0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system has no /proc")
def test_resident_memory_of_this_process():
    assert 10 << 20 < resident_memory() < 1 << 40

"""The memory that training may use, and how much work fits into it at a time.

The budget covers the whole process, including the interpreter and the compiled kernels. The bytes that each stage needs
for a symbol or an n-gram were measured (docs/scale.md).
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from segtool.errors import UsageError

__all__ = ["LEAST", "Budget", "free_memory", "parse_size", "resident_memory"]

LEAST = 256 << 20
"""Smallest budget in bytes; the interpreter and the kernels take more than half of it."""

SYMBOL_BYTES = 120
"""For a symbol that is counted, scored and learned from in memory."""

CANDIDATE_BYTES = 190
"""For a candidate, in scoring and in EM passes."""

MOST_SYMBOLS_AT_ONCE = 1 << 30
"""Counted at a time, whatever the memory: places in them are 32-bit numbers."""

NGRAM_BYTES = 90
"""For an n-gram that a thread merges or scores."""

LABEL_BYTES = 100
"""For a labelled word, as text and as symbols."""

SAMPLED_BYTES = 10
"""For a symbol of the sample that the boundary model learns from."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True)
class Budget:
    """Memory that training may use: all bytes of the process, those in use before, and whether a user gave it."""

    total: int
    used: int = 0
    given: bool = field(default=True, compare=False)

    @classmethod
    def of(cls, total: int | str | None) -> Budget:
        """Make a budget of bytes or a size (:func:`parse_size`).

        None takes half of the free memory on top of the memory in use. Raises UsageError for less than `LEAST`.
        """
        used = resident_memory()
        if isinstance(total, str):
            total = parse_size(total)
        if total is None:
            return cls(max(used + free_memory() // 2, LEAST), used, given=False)
        if total < LEAST:
            raise UsageError(f"--memory {total / (1 << 20):,.0f}M: too little, give at least {LEAST >> 20}M")
        return cls(total, used)

    @property
    def room(self) -> int:
        """Bytes for data."""
        return max(self.total - max(self.used, LEAST // 2), LEAST // 8)

    @property
    def symbols(self) -> int:
        """Number of symbols of a corpus to hold and count at a time."""
        return min(self.room // SYMBOL_BYTES, MOST_SYMBOLS_AT_ONCE)

    def check(self, candidates: int, sampled: int = 0) -> None:
        """Raise UsageError if candidates, and the symbols of a sample, do not fit."""
        needed = max(self.used, LEAST // 2) + candidates * CANDIDATE_BYTES + sampled * SAMPLED_BYTES
        if needed > self.total:
            raise UsageError(
                f"--memory {self.total >> 20:,}M: {candidates:,} n-grams may be words, and need {needed >> 20:,}M: "
                "give that much, or a greater --min-per-million or --min-count"
            )

    def check_symbols(self, symbols: int) -> None:
        """Raise UsageError if so many symbols of a text do not fit, where they have to be in memory at once."""
        if symbols > self.symbols:
            raise UsageError(f"{self._named}: more than {self.symbols:,} symbols do not fit: give less text (--sample)")

    def check_ngrams(self, ngrams: int) -> None:
        """Raise UsageError if so many n-grams do not fit, where they have to be in memory at once."""
        if ngrams * NGRAM_BYTES > self.room:
            raise UsageError(f"{self._named}: {ngrams:,} n-grams do not fit: give less text or shorter n-grams")

    def check_labels(self, words: int) -> None:
        """Raise UsageError if so many labelled words do not fit."""
        if words * LABEL_BYTES > self.room:
            raise UsageError(f"{self._named}: more than {words:,} labelled words do not fit: give fewer sentences")

    @property
    def _named(self) -> str:
        total = f"{self.total >> 20:,}M"
        return f"--memory {total}" if self.given else f"memory of {total}, half of what is free"

    def ngrams(self, workers: int) -> int:
        """Number of n-grams for each thread to merge or score at a time."""
        return self.room // (2 * NGRAM_BYTES * workers)


def parse_size(text: str) -> int:
    """Read a size such as ``512M``, ``2G``, ``1.5GB`` or a number of bytes; units are powers of 1024."""
    found = re.fullmatch(r"(\d{1,20}(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    if found is None:
        raise UsageError(f"--memory {text}: not a size: give a number with K, M, G or T behind it, such as 2G")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def free_memory() -> int:
    """Bytes that a process may take without harm to others; 2 GB if the operating system does not report them.

    The limit of a control group (a container) counts; files cached in the group do not count as used.
    """
    found = []
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        found.append(int(re.findall(r"MemAvailable:\s+(\d+)", text)[0]) << 10)
    with suppress(OSError, ValueError):
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
        found.append(limit - int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii")))
        stat = Path("/sys/fs/cgroup/memory.stat").read_text(encoding="ascii")
        found[-1] += sum(map(int, re.findall(r"^inactive_file (\d+)$", stat, re.MULTILINE)))
    if not found:
        with suppress(OSError, ValueError, AttributeError):
            found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
    return max(min(found, default=2 << 30), 0)


def resident_memory() -> int:
    """Bytes of memory that this process holds; 0 if the operating system does not report them."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0

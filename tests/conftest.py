"""What the tests share: how hypothesis runs, real text in the form that each stage takes, folders and streams."""

import io
import os
import shutil
import sys
import types
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A kernel compiles when it is first used, and the machine may be busy: time says nothing.
settings.register_profile("segtool", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("segtool")

SAMPLE = Path(__file__).parent.parent / "data" / "sample"


@pytest.fixture(scope="session")
def sample_text():
    return "".join(path.read_text(encoding="utf-8") for path in sorted(SAMPLE.glob("*.txt")))


@pytest.fixture(scope="session")
def sample_chunks(sample_text):
    from segtool.ngrams.counter import collect_corpus

    return collect_corpus([sample_text], fold=False)


@pytest.fixture(scope="session")
def sample_runs(sample_chunks):
    return sample_chunks.whole()


@pytest.fixture(scope="session")
def sample_counts(sample_runs):
    from segtool.ngrams.count import count_stream

    return count_stream(sample_runs.stream, sample_runs.codes, 5)


@pytest.fixture(scope="session")
def sample_candidates(sample_counts):
    from segtool.ngrams.scores import score

    return score(sample_counts, 4, 2)


@pytest.fixture
def folder(tmp_path):
    """A folder with a text and a model."""
    from tests.failures import LINE, MODEL

    (tmp_path / "text").write_text(LINE * 50, encoding="utf-8")
    shutil.copytree(MODEL, tmp_path / "old.model")
    return tmp_path


@pytest.fixture
def umask():
    old = os.umask(0o027)
    yield 0o027
    os.umask(old)


@pytest.fixture
def stdin(monkeypatch):
    def set_bytes(data):
        buffer = io.BytesIO(data)
        monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=buffer, closed=False))
        return buffer

    return set_bytes


@pytest.fixture
def tiny_buffers(monkeypatch):
    from segtool.text import unpacked

    monkeypatch.setattr(unpacked, "_BUFFER_BYTES", 1)
    monkeypatch.setattr(unpacked, "_PACKED_BYTES", 1)

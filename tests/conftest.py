"""What the tests share: how hypothesis runs, and real text in the form that each stage takes."""

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

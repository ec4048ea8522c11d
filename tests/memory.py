"""What the tests of counting in little memory share."""

from contextlib import contextmanager
from unittest.mock import patch

from hypothesis import strategies as st

from segtool.ngrams import counter as counting
from segtool.ngrams.counter import write_shard
from segtool.runtime.budget import Budget

LINES = st.lists(
    st.text(st.sampled_from("一丁七万發发1a，"), max_size=12).map(lambda line: f"今天{line}\n"), min_size=1, max_size=6
)


@contextmanager
def little_memory(symbols=3000, ngrams=2000):
    """Room for so many symbols, and to merge so many n-grams at a time."""
    with patch.object(Budget, "symbols", symbols), patch.object(Budget, "ngrams", lambda self, workers: ngrams):
        yield


@contextmanager
def spills():
    """The shards that are spilled."""
    paths = []

    def write(path, counted, *rest):
        paths.append(path)
        return write_shard(path, counted, *rest)

    with patch.object(counting, "write_shard", write):
        yield paths

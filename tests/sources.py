"""What the tests of sources share."""

import bz2
import gzip
import lzma
import random
from contextlib import closing

import zstandard

from segtool.text import unpacked
from segtool.text.sources import Source, read_blocks

TEXT = "北京市今天下雨。\r\n他说:“𠮷野家!”\n\n最后一行没有换行"
PACK = {
    "plain": lambda data: data,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
# Random bytes, so that an archive is long enough to be cut in many places.
NOISE = random.Random(1).randbytes(40_000).hex()


def open_source(source):
    """Decompressed bytes of a source."""
    return closing(unpacked.UnpackedFile(source.path, source.name))


def write(path, data):
    path.write_bytes(data)
    return Source(path.name, path)


def read(source, **flags):
    return "".join(read_blocks([source], **flags))

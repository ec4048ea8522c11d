"""Places of words, from their definition in segtool/decode/places.py."""

from tests.helpers import spans_of


def byte_places(text, words):
    """Start and end of each word, in bytes of UTF-8."""
    size = [len(text[:end].encode("utf-8", "surrogatepass")) for end in range(len(text) + 1)]
    return [(size[start], size[end]) for start, end in spans_of(text, words)]


def places(text, words, unit):
    return spans_of(text, words) if unit == "character" else byte_places(text, words)


def tokens(text, words, unit):
    return [(word, *place) for word, place in zip(words, places(text, words, unit), strict=True)]

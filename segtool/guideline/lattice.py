"""Forward-backward over labelled runs, with and without the labels: the gradient of the layer.

An *edge* is a stretch of a run that is one word: a word of the lexicon, or an unknown word of up to `unknown_len`
symbols. A cover agrees with the labels if it cuts wherever they do; a labelled word that is an edge itself must then be
a word of the cover, any other may be covered in all ways.

Sums run in the log domain, relative to the greatest term, so that no score is too large or too small.
"""

from __future__ import annotations

import numpy as np

from segtool.runtime.kernels import kernel

__all__ = ["CUT", "EDGES", "LOCAL", "find_edges", "posterior_differences", "scratch_size"]

EDGES, KNOWN, REACH, WHOLE, CUT = 0, 1, 2, 3, 4
"""Columns of `places`: the first edge, lengths of known words as bits, symbols up to the end of the labelled word,
whether that word is an edge; and their number."""

LOCAL = 4
"""Columns of scores at a place: of the gap before it, and of its symbol as first, inner and last of an unknown word."""

ABSENT = -1e30
"""Score of an edge that does not exist."""


def scratch_size(longest_run: int, longest: int) -> int:
    """Size of the scratch of :func:`posterior_differences`.

    Parameters
    ----------
    longest_run, longest : int
        Symbols of the longest run and of the longest edge.

    Returns
    -------
    int
    """
    return (longest_run + 1) * (longest + 2) + longest + 1


@kernel("i8(u2[const], i4[const], i4[const], i8, i4[], i4[])")
def find_edges(stream, units, word_of, max_len, places, words):  # type: ignore[no-untyped-def]
    """Find the words of the lexicon in a stream.

    Parameters
    ----------
    stream : uint16[n]
        Symbol ids, 0 for a boundary, which is the last.
    units : int32[2 * nodes]
        Trie: base and check in turn.
    word_of : int32[nodes]
        Number of the word of each node, -1 for none; single symbols are words.
    max_len : int
        Symbols of the longest word.
    places : int32[n * CUT], written
        Columns EDGES and KNOWN.
    words : int32[edges or less], written
        Words that begin at each place, by length.

    Returns
    -------
    int
        Number of edges, whether or not there was room for them.
    """
    used = 0
    for i in range(len(stream)):
        places[CUT * i + EDGES] = used
        known = 0
        node = np.int64(stream[i])
        k = 1
        while node != 0:
            word = word_of[node]
            if word >= 0:
                if used < len(words):
                    words[used] = word
                used += 1
                known |= 1 << k
            if k == max_len or stream[i + k] == 0:
                break
            child = np.int64(units[2 * node]) + stream[i + k]
            if units[2 * child + 1] != node:
                break
            node = child
            k += 1
        places[CUT * i + KNOWN] = known
    return used


@kernel("f8(i4[const], i4[const], f8[const], f8[const], i8, i8, i8, i8, f8[], f8[])")
def posterior_differences(  # type: ignore[no-untyped-def]
    places, words, scores, local, longest, unknown_len, begin, end, scratch, out
):  # fmt: skip
    """Add, for every edge and gap, its posterior under the labels less that without them.

    Parameters
    ----------
    places : int32[n * CUT]
        See EDGES, KNOWN, REACH, WHOLE; KNOWN is 0 at a boundary.
    words : int32[edges]
        Word of each known edge.
    scores : float64[words]
        Score of each word.
    local : float64[n * LOCAL]
        Scores of gaps, and of symbols in unknown words.
    longest, unknown_len : int
        Symbols of the longest edge, and of the longest that is no known word.
    begin, end : int
        The range of places; no run crosses it.
    scratch : float64[scratch_size(longest_run, longest) or more]
    out : float64[edges + n * LOCAL], added to
        Differences of known edges, then those at places in the columns of `local`.

    Returns
    -------
    float
        Log probability of the labels, in nats.
    """
    row = longest + 1
    total = 0.0
    edges = len(words)
    at = begin
    while at < end:
        if places[CUT * at + KNOWN] == 0:
            at += 1
            continue
        length = 1
        while places[CUT * (at + length) + KNOWN] != 0:
            length += 1
        arrive = scratch[: (length + 1) * row]  # score of the covers up to a place that end in an edge of k symbols
        forward = scratch[(length + 1) * row : (length + 1) * row + length + 1]
        terms = scratch[(length + 1) * (row + 1) : (length + 1) * (row + 1) + row]
        for labelled in range(2):
            sign = 1.0 if labelled == 1 else -1.0
            arrive[:] = ABSENT
            forward[0] = 0.0
            for j in range(length + 1):
                if j > 0:
                    most = ABSENT
                    for k in range(1, min(longest, j) + 1):
                        most = max(most, arrive[j * row + k])
                    forward[j] = most
                    if most > ABSENT / 2:
                        value = 0.0
                        for k in range(1, min(longest, j) + 1):
                            if arrive[j * row + k] > ABSENT / 2:
                                value += np.exp(arrive[j * row + k] - most)
                        forward[j] = most + np.log(value)
                if j == length or forward[j] <= ABSENT / 2:
                    continue
                place = at + j
                here = forward[j] + (local[LOCAL * place] if j > 0 else 0.0)
                least, reach = 1, length - j
                if labelled == 1:
                    reach = min(reach, places[CUT * place + REACH])
                    if places[CUT * place + WHOLE] != 0:
                        least = reach
                edge = np.int64(places[CUT * place + EDGES])
                known = np.int64(places[CUT * place + KNOWN])
                inner = 0.0
                for k in range(1, min(longest, reach) + 1):
                    if known >> k & 1:
                        if k >= least:
                            arrive[(j + k) * row + k] = here + scores[words[edge]]
                        edge += 1
                    elif 2 <= k <= unknown_len and k >= least:
                        score = local[LOCAL * place + 1] + inner + local[LOCAL * (place + k - 1) + 3]
                        if score > ABSENT / 2:
                            arrive[(j + k) * row + k] = here + score
                    if k > 1:
                        inner += local[LOCAL * (place + k - 1) + 2]
            whole = forward[length]
            total += sign * whole
            backward = forward  # from behind, each place is read before it is written
            after = 0.0
            backward[length] = 0.0
            for j in range(length - 1, -1, -1):
                place = at + j
                before = backward[j]
                if before <= ABSENT / 2:
                    backward[j] = ABSENT
                    continue
                most = ABSENT
                top = min(longest, length - j)
                for k in range(1, top + 1):
                    terms[k] = ABSENT
                    if arrive[(j + k) * row + k] > ABSENT / 2 and backward[j + k] > ABSENT / 2:
                        terms[k] = arrive[(j + k) * row + k] - before + backward[j + k]
                        most = max(most, terms[k])
                after = 0.0
                for k in range(1, top + 1):
                    if terms[k] > ABSENT / 2:
                        terms[k] = np.exp(terms[k] - most)
                        after += terms[k]
                    else:
                        terms[k] = 0.0
                if after == 0.0:
                    backward[j] = ABSENT
                    continue
                backward[j] = most + np.log(after)
                here = sign * np.exp(before + backward[j] - whole)
                if j > 0:
                    out[edges + LOCAL * place] += here
                edge = np.int64(places[CUT * place + EDGES])
                known = np.int64(places[CUT * place + KNOWN])
                for k in range(1, top + 1):
                    share = here * terms[k] / after
                    if known >> k & 1:
                        out[edge] += share
                        edge += 1
                    elif share != 0.0:
                        out[edges + LOCAL * place + 1] += share
                        out[edges + LOCAL * (place + k - 1) + 3] += share
                        for i in range(place + 1, place + k - 1):
                            out[edges + LOCAL * i + 2] += share
        at += length
    return total

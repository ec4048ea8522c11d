"""Slow, obvious twins of evaluation, and strategies of segmentations."""

import itertools

from hypothesis import strategies as st


def naive_spans(words):
    text = "".join(words)
    spans = set()
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            if any(len("".join(words[:k])) == start and len("".join(words[: k + 1])) == end for k in range(len(words))):
                spans.add((start, end))
    return spans


def naive_errors(gold, predicted):
    text = "".join(gold)
    ends = [{end for _, end in naive_spans(words)} | {0} for words in (gold, predicted)]
    shared = sorted(ends[0] & ends[1])
    for start, end in itertools.pairwise(shared):
        cuts = [
            " ".join(text[a:b] for a, b in itertools.pairwise(sorted(e for e in side if start <= e <= end)))
            for side in ends
        ]
        if cuts[0] != cuts[1]:
            yield tuple(cuts)


def naive_lcs(gold, predicted):
    """One longest common subsequence, chosen as `evaluate` says."""
    longest = [[0] * (len(predicted) + 1) for _ in range(len(gold) + 1)]
    for i in reversed(range(len(gold))):
        for j in reversed(range(len(predicted))):
            if gold[i] == predicted[j]:
                longest[i][j] = 1 + longest[i + 1][j + 1]
            else:
                longest[i][j] = max(longest[i + 1][j], longest[i][j + 1])
    i = j = 0
    words = []
    while longest[i][j]:
        if longest[i + 1][j] == longest[i][j]:
            i += 1
        elif longest[i][j + 1] == longest[i][j]:
            j += 1
        else:
            words.append(gold[i])
            i, j = i + 1, j + 1
    return words


def cut(text, marks):
    words = [""]
    for character, is_end in zip(text, marks, strict=True):
        words[-1] += character
        if is_end:
            words.append("")
    return [word for word in words if word]


@st.composite
def cut_twice(draw, alphabet="ab", max_size=14):
    """Two segmentations of one text; few different characters, so that words repeat."""
    text = draw(st.text(alphabet, max_size=max_size))
    marks = st.lists(st.booleans(), min_size=len(text), max_size=len(text))
    return cut(text, draw(marks)), cut(text, draw(marks))


def joined(cuts):
    """Lines of both sides; a last line keeps the texts from being empty."""
    return [" ".join(gold) for gold, _ in cuts] + ["完"], [" ".join(guess) for _, guess in cuts] + ["完"]


vocabularies = st.sets(st.text("ab", min_size=1, max_size=3)).map(lambda words: words | {"完"})
characters = "a我𠮷,，\u200b\ufeff"

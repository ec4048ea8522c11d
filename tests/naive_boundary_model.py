"""Slow, obvious twins of the tagger, of unknown words and of the lattice that adaptation learns from."""

import math
from itertools import pairwise


def weight_places(runs, i):
    """What the tagger looks at for the gap before symbol i of a run: (n-gram, place) pairs; 0 is a boundary."""
    run = (0, *runs, 0)
    a, b, c, d = run[i - 1 : i + 3] if i > 1 else (0, *run[i : i + 3])
    singles = [((a,), 0), ((b,), 1), ((c,), 2), ((d,), 3)]
    pairs = [((a, b), 0), ((b, c), 1), ((c, d), 2)]
    return singles + [(pair, place) for pair, place in pairs if 0 not in pair]


def gap_score(run, i, tags):
    """The tagger's score of the gap before symbol i, in bytes; `tags` holds four for an n-gram."""
    return sum(tags.get(ngram, (0, 0, 0, 0))[place] for ngram, place in weight_places(run, i))


def fit(runs, posteriors, ngrams, epochs, rate, least_square):
    """AdaGrad on logistic loss, with dicts; gives the weights of each (n-gram, place) and the bias."""
    weights, squares = {}, {}
    for _ in range(epochs):
        for run, targets in zip(runs, posteriors, strict=True):
            for i in range(1, len(run)):
                used = [(), *(each for each in weight_places(run, i) if len(each[0]) == 1 or each[0] in ngrams)]
                logit = sum(weights.get(each, 0.0) for each in used)
                error = 1 / (1 + math.exp(-logit)) - targets[i]
                for each in used:
                    squares[each] = squares.get(each, least_square) + error * error
                    weights[each] = weights.get(each, 0.0) - rate * error / math.sqrt(squares[each])
    return weights


def covers(length, longest):
    """Every way to cover so many symbols, as the ends of words from 0 on."""
    if length == 0:
        yield (0,)
        return
    for k in range(1, min(length, longest) + 1):
        for ends in covers(length - k, longest):
            yield (*ends, length)


def expected_words(run, weights, max_len, gaps, spelling, unknown_len):
    """Posterior of each word in the covers of a run, one by one; `gaps[i]` is before symbol i, in nats."""
    totals, total = {}, 0.0
    for ends in covers(len(run), max(max_len, unknown_len)):
        score = 0.0
        words = []
        for low, high in pairwise(ends):
            word = run[low:high]
            if len(word) <= max_len and word in weights:
                score += weights[word]
                words.append(word)
            elif 2 <= len(word) <= unknown_len:
                score += spelling[word[0]][0] + sum(spelling[s][1] for s in word[1:-1]) + spelling[word[-1]][2]
            else:
                break
            if low:
                score += gaps[low]
        else:
            share = math.exp(score)
            total += share
            for word in words:
                totals[word] = totals.get(word, 0.0) + share
    return {word: share / total for word, share in totals.items()}


def spelling_scores(words, symbols, cost, step, weight, growth):
    """As the formula says; `words` are (symbols, count, expected)."""
    text = dict.fromkeys(range(symbols + 1), 1.0)
    types = [dict.fromkeys(range(symbols + 1), 0.0) for _ in range(3)]
    tokens = sum(expected for _, _, expected in words)
    for word, count, expected in words:
        if len(word) == 1:
            text[word[0]] += count
        elif expected >= 1.0:
            types[0][word[0]] += 1
            types[2][word[-1]] += 1
            for symbol in word[1:-1]:
                types[1][symbol] += 1
    out = []
    for symbol in range(symbols + 1):
        scores = []
        for place in range(3):
            smooth = {s: types[place][s] + 0.1 * (symbols + 1) * text[s] / sum(text.values()) + 0.1 for s in text}
            scores.append(weight * math.log(smooth[symbol] / sum(smooth.values())))
        scores[0] -= cost + growth * math.log(max(tokens, 1.0) / 1e6)
        scores[1] -= step
        out.append(scores)
    return out

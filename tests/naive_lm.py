"""A slow, obvious twin of the language model, and what the tests of language models share.

The twin is dicts of n-grams and the formulae of Chen & Goodman (1999), section 3, with the interpolation,
the adjusted counts and the pruning of Heafield et al. (2013). Runs are lists of symbols; n-grams are tuples
of them with ``"<s>"``, ``"</s>"`` and ``"<unk>"``. Probabilities are fractions: nothing is rounded.
"""

import base64
import zlib
from collections import Counter, defaultdict
from fractions import Fraction
from functools import cache

import numpy as np
from hypothesis import strategies as st

from segtool.lm import language_model as lm_files
from segtool.lm.arpa import word_of, write_arpa
from segtool.lm.kneser_ney import estimate
from segtool.ngrams.count import count_stream
from segtool.store.files import atomic_file
from segtool.text.runs import Corpus, RunCollector
from tests import naive
from tests.helpers import scratch

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
FALLBACK = (Fraction(1, 2), Fraction(1), Fraction(3, 2))


class NaiveLanguageModel:
    def __init__(self, runs, order, prune=()):
        self.order = order
        self.prune = list(prune) + [prune[-1] if prune else 0] * (order - len(prune))
        self.counts = Counter()
        for run in runs:
            sentence = (BEGIN, *run, END)
            for k in range(1, order + 1):
                self.counts.update(sentence[i : i + k] for i in range(len(sentence) - k + 1))
        del self.counts[BEGIN,]  # it is never predicted
        self.vocabulary = {gram[0] for gram in self.counts if len(gram) == 1} | {UNKNOWN}  # with </s>
        self._left = defaultdict(set)
        self._right = defaultdict(set)
        for gram in self.counts:
            self._left[gram[1:]].add(gram[0])
            self._right[gram[:-1]].add(gram[-1])
        # asked again and again
        self.total = cache(self.total)
        self.gamma = cache(self.gamma)
        self.probability = cache(self.probability)
        self.discounts = [self._discounts(k) for k in range(1, order + 1)]

    def adjusted(self, gram):
        if len(gram) == self.order or gram[0] == BEGIN:
            return self.counts[gram]
        return len(self._left[gram])

    def _discounts(self, k):
        n = Counter(self.adjusted(gram) for gram in self.counts if len(gram) == k)
        if not (n[1] and n[2] and n[3]):
            return FALLBACK
        y = Fraction(n[1], n[1] + 2 * n[2])
        discounts = tuple(j - (j + 1) * y * Fraction(n[j + 1], n[j]) for j in (1, 2, 3))
        return discounts if all(0 < d <= j for j, d in enumerate(discounts, 1)) else FALLBACK

    def discount(self, gram):
        return self.discounts[len(gram) - 1][min(self.adjusted(gram), 3) - 1]

    def kept(self, gram):
        return len(gram) == 1 or self.counts[gram] > self.prune[len(gram) - 1]

    def total(self, context):
        return sum(self.adjusted((*context, symbol)) for symbol in self._right[context])

    def gamma(self, context):
        """Weight of the shorter context; 1 where nothing is known behind this one."""
        grams = [(*context, symbol) for symbol in self._right[context]]
        if not grams:
            return Fraction(1)
        given = sum(self.discount(gram) if self.kept(gram) else self.adjusted(gram) for gram in grams)
        return Fraction(given) / self.total(context)

    def probability(self, context, symbol):
        """Of a symbol of the vocabulary behind any context, a tuple of any length."""
        context = context[-(self.order - 1) :]
        gram = (*context, symbol)
        own = Fraction(0)
        if gram in self.counts and self.kept(gram):
            own = Fraction(self.adjusted(gram) - self.discount(gram)) / self.total(context)
        shorter = self.probability(context[1:], symbol) if context else Fraction(1, len(self.vocabulary))
        return own + self.gamma(context) * shorter

    def table(self):
        """Probability and back-off of every n-gram that an ARPA file lists; ``<s>`` has probability 1."""
        grams = [gram for gram in self.counts if self.kept(gram)] + [(UNKNOWN,)]
        found = {
            gram: (self.probability(gram[:-1], gram[-1]), self.gamma(gram) if len(gram) < self.order else 1)
            for gram in grams
        }
        return found | {(BEGIN,): (Fraction(1), self.gamma((BEGIN,)))}

    def sentence(self, run):
        """Probabilities of the symbols of a run and of its end."""
        words = (BEGIN, *(symbol if symbol in self.vocabulary else UNKNOWN for symbol in run), END)
        return [self.probability(words[:i], words[i]) for i in range(1, len(words))]


# ---------------------------------------------------------------- models of random runs

HAN = "一丁七万丈"
RUNS = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=7), min_size=1, max_size=9)
ORDERS = st.integers(2, 6)
PRUNES = st.lists(st.integers(0, 3), max_size=2).map(lambda cuts: (0, *sorted(cuts)))


def codes_of(symbols):
    """Symbol 1 is NUM, 2 is LAT, and the others are characters."""
    return np.array([0, 1, 2, *range(0x4E00, 0x4E00 + symbols - 2)], np.uint32)


def train(runs, order, prune=(), workers=1, symbols=None):
    codes = codes_of(symbols or max(5, *map(max, runs)))
    return estimate(count_stream(naive.stream(runs), codes, order), order, prune, workers)


def spelt(lm, start):
    """Words for symbol ids: the codes, and the reserved ones."""
    return [END if start else BEGIN, *lm.codes[1:].tolist(), UNKNOWN]


def table(lm):
    """Log10 probability and back-off of every n-gram, as an ARPA file lists them."""
    found = {}
    level = [((), -1)]
    starts = np.concatenate([[0], np.cumsum(lm.ngrams)]).tolist()
    for k in range(1, lm.order + 1):
        longer = []
        for gram, node in level:
            low, high = (lm.first_child[node], lm.first_child[node + 1]) if k > 1 else (0, starts[1])
            for child in range(low, high):
                longer.append(((*gram, spelt(lm, k > 1)[lm.symbol[child]]), child))
        assert [node for _, node in longer] == list(range(starts[k - 1], starts[k]))
        for gram, node in longer:
            backoff = float(lm.log10_backoff[node]) if k < lm.order else 0.0
            found[gram] = float(lm.log10_probability[node]), backoff
        level = longer
    probability, backoff = found[(BEGIN,)]
    return found | {(BEGIN,): (0.0, backoff), (END,): (probability, 0.0)}


def twin(runs, order, prune=()):
    codes = codes_of(max(map(max, runs))).tolist()
    return NaiveLanguageModel([[codes[symbol] for symbol in run] for run in runs], order, prune)


def arrays(lm):
    return [getattr(lm, name) for name in lm_files.TABLE_TYPES]


def same(one, other):
    return [(a.dtype, a.tobytes()) for a in arrays(one)] == [(a.dtype, a.tobytes()) for a in arrays(other)]


# ---------------------------------------------------------------- files

# build_binary trie of KenLM 0.3.0, made of the 2-gram model of 的一 / 一的是 / 3的
BINARY = zlib.decompress(
    base64.b85decode(
        "c-qU&O)OBz$yLZGDJihh*U!#KO-##7%}LQq&d=3P&QD2INXswEO)OC;OD!tS%+FIW<zhg9274f}pAks>2Lg}?BUFY7Odhajf{KAKJ5"
        "&zY1U4vLP^Y-pvaOV1>bKcGuV36x?vq*WSUfv0n=9x0$J*it*_+eWr24F%)ARA*-o)!C(oe$l&r#~y4{`{SkqomHX6=KqSy&SGBlFG"
        "X*ns&kce<TX1nXx;;)CSb(DZXMpaL!i?7%RI?<Z^a`A6YvY`gC-(%)BmbYtR=$OZRLiOWd0&1d<wwx)aEk8f8yET6C=YqKfM%eG^%D"
        "F))a(p)=+Cp#J#Z1jQL=d)TEp3PX#007~?YrX"
    )
)


def plain_table(path):
    """The n-grams of an ARPA file, by nothing but str.split."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        if len(fields) > 1:
            assert fields[1] not in found
            found[fields[1]] = float(fields[0]), float(fields[2]) if len(fields) > 2 else 0.0
    return found


HELD_OUT = """医生说今天要休息,明天再来。
我们3点半去公园散步, OK的话请打电话给我!
龘𠮷这两个字没有见过
学校的老师和学生都喜欢运动。

天天天天天天天天气,气
"""


def train_text(text, order, prune=()):
    collector = RunCollector()
    collector.add(text)
    runs = Corpus([collector], False).whole()
    return estimate(count_stream(runs.stream, runs.codes, order), order, prune)


def tiny():
    return train_text("的一\n一的是,3的\n", 2)


def spelt_runs(text):
    """What KenLM calls sentences."""
    return [" ".join(map(word_of, run)) for run in naive.runs(text)]


def quiet(kenlm):
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    return config


ARPA = """\
# of somewhere else

\\data\\
ngram 1=8
ngram 2=6
ngram 3=3

\\1-grams:
-99\t<s>\t-0.1
-0.9\t</s>
-0.5\t一\t-0.2
-0.7\t丁\t-0.3
-0.8\t<num>\t-0.25
-1.5\t2008\t-0.1
-1.6\t,\t-0.1
-2.5\t<unk>

\\2-grams:
-0.4\t<s> 一\t-0.15
-0.3\t一 丁\t-0.05
-0.2\t一 2008\t-0.35
-0.6\t丁 一\t0.11
-0.7\t丁 </s>
-0.75\t<unk> 丁\t-0.01

\\3-grams:
-0.11\t<s> 一 丁
-0.12\t一 丁 一
-0.13\t<s> 一 2008

\\end\\
"""


def write(text, name="other.arpa"):
    path = scratch() / name
    path.write_bytes(text.encode())
    return path


def write_arpa_file(lm, path, progress=None):
    with atomic_file(path) as file:
        write_arpa(lm, file, path.suffix == ".gz", progress)

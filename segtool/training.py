"""Training, stage by stage: read → runs → counts → scores → lexicon → model.

:func:`train` runs the stages one after the other and reports on each; every stage is a function of
the arrays of the one before and can be called alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from segtool import __version__, corpus
from segtool.adaptation import PASSES, TRAINING_MOST, TRAINING_SHARE, adapt_model
from segtool.cards import CARD
from segtool.cohesion import cohesion_lexicon
from segtool.counting import collect_runs, count_runs
from segtool.decoders import cut_runs, decoder_of
from segtool.dictionary import count_words, frequency_lexicon, lexicon_of_list
from segtool.engine import Threads
from segtool.entropy import entropy_lexicon
from segtool.errors import CorpusError, UsageError
from segtool.files import atomic_directory
from segtool.kneser_ney import estimate
from segtool.layout import beyond_the_lexicon, build_model
from segtool.lexicon import Lexicon, fit_lexicon
from segtool.model import Model, find_model, load_model, write_model
from segtool.progress import Progress, StageReport
from segtool.runs import ChunkedRuns
from segtool.scores import score
from segtool.segmenter import Segmenter
from segtool.settings import TrainingSettings
from segtool.wordlist import read_word_counts

__all__ = ["TrainingReport", "TrainingSettings", "train", "train_model"]

NO_LEXICON = Lexicon(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 0.0, ())
"""Of no words: for a model that only has to cut by other means, before its words are known."""


@dataclass
class TrainingReport:
    """What a training read and made.

    Attributes
    ----------
    reading : corpus.ReadReport
        Files, lines, characters, and the lines that could not be read.
    runs, symbols, ngram_types, candidates, words : int
        Sizes of what each stage made.
    left_out : list of str
        Words of a word list that cannot be used.
    stages : list of StageReport
        Seconds and peak memory of each stage.
    """

    reading: corpus.ReadReport = field(default_factory=corpus.ReadReport)
    runs: int = 0
    symbols: int = 0
    ngram_types: int = 0
    candidates: int = 0
    words: int = 0
    left_out: list[str] = field(default_factory=list)
    stages: list[StageReport] = field(default_factory=list)


def train(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    texts: Iterable[str] | None = None,
    base: str | os.PathLike[str] | None = None,
    settings: TrainingSettings | None = None,
    encoding: str = "utf-8",
    skip_undecodable: bool = False,
    workers: int | None = None,
    progress: bool = False,
    report: TrainingReport | None = None,
    **parameters: float,
) -> Segmenter:
    """Learn a model from raw text.

    Parameters
    ----------
    inputs : path or sequence of paths, optional
        Files, directories, globs, ``"-"`` for standard input; plain or compressed.
    output : path, optional
        Where to write the model directory; without it the model stays in memory.
    texts : iterable of str, optional
        Texts to learn from instead of `inputs`.
    base : path, optional
        A model of method ``unigram`` to continue from, ``"default"`` for the one in the box. The parameters are its
        own; only `sample` and `seed` can be given.
    settings : TrainingSettings, optional
        The parameters of the method; each can also be given by name.
    encoding : str
        Of the inputs.
    skip_undecodable : bool
        Leave out lines that are no text in that encoding, and count them, instead of raising.
    workers : int, optional
        Threads; by default one for each processor at hand. The result does not depend on it.
    progress : bool
        Show progress bars on standard error if that is a terminal.
    report : TrainingReport, optional
        Filled with what was read and made.
    **parameters
        Fields of :class:`TrainingSettings`.

    Returns
    -------
    Segmenter

    Raises
    ------
    UsageError
        If a parameter makes no sense.
    InputError, EncodingError
        If an input cannot be read.
    CorpusError
        If nothing can be learned from the text.
    OutputError
        If the model cannot be written.

    Examples
    --------
    >>> import segtool
    >>> seg = segtool.train("data/sample")
    >>> seg.cut("医生说")
    ['医生', '说']
    """
    try:
        settings = replace(settings or TrainingSettings(), **parameters).checked()  # type: ignore[arg-type]
    except TypeError as error:
        raise UsageError(f"train(): {error}") from None
    if (inputs is None) == (texts is None):
        raise UsageError("train() takes either inputs (files) or texts")
    report = report if report is not None else TrainingReport()
    base_model = None if base is None else _base(base, settings)
    watch = Progress(progress, report.stages)
    if workers is None:
        workers = available_workers()
    if workers < 1:
        raise UsageError(f"{workers} workers: choose 1 or more (-j)")
    with ExitStack() as stack:
        # entered first, so that a place that cannot be written is known before hours of work
        folder = None if output is None else stack.enter_context(atomic_directory(output, marker=CARD))
        with _blocks(inputs, texts, encoding, skip_undecodable, watch, report.reading) as blocks:
            digested = Digested(_sampled(blocks, settings))
            if settings.method == "dict":
                model = _model_of_list(digested, settings, workers, report)
            else:
                runs = collect_runs(digested, base_model.folds if base_model is not None else settings.fold)
        if base_model is not None:
            model = _continue(base_model, runs, workers, watch, report)
        elif settings.method != "dict":
            model = train_model(runs, settings, workers, watch, report)
        model.card["corpus"] = {
            "characters": report.reading.characters,
            "digest": digested.digest.hexdigest(),
            "lines": report.reading.lines,
            "runs": report.runs,
            "symbols": report.symbols,
        }
        if folder is not None:
            with watch.stage("write"):
                write_model(model, folder)
    return Segmenter(model if output is None else load_model(output))


def _base(base: str | os.PathLike[str], settings: TrainingSettings) -> Model:
    """Open the model to continue from."""
    plain = TrainingSettings(sample=settings.sample, seed=settings.seed)
    for name, value in asdict(settings).items():
        if value != getattr(plain, name):
            flag = name.replace("_", "-")
            raise UsageError(f"--base: the parameters are those of the base model: leave out --{flag}, or --base")
    return load_model(find_model(base))


def _continue(model: Model, runs: ChunkedRuns, workers: int, watch: Progress, report: TrainingReport) -> Model:
    """Learn more, from another text."""
    report.runs, report.symbols = runs.count, runs.symbols
    with watch.stage("adapt", PASSES * runs.positions, "sym") as step:
        adapted = adapt_model(model, runs, workers, step, TRAINING_SHARE, TRAINING_MOST)
    report.words = len(adapted.words)
    adapted.card["base"] = {name: model.card.get(name) for name in ("base", "corpus", "name") if name in model.card}
    for name in ("name", "sources"):
        adapted.card.pop(name, None)
    return adapted


@contextmanager
def _blocks(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    texts: Iterable[str] | None,
    encoding: str,
    skip_undecodable: bool,
    watch: Progress,
    reading: corpus.ReadReport,
) -> Iterator[Iterable[str]]:
    """Give the text in blocks, as a stage of its own."""
    if texts is not None:
        with watch.stage("read"):
            yield _texts_as_blocks(texts, reading)
        return
    names = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs or ())
    sources = corpus.find_sources(names)
    with watch.stage("read", corpus.total_size(sources), "B") as step:
        yield corpus.read_blocks(
            sources, encoding=encoding, skip_undecodable=skip_undecodable, report=reading, progress=step
        )


class Digested:
    """Blocks of text on their way, and the SHA-256 of those that have passed, as UTF-8."""

    def __init__(self, blocks: Iterable[str]) -> None:
        self._blocks = blocks
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks:
            self.digest.update(block.encode("utf-8", "surrogatepass"))
            yield block


def _model_of_list(blocks: Iterable[str], settings: TrainingSettings, workers: int, report: TrainingReport) -> Model:
    entries = read_word_counts(blocks)
    candidates, lexicon, report.left_out, runs = lexicon_of_list(entries, settings.max_word_len, workers, settings.fold)
    report.words = len(lexicon.weight)
    return build_model(candidates, lexicon, lexicon, _card(settings, "lattice"), runs=runs)


def available_workers() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _texts_as_blocks(texts: Iterable[str], reading: corpus.ReadReport) -> Iterator[str]:
    if isinstance(texts, str):
        texts = [texts]
    for text in texts:
        reading.characters += len(text)
        reading.lines += text.count("\n") + (not text.endswith("\n") and text != "")
        yield text


def _sampled(blocks: Iterable[str], settings: TrainingSettings) -> Iterator[str]:
    """Draw from the lines, if so set."""
    draw = np.random.default_rng(settings.seed)
    for block in blocks:
        if settings.sample < 1.0:
            lines = block.split("\n")
            taken = draw.random(len(lines)) < settings.sample
            block = "\n".join(line for line, take in zip(lines, taken, strict=True) if take)
        yield block


def train_model(
    runs: ChunkedRuns,
    settings: TrainingSettings,
    workers: int,
    watch: Progress,
    report: TrainingReport | None = None,
) -> Model:
    """Run the stages behind reading.

    Parameters
    ----------
    runs : ChunkedRuns
    settings : TrainingSettings
    workers : int
        Threads. The result does not depend on it.
    watch : Progress
    report : TrainingReport, optional
        Filled with the sizes of what was made.

    Returns
    -------
    Model
        In memory, its card without an entry on the corpus.
    """
    report = report if report is not None else TrainingReport()
    by_tags = settings.method == "lm"
    with_lm = by_tags or settings.with_lm
    order = max(settings.max_word_len + 1, settings.lm_order if with_lm else 0)
    with watch.stage("count"):
        counts = count_runs(runs, order, 1 if with_lm else min(settings.min_count, 2), workers).counts
    report.runs, report.symbols = runs.count, runs.symbols
    with watch.stage("score"):
        candidates = score(counts, settings.max_word_len, settings.least_count(runs.symbols), workers)
    lm = None
    if with_lm:
        with watch.stage("lm"):
            lm = estimate(counts, settings.lm_order, workers=workers)
            lm.card["parameters"]["fold"] = settings.fold
    del counts
    report.candidates = len(candidates)
    total = settings.all_passes * runs.positions if settings.method == "unigram" else None
    decoder = "lattice"
    with watch.stage("lexicon", total, "sym") as step:
        if settings.method == "unigram":
            decoding = words = fit_lexicon(runs, candidates, settings, Threads(workers), step)
        elif settings.method == "cohesion":
            decoding, words = cohesion_lexicon(runs.whole().stream, candidates, settings)
            decoder = "pairs" if settings.cohesion_revision == 2015 else decoder
        else:
            decoder = "tags" if by_tags else decoder
            decoding = NO_LEXICON if by_tags else entropy_lexicon(candidates, settings)
            cut = decoder_of(build_model(candidates, decoding, NO_LEXICON, _card(settings, decoder), lm))
            whole = runs.whole()
            joined = cut_runs(cut, whole, settings.max_word_len)
            words = frequency_lexicon(count_words(whole.stream, joined, candidates))
            decoding = words if by_tags else decoding
    report.words = len(words.weight)
    if settings.method != "unigram":
        return build_model(candidates, decoding, words, _card(settings, decoder), lm, runs)
    with watch.stage("tagger"):
        pairs = settings.tagger_min_count if settings.tagger_weight else 0
        model = build_model(candidates, words, words, _card(settings, decoder), lm, runs, pairs)
        return beyond_the_lexicon(model, words, settings)


def _card(settings: TrainingSettings, decoder: str) -> dict[str, object]:
    # the weights of other methods are no match for those of unknown words
    longest = min(settings.unknown_len, settings.max_word_len) if settings.method == "unigram" else 0
    settings = replace(settings, unknown_len=longest)
    return {"decoder": decoder, "parameters": asdict(settings), "segtool_version": __version__}

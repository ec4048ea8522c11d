"""Training, stage by stage: read → runs → counts → scores → lexicon → model.

:func:`train` runs the stages one after the other and reports on each; every stage is a function of
the arrays of the one before and can be called alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from segtool import __version__
from segtool.decode.decoders import cut_runs, decoder_of
from segtool.errors import UsageError
from segtool.lexicon.adapt import PASSES, TRAINING_MOST, TRAINING_SHARE, adapt_model
from segtool.lexicon.build import beyond_the_lexicon, build_model
from segtool.lexicon.em import SAMPLED, Lexicon, fit_lexicon
from segtool.lexicon.passes import CountingEngine, Engine, Threads
from segtool.lm.kneser_ney import estimate
from segtool.methods.cohesion import cohesion_lexicon
from segtool.methods.entropy import entropy_lexicon
from segtool.methods.word_counts import read_word_counts
from segtool.methods.word_list import count_words, frequency_lexicon, lexicon_of_list
from segtool.ngrams.count import gather
from segtool.ngrams.count_stage import add_up_shards, count_there, least_seen, longest_ngrams, read_and_count
from segtool.ngrams.counter import CorpusCounter, Counted, collect_runs
from segtool.ngrams.scores import Candidates, score
from segtool.ngrams.shards import open_shards
from segtool.runtime.budget import Budget
from segtool.runtime.progress import Progress, StageReport
from segtool.runtime.workers import checked_workers
from segtool.segmenter import Segmenter
from segtool.settings import TrainingSettings
from segtool.store.cards import CARD
from segtool.store.checkpoints import Stages, WorkFolder, fingerprint, inputs_seen, work_place
from segtool.store.files import atomic_directory
from segtool.store.model import MODEL, Model, find_model, load_model, write_model
from segtool.text import sources as corpus
from segtool.text.reading import Digested, open_blocks, sample_lines
from segtool.text.runs import ChunkedRuns

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
    runs, symbols, candidates, words : int
        Sizes of what each stage made.
    digest : str
        Of the runs, in any order; of a word list, of its text.
    left_out : list of str
        Words of a word list that cannot be used.
    stages : list of StageReport
        Seconds and peak memory of each stage.
    """

    reading: corpus.ReadReport = field(default_factory=corpus.ReadReport)
    runs: int = 0
    symbols: int = 0
    candidates: int = 0
    words: int = 0
    digest: str = ""
    left_out: list[str] = field(default_factory=list)
    stages: list[StageReport] = field(default_factory=list)

    def record(self, runs: ChunkedRuns) -> None:
        """Note what there is to learn from."""
        self.runs, self.symbols, self.digest = runs.count, runs.symbols, f"{runs.digest:016x}"


def train(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    texts: Iterable[str] | None = None,
    counts: Sequence[str | os.PathLike[str]] | None = None,
    base: str | os.PathLike[str] | None = None,
    settings: TrainingSettings | None = None,
    encoding: str = "utf-8",
    skip_undecodable: bool = False,
    workers: int | None = None,
    memory: int | str | None = None,
    tmp: str | os.PathLike[str] | None = None,
    resume: bool = False,
    engine: Engine | None = None,
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
    counts : sequence of path, optional
        Count shards to learn from instead (:func:`segtool.count`), in any order.
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
    memory : int or str, optional
        What the process may use, in bytes or as ``"2G"``; by default a half of what is free. A corpus that needs
        more is counted in parts, on the disk. The result does not depend on it. (A `base` and a language model are
        learned in memory.)
    tmp : path, optional
        Folder for what does not fit into memory; by default that of the output, without one the system's.
    resume : bool
        Keep what finished stages made, in that folder, until the model is written, and go on with what a training
        of the same files and parameters left there.
    engine : Engine, optional
        Who goes over the corpus in EM passes, and counts the inputs if it can; by default threads.
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
    ModelError
        If a count shard or the base is missing or damaged.
    OutputError
        If the model or temporary files cannot be written.

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
    if [inputs, texts, counts].count(None) != 2:
        raise UsageError("train() takes either inputs (files), or texts, or counts (shards)")
    if inputs is not None and not isinstance(inputs, str | os.PathLike):
        inputs = list(inputs)  # gone through more than once
    report = report if report is not None else TrainingReport()
    base_model = None if base is None else _base(base, settings)
    if counts is not None and (base is not None or settings.method == "dict"):
        raise UsageError("--counts: a base model and a word list need text: pass files instead of shards")
    if counts is not None and settings.sample < 1.0:
        raise UsageError("--sample: all lines of --counts are counted already: leave it out, or pass files")
    watch = Progress(progress, report.stages)
    workers = checked_workers(workers)
    budget = Budget.of(memory)
    with ExitStack() as last, ExitStack() as stack:  # what is kept for --resume goes when the model is there
        # entered first, so that a place that cannot be written is known before hours of work
        if output is not None:
            MODEL.check_target(output)
        folder = None if output is None else stack.enter_context(atomic_directory(output, marker=CARD))
        if settings.method == "dict" or base_model is not None:
            with open_blocks(inputs, texts, encoding, skip_undecodable, watch, report.reading) as blocks:
                learn = _collected(blocks, settings, base_model, workers, watch, report)
            model = learn()
        else:
            shards = None if counts is None else open_shards(counts)
            seen = inputs_seen(inputs, counts, resume)
            training = fingerprint(asdict(settings), encoding, skip_undecodable, seen, __version__)
            work = WorkFolder(last, *work_place(output, tmp, resume), training, resume)
            if tmp is not None:
                work.check()
            if shards is not None:
                counted = add_up_shards(shards, settings, budget, workers, work, watch, report.reading)
            else:
                counter = CorpusCounter(longest_ngrams(settings), settings.fold, budget.symbols, work, workers)
                if inputs is not None and isinstance(engine, CountingEngine):
                    how = encoding, skip_undecodable
                    count_there(counter, engine, inputs, settings, work, watch, report.reading, *how)
                else:
                    with open_blocks(inputs, texts, encoding, skip_undecodable, watch, report.reading) as blocks:
                        read_and_count(counter, blocks, settings, work, report.reading)
                with watch.stage("count"):
                    counted = counter.finish(least_seen(settings), budget.ngrams(workers))
            model = train_model(counted, settings, workers, watch, report, engine, work.stages, budget)
        model.card["corpus"] = {
            "characters": report.reading.characters,
            "digest": report.digest,
            "lines": report.reading.lines,
            "runs": report.runs,
            "symbols": report.symbols,
        }
        if folder is not None:
            with watch.stage("write"):
                write_model(model, folder)
    return Segmenter(model if output is None else load_model(output))


def _collected(
    blocks: Iterable[str],
    settings: TrainingSettings,
    base: Model | None,
    workers: int,
    watch: Progress,
    report: TrainingReport,
) -> Callable[[], Model]:
    """Read a word list, or the runs that a model is continued with; what learns from them."""
    sampled = sample_lines(blocks, settings.sample, settings.seed)
    if base is not None:
        runs = collect_runs(sampled, base.folds)
        return lambda: _continue(base, runs, workers, watch, report)
    digested = Digested(sampled)
    model = _model_of_list(digested, settings, workers, report)
    report.digest = digested.digest.hexdigest()
    return lambda: model


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
    report.record(runs)
    with watch.stage("adapt", PASSES * runs.positions, "sym") as step:
        adapted = adapt_model(model, runs, workers, step, TRAINING_SHARE, TRAINING_MOST)
    report.words = len(adapted.words)
    adapted.card["base"] = {name: model.card.get(name) for name in ("base", "corpus", "name") if name in model.card}
    for name in ("name", "sources"):
        adapted.card.pop(name, None)
    return adapted


def _model_of_list(blocks: Iterable[str], settings: TrainingSettings, workers: int, report: TrainingReport) -> Model:
    entries = read_word_counts(blocks)
    candidates, lexicon, report.left_out, runs = lexicon_of_list(entries, settings.max_word_len, workers, settings.fold)
    report.words = len(lexicon.weight)
    return build_model(candidates, lexicon, lexicon, _card(settings, "lattice"), runs=runs)


def train_model(
    counted: Counted,
    settings: TrainingSettings,
    workers: int,
    watch: Progress,
    report: TrainingReport | None = None,
    engine: Engine | None = None,
    stages: Stages | None = None,
    budget: Budget | None = None,
) -> Model:
    """Run the stages behind counting.

    Parameters
    ----------
    counted : Counted
    settings : TrainingSettings
    workers : int
        Threads. The result does not depend on it.
    watch : Progress
    report : TrainingReport, optional
        Filled with the sizes of what was made.
    engine : Engine, optional
        Who goes over the corpus in EM passes; by default threads.
    stages : Stages, optional
        Keeps what finished stages made.
    budget : Budget, optional
        Has to have room for the candidates.

    Returns
    -------
    Model
        In memory, its card without an entry on the corpus.
    """
    report, stages = report or TrainingReport(), stages or Stages()
    runs, counts = counted.runs, counted.counts
    report.record(runs)
    known = stages.load("candidates")
    if known is not None:
        candidates = Candidates.from_arrays(known)
    else:
        with watch.stage("score"):
            candidates = score(counts, settings.max_word_len, settings.least_count(runs.symbols), workers)
            stages.save("candidates", **candidates.to_arrays())
    lm = None
    if settings.needs_lm:
        with watch.stage("lm"):
            lm = estimate(gather(counts), settings.lm_order, workers=workers)
            lm.card["parameters"]["fold"] = settings.fold
    del counts, counted, known
    report.candidates = len(candidates)
    if budget is not None:
        budget.check(len(candidates), min(runs.symbols, SAMPLED))
    if settings.method == "unigram":
        with watch.stage("lexicon", settings.all_passes * runs.positions, "sym") as step:
            words = fit_lexicon(runs, candidates, settings, engine or Threads(workers), step, stages)
        report.words = len(words.weight)
        with watch.stage("tagger"):
            pairs = settings.tagger_min_count if settings.tagger_weight else 0
            model = build_model(candidates, words, words, _card(settings, "lattice"), lm, runs, pairs)
            return beyond_the_lexicon(model, words, settings)
    decoder = "lattice"
    with watch.stage("lexicon"):
        whole = runs.whole()
        if settings.method == "cohesion":
            decoding, words = cohesion_lexicon(whole.stream, candidates, settings)
            decoder = "pairs" if settings.cohesion_revision == 2015 else decoder
        else:
            by_tags = settings.method == "lm"
            decoder = "tags" if by_tags else decoder
            decoding = NO_LEXICON if by_tags else entropy_lexicon(candidates, settings)
            cut = decoder_of(build_model(candidates, decoding, NO_LEXICON, _card(settings, decoder), lm))
            joined = cut_runs(cut, whole)
            words = frequency_lexicon(count_words(whole.stream, joined, candidates))
            decoding = words if by_tags else decoding
    report.words = len(words.weight)
    return build_model(candidates, decoding, words, _card(settings, decoder), lm, runs)


def _card(settings: TrainingSettings, decoder: str) -> dict[str, object]:
    # the weights of other methods are no match for those of unknown words
    longest = min(settings.unknown_len, settings.max_word_len) if settings.method == "unigram" else 0
    settings = replace(settings, unknown_len=longest)
    return {"decoder": decoder, "parameters": asdict(settings), "segtool_version": __version__}

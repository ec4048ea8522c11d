"""Training: read and count, score, estimate a language model, learn words, build the model, write it.

:func:`train` runs the stages one after the other and reports on each. The methods share all stages but *learn*, where
the module of the method decides (:mod:`segtool.lexicon.learned`).
"""

from __future__ import annotations

import importlib
import inspect
import os
import warnings
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING

from segtool import __version__
from segtool.arguments import checked_texts, unknown_parameter
from segtool.errors import LittleTextWarning, UsageError
from segtool.lexicon.adapt import PASSES, TRAINING_MOST, TRAINING_SHARE, adapt_model
from segtool.lexicon.build import MODEL_PATIENCE, build_model
from segtool.lexicon.em import SAMPLED
from segtool.lexicon.learned import Learned, Resources
from segtool.lexicon.number_words import pool_numbers
from segtool.lexicon.parts import weigh_parts
from segtool.lexicon.passes import Engine, Threads
from segtool.limits import LITTLE_TEXT
from segtool.lm.kneser_ney import estimate
from segtool.lm.language_model import LanguageModel
from segtool.methods.word_list import WordList, list_words
from segtool.ngrams.count import count_stream
from segtool.ngrams.count_stage import Counting
from segtool.ngrams.counter import Counted, collect_corpus
from segtool.ngrams.scores import Candidates, score
from segtool.ngrams.shards import Shard, check_duplicates, open_shards, refuse_folders
from segtool.ngrams.table import gather
from segtool.parameters import Parameters
from segtool.runtime.budget import Budget
from segtool.runtime.progress import Progress
from segtool.runtime.workers import checked_workers
from segtool.segmenter import Segmenter
from segtool.settings import METHODS, TrainingSettings, flag_of
from segtool.store.cards import CARD
from segtool.store.checkpoints import Checkpoints, WorkFolder, fingerprint, input_identities, work_location
from segtool.store.files import atomic_directory
from segtool.store.model import MODEL, Model, find_model, load_model, load_written, write_model
from segtool.text.reading import Digested, ReadingReport, TextInput
from segtool.text.runs import Corpus
from segtool.text.word_lists import read_word_counts

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["TrainingReport", "TrainingSettings", "train"]

_ABOUT_LINES = ("sample", "seed", "join_lines", "unique_lines")
"""Settings that say which lines of the text are learned from; the others say how."""


@dataclass
class TrainingReport(ReadingReport):
    """Results of the stages of a training, besides :class:`segtool.text.reading.ReadingReport`.

    Attributes
    ----------
    runs, symbols, candidates, words : int
        Sizes of the results of the stages; the first three are 0 for a word list.
    digest : str
        Digest of the runs, in any order; of a word list, of its text.
    left_out : list of str
        Words of a word list that cannot be used.

    Examples
    --------
    >>> import segtool
    >>> report = segtool.TrainingReport()
    >>> seg = segtool.train("data/sample", report=report)
    >>> report.symbols, report.words
    (29382, 2782)
    """

    runs: int = 0
    symbols: int = 0
    candidates: int = 0
    words: int = 0
    digest: str = ""
    left_out: list[str] = field(default_factory=list)

    def record(self, corpus: Corpus) -> None:
        """Record size and digest of the corpus.

        Examples
        --------
        >>> from segtool import TrainingReport
        >>> from segtool.ngrams.counter import collect_corpus
        >>> report = TrainingReport()
        >>> report.record(collect_corpus(["今天，天气很好"], True))
        >>> report.runs, report.symbols
        (2, 6)
        """
        stats = corpus.stats
        self.runs, self.symbols, self.digest = stats.runs, stats.symbols, f"{stats.digest:016x}"

    def corpus_entry(self) -> dict[str, object]:
        """Give the entry on the corpus in the card of the model.

        Examples
        --------
        >>> from segtool import TrainingReport
        >>> TrainingReport(runs=2).corpus_entry()["runs"]
        2
        """
        text = {"characters": self.reading.characters, "lines": self.reading.lines}
        return {**text, "digest": self.digest, "runs": self.runs, "symbols": self.symbols}


def train(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    texts: Iterable[str] | None = None,
    counts: Sequence[str | os.PathLike[str]] | None = None,
    allow_duplicates: bool = False,
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
    **parameters: Unpack[Parameters],
) -> Segmenter:
    """Learn a model from raw text.

    Parameters
    ----------
    inputs : path or sequence of paths, optional
        Files, directories, globs, ``"-"`` for standard input; plain or compressed.
    output : path, optional
        Directory of the model; without it the model stays in memory.
    texts : iterable of str, optional
        Texts to learn from instead of `inputs`.
    counts : sequence of path, optional
        Count shards to learn from instead (:func:`segtool.count`), in any order.
    allow_duplicates : bool
        Whether two of the shards may hold the same text, which then counts twice.
    base : path, optional
        A model of method ``unigram`` to continue, ``"default"`` for the built-in one. Its parameters apply; only
        `sample`, `seed`, `join_lines` and `unique_lines` can be given.
    settings : TrainingSettings, optional
        The parameters; each can also be given by name.
    encoding : str
        Encoding of the inputs.
    skip_undecodable : bool
        Leave out lines that are no text in that encoding, and count them, instead of raising.
    workers : int, optional
        Threads; by default one for each available processor. The result does not depend on it.
    memory : int or str, optional
        Memory for the process, in bytes or as ``"2G"``; by default half of the free memory. A larger corpus is counted
        in parts, on the disk. The result does not depend on it. Training from a `base` and language models hold the
        text or its n-grams in memory, and stop if these do not fit.
    tmp : path, optional
        Folder for temporary files; by default the folder of the output, or the system's without an output.
    resume : bool
        Keep the results of finished stages in that folder until the model is written, and continue from those of an
        earlier training on the same files with the same parameters.
    engine : Engine, optional
        Runs EM passes, and counts the inputs if it can; by default threads.
    progress : bool
        Show progress bars, if standard error is a terminal or in a notebook.
    report : TrainingReport, optional
        Receives the sizes of inputs and results, and the cost of each stage.
    **parameters
        Fields of :class:`TrainingSettings`.

    Returns
    -------
    Segmenter

    Raises
    ------
    UsageError
        If a parameter makes no sense, or two shards hold the same text.
    ArgumentError
        If a parameter does not exist, or the texts are one string or hold something else than strings.
    InputError, EncodingError
        If an input cannot be read.
    CorpusError
        If the text holds nothing to learn from.
    ModelError
        If a count shard or the base is missing or damaged.
    OutputError
        If the model or temporary files cannot be written.

    Warns
    -----
    LittleTextWarning
        If the text is too small for a good model.

    Examples
    --------
    >>> import segtool
    >>> seg = segtool.train("data/sample")
    >>> seg.cut("医生说")
    ['医生', '说']
    """
    known = [each.name for each in fields(TrainingSettings)]
    for name in parameters:
        if name not in known:
            raise unknown_parameter("train()", name, [*known, *inspect.signature(train).parameters])
    settings = replace(settings or TrainingSettings(), **parameters).checked()
    if [inputs, texts, counts].count(None) != 2:
        raise UsageError("train() takes either inputs (files), or texts, or counts (shards)")
    if texts is not None:
        texts = checked_texts(texts, "train()", "pass [text], or the name of a file as inputs")
    if inputs is not None and not isinstance(inputs, str | os.PathLike):
        inputs = list(inputs)  # read more than once
    refuse_folders(inputs)
    base_model = None if base is None else _open_base(base, settings)
    if counts is not None and (base is not None or settings.method == "dict"):
        raise UsageError("--counts: a base model and a word list need text: pass files instead of shards")
    check_duplicates(counts, allow_duplicates)
    about_lines = {name: getattr(settings, name) for name in _ABOUT_LINES}
    text = TextInput(inputs, texts, encoding, skip_undecodable, **about_lines)
    if counts is not None and text.flags_of_lines:
        flag = text.flags_of_lines[0]
        raise UsageError(f"{flag}: all lines of --counts are counted already: leave it out, or pass files")
    report = report if report is not None else TrainingReport()
    watch = Progress(progress, report.stages)
    run = _Training(settings, text, checked_workers(workers), Budget.of(memory), engine, watch, report)
    with ExitStack() as last, ExitStack() as stack:  # the work folder of --resume goes after the model is written
        # entered first, so that a place that cannot be written is known before hours of work
        if output is not None:
            MODEL.check_target(output)
        folder = None if output is None else stack.enter_context(atomic_directory(output, marker=CARD))
        if base_model is not None:
            model = run.adapt(base_model)
        elif settings.method == "dict":
            model = run.learn_list()
        else:
            shards = None if counts is None else open_shards(counts, allow_duplicates, run.budget.room)
            identities = input_identities(inputs, counts, resume)
            training = fingerprint(asdict(settings), encoding, skip_undecodable, identities, __version__)
            work = WorkFolder(last, *work_location(output, tmp, resume), training, resume)
            if tmp is not None:
                work.check()
            model = run.learn_text(run.count(shards, work), work.checkpoints)
        if counts is None and base is None and 0 < report.symbols < LITTLE_TEXT:
            advice = f"a model needs {LITTLE_TEXT:,} at least; base='default' learns from little text"
            warnings.warn(f"only {report.symbols:,} symbols: {advice}", LittleTextWarning, stacklevel=2)
        model.card["corpus"] = report.corpus_entry()
        if output is not None and folder is not None:
            with watch.stage("write"):
                write_model(model, folder)
                model = load_written(folder, output)
    return Segmenter(model)


def _open_base(base: str | os.PathLike[str], settings: TrainingSettings) -> Model:
    """Open the model to continue from."""
    plain = TrainingSettings(**{name: getattr(settings, name) for name in _ABOUT_LINES})
    for name, value in asdict(settings).items():
        if value != getattr(plain, name):
            flag = flag_of(name)
            raise UsageError(f"--base: the parameters are those of the base model: leave out {flag}, or --base")
    return load_model(find_model(base))


@dataclass(frozen=True)
class _Training:
    """One training: a method for each stage."""

    settings: TrainingSettings
    text: TextInput
    workers: int
    budget: Budget
    engine: Engine | None
    watch: Progress
    report: TrainingReport

    def adapt(self, base: Model) -> Model:
        """Continue a model with the words of the text."""
        with self.text.open(self.watch, self.report.reading) as blocks:
            corpus = collect_corpus(blocks, base.folds, self.budget)
        self.report.record(corpus)
        with self.watch.stage("adapt", PASSES * corpus.stats.positions, "sym") as step:
            adapted = adapt_model(base, corpus, self.workers, step, TRAINING_SHARE, TRAINING_MOST)
        self.report.words = len(adapted.words)
        adapted.card["base"] = {name: base.card.get(name) for name in ("base", "corpus", "name") if name in base.card}
        for name in ("name", "sources"):
            adapted.card.pop(name, None)
        return adapted

    def learn_list(self) -> Model:
        """Read a word list and run the stages behind counting."""
        settings = self.settings
        with self.text.open(self.watch, self.report.reading) as blocks:
            digested = Digested(blocks)
            words = list_words(read_word_counts(digested), settings.max_word_len, settings.fold)
        self.report.digest, self.report.left_out = digested.digest.hexdigest(), words.left_out
        with self.watch.stage("count"):
            whole = words.corpus.whole()
            counts = count_stream(whole.stream, whole.codes, settings.max_word_len + 1, self.workers)
        return self.learn_text(Counted(words.corpus, counts), Checkpoints(), words)

    def count(self, shards: Sequence[Shard] | None, work: WorkFolder) -> Counted:
        """Read and count the text, or add up shards."""
        settings, where = self.settings, (self.watch, self.report.reading)
        order = max(settings.max_word_len + 1, settings.lm_order if settings.needs_lm else 0)
        least = 1 if settings.needs_lm else min(settings.min_count, 2)  # rarer n-grams make no difference
        counting = Counting(order, settings.fold, work, self.budget, self.workers, least, keep=True)
        if shards is not None:
            counted = counting.add_up(shards, *where)
        else:
            counted = counting.count(self.text, *where, self.engine)
        self.report.record(counted.corpus)
        return counted

    def learn_text(self, counted: Counted, checkpoints: Checkpoints, words: WordList | None = None) -> Model:
        """Run the stages behind counting; `words` is the word list whose words were counted."""
        settings, corpus = self.settings, counted.corpus
        least = settings.least_count(corpus.stats.symbols) if words is None else 1
        candidates = self.score(counted, least, checkpoints)
        if words is None:
            self.report.candidates = len(candidates)
        lm = self.estimate(counted)
        del counted  # frees the counts
        method = importlib.import_module(METHODS[settings.method][1])
        total = settings.all_passes * corpus.stats.positions if settings.method == "unigram" else None
        with self.watch.stage("lexicon", total, "sym") as step:
            engine, counts = self.engine or Threads(self.workers), None if words is None else words.counts
            learned: Learned = method.learn(
                corpus, candidates, settings, Resources(engine, step, checkpoints, lm, counts)
            )
        return self.build(corpus, candidates, learned, lm)

    def score(self, counted: Counted, least: int, checkpoints: Checkpoints) -> Candidates:
        """Score the n-grams that are frequent enough."""
        saved, longest = checkpoints.load("candidates"), self.settings.max_word_len
        known = None if saved is None else Candidates.from_arrays(saved, counted.ngrams.codes, longest)
        if known is not None:
            candidates = known
        else:
            with self.watch.stage("score"):
                candidates = score(counted.ngrams, self.settings.max_word_len, least, self.workers)
                checkpoints.save("candidates", **candidates.to_arrays())
        self.budget.check(len(candidates), min(counted.corpus.stats.symbols, SAMPLED))
        return candidates

    def estimate(self, counted: Counted) -> LanguageModel | None:
        """Estimate the language model, if the settings ask for one."""
        if not self.settings.needs_lm:
            return None
        with self.watch.stage("lm"):
            ngrams = gather(counted.ngrams, self.budget.check_ngrams)
            lm = estimate(ngrams, self.settings.lm_order, workers=self.workers)
            lm.card["parameters"]["fold"] = self.settings.fold
        return lm

    def build(self, corpus: Corpus, candidates: Candidates, learned: Learned, lm: LanguageModel | None) -> Model:
        """Build the model, and fit the tagger and the scores of unknown words where boundaries are known."""
        settings, fits = self.settings, learned.has_boundaries
        # weights of other methods are on another scale than the scores of unknown words
        unknown_len = min(settings.unknown_len, settings.max_word_len) if fits else 0
        parameters = asdict(replace(settings, unknown_len=unknown_len))
        card: dict[str, object] = {"decoder": learned.decoder, "parameters": parameters, "segtool_version": __version__}
        with self.watch.stage("build"):
            model = build_model(candidates, learned, card, settings, corpus, lm)
        if fits and settings.parts_weight:
            with self.watch.stage("parts", corpus.stats.positions, "sym") as step:
                engine = self.engine or Threads(self.workers)
                model = weigh_parts(model, corpus, settings.parts_weight, engine, step)
        if fits:
            model = pool_numbers(model, MODEL_PATIENCE)
        self.report.words = len(model.words)
        return model

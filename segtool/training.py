"""Training, stage by stage: read → runs → counts → scores → lexicon → model.

:func:`train` runs the stages one after the other and reports on each; every stage is a function of
the arrays of the one before and can be called alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np

from segtool import __version__, corpus
from segtool.counts import count_stream, spell
from segtool.decode import NO_WORD, WEIGHT_UNIT
from segtool.errors import CorpusError, UsageError
from segtool.files import atomic_directory
from segtool.lexicon import Lexicon, LexiconSettings, fit_lexicon
from segtool.model import CARD, Model, load_model, word_record, write_model
from segtool.progress import Progress, StageReport
from segtool.runs import RunCollector, Runs
from segtool.scores import Candidates, score
from segtool.segmenter import Segmenter
from segtool.trie import build_trie

__all__ = ["TrainingReport", "TrainingSettings", "build_model", "read_runs", "train", "train_model"]


@dataclass(frozen=True)
class TrainingSettings(LexiconSettings):
    """All parameters of the method: those of the lexicon and these.

    Attributes
    ----------
    min_count : int
        N-grams of two symbols or more that are rarer are no candidates.
    max_word_len : int
        Longest word, in symbols; 1 to 15.
    sample : float
        Share of the lines to train on, 0 to 1; which ones is drawn at random.
    seed : int
        Of that draw. Nothing else in training is random.
    """

    min_count: int = 2
    max_word_len: int = 6
    sample: float = 1.0
    seed: int = 0

    def checked(self) -> TrainingSettings:
        """Return the settings themselves if they make sense.

        Raises
        ------
        UsageError
            Naming the first flag that does not.
        """
        limits = {
            "min_count": (1, 1 << 31),
            "max_word_len": (1, 15),
            "sample": (1e-9, 1.0),
            "seed": (0, 1 << 63),
            "length_penalty": (0.0, 10.0),
            "variation_weight": (-5.0, 5.0),
            "entropy_weight": (0.0, 100.0),
            "entropy_floor": (0.0, 100.0),
            "passes": (1, 1000),
            "min_expected": (0.0, 1e18),
        }
        for each in fields(self):
            low, high = limits[each.name]
            if not low <= getattr(self, each.name) <= high:
                flag = "--" + each.name.replace("_", "-")
                raise UsageError(f"{flag} {getattr(self, each.name)}: choose {low:g} to {high:g}")
        return self


@dataclass
class TrainingReport:
    """What a training read and made.

    Attributes
    ----------
    reading : corpus.ReadReport
        Files, lines, characters, and the lines that could not be read.
    runs, symbols, ngram_types, candidates, words : int
        Sizes of what each stage made.
    stages : list of StageReport
        Seconds and peak memory of each stage.
    """

    reading: corpus.ReadReport = field(default_factory=corpus.ReadReport)
    runs: int = 0
    symbols: int = 0
    ngram_types: int = 0
    candidates: int = 0
    words: int = 0
    stages: list[StageReport] = field(default_factory=list)


def train(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    texts: Iterable[str] | None = None,
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
    watch = Progress(progress, report.stages)
    if workers is None:
        workers = available_workers()
    if workers < 1:
        raise UsageError(f"{workers} workers: choose 1 or more (-j)")
    with ExitStack() as stack:
        # entered first, so that a place that cannot be written is known before hours of work
        folder = None if output is None else stack.enter_context(atomic_directory(output, marker=CARD))
        runs, digest = _read(inputs, texts, encoding, skip_undecodable, settings, watch, report.reading)
        model = train_model(runs, settings, workers, watch, report)
        model.card["corpus"] = {
            "characters": report.reading.characters,
            "digest": digest,
            "lines": report.reading.lines,
            "runs": runs.count,
            "symbols": runs.symbols,
        }
        if folder is not None:
            with watch.stage("write"):
                write_model(model, folder)
    return Segmenter(model if output is None else load_model(output))


def _read(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    texts: Iterable[str] | None,
    encoding: str,
    skip_undecodable: bool,
    settings: TrainingSettings,
    watch: Progress,
    reading: corpus.ReadReport,
) -> tuple[Runs, str]:
    if texts is not None:
        with watch.stage("read"):
            return read_runs(_texts_as_blocks(texts, reading), settings)
    names = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs or ())
    sources = corpus.find_sources(names)
    with watch.stage("read", corpus.total_size(sources), "B") as step:
        blocks = corpus.read_blocks(
            sources, encoding=encoding, skip_undecodable=skip_undecodable, report=reading, progress=step
        )
        return read_runs(blocks, settings)


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


def read_runs(blocks: Iterable[str], settings: TrainingSettings) -> tuple[Runs, str]:
    """Turn text into runs, a sample of its lines if so set.

    Parameters
    ----------
    blocks : iterable of str
        A block ends every run.
    settings : TrainingSettings

    Returns
    -------
    runs : Runs
    digest : str
        SHA-256 of the text that was taken, as UTF-8.

    Raises
    ------
    CorpusError
        If there is no text, or no Han character in it.
    """
    collector = RunCollector()
    digest = hashlib.sha256()
    draw = np.random.default_rng(settings.seed)
    read = False
    for block in blocks:
        if settings.sample < 1.0:
            lines = block.split("\n")
            taken = draw.random(len(lines)) < settings.sample
            block = "\n".join(line for line, take in zip(lines, taken, strict=True) if take)
        read = read or bool(block)
        digest.update(block.encode("utf-8", "surrogatepass"))
        collector.add(block)
    runs = collector.runs()
    if not read:
        raise CorpusError("the corpus is empty: pass a file with Chinese text (or a larger --sample)")
    if not np.any(runs.codes[runs.stream] > 2):
        raise CorpusError("the corpus holds no Han character: pass Chinese text, and --encoding if it is not in UTF-8")
    return runs, digest.hexdigest()


def train_model(
    runs: Runs,
    settings: TrainingSettings,
    workers: int,
    watch: Progress,
    report: TrainingReport | None = None,
) -> Model:
    """Run the stages behind reading.

    Parameters
    ----------
    runs : Runs
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
    with watch.stage("count"):
        counts = count_stream(runs.stream, runs.codes, settings.max_word_len + 1, workers)
    report.runs, report.symbols = runs.count, runs.symbols
    report.ngram_types = sum(len(level) for level in counts.levels) - 1
    with watch.stage("score"):
        candidates = score(counts, settings.max_word_len, settings.min_count, workers)
        del counts
    report.candidates = len(candidates)
    with watch.stage("lexicon", settings.passes * len(runs.stream), "sym") as step:
        lexicon = fit_lexicon(runs.stream, candidates, settings, workers, step)
    report.words = len(lexicon.weight)
    card: dict[str, object] = {"parameters": asdict(settings), "segtool_version": __version__}
    return build_model(candidates, lexicon, card)


def build_model(candidates: Candidates, lexicon: Lexicon, card: dict[str, object]) -> Model:
    """Lay out a lexicon for decoding.

    Parameters
    ----------
    candidates : Candidates
        From which the lexicon was fitted.
    lexicon : Lexicon
    card : dict
        Entries of the model's card.

    Returns
    -------
    Model
    """
    levels = candidates.levels
    unknown = len(levels[0])
    wanted = [np.zeros(len(level), np.bool_) for level in levels]
    for k, mask in enumerate(wanted, 1):
        mask[lexicon.place[lexicon.level == k]] = True
    base, check, nodes = build_trie(
        [np.append(levels[0].symbol, np.uint16(unknown)), *(level.symbol for level in levels[1:])],
        [np.append(levels[0].parent, np.int32(0)), *(level.parent for level in levels[1:])],
        [np.append(wanted[0], True), *wanted[1:]],
    )
    units = np.zeros((len(base), 4), np.int32)
    units[:, 0], units[:, 1], units[:, 2] = base, check, NO_WORD
    units[unknown, 2] = round(lexicon.unknown_weight * WEIGHT_UNIT)
    words = np.zeros(len(lexicon.weight), word_record(len(levels)))
    for k in range(1, len(levels) + 1):
        here = lexicon.level == k
        at = lexicon.place[here]
        level = levels[k - 1]
        units[nodes[k - 1][at], 2] = np.rint(lexicon.weight[here] * WEIGHT_UNIT)
        words["symbols"][here, :k] = spell(levels, k, at)
        words["length"][here] = k
        for name in ("count", "cohesion", "left_entropy", "right_entropy"):
            words[name][here] = getattr(level, name)[at]
    words["expected"], words["weight"] = lexicon.expected, lexicon.weight
    return Model(candidates.codes, units.ravel(), words, card)

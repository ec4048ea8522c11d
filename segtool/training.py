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
from typing import Any

import numpy as np
import numpy.typing as npt

from segtool import __version__, corpus
from segtool.cards import CARD
from segtool.cohesion import cohesion_lexicon
from segtool.counts import count_stream, spell
from segtool.decode import NO_WORD, WEIGHT_UNIT
from segtool.decoders import cut_runs, decoder_of
from segtool.dictionary import count_words, frequency_lexicon, lexicon_of_list
from segtool.entropy import entropy_lexicon
from segtool.errors import CorpusError, UsageError
from segtool.faces import odd_spellings
from segtool.files import atomic_directory
from segtool.kneser_ney import estimate
from segtool.lexicon import Lexicon, fit_lexicon
from segtool.lm import LanguageModel
from segtool.model import Model, load_model, word_record, write_model
from segtool.progress import Progress, StageReport
from segtool.runs import RunCollector, Runs
from segtool.scores import Candidates, score
from segtool.segmenter import Segmenter
from segtool.settings import TrainingSettings
from segtool.trie import build_trie
from segtool.wordlist import read_word_counts

__all__ = ["TrainingReport", "TrainingSettings", "build_model", "read_runs", "train", "train_model"]

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
        with _blocks(inputs, texts, encoding, skip_undecodable, watch, report.reading) as blocks:
            digested = Digested(_sampled(blocks, settings))
            if settings.method == "dict":
                model = _model_of_list(digested, settings, workers, report)
            else:
                runs = read_runs(digested, settings.fold)
        if settings.method != "dict":
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


def read_runs(blocks: Iterable[str], fold: bool = True) -> Runs:
    """Turn text into runs.

    Parameters
    ----------
    blocks : iterable of str
        A block ends every run.
    fold : bool
        Whether characters that fold to one count as one, as the model's settings say.

    Returns
    -------
    Runs

    Raises
    ------
    CorpusError
        If there is no text, or no Han character in it.
    """
    collector = RunCollector(fold)
    read = False
    for block in blocks:
        read = read or bool(block)
        collector.add(block)
    runs = collector.runs()
    if not read:
        raise CorpusError("the corpus is empty: pass a file with Chinese text (or a larger --sample)")
    if not np.any(runs.codes[runs.stream] > 2):
        raise CorpusError("the corpus holds no Han character: pass Chinese text, and --encoding if it is not in UTF-8")
    return runs


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
    by_tags = settings.method == "lm"
    with_lm = by_tags or settings.with_lm
    order = max(settings.max_word_len + 1, settings.lm_order if with_lm else 0)
    with watch.stage("count"):
        counts = count_stream(runs.stream, runs.codes, order, workers)
    report.runs, report.symbols = runs.count, runs.symbols
    report.ngram_types = sum(len(level) for level in counts.levels) - 1
    with watch.stage("score"):
        candidates = score(counts, settings.max_word_len, settings.min_count, workers)
    lm = None
    if with_lm:
        with watch.stage("lm"):
            lm = estimate(counts, settings.lm_order, workers=workers)
            lm.card["parameters"]["fold"] = settings.fold
    del counts
    report.candidates = len(candidates)
    total = settings.all_passes * (len(runs.stream) - 1) if settings.method == "unigram" else None
    decoder = "lattice"
    with watch.stage("lexicon", total, "sym") as step:
        if settings.method == "unigram":
            decoding = words = fit_lexicon(runs.stream, candidates, settings, workers, step)
        elif settings.method == "cohesion":
            decoding, words = cohesion_lexicon(runs.stream, candidates, settings)
            decoder = "pairs" if settings.cohesion_revision == 2015 else decoder
        else:
            decoder = "tags" if by_tags else decoder
            decoding = NO_LEXICON if by_tags else entropy_lexicon(candidates, settings)
            cut = decoder_of(build_model(candidates, decoding, NO_LEXICON, _card(settings, decoder), lm))
            joined = cut_runs(cut, runs, settings.max_word_len)
            words = frequency_lexicon(count_words(runs.stream, joined, candidates))
            decoding = words if by_tags else decoding
    report.words = len(words.weight)
    return build_model(candidates, decoding, words, _card(settings, decoder), lm, runs)


def _card(settings: TrainingSettings, decoder: str) -> dict[str, object]:
    return {"decoder": decoder, "parameters": asdict(settings), "segtool_version": __version__}


def build_model(
    candidates: Candidates,
    lexicon: Lexicon,
    words: Lexicon,
    card: dict[str, object],
    lm: LanguageModel | None = None,
    runs: Runs | None = None,
    spelling: npt.NDArray[np.int32] | None = None,
    tags: npt.NDArray[np.int32] | None = None,
) -> Model:
    """Lay out a lexicon for decoding.

    Parameters
    ----------
    candidates : Candidates
        From which the lexicons were made.
    lexicon : Lexicon
        What text is cut by.
    words : Lexicon
        What the model says of its words; for most methods the same.
    card : dict
        Entries of the model's card.
    lm : LanguageModel, optional
        For the decoder that needs one.
    runs : Runs, optional
        Tells how words are written in the text; without it they are shown as they are counted.
    spelling : ndarray of int32, shape (4 * (symbols + 1),), optional
        Scores of unknown words.
    tags : ndarray of int32, shape (nodes,), optional
        The tagger's weights of each node of the trie.

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
    if tags is not None:
        units[:, 3] = tags
    if spelling is None:
        spelling = np.zeros(4 * (unknown + 1), np.int32)
    units[unknown, 2] = max(round(lexicon.unknown_weight * WEIGHT_UNIT), NO_WORD + 1)
    for k in range(1, len(levels) + 1):
        here = lexicon.level == k
        steps = np.rint(lexicon.weight[here] * WEIGHT_UNIT)
        units[nodes[k - 1][lexicon.place[here]], 2] = np.clip(steps, NO_WORD + 1, -NO_WORD - 1)
    faces = candidates.codes if runs is None else runs.faces
    spellings = odd_spellings(runs, candidates, words)
    table = _word_table(candidates, words)
    return Model(candidates.codes, faces, units.ravel(), spelling, table, spellings, card, lm=lm)


def _word_table(candidates: Candidates, words: Lexicon) -> npt.NDArray[Any]:
    levels = candidates.levels
    table = np.zeros(len(words.weight), word_record(len(levels)))
    for k in range(1, len(levels) + 1):
        here = words.level == k
        at = words.place[here]
        table["symbols"][here, :k] = spell(levels, k, at)
        table["length"][here] = k
        for name in ("count", "cohesion", "left_entropy", "right_entropy"):
            table[name][here] = getattr(levels[k - 1], name)[at]
    table["expected"], table["weight"] = words.expected, words.weight
    return table

"""segtool: learns to segment Chinese text into words from raw text alone.

>>> import segtool
>>> seg = segtool.train("data/sample", "sample.model")
>>> seg = segtool.load("sample.model")
>>> seg.cut("医生说今天要休息")
['医生', '说', '今天', '要', '休息']

The import only defines names; the calls that need numpy and numba load them.
"""

from __future__ import annotations

import os
import sys

if os.path.basename("".join(sys.argv[:1])) in ("segtool", "segtool.exe") or (
    sys.argv[:1] == ["-m"] and "segtool" in sys.orig_argv
):
    # This process is the command.
    import atexit
    import gc
    import signal

    # To look for circular garbage is a tenth of the time of the imports, and as much at the end.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy would start threads that nothing here uses
    # Ctrl-C ends it silently until segtool.cli.interrupts handles it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        try:  # noqa: SIM105  # another import would take time, in which Ctrl-C gives a traceback
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        except ValueError:  # not the main thread, so not the command
            pass

import importlib
import logging
from typing import TYPE_CHECKING, Any

from segtool.errors import (
    ArgumentError,
    CorpusError,
    DataError,
    EncodingError,
    InputError,
    MismatchError,
    ModelError,
    OutputError,
    SegtoolError,
    UsageError,
)

if TYPE_CHECKING:
    from segtool.box import cut, lcut
    from segtool.evaluation import Evaluation, evaluate, evaluate_files
    from segtool.ngrams.count_stage import count
    from segtool.segmenter import Segmenter, load
    from segtool.settings import TrainingSettings
    from segtool.tokens import Cut, SearchToken, Token
    from segtool.training import TrainingReport, train

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "CorpusError",
    "Cut",
    "DataError",
    "EncodingError",
    "Evaluation",
    "InputError",
    "MismatchError",
    "ModelError",
    "OutputError",
    "SearchToken",
    "Segmenter",
    "SegtoolError",
    "Token",
    "TrainingReport",
    "TrainingSettings",
    "UsageError",
    "__version__",
    "count",
    "cut",
    "evaluate",
    "evaluate_files",
    "lcut",
    "load",
    "train",
]

logging.getLogger("segtool").addHandler(logging.NullHandler())

_HOMES = {
    "Cut": "tokens",
    "Evaluation": "evaluation",
    "count": "ngrams.count_stage",
    "cut": "box",
    "evaluate": "evaluation",
    "evaluate_files": "evaluation",
    "SearchToken": "tokens",
    "Segmenter": "segmenter",
    "Token": "tokens",
    "lcut": "box",
    "load": "segmenter",
    "TrainingReport": "training",
    "TrainingSettings": "settings",
    "train": "training",
}


if not TYPE_CHECKING:  # type checkers would accept any name

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(importlib.import_module(f"segtool.{_HOMES[name]}"), name)
        raise AttributeError(f"module 'segtool' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

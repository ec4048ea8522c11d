"""What `import segtool` provides and what it leaves alone."""

import json
import logging
import re
import subprocess
import sys
import types

import pytest

import segtool
from segtool import errors
from tests.helpers import ROOT, TIMEOUT, environment

PUBLIC = [
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


def python(code):
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment(), timeout=TIMEOUT)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


# The names


def test_public_names():
    assert segtool.__all__ == PUBLIC == sorted(PUBLIC)
    assert dir(segtool) == PUBLIC


def test_public_names_are_there():
    """In whatever order they are asked for."""
    for name in PUBLIC:
        assert not isinstance(getattr(segtool, name), types.ModuleType)
    code = f"import segtool as s; print([name for name in {PUBLIC[::-1]} if type(getattr(s, name)) is type(s)])"
    assert python(code) == "[]\n", "modules"


def test_star_import():
    names = set(json.loads(python("from segtool import *; import json as j; print(j.dumps(dir()))")))
    assert set(PUBLIC) <= names


def test_public_functions_are_no_modules():
    """Even when a module with almost the same name is imported first."""
    assert python("import segtool.evaluation, segtool; print(callable(segtool.evaluate))") == "True\n"
    assert python("import segtool.training, segtool; print(callable(segtool.train))") == "True\n"
    assert python("import segtool.ngrams.counter, segtool; print(callable(segtool.count))") == "True\n"


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="tokenise"):
        _ = segtool.tokenise
    assert not hasattr(segtool, "box_cut")


def test_every_public_name_is_documented():
    for name in PUBLIC:
        if name != "__version__":
            assert (getattr(segtool, name).__doc__ or "").strip(), name


def test_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", segtool.__version__)


def test_typed():
    assert (ROOT / "segtool" / "py.typed").is_file()


# The errors


ERRORS = [name for name in errors.__all__ if not issubclass(getattr(errors, name), Warning)]


def test_errors_are_a_tree():
    tree = {name: getattr(errors, name).__mro__ for name in ERRORS}
    assert all(errors.SegtoolError in bases for bases in tree.values())
    for name, bases in tree.items():
        if name not in ("SegtoolError", "UsageError", "ArgumentError"):
            assert errors.DataError in bases
    assert issubclass(errors.EncodingError, errors.InputError)
    assert issubclass(errors.UsageError, ValueError)
    assert issubclass(errors.ArgumentError, errors.UsageError)
    assert issubclass(errors.ArgumentError, TypeError)
    assert {getattr(segtool, name) for name in ERRORS} == {getattr(errors, name) for name in ERRORS}


def test_exit_codes():
    for name in ERRORS:
        assert getattr(errors, name).exit_code == (2 if name in ("UsageError", "ArgumentError") else 1)


# The import


def test_import_prints_nothing_and_loads_nothing_heavy():
    code = "import segtool, sys; print({'numpy', 'numba', 'llvmlite', 'click', 'tqdm'} & {*sys.modules})"
    assert python(code) == "set()\n"
    assert python("import segtool") == ""
    assert python("import segtool; segtool.SegtoolError; segtool.__version__; dir(segtool)") == ""


def test_import_leaves_logging_alone():
    code = """
import logging, warnings
before = logging.root.handlers[:], logging.root.level, warnings.filters[:]
import segtool
assert (logging.root.handlers[:], logging.root.level, warnings.filters[:]) == before
logger = logging.getLogger("segtool")
print([type(handler).__name__ for handler in logger.handlers], logger.level, logger.propagate)
"""
    assert python(code) == f"['NullHandler'] {logging.NOTSET} True\n"


def test_import_leaves_signals_and_threads_alone():
    code = """
import signal, threading
before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
import segtool, segtool.segmenter, segtool.decode.streaming, segtool.cli.main
assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
print(threading.active_count())
"""
    assert python(code) == "1\n"


def test_loading_and_a_short_cut_do_without_the_compiler():
    code = """
import sys
import segtool.segmenter, segtool.store.model, segtool.decode.streaming, segtool.evaluation
print({"numba", "llvmlite"} & {*sys.modules})
"""
    assert python(code) == "set()\n"

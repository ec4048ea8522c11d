"""What the tests of output files and folders share."""

import os
import stat

import pytest

from segtool.errors import InputError, OutputError


class Stop(BaseException):
    """Stands for whatever else may end a block."""


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def message_of(caught):
    message = str(caught.value)
    assert "\n" not in message
    return message


def entering(context):
    with pytest.raises(OutputError) as caught, context:
        pytest.fail("the block ran")
    return message_of(caught)


def watch(monkeypatch, last):
    """List the sizes of the files that are synced, and the last step."""
    steps: list[int | str] = []
    fsync, real = os.fsync, getattr(os, last)

    def watched_fsync(handle):
        steps.append(os.fstat(handle).st_size)
        fsync(handle)

    def watched_last(*paths):
        steps.append(last)
        real(*paths)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, last, watched_last)
    return steps


def failing(number, filename=None):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number), filename)

    return fail


ENDINGS = [
    ValueError("body"),
    KeyboardInterrupt(),
    SystemExit(3),
    Stop(),
    BrokenPipeError(),
    InputError("in"),
]

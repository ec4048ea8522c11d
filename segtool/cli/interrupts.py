"""Ctrl-C: a KeyboardInterrupt while a command runs; silent before and after, as ``segtool/__init__.py`` sets it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["interruptible", "was_interrupted"]

AGAIN_AFTER = 0.01
"""Seconds after which a lost interrupt comes again."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at Ctrl-C in the block, if it would end the process silently outside."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_DFL:
        yield
        return
    sys.unraisablehook = _interrupt_again
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    """Send a signal anew that came where no exception can be raised, as in the callback of a weak reference."""
    ended = isinstance(lost.exc_value, SystemExit) and lost.exc_value.code == 128 + signal.SIGTERM
    if ended or lost.exc_type is KeyboardInterrupt:
        number = signal.SIGTERM if ended else signal.SIGINT
        threading.Timer(AGAIN_AFTER, os.kill, (os.getpid(), number)).start()
    else:
        sys.__unraisablehook__(lost)


def was_interrupted(error: BaseException | None) -> bool:
    """Whether an error comes from an interrupt, such as the ImportError of a C library whose import was interrupted."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False

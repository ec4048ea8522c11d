"""Adapters to other libraries: one module for each, with the name of the library.

Nothing imports them by itself, and each needs the extra of its name; :mod:`segtool.integrations.jieba` and
:mod:`segtool.integrations.sqlite` need none.
"""

from __future__ import annotations

import os
from typing import TypeAlias

from segtool.errors import needs_extra
from segtool.segmenter import Segmenter, load
from segtool.tokens import has_letters

__all__ = ["ModelOrPath", "has_letters", "needs_extra", "segmenter_of"]

ModelOrPath: TypeAlias = str | os.PathLike[str] | Segmenter
"""A segmenter, or a name or path as :func:`segtool.load` takes it."""


def segmenter_of(model: ModelOrPath) -> Segmenter:
    """Load a model, unless it is a segmenter already."""
    return model if isinstance(model, Segmenter) else load(model)

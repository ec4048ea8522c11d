"""KenLM binaries, which are queried through the ``kenlm`` package.

Their hash tables hold no words, so that nothing can turn them back into a list of n-grams.
"""

from __future__ import annotations

import itertools
import os
import re

import numpy as np
import numpy.typing as npt

from segtool.errors import ModelError
from segtool.lm.arpa import word_of
from segtool.lm.language_model import Scorer
from segtool.runtime.arrays import Places, Singles

__all__ = ["MAGIC", "KenLM", "is_binary"]

MAGIC = b"mmap lm http://kheafield.com/code"
"""First bytes of a KenLM binary."""
_COMMON = "的一是不了在有人"


class KenLM(Scorer):
    """A model of characters, a KenLM binary or an ARPA file, that the ``kenlm`` package queries."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            import kenlm
        except ImportError:
            raise ModelError(
                f"{path}: a KenLM binary needs the extra kenlm, which a C++ compiler builds: "
                "pip install 'segtool[kenlm]'; an ARPA file does not"
            ) from None
        config = kenlm.Config()
        config.show_progress = False
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        try:
            self._model = kenlm.Model(os.fspath(path), config)
        except (OSError, RuntimeError) as error:
            reason = re.sub(r"^.* threw \w+( because `[^']*')?\W*", "", " ".join(str(error).split())).rstrip(" .)")
            raise ModelError(f"{path}: KenLM cannot open it ({reason}): build it again with build_binary") from None
        if not any(character in self._model for character in _COMMON):
            raise ModelError(f"{path}: knows none of {_COMMON} as a word: pass a model of characters")
        self.order = int(self._model.order)

    def score_codes(self, codes: Places) -> tuple[Singles, npt.NDArray[np.bool_]]:
        """See :class:`segtool.lm.language_model.Scorer`."""
        log10, unknown = np.zeros(len(codes), np.float32), np.zeros(len(codes), np.bool_)
        ends = np.flatnonzero(codes == 0).tolist()
        for low, high in itertools.pairwise(ends):
            sentence = " ".join(map(word_of, codes[low + 1 : high].tolist()))
            for i, (score, _, is_unknown) in enumerate(self._model.full_scores(sentence), low + 1):
                log10[i], unknown[i] = score, is_unknown
        return log10, unknown


def is_binary(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a KenLM binary, by its first bytes."""
    if not os.path.isfile(path):  # a pipe can be read only once
        return False
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False  # reading it later raises the error

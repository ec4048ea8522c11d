"""spaCy: a tokenizer for pipelines, registered as ``segtool.v1`` (extra ``spacy``).

::

    [nlp.tokenizer]
    @tokenizers = "segtool.v1"
    model = "default"

An entry point of the package registers it too, so a pipeline on disk loads without an import of this module.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from segtool.integrations import ModelOrPath, needs_extra, segmenter_of
from segtool.segmenter import Segmenter
from segtool.store.model import DEFAULT

with needs_extra("spacy"):
    import srsly
    from spacy.tokens import Doc
    from spacy.util import DummyTokenizer, get_words_and_spaces, registry

__all__ = ["SpacyTokenizer", "create_tokenizer"]

_FOLDER = "model"


class SpacyTokenizer(DummyTokenizer):
    """Makes a Doc of a text: tokens are words and whitespace other than single spaces, so that no character is lost.

    It is written with the whole model, or with the name alone for the included model.

    Parameters
    ----------
    vocab : spacy.vocab.Vocab
    model : str, path or Segmenter

    Examples
    --------
    >>> import spacy
    >>> from segtool.integrations.spacy import SpacyTokenizer
    >>> tokenizer = SpacyTokenizer(spacy.blank("zh").vocab)
    >>> [token.text for token in tokenizer("我们去公园")]
    ['我们', '去', '公园']
    """

    def __init__(self, vocab: Any, model: ModelOrPath = DEFAULT) -> None:
        self.vocab = vocab
        self.segmenter = segmenter_of(model)

    def __call__(self, text: str) -> Any:
        """Make the Doc of a text."""
        words, spaces = get_words_and_spaces(self.segmenter.cut(text), text)
        return Doc(self.vocab, words=words, spaces=spaces)

    def __reduce__(self) -> tuple[Any, ...]:
        return SpacyTokenizer, (self.vocab, self.segmenter)

    def to_disk(self, path: str | os.PathLike[str], **_: Any) -> None:
        """Write the model into a folder.

        Examples
        --------
        >>> import spacy
        >>> from segtool.integrations.spacy import SpacyTokenizer
        >>> tokenizer = SpacyTokenizer(spacy.blank("zh").vocab)
        >>> tokenizer.to_disk("tokenizer")
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        srsly.write_json(folder / "tokenizer.json", {"model": DEFAULT if self._is_included() else _FOLDER})
        if not self._is_included():
            self.segmenter.save(folder / _FOLDER)

    def from_disk(self, path: str | os.PathLike[str], **_: Any) -> SpacyTokenizer:
        """Load the model that :meth:`to_disk` wrote.

        Examples
        --------
        >>> import spacy
        >>> from segtool.integrations.spacy import SpacyTokenizer
        >>> tokenizer = SpacyTokenizer(spacy.blank("zh").vocab)
        >>> tokenizer.to_disk("tokenizer")
        >>> [token.text for token in tokenizer.from_disk("tokenizer")("我们去公园")]
        ['我们', '去', '公园']
        """
        name = srsly.read_json(Path(path) / "tokenizer.json")["model"]
        self.segmenter = segmenter_of(name if name == DEFAULT else Path(path) / name)
        return self

    def to_bytes(self, **_: Any) -> bytes:
        """Give the files that :meth:`to_disk` writes.

        Examples
        --------
        >>> import spacy
        >>> from segtool.integrations.spacy import SpacyTokenizer
        >>> tokenizer = SpacyTokenizer(spacy.blank("zh").vocab)
        >>> len(tokenizer.to_bytes())
        41
        """
        with tempfile.TemporaryDirectory() as folder:
            self.to_disk(folder)
            files = {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in sorted(Path(folder).rglob("*"))
                if path.is_file()
            }
        packed: bytes = srsly.msgpack_dumps(files)
        return packed

    def from_bytes(self, data: bytes, **_: Any) -> SpacyTokenizer:
        """Load what :meth:`to_bytes` gave.

        Examples
        --------
        >>> import spacy
        >>> from segtool.integrations.spacy import SpacyTokenizer
        >>> tokenizer = SpacyTokenizer(spacy.blank("zh").vocab)
        >>> [token.text for token in tokenizer.from_bytes(tokenizer.to_bytes())("我们去公园")]
        ['我们', '去', '公园']
        """
        with tempfile.TemporaryDirectory() as folder:
            for name, content in srsly.msgpack_loads(data).items():
                (Path(folder) / name).parent.mkdir(exist_ok=True)
                (Path(folder) / name).write_bytes(content)
            self.from_disk(folder)
            if not self._is_included():
                # The memory maps outlast their files; a copy of the model would not find them by its path.
                self.segmenter = Segmenter(replace(self.segmenter.model, path=None))
        return self

    def _is_included(self) -> bool:
        model = self.segmenter.model
        return model.is_included and not {"granularity", "tokens"} & model.card.keys()


@registry.tokenizers("segtool.v1")
def create_tokenizer(model: str = DEFAULT, granularity: float | None = None) -> Callable[[Any], SpacyTokenizer]:
    """Make the tokenizer that the entry ``[nlp.tokenizer]`` of a configuration describes.

    Parameters
    ----------
    model : str
        As :func:`segtool.load` takes it.
    granularity : float or None
        As of :meth:`segtool.Segmenter.with_granularity`.

    Returns
    -------
    callable
        Takes the ``Language`` and gives its tokenizer.

    Examples
    --------
    >>> import spacy
    >>> from segtool.integrations.spacy import create_tokenizer
    >>> nlp = spacy.blank("zh")
    >>> nlp.tokenizer = create_tokenizer(granularity=-4)(nlp)
    >>> [token.text for token in nlp("图书馆管理员")]
    ['图书馆', '管理员']
    """

    def create(nlp: Any) -> SpacyTokenizer:
        segmenter = segmenter_of(model)
        return SpacyTokenizer(nlp.vocab, segmenter if granularity is None else segmenter.with_granularity(granularity))

    return create

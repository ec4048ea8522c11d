"""SQLite FTS5: functions in SQL that cut text for the index and for queries.

Python's ``sqlite3`` cannot add a tokenizer to FTS5, so the index is given text that is cut: words, and in a second
column the other entries of :meth:`segtool.Segmenter.cut_for_search`. Phrases are looked up among the words.
"""

from __future__ import annotations

import re
import sqlite3

from segtool.integrations import ModelOrPath, has_letters, segmenter_of
from segtool.limits import WITHIN

__all__ = ["register_functions"]


def register_functions(connection: sqlite3.Connection, model: ModelOrPath = "default", within: float = WITHIN) -> None:
    """Give a connection the SQL functions ``segtool_words``, ``segtool_entries`` and ``segtool_query``.

    ``segtool_words(text)`` and ``segtool_entries(text)`` give the words of a text and its other entries, for the
    columns ``words`` and ``entries`` of an FTS5 table. ``segtool_query(text)`` makes the query for ``MATCH``: each word
    must occur, and words between double quotes must follow one another. NULL gives NULL.

    Parameters
    ----------
    connection : sqlite3.Connection
        Triggers that call the functions work in every connection that has them.
    model : str, path or Segmenter
    within : float
        Greatest loss of an entry, in nats.

    Examples
    --------
    >>> import sqlite3
    >>> from segtool.integrations.sqlite import register_functions
    >>> connection = sqlite3.connect(":memory:")
    >>> register_functions(connection)
    >>> connection.execute("SELECT segtool_words('高质量发展'), segtool_query('去公园')").fetchone()
    ('高 质量 发展', '"去" AND "公园"')
    """
    segmenter = segmenter_of(model)

    def words(text: object) -> str | None:
        return None if text is None else " ".join(filter(has_letters, segmenter.cut(str(text))))

    def entries(text: object) -> str | None:
        if text is None:
            return None
        found = segmenter.tokenize(str(text), search=True, within=within)
        return " ".join(each.word for each in found if not each.primary and has_letters(each.word))

    def query(text: object) -> str | None:
        if text is None:
            return None
        parts = []
        for number, part in enumerate(re.split('["“”]', str(text))):  # every other part is between quotes
            found = list(filter(has_letters, segmenter.cut(part)))
            if number % 2 and found:
                parts.append(f'words : "{" ".join(found)}"')
            else:
                parts += [f'"{word}"' for word in found]
        return " AND ".join(parts) or '""'

    for name, function in (("words", words), ("entries", entries), ("query", query)):
        connection.create_function(f"segtool_{name}", 1, function, deterministic=True)

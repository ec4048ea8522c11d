"""Cutting columns of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segtool.arguments import names_checked

if TYPE_CHECKING:
    from segtool.decode.texts import TextCutter

__all__ = ["Columns"]


class Columns:
    """The calls of :class:`segtool.segmenter.Segmenter` for columns of texts."""

    __slots__ = ()

    _cutter: TextCutter

    @names_checked
    def cut_arrow(self, array: Any, workers: int = 1) -> Any:
        """Cut a column of texts, without a Python object for each word.

        Parameters
        ----------
        array : Arrow array or chunked array
            Of strings: of any library with Arrow's interface, such as pyarrow, polars or DuckDB, or a Series of pandas.
        workers : int
            Threads.

        Returns
        -------
        pyarrow.ListArray or pyarrow.ChunkedArray
            The words of each text, null for null: ``list<string>``, or ``large_list<large_string>`` for an array of
            ``large_string`` or ``string_view``.

        Raises
        ------
        ModuleNotFoundError
            If pyarrow is missing; the extra ``arrow`` brings it.
        ArgumentError
            If `array` is no array of strings.
        UsageError
            If `workers` is less than 1.
        DataError
            If the array is damaged, for instance no UTF-8.

        Examples
        --------
        >>> import pyarrow, segtool
        >>> segtool.load().cut_arrow(pyarrow.array(["天气很好", None])).to_pylist()
        [['天气', '很', '好'], None]
        """
        from segtool.decode.arrow import cut_array

        return cut_array(self._cutter, array, workers)

    @names_checked
    def spans_arrow(self, array: Any, unit: str = "character", workers: int = 1) -> Any:
        """Find the places of the words of a column of texts.

        Parameters
        ----------
        array, workers
            As for :meth:`cut_arrow`.
        unit : {"character", "byte"}
            As for :meth:`segtool.segmenter.Segmenter.spans`.

        Returns
        -------
        pyarrow.ListArray or pyarrow.ChunkedArray
            Of each text ``list<struct<start, end>>``, null for null; the numbers are ``int32``, or ``int64`` in a
            ``large_list``.

        Raises
        ------
        ModuleNotFoundError, ArgumentError, DataError
            As for :meth:`cut_arrow`.
        UsageError
            Also if the unit is neither.

        Examples
        --------
        >>> import pyarrow, segtool
        >>> segtool.load().spans_arrow(pyarrow.array(["天气很好"])).to_pylist()
        [[{'start': 0, 'end': 2}, {'start': 2, 'end': 3}, {'start': 3, 'end': 4}]]
        """
        from segtool.decode.arrow import spans_of_array

        return spans_of_array(self._cutter, array, unit, workers)

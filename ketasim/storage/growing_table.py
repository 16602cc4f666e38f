"""Columns that grow together, row by row: samples of signals, spikes, births and deaths of edges."""

from collections.abc import Callable, Mapping
from typing import Any

import h5py
import numpy as np

from ketasim.nested import part_of
from ketasim.storage.content import WRITTEN_UNTIL
from ketasim.storage.datasets import filters

#: Most bytes of a block of rows, which are written together. No chunk has rows of two blocks: a chunk written twice
#: takes its space twice, because a kill must leave the older one intact.
BLOCK_BYTES = 2**23


class GrowingTable:
    """The datasets of a group that can grow, their newest rows in memory until a chunk is full.

    A row is in the file once its key is, which `write` leaves for last. Where a time may have many rows or none, the
    attribute `WRITTEN_UNTIL` says which times are complete, so that the part that a kill may leave is not taken for
    all.

    Parameters
    ----------
    group : h5py.Group
        Has datasets made by `add_column`. A table with rows continues after `restore`.

    Attributes
    ----------
    name : str
        Path of the group.
    last : float
        Key up to which rows were appended, -inf before the first.
    """

    def __init__(self, group: h5py.Group) -> None:
        self.name = group.name
        self.last = -np.inf
        self._attributes = group.attrs
        self._columns = growing_columns(group)
        self._key = key_of(self._columns)
        self._rows_like = {name: (dataset.dtype, dataset.shape[1:]) for name, dataset in self._columns.items()}
        row_bytes = sum(_row_bytes(dataset) for name, dataset in self._columns.items() if name != self._key)
        self._block = power_of_two(BLOCK_BYTES // max(1, row_bytes), self._columns[self._key].chunks[0])
        self._kept: list[dict[str, np.ndarray]] = []
        self._n_kept = 0
        self._ends: list[tuple[float, int]] = []  # key up to which rows were appended, number of rows then

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Number of rows in the file, and the rows kept in memory."""
        return {f"kept/{name}": values for name, values in self._rows_kept().items()} | {
            "rows": np.array(self._n_written),
            "last": np.array(self.last),
            "ends": np.array(self._ends, float).reshape(-1, 2),
            "until": np.array(self._attributes.get(WRITTEN_UNTIL, np.nan)),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Return to a state: cut off later rows of the file, and keep in memory the rows kept then.

        Raises
        ------
        ValueError
            The file has fewer rows than at the state.
        KeyError
            The table has other columns.
        """
        kept, rows = part_of(state, "kept"), int(state["rows"])
        self._check_names(kept)
        for dataset in self._columns.values():
            if dataset.shape[0] < rows:
                raise ValueError(f"{dataset.name}: {dataset.shape[0]} rows, {rows} at the checkpoint")
            dataset.resize(rows, axis=0)
        self._n_kept = kept[self._key].size
        self._kept = [kept] if self._n_kept else []
        self._ends = [(float(key), int(row)) for key, row in state["ends"]]
        self.last = float(state["last"])
        if WRITTEN_UNTIL in self._attributes:
            self._attributes.modify(WRITTEN_UNTIL, float(state["until"]))

    def rows(self) -> dict[str, np.ndarray]:
        """Return name -> values of all rows so far, in the file and in memory."""
        kept = self._rows_kept()
        return {name: np.concatenate([dataset[()], kept[name]]) for name, dataset in self._columns.items()}

    def append(self, columns: Mapping[str, Any], until: float) -> None:
        """Keep copies of rows until they are written.

        Parameters
        ----------
        columns : mapping of str to (B, ...) array
            Exactly the columns of the table, the key included.
        until : float
            Key up to which all rows have now been given; there may be none.

        Raises
        ------
        ValueError
            A shape is wrong.
        KeyError
            Columns are missing or unknown.
        """
        self._check_names(columns)
        rows = {name: np.array(columns[name], dtype=dtype) for name, (dtype, _) in self._rows_like.items()}
        count = rows[self._key].size
        for name, values in rows.items():
            wanted = (count, *self._rows_like[name][1])
            if values.shape != wanted:
                raise ValueError(f"{self.name}/{name}: shape {values.shape} is not {wanted}")
        self.last = float(until)
        self._n_kept += count
        if count:
            self._kept.append(rows)
        if WRITTEN_UNTIL in self._attributes:
            self._ends.append((self.last, self._n_written + self._n_kept))

    def check_later(self, time: float) -> None:
        """Raise ValueError unless a time in s lies after all rows so far."""
        if not time > self.last:
            raise ValueError(f"{self.name}: time {time} s does not follow {self.last} s")

    @property
    def has_whole_block(self) -> bool:
        """Whether the rows kept fill chunks that need not be written again."""
        return self._whole_rows() > 0

    def write(self, whole_blocks: bool) -> Callable[[], None]:
        """Append all columns but the key.

        Parameters
        ----------
        whole_blocks : bool
            Leave rows that do not fill a chunk in memory.

        Returns
        -------
        callable
            Appends the key.
        """
        count = self._whole_rows() if whole_blocks else self._n_kept
        stop = self._n_written + count
        kept = self._rows_kept() if count else {}
        for name, values in kept.items():
            if name != self._key:
                self._extend(name, values[:count], stop)

        def write_key() -> None:
            if kept:
                self._extend(self._key, kept[self._key][:count], stop)
                self._n_kept -= count
                self._kept = [{name: values[count:] for name, values in kept.items()}] if self._n_kept else []
            whole = [key for key, end in self._ends if end <= stop]
            if whole:
                self._attributes.modify(WRITTEN_UNTIL, whole[-1])
                del self._ends[: len(whole)]

        return write_key

    def _extend(self, name: str, values: np.ndarray, stop: int) -> None:
        self._columns[name].resize(stop, axis=0)
        self._columns[name][stop - len(values) :] = values

    def _rows_kept(self) -> dict[str, np.ndarray]:
        """Rows in memory, one array for each column."""
        if not self._kept:
            return {name: np.empty((0, *column.shape[1:]), column.dtype) for name, column in self._columns.items()}
        return {name: np.concatenate([rows[name] for rows in self._kept]) for name in self._columns}

    def _check_names(self, names: Mapping[str, Any]) -> None:
        differing = self._columns.keys() ^ names.keys()
        if differing:
            raise KeyError(f"{self.name}: missing or unknown in a row: {', '.join(sorted(differing))}")

    @property
    def _n_written(self) -> int:
        rows: int = self._columns[self._key].shape[0]
        return rows

    def _whole_rows(self) -> int:
        written = self._n_written
        return max(0, (written + self._n_kept) // self._block * self._block - written)


def add_column(
    group: h5py.Group,
    name: str,
    dtype: str,
    chunk: tuple[int, ...],
    row: tuple[int, ...] = (),
    options: Mapping[str, Any] | None = None,
) -> Any:
    """Create the dataset of a column without rows; floats that a kill leaves unwritten are NaN.

    Parameters
    ----------
    group : h5py.Group
        The table.
    name, dtype : str
        Name and type of the column.
    chunk, row : tuple of int
        Shapes of a chunk and of a row.
    options : mapping, optional
        Filters; by default those of trajectories.

    Returns
    -------
    h5py.Dataset
        The dataset.
    """
    fill = np.nan if dtype.startswith("f") else None
    return group.create_dataset(
        name, (0, *row), dtype, maxshape=(None, *row), chunks=chunk, fillvalue=fill, **options or filters()
    )


def growing_columns(group: h5py.Group) -> dict[str, Any]:
    """Return name -> dataset of all columns that grow."""
    return {
        name: item for name, item in group.items() if isinstance(item, h5py.Dataset) and item.maxshape[:1] == (None,)
    }


def key_of(columns: Mapping[str, Any]) -> str:
    """Return the name of the key column: ``time`` in s, or SONATA's ``timestamps`` in ms."""
    return "timestamps" if "timestamps" in columns else "time"


def whole_rows(group: h5py.Group) -> int:
    """Return the number of rows complete in all columns; in a truncated file the last may be partial or empty."""
    columns = growing_columns(group)
    missing = np.flatnonzero(np.isnan(columns[key_of(columns)][()]))
    return int(min([*missing[:1], *(column.shape[0] for column in columns.values())]))


def power_of_two(number: int, most: int) -> int:
    """Return the largest power of two up to a number, between 1 and `most`.

    >>> power_of_two(20, 32), power_of_two(0, 32), power_of_two(1000, 32)
    (16, 1, 32)
    """
    return 2 ** (min(max(number, 1), most).bit_length() - 1)


def _row_bytes(dataset: Any) -> int:
    return int(dataset.dtype.itemsize * np.prod(dataset.shape[1:], dtype=np.int64))

"""One group under /trajectories: signals sampled by one clock, with its own complete dimension scales."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import h5py
import numpy as np

from ketasim.storage.layout import chunk_shape, describe, filters, is_text, store

#: Rows of a block, which are written together, and its bytes at most. No chunk has rows of two blocks: one
#: that is written twice lies twice in the file, because a kill must find the older one whole.
BLOCK_ROWS = 32
BLOCK_BYTES = 2**23

_MEANING = {
    "compound": "compound in the body",
    "moiety": "parent drug or metabolite that the compound is a form of",
    "node": "node of the network, counted over all populations",
    "node_id": "number of the node within its population, from 0",
    "population": "cell class",
}


class Column(NamedTuple):
    """A recorded quantity: its name, unit, meaning and dimensions after time.

    mechanism : the mechanism that owns it, None for what the network or the recording itself gives.
    summary, shown : what the summary gives of it and how pictures show it, as text (see `ketasim.signals`).
    """

    name: str
    unit: str
    long_name: str
    dims: tuple[str, ...] = ()
    mechanism: str | None = None
    dtype: Literal["f4", "f8", "u1"] = "f4"
    summary: str = ""
    shown: str = ""


class ClockGroup:
    """Rows of one clock, kept in memory until `write`.

    Parameters
    ----------
    group : HDF5 group that becomes the clock's; one that is not empty goes on from `restore`.
    columns : what each row holds.
    coordinates : name of each dimension after time -> its values (strings or numbers).
    extra_coordinates : name -> (dimension, values) of further labels along a dimension.

    Raises
    ------
    ValueError : a column has a dimension without values, or a label has the wrong length.
    """

    def __init__(
        self,
        group: h5py.Group,
        columns: Sequence[Column],
        coordinates: Mapping[str, Any],
        extra_coordinates: Mapping[str, tuple[str, Any]],
    ) -> None:
        self._name = group.name
        self._columns = tuple(columns)
        self._times: list[float] = []
        self._rows: list[tuple[np.ndarray, ...]] = []
        self._last = -np.inf
        if "time" not in group:
            _create(group, self._columns, coordinates, extra_coordinates)
        self._time = group["time"]
        self._datasets = [group[column.name] for column in self._columns]
        self._shapes = [dataset.shape[1:] for dataset in self._datasets]
        row_bytes = sum(dataset.dtype.itemsize * int(np.prod(dataset.shape[1:])) for dataset in self._datasets)
        self._block = power_of_two(BLOCK_BYTES // max(1, row_bytes))

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Number of rows in the file, and the rows kept in memory."""
        kept = {f"kept/{column.name}": values for column, values in zip(self._columns, self._kept(), strict=True)}
        return kept | {"rows": np.array(self._time.shape[0]), "kept_time": np.array(self._times, float)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go back to a state: cut off the rows of the file that came later, and keep in memory what was kept then.

        Raises ValueError if the file has fewer rows than it had.
        """
        rows = int(state["rows"])
        for dataset in (self._time, *self._datasets):
            shorten(dataset, rows)
        self._times = state["kept_time"].tolist()
        columns = [state[f"kept/{column.name}"] for column in self._columns]
        self._rows = [tuple(values[row] for values in columns) for row in range(len(self._times))]
        known = self._times or self._time[-1:].tolist() or [-np.inf]
        self._last = known[-1]

    def _kept(self) -> list[np.ndarray]:
        """Rows in memory, one array for each column."""
        kinds = zip(self._columns, self._shapes, strict=True)
        nothing = [np.empty((0, *shape), column.dtype) for column, shape in kinds]
        return [np.stack(values) for values in zip(*self._rows, strict=True)] if self._rows else nothing

    @property
    def has_whole_chunk(self) -> bool:
        """Whether enough rows are kept to fill chunks that need not be written again."""
        return self._whole_rows() > 0

    def append(self, time: float, values: Mapping[str, Any]) -> None:
        """Keep one row; its arrays are copied, so the caller may change them in place.

        time : s from time zero, later than the row before.
        values : exactly the columns, each with the shape of its dimensions.
        Raises ValueError for another shape or an earlier time, KeyError for missing or unknown names.
        """
        if not time > self._last:
            raise ValueError(f"{self._name}: time {time} s does not follow {self._last} s")
        differing = {column.name for column in self._columns} ^ values.keys()
        if differing:
            raise KeyError(f"{self._name}: missing or unknown in a row: {', '.join(sorted(differing))}")
        row = tuple(np.array(values[column.name], dtype=column.dtype) for column in self._columns)
        for column, shape, value in zip(self._columns, self._shapes, row, strict=True):
            if value.shape != shape:
                raise ValueError(f"{self._name}/{column.name}: shape {value.shape} is not {shape}")
        self._last = float(time)
        self._times.append(self._last)
        self._rows.append(row)

    def write(self, whole_chunks: bool) -> Callable[[], None]:
        """Append the data of the rows kept in memory; returns the function that appends their times.

        whole_chunks : leave rows in memory that do not fill a chunk.
        """
        count = self._whole_rows() if whole_chunks else len(self._times)
        start = self._time.shape[0]
        stop = start + count
        if count:
            for dataset, values in zip(self._datasets, zip(*self._rows[:count], strict=True), strict=True):
                dataset.resize(stop, axis=0)
                dataset[start:stop] = np.stack(values)

        def write_times() -> None:
            if count:
                self._time.resize(stop, axis=0)
                self._time[start:stop] = self._times[:count]
                del self._times[:count], self._rows[:count]

        return write_times

    def _whole_rows(self) -> int:
        start = self._time.shape[0]
        return max(0, (start + len(self._times)) // self._block * self._block - start)


def power_of_two(number: int) -> int:
    """Return the largest power of two up to a number, between 1 and the rows of a block.

    >>> power_of_two(20), power_of_two(0), power_of_two(1000)
    (16, 1, 32)
    """
    return 2 ** (min(max(number, 1), BLOCK_ROWS).bit_length() - 1)


def shorten(dataset: h5py.Dataset, rows: int) -> None:
    """Cut a dataset off after a number of rows. Raises ValueError if it has fewer."""
    if dataset.shape[0] < rows:
        raise ValueError(f"{dataset.name}: {dataset.shape[0]} rows, {rows} at the checkpoint")
    dataset.resize(rows, axis=0)


def _create(
    group: h5py.Group,
    columns: Sequence[Column],
    coordinates: Mapping[str, Any],
    extra_coordinates: Mapping[str, tuple[str, Any]],
) -> None:
    """Make the datasets of a clock, without rows."""
    scales = {name: _scale(group, name, values) for name, values in coordinates.items()}
    time = group.create_dataset(
        "time", (0,), dtype="f8", maxshape=(None,), chunks=(BLOCK_ROWS,), fillvalue=np.nan, **filters()
    )
    describe(time, "s", "time from zero, which is the first dose if that starts at 0 s")
    time.make_scale("time")
    for name, (dimension, values) in extra_coordinates.items():
        _label(group, scales, name, dimension, values)
    for column in columns:
        dataset = _growing(group, column, _row_shape(column, scales))
        for axis, scale in enumerate([time, *(scales[name] for name in column.dims)]):
            dataset.dims[axis].attach_scale(scale)
        along = [name for name, (dimension, _) in extra_coordinates.items() if dimension in column.dims]
        if along:
            dataset.attrs["coordinates"] = " ".join(along)


def _scale(group: h5py.Group, name: str, values: Any) -> Any:
    array = np.asarray(values, dtype="u8") if name == "node" else np.asarray(values)
    dataset = store(group, name, array, "1", _MEANING.get(name, name.replace("_", " ")))
    dataset.make_scale(name)
    return dataset


def _label(group: h5py.Group, scales: Mapping[str, Any], name: str, dimension: str, values: Any) -> None:
    array = np.asarray(values)
    if dimension not in scales or array.shape != scales[dimension].shape:
        raise ValueError(f"{group.name}/{name}: {array.shape} values do not fit the dimension {dimension!r}")
    array = array if is_text(array) or array.dtype.kind != "i" else array.astype("u8")
    dataset = store(group, name, array, "1", _MEANING.get(name, name.replace("_", " ")))
    dataset.dims[0].attach_scale(scales[dimension])


def _row_shape(column: Column, scales: Mapping[str, Any]) -> tuple[int, ...]:
    unknown = [name for name in column.dims if name not in scales]
    if unknown:
        raise ValueError(f"column {column.name!r}: no values given for its dimension {unknown[0]!r}")
    return tuple(scales[name].shape[0] for name in column.dims)


def _growing(group: h5py.Group, column: Column, shape: tuple[int, ...]) -> Any:
    chunk = chunk_shape((BLOCK_ROWS, *shape), np.dtype(column.dtype).itemsize)
    dataset = group.create_dataset(
        column.name,
        (0, *shape),
        dtype=column.dtype,
        maxshape=(None, *shape),
        chunks=(power_of_two(chunk[0]), *chunk[1:]),
        fillvalue=None if column.dtype == "u1" else np.nan,
        **filters(),
    )
    attributes = {"mechanism": column.mechanism, "summary": column.summary, "shown": column.shown}
    describe(dataset, column.unit, column.long_name, **{name: text for name, text in attributes.items() if text})
    return dataset

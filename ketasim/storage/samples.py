"""Groups under /trajectories: signals sampled at the same times, each group with its own dimension scales."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import h5py
import numpy as np

from ketasim.storage.datasets import chunk_shape, describe, is_text, native, read_values, store
from ketasim.storage.growing_table import GrowingTable, add_column, power_of_two, whole_rows

if TYPE_CHECKING:
    import xarray

#: Rows in a chunk, fewer where a row is long.
BLOCK_ROWS = 32

#: Stages of a run, in the order of their numbers in the file.
STAGES = ("baseline", "run")

_MEANING = {
    "compound": "compound in the body",
    "moiety": "parent drug or metabolite that the compound is a form of",
    "node": "node of the network, counted over all populations",
    "node_id": "number of the node within its population, from 0",
    "population": "cell class",
}

#: Attributes that only link a dataset to its dimensions, which xarray has as coordinates.
_STRUCTURE = frozenset({"DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "coordinates"})


class Column(NamedTuple):
    """A recorded quantity.

    Attributes
    ----------
    name, unit, long_name : str
        Name, unit and meaning.
    dims : tuple of str
        Dimensions after time.
    mechanism : str, optional
        Mechanism that owns it; None for quantities of the network or of the recording itself.
    dtype : str
        Type in the file.
    summary, shown : str
        What the summary contains of it and how pictures show it, as text (see `ketasim.signals`).
    """

    name: str
    unit: str
    long_name: str
    dims: tuple[str, ...] = ()
    mechanism: str | None = None
    dtype: Literal["f4", "f8", "u1"] = "f4"
    summary: str = ""
    shown: str = ""


def create_samples(
    group: h5py.Group,
    columns: Sequence[Column],
    coordinates: Mapping[str, Any],
    labels: Mapping[str, tuple[str, Any]],
) -> GrowingTable:
    """Create the datasets of an empty group, without rows: time, stage, columns, and their dimensions.

    Parameters
    ----------
    group : h5py.Group
        Empty group.
    columns : sequence of Column
        Contents of a row.
    coordinates : mapping of str to array_like
        Values (strings or numbers) of each dimension after time.
    labels : mapping of str to (dimension, values)
        Further labels along a dimension.

    Raises
    ------
    ValueError
        A column has a dimension without values, or a label has the wrong length.
    """
    scales = {name: _scale(group, name, values) for name, values in coordinates.items()}
    time = add_column(group, "time", "f8", (BLOCK_ROWS,))
    describe(time, "s", "time")
    time.make_scale("time")
    stage = add_column(group, "stage", "u1", (BLOCK_ROWS,))
    describe(stage, "1", "part of the simulation that the row belongs to")
    stage.attrs["flag_values"], stage.attrs["flag_meanings"] = np.arange(len(STAGES), dtype="u1"), " ".join(STAGES)
    stage.dims[0].attach_scale(time)
    for name, (dimension, values) in labels.items():
        _label(group, scales, name, dimension, values)
    for column in columns:
        dataset = _column(group, column, _row_shape(column, scales))
        for axis, scale in enumerate([time, *(scales[name] for name in column.dims)]):
            dataset.dims[axis].attach_scale(scale)
        along = [name for name, (dimension, _) in labels.items() if dimension in column.dims]
        dataset.attrs["coordinates"] = " ".join([*along, "stage"])
    return GrowingTable(group)


def append_sample(table: GrowingTable, time: float, stage: str, values: Mapping[str, Any]) -> None:
    """Add one row.

    Parameters
    ----------
    table : GrowingTable
        As of `create_samples`.
    time : float
        s from time zero, later than the previous row.
    stage : str
        One of `STAGES`.
    values : mapping of str to array_like
        Exactly the columns, each with the shape of its dimensions.

    Raises
    ------
    ValueError
        A shape is wrong, or the time is not later.
    KeyError
        Columns are missing or unknown.
    """
    table.check_later(time)
    row = {**values, "time": time, "stage": STAGES.index(stage)}
    table.append({name: np.asarray(value)[None] for name, value in row.items()}, time)


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


def _column(group: h5py.Group, column: Column, shape: tuple[int, ...]) -> Any:
    rows, *rest = chunk_shape((BLOCK_ROWS, *shape), np.dtype(column.dtype).itemsize)
    dataset = add_column(group, column.name, column.dtype, (power_of_two(rows, BLOCK_ROWS), *rest), shape)
    attributes = {"mechanism": column.mechanism, "summary": column.summary, "shown": column.shown}
    describe(dataset, column.unit, column.long_name, **{name: text for name, text in attributes.items() if text})
    return dataset


def signals_in(group: h5py.Group) -> list[str]:
    """Return the names of the signals of a group, without dimensions and labels."""
    labels = {label for item in group.values() for label in item.attrs.get("coordinates", "").split()} | {"stage"}
    return [name for name, item in group.items() if not item.is_scale and name not in labels]


def read_samples(
    group: h5py.Group, names: Iterable[str], signals: Collection[str], kept: Mapping[str, np.ndarray] | None = None
) -> "xarray.Dataset":
    """Return some signals of a group with their coordinates, in memory; incomplete rows are left out.

    Parameters
    ----------
    group : h5py.Group
        Of one clock.
    names : iterable of str
        Signals to read.
    signals : collection of str
        All that there are, see `signals_in`, which takes long.
    kept : mapping of str to array, optional
        Rows of an unfinished run that are in its checkpoint; those later than the file's are added.
    """
    import xarray

    chosen, rows = list(names), whole_rows(group)
    written = group["time"][:rows]
    later = kept["time"] > (written[-1] if rows else -np.inf) if kept else np.zeros(0, bool)

    def column(name: str) -> np.ndarray:
        values = group[name][:rows]
        return np.concatenate([values, kept[name][later]]) if kept and later.any() else values

    coordinates = {
        name: (dimensions(item), read_values(item), _attributes(item))
        for name, item in group.items()
        if name not in (*signals, "time", "stage")
    }
    time = column("time")
    coordinates["time"] = (("time",), time, _attributes(group["time"]))
    # files of format 1.0 have no stage; rows before time zero are the baseline
    in_run = column("stage") > 0 if "stage" in group else time >= 0.0
    meaning = {"long_name": "part of the simulation that the row belongs to"}
    coordinates["stage"] = (("time",), np.array(STAGES)[in_run.astype(int)], meaning)
    found = {name: (dimensions(group[name]), column(name), _attributes(group[name])) for name in chosen}
    used = {dimension for values in found.values() for dimension in values[0]} | {"time"}
    return xarray.Dataset(
        found,
        {name: values for name, values in coordinates.items() if used.issuperset(values[0])},
    )


def dimensions(dataset: Any) -> tuple[str, ...]:
    """Return the names of a dataset's dimensions, time first."""
    if dataset.is_scale:
        return (dataset.name.rpartition("/")[2],)
    return tuple(dimension[0].name.rpartition("/")[2] for dimension in dataset.dims)


def _attributes(dataset: Any) -> dict[str, Any]:
    return {name: native(value) for name, value in dataset.attrs.items() if name not in _STRUCTURE}

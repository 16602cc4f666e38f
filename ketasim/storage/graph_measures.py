"""/structure/measures_<name>: measures of the graph at stated times, numbers and curves over degree."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from ketasim.storage.layout import compact, native, read_values, store
from ketasim.storage.structure import named_times, new_group

if TYPE_CHECKING:
    import xarray


def write_measures(file: h5py.File, name: str, time: float, measures: Mapping[str, tuple[Any, str, str]]) -> None:
    """Write one set of measures.

    measures : name -> (value, unit, meaning); a value is a number, or (K,) for degrees 0 ... K - 1, one K for all.
    Raises ValueError for a name that is taken, or for arrays that have not one length.
    """
    lengths = {np.shape(value) for value, _, _ in measures.values()} - {()}
    if len(lengths) > 1 or any(len(shape) != 1 for shape in lengths):
        raise ValueError(f"/structure/measures_{name}: arrays have the shapes {sorted(lengths)}; (K,) is wanted")
    group = new_group(file, "measures", name, time)
    scale = None
    for (length,) in lengths:
        scale = store(group, "degree", compact(np.arange(length)), "1", "number of neighbours")
        scale.make_scale("degree")
    for key, (value, units, long_name) in measures.items():
        dataset = store(group, key, np.asarray(value), units, long_name)
        if np.ndim(value):
            dataset.dims[0].attach_scale(scale)


def read_measures(file: h5py.File) -> "xarray.Dataset":
    """Return all sets of measures by time: (time,) or (time, degree), with the sets' names as a coordinate.

    Beyond the highest degree of a set, counts are 0 and other values NaN; so is what a set does not have.
    """
    import xarray

    times = named_times(file, "measures")
    sets = [file[f"structure/measures_{name}"] for name in times]
    length = max((group["degree"].size for group in sets if "degree" in group), default=0)
    variables: dict[str, Any] = {}
    for key in dict.fromkeys(key for group in sets for key in group if key != "degree"):
        stored = [group.get(key) for group in sets]
        first = next(dataset for dataset in stored if dataset is not None)
        rows = [_row(dataset, first, length) for dataset in stored]
        attributes = {name: native(first.attrs[name]) for name in ("units", "long_name")}
        variables[key] = (("time", "degree") if first.ndim else ("time",), np.array(rows), attributes)
    coordinates: dict[str, Any] = {
        "time": ("time", np.array(list(times.values())), {"units": "s"}),
        "name": ("time", np.array(list(times), dtype=str)),
    }
    if length:
        coordinates["degree"] = np.arange(length)
    return xarray.Dataset(variables, coordinates)


def _row(dataset: Any, like: Any, length: int) -> np.ndarray:
    """Values of one set, lengthened to the longest; of one that lacks them, NaN."""
    if dataset is None:
        return np.full((length,) if like.ndim else (), np.nan)
    values = read_values(dataset)
    if not values.ndim:
        return values
    beyond = 0 if values.dtype.kind in "iu" else np.nan
    return np.pad(values, (0, length - values.size), constant_values=beyond)

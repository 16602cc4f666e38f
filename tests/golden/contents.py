"""What a trajectory file holds, by h5py alone: in few numbers, or compared within what chance may do."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

#: Datasets whose length goes with the network's chaos: its spikes, and synapses that were born or died.
_OF_ANY_LENGTH = ("spikes/", "structure/")
#: Datasets that say how the run was made, or are computed from the others.
_NOT_COMPARED = ("provenance/", "summary/", "structure/measures", "trajectories/population/network_memory")

#: Relative difference that is allowed of what no spike decides: sums in another order, in single precision.
EXACT = 1e-6
#: Standard deviations between runs that differ by chance, and the least relative difference of a mean: of 10 to 100
#: spikes in a window, one that moves over its edge; of 460 synapses, four that are born or not.
DEVIATIONS, LEAST, LEAST_OF_SPINES = 8.0, 1e-3, 1e-2


def datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    """All datasets of a file by path."""
    found: dict[str, Any] = {}
    file.visititems(lambda name, item: found.update({name: item} if isinstance(item, h5py.Dataset) else {}))
    return found


def plain(file: h5py.File) -> dict[str, Any]:
    """Name -> shape and sum (of numbers, without NaN) or text of every dataset."""
    found = {}
    for name, item in datasets(file).items():
        if h5py.check_string_dtype(item.dtype) is not None:
            what = {"text": in_short(np.atleast_1d(item.asstr()[()]).ravel().tolist())}
        else:
            what = {"sum": float(np.nansum(np.asarray(item[()], dtype="f8")))}
        found[name] = {"shape": list(item.shape), **what}
    return found


def in_short(texts: list[str]) -> str:
    """Texts as one, or its SHA-256 if that is long."""
    joined = "|".join(texts)
    return joined if len(joined) <= 60 else hashlib.sha256(joined.encode()).hexdigest()


def layout(file: h5py.File) -> dict[str, tuple[Any, ...]]:
    """Name -> kind of numbers, unit and shape of every dataset, or only its dimensions where chance decides."""
    found = {}
    for name, item in datasets(file).items():
        shape = len(item.shape) if name.startswith(_OF_ANY_LENGTH) else item.shape
        found[name] = (item.dtype.kind, str(item.attrs.get("units")), shape)
    return found


def chance(file: h5py.File) -> dict[str, float]:
    """Length and mean of every dataset of numbers; over rows at rest and later, and of each population, apart."""
    found = {}
    for name, item in datasets(file).items():
        if item.dtype.kind in "iuf" and item.shape and not name.startswith(_NOT_COMPARED):
            values = item[()].astype(np.float64)
            if name.startswith(_OF_ANY_LENGTH):
                found[f"length of {name}"] = float(len(values))
            for part, rows in _parts(file, name, values):
                finite = rows[np.isfinite(rows)]
                found[f"{name}{part}"] = float(finite.mean()) if finite.size else 0.0
    return found


def _parts(file: h5py.File, name: str, values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    group = name.rpartition("/")[0]
    if not name.startswith("trajectories/") or name.endswith("/time") or len(values) != len(file[f"{group}/time"]):
        yield "", values
        return
    resting = file[f"{group}/time"][()] < 0.0
    columns = values.T if group.endswith("/population") and values.ndim == 2 else [values]
    for number, column in enumerate(columns):
        yield f" [{number}] at rest", column[resting]
        yield f" [{number}]", column[~resting]


def beyond_chance(values: Mapping[str, float], stored: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Names of numbers that are further from the stored ones than chance takes them.

    stored : name -> value of the stored run, and standard deviation between runs that differ by chance.
    """

    def allowed(name: str) -> float:
        value, deviation = stored[name]["value"], stored[name]["deviation"]
        least = LEAST_OF_SPINES if "structure/" in name else LEAST if deviation else EXACT
        return DEVIATIONS * deviation + least * abs(value)

    return [name for name, one in stored.items() if not abs(values[name] - one["value"]) <= allowed(name)]

"""The small tables of a trajectory file: doses and stimuli, summary, provenance."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import h5py
import numpy as np

from ketasim.documents.units import parse_unit
from ketasim.storage.datasets import StorageError, native, read_values, store

_EVENT_MEANING = {
    "kind": "dose or kind of stimulus",
    "drug": "drug given",
    "route": "route of administration",
    "amount": "amount given",
    "start": "start, from time zero",
    "duration": "duration; 0 is at once",
    "intensity": "intensity of the stimulus",
    "population": "stimulated population",
    "rate": "rate added to the background spikes of each neuron",
}

_SUMMARY_MEANING = {
    "quantity": "signal, or what was counted",
    "population": "cell class, moiety of a concentration, or empty",
    "at": "instant, interval or baseline of the value; empty for the whole run",
    "statistic": "peak, time_of_peak, area, mean, value or count",
    "value": "value in the unit of its row",
    "error": "standard error; NaN if not defined",
    "unit": "unit of value and error",
    "meaning": "the row in words",
}
_SUMMARY_NUMBERS = ("value", "error")

_PROVENANCE_MEANING = {
    "config_source": "experiment file as written",
    "config_resolved": "experiment with all defaults, JSON",
    "config_sha256": "SHA-256 of the resolved experiment",
    "parameters": "parameters of every mechanism, JSON",
    "parameters_sha256": "SHA-256 of the parameters",
    "environment": "versions and machine, JSON",
    "random": "random number generator, seed and streams, JSON",
}


def write_events(file: h5py.File, events: Sequence[Mapping[str, Any]]) -> None:
    """Write /events: a dataset for each key of any event; "" or nan for events without it."""
    group = file.create_group("events", track_order=True)
    for key in dict.fromkeys(key for event in events for key in event):
        name, unit = _name_and_unit(key)
        place = key if name in group else name  # two kinds may state the same name in different units
        values = _column([event.get(key) for event in events])
        store(group, place, values, unit, _EVENT_MEANING.get(name, name.replace("_", " ")))


def _name_and_unit(key: str) -> tuple[str, str]:
    """Split a key that ends in its unit, such as ``level_ng_per_mL``; "1" without one."""
    words = key.split("_")
    for at in range(1, len(words)):
        unit = "_".join(words[at:]).replace("_per_", "/").replace("hz", "Hz")
        if parse_unit(unit) is not None:
            return "_".join(words[:at]), unit
    return key, "1"


def _ending(unit: str) -> str:
    """Inverse of `_name_and_unit`: what a unit adds to a key."""
    return "" if unit == "1" else "_" + unit.replace("/", "_per_").replace("Hz", "hz")


def _column(values: list[Any]) -> np.ndarray:
    if any(isinstance(value, str) for value in values):
        return np.array(["" if value is None else str(value) for value in values], dtype=object)
    return np.array([np.nan if value is None else value for value in values], dtype="f8")


def read_events(file: h5py.File) -> tuple[dict[str, Any], ...]:
    """Return the events as given; keys that an event lacks are left out."""
    if "events" not in file:
        return ()
    columns = {}
    for name, dataset in file["events"].items():
        columns[name.removesuffix(ending := _ending(native(dataset.attrs["units"]))) + ending] = read_values(
            dataset
        ).tolist()
    rows = zip(*columns.values(), strict=True)
    return tuple({key: value for key, value in zip(columns, row, strict=True) if not _is_absent(value)} for row in rows)


def _is_absent(value: Any) -> bool:
    return value == "" or (isinstance(value, float) and isnan(value))


def write_summary(file: h5py.File, table: Mapping[str, Any]) -> None:
    """Write /summary: a dataset for each column of the table."""
    group = file.create_group("summary", track_order=True)
    for name, meaning in _SUMMARY_MEANING.items():
        numbers = name in _SUMMARY_NUMBERS
        values = np.asarray(table[name], dtype=float if numbers else object)
        store(group, name, values, "see `unit`" if numbers else "1", meaning)


def read_summary(file: h5py.File) -> dict[str, np.ndarray] | None:
    """Return the columns of /summary; None before the run has finished, and in files of 0.1.0, which have no table.

    Raises
    ------
    StorageError
        They do not form a table.
    """
    group = file.get("summary")
    if not isinstance(group, h5py.Group) or "statistic" not in group:
        return None
    columns = {name: read_values(group[name]) for name in _SUMMARY_MEANING if name in group}
    shapes = {values.shape for values in columns.values()}
    kinds = {name: "f" if name in _SUMMARY_NUMBERS else "U" for name in _SUMMARY_MEANING}
    if {name: values.dtype.kind for name, values in columns.items()} != kinds or {len(shape) for shape in shapes} != {
        1
    }:
        raise StorageError("/summary is not a table with the columns " + ", ".join(_SUMMARY_MEANING))
    if len(shapes) > 1:
        raise StorageError("/summary is not a table: its columns have different lengths")
    return columns


def write_provenance(group: h5py.Group, texts: Mapping[str, str]) -> None:
    """Write the provenance of a run, one string for each text."""
    for name, text in texts.items():
        store(group, name, text, "1", _PROVENANCE_MEANING.get(name, name.replace("_", " ")))


def read_provenance(file: h5py.File) -> dict[str, str]:
    """Return the texts under /provenance."""
    return {
        name: str(read_values(dataset))
        for name, dataset in file.get("provenance", {}).items()
        if h5py.check_string_dtype(dataset.dtype) is not None
    }

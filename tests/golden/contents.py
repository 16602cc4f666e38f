"""What a trajectory file holds, in few numbers: read without ketasim, or compared within what chance may do."""

import hashlib
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

#: Signals that follow the network's chaos: those of windows, and what pyramidal cells make of them.
_OF_WINDOWS = ("firing_rate", "nmda_gating", "ampa_throughput", "nmda_throughput", "vesicle_release")
_OF_PYR = (
    "eef2_phosphorylation",
    "bdnf",
    "trkb",
    "p70s6k",
    "synaptic_protein",
    "surface_ampa",
    "homeostatic_scale",
    "spine_density",
    "synaptic_weight",
)

#: Relative difference that is allowed of what no window decides: sums in another order, another exponential.
EXACT = 1e-9
#: Standard deviations between runs that differ by chance, and the least relative difference of a mean: of 10 to 100
#: spikes in a window, one that moves over its edge.
DEVIATIONS, LEAST = 8.0, 1e-3


def plain(file: h5py.File) -> dict[str, Any]:
    """Name -> shape and sum (of numbers, without NaN) or text of every dataset, by h5py alone."""
    found: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        values = item[()]
        if h5py.check_string_dtype(item.dtype) is not None:
            found[name] = {
                "shape": list(item.shape),
                "text": in_short(np.atleast_1d(item.asstr()[()]).ravel().tolist()),
            }
        else:
            total = float(np.nansum(np.asarray(values, dtype="f8")))
            found[name] = {"shape": list(item.shape), "sum": total}

    file.visititems(visit)
    return found


def in_short(texts: list[str]) -> str:
    """Texts as one, or its SHA-256 if that is long."""
    joined = "|".join(texts)
    return joined if len(joined) <= 60 else hashlib.sha256(joined.encode()).hexdigest()


def chance(trajectory: Any) -> dict[str, float]:
    """Numbers of a run that chance moves: means over windows by class, means over time, births and deaths."""
    rows = trajectory.dataset("population")
    found = {}
    for population in rows["population"].values.tolist():
        here = rows.sel(population=population)
        for name in _OF_WINDOWS:
            values = here[f"{name}_window"]
            found[f"{name} of {population} at rest"] = float(values.where(here.time < 0).mean())
            found[f"{name} of {population} later"] = float(values.where(here.time >= 0).mean())
        found[f"nmda_block of {population}"] = float(here["nmda_block"].mean())
    for name in _OF_PYR:
        found[f"{name} of PYR"] = float(rows[name].sel(population="PYR").mean())
    return found


def beyond_chance(values: Mapping[str, float], stored: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Names of numbers that are further from the stored ones than chance takes them.

    stored : name -> value of the stored run, and standard deviation between runs that differ by chance.
    """
    allowed = {name: DEVIATIONS * one["deviation"] + LEAST * abs(one["value"]) for name, one in stored.items()}
    return [name for name, one in stored.items() if not abs(values[name] - one["value"]) <= allowed[name]]

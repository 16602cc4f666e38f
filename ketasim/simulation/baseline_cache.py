"""Baselines measured before, in the user's cache folder.

The same network at rest with the same seed gives the same baseline to the last bit; its minutes of network time need
not be run again for each dose of a sweep. The key is a digest of all that decides it, this code included.
"""

import logging
import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ketasim import __version__
from ketasim.digests import code_digest, value_digest
from ketasim.kernels.jit import CACHE_FOLDER, user_cache
from ketasim.kernels.records import Activity, Modulation
from ketasim.network.build import Network
from ketasim.simulation.estimates import Estimates

_log = logging.getLogger(__name__)

#: Bytes of all stored baselines; the oldest make room. One that takes more than a tenth alone is not stored.
MOST_BYTES = 2**28


class Baseline(NamedTuple):
    """What a baseline leaves: the network's state at its end, estimates, and population means of each window."""

    activity: Activity
    estimates: Estimates
    rows: dict[str, np.ndarray]  # name -> (n_windows, P)


def folder() -> Path | None:
    """Where baselines are stored; None where there is no place for them."""
    cache = user_cache()
    # kernels that could not be cached lie in a folder of this process alone
    return cache / "ketasim" / "baselines" if cache and CACHE_FOLDER.is_relative_to(cache) else None


def key(network: Network, rest: Modulation, seed: int, window_steps: int, n_windows: int) -> str:
    """Digest of all that a baseline depends on: code, compiler and processor, network, slow signals at rest, seed."""
    code = (__version__, CACHE_FOLDER.name, np.__version__, code_digest("ketasim.simulation.sampler"))
    given = (network.graph, network.parameters, rest, network.nmda_circuit, network.nmda_afferent)
    return value_digest(code, seed, window_steps, n_windows, given)


def load(key: str) -> Baseline | None:
    """Return a stored baseline; None if there is none that can be read."""
    place = folder()
    if place is None:
        return None
    try:
        with np.load(place / f"{key}.npz", allow_pickle=False) as file:
            parts: dict[str, dict[str, np.ndarray]] = {"activity": {}, "estimates": {}, "rows": {}}
            for name in file.files:
                part, _, rest = name.partition("/")
                parts[part][rest] = file[name]
        os.utime(place / f"{key}.npz")  # so that the least used make room first
        return Baseline(Activity(**parts["activity"]), Estimates.from_arrays(parts["estimates"]), parts["rows"])
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever a damaged file makes numpy or zipfile raise
        _log.info("the stored baseline %s can't be read and is measured anew: %s", key, error)
        return None


def save(key: str, baseline: Baseline) -> None:
    """Store a baseline, replacing files at once, and make room for it; where that can't be, go on without."""
    place = folder()
    arrays = {f"activity/{name}": array for name, array in baseline.activity._asdict().items()}
    arrays |= {f"estimates/{name}": array for name, array in baseline.estimates.arrays().items()}
    arrays |= {f"rows/{name}": array for name, array in baseline.rows.items()}
    if place is None or sum(array.nbytes for array in arrays.values()) > MOST_BYTES // 10:
        return
    try:
        place.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez_compressed(file, **arrays)
            Path(name).replace(place / f"{key}.npz")
        finally:
            Path(name).unlink(missing_ok=True)
        _make_room(place)
    except OSError as error:
        _log.info("the baseline can't be stored: %s", error)


def _make_room(place: Path) -> None:
    """Remove the least used baselines until all take no more than `MOST_BYTES`, and what killed processes left."""
    for part in place.glob("*.part"):
        if part.stat().st_mtime < time.time() - 86400.0:
            part.unlink(missing_ok=True)
    files = sorted(place.glob("*.npz"), key=lambda file: file.stat().st_mtime, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > MOST_BYTES:
            file.unlink(missing_ok=True)

"""Results that need not be computed again, in the user's cache folder under digests of everything they depend on.

A digest includes the code, so that what is stored is never stale; files of other versions are removed as new ones need
their room.
"""

import logging
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from rich.filesize import decimal

from ketasim.kernels.jit import CACHE_FOLDER, user_cache

_log = logging.getLogger(__name__)

#: Most bytes of all that is stored; the least recently used is removed. What is larger than a fifth is not stored.
MOST_BYTES = 2**29

#: Under which a file has its own name, so that one that was renamed is not taken for another.
_KEY = "key"


def folder() -> Path | None:
    """Folder of stored results; None if there is no cache folder."""
    cache = user_cache()
    # kernels that could not be cached are in a folder private to this process
    return cache / "ketasim" / "baselines" if cache and CACHE_FOLDER.is_relative_to(cache) else None


def holds(key: str) -> bool:
    """Whether there is a result under a key, readable or not."""
    place = folder()
    return place is not None and os.path.exists(place / f"{key}.npz")  # which raises nothing


def load(key: str) -> dict[str, np.ndarray] | None:
    """Return the arrays stored under a key; None if none can be read."""
    place = folder()
    if place is None:
        return None
    try:
        with np.load(place / f"{key}.npz", allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if str(arrays.pop(_KEY, "")) != key:
            raise ValueError("it is stored under another name")
        with suppress(OSError):  # as where the folder may only be read
            os.utime(place / f"{key}.npz")  # so that the least recently used are removed first
        return arrays
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever a damaged file makes numpy or zipfile raise
        _log.info("what is stored as %s can't be read and is computed again: %s", key, error)
        return None


def save(key: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Store arrays, replacing files atomically, and remove old ones; failure to do so is only logged."""
    place = folder()
    size = sum(array.nbytes for array in arrays.values())
    if place is None or size > MOST_BYTES // 5:
        _log.info("%s of results are not stored for later runs", decimal(size))
        return
    try:
        place.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez_compressed(file, **{**arrays, _KEY: np.array(key)})  # type: ignore[arg-type]
            Path(name).replace(place / f"{key}.npz")
        finally:
            Path(name).unlink(missing_ok=True)
        _make_room(place)
    except OSError as error:
        _log.info("a result can't be stored: %s", error)


def _make_room(place: Path) -> None:
    """Remove the least recently used files beyond `MOST_BYTES`, and remnants of killed processes."""
    for part in place.glob("*.part"):
        if part.stat().st_mtime < time.time() - 86400.0:
            part.unlink(missing_ok=True)
    files = []
    for file in place.glob("*.npz"):
        with suppress(OSError):  # another process may have removed it
            found = file.stat()
            files.append((found.st_mtime, found.st_size, file))
    total = 0
    for _, size, file in sorted(files, reverse=True):
        total += size
        if total > MOST_BYTES:
            file.unlink(missing_ok=True)

"""The one place for numba's options and its cache folder.

numba decides whether a cached kernel is fresh by looking at the caller's own file only, so an edited helper in
another module would leave stale code running. The cache folder therefore carries a digest of all kernel sources.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}


def _user_cache() -> Path:
    """Folder for caches of this user: NUMBA_CACHE_DIR, else the platform's usual place."""
    for variable, below in (("NUMBA_CACHE_DIR", ""), ("XDG_CACHE_HOME", ""), ("LOCALAPPDATA", "")):
        if os.environ.get(variable):
            return Path(os.environ[variable]) / below
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # no home folder, as in some containers
        return Path(tempfile.gettempdir())


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_folder() -> Path:
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    below = Path("ketasim") / "numba" / digest.hexdigest()[:16]
    folder = _user_cache() / below
    return folder if _writable(folder) else Path(tempfile.gettempdir()) / below


CACHE_FOLDER = _cache_folder()


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` with ketasim's options; its machine code is kept in `CACHE_FOLDER`.

    Floating point is strict (no fast-math), so that results do not depend on how a loop was vectorised.
    """
    # numba reads the folder when a function is decorated; the user's own functions keep their own setting
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        return numba.njit(**_OPTIONS)(function)
    finally:
        numba.config.CACHE_DIR = before


def compiled_before() -> bool:
    """Whether the network kernel's machine code is in the cache (if not, the first call takes seconds)."""
    return any(CACHE_FOLDER.glob("**/spiking_network.run_window*.nbc"))

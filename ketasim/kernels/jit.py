"""The one place for numba's options and its cache folder.

numba checks only the caller's own file to decide whether a cached kernel is fresh, so editing a helper in another
module would leave stale code running. The name of the cache folder therefore contains a digest of all kernel sources.
"""

import atexit
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding as llvm

_log = logging.getLogger(__name__)
_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}


def user_cache() -> Path | None:
    """Return the user's cache folder: NUMBA_CACHE_DIR, else the platform's usual place, else None."""
    for variable in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        if os.environ.get(variable):
            return Path(os.environ[variable])
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # no home folder, as in some containers
        return None


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def processor() -> str:
    """Return name and features of the target processor, because different machines may share a cache folder."""
    features = numba.config.CPU_FEATURES
    if features is None:
        features = llvm.get_host_cpu_features().flatten()
    return f"{numba.config.CPU_NAME or llvm.get_host_cpu_name()} {features}"


def _cache_folder() -> Path:
    """Return the folder for this version of the kernels, or one for this process if the user's cache isn't writable.

    A folder with a predictable name in a place shared by all users would be unsafe: numba unpickles what it finds.
    """
    # not in `ketasim.digests`: kernels import nothing from above
    digest = hashlib.sha256(f"{numba.__version__} {processor()}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    cache = user_cache()
    folder = cache / "ketasim" / "numba" / digest.hexdigest()[:16] if cache else None
    if folder is None or not _writable(folder):
        wanted = folder or "the user's cache"
        folder = Path(tempfile.mkdtemp(prefix="ketasim-"))
        _log.warning(
            "%s can't be written: kernels are recompiled in each process, which takes some seconds; "
            "set NUMBA_CACHE_DIR to another folder",
            wanted,
        )
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


CACHE_FOLDER = _cache_folder()


def kernel(function: Callable[..., Any], inlined: bool = False) -> Callable[..., Any]:
    """Compile `function` with ketasim's options; its machine code is kept in `CACHE_FOLDER`.

    Floating point is strict (no fast-math), so that results do not depend on how a loop is vectorised.

    Parameters
    ----------
    function : callable
        Function to compile.
    inlined : bool
        Inline it into its callers, whose loops can't be vectorised across a call.
    """
    # numba reads the folder when a function is decorated; the user's own functions keep the user's setting
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        return numba.njit(**_OPTIONS, forceinline=inlined)(function)
    finally:
        numba.config.CACHE_DIR = before


def compiled_before() -> bool:
    """Return whether the network kernel's machine code is cached (if not, the first call takes seconds)."""
    return any(CACHE_FOLDER.glob("**/chunks.run_part*.nbc"))

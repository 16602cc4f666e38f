"""The one place for numba's options and its cache folder.

numba checks only the caller's own file to decide whether a cached kernel is fresh, so editing a helper in another
module would leave stale code running. The name of the cache folder therefore contains a digest of all kernel sources.

Nor does it check what it loads: a file that a power cut or a full disk left cut or empty crashes the interpreter, in
every later process. Cached files therefore end in a digest of their content.
"""

import atexit
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

# numba cannot be imported with fewer than one thread; ketasim starts its own.
if os.environ.get("NUMBA_NUM_THREADS", "").strip().startswith(("-", "0")):
    del os.environ["NUMBA_NUM_THREADS"]

import numba
from llvmlite import binding as llvm
from numba.core.caching import FunctionCache, IndexDataCacheFile

_log = logging.getLogger(__name__)
_OPTIONS = {"nogil": True, "error_model": "numpy"}

#: What numba compiles differently, beside the processor; a user's environment may set it.
_COMPILER_SETTINGS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "DEBUGINFO_DEFAULT")

if numba.config.DISABLE_JIT:
    _log.warning("NUMBA_DISABLE_JIT is set: kernels run as plain Python, hundreds of times slower; unset it for a run")


def user_cache() -> Path | None:
    """Return the user's cache folder: NUMBA_CACHE_DIR, else the platform's usual place, else None."""
    for variable in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        if os.environ.get(variable):
            return Path(os.environ[variable]).expanduser()
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
    settings = [getattr(numba.config, name) for name in _COMPILER_SETTINGS]
    digest = hashlib.sha256(f"{numba.__version__} {processor()} {settings}".encode())
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

_said: set[str] = set()


def _say_once(words: str, *values: Any) -> None:
    """Log a warning, at most once in a process: there is one file or more for each of some fifty kernels."""
    if words not in _said:
        _said.add(words)
        _log.warning(words, *values)


class _CheckedFile(IndexDataCacheFile):  # type: ignore[misc]
    """Machine code of one kernel on disk; what is damaged is compiled again, and what can't be written is left out."""

    def save(self, key: Any, data: Any) -> None:
        try:
            super().save(key, data)
        except OSError as error:
            _say_once("%s: can't be written: %s; kernels are recompiled next time", self._cache_path, error.strerror)

    def _load_index(self) -> dict[Any, str]:
        return super()._load_index() if self._is_intact(self._index_path) else {}

    def _load_data(self, name: str) -> Any:
        if not self._is_intact(self._data_path(name)):
            raise OSError(name)  # numba compiles it again and replaces the file
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[BytesIO]:
        content = BytesIO()
        yield content
        with super()._open_for_write(filepath) as file:
            file.write(content.getvalue() + hashlib.sha256(content.getvalue()).digest())  # pickle reads no further

    def _is_intact(self, path: str) -> bool:
        try:
            content = Path(path).read_bytes()
        except OSError:  # missing or unreadable
            return False
        intact = hashlib.sha256(content[:-32]).digest() == content[-32:]
        if not intact:
            _say_once("%s: compiled kernels are damaged; they are compiled again", self._cache_path)
        return intact


class _CheckedCache(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function, in checked files."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _CheckedFile(self._cache_path, self._impl.filename_base, stamp)


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
        compiled = numba.njit(**_OPTIONS, forceinline=inlined)(function)
        if not numba.config.DISABLE_JIT:
            compiled._cache = _CheckedCache(function)
        return compiled
    finally:
        numba.config.CACHE_DIR = before


def compiled_before() -> bool:
    """Return whether the network kernel's machine code is cached (if not, the first call takes seconds)."""
    return any(CACHE_FOLDER.glob("**/chunks.run_part*.nbc"))

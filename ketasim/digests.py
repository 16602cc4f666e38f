"""SHA-256 digests of code, values, texts and files.

Two digests are elsewhere: that of compiled kernels in `ketasim.kernels.jit`, which can't import from higher layers, and
that of the content of a trajectory file in `ketasim.storage.content`, which knows HDF5.
"""

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

_PACKAGE = Path(__file__).parent

#: An import from the package, also within a function. Parsing all code would add half a second to each run; a test
#: compares the imports found here with those found by the parser.
_IMPORT = re.compile(r"^\s*(?:from\s+(ketasim[\w.]*)\s+import\s+(\([^)]*\)|.*)|import\s+(ketasim.*))$", re.MULTILINE)


@cache
def code_digest(*modules: str) -> str:
    """Digest of the sources of modules and of everything in the package that they import, directly or indirectly.

    Computed once per process, so that it matches the loaded code as closely as possible. Data files are left out; their
    contents enter other digests: weights that of an experiment, drugs that of the parameters.

    Parameters
    ----------
    *modules : str
        Names such as ``"ketasim.simulation.loop"``.
    """
    sources: dict[str, str] = {}
    waiting = set(modules)
    while waiting:
        module = waiting.pop()
        sources[module] = _place_of(module).read_text(encoding="utf-8")
        waiting |= imported(sources[module]) - sources.keys()
    return value_digest(*(text for item in sorted(sources.items()) for text in item))


def class_digest(kind: type) -> str:
    """Digest of the code of a class and its bases: modules of the package with what they import, others by their file.

    A class without a file, such as one typed at a prompt, has another digest each time.
    """
    modules = dict.fromkeys(base.__module__ for base in kind.__mro__ if base.__module__ != "builtins")
    own = [module for module in modules if module.split(".")[0] == _PACKAGE.name]
    places = [getattr(sys.modules.get(module), "__file__", None) for module in modules if module not in own]
    return value_digest(code_digest(*own), *(file_digest(Path(place)) if place else uuid4().hex for place in places))


@cache
def imported(source: str) -> frozenset[str]:
    """Names of the package's modules that a source imports.

    Examples
    --------
    >>> sorted(imported("from ketasim.kernels import graph, Nothing"))
    ['ketasim.kernels', 'ketasim.kernels.graph']
    """
    found: set[str] = set()
    for module, names, plain in _IMPORT.findall(source):
        found |= set(re.findall(r"ketasim[\w.]*", plain))
        for name in re.findall(r"(?:^|[(,])\s*(\w+)", re.sub(r"#.*", "", names)):
            whole = f"{module}.{name}"  # a module, or a name in one
            found.add(whole if _place_of(whole).is_file() else module)
    return frozenset(found)


@cache
def _place_of(module: str) -> Path:
    """Source file of a module of the package, which need not exist."""
    place = _PACKAGE.joinpath(*module.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def value_digest(*values: Any) -> str:
    """Digest of numbers, texts and arrays, also in nested tuples; depends on type, shape and every bit."""
    return parts_digest(part for array in _arrays(values) for part in (f"{array.dtype} {array.shape}".encode(), array))


def _arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, tuple):
        for item in value:
            yield from _arrays(item)
    else:
        yield np.frombuffer(value.encode(), np.uint8) if isinstance(value, str) else np.asarray(value)


def parts_digest(parts: Iterable[bytes | np.ndarray]) -> str:
    """Digest of concatenated bytes and bytes of arrays; independent of where one ends and the next begins."""
    total = hashlib.sha256()
    for part in parts:
        plain = part if isinstance(part, bytes) else np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
        total.update(plain)
    return total.hexdigest()


def text_digest(text: str) -> str:
    """Digest of a text."""
    return parts_digest([text.encode()])


def file_digest(path: Path) -> str:
    """Digest of the content of a file."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""Nested states as flat mappings of arrays with names such as ``network/estimates/mean``."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def part_of(arrays: Mapping[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    """Return the arrays of one part, without its prefix.

    Examples
    --------
    >>> part_of({"a/x": np.zeros(1), "b/x": np.ones(1)}, "b")
    {'x': array([1.])}
    """
    start = f"{part}/"
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def flattened(tree: Any) -> dict[str, np.ndarray]:
    """Return the arrays of nested mappings and named tuples as ``part/name``.

    Examples
    --------
    >>> from collections import namedtuple
    >>> flattened({"a": namedtuple("Pair", "x y")(np.zeros(1), np.ones(1))})
    {'a/x': array([0.]), 'a/y': array([1.])}
    """
    items = tree.items() if isinstance(tree, Mapping) else tree._asdict().items() if tree else ()
    found: dict[str, np.ndarray] = {}
    for name, item in items:
        if isinstance(item, np.ndarray):
            found[name] = item
        else:
            found |= {f"{name}/{rest}": array for rest, array in flattened(item).items()}
    return found


def rebuilt(like: Any, arrays: Mapping[str, np.ndarray], path: str = "") -> Any:
    """Return a nested named tuple like `like`, with copies of arrays from `flattened`."""
    if isinstance(like, np.ndarray):
        return np.array(arrays[path])
    start = f"{path}/" if path else ""
    items = like._asdict() if like else {}
    return type(like)(*(rebuilt(item, arrays, f"{start}{name}") for name, item in items.items()))

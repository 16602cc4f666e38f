"""States as plain arrays with names such as ``network/estimates/mean``, of which each part knows its own end."""

from collections.abc import Mapping

import numpy as np


def joined(parts: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays of all parts, with the name of their part before their own.

    >>> joined({"a": {"x": np.zeros(1)}, "b": {"x": np.ones(1)}})
    {'a/x': array([0.]), 'b/x': array([1.])}
    """
    return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}


def part_of(arrays: Mapping[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    """Return the arrays of one part, under their own names.

    >>> part_of({"a/x": np.zeros(1), "b/x": np.ones(1)}, "b")
    {'x': array([1.])}
    """
    start = f"{part}/"
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}

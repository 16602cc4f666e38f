"""Node labels of a user's graph, stored so that they come back as they were."""

from ast import literal_eval
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np


def encode_labels(labels: Sequence[Hashable]) -> tuple[np.ndarray, str]:
    """Return an array that HDF5 can hold and the name of its encoding.

    The encoding is ``int`` (64-bit), ``str``, ``literal`` (tuples, floats, mixtures, as Python writes them)
    or ``text`` (any other object, of which only its text is kept).

    >>> encode_labels([3, 1])
    (array([3, 1]), 'int')
    >>> encode_labels([("a", 1), None])
    (array(["('a', 1)", 'None'], dtype=object), 'literal')
    """
    plain = [label.item() if isinstance(label, np.generic) else label for label in labels]
    if all(type(label) is int and -(2**63) <= label < 2**63 for label in plain):
        return np.array(plain, dtype="i8"), "int"
    if all(type(label) is str and "\0" not in label for label in plain):
        return np.array(plain, dtype=object), "str"
    if all(_is_literal(label) for label in plain):
        return np.array([repr(label) for label in plain], dtype=object), "literal"
    return np.array([str(label) for label in plain], dtype=object), "text"


def decode_labels(values: np.ndarray, encoding: str) -> list[Hashable]:
    """Return the labels that `encode_labels` stored.

    >>> decode_labels(*encode_labels([("a", 1), 2.5]))
    [('a', 1), 2.5]
    """
    labels = values.tolist()
    return [literal_eval(label) for label in labels] if encoding == "literal" else labels


def _is_literal(label: Any) -> bool:
    try:
        return bool(literal_eval(repr(label)) == label)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False

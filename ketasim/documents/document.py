"""Plain data in which every key and value knows its place in the text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ketasim.documents.problems import Place, Problem

#: Keys and list indices from the root to a value.
DataPath = tuple[str | int, ...]


class Spot(NamedTuple):
    """Places of one value and of the key it stands under (None in a list and at the root)."""

    key: Place | None
    value: Place


@dataclass(frozen=True)
class Document:
    """Plain data with the place of each value.

    name : how messages call the text, usually the path as the user gave it.
    text : the text as written; empty for data that never was one.
    data : mapping of plain Python values.
    spots : places by path.
    file : where the text was read from, if it was a file.
    """

    name: str
    text: str
    data: dict[str, Any]
    spots: Mapping[DataPath, Spot] = field(repr=False)
    file: Path | None = None

    def place(self, path: DataPath, at: str = "value") -> Place | None:
        """Return where a value (``at="value"``), its key (``"key"``) or what it is missing from stands.

        Parameters
        ----------
        path : keys and indices; where the path leads nowhere, its nearest existing parent is taken.
        at : ``value``, ``key``, or ``parent`` for a key that ought to be there.
        """
        if at == "parent":
            path, at = path[:-1], "key"
        while path and path not in self.spots:
            path, at = path[:-1], "key"
        spot = self.spots.get(path)
        if spot is None:
            return None
        return spot.key if at == "key" and spot.key is not None else spot.value

    def problem(self, path: DataPath, message: str, at: str = "value") -> Problem:
        """Return a problem with the value at a path; parameters as of `place`."""
        return Problem(self.place(path, at), dotted(path), message)


def dotted(path: DataPath) -> str:
    """Return a path as it is written in overrides and messages.

    Examples
    --------
    >>> dotted(("doses", 0, "amount"))
    'doses.0.amount'
    """
    return ".".join(map(str, path))

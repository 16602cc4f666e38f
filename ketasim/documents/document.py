"""Plain data with the place in the text of every key and value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ketasim.documents.problems import Place, Problem

#: Keys and list indices from the root to a value.
DataPath = tuple[str | int, ...]


class Spot(NamedTuple):
    """Places of a value and of its key (None in a list and at the root)."""

    key: Place | None
    value: Place


@dataclass(frozen=True)
class Document:
    """Plain data with the place of each value.

    Attributes
    ----------
    name : str
        Name of the text in messages, usually the path as given by the user.
    text : str
        The text as written; empty for data that did not come from a text.
    data : dict
        Plain Python values by key.
    spots : mapping of tuple to Spot
        Places by path.
    file : Path or None
        File that the text was read from, if any.
    """

    name: str
    text: str
    data: dict[str, Any]
    spots: Mapping[DataPath, Spot] = field(repr=False)
    file: Path | None = None

    def place(self, path: DataPath, at: str = "value") -> Place | None:
        """Return the place of a value, of its key, or of the mapping that lacks it.

        Parameters
        ----------
        path : tuple of str or int
            Keys and indices; if the path does not exist, its nearest existing parent is used.
        at : str
            ``value``, ``key``, or ``parent`` for a missing key.
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
        """Return a problem with the value at a path; parameters as in `place`."""
        return Problem(self.place(path, at), dotted(path), message)


def dotted(path: DataPath) -> str:
    """Return a path as written in overrides and messages.

    Examples
    --------
    >>> dotted(("doses", 0, "amount"))
    'doses.0.amount'
    """
    return ".".join(map(str, path))

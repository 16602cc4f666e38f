"""Changes single values of a document, from ``key.path.0.sub=value`` strings or Python values."""

import copy
import numbers
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ketasim.documents.document import DataPath, Document, Spot, dotted
from ketasim.documents.problems import DocumentError, Place, Problem
from ketasim.documents.yaml_text import MAX_DEPTH, parse_value


def override(document: Document, overrides: Iterable[str]) -> Document:
    """Return the document with ``key.path=value`` strings applied in order.

    Parameters
    ----------
    document : Document
        Original, which is not modified.
    overrides : iterable of str
        Each is a dotted path (list items by number), ``=``, and a YAML value on one line. Missing mappings are added,
        as is a list item one past the end; whether a key is allowed is checked when the document is validated.

    Raises
    ------
    DocumentError
        A string does not have this form, or a list has no such item.

    Examples
    --------
    >>> from ketasim.documents import parse_document
    >>> override(parse_document("doses: [{amount: 1 mg}]"), ["doses.0.amount=2 mg", "seed=7"]).data
    {'doses': [{'amount': '2 mg'}], 'seed': 7}
    """
    changed = _Change(document)
    problems: list[Problem] = []
    for number, text in enumerate(overrides, start=1):
        try:
            changed.apply_text(text, number)
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(problems)
    return changed.document()


def with_values(document: Document, values: Mapping[str, Any]) -> Document:
    """Return the document with Python values set at dotted paths; errors as in `override`.

    Parameters
    ----------
    document : Document
        Original, which is not modified.
    values : mapping
        Plain values by dotted path, such as ``{"doses.0.amount": "2 mg"}``.
    """
    changed = _Change(document)
    for path, value in values.items():
        changed.put(_segments(path, None), plain_copy(value, path), None)
    return changed.document()


def from_mapping(data: Mapping[str, Any], name: str = "mapping") -> Document:
    """Return a document of Python data, which has no text and no places.

    Parameters
    ----------
    data : mapping
        May contain mappings, lists, tuples, strings, paths, numbers, booleans and None.
    name : str
        Name of the document in messages.

    Raises
    ------
    DocumentError
        It contains anything else, a key is not text, or it is nested too deeply.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"expected a mapping, got {type(data).__name__}")
    return Document(name, "", plain_copy(data), {})


def plain_copy(value: Any, path: str = "", depth: int = 0) -> Any:
    """Return a deep copy of plain data with numbers, tuples and paths converted to the types YAML gives.

    Parameters
    ----------
    value : object
        What to copy.
    path : str
        Dotted path for messages.
    depth : int
        Nesting level of the value.

    Raises
    ------
    DocumentError
        As in `from_mapping`.
    """
    inside = f"{path}." if path else ""
    if depth > MAX_DEPTH:
        raise DocumentError([Problem(None, path[:60], f"nested deeper than {MAX_DEPTH} levels")])
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise DocumentError([Problem(None, path, f"the key {wrong[0]!r} is not text")])
        return {key: plain_copy(item, f"{inside}{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_copy(item, f"{inside}{number}", depth + 1) for number, item in enumerate(value)]
    return _plain_scalar(value, path)


def _plain_scalar(value: Any, path: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    kind = type(value).__name__
    raise DocumentError([Problem(None, path, f"a Python {kind} cannot be written to a document; use plain values")])


class _Change:
    """A copy of a document being changed."""

    def __init__(self, document: Document):
        self.original = document
        self.data = copy.deepcopy(document.data)
        self.spots = dict(document.spots)

    def document(self) -> Document:
        original = self.original
        return Document(original.name, original.text, self.data, self.spots, original.file)

    def apply_text(self, text: str, number: int) -> None:
        start = Place("override", number, 1, text.partition("\n")[0])
        path, equals, value_text = text.partition("=")
        if not equals or not path.strip() or "\n" in text:
            raise DocumentError([Problem(start, "", "an override is one line `key.path=value`")])
        segments = _segments(path, start)
        # Blanks in place of the path keep the columns of the value.
        try:
            value, spots = parse_value(" " * (len(path) + 1) + value_text, "override")
        except DocumentError as error:
            place, inner, message = error.problems[0]
            column = place.column if place else 1
            inside = ".".join(filter(None, (path.strip(), inner)))
            raise DocumentError([Problem(start._replace(column=column), inside, message)]) from None
        places = {inner: _on_override(spot, start) for inner, spot in spots.items()}
        places.setdefault((), Spot(None, start._replace(column=len(path) + 2)))
        self.put(segments, value, places)

    def put(self, segments: list[tuple[str, Place | None]], value: Any, places: dict[DataPath, Spot] | None) -> None:
        """Set the value at a path and its places; what is not a container along the path is replaced by one."""
        container: Any = self.data
        path: DataPath = ()
        for position, (segment, place) in enumerate(segments):
            key = self._key(container, segment, (path, place))
            path = (*path, key)
            if position == len(segments) - 1:
                self._forget(path)
                _store(container, key, value)
                for inner, spot in (places or {}).items():
                    self.spots[(*path, *inner)] = spot if inner else Spot(place, spot.value)
                return
            if not isinstance(_fetch(container, key), dict | list):
                self._forget(path)
                _store(container, key, [] if segments[position + 1][0] == "0" else {})
                if place:
                    self.spots[path] = Spot(place, place)
            container = _fetch(container, key)

    def _forget(self, path: DataPath) -> None:
        self.spots = {other: spot for other, spot in self.spots.items() if other[: len(path)] != path}

    def _key(self, container: Any, segment: str, where: tuple[DataPath, Place | None]) -> str | int:
        """Return the key or index that a segment of a path means in a container."""
        if isinstance(container, dict):
            return segment
        path, place = where
        if not re.fullmatch("[0-9]{1,6}", segment):
            message = f"expected the number of a list item, got '{segment}'; the first is {dotted((*path, 0))}"
        elif int(segment) > len(container):
            message = f"there is no item {segment}; {dotted(path)} has {len(container)} (the first is 0)"
        else:
            return int(segment)
        raise DocumentError([Problem(place, dotted((*path, segment)), message)])


def _segments(path: str, start: Place | None) -> list[tuple[str, Place | None]]:
    """Split a dotted path; each segment comes with its place in the override."""
    found: list[tuple[str, Place | None]] = []
    column = 1
    for segment in path.split("."):
        place = start._replace(column=column + len(segment) - len(segment.lstrip())) if start else None
        if not segment.strip():
            raise DocumentError([Problem(place, path, "a key is missing between the dots")])
        found.append((segment.strip(), place))
        column += len(segment) + 1
    if len(found) > MAX_DEPTH:
        raise DocumentError([Problem(start, "", f"nested deeper than {MAX_DEPTH} levels")])
    return found


def _on_override(spot: Spot, start: Place) -> Spot:
    key = start._replace(column=spot.key.column) if spot.key else None
    return Spot(key, start._replace(column=spot.value.column))


def _fetch(container: Any, key: str | int) -> Any:
    if isinstance(container, dict):
        return container.get(str(key))
    return container[int(key)] if int(key) < len(container) else None


def _store(container: Any, key: str | int, value: Any) -> None:
    if isinstance(container, list) and key == len(container):
        container.append(value)
    else:
        container[key] = value

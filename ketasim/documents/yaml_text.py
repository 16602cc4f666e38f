"""YAML 1.2 text to plain data in which every key and value knows its line and column.

The text is read as a stream of events and turned into dicts, lists, texts, numbers, truth values and None by
hand: no object can be constructed, nothing can refer to anything else, and depth, number and size are
bounded, so that a file from a stranger is safe to read.
"""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ketasim.documents.document import DataPath, Document, Spot, dotted
from ketasim.documents.problems import DocumentError, Place, Problem

MAX_BYTES = 200_000  # the parser takes seconds for more, and its time grows with the square for some texts
MAX_DEPTH = 30
MAX_VALUES = 20_000


def read_document(file: str | Path) -> Document:
    """Read a YAML file whose root is a mapping.

    Parameters
    ----------
    file : path of a text file in UTF-8, at most 200 kB.

    Raises
    ------
    DocumentError
        The file cannot be read or is not a YAML mapping.
    """
    name = str(file)
    try:
        with open(file, "rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unplaced(f"no such file: '{name}'") from None
    except (OSError, ValueError) as error:
        raise _unplaced(f"cannot read '{name}': {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > MAX_BYTES:
        raise _unplaced(f"'{name}' is larger than {MAX_BYTES // 1000} kB, the limit for a YAML file")
    document = parse_document(_decoded(raw, name), name)
    return Document(name, document.text, document.data, document.spots, Path(file).resolve())


def parse_document(text: str, name: str = "text") -> Document:
    """Read a YAML text whose root is a mapping.

    Parameters
    ----------
    text : the YAML.
    name : how messages call it.

    Raises
    ------
    DocumentError
        The text is not YAML, or uses what is not allowed here: tabs for indentation, a key twice, anchors and
        aliases, tags, several documents.

    Examples
    --------
    >>> document = parse_document("a: {b: 1 h}", "x.yaml")
    >>> document.data, document.place(("a", "b"))
    ({'a': {'b': '1 h'}}, Place(file='x.yaml', line=1, column=8, text='a: {b: 1 h}'))
    """
    data, spots = parse_value(text, name)
    if not isinstance(data, dict):
        what = "is empty" if data is None else f"is {'a list' if isinstance(data, list) else 'a single value'}"
        place = spots[()].value if () in spots else Place(name, 1, 1, "")
        raise DocumentError([Problem(place, "", f"the file {what}; a mapping of `key: value` lines is wanted")])
    return Document(name, text, data, spots)


def parse_value(text: str, name: str) -> tuple[Any, dict[DataPath, Spot]]:
    """Return any YAML value and the places in it; parameters and errors as of `parse_document`."""
    if len(text) > MAX_BYTES:
        raise _unplaced(f"{name}: {len(text)} characters; at most {MAX_BYTES} are read")
    builder = _Builder(text.removeprefix("\ufeff"), name)
    builder.read()
    return builder.root, builder.spots


class _Frame(NamedTuple):
    """A mapping or list under construction."""

    container: dict[str, Any] | list[Any]
    path: DataPath


class _Builder:
    """Builds plain data from the events of a YAML parser and keeps the places."""

    def __init__(self, text: str, name: str):
        self.text, self.name = text, name
        self.lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
        self.spots: dict[DataPath, Spot] = {}
        self.problems: list[Problem] = []
        self.root: Any = None
        self.frames: list[_Frame] = []
        self.key: tuple[str, Place] | None = None
        self.documents = self.values = 0

    def read(self) -> None:
        for event in self._events():
            handle = getattr(self, "_on_" + type(event).__name__.removesuffix("Event").lower(), None)
            if handle is not None:
                handle(event, self._place(event.start_mark))
        if self.problems:
            raise DocumentError(self.problems)

    def _events(self) -> Iterator[Any]:
        stray = _STRAY.search(self.text)
        if stray:
            before = re.split("\r\n|[\n\r\x85\u2028\u2029]", self.text[: stray.start()])
            place = Place(self.name, len(before), len(before[-1]) + 1, self.lines[len(before) - 1])
            self._stop_syntax(place, f"the character U+{ord(stray.group()):04X} is not allowed in YAML")
        try:
            yield from YAML(typ="safe", pure=True).parse(StringIO(self.text))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = self._place(mark) if mark else Place(self.name, 1, 1, self.lines[0])
            self._stop_syntax(place, _syntax_message(error, place))
        except (YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # The parser's own slips too, such as a character code above those that there are.
            self._stop_syntax(Place(self.name, 1, 1, self.lines[0]), f"not YAML: {error}")

    def _place(self, mark: Any) -> Place:
        line = min(mark.line, len(self.lines) - 1)
        return Place(self.name, line + 1, mark.column + 1, self.lines[line])

    def _stop(self, place: Place, message: str) -> NoReturn:
        raise DocumentError([*self.problems, Problem(place, dotted(self._here()), message)])

    def _stop_syntax(self, place: Place, message: str) -> NoReturn:
        # The parser looks ahead of what was built, so a path would name a neighbour.
        raise DocumentError([*self.problems, Problem(place, "", message)])

    def _here(self) -> DataPath:
        path = self.frames[-1].path if self.frames else ()
        return (*path, self.key[0]) if self.key else path

    def _on_documentstart(self, event: Any, place: Place) -> None:
        self.documents += 1
        if self.documents > 1:
            self._stop(place, "a second document starts here (`---`); one file holds one document")
        if event.version not in (None, (1, 2)):
            self._stop(Place(self.name, 1, 1, self.lines[0]), "YAML 1.2 is read here, no other version")

    def _on_alias(self, event: Any, place: Place) -> None:
        self._stop(
            place,
            f"the alias *{event.anchor} is not allowed; write the value out, or put quotation marks around a text",
        )

    def _on_scalar(self, event: Any, place: Place) -> None:
        self._check(event, place)
        if self._wants_key():
            key, mapping = event.value, self.frames[-1]
            if key in mapping.container:
                first = self.spots[(*mapping.path, key)].key
                line = f"; it stands on line {first.line} already" if first else ""
                path = dotted((*mapping.path, key))
                self.problems.append(Problem(place, path, f"the key '{key}' stands here twice{line}"))
            self.key = (key, place)
            return
        try:
            value = plain_value(event.value) if event.implicit[0] else event.value
        except ValueError:
            self._stop(place, "the number is too long")
        self._add(value, place)

    def _on_sequencestart(self, event: Any, place: Place) -> None:
        self._open([], event, place)

    def _on_mappingstart(self, event: Any, place: Place) -> None:
        self._open({}, event, place)

    def _open(self, container: Any, event: Any, place: Place) -> None:
        self._check(event, place)
        if self._wants_key():
            self._stop(place, "a key must be a single word or text, not a list or a mapping")
        if len(self.frames) >= MAX_DEPTH:
            self._stop(place, f"nested deeper than {MAX_DEPTH} levels")
        path = self._add(container, place)
        self.frames.append(_Frame(container, path))

    def _on_sequenceend(self, event: Any, place: Place) -> None:
        self.frames.pop()

    _on_mappingend = _on_sequenceend

    def _wants_key(self) -> bool:
        return bool(self.frames) and isinstance(self.frames[-1].container, dict) and self.key is None

    def _check(self, event: Any, place: Place) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            self._stop(place, f"more than {MAX_VALUES} values in one file")
        if event.anchor is not None:
            self._stop(place, f"the anchor &{event.anchor} is not allowed; write the value out where it is used")
        if event.tag is not None:
            self._stop(place, f"the tag {event.tag} is not allowed; plain values are")
        stray = _STRAY.search(getattr(event, "value", ""))
        if stray:
            self._stop(place, f"the character U+{ord(stray.group()):04X}, written as an escape, is not allowed")

    def _add(self, value: Any, place: Place) -> DataPath:
        """Put a value where the parser stands and return its path."""
        path: DataPath
        if not self.frames:
            self.root, path, key_place = value, (), None
        elif self.key is not None:
            (key, key_place), self.key = self.key, None
            self.frames[-1].container.setdefault(key, value)  # type: ignore[union-attr]
            path = (*self.frames[-1].path, key)
        else:
            items = self.frames[-1].container
            path, key_place = (*self.frames[-1].path, len(items)), None
            items.append(value)  # type: ignore[union-attr]
        self.spots.setdefault(path, Spot(key_place, place))
        return path


#: Characters that YAML does not allow, nor anything that a text ends up in.
_STRAY = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Digits of a whole number; Python converts thousands of them slowly, and refuses more.
_MOST_DIGITS = 100

_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {word: value for value in (True, False) for word in (f"{value}".lower(), f"{value}", f"{value}".upper())}
_WORDS |= {sign + dot: float(sign + "inf") for sign in ("", "+", "-") for dot in (".inf", ".Inf", ".INF")}
_WORDS |= {dot: float("nan") for dot in (".nan", ".NaN", ".NAN")}


def plain_value(text: str) -> Any:
    """Return what an unquoted YAML scalar means by the core schema of YAML 1.2.

    Parameters
    ----------
    text : the scalar; ``on``, ``off``, ``yes``, dates and numbers with underscores stay text.

    Raises
    ------
    ValueError
        A whole number of more than 100 digits.

    Examples
    --------
    >>> [plain_value(text) for text in ("1e-3", "0x1F", "off", "true", "~", "2024-01-01")]
    [0.001, 31, 'off', True, None, '2024-01-01']
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        if len(text) > _MOST_DIGITS:
            raise ValueError(f"a whole number of more than {_MOST_DIGITS} digits")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


_ADVICE = {
    "mapping values are not allowed here": "a second ': ' in one line, or a wrong indentation",
    "could not find expected ':'": "a line that is neither `key: value` nor a list item",
    "found unexpected end of stream": "a quotation mark that is never closed",
    "cannot start any token": "text that starts with this character needs quotation marks",
}


def _syntax_message(error: MarkedYAMLError, place: Place) -> str:
    problem = str(error.problem or error.context or "not YAML")
    if "'\\t'" in problem or place.text[place.column - 1 : place.column] == "\t":
        return "a tab stands here; YAML is indented with blanks"
    advice = next((text for words, text in _ADVICE.items() if words in problem), None)
    return f"not YAML: {problem}" + (f" ({advice})" if advice else "")


def _decoded(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8").split("\n")
        text = raw.split(b"\n")[len(before) - 1].decode("utf-8", "replace")
        place = Place(name, len(before), len(before[-1]) + 1, text)
        message = f"byte 0x{raw[error.start]:02X} is not UTF-8; save the file as UTF-8 text"
        raise DocumentError([Problem(place, "", message)]) from None


def _unplaced(message: str) -> DocumentError:
    return DocumentError([Problem(None, "", message)])

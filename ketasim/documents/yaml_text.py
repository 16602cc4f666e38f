"""Reads YAML 1.2 text into plain data, with line and column of every key and value.

Plain data are built from the parser's events one by one: no object can be constructed, nothing can refer to anything
else, and depth, number and size are limited before they cost anything, so that untrusted files are safe to read.
"""

import codecs
import os
import re
import stat
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ketasim.documents.document import DataPath, Document, Spot, dotted
from ketasim.documents.problems import DocumentError, Place, Problem

MAX_BYTES = 200_000  # the parser takes seconds for more, and quadratic time for some texts
MAX_DEPTH = 30
MAX_VALUES = 20_000


def read_document(file: str | Path) -> Document:
    """Read a YAML file whose root is a mapping.

    Parameters
    ----------
    file : str or Path
        Path of a text file or pipe in UTF-8, or UTF-16 with a byte order mark, at most 200 kB; ``-`` is standard input.

    Raises
    ------
    DocumentError
        The file cannot be read or is not a YAML mapping.
    """
    stdin = file == "-"
    name = "standard input" if stdin else str(file)
    try:
        with open(0 if stdin else file, "rb", closefd=not stdin) as stream:
            raw = stream.read(MAX_BYTES + 1)
            piped = not stat.S_ISREG(os.fstat(stream.fileno()).st_mode)  # is read once, and lies in no folder
    except FileNotFoundError:
        raise _unplaced(f"no such file: '{name}'") from None
    except (OSError, ValueError) as error:
        raise _unplaced(f"cannot read '{name}': {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > MAX_BYTES:
        raise _unplaced(f"'{name}' is larger than {MAX_BYTES // 1000} kB, the limit for a YAML file")
    document = parse_document(_decoded(raw, name), name)
    return Document(
        name, document.text, document.data, document.spots, None if stdin or piped else Path(file).resolve()
    )


def as_yaml(data: Mapping[str, Any]) -> str:
    """Return plain data as a YAML text, in the order of its keys.

    Examples
    --------
    >>> print(as_yaml({"duration": "1 h", "doses": [{"drug": "saline"}], "genotype": "*1/*1"}), end="")
    duration: 1 h
    doses:
    - drug: saline
    genotype: '*1/*1'
    """
    text, writer = StringIO(), YAML(pure=True)
    writer.width = 120
    writer.dump(data, text)
    return text.getvalue()


def parse_document(text: str, name: str = "text") -> Document:
    """Read a YAML text whose root is a mapping.

    Parameters
    ----------
    text : str
        The YAML.
    name : str
        Name of the text in messages.

    Raises
    ------
    DocumentError
        The text is not YAML, or has a feature that is not allowed: tabs for indentation, duplicate keys, anchors and
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
        raise DocumentError([Problem(place, "", f"the file {what}; expected a mapping of `key: value` lines")])
    return Document(name, text, data, spots)


def parse_value(text: str, name: str) -> tuple[Any, dict[DataPath, Spot]]:
    """Return any YAML value and the places in it; parameters and errors as in `parse_document`."""
    if len(text) > MAX_BYTES:
        raise _unplaced(f"{name}: {len(text)} characters; at most {MAX_BYTES} are read")
    reader = _Reader(text.removeprefix("\ufeff"), name)
    return reader.read(), reader.spots


class _Reader:
    """Reads plain data and their places from the events of a YAML parser."""

    def __init__(self, text: str, name: str):
        self.text, self.name, self.lines = text, name, _LINE_END.split(text)
        self.spots: dict[DataPath, Spot] = {}
        self.problems: list[Problem] = []
        self.events = self._events()
        self.values = 0

    def read(self) -> Any:
        next(self.events)  # the stream's start
        root, start = None, next(self.events)
        if isinstance(start, events.DocumentStartEvent):
            if start.version not in (None, (1, 2)):
                self._stop(self._start, "only YAML 1.2 is supported")
            root = self._value(next(self.events), ())
            next(self.events)  # the document's end
            after = next(self.events)
            if isinstance(after, events.DocumentStartEvent):
                place = self._place(after.start_mark)
                self._stop(place, "a second document starts here (`---`); one file holds one document")
        if self.problems:
            raise DocumentError(self.problems)
        return root

    def _value(self, event: Any, path: DataPath, key: Place | None = None) -> Any:
        """Return the value that starts with an event, and store its place and that of its key."""
        place = self._place(event.start_mark)
        if key is not None and getattr(event, "value", None) == "" and event.implicit[0]:
            place = key  # nothing stands after the colon; the parser has gone on to the next line
        self._check(event, place, path)
        self.spots.setdefault(path, Spot(key, place))
        if isinstance(event, events.ScalarEvent):
            try:
                return plain_value(event.value) if event.implicit[0] else event.value
            except ValueError:
                self._stop(place, "the number is too long", path)
        if len(path) >= MAX_DEPTH:
            self._stop(place, f"nested deeper than {MAX_DEPTH} levels", path)
        return self._list(path) if isinstance(event, events.SequenceStartEvent) else self._mapping(path)

    def _list(self, path: DataPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), events.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: DataPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), events.MappingEndEvent):
            place = self._place(event.start_mark)
            self._check(event, place, path)
            if not isinstance(event, events.ScalarEvent):
                self._stop(place, "a key must be a single word or text, not a list or a mapping", path)
            inside = (*path, event.value)
            if event.value in found and (first := self.spots[inside].key):
                message = f"duplicate key '{event.value}' (first defined on line {first.line})"
                self.problems.append(Problem(place, dotted(inside), message))
            value = self._value(next(self.events), inside, place)
            found.setdefault(event.value, value)
        return found

    def _check(self, event: Any, place: Place, path: DataPath) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            self._stop(place, f"more than {MAX_VALUES} values in one file", path)
        if isinstance(event, events.AliasEvent):
            advice = "write the value out, or put quotation marks around a text"
            self._stop(place, f"the alias *{event.anchor} is not allowed; {advice}", path)
        if event.anchor is not None:
            advice = "write the value out where it is used"
            self._stop(place, f"the anchor &{event.anchor} is not allowed; {advice}", path)
        if event.tag is not None:
            self._stop(place, f"the tag {event.tag} is not allowed; write a plain value", path)
        stray = _STRAY.search(getattr(event, "value", ""))
        if stray:
            self._stop(place, f"the character U+{ord(stray.group()):04X}, written as an escape, is not allowed", path)

    def _events(self) -> Iterator[Any]:
        stray = _STRAY.search(self.text)
        if stray:
            before = _LINE_END.split(self.text[: stray.start()])
            place = Place(self.name, len(before), len(before[-1]) + 1, self.lines[len(before) - 1])
            self._stop(place, f"the character U+{ord(stray.group()):04X} is not allowed in YAML")
        try:
            yield from YAML(typ="safe", pure=True).parse(StringIO(self.text))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = self._place(mark) if mark else self._start
            self._stop(place, _syntax_message(error, place))
        except (YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # Also errors within the parser itself, such as for a character code out of range.
            self._stop(self._start, f"not YAML: {error}")

    @property
    def _start(self) -> Place:
        return Place(self.name, 1, 1, self.lines[0])

    def _place(self, mark: Any) -> Place:
        line = min(mark.line, len(self.lines) - 1)
        return Place(self.name, line + 1, mark.column + 1, self.lines[line])

    def _stop(self, place: Place, message: str, path: DataPath = ()) -> NoReturn:
        """Refuse the text; a syntax error has no path, because the parser reads ahead of the data built so far."""
        raise DocumentError([*self.problems, Problem(place, dotted(path), message)])


_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
#: Characters not allowed in YAML or in any output that the text ends up in.
_STRAY = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Most digits of a whole number; Python converts thousands of digits slowly and refuses more.
_MOST_DIGITS = 100

_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {word: value for value in (True, False) for word in (f"{value}".lower(), f"{value}", f"{value}".upper())}
_WORDS |= {sign + dot: float(sign + "inf") for sign in ("", "+", "-") for dot in (".inf", ".Inf", ".INF")}
_WORDS |= {dot: float("nan") for dot in (".nan", ".NaN", ".NAN")}


def plain_value(text: str) -> Any:
    """Return the value of an unquoted YAML scalar by the core schema of YAML 1.2.

    Parameters
    ----------
    text : str
        The scalar; ``on``, ``off``, ``yes``, dates and numbers with underscores stay text.

    Raises
    ------
    ValueError
        It is a whole number of more than 100 digits.

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
    "could not find expected ':'": "this line or the one above is not `key: value`, with a blank after the colon",
    "found unexpected end of stream": "a quotation mark that is never closed",
    "cannot start any token": "text that starts with this character needs quotation marks",
}


def _syntax_message(error: MarkedYAMLError, place: Place) -> str:
    problem = str(error.problem or error.context or "not YAML")
    if "'\\t'" in problem or place.text[place.column - 1 : place.column] == "\t":
        return "tab character; YAML is indented with spaces"
    advice = next((text for words, text in _ADVICE.items() if words in problem), None)
    return f"not YAML: {problem}" + (f" ({advice})" if advice else "")


def _decoded(raw: bytes, name: str) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as some editors and shells of Windows write
        return raw.decode("utf-16", "replace")
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

"""Error messages for users: what is wrong with a document, where, and what is expected."""

from collections.abc import Iterable
from typing import NamedTuple

#: Number of problems shown; the rest are counted.
_SHOWN = 20
_WIDTH = 160


class Place(NamedTuple):
    """A place in a text: name of the file, line and column (both from 1), and the text of that line."""

    file: str
    line: int
    column: int
    text: str


class Problem(NamedTuple):
    """One problem of a document.

    Attributes
    ----------
    place : Place or None
        Where it is; None if the data did not come from a text.
    path : str
        Dotted path of the value, such as ``doses.0.amount``; empty for the document as a whole.
    message : str
        What is wrong and what is allowed.
    """

    place: Place | None
    path: str
    message: str


class DocumentError(Exception):
    """A document, an override or a value in it is invalid; nothing was run.

    Parameters
    ----------
    problems : iterable of Problem
        All problems of one stage; kept in the order of the text.

    Examples
    --------
    >>> place = Place("a.yaml", 2, 11, "duration: 5 mg")
    >>> print(DocumentError([Problem(place, "duration", "expected a time")]))
    a.yaml:2:11: duration: expected a time
        duration: 5 mg
                  ^
    """

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]):
        self.problems = sorted(problems, key=_reading_order)
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [render(problem) for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"... and {len(self.problems) - _SHOWN} more")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[type, tuple[list[Problem]]]:
        return type(self), (self.problems,)


class KetasimError(Exception):
    """A run failed although the call and the configuration were valid.

    Subclasses for errors caused by the call set `exit_code` to 2.
    """

    exit_code = 1


def render(problem: Problem) -> str:
    """Return the text of one problem: place, path and message, then the line and a caret under the column.

    Parameters
    ----------
    problem : Problem
        Without a place, only path and message are shown.
    """
    place, path, message = problem
    head = f"{path}: {message}" if path else message
    if place is None:
        return head
    head = f"{place.file}:{place.line}:{place.column}: {head}"
    line, caret = _excerpt(place.text, place.column - 1)
    return f"{head}\n    {line}\n    {' ' * caret}^" if line.strip() else head


def _excerpt(text: str, column: int) -> tuple[str, int]:
    """Cut a long line around the column; characters that would shift the caret become blanks."""
    text = "".join(character if character.isprintable() else " " for character in text).rstrip()
    start = max(0, column - _WIDTH // 2) if len(text) > _WIDTH else 0
    return text[start : start + _WIDTH], min(column, len(text)) - start


def _reading_order(problem: Problem) -> tuple[bool, int, int]:
    """Order by line and column, overrides after the file; problems without a place keep their order."""
    if problem.place is None:
        return (False, 0, 0)
    return (problem.place.file == "override", problem.place.line, problem.place.column)

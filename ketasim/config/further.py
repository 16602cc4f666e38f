"""Finds inconsistencies in an experiment with invalid values, so that all mistakes are reported at once."""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ketasim.documents import Document, DocumentError, Problem, nearest

#: What findings in a section rest on beside the value they name; if that is invalid, they may not be mistakes.
_RESTS_ON: dict[str, tuple[str, ...]] = {
    "doses": ("subject.species", "drugs"),
    "stimuli": ("network", "schedule", "doses", "duration"),
    "recording": ("network", "schedule", "duration"),
    "schedule": ("network", "duration"),
    "mechanisms": ("network", "subject.species", "drugs", "doses"),
    "subject": ("subject.species",),
    "duration": ("network", "schedule", "doses"),
}
#: What a finding in a dose rests on, by the key that it names, among the keys of the same dose.
_IN_A_DOSE = {"amount": ("rate", "duration", "drug"), "rate": ("amount", "duration", "drug"), "repeat": ("start",)}
#: In place of what must be there: the longest run, and text that no finding is about.
_STAND_IN = {"format": 1, "duration": "3650 d"}
_NAMES, _UNSTATED = ("drug", "route"), "unstated"


def further_problems(
    document: Document, problems: Sequence[Problem], check: Callable[[Document], Iterable[Problem]]
) -> list[Problem]:
    """Return inconsistencies among the valid values of a document.

    Parameters
    ----------
    document : Document
        An experiment that cannot be read.
    problems : sequence of Problem
        Its invalid values.
    check : callable
        Returns the inconsistencies of a document, or raises DocumentError if values are invalid.
    """
    broken = [tuple(problem.path.split(".")) for problem in problems]
    data = copy.deepcopy(document.data)
    for path in broken:
        _leave_out(data, path)
    for _ in range(2):
        try:
            found = check(Document(document.name, document.text, data, document.spots, document.file))
        except DocumentError as error:  # what cannot be mended by leaving a value out goes as a section
            for problem in error.problems:
                _leave_out(data, tuple(problem.path.split("."))[:1])
        else:
            return [one for one in found if not any(_rests_on(tuple(one.path.split(".")), path) for path in broken)]
    return []


def _leave_out(data: Any, path: tuple[str, ...]) -> None:
    """Delete the value at a path, or the list that holds it; what must be there gets a stand-in."""
    doses = data.get("doses")
    if path[0] == "doses" and isinstance(doses, list) and len(path) > 1:
        _leave_out_of_dose(doses, int(path[1]), path[2:])
        return
    holder, key = data, path[-1]
    for at in path[:-1]:
        if not isinstance(holder.get(at), dict):
            key = at
            break
        holder = holder[at]
    holder.pop(key, None)
    if holder is data and key in _STAND_IN:
        data[key] = _STAND_IN[key]
        for section in (name for name, rests_on in _RESTS_ON.items() if key in rests_on):
            data.pop(section, None)


def _leave_out_of_dose(doses: list[Any], number: int, path: tuple[str, ...]) -> None:
    if not path or not isinstance(doses[number], dict):
        doses[number] = dict.fromkeys(_NAMES, _UNSTATED)
    elif path[0] in _NAMES:
        doses[number][path[0]] = _UNSTATED
    else:
        doses[number].pop(path[0], None)


def _rests_on(finding: tuple[str, ...], broken: tuple[str, ...]) -> bool:
    """Whether a finding may be due to an invalid value."""
    same_dose = finding[0] == "doses" and finding[:2] == broken[:2] and len(finding) > 2 < len(broken)
    if same_dose and nearest(broken[2], _IN_A_DOSE.get(finding[2], ())):
        return True
    wanted = [finding, *(tuple(path.split(".")) for path in _RESTS_ON.get(finding[0], ()))]
    return any(_touches(broken, path) for path in wanted)


def _touches(broken: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether an invalid value, or a misspelt key, is at a path, above or below it."""
    return all(a == b or nearest(a, [b]) for a, b in zip(broken, path, strict=False))

"""Joint posteriors of numbers that were fitted together, stored as draws: what single numbers and their priors lose."""

import csv
from functools import lru_cache
from importlib import resources
from typing import Any

from ketasim.documents.nearest import did_you_mean
from ketasim.mechanisms import ORDER
from ketasim.sources import describe


def posterior(mechanism: str, draws: int | None = None) -> list[dict[str, Any]]:
    """Return draws from the joint posterior of a mechanism's fitted numbers, as `ketasim.sweep` takes a list.

    Each draw names its circuit (``network.weights``), because the numbers were fitted to what that circuit does.

    Parameters
    ----------
    mechanism : str
        Name of a mechanism; so far ``mood``.
    draws : int, optional
        The first so many, which are a sample like any other; all of them by default.

    Returns
    -------
    list of dict
        Dotted path -> value.

    Raises
    ------
    ValueError
        No posterior is stored for the mechanism, or it has fewer draws.

    Examples
    --------
    >>> import ketasim
    >>> ketasim.posterior("mood", 1)
    [{'network.weights': ..., 'mechanisms.mood.strength_gain': ..., 'mechanisms.mood.mood_time': '... h', ...}]
    """
    if mechanism not in fitted():
        near = did_you_mean(mechanism, fitted())
        raise ValueError(f"no posterior is stored for {mechanism!r}; there is {', '.join(fitted())}{near}")
    rows = [{key: value for key, value in row.items() if "." in key} for row in _rows(mechanism)]
    if draws is not None and not (isinstance(draws, int) and 0 < draws <= len(rows)):
        raise ValueError(f"draws must be a number from 1 to {len(rows)}, which are stored, not {draws!r}")
    return rows[:draws]


def fitted() -> list[str]:
    """Return the names of mechanisms with a stored posterior."""
    return sorted(path.name.removesuffix(".csv") for path in _FOLDER.iterdir())


_FOLDER = resources.files("ketasim.ensembles").joinpath("posteriors")


@lru_cache
def _rows(mechanism: str) -> list[dict[str, Any]]:
    (parameters,) = (one.Parameters() for one in ORDER if one.name == mechanism)
    units = {f"mechanisms.{mechanism}.{row.name}": row.unit for row in describe(parameters)}
    rows = csv.DictReader(_FOLDER.joinpath(f"{mechanism}.csv").read_text(encoding="utf-8").splitlines())
    return [{key: _value(text, units.get(key, "1")) for key, text in row.items()} for row in rows]


def _value(text: str, unit: str) -> Any:
    number = float(text)
    if unit != "1":
        return f"{text} {unit}"
    return int(number) if number.is_integer() and "." not in text else number

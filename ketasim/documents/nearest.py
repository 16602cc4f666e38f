"""Finds the valid name nearest to a wrong one."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches


def canonical(name: object, synonyms: Mapping[str, str]) -> object:
    """Return the name for which `name` is a synonym, in any case, with or without dots; anything else as it is.

    Parameters
    ----------
    name : object
        What was written.
    synonyms : mapping of str to str
        Name by synonym; synonyms in lower case, without dots.

    Examples
    --------
    >>> [canonical(name, {"iv": "intravenous"}) for name in ("IV", "i.v.", " Intravenous", "ip", 3)]
    ['intravenous', 'intravenous', 'intravenous', 'ip', 3]
    """
    if not isinstance(name, str) or len(name) > 100:
        return name
    folded = " ".join(name.casefold().replace(".", "").split())
    return folded if folded in synonyms.values() else synonyms.get(folded, name)


def nearest(name: object, candidates: Iterable[str]) -> str | None:
    """Return the candidate most similar to `name`, or None if none is similar.

    Parameters
    ----------
    name : object
        What was written; None is returned unless it is text of reasonable length.
    candidates : iterable of str
        Allowed names.

    Examples
    --------
    >>> nearest("ketamin", ["ketamine", "saline"])
    'ketamine'
    >>> nearest("xyz", ["ketamine", "saline"])
    """
    if not isinstance(name, str) or not 0 < len(name) <= 100:
        return None
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def nearest_few(name: str, candidates: Iterable[str], count: int = 5) -> list[str]:
    """Return the candidates most similar to `name`, most similar first, however different they are.

    Examples
    --------
    >>> nearest_few("firing_rates", ["bdnf", "firing_rate_window", "firing_rate", "trkb"], 2)
    ['firing_rate', 'firing_rate_window']
    """
    return get_close_matches(name[:100], list(candidates), n=count, cutoff=0.0)


def did_you_mean(name: object, candidates: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the nearest candidate, or an empty string.

    Examples
    --------
    >>> did_you_mean("salin", ["ketamine", "saline"])
    '; did you mean saline?'
    """
    found = nearest(name, candidates)
    return f"; did you mean {found}?" if found and found != name else ""


def shown(value: object) -> str:
    """Return a value as quoted in a message: short, on one line.

    Examples
    --------
    >>> shown("iv"), shown(3), shown(None), shown([1, 2])
    ("'iv'", '3', 'nothing', 'a list')
    """
    if isinstance(value, str):
        text = value if len(value) <= 60 else value[:57] + "..."
        return "'" + "".join(c if c.isprintable() else " " for c in text) + "'"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        if isinstance(value, int) and abs(value) >= 10**60:
            return "a huge number"
        short = f"{value:.15g}"  # as a person would write it, unless that is another number
        return str(value) if isinstance(value, int) else short if float(short) == value else f"{value:.17g}"
    return "a mapping" if hasattr(value, "keys") else "a list"

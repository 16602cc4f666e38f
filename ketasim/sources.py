"""Provenance of numbers: the source and status of each parameter, and its prior, shown to the user."""

from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from annotated_types import Le

Status = Literal["verified", "secondary", "recalled", "computed", "fitted", "assumed"]

#: Statuses of numbers that were not read in a source or computed from such, which therefore have a prior.
UNCERTAIN: tuple[Status, ...] = ("recalled", "fitted", "assumed")


class Prior(NamedTuple):
    """Range in which a number may well lie, and how it is drawn from it, in the number's unit.

    Examples
    --------
    >>> str(Prior(300.0, 1800.0)), str(Prior(0.0, 0.3, "linear"))
    ('300 to 1800, log', '0 to 0.3, linear')
    """

    low: float
    high: float
    scale: Literal["log", "linear"] = "log"

    def __str__(self) -> str:
        return f"{self.low:.4g} to {self.high:.4g}, {self.scale}"

    def as_range(self, unit: str = "1") -> dict[str, Any]:
        """Return the range as a sweep takes it.

        Examples
        --------
        >>> Prior(300.0, 1800.0).as_range("s")
        {'from': '300 s', 'to': '1800 s', 'scale': 'log'}
        """
        digits = (f"{end:.9g}" for end in (self.low, self.high))
        low, high = (float(end) if unit in ("", "1") else f"{end} {unit}" for end in digits)
        return {"from": low, "to": high, "scale": self.scale}


class Source(NamedTuple):
    """Status and origin of a number, and its prior if it is uncertain.

    Attributes
    ----------
    status : str
        ``verified`` (read in the source or in public model code), ``secondary`` (read in a review or another
        modeller's notes), ``recalled`` (from memory, not read), ``computed`` (from other rows), ``fitted`` or
        ``assumed``.
    text : str
        The source, or the reason for the assumption.
    prior : Prior or float, optional
        Range in which the number may lie; a float is the factor by which it may be too small or too large.
    """

    status: Status
    text: str
    prior: Prior | float | None = None

    def prior_of(self, value: Any) -> Prior | None:
        """Return the prior of a number with this source; a number of exactly zero has none by a factor.

        Examples
        --------
        >>> Source("assumed", "a guess", 2.0).prior_of(10.0)
        Prior(low=5.0, high=20.0, scale='log')
        """
        if not isinstance(value, float) or self.prior is None:
            return None
        if isinstance(self.prior, Prior):
            return self.prior
        low, high = sorted((value / self.prior, value * self.prior))
        return Prior(low, high, "log" if value > 0.0 else "linear") if value else None


class Row(NamedTuple):
    """One parameter as shown by ``ketasim mechanisms``."""

    name: str
    value: Any
    unit: str
    status: str
    source: str
    prior: Prior | None = None


def unit_of(annotation: Any) -> str | None:
    """Unit in an ``Annotated[type, ..., "unit", ...]``; None if it has none.

    Examples
    --------
    >>> unit_of(Annotated[float, "uM"])
    'uM'
    """
    return next((item for item in _metadata(annotation) if isinstance(item, str)), None)


def source_of(annotation: Any) -> Source | None:
    """`Source` in an ``Annotated[...]``; None if it has none."""
    return next((item for item in _metadata(annotation) if isinstance(item, Source)), None)


def describe(parameters: Any) -> list[Row]:
    """Rows for an instance of an annotated NamedTuple, or for such a class if all its fields have defaults."""
    values = parameters() if isinstance(parameters, type) else parameters
    hints = get_type_hints(type(values), include_extras=True)
    rows = []
    for name in values._fields:
        source = source_of(hints[name])
        limits: list[Any] = [note.le for note in _metadata(hints[name]) if isinstance(note, Le)]
        prior = source.prior_of(getattr(values, name)) if source else None
        if prior is not None and limits:
            prior = prior._replace(high=min(prior.high, *limits))
        rows.append(
            Row(
                name,
                getattr(values, name),
                unit_of(hints[name]) or "",
                source.status if source else "",
                source.text if source else "",
                prior,
            )
        )
    return rows


def _metadata(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()

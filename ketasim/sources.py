"""Provenance of numbers: the source and status of each parameter, shown to the user."""

from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

Status = Literal["verified", "secondary", "recalled", "computed", "fitted", "assumed"]


class Source(NamedTuple):
    """Status and origin of a number.

    Attributes
    ----------
    status : str
        ``verified`` (read in the source or in public model code), ``secondary`` (read in a review or another
        modeller's notes), ``recalled`` (from memory, not read), ``computed`` (from other rows), ``fitted`` or
        ``assumed``.
    text : str
        The source, or the reason for the assumption.
    """

    status: Status
    text: str


class Row(NamedTuple):
    """One parameter as shown by ``ketasim mechanisms``."""

    name: str
    value: Any
    unit: str
    status: str
    source: str


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
        rows.append(
            Row(
                name,
                getattr(values, name),
                unit_of(hints[name]) or "",
                source.status if source else "",
                source.text if source else "",
            )
        )
    return rows


def _metadata(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()

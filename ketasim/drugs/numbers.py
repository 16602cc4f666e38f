"""Every number of a drug file with its source and prior, and drugs with other numbers."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from annotated_types import Le, Lt

from ketasim.documents import from_mapping
from ketasim.documents.document import DataPath
from ketasim.documents.validation import unknown, validate
from ketasim.drugs.model import Drug, Stated
from ketasim.sources import Prior, Row


class Number(NamedTuple):
    """One number of a drug file.

    Attributes
    ----------
    name : str
        As ``ketasim drugs NAME`` shows it.
    path : tuple
        Place in the drug as plain data.
    value : float or bool
        In `unit`; of a switch such as `first_pass`, whether it is on.
    unit : str
        Unit in which ketasim writes it; empty for a ratio.
    block : Stated
        What states it.
    prior : Prior or None
        In the same unit.
    """

    name: str
    path: DataPath
    value: Any
    unit: str
    block: Stated
    prior: Prior | None


def numbers_of(drug: Drug) -> list[Number]:
    """Return every number of a drug file.

    Examples
    --------
    >>> from ketasim.drugs import load_catalogue
    >>> found = {one.name: one for one in numbers_of(load_catalogue()["memantine"])}
    >>> str(found["nmda.ic50_2a (memantine)"].prior)
    '0.5333 to 1.2, log'
    """
    return [one for one in _numbers(drug, "") if not isinstance(one.value, bool)]


def describe_drug(drug: Drug) -> list[Row]:
    """Return every number and switch of a drug file with unit, status, source and prior, for ``ketasim drugs NAME``."""
    return [
        Row(one.name, f"{one.value}".removesuffix(".0"), one.unit, one.block.status, one.block.source, one.prior)
        for one in _numbers(drug, "")
    ]


def redrawn(drug: Drug, name: str, values: Mapping[str, float]) -> dict[str, Any]:
    """Return a drug under another name with other numbers, as a drug file says it.

    Its numbers are its own, so that it is not given together with the drug it is made from.

    Parameters
    ----------
    drug : Drug
        What is changed.
    name : str
        Name of the new drug.
    values : mapping of str to float
        Name of a number -> its value in the unit of `numbers_of`.

    Raises
    ------
    KeyError
        The drug has no such number.
    DocumentError
        The drug cannot have this value.
    """
    data = drug.model_dump(mode="json", exclude_unset=True) | {"name": name}
    known = {one.name: one for one in numbers_of(drug)}
    for key, value in values.items():
        if key not in known:
            raise KeyError(unknown(f"number of {drug.name}", key, known))
        number = known[key]
        *holders, last = number.path
        place: Any = data
        for step in holders:
            place = place[step]
        plain = float(value)  # numpy's repr is not a number
        place[last] = f"{plain!r} {number.unit}" if number.unit else plain
    data = {key: value for key, value in data.items() if key not in ("also", "base", "differs")}
    validate(Drug, from_mapping(data, name))
    return data


def _numbers(item: Any, name: str, path: DataPath = ()) -> Iterator[Number]:
    if isinstance(item, Stated):
        yield from _of_block(item, name, path)
    elif isinstance(item, dict):
        for key, value in item.items():
            yield from _numbers(value, f"{name}.{key}" if name else key, (*path, key))
    elif isinstance(item, tuple):
        for place, value in enumerate(item):
            yield from _numbers(value, name, (*path, place))
    elif hasattr(item, "model_fields_set"):
        for key in type(item).model_fields:
            yield from _numbers(getattr(item, key), f"{name}.{key}" if name else key, (*path, key))


def _of_block(block: Stated, name: str, path: DataPath) -> Iterator[Number]:
    compounds = ", ".join(getattr(block, "of", ()))
    name = ".".join((name, *getattr(block, "about", ())))
    for key, text in block.model_dump(mode="json", exclude_unset=True).items():
        if isinstance(getattr(block, key), float | bool) and key != "prior":
            full = name if key == "value" else f"{name}.{key}"
            full += f" ({compounds})" if compounds else ""
            number, _, unit = str(text).partition(" ")
            value = text if isinstance(text, bool) else float(number)
            yield Number(full, (*path, key), value, unit, block, _prior(block, key, value))


def _prior(block: Stated, key: str, value: Any) -> Prior | None:
    if isinstance(block.prior, dict):
        low, high = block.prior.get(key, (1.0, 1.0))
    else:
        low, high = 1.0 / (block.prior or 1.0), block.prior or 1.0
    if isinstance(value, bool) or value == 0.0 or low == high:
        return None
    notes = type(block).model_fields[key].metadata
    limits: list[Any] = [note.le for note in notes if isinstance(note, Le)]
    limits += [math.nextafter(note.lt, 0.0) for note in notes if isinstance(note, Lt)]  # type: ignore[arg-type]
    largest = min([value * high, *limits])
    return Prior(value * low, largest) if value * low < largest else None

"""Converts quantities with units, such as ``40 min``, to plain numbers in internal units.

Units are products of powers of SI symbols with prefixes. Factors are exact fractions, so a number is rounded only once.
"""

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from ketasim.documents.nearest import did_you_mean, shown


class Unit(NamedTuple):
    """A unit as a multiple of a product of base units, where ``kg`` is a kilogram of body weight."""

    factor: Fraction
    powers: dict[str, int]


_BASES = {base: (Fraction(1), {base: 1}) for base in ("s", "g", "mol", "m", "V", "A", "K")}
_NAMED = {
    "L": (Fraction("1e-3"), {"m": 3}),
    "l": (Fraction("1e-3"), {"m": 3}),
    "M": (Fraction(1000), {"mol": 1, "m": -3}),
    "Hz": (Fraction(1), {"s": -1}),
    "S": (Fraction(1), {"A": 1, "V": -1}),
    "F": (Fraction(1), {"A": 1, "s": 1, "V": -1}),
}
_PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "c": -2, "d": -1, "": 0, "k": 3}
_TIMES = {"min minute minutes": 60, "h hour hours": 3600, "d day days": 86_400, "week weeks": 604_800}
_SYMBOLS = {
    prefix + name: Unit(factor * Fraction(10) ** exponent, powers)
    for name, (factor, powers) in (_BASES | _NAMED).items()
    for prefix, exponent in _PREFIXES.items()
} | {name: Unit(Fraction(seconds), {"s": 1}) for names, seconds in _TIMES.items() for name in names.split()}
_BODY_WEIGHT = Unit(Fraction(1), {"kg": 1})

_NUMBER = re.compile(
    r"\s*([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)(?![0-9.]|[eE][-+]?[0-9])\s*(.*)",
    re.S,
)
_ATOM = r"([A-Za-z]+)(?:\^(-?[1-4]))?"
_UNIT = re.compile(rf"(?:1|{_ATOM})(?:[*/ ]{_ATOM})*")
_LONGEST = 80


@lru_cache(maxsize=512)
def parse_unit(text: str) -> Unit | None:
    """Return the unit given by a text such as ``mL/min/kg`` or ``M^-1 s^-1``, or None if it is unknown.

    A kilogram in the denominator is one of body weight, so that mg/kg is not a plain number.

    Examples
    --------
    >>> parse_unit("1/mM/s") == parse_unit("L/mol/ms"), parse_unit("mg/kg").powers
    (True, {'g': 1, 'kg': -1})
    """
    if not _UNIT.fullmatch(text):
        return None
    factor, powers = Fraction(1), dict[str, int]()
    for sign, name, exponent in re.findall(rf"([*/ ]?){_ATOM}", text):
        power = int(exponent or 1) * (-1 if sign == "/" else 1)
        unit = _BODY_WEIGHT if name == "kg" and power < 0 else _SYMBOLS.get(name)
        if unit is None:
            return None
        factor *= unit.factor**power
        for base, count in unit.powers.items():
            powers[base] = powers.get(base, 0) + count * power
    return Unit(factor, {base: count for base, count in powers.items() if count})


#: Kinds of quantities: their names in messages, and the units suggested.
_KINDS = {
    "a time": "s, min, h, d",
    "a mass": "mg, g, kg",
    "a mass per body weight": "mg/kg, ug/kg",
    "a molar concentration": "nM, uM, mM",
    "a mass concentration": "ng/mL, mg/L",
    "a voltage": "mV",
    "a conductance": "nS",
    "a capacitance": "pF",
    "a current": "pA, nA",
    "a rate": "1/s, 1/min, 1/h, Hz",
    "a binding rate": "1/uM/s, 1/M/s",
    "a volume": "L, mL",
    "a volume per body weight": "L/kg, mL/kg",
    "a flow": "L/h, mL/min",
    "a flow per body weight": "L/h/kg, mL/min/kg",
    "a molar mass": "g/mol",
    "a length": "um, mm",
    "a speed": "um/ms, m/s",
}
_KIND_POWERS = {kind: unit.powers for kind, names in _KINDS.items() if (unit := parse_unit(names.split(",")[0]))}


@lru_cache(maxsize=512)
def _kind(unit: str) -> str | None:
    """Return the kind of quantity measured in a unit."""
    found = parse_unit(unit)
    return next((kind for kind, powers in _KIND_POWERS.items() if found and powers == found.powers), None)


def suggested(unit: str) -> list[str]:
    """Return the units to suggest for a quantity expected in some unit.

    Examples
    --------
    >>> suggested("ms")
    ['s', 'min', 'h', 'd']
    """
    kind = _kind(unit)
    return _KINDS[kind].split(", ") if kind else [unit]


def wanted(unit: str) -> str:
    """Return the message that asks for a quantity in some unit.

    Examples
    --------
    >>> wanted("s")
    'expected a time (s, min, h, d)'
    """
    if unit == "1":
        return "expected a number without unit"
    kind = _kind(unit)
    return f"expected {kind} ({_KINDS[kind]})" if kind else f"expected a quantity in {unit}"


def parse_quantity(value: Any, unit: str) -> float:
    """Return a quantity as a number in a given unit.

    Parameters
    ----------
    value : str or float
        Text such as ``40 min``; for the unit ``1`` a plain number.
    unit : str
        Unit of the result, such as ``s``; ``1`` means a number without unit.

    Raises
    ------
    ValueError
        The unit is missing, unknown or of a different kind, or the number is not finite; the message says what was
        expected.

    Examples
    --------
    >>> parse_quantity("40 min", "s"), parse_quantity("6e5 1/M/s", "1/uM/s"), parse_quantity(0.5, "1")
    (2400.0, 0.6, 0.5)
    >>> parse_quantity("5 mg", "s")
    Traceback (most recent call last):
    ValueError: '5 mg' is a mass; expected a time (s, min, h, d)
    """
    if unit == "1":
        return _plain_number(value)
    number, written = _split(value, wanted(unit))
    return _in_unit(number * _factor(written, unit, value, wanted(unit)), value)


def format_quantity(value: float, unit: str) -> str | float:
    """Return a number in an internal unit as text for a file; `parse_quantity` reads it back exactly.

    Examples
    --------
    >>> format_quantity(2400.0, "s"), format_quantity(0.5, "1")
    ('2400 s', 0.5)
    """
    return value if unit == "1" else f"{_short(value)} {unit}"


class DoseAmount(NamedTuple):
    """Amount of one dose: mg, or mg per kg of body weight.

    Examples
    --------
    >>> DoseAmount(0.5, per_kg=True).milligrams(weight_kg=70.0)
    35.0
    """

    value: float
    per_kg: bool

    def milligrams(self, weight_kg: float) -> float:
        """Return the amount in mg for a subject with a body weight in kg."""
        return self.value * weight_kg if self.per_kg else self.value

    def __str__(self) -> str:
        return f"{_short(self.value)} {'mg/kg' if self.per_kg else 'mg'}"


def parse_dose_amount(value: Any) -> DoseAmount:
    """Return the amount of a dose, in mg or in mg per kg of body weight.

    Parameters
    ----------
    value : str
        Text such as ``0.5 mg/kg`` or ``35 mg``.

    Raises
    ------
    ValueError
        It is neither, or it is negative.

    Examples
    --------
    >>> parse_dose_amount("500 ug/kg"), parse_dose_amount("35 mg")
    (DoseAmount(value=0.5, per_kg=True), DoseAmount(value=35.0, per_kg=False))
    """
    ask = "expected an amount such as 0.5 mg/kg or 35 mg"
    number, written = _split(value, ask)
    per_kg = _kind(written) == _kind("mg/kg")
    factor = _factor(written, "mg/kg" if per_kg else "mg", value, ask)
    if number < 0:
        raise ValueError(f"{shown(value)} is negative; an amount must be at least 0")
    return DoseAmount(_in_unit(number * factor, value), per_kg)


def _in_unit(number: Fraction, value: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValueError(f"{shown(value)} is too large") from None


def _plain_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        digits, written = _split_text(value) if isinstance(value, str) else ("", "")
        advice = f"; remove the unit {shown(written)}" if written else "; remove the quotation marks"
        raise ValueError(f"{wanted('1')}, got {shown(value)}{advice if digits else ''}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{shown(value)} is not a finite number")
    return number


def _split(value: Any, ask: str) -> tuple[Fraction, str]:
    """Return the number and the unit text of a quantity that must have a unit."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{shown(value)} has no unit; {ask}")
    if not isinstance(value, str):
        raise ValueError(f"{ask}, got {shown(value)}")
    number, written = _split_text(value)
    if len(value) > _LONGEST or not number:
        raise ValueError(f"{shown(value)} is not a finite number with a unit; {ask}")
    if not written:
        raise ValueError(f"{shown(value)} has no unit; {ask}")
    return Fraction(number), written


def _split_text(value: str) -> tuple[str, str]:
    found = _NUMBER.fullmatch(value)
    return (found[1], _normal(found[2])) if found else ("", "")


def _normal(unit: str) -> str:
    """Return a unit text in one spelling: plain letters, no blanks around signs, ``1/s`` for ``/s``."""
    unit = unit.strip().replace("µ", "u").replace("μ", "u").replace("·", "*").replace("**", "^")
    unit = re.sub(r"\s*([*/^\s])\s*", r"\1", unit)
    return "1" + unit if unit.startswith("/") else unit


def _factor(written: str, unit: str, value: Any, ask: str) -> Fraction:
    """Return the factor from the written unit to the expected unit."""
    if written == unit:
        return Fraction(1)
    have, want = parse_unit(written), parse_unit(unit)
    if want is None:
        raise LookupError(f"the expected unit '{unit}' is unknown")
    if have is None:
        near = did_you_mean(written, suggested(unit))
        raise ValueError(f"{shown(value)} has the unknown unit {shown(written)}; {ask}{near}")
    if have.powers != want.powers:
        raise ValueError(f"{shown(value)} is {_kind(written) or 'a different kind of quantity'}; {ask}")
    return have.factor / want.factor


def _short(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)

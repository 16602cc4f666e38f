"""Converts quantities with units, such as ``40 min``, to plain numbers in internal units.

Units are products of powers of SI symbols with prefixes. Factors are exact fractions, so a number is rounded only once.
"""

import math
import re
import unicodedata
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
_PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "mc": -6, "m": -3, "c": -2, "d": -1, "": 0, "k": 3}
_TIMES = {
    "sec second seconds": 1,
    "min mins minute minutes": 60,
    "h hr hrs hour hours": 3600,
    "d day days": 86_400,
    "week weeks": 604_800,
}
#: Pounds, as in orders per body weight; in g.
_POUND = Fraction("453.59237")
_SYMBOLS = {
    prefix + name: Unit(factor * Fraction(10) ** exponent, powers)
    for name, (factor, powers) in (_BASES | _NAMED).items()
    for prefix, exponent in _PREFIXES.items()
} | {name: Unit(Fraction(seconds), {"s": 1}) for names, seconds in _TIMES.items() for name in names.split()}
_SYMBOLS |= {name: Unit(_POUND, {"g": 1}) for name in ("lb", "lbs")}
#: Masses that, in a denominator, are of body weight.
_BODY_WEIGHT = {name: Unit(_SYMBOLS[name].factor / 1000, {"kg": 1}) for name in ("kg", "lb", "lbs")}

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

    A kilogram or a pound in the denominator is of body weight, so that mg/kg is not a plain number.

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
        unit = _BODY_WEIGHT.get(name) if power < 0 else None
        unit = unit or _SYMBOLS.get(name)
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
    "a mass per time": "mg/h, ug/min",
    "a mass per body weight and time": "mg/kg/h, ug/kg/min",
    "an amount of substance": "umol, mmol",
    "an amount of substance per body weight": "umol/kg",
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


#: Units in which a dose is kept; one of the same kind is converted.
_DOSES = ("mg/kg", "mg", "umol/kg", "umol")


class DoseAmount(NamedTuple):
    """Amount of one dose, or of an infusion per hour.

    Attributes
    ----------
    value : float
        Number in `unit`.
    unit : str
        ``mg``, ``mg/kg`` of body weight, ``umol`` or ``umol/kg``; with ``/h`` if it is a rate.

    Examples
    --------
    >>> DoseAmount(0.5, "mg/kg").milligrams(weight_kg=70.0)
    35.0
    >>> str(DoseAmount(0.75, "mg/kg/h"))
    '0.75 mg/kg/h'
    """

    value: float
    unit: str

    def milligrams(self, weight_kg: float, molar_mass: float = math.nan) -> float:
        """Return the amount, or the amount per hour, in mg.

        Parameters
        ----------
        weight_kg : float
            Body weight.
        molar_mass : float
            g/mol of the drug as amounts state it; needed for ``umol`` only.
        """
        amount = self.value * weight_kg if "/kg" in self.unit else self.value
        return amount * molar_mass * 1e-3 if self.unit.startswith("umol") else amount

    def __str__(self) -> str:
        return f"{_short(self.value)} {self.unit}"


def parse_dose_amount(value: Any, per_hour: bool = False) -> DoseAmount:
    """Return the amount of a dose: a mass or an amount of substance, by itself or per body weight.

    Parameters
    ----------
    value : str
        Text such as ``0.5 mg/kg``, ``35 mg`` or ``2 umol/kg``.
    per_hour : bool
        Whether it is the rate of an infusion instead, such as ``0.75 mg/kg/h`` or ``5 mcg/kg/min``.

    Raises
    ------
    ValueError
        It is none of these, or it is negative.

    Examples
    --------
    >>> parse_dose_amount("500 mcg/kg"), parse_dose_amount("35 mg")
    (DoseAmount(value=0.5, unit='mg/kg'), DoseAmount(value=35.0, unit='mg'))
    >>> parse_dose_amount("5 ug/kg/min", per_hour=True)
    DoseAmount(value=0.3, unit='mg/kg/h')
    """
    ask = f"expected {'a rate such as 0.75 mg/kg/h or 50 mg/h' if per_hour else 'an amount such as 0.5 mg/kg or 35 mg'}"
    number, written = _split(value, ask)
    units = [f"{unit}/h" for unit in _DOSES] if per_hour else list(_DOSES)
    have, usual = parse_unit(written), units["/k" not in written]
    unit = next((unit for unit in units if have and have.powers == _powers(unit)), usual)
    factor = _factor(written, unit, value, ask)
    if number < 0:
        raise ValueError(f"{shown(value)} is negative; {'a rate' if per_hour else 'an amount'} must be at least 0")
    return DoseAmount(_in_unit(number * factor, value), unit)


def _powers(unit: str) -> dict[str, int]:
    found = parse_unit(unit)
    return found.powers if found else {}


def _in_unit(number: Fraction, value: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValueError(f"{shown(value)} is too large") from None


def _plain_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        if isinstance(value, str) and "," in value and (spelling := _other_spelling(value)):
            raise ValueError(f"{shown(value)} {spelling}")
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
    if advice := _other_spelling(value):
        raise ValueError(f"{shown(value)} {advice}")
    if len(value) > _LONGEST or not number:
        raise ValueError(f"{shown(value)} is not a finite number with a unit; {ask}")
    if not written:
        raise ValueError(f"{shown(value)} has no unit; {ask}")
    return Fraction(number), written


#: Spellings that are common elsewhere and mean something else or nothing here, with what is said of them.
_ELSEWHERE = {
    r"[-+]?[\d.]*,\d.*": "has a comma in its number; write a decimal point, as in 0.5, and no separator of thousands",
    r"-?P(?=[\dT])[\d.,YMWDTHS]+": "is an ISO 8601 duration; write a number with a unit, such as 40 min or 2 d",
    r"\d{4}-\d\d?-\d\d?.*": "is a date; times are counted from time zero, such as 2 d",
    r"\d+:\d\d(:\d\d)?(\s*h)?": "is a time of day; times are counted from time zero, such as 40 min or 1.5 h",
}


def _other_spelling(value: str) -> str | None:
    """Return what is wrong with a number or time written as in other places."""
    return next((advice for form, advice in _ELSEWHERE.items() if re.fullmatch(form, value.strip(), re.S)), None)


def _split_text(value: str) -> tuple[str, str]:
    found = _NUMBER.fullmatch(value)
    return (found[1], _normal(found[2])) if found else ("", "")


def _normal(unit: str) -> str:
    """Return a unit text in one spelling: plain letters, no blanks around signs, ``1/s``, ``kg^-1``."""
    unit = unicodedata.normalize("NFKC", unit).strip().replace("μ", "u").replace("\N{MINUS SIGN}", "-")
    unit = unit.replace("·", "*").replace("\N{DOT OPERATOR}", "*").replace("**", "^")
    unit = re.sub(r"(?<=[A-Za-z])(?=-[1-4]\b)", "^", re.sub(r"\s*([*/^\s])\s*", r"\1", unit))
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


def with_micro_sign(unit: str) -> str:
    """Return a unit as printed for people; in files, units are plain letters.

    Examples
    --------
    >>> with_micro_sign("uM"), with_micro_sign("ug/kg"), with_micro_sign("nA uM")
    ('µM', 'µg/kg', 'nA µM')
    """
    return re.sub(r"\bu(?=[A-Za-z])", "\N{MICRO SIGN}", unit)


#: Units of time in messages, longest first.
_LENGTHS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))


def in_words(seconds: float) -> str:
    """Return a time exactly, as text in the largest unit that gives a short number.

    Examples
    --------
    >>> in_words(2400.0), in_words(302400.0), in_words(0.0)
    ('40 min', '3.5 d', '0 s')
    """
    for unit, length in _LENGTHS:
        if seconds and abs(seconds) >= length and round(seconds / length, 3) * length == seconds:
            return f"{_short(seconds / length)} {unit}"
    return f"{_short(seconds)} s"


def about(seconds: float) -> str:
    """Return a time to two digits or to the whole number, in the unit in which people would say it.

    Examples
    --------
    >>> about(2410.0), about(796140.0), about(5400.0), about(-360.0), about(0.5)
    ('40 min', '9.2 d', '1.5 h', '-6 min', '0.5 s')
    """
    unit, length = next(((unit, length) for unit, length in _LENGTHS if abs(seconds) >= 0.995 * length), _LENGTHS[-1])
    count = seconds / length
    return f"{round(count, 1 if abs(count) < 9.95 else 0):g} {unit}"

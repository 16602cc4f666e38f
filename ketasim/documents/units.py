"""Quantities with units, such as ``40 min``, to plain numbers in internal units.

The usual unit texts are converted by an exact table, without pint, whose import takes half a second; every
other unit is left to pint. Both agree to rounding (a test compares them).
"""

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from ketasim.documents.nearest import did_you_mean, shown


class Kind(NamedTuple):
    """A kind of quantity: what messages call it, the units they suggest, factors by unit text."""

    noun: str
    suggested: str
    factors: dict[str, Fraction]


def _kind(noun: str, suggested: str, factors: str) -> Kind:
    """Make a kind from ``unit=factor`` words; factors are exact and relative to one unit of the kind."""
    pairs = (word.rsplit("=", 1) for word in factors.split())
    return Kind(noun, suggested, {unit: Fraction(factor) for unit, factor in pairs})


_KINDS = (
    _kind("a time", "s, min, h, d", "us=1e-6 ms=1e-3 s=1 min=60 h=3600 d=86400"),
    _kind("a mass", "mg, g, kg", "ng=1e-6 ug=1e-3 mg=1 g=1e3 kg=1e6"),
    _kind("a mass per body weight", "mg/kg, ug/kg", "ng/kg=1e-6 ug/kg=1e-3 mg/kg=1 g/kg=1e3"),
    _kind("a molar concentration", "nM, uM, mM", "pM=1e-6 nM=1e-3 uM=1 mM=1e3 M=1e6"),
    _kind("a mass concentration", "ng/mL, mg/L", "ng/L=1e-3 ng/mL=1 ug/L=1 ug/mL=1e3 mg/L=1e3 mg/mL=1e6 g/L=1e6"),
    _kind("a voltage", "mV", "uV=1e-3 mV=1 V=1e3"),
    _kind("a conductance", "nS", "pS=1e-3 nS=1 uS=1e3 mS=1e6 S=1e9"),
    _kind("a capacitance", "pF", "fF=1e-3 pF=1 nF=1e3 uF=1e6 F=1e12"),
    _kind("a current", "pA, nA", "fA=1e-3 pA=1 nA=1e3 uA=1e6 mA=1e9 A=1e12"),
    _kind(
        "a rate",
        "1/s, 1/min, 1/h, Hz",
        "1/ms=1e3 1/s=1 1/min=1/60 1/h=1/3600 1/d=1/86400 mHz=1e-3 Hz=1 kHz=1e3",
    ),
    _kind("a binding rate", "1/uM/s, 1/M/s", "1/M/s=1e-6 1/mM/s=1e-3 1/uM/s=1 1/nM/s=1e3 1/uM/ms=1e3"),
    _kind("a volume", "L, mL", "uL=1e-6 mL=1e-3 dL=1e-1 L=1"),
    _kind("a volume per body weight", "L/kg, mL/kg", "mL/kg=1e-3 L/kg=1"),
    _kind("a flow", "L/h, mL/min", "mL/h=1e-3 mL/min=6e-2 L/h=1 L/min=60 L/s=3600"),
    _kind("a flow per body weight", "L/h/kg, mL/min/kg", "mL/h/kg=1e-3 mL/min/kg=6e-2 L/h/kg=1 L/min/kg=60"),
    _kind("a molar mass", "g/mol", "g/mol=1 kg/mol=1e3"),
    _kind("a length", "um, mm", "nm=1e-3 um=1 mm=1e3 m=1e6"),
    _kind("a speed", "um/ms, m/s", "um/s=1e-3 um/ms=1 mm/s=1 mm/ms=1e3 m/s=1e3"),
)
_KIND_OF = {unit: kind for kind in _KINDS for unit in kind.factors}

_NUMBER = re.compile(
    r"\s*([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)(?![0-9.]|[eE][-+]?[0-9])\s*(.*)",
    re.S,
)
_ATOM = r"(?:[A-Za-z]+(?:\^-?[1-4])?)"
# What may be handed to pint: products and quotients of names with small exponents.
_UNIT = re.compile(rf"(?:1|{_ATOM})(?: ?[*/ ] ?{_ATOM})*")
_LONGEST = 80


def parse_quantity(value: Any, unit: str) -> float:
    """Return a quantity as a number in a wanted unit.

    Parameters
    ----------
    value : text such as ``40 min``; for the unit ``1`` a plain number.
    unit : the unit of the result, such as ``s``; ``1`` means a number without unit.

    Raises
    ------
    ValueError
        The unit is missing, unknown or of another kind, or the number is not finite; the message says what is
        wanted.

    Examples
    --------
    >>> parse_quantity("40 min", "s"), parse_quantity("6e5 1/M/s", "1/uM/s"), parse_quantity(0.5, "1")
    (2400.0, 0.6, 0.5)
    >>> parse_quantity("5 mg", "s")
    Traceback (most recent call last):
    ValueError: '5 mg' is a mass; a time is wanted, such as s, min, h, d
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


def wanted(unit: str) -> str:
    """Return what to ask for where a quantity in some unit belongs.

    Examples
    --------
    >>> wanted("s")
    'a time is wanted, such as s, min, h, d'
    """
    if unit == "1":
        return "a number without unit is wanted"
    kind = _KIND_OF.get(_normal(unit))
    return f"{kind.noun} is wanted, such as {kind.suggested}" if kind else f"a quantity in {unit} is wanted"


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
        """Return the amount in mg for a subject of a body weight in kg."""
        return self.value * weight_kg if self.per_kg else self.value

    def __str__(self) -> str:
        return f"{_short(self.value)} {'mg/kg' if self.per_kg else 'mg'}"


def parse_dose_amount(value: Any) -> DoseAmount:
    """Return the amount of a dose, in mg or in mg per kg of body weight.

    Parameters
    ----------
    value : text such as ``0.5 mg/kg`` or ``35 mg``. The two are told apart by the text: to pint, mg/kg would
        be a plain number.

    Raises
    ------
    ValueError
        It is neither, or it is negative.

    Examples
    --------
    >>> parse_dose_amount("500 ug/kg"), parse_dose_amount("35 mg")
    (DoseAmount(value=0.5, per_kg=True), DoseAmount(value=35.0, per_kg=False))
    """
    ask = "an amount is wanted, such as 0.5 mg/kg or 35 mg"
    number, written = _split(value, ask)
    per_kg = _KIND_OF.get(written) is _KIND_OF["mg/kg"]
    factor = _factor(written, "mg/kg" if per_kg else "mg", value, ask)
    if number < 0:
        raise ValueError(f"{shown(value)} is negative; an amount is at least 0")
    return DoseAmount(_in_unit(number * factor, value), per_kg)


def _in_unit(number: Fraction, value: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValueError(f"{shown(value)} is too large") from None


def _plain_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        digits, written = _split_text(value) if isinstance(value, str) else ("", "")
        advice = f"; leave out the unit {shown(written)}" if written else ", without quotation marks"
        advice = advice if digits else ""
        raise ValueError(f"{shown(value)} is {_what(value)}; a number without unit is wanted{advice}")
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
        raise ValueError(f"{shown(value)} is {_what(value)}; {ask}")
    if len(value) > _LONGEST or not _NUMBER.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a finite number with a unit; {ask}")
    number, written = _split_text(value)
    if not written:
        raise ValueError(f"{shown(value)} has no unit; {ask}")
    return Fraction(number), written


def _split_text(value: str) -> tuple[str, str]:
    found = _NUMBER.fullmatch(value)
    return (found[1], _normal(found[2])) if found else ("", "")


def _normal(unit: str) -> str:
    """Return a unit text in one spelling: plain letters, no blanks around signs, ``1/s`` for ``/s``."""
    unit = unit.strip().replace("µ", "u").replace("μ", "u").replace("·", "*").replace("**", "^")
    unit = re.sub(r"\s*([*/^])\s*", r"\1", unit)
    return "1" + unit if unit.startswith("/") else unit


def _factor(written: str, unit: str, value: Any, ask: str) -> Fraction:
    """Return how many of the wanted unit one of the written unit is."""
    unit = _normal(unit)
    if written == unit:
        return Fraction(1)
    have, want = _KIND_OF.get(written), _KIND_OF.get(unit)
    if have is not None and want is not None:
        if have is not want:
            raise ValueError(f"{shown(value)} is {have.noun}; {ask}")
        return have.factors[written] / have.factors[unit]
    return _factor_by_pint(written, unit, value, ask)


def _factor_by_pint(written: str, unit: str, value: Any, ask: str) -> Fraction:
    source, target = _pint_unit(written), _pint_unit(unit)
    if source is None:
        near = did_you_mean(written, _KIND_OF[unit].factors if unit in _KIND_OF else (unit,))
        raise ValueError(f"{shown(value)} has the unknown unit {shown(written)}; {ask}{near}")
    if target is None:
        raise LookupError(f"the wanted unit '{unit}' is unknown")
    if source.dimensionality != target.dimensionality or (_per_weight(source) != _per_weight(target)):
        nouns = (kind.noun for kind in _KINDS if _alike(source, next(iter(kind.factors))))
        raise ValueError(f"{shown(value)} is {next(nouns, 'of another kind')}; {ask}")
    return Fraction(_registry().convert(1.0, source, target))


def _alike(source: Any, unit: str) -> bool:
    other = _pint_unit(unit)
    return source.dimensionality == other.dimensionality and _per_weight(source) == _per_weight(other)


def _per_weight(unit: Any) -> bool:
    """Say whether a pint unit without dimension is a mass over a mass, which is more than a plain number."""
    names = [name for name, _ in (1 * unit).unit_items()]
    masses = [name for name in names if _registry().Unit(name).dimensionality == {"[mass]": 1}]
    return not unit.dimensionality and len(masses) > 1


@lru_cache
def _pint_unit(text: str) -> Any:
    """Return pint's unit of a unit text, or None where it has none."""
    if not _UNIT.fullmatch(text):
        return None
    try:
        unit = _registry().parse_units(text)
        # A zero that is not zero elsewhere (degrees Celsius, decibels) makes a unit without a factor.
        return unit if (0.0 * unit).to_base_units().magnitude == 0.0 else None
    except Exception:  # pint lets its parser's errors of many classes through
        return None


@lru_cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(cache_folder=None)


def _what(value: object) -> str:
    if isinstance(value, str):
        return "text"
    return "a truth value" if isinstance(value, bool) else "no number"


def _short(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)

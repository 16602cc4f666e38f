"""Quantities: exact factors, checked against pint, and messages that say what was expected."""

import contextlib
import math
from functools import cache

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.documents import DoseAmount, format_quantity, parse_dose_amount, parse_quantity
from ketasim.documents.units import _SYMBOLS, parse_unit

pint_registry = cache(pint.UnitRegistry)

TIME = "expected a time (s, min, h, d)"


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("40 min", "s", 2400.0),
        ("0.5h", "s", 1800.0),
        ("3.5 d", "s", 302400.0),
        ("2 weeks", "s", 1209600.0),
        ("0.1 ms", "s", 1e-4),
        ("10 uM", "uM", 10.0),
        ("3 µM", "uM", 3.0),
        ("3 μg", "mg", 0.003),
        ("185 ng/mL", "ng/mL", 185.0),
        ("0.185 mg/L", "ng/mL", 185.0),
        ("6e5 1/M/s", "1/uM/s", 0.6),
        ("6e5 M^-1 s^-1", "1/uM/s", 0.6),
        ("5 /s", "1/s", 5.0),
        ("2 Hz", "1/s", 2.0),
        ("3 mL/kg/min", "L/h/kg", 0.18),
        ("237.7 g / mol", "g/mol", 237.7),
        ("-70 mV", "mV", -70.0),
        (0.5, "1", 0.5),
        (3, "1", 3.0),
    ],
)
def test_quantities_are_converted(text, unit, value):
    """Catches a wrong factor, a spelling that is not understood, a rounding that need not be."""
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("name", sorted(_SYMBOLS))
def test_symbols_are_pint_s(name):
    """Catches a wrong factor, or a symbol that means something else to pint (the judge of what a unit is)."""
    registry = pint_registry()
    by_pint, ours = registry.Quantity(1.0, name), parse_unit(name)
    base = " * ".join(f"{symbol}^{count}" for symbol, count in ours.powers.items())
    assert by_pint.to(base).magnitude == pytest.approx(float(ours.factor), rel=1e-12)


@pytest.mark.parametrize(
    "text", ["1/uM/ms", "mL/kg/min", "M^-1 s^-1", "L/h/kg", "kg/mol", "g m^2 / s^3 / A", "um^2/ms", "kHz"]
)
def test_products_are_pint_s(text):
    """Catches a power that is dropped or that stands on the wrong side of a division."""
    registry = pint_registry()
    unit = parse_unit(text.replace(" / ", "/"))
    base = registry.Quantity(float(unit.factor), " * ".join(f"{name}^{count}" for name, count in unit.powers.items()))
    assert (registry.Quantity(1.0, text) / base).to("").magnitude == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "2", "1/", "s^9", "s^9^9", "s**s", "__import__", "min/", "/s", "s//s", "Ms", "cd", "s" * 80]
)
def test_what_is_no_unit(text):
    """Catches text that is taken for a unit, or that an evaluation would run."""
    assert parse_unit(text) is None


@pytest.mark.parametrize(
    ("value", "unit", "message"),
    [
        ("5 mg", "s", f"'5 mg' is a mass; {TIME}"),
        ("0.5 mg/kg", "s", f"'0.5 mg/kg' is a mass per body weight; {TIME}"),
        ("3 furlong", "s", f"'3 furlong' has the unknown unit 'furlong'; {TIME}"),
        ("3 mm", "s", f"'3 mm' is a length; {TIME}"),
        ("3 A^2", "s", f"'3 A^2' is a different kind of quantity; {TIME}"),
        (40, "s", f"40 has no unit; {TIME}"),
        ("40", "s", f"'40' has no unit; {TIME}"),
        ("5 mni", "s", f"'5 mni' has the unknown unit 'mni'; {TIME}; did you mean min?"),
        ("soon", "s", f"'soon' is not a finite number with a unit; {TIME}"),
        ("nan s", "s", f"'nan s' is not a finite number with a unit; {TIME}"),
        ("inf h", "s", f"'inf h' is not a finite number with a unit; {TIME}"),
        ("1e999 s", "s", "'1e999 s' is too large"),
        ("1e99999999 s", "s", f"'1e99999999 s' is not a finite number with a unit; {TIME}"),
        ("1,5 h", "s", f"'1,5 h' has the unknown unit ',5 h'; {TIME}"),
        ("3 s^9^9^9^9", "s", f"'3 s^9^9^9^9' has the unknown unit 's^9^9^9^9'; {TIME}"),
        (None, "s", f"{TIME}, got nothing"),
        (True, "s", f"{TIME}, got true"),
        ([1], "s", f"{TIME}, got a list"),
        (
            "2 ug/mL",
            "uM",
            "'2 ug/mL' is a mass concentration; expected a molar concentration (nM, uM, mM)",
        ),
        ("5 1/s", "1/uM/s", "'5 1/s' is a rate; expected a binding rate (1/uM/s, 1/M/s)"),
        ("37 degC", "K", "'37 degC' has the unknown unit 'degC'; expected a quantity in K"),
        ("0.5", "1", "expected a number without unit, got '0.5'; remove the quotation marks"),
        ("50 %", "1", "expected a number without unit, got '50 %'; remove the unit '%'"),
        ("half", "1", "expected a number without unit, got 'half'"),
        (True, "1", "expected a number without unit, got true"),
        (math.nan, "1", "nan is not a finite number"),
        (math.inf, "1", "inf is not a finite number"),
        (10**400, "1", None),
    ],
)
def test_wrong_quantities_say_what_is_wanted(value, unit, message):
    """Catches a wrong quantity that passes (as pint lets mg/kg pass for a number), or an unclear message."""
    with pytest.raises(ValueError) as caught:
        parse_quantity(value, unit)
    if message:
        assert str(caught.value) == message


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["s", "uM", "1/uM/s", "mV", "1", "L/h/kg", "ng/mL"]),
)
def test_text_of_a_quantity_is_read_back_exactly(value, unit):
    """Catches a resolved experiment that differs in the last digit from the one it came from."""
    assert parse_quantity(format_quantity(value, unit), unit) == value


@given(st.text(max_size=30) | st.from_regex(r"[0-9.]{1,4} ?[a-zA-Z/*^µ%-]{0,8}", fullmatch=True))
def test_any_text_is_a_number_or_a_value_error(text):
    """Catches errors of pint's parser that would reach the user as tracebacks."""
    with contextlib.suppress(ValueError):
        assert math.isfinite(parse_quantity(text, "s"))


def test_amounts_per_weight_and_plain_are_told_apart():
    """Catches mg/kg taken for a plain number or for mg: a seventyfold error of dose."""
    assert parse_dose_amount("500 µg/kg") == DoseAmount(0.5, per_kg=True)
    assert parse_dose_amount("0.035 g") == DoseAmount(35.0, per_kg=False)
    assert parse_dose_amount("0.5 mg/kg").milligrams(70.0) == parse_dose_amount("35 mg").milligrams(70.0) == 35.0
    assert parse_dose_amount(str(DoseAmount(0.1, per_kg=True))) == DoseAmount(0.1, per_kg=True)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("-1 mg", "'-1 mg' is negative; an amount must be at least 0"),
        ("-1e-400 mg", "'-1e-400 mg' is negative; an amount must be at least 0"),
        ("5", "'5' has no unit; expected an amount such as 0.5 mg/kg or 35 mg"),
        (5, "5 has no unit; expected an amount such as 0.5 mg/kg or 35 mg"),
        ("5 s", "'5 s' is a time; expected an amount such as 0.5 mg/kg or 35 mg"),
        (
            "5 mgg",
            "'5 mgg' has the unknown unit 'mgg'; expected an amount such as 0.5 mg/kg or 35 mg; did you mean mg?",
        ),
    ],
)
def test_wrong_amounts_say_what_is_wanted(value, message):
    """Catches a negative dose or a message that asks for a mass where mg/kg is usual."""
    with pytest.raises(ValueError) as caught:
        parse_dose_amount(value)
    assert str(caught.value) == message

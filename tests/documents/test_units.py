"""Quantities: exact factors, checked against pint, and messages that say what was expected."""

import contextlib
import math
from functools import cache

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.documents import DoseAmount, format_quantity, parse_dose_amount, parse_quantity
from ketasim.documents.units import _SYMBOLS, about, in_words, parse_unit

pint_registry = cache(pint.UnitRegistry)

TIME = "expected a time (s, min, h, d)"
AMOUNT = "expected an amount such as 0.5 mg/kg or 35 mg"
COMMA = "has a comma in its number; write a decimal point, as in 0.5, and no separator of thousands"
ISO = "is an ISO 8601 duration; write a number with a unit, such as 40 min or 2 d"


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
        ("3 mcg", "mg", 0.003),
        ("154 lb", "kg", 69.85322498),
        ("2 hrs", "s", 7200.0),
        ("3 mL kg-1 min-1", "L/h/kg", 0.18),
        ("3 mL·kg⁻¹·min⁻¹", "L/h/kg", 0.18),
        ("3\N{NO-BREAK SPACE}mL kg\N{MINUS SIGN}1 min\N{MINUS SIGN}1", "L/h/kg", 0.18),
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
        ("1,5 h", "s", f"'1,5 h' {COMMA}"),
        ("1.000,5 mg", "mg", f"'1.000,5 mg' {COMMA}"),
        ("1,000.5 mg", "mg", f"'1,000.5 mg' {COMMA}"),
        ("0,5", "1", f"'0,5' {COMMA}"),
        ("P2D", "s", f"'P2D' {ISO}"),
        ("PT40M", "s", f"'PT40M' {ISO}"),
        ("2024-01-31", "s", "'2024-01-31' is a date; times are counted from time zero, such as 2 d"),
        ("0:40", "s", "'0:40' is a time of day; times are counted from time zero, such as 40 min or 1.5 h"),
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
    same = {
        parse_dose_amount(f"500 {micro}g/kg") for micro in ("u", "mc", "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}")
    }
    assert same == {DoseAmount(0.5, "mg/kg")}
    assert parse_dose_amount("0.035 g") == DoseAmount(35.0, "mg")
    assert parse_dose_amount("0.5 mg/kg").milligrams(70.0) == parse_dose_amount("35 mg").milligrams(70.0) == 35.0
    assert parse_dose_amount(str(DoseAmount(0.1, "mg/kg"))) == DoseAmount(0.1, "mg/kg")
    assert parse_dose_amount("0.5 mg/lb").milligrams(0.45359237) == 0.5


def test_amounts_of_substance_need_a_molar_mass():
    """Catches mmol taken for mg, and a rate whose time is dropped."""
    assert parse_dose_amount("0.1 mmol") == DoseAmount(100.0, "umol")
    assert parse_dose_amount("2 umol/kg").milligrams(70.0, 237.73) == pytest.approx(33.2822)
    assert math.isnan(parse_dose_amount("2 umol").milligrams(70.0))
    assert parse_dose_amount("5 mcg/kg/min", per_hour=True) == DoseAmount(0.3, "mg/kg/h")
    assert parse_dose_amount("60 mg/min", per_hour=True).milligrams(70.0) == 3600.0


@pytest.mark.parametrize(
    ("seconds", "exactly", "roughly"),
    [
        (0.0, "0 s", "0 s"),
        (2400.0, "40 min", "40 min"),
        (13269 * 60.0, "221.15 h", "9.2 d"),
        (-360.0, "-6 min", "-6 min"),
        (3599.0, "3599 s", "1 h"),
        (0.25, "0.25 s", "0.2 s"),
        (86400.0 * 14, "14 d", "14 d"),
    ],
)
def test_times_in_words(seconds, exactly, roughly):
    """Catches "13269 min", "60 min" beside "1 h", and a time that changes when it is written."""
    assert in_words(seconds) == exactly
    assert about(seconds) == roughly
    assert parse_quantity(in_words(seconds), "s") == seconds


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("-1 mg", "'-1 mg' is negative; an amount must be at least 0"),
        ("-1e-400 mg", "'-1e-400 mg' is negative; an amount must be at least 0"),
        ("5", "'5' has no unit; expected an amount such as 0.5 mg/kg or 35 mg"),
        (5, "5 has no unit; expected an amount such as 0.5 mg/kg or 35 mg"),
        ("0,5 mg/kg", f"'0,5 mg/kg' {COMMA}"),
        ("1,000 mg", f"'1,000 mg' {COMMA}"),
        ("0.5 mg/kg/h", f"'0.5 mg/kg/h' is a mass per body weight and time; {AMOUNT}"),
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

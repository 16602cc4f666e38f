"""Published dosing of people: rows that can be used, bounds that hold."""

import math

import pytest
from pydantic import ValidationError

from ketasim.drugs import ROUTES, load_catalogue
from ketasim.drugs.practice import Practice, practice

ROW = {"drug": "ketamine", "setting": "a", "routes": ("oral",), "status": "verified", "source": "b"}


def test_rows_are_of_drugs_and_routes_that_there_are():
    """Catches a row that nothing can ever meet: a drug or route by another name, a route without data in humans."""
    for name, drug in load_catalogue().items():
        for row in practice(name):
            assert {*row.routes} <= {*ROUTES}
            assert {*row.routes} <= {*drug.routes_for("human")}, row
            assert row.words().startswith(f"{row.setting}: ")
    assert {row.drug for name in load_catalogue() for row in practice(name)} >= {"ketamine", "esketamine", "midazolam"}


def test_every_bound_holds_alone_and_by_itself_at_its_end():
    """Catches a bound that is not read, is read the wrong way round, or excludes its own end."""
    row = Practice(**ROW, least="1 mg/kg", most="140 mg", shortest="10 min", longest="1 h", interval="2 d")
    inside = {"milligrams": 70.0, "weight": 70.0, "duration": 600.0, "interval": 172_800.0}
    assert row.holds(**inside)
    assert row.holds(**inside | {"milligrams": 140.0, "duration": 3600.0, "interval": math.inf})
    outside = {"milligrams": (69.0, 141.0), "weight": (71.0,), "duration": (0.0, 3700.0), "interval": (172_000.0,)}
    for name, values in outside.items():
        for value in values:
            assert not row.holds(**inside | {name: value}), (name, value)


def test_a_dose_given_once_is_the_first():
    """Catches a series that passes for what was given to people once."""
    row = Practice(**ROW, most="2 mg/kg", single=True)
    assert row.holds(70.0, 70.0, 0.0, math.inf)
    assert not row.holds(70.0, 70.0, 0.0, 1e9)
    assert row.words() == "a: up to 2 mg/kg, once"


def test_an_infusion_is_held_against_what_is_given_in_an_hour():
    """Catches an infusion of days whose whole amount is taken, and one of minutes that is scaled up to an hour."""
    row = Practice(**ROW, hourly="1 mg/kg/h")
    assert row.holds(70.0 * 72, 70.0, 72 * 3600.0, math.inf)
    assert not row.holds(71.0 * 72, 70.0, 72 * 3600.0, math.inf)
    assert row.holds(70.0, 70.0, 600.0, math.inf)


def test_a_row_without_an_amount_is_refused():
    """Catches a row in which every dose would be."""
    with pytest.raises(ValidationError, match="give `most` or `hourly`"):
        Practice(**ROW, least="1 mg/kg")

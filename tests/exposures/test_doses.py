"""Doses as inputs: nothing is lost, doubled or shifted however time is cut into steps."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketasim
from ketasim.config import Experiment
from ketasim.drugs import load_catalogue
from ketasim.exposures import DOSES, Administration
from ketasim.simulation import Simulation
from tests.mechanisms.subjects import KETAMINE, setting

BODY = setting(KETAMINE)
ROUTES = [route for _, route in BODY.compartments.entries]
LAGGED = replace(BODY, compartments=replace(BODY.compartments, lags=dict.fromkeys(BODY.compartments.lags, 90.0)))


def inputs(doses, body, begin, end):
    """Bolus and infusion rate of a step."""
    found = DOSES.inputs(doses, body, begin, end)
    assert tuple(found) == DOSES.sets
    return found["bolus"], found["infusion_rate"]


def doses_of(*doses, weight="70 kg"):
    data = {"format": 1, "duration": "10 d", "subject": {"weight": weight}, "doses": list(doses)}
    return Experiment.from_mapping(data).exposures[DOSES]


def given_in_all(doses, body, times):
    """Amount into each compartment, summed over the steps between `times`."""
    total = np.zeros(len(body.compartments.names))
    for begin, end in pairwise(times):
        bolus, rate = inputs(doses, body, begin, end)
        total += bolus + rate * (end - begin)
    return total


single_doses = st.builds(
    Administration,
    st.just("ketamine"),
    st.sampled_from(ROUTES),
    st.floats(0.1, 100.0),
    st.floats(0.0, 3000.0),
    st.just(0.0) | st.floats(1.0, 3000.0),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(single_doses, min_size=1, max_size=4), st.lists(st.floats(0.0, 9000.0), max_size=8), st.booleans())
def test_every_splitting_conserves_the_dose(doses, cuts, lagged):
    """Catches a bolus counted in two steps or none, and an infusion longer or shorter than stated."""
    body = LAGGED if lagged else BODY
    times = sorted({0.0, 9000.0, *cuts, *DOSES.times(doses, body)})
    wanted = sum(dose.amount * body.compartments.entry(dose.drug, dose.route, dose.amount) for dose in doses)
    assert given_in_all(doses, body, times) == pytest.approx(wanted, rel=1e-9)


def test_lag_delays_bolus_and_infusion():
    """Catches a lag that is ignored, or applied to the start of an infusion only."""
    doses = doses_of(
        {"drug": "ketamine", "route": "oral", "amount": "10 mg", "start": "100 s"},
        {"drug": "ketamine", "route": "intravenous", "amount": "6 mg", "start": "200 s", "duration": "60 s"},
    )
    assert DOSES.times(doses, LAGGED) == {190.0, 290.0, 350.0}
    bolus, rate = inputs(doses, LAGGED, 100.0, 190.0)
    assert not bolus.any()
    assert not rate.any()
    assert inputs(doses, LAGGED, 190.0, 191.0)[0].sum() == pytest.approx(10.0)
    assert inputs(doses, LAGGED, 290.0, 350.0)[1].sum() == pytest.approx(0.1)
    assert not inputs(doses, LAGGED, 350.0, 400.0)[1].any()


def test_a_bolus_enters_once_at_the_start_of_a_step():
    """Catches a bolus that enters at the end of the step before it, or again in the next."""
    doses = [Administration("ketamine", "intravenous", 35.0, 60.0, 0.0)]
    amounts = [inputs(doses, BODY, *step)[0].sum() for step in ((0.0, 60.0), (60.0, 120.0), (120.0, 180.0))]
    assert amounts == pytest.approx([0.0, 35.0, 0.0])


def test_repeats_and_amounts_per_weight():
    """Catches a series that is one too long, an interval from end to start, mg/kg taken as mg, and wrong order."""
    doses = doses_of(
        {
            "drug": "ketamine",
            "route": "intravenous",
            "amount": "0.5 mg/kg",
            "start": "1 h",
            "duration": "40 min",
            "repeat": {"every": "2 d", "count": 3},
        },
        {"drug": "ketamine", "route": "oral", "amount": "20 mg", "start": "1 d"},
        weight="80 kg",
    )
    hour, day = 3600.0, 86400.0
    assert [dose.start for dose in doses] == [hour, day, hour + 2 * day, hour + 4 * day]
    assert [dose.amount for dose in doses] == [40.0, 20.0, 40.0, 40.0]
    assert [dose.end - dose.start for dose in doses] == pytest.approx([2400.0, 0.0, 2400.0, 2400.0])


def test_rows_are_in_the_order_of_the_experiment():
    """Catches a row of the file without its unit, or amounts per weight that nobody can read from it."""
    given = Experiment.from_mapping(
        {
            "format": 1,
            "duration": "1 d",
            "subject": {"weight": "80 kg"},
            "doses": [
                {"drug": "ketamine", "route": "oral", "amount": "0.5 mg/kg", "start": "1 h"},
                {"drug": "saline", "route": "intravenous", "duration": "40 min"},
            ],
        }
    )
    rows = [dose.row() for dose in given.administrations]
    same = {"kind": "dose"}
    assert rows == [
        same | {"drug": "ketamine", "route": "oral", "amount_mg": 40.0, "start_s": 3600.0, "duration_s": 0.0},
        same | {"drug": "saline", "route": "intravenous", "amount_mg": 0.0, "start_s": 0.0, "duration_s": 2400.0},
    ]


def test_overlapping_infusions_add_up():
    """Catches one infusion replacing another."""
    doses = [
        Administration("ketamine", "intravenous", 10.0, 0.0, 100.0),
        Administration("ketamine", "intravenous", 30.0, 50.0, 100.0),
    ]
    rates = [inputs(doses, BODY, *step)[1].sum() for step in ((0.0, 50.0), (50.0, 100.0), (100.0, 150.0))]
    assert rates == pytest.approx([0.1, 0.4, 0.3])


def test_saline_puts_nothing_in():
    """Catches a vehicle that needs an amount or makes a compartment."""
    doses = doses_of({"drug": "saline", "route": "intravenous", "duration": "40 min"})
    bolus, rate = inputs(doses, setting(load_catalogue()["saline"]), 0.0, 60.0)
    assert bolus.shape == rate.shape == (0,)


def test_a_rate_times_its_duration_is_an_amount():
    """Catches a rate per minute taken per hour, or per body weight taken as it is."""
    common = {"drug": "ketamine", "route": "IV"}
    doses = doses_of(
        common | {"rate": "0.75 mg/kg/h", "duration": "40 min"},
        common | {"rate": "5 mcg/kg/min", "duration": "2 h"},
        common | {"rate": "60 mg/min", "duration": "30 s"},
        common | {"amount": "2 umol/kg"},
    )
    assert [dose.amount for dose in doses] == pytest.approx([35.0, 42.0, 30.0, 2e-3 * 237.73 * 70.0])
    assert {dose.route for dose in doses} == {"intravenous"}


@pytest.mark.parametrize(
    ("written", "route"),
    [
        ("iv", "intravenous"),
        ("IM", "intramuscular"),
        ("in", "intranasal"),
        ("s.c.", "subcutaneous"),
        ("SL", "sublingual"),
        ("Per os", "oral"),
        ("pr", "rectal"),
        ("i.p.", "intraperitoneal"),
        ("Oral", "oral"),
    ],
)
def test_routes_by_their_abbreviations(written, route):
    """Catches clinicians' words that are refused, or stored beside the name of the same route."""
    (dose,) = doses_of({"drug": "saline", "route": written})
    assert dose.route == route


MANY = {
    "format": 1,
    "duration": "60 h",
    "network": "none",
    "schedule": {"step": "30 min"},
    "doses": [
        {
            "drug": "ketamine",
            "route": "intravenous",
            "amount": "5 mg",
            "duration": "30 min",
            "repeat": {"every": "1 h", "count": 60},
        }
    ],
}


def test_a_step_looks_only_at_the_doses_that_are_near():
    """Catches ten thousand doses that are searched in each of twenty thousand steps, and one that is not found."""
    simulation, asked = Simulation(Experiment.from_mapping(MANY)), []

    def counted(events, *rest):
        asked.append(len(events))
        return DOSES.inputs(events, *rest)

    simulation._exposures = {replace(DOSES, inputs=counted): ()}
    simulation.advance("60 h")
    assert max(asked) <= 2
    assert float(simulation.signals["drug_amount"].sum()) > 0.0
    assert sum(count > 0 for count in asked) > 60


def test_a_vehicle_of_the_same_shape():
    """Catches a control without the columns of its drug: the drugs of an experiment decide, not their amounts."""
    treated = Experiment.from_mapping(MANY | {"duration": "1 h", "doses": [MANY["doses"][0] | {"repeat": None}]})
    vehicle = treated.replace(**{"doses.0.amount": "0 mg"})
    one, other = ketasim.run(treated), ketasim.run(vehicle)
    assert one.names() == other.names()
    assert one["plasma_concentration"].shape == other["plasma_concentration"].shape
    assert not other["plasma_concentration"].any()

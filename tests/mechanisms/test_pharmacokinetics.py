"""Dose to plasma and brain: against LSODA on equations written independently, and against published numbers."""

from importlib import resources

import numpy as np
import pytest
from numpy.testing import assert_allclose
from ruamel.yaml import YAML

from ketasim.drugs import load_catalogue
from ketasim.mechanisms import pharmacokinetics
from tests.mechanisms.subjects import KETAMINE, WEIGHTS, clock, give, setting, system_of
from tests.reference.pharmacokinetics import Dose, Subject, simulate

HOUR = 3600.0
INFUSION = Dose("intravenous", 35.0, 0.0, 2400.0)
MINUTES = np.array([5.0, 20.0, 40.0, 60.0, 80.0, 120.0, 240.0, 720.0, 1440.0])

# every route of every species and every parameter set, at the reference weight and away from it
REGIMENS = {
    "infusion": (Subject("human", 70.0), [INFUSION]),
    "clements_250": (Subject("human", 85.0, "clements_250"), [INFUSION, Dose("intranasal", 14.0, HOUR)]),
    "bolus": (Subject("human", 70.0), [Dose("intravenous", 20.0)]),
    "intranasal": (Subject("human", 70.0), [Dose("intranasal", 56.0)]),
    "intramuscular": (Subject("human", 55.0), [Dose("intramuscular", 35.0)]),
    "oral": (Subject("human", 70.0), [Dose("oral", 100.0)]),
    "subcutaneous": (Subject("human", 60.0), [Dose("subcutaneous", 30.0)]),
    "sublingual and rectal": (Subject("human", 80.0), [Dose("sublingual", 25.0), Dose("rectal", 50.0, HOUR)]),
    "oral, slow metaboliser": (Subject("human", 90.0, cyp2b6="*6/*6"), [Dose("oral", 100.0)]),
    "domino": (Subject("human", 70.0, "domino"), [INFUSION]),
    "kamp_arterial": (Subject("human", 100.0, "kamp_arterial"), [INFUSION]),
    "herd": (Subject("human", 20.0, "herd", "*1/*6"), [INFUSION, Dose("oral", 10.0, 5 * HOUR)]),
    "split": (
        Subject("human", 70.0),
        [
            INFUSION,
            Dose("intravenous", 10.0, 1800.0),
            Dose("intranasal", 28.0, 1800.0, 60.0),
            Dose("oral", 50.0, 7 * HOUR),
        ],
    ),
    "rat": (Subject("rat", 0.3), [Dose("intraperitoneal", 3.0)]),
    "light rat": (Subject("rat", 0.2), [Dose("intraperitoneal", 2.0), Dose("intravenous", 1.0, 600.0, 300.0)]),
    "oral rat": (Subject("rat", 0.35), [Dose("oral", 7.0)]),
    "oral mouse": (Subject("mouse", 0.03), [Dose("oral", 0.6)]),
    "mouse": (Subject("mouse", 0.025), [Dose("intraperitoneal", 0.25)]),
    "heavy mouse": (Subject("mouse", 0.04), [Dose("intraperitoneal", 0.12), Dose("intravenous", 0.12, HOUR)]),
}


@pytest.fixture(scope="module")
def text_of_ketamine():
    text = resources.files("ketasim.drugs").joinpath("data", "ketamine.yaml").read_text(encoding="utf-8")
    return YAML(typ="safe").load(text)


@pytest.mark.parametrize("name", REGIMENS)
def test_agrees_with_explicit_equations(name, text_of_ketamine):
    """Catches a wrong unit, sign, scaling, route, first pass or metabolite in the assembly, and an inexact step."""
    subject, doses = REGIMENS[name]
    times = MINUTES * 60.0
    expected = simulate(text_of_ketamine, subject, doses, times)
    _, plasma, brain = give(subject, doses, times)
    for column, compound in enumerate(KETAMINE.compounds):
        for found, kind in ((plasma, "plasma"), (brain, "brain")):
            truth = expected[f"{compound} {kind}"]
            assert truth.max() > 0.0
            # below 1e-9 of its peak a drug is gone and LSODA's own absolute error rules
            assert_allclose(found[:, column], truth, rtol=1e-6, atol=1e-9 * truth.max(), err_msg=f"{compound} {kind}")


@pytest.mark.parametrize("species", WEIGHTS)
def test_every_route_and_set_is_among_the_regimens(species):
    """Catches a route or parameter set that was added and is compared with nothing."""
    mine = [(subject, doses) for subject, doses in REGIMENS.values() if subject.species == species]
    data = KETAMINE.species[species]
    assert {dose.route for _, doses in mine for dose in doses} == set(data.routes)
    assert {subject.disposition or data.default for subject, _ in mine} == set(data.dispositions)


def test_one_long_step_equals_many_short_ones():
    """Catches a step that is only accurate when it is short."""
    subject, doses = Subject("human", 70.0), [Dose("oral", 50.0), Dose("intravenous", 90.0, 0.0, 6 * HOUR)]
    long = give(subject, doses, [6 * HOUR])
    short = give(subject, doses, np.arange(1, 361) * 60.0)
    for one, many in zip(long, short, strict=True):
        assert_allclose(one[-1], many[-1], rtol=1e-9)


def test_doses_add_up_and_scale():
    """Catches saturation, a dose that resets the body, an input counted twice: the system is linear."""
    subject, times = Subject("human", 70.0), [1200.0, 2 * HOUR, 9 * HOUR]
    first, second = Dose("intravenous", 35.0, 0.0, 2400.0), Dose("oral", 80.0, HOUR)
    together = give(subject, [first, second], times)
    apart = zip(give(subject, [first], times), give(subject, [second], times), strict=True)
    twice = give(subject, [dose._replace(amount=2 * dose.amount) for dose in (first, second)], times)
    for both, (one, other), double in zip(together, apart, twice, strict=True):
        assert_allclose(both, one + other, rtol=1e-10, atol=1e-14)
        assert_allclose(double, 2 * both, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("disposition", "published"),
    [
        ("clements_250", [177, 115, 85, 59, 35]),
        ("domino", [240, 55, 46, 36, 17]),
        ("kamp_arterial", [292, 111, 53, 27, 18]),
        ("herd", [253, 119, 96, 68, 24]),
    ],
)
def test_published_sets_give_their_plasma_levels(disposition, published):
    """Catches a wrong constant in the drug file: 35 mg over 40 min in 70 kg, table 1.4 of the parameters."""
    times = np.array([40.0, 60.0, 80.0, 120.0, 240.0]) * 60.0
    _, plasma, _ = give(Subject("human", 70.0, disposition), [INFUSION], times)
    # the table is rounded to 1 ng/mL and was made with Euler's method
    assert_allclose(plasma[:, :2].sum(axis=1), published, atol=0.75)


def test_steady_state_of_the_brain_is_the_unbound_share():
    """Catches a wrong molar mass, unbound fraction or effect site: 185 ng/mL in plasma are 0.257 uM in the brain."""
    subject = Subject("human", 70.0, "clements_250")
    system = system_of(subject)
    clearance = 0.0109 / 60.0 * 1.7522 * 70.0  # L/s
    rate = 0.185 * clearance  # mg/s that holds 0.185 mg/L
    _, plasma, brain = give(subject, [Dose("intravenous", rate * 100 * HOUR, 0.0, 100 * HOUR)], [100 * HOUR])
    assert system.moieties[:2] == ("ketamine", "ketamine")
    assert_allclose(plasma[0, :2].sum(), 185.0, rtol=1e-6)
    assert_allclose(brain[0, :2].sum(), 0.257, atol=5e-4)


def test_enantiomers_halve_the_racemate():
    """Catches a dose that is split wrongly: where both enantiomers have the same constants, so have their levels."""
    _, plasma, brain = give(Subject("human", 70.0), [INFUSION], [2400.0])
    assert_allclose(plasma[0, 0], plasma[0, 1], rtol=1e-12)
    assert_allclose(brain[0, 0], brain[0, 1], rtol=1e-12)
    _, plasma, _ = give(Subject("human", 70.0, "kamp_arterial"), [INFUSION], [2 * HOUR])
    assert plasma[0, 0] < plasma[0, 1]  # S is cleared faster there


def test_hydroxynorketamine_in_the_mouse():
    """Catches a change of the mouse's HNK set: 10 mg/kg of it give about 8 uM in the brain (calibration A18)."""
    drug = load_catalogue()["hydroxynorketamine"]
    times = np.arange(1, 61) * 60.0
    _, _, brain = give(Subject("mouse", 0.025), [Dose("intraperitoneal", 0.25)], times, drug)
    assert brain.max() == pytest.approx(8.0, abs=0.1)


def test_nothing_given_stays_nothing():
    """Catches a vehicle without compartments that breaks the step, and a body that makes drug."""
    saline = load_catalogue()["saline"]
    amount, plasma, brain = give(Subject("human", 70.0), [Dose("intravenous", 1.0)], [HOUR], saline)
    assert amount.shape == plasma.shape == brain.shape == (1, 0)
    amount, plasma, brain = give(Subject("rat", 0.3), [], [HOUR])
    assert not amount.any()
    assert not plasma.any()
    assert not brain.any()


def test_a_step_of_no_length_reads_out_and_moves_nothing():
    """Catches an integrated state that changes at start-up, or concentrations that lag the amounts."""
    system = system_of(Subject("human", 70.0))
    prepared = pharmacokinetics.prepare(pharmacokinetics.Parameters(), setting(KETAMINE))
    amount, nothing = np.linspace(1.0, 2.0, len(system.names)), np.zeros(len(system.names))
    before = amount.copy()
    plasma, brain, followed = np.zeros(6), np.zeros(6), np.zeros((6, 6))
    pharmacokinetics.advance(nothing, nothing + 1.0, amount, plasma, brain, *followed, prepared, clock(0.0))
    assert np.array_equal(followed, np.zeros((6, 6)))
    assert_allclose(amount, before, rtol=1e-15)
    assert_allclose(plasma, system.plasma @ before, rtol=1e-14)
    assert_allclose(brain, system.brain @ before, rtol=1e-14)

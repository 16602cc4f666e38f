"""Neuroinflammation: exact steps, exchange that loses nothing, half-lives, what drugs and cytokines do."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

import ketasim
from ketasim.drugs import Ligands
from ketasim.mechanisms import Clock
from ketasim.mechanisms.neuroinflammation import MECHANISM, Parameters, advanced, exchange, prepare, saturating

HOUR = 3600.0
NAMES = MECHANISM.writes[1:]  # after microglia: three of the brain, three of plasma


def prepared(potency=200.0, **parameters):
    given = Parameters(**parameters)
    ligands = Ligands(np.array([0]), np.array([potency]), np.array([1.0]))
    return prepare(given, SimpleNamespace(ligands=lambda target, action: ligands))


def step(hours, stress=0.0, challenge=0.0, drug=0.0, start=None, ready=None):
    """Microglia, six cytokines and the four ports after a step."""
    start = (0.0, *[1.0] * 6) if start is None else start
    states = [np.array(value) for value in start]
    ports = [np.ones(2), np.ones(2), np.ones((3, 2)), np.ones(2)]
    inputs = np.array(stress), np.array(challenge), np.array([drug])
    MECHANISM.advance(*inputs, *states, *ports, ready or prepared(), Clock(1, hours * HOUR, 0))
    return np.array([float(one) for one in states]), ports


def slow(hours, stress, challenge, drug, start, ready):
    """The same by an ODE solver, from the equations as they are written; microglia's mean in place of its course."""
    p = ready.parameters
    target = stress + p.challenge_activation * challenge
    m = solve_ivp(lambda t, x: [(target - x[0]) / (p.microglia_time * HOUR), x[0]], (0, hours * HOUR), [start[0], 0.0],
                  rtol=1e-11, atol=1e-13).y[:, -1]  # fmt: skip
    mean = m[1] / (hours * HOUR)
    lost, out = np.log(2) / (60 * p.brain_half_life), np.log(2) / (60 * p.efflux_half_life)
    ratio, found = p.brain_over_plasma, [m[0]]
    into = p.from_blood * ratio * (lost + out)
    brain, plasma = [], []
    for n, name in enumerate(("il6", "tnf", "il1b")):
        cleared = np.log(2) / (60 * getattr(p, f"{name}_half_life"))
        made, released = lost + out - into / ratio, cleared + into - out * ratio
        factor = 1.0 + getattr(p, f"{name}_made") * mean / (1.0 + drug / 200.0)
        answer = 1.0 + getattr(p, f"{name}_challenge") * challenge + getattr(p, f"{name}_stress") * stress

        def slope(_, x, made=made, released=released, factor=factor, answer=answer, cleared=cleared):
            b, c = x
            return [
                made * factor - (lost + out) * b + into / ratio * c,
                released * answer - (cleared + into) * c + out * ratio * b,
            ]

        b, c = solve_ivp(
            slope, (0, hours * HOUR), [start[1 + n], start[4 + n]], rtol=1e-11, atol=1e-12, method="LSODA"
        ).y[:, -1]
        brain.append(b)
        plasma.append(c)
    return np.array(found + brain + plasma)


@pytest.mark.parametrize(
    ("hours", "stress", "challenge", "drug"), [(0.1, 1.0, 0.0, 0.0), (2.0, 0.3, 1.0, 100.0), (48.0, 1.0, 0.1, 5.0)]
)
def test_a_step_equals_an_ode_solver(hours, stress, challenge, drug):
    """Catches a wrong rate, cytokine, sign or share, a drug on the wrong term, and a step that is not exact."""
    ready, start = prepared(), (0.4, 1.5, 0.8, 2.0, 3.0, 1.1, 0.7)
    expected = slow(hours, stress, challenge, drug, start, ready)
    assert_allclose(step(hours, stress, challenge, drug, start, ready)[0], expected, rtol=2e-7)


def test_rest_is_kept_to_the_last_bit():
    """Catches a network that changes because of rounding in a subject who is not inflamed."""
    states, ports = step(7.0, drug=300.0)
    assert_array_equal(states, [0.0, *[1.0] * 6])
    for port in ports:
        assert_array_equal(port, 1.0)


def test_what_leaves_the_brain_arrives_in_the_blood():
    """Catches exchange that makes or loses cytokines: amounts R b + c change by production and loss alone."""
    parameters = Parameters(brain_over_plasma=0.3, from_blood=0.2)
    matrix, ratio = exchange(parameters).matrix, parameters.brain_over_plasma
    lost = np.log(2) / (60 * parameters.brain_half_life)
    half_lives = np.array([parameters.il6_half_life, parameters.tnf_half_life, parameters.il1b_half_life])
    assert_allclose(ratio * matrix[:, 0, 0] + matrix[:, 1, 0], -ratio * lost)  # of what is in the brain
    assert_allclose(ratio * matrix[:, 0, 1] + matrix[:, 1, 1], -np.log(2) / (60 * half_lives))  # of what is in plasma


def test_plasma_falls_with_its_half_life():
    """Catches another half-life or unit: without exchange a rise is halved in 23, 18.2 and 10 min."""
    ready = prepared(brain_over_plasma=1e-9, from_blood=0.0)
    start = (0.0, 1.0, 1.0, 1.0, 101.0, 101.0, 101.0)
    for place, minutes in enumerate((23.0, 18.2, 10.0)):
        after = step(minutes / 60.0, start=start, ready=ready)[0][4 + place]
        assert after == pytest.approx(51.0, abs=1e-3)


@given(hours=st.floats(0.01, 100.0), stress=st.floats(0.0, 3.0))
def test_halves_of_a_step_are_the_step_once_microglia_are_steady(hours, stress):
    """Catches results that depend on the length of steps."""
    start, ready = (stress, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0), prepared()
    half = tuple(step(hours / 2, stress, start=start, ready=ready)[0])
    assert_allclose(
        step(hours / 2, stress, start=half, ready=ready)[0], step(hours, stress, start=start, ready=ready)[0], rtol=1e-9
    )


def test_each_cytokine_acts_on_its_own_port_and_saturates():
    """Catches effects of another cytokine, of plasma in place of brain, and effects without end."""
    ready = prepared(uptake_cut=0.1, bdnf_cut=0.2, elimination_gain=0.3, tonic_gain=0.4)
    for raised, port, gain in ((1, 3, 0.4), (2, 0, -0.1), (3, 1, -0.2), (2, 2, 0.3)):
        start = np.array([0.0, *[1.0] * 6])
        start[raised] = 3.0
        ports = step(0.0, start=tuple(start), ready=ready)[1]
        assert_allclose(ports[port], 1.0 + gain * 2.0 / 3.0)
    in_plasma = step(0.0, start=(0.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0), ready=ready)[1]
    for port in in_plasma:
        assert_array_equal(port, 1.0)
    assert saturating(1e9) == pytest.approx(1.0)


def test_ketamine_does_next_to_nothing_at_the_potency_that_was_measured():
    """Catches an effect that nobody measured: 200 uM halves production, 0.3 uM takes 0.15 % of the rise."""
    full, halved, clinical = (step(500.0, 1.0, drug=drug)[0][1:4] - 1.0 for drug in (0.0, 200.0, 0.3))
    assert_allclose(1.0 - halved / full, 0.5, atol=0.02)  # a little comes from blood, which it does not reach
    assert np.all((1.0 - clinical / full > 0.0) & (1.0 - clinical / full < 0.002))


def test_a_run_with_endotoxin_peaks_and_ends(small):
    """Catches cytokines that are not recorded, never fall again, or rise without a challenge."""
    stimuli = [{"kind": "immune_challenge", "start": "1 h", "duration": "3 h"}]
    run = ketasim.run(
        small(duration="3 d", stimuli=stimuli, schedule={"baseline": "2 s", "step": "30 min", "spacing": "12 h"})
    )
    for name, peak in (("il6_plasma", 200.0), ("tnf_plasma", 80.0), ("il1b_plasma", 2.0)):
        values = run[name]
        assert float(values.max()) == pytest.approx(1.0 + peak, rel=0.05), name
        assert values["time"].values[values.values.argmax()] == 4 * HOUR
        assert float(values[-1]) < 1.2
        assert float(values[0]) == 1.0
    assert 0.5 < float(run["microglia"].max()) < 1.2
    assert 1.5 < float(run["tnf_brain"].max()) < 10.0


def test_eigenvalues_apart_give_the_exponential_of_the_matrix():
    """Catches a decay that is wrong where cytokines of brain and blood are lost at nearly the same rate."""
    from scipy.linalg import expm

    matrix = np.array([[[-1.0, 1e-3], [1e-3, -1.0]], [[-2.0, 0.5], [0.1, -0.3]], [[-1e-4, 0.0], [1e-6, -1e-3]]])
    above, sources = np.array([[1.0, 2.0]] * 3), np.zeros((3, 2))
    for duration in (0.0, 0.7, 30.0):
        found = advanced(above, sources, matrix, duration)
        assert_allclose(found, [expm(one * duration) @ [1.0, 2.0] for one in matrix], rtol=1e-9, atol=1e-12)

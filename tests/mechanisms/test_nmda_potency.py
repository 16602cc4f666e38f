"""The blockade in voltage clamp: published and derived numbers that it must reproduce without being fitted to them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import brentq

from ketasim.mechanisms import nmda_blockade
from ketasim.mechanisms.nmda_blockade import TYPICAL_CONCENTRATION, advance_block
from tests.mechanisms.receptors import MG_OVER_K, block_after, blockers_of, clamped, gating_of, new_block, prepared
from tests.mechanisms.subjects import KETAMINE, setting, three_nodes
from tests.reference.nmda_blockade import Blocker

NO_MG = np.zeros(4)
RACEMATE = Blocker(0.6, (0.33, 0.31, 0.51, 0.83), 0.55, 0.0)
S_AND_R = [Blocker(0.6, (0.206,) * 4, 0.55, 0.0), Blocker(0.6, (0.825,) * 4, 0.55, 0.0)]
ENOUGH = 1e6  # s, longer than any time constant here


def of_file(*names):
    """Blockers of the ketamine file."""
    return blockers_of((KETAMINE,), names)


def ic50_of(blockers, subunit, gating, mg_over_k):
    """Total concentration in uM, shared equally, that blocks half of the receptors at steady state."""

    def excess(log_total):
        share = [math.exp(log_total) / len(blockers)] * len(blockers)
        trapped, superficial = block_after(blockers, share, gating, ENOUGH, mg_over_k=mg_over_k)
        return (trapped + superficial)[:, subunit, 0].sum() - 0.5

    return math.exp(brentq(excess, math.log(1e-3), math.log(1e3), xtol=1e-9))


@pytest.mark.parametrize("sigma", [0.0, 0.4])
@pytest.mark.parametrize("p", [0.002, 0.02, 0.5])
@pytest.mark.parametrize(("subunit", "expected"), [(0, 5.86), (1, 6.30), (2, 1.96), (3, 4.15)])
def test_potency_with_mg_is_a_prediction(subunit, expected, p, sigma):
    """Catches Mg that is ignored, and potency that depends on how often channels open or on how blockers leave."""
    blocker = RACEMATE._replace(sigma=sigma)
    assert_allclose(ic50_of([blocker], subunit, clamped(p), MG_OVER_K), expected, rtol=0.01)


@pytest.mark.parametrize(("subunit", "published"), [(0, 0.33), (1, 0.31), (2, 0.51), (3, 0.83)])
def test_the_ketamine_file_has_the_published_potency_without_mg(subunit, published):
    """Catches enantiomers in the drug file that do not make the racemate of calibration B1."""
    blockers = of_file("S-ketamine", "R-ketamine")
    found = ic50_of(blockers, subunit, clamped(0.5, mg_over_k=NO_MG), NO_MG)
    assert_allclose(found, published, rtol=0.01)


def test_racemate_of_two_enantiomers():
    """Catches potencies that are averaged instead of summed: 0.206 and 0.825 uM make 0.33 uM."""
    assert_allclose(ic50_of(S_AND_R, 0, clamped(0.1, mg_over_k=NO_MG), NO_MG), 0.33, atol=5e-4)


@settings(max_examples=40, deadline=None)
@given(
    p=st.floats(0.001, 1.0),
    voltage=st.floats(-80.0, -30.0),
    delta=st.floats(0.0, 1.0),
    sigma=st.sampled_from([0.0, 0.2, 0.5]),
    ratio=st.floats(0.01, 100.0),
)
def test_potency_follows_voltage_and_mg_only(p, voltage, delta, sigma, ratio):
    """Catches a steady state other than ``B = x / (1 + x)`` with ``x = C m / (K v)``."""
    blocker = RACEMATE._replace(delta=delta, sigma=sigma)
    v = math.exp(delta * (voltage + 66.0) / 26.7)
    for subunit, mg in enumerate(MG_OVER_K):
        m = 1.0 / (1.0 + mg * math.exp(-0.062 * voltage))
        trapped, superficial = block_after(
            [blocker], [ratio * blocker.ic50[subunit] * v / m], clamped(p, voltage), ENOUGH
        )
        assert_allclose((trapped + superficial)[0, subunit, 0], ratio / (1.0 + ratio), rtol=1e-6)
        assert_allclose(superficial[0, subunit, 0], sigma * ratio / (1.0 + ratio), rtol=1e-6)


def test_two_blockers_share_the_channels():
    """Catches blockers that do not compete: total x/(1+x), shares as C/K."""
    blockers, concentration = [RACEMATE, Blocker(2.0, (1.1,) * 4, 0.55, 0.3)], [0.4, 3.0]
    trapped, superficial = block_after(blockers, concentration, clamped(0.05, mg_over_k=NO_MG), ENOUGH, mg_over_k=NO_MG)
    x = np.array([0.4 / 0.33, 3.0 / 1.1])
    assert_allclose((trapped + superficial)[:, 0, 0], x / (1.0 + x.sum()), rtol=1e-6)


def test_unblocking_takes_as_long_as_channels_let_it():
    """Catches a rate of recovery without the open probability: 92 s at p = 0.055 and k_on 6e5 /M/s."""
    trapped, superficial = new_block([RACEMATE])
    trapped[:] = 0.5
    receptors = prepared([RACEMATE])
    advance_block(np.zeros(1), clamped(0.055), trapped, superficial, receptors, 300.0)
    assert_allclose(300.0 / math.log(0.5 / trapped[0, 0, 0]), 92.0, atol=0.5)


def test_recovery_of_gated_receptors_takes_seconds_to_a_minute():
    """Catches a k_on that leaves calibration B7: under saturating agonist racemic block of A, B falls to 1/e in 5-60 s.

    GluN2C and D, which hardly open, are slower by far; the finding is about receptors that do.
    """
    blockers = of_file("S-ketamine", "R-ketamine")
    for subunit in (0, 1):
        receptors = prepared(blockers, (0.5, 0.12, 0.011, 0.01))
        trapped, superficial = new_block(blockers)
        # what 1 uM of each leaves: shares as 1/K
        parts = np.array([1.0 / blocker.ic50[subunit] for blocker in blockers])
        trapped[:, subunit, 0] = 0.5 * parts / parts.sum()
        seconds = 0
        while trapped[:, subunit, 0].sum() > 0.5 / math.e:
            advance_block(np.zeros(2), clamped(1.0), trapped, superficial, receptors, 1.0)
            seconds += 1
        assert 5 <= seconds <= 60


def test_hydroxynorketamine_hardly_blocks():
    """Catches HNK as an NMDA blocker at antidepressant concentration (calibration B9): 8 uM, resting gates, 24 h."""
    blockers = of_file("2R6R-hydroxynorketamine")
    gating = gating_of(np.array([0.12]), (0.11, 0.1, 0.39, 0.31), -54.0)
    trapped, _ = block_after(blockers, [8.0], gating, 86_400.0, open_probability=(0.5, 0.12, 0.011, 0.01))
    assert 0.005 < trapped[0, 0, 0] < 0.10
    assert trapped.max() < 0.10


def test_half_times_are_those_of_the_kernel():
    """Catches a statement at start-up that does not describe what the kernel then does."""
    place = setting(KETAMINE, network=three_nodes())
    receptors = nmda_blockade.prepare(nmda_blockade.Parameters(), place)
    gate = np.array([0.1, 0.05, 0.002])
    gating = gating_of(gate, (0.1, 0.09, 0.36, 0.3), -55.0, 0.0005)
    rows = nmda_blockade.half_times(place, receptors, gating)
    assert [(row.population, row.subunit[-1]) for row in rows] == [
        *(("PYR", subunit) for subunit in "AB"),
        *(("PV", subunit) for subunit in "ABD"),
        *(("SST", subunit) for subunit in "ABD"),
    ]
    for row in rows:
        assert (row.blocker, row.concentration) == ("S-ketamine", TYPICAL_CONCENTRATION)
        node, subunit = ("PYR", "PV", "SST").index(row.population), "ABCD".index(row.subunit[-1])
        only_s = np.zeros(len(place.blockers))
        only_s[0] = row.concentration
        levels = []
        for duration in (row.onset, 1e7):
            trapped, superficial = new_block(place.blockers, nodes=3)
            advance_block(only_s, gating, trapped, superficial, receptors, duration)
            levels.append(trapped[0, subunit, node])
        assert_allclose(levels[0], levels[1] / 2.0, rtol=1e-6)
        advance_block(np.zeros(len(place.blockers)), gating, trapped, superficial, receptors, row.recovery)
        assert_allclose(trapped[0, subunit, node], levels[1] / 2.0, rtol=1e-6)


def test_half_times_need_a_blocker_and_a_network():
    """Catches a start-up that fails for saline or without nodes."""
    place = setting(network=three_nodes())
    receptors = nmda_blockade.prepare(nmda_blockade.Parameters(), place)
    gating = gating_of(np.zeros(3), np.zeros(4), -55.0)
    assert nmda_blockade.half_times(place, receptors, gating) == []
    assert nmda_blockade.half_times(setting(KETAMINE), receptors, gating) == []


def test_half_times_are_told_a_line_a_class():
    """Catches a class, subunit or time in another's line, and half-times of hours in seconds."""
    place = setting(KETAMINE, network=three_nodes())
    receptors = nmda_blockade.prepare(nmda_blockade.Parameters(), place)
    gate = np.array([0.1, 0.05, 0.002])
    gating = gating_of(gate, (0.1, 0.09, 0.36, 0.3), -55.0, 0.0005)
    rows = (gating.gate, *gating.unblocked, gating.open, gating.current, gating.tonic)
    signals = dict(zip(nmda_blockade.MECHANISM.reads[1:], rows, strict=True))
    found = nmda_blockade.half_times(place, receptors, gating)
    first, *lines = nmda_blockade.remarks(receptors, place, signals)
    assert first.startswith(f"half-times of block by S-ketamine at rest (onset at {TYPICAL_CONCENTRATION:g} uM, ")
    expected = []
    for name in ("PYR", "PV", "SST"):
        own = [row for row in found if row.population == name]
        expected.append(f"  {name}: " + "; ".join(f"{r.subunit} {words(r.onset)}, {words(r.recovery)}" for r in own))
    assert lines == expected
    times = [time for row in found for time in (row.onset, row.recovery)]
    assert min(times) < 119.0 and max(times) > 3600.0


def words(seconds):
    """Whole seconds up to two minutes, then whole minutes."""
    return f"{round(seconds)} s" if seconds < 120.0 else f"{round(seconds / 60.0)} min"

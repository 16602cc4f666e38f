"""BDNF: two drives side by side, a genotype that touches one of them, rest that is rest in all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.mechanisms import bdnf
from tests.mechanisms.pyramids import HOUR, place, step
from tests.reference.signalling import REST, Drive, follow

DEFAULTS = bdnf.Parameters()
ALLELES = {"Val/Val": 1.0, "Val/Met": 0.82, "Met/Met": 0.71}


def level(throughput=1.0, eef2=1.0, parameters=DEFAULTS, hours=1e6, **more):
    """BDNF of one node after `hours` of throughput over its baseline and phosphorylated eEF2."""
    signals = {"ampa_throughput_circuit": 0.4 * throughput, "ampa_throughput_circuit_baseline": 0.4}
    return step("bdnf", hours * HOUR, parameters, eef2_phosphorylation=eef2, **signals, **more)["bdnf"][0]


@given(throughput=st.floats(0.0, 10.0), eef2=st.floats(0.0, 1.0), hours=st.floats(0.0, 100.0))
def test_both_drives_add_up(throughput, eef2, hours):
    """Catches another law: ``x + k (1 - P) 1.3 x / (x + 0.3)``, approached within 1 h; never below zero."""
    target = throughput + DEFAULTS.translation_gain * (1.0 - eef2) * 1.3 * throughput / (throughput + 0.3)
    after = level(throughput, eef2, hours=hours)
    assert after == pytest.approx(target + (1.0 - target) * np.exp(-hours), rel=1e-9, abs=1e-9)
    assert after >= 0.0


def test_slow_twin():
    """Catches an error that both the formula above and the code share: Euler agrees to 0.1 %."""
    slow, _ = follow(REST | {"eef2_phosphorylation": 0.7}, lambda _: Drive(0.3, 1.4), 40.0)
    assert_allclose(level(1.4, 0.7, hours=40 / 60) - 1.0, slow["bdnf"] - 1.0, rtol=1e-3)


def test_the_port_scales_all_that_is_set_free():
    """Catches a port that stops the surge's path only, or moves BDNF at once; against the twin with both at work."""
    assert level(bdnf_release_gain=0.0) == pytest.approx(0.0, abs=1e-12)
    translated = 0.3 * DEFAULTS.translation_gain * 1.3 * 1.4 / 1.7
    assert level(1.4, 0.7, bdnf_release_gain=0.6) == pytest.approx(0.6 * (1.4 + translated))
    slow, _ = follow(REST | {"eef2_phosphorylation": 0.7}, lambda _: Drive(0.3, 1.4, bdnf=0.6), 40.0)
    assert_allclose(level(1.4, 0.7, hours=40 / 60, bdnf_release_gain=0.6), slow["bdnf"], rtol=1e-3)


def test_no_ampa_transmission_no_release():
    """Catches BDNF that goes on when AMPA receptors are blocked or the circuit is silent: nor is any translated."""
    assert level(0.0) == pytest.approx(0.0, abs=1e-12)
    assert level(0.0, eef2=0.1) == pytest.approx(0.0, abs=1e-12)


def test_translation_saturates_with_transmission():
    """Catches a surge that multiplies translation: half of the most at h, all but 1 + h of rest far beyond."""
    without = DEFAULTS._replace(follow_throughput=False)
    at_rest = DEFAULTS.translation_gain * 0.2
    for throughput, share in ((0.3, 0.5 * 1.3), (1.0, 1.0), (1e9, 1.3)):
        assert level(throughput, 0.8, without) == pytest.approx(1.0 + at_rest * share, rel=1e-6)
    for throughput in (0.0, 0.2, 5.0):  # h = 0: it needs none
        assert level(throughput, 0.8, without._replace(translation_half=0.0)) == pytest.approx(1.0 + at_rest)


@pytest.mark.parametrize("alleles", ALLELES)
def test_val66met_cuts_activity_dependent_release(alleles):
    """Catches a genotype that is ignored, that moves rest, or that touches translation as well."""
    where = place(1, genotype=(("cyp2b6", "*1/*1"), ("bdnf", alleles)))
    assert level(where=where) == 1.0
    assert level(1.5, where=where) == pytest.approx(1.0 + 0.5 * ALLELES[alleles])
    assert level(eef2=0.9, where=where) == pytest.approx(1.0 + 0.1 * DEFAULTS.translation_gain)


def test_a_subject_without_the_variant_has_all_of_it():
    """Catches a rodent, whose setting has no genotype, with less release than a human's Val/Val."""
    assert level(1.5, where=place(1)) == pytest.approx(1.5)


def test_the_surge_path_has_a_switch():
    """Catches a switch that does nothing, or that takes the other path along."""
    without = DEFAULTS._replace(follow_throughput=False)
    assert level(3.0, parameters=without) == 1.0
    assert level(3.0, 0.9, without) == pytest.approx(1.0 + 0.1 * DEFAULTS.translation_gain * 1.3 * 3.0 / 3.3)


def test_a_node_without_throughput_at_baseline_is_neutral():
    """Catches a division by zero: a node that no synapse of the circuit reaches stays at rest."""
    signals = {"ampa_throughput_circuit": [0.0, 0.3], "ampa_throughput_circuit_baseline": [0.0, 0.0]}
    assert_array_equal(step("bdnf", HOUR, n=2, **signals)["bdnf"], 1.0)


def test_noise_of_throughput_does_not_move_the_mean():
    """Catches a drive that is rectified: Poisson counts at 2 Hz in windows of 1 s leave the mean within 0.5 %."""
    counts = np.random.default_rng(1).poisson(2.0, 200_000)
    signals = {"ampa_throughput_circuit": counts, "ampa_throughput_circuit_baseline": 2.0}
    drive = step("bdnf", 1e9, n=counts.size, **signals)["bdnf"][:-1]
    assert abs(drive.mean() - 1.0) < 0.005

"""Inhibitory plasticity: inhibition that follows a PYR cell's excitation, within limits, and leaves rest alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.mechanisms import inhibitory_plasticity
from tests.mechanisms.pyramids import HOUR, step
from tests.reference.signalling import REST, Drive, follow

DEFAULTS = inhibitory_plasticity.Parameters()


def after(hours, excitation=1.0, parameters=DEFAULTS, **signals):
    """Strength of inhibition and gain of one node with so many times its 40 pA of excitation at baseline."""
    currents = {"ampa_throughput": 40.0 * excitation, "ampa_throughput_baseline": 40.0}
    arrays = step("inhibitory_plasticity", hours * HOUR, parameters, **currents, **signals)
    return arrays["inhibitory_strength"][0], arrays["inhibition_gain"][0]


@given(excitation=st.floats(0.6, 1.8), before=st.floats(0.6, 1.8), hours=st.floats(0.0, 50.0), part=st.floats(0.0, 1.0))
def test_exact_relaxation_to_what_excitation_asks_for(excitation, before, hours, part):
    """Catches another law: 2 h towards 1 + g (E - 1), whatever the step; the gain is that strength."""
    target = 1.0 + part * (excitation - 1.0)
    strength, gain = after(hours, excitation, DEFAULTS._replace(proportion=part), inhibitory_strength=before)
    assert strength == pytest.approx(target + (before - target) * np.exp(-hours / 2.0), rel=1e-12)
    assert gain == strength


def test_slow_twin():
    """Catches an error that both the formula above and the code share: Euler agrees to 0.2 %."""
    slow, _ = follow(REST, lambda _: Drive(excitation=1.3), 90.0)
    assert_allclose(after(1.5, 1.3)[0] - 1.0, slow["inhibitory_strength"] - 1.0, rtol=2e-3)


def test_at_rest_nothing_changes():
    """Catches inhibition that drifts at rest, at once or in a month."""
    assert_array_equal([after(hours) for hours in (0.0, 1.0, 700.0)], 1.0)


def test_limits_hold():
    """Catches a cell that loses all inhibition while AMPA receptors are blocked, and limits that cannot be set."""
    assert after(1e3, 0.0)[0] == 0.5
    assert after(1e3, 9.0)[0] == 2.0
    assert after(1e3, 9.0, DEFAULTS._replace(largest=1.2))[0] == 1.2


def test_it_multiplies_what_others_did():
    """Catches a port that is overwritten: midazolam scales it, too."""
    assert after(0.0, inhibitory_strength=1.2, inhibition_gain=1.5) == pytest.approx((1.2, 1.8))


def test_a_node_without_excitation_at_baseline_is_left_alone():
    """Catches a division by zero."""
    arrays = step("inhibitory_plasticity", HOUR, n=2, ampa_throughput=[0.0, 5.0], ampa_throughput_baseline=[0.0, 0.0])
    assert_array_equal(arrays["inhibitory_strength"], 1.0)


def test_other_cells_keep_their_inhibition():
    """Catches interneurons whose inhibition follows, too: the bystander is one."""
    arrays = step("inhibitory_plasticity", HOUR, ampa_throughput=2.0, ampa_throughput_baseline=1.0)
    assert arrays["inhibition_gain"][0] > 1.1
    assert arrays["inhibition_gain"][-1] == 1.0

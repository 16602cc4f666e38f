"""Afferents that are cortex too: the relaxation, the loop it closes, its limits, and a run without or with it."""

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import ketasim
from ketasim.config import experiment_schema
from ketasim.documents import DocumentError
from ketasim.mechanisms import cortical_afferents
from ketasim.mechanisms.mechanism import OnNodes
from ketasim.simulation import Simulation
from ketasim.storage import differing_datasets
from tests.mechanisms.subjects import clock
from tests.simulation.sampling import differing

DEFAULTS = cortical_afferents.Parameters()
NAME = "cortical_afferents"


def after(seconds, rate=1.0, before=1.0, parameters=DEFAULTS, gain=1.0, rest=(1.0, 3.0, 7.0)):
    """Activity of cortex elsewhere, and the port of three classes, after PYR cells fire `rate` times their baseline.

    The first two nodes are pyramidal, the third, whose rate does not change, is not.
    """
    rest = np.array(rest)
    now = rest * [rate, rate, 1.0]
    activity, port = np.array(before), np.full(3, gain)
    cortical_afferents.advance(now, rest, activity, port, OnNodes(parameters, slice(0, 2)), clock(seconds))
    return activity, port


@given(rate=st.floats(0.0, 5.0), before=st.floats(0.0, 5.0), seconds=st.floats(0.0, 7200.0), share=st.floats(0.0, 0.9))
def test_exact_relaxation_to_the_rate_of_pyramidal_cells(rate, before, seconds, share):
    """Catches Euler, which fails in steps longer than 10 s, and a port that is not ``1 + sigma (R - 1)`` of all."""
    activity, port = after(seconds, rate, before, DEFAULTS._replace(share=share))
    assert activity == pytest.approx(rate + (before - rate) * np.exp(-seconds / 10.0), rel=1e-12, abs=1e-12)
    assert port == pytest.approx(1.0 + share * (float(activity) - 1.0), rel=1e-12)


@given(parts=st.lists(st.floats(0.01, 30.0), min_size=1, max_size=8), rate=st.floats(0.0, 4.0))
def test_steps_add_up(parts, rate):
    """Catches a step length that changes the result: at a rate that is held, parts of a step are the whole one."""
    activity = 0.3
    for seconds in parts:
        activity, _ = after(seconds, rate, activity)
    assert activity == pytest.approx(after(sum(parts), rate, 0.3)[0], rel=1e-12)


def test_euler_in_small_steps():
    """Catches an error that formula and code share: dR/dt = (r / r0 - R) / tau, of a rate that is not held."""
    exact = slow = 1.0
    for second in range(60):
        rate = 1.0 + 0.5 * np.sin(second / 7.0)
        exact = float(after(1.0, rate, exact)[0])
        for _ in range(1000):
            slow += 1e-3 * (rate - slow) / 10.0
    assert exact == pytest.approx(slow, rel=1e-4)
    assert abs(exact - 1.0) > 0.05


def test_at_baseline_no_bit_changes():
    """Catches afferents that change the resting network, whatever the share and the step."""
    for seconds in (0.0, 7.0, 3600.0):
        for share in (0.0, 0.3, 0.9):
            activity, port = after(seconds, parameters=DEFAULTS._replace(share=share), rest=(0.1, 0.7, 0.3))
            assert activity == 1.0
            assert_array_equal(port, 1.0)


def test_a_step_of_no_length_sets_the_port_alone():
    """Catches a port that forgets the state when the loop brings relations to equilibrium."""
    activity, port = after(0.0, 3.0, before=1.5)
    assert activity == 1.5
    assert port == pytest.approx(1.0 + 0.5 * DEFAULTS.share)


def test_a_silent_baseline_says_nothing():
    """Catches a division by zero, and cortex that goes silent with a circuit that always was."""
    for rate in (0.0, 5.0):
        now, activity, port = np.array([rate, rate, 7.0]), np.array(1.0), np.ones(3)
        rest = np.array([0.0, 0.0, 7.0])
        cortical_afferents.advance(now, rest, activity, port, OnNodes(DEFAULTS, slice(0, 2)), clock(60.0))
        assert activity == 1.0
        assert_array_equal(port, 1.0)


def test_the_mean_rate_counts_and_not_the_mean_of_ratios():
    """Catches nodes that count alike: one that fires little and doubles does not double what cortex sends."""
    now, rest, activity, port = np.array([0.2, 1.9]), np.array([0.1, 1.9]), np.array(1.0), np.ones(1)
    cortical_afferents.advance(now, rest, activity, port, OnNodes(DEFAULTS, slice(0, 2)), clock(1e6))
    assert activity == pytest.approx(2.1 / 2.0)


def test_gain_multiplies_what_others_did():
    """Catches a port that is overwritten: several mechanisms may scale it."""
    assert after(1e6, 1.5, gain=0.8)[1] == pytest.approx(0.8 * (1.0 + 0.5 * DEFAULTS.share))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.7, 0.9])
def test_the_loop_multiplies_as_announced(share):
    """Catches a sign, or a loop that multiplies otherwise than 1 / (1 - 1.1 sigma), at which the limit is set.

    In place of a network: PYR rates that rise by 3 % and by 1.1 % for each per cent of afferents.
    """
    activity, port = 1.0, np.ones(3)
    for _ in range(1000):
        rate = 1.0 + 0.03 + cortical_afferents.RESPONSE * (port[0] - 1.0)
        activity, port = after(60.0, rate, activity, DEFAULTS._replace(share=share))
    factor = 1.0 / (1.0 - cortical_afferents.RESPONSE * share)
    assert factor > 0.0
    assert float(activity) - 1.0 == pytest.approx(0.03 * factor, rel=1e-3)


def test_a_share_without_a_stable_rest_is_refused_with_the_reason(small):
    """Catches a loop that runs away hours into a run, and a limit that nobody explains."""
    assert small(mechanisms={NAME: {"share": 0.9}}).mechanisms[NAME].share == 0.9
    with pytest.raises(DocumentError) as caught:
        small(mechanisms={NAME: {"share": 0.95}})
    (problem,) = caught.value.problems
    assert problem.path == f"mechanisms.{NAME}.share"
    assert problem.message == (
        "0.95 leaves no stable rest: the gain of the loop from pyramidal cells through the rest of cortex and back is "
        "about 1.1 times the share (measured in the default circuit), here 1, and from 1 on every fluctuation grows; "
        "it must be at most 0.9"
    )
    with pytest.raises(DocumentError, match="must be at least 0"):
        small(mechanisms={NAME: {"share": -0.1}})


def test_it_is_off_unless_asked_for(small):
    """Catches a hypothesis that is part of every run, and a run whose file and digest tell of what it does not use."""
    plain, off = small(), small(mechanisms={NAME: "off"})
    assert plain.mechanisms[NAME] is off.mechanisms[NAME] is False
    assert NAME not in plain.resolved()["mechanisms"]
    assert off.sha256 == plain.sha256
    assert NAME not in {one.name for one in Simulation(plain).mechanisms}
    for asked in ("on", True, {}):
        assert small(mechanisms={NAME: asked}).mechanisms[NAME] == DEFAULTS
    on = plain.replace(**{f"mechanisms.{NAME}.share": 0.5})
    assert on.resolved()["mechanisms"][NAME] == {"share": 0.5, "time": "10 s"}
    assert ketasim.Experiment.from_mapping(on.resolved()) == on
    assert on.replace(**{f"mechanisms.{NAME}": "off"}).mechanisms[NAME] is False
    described = experiment_schema()["properties"]["mechanisms"]["properties"]
    assert NAME in [name for name, entry in described.items() if entry["description"].endswith("Off by default.")]


def test_all_classes_receive_it(small):
    """Catches a class whose afferents go on as if the rest of the brain took no drug."""
    simulation = Simulation(small(mechanisms={NAME: {"share": 0.5}}))
    simulation.measure_baseline()
    before = simulation.engine.inputs(simulation.signals, simulation.sampler.estimates.baseline).drives
    members = simulation.topology.slice_of("PYR")
    simulation.signals["firing_rate"][members] = 1.2 * simulation.signals["firing_rate_baseline"][members]
    simulation.advance_mechanisms(3600.0)
    assert simulation.signals["cortical_activity"] == pytest.approx(1.2)
    assert simulation.signals["afferent_rate_gain"] == pytest.approx([1.1, 1.1, 1.1])
    drives = simulation.engine.inputs(simulation.signals, simulation.sampler.estimates.baseline).drives
    assert (drives[:2] > before[:2]).all()  # NMDA and AMPA drive of every class


def test_a_share_of_nothing_is_as_without(small, tmp_path):
    """Catches a second way from the mechanism to the network: at share 0 every other bit is that of a run without."""
    without, nothing = tmp_path / "without.h5", tmp_path / "nothing.h5"
    ketasim.run(small(), without).close()
    ketasim.run(small(mechanisms={NAME: {"share": 0}}), nothing).close()
    assert [name for name in differing_datasets(without, nothing) if not name.startswith("/summary")] == []
    with ketasim.open_trajectory(nothing) as run:
        assert run["cortical_activity"].values[0] == 1.0 != run["cortical_activity"].values[-1]


def test_a_state_goes_on_bit_for_bit(small):
    """Catches activity of cortex that a resumed run forgets, so that its afferents jump."""
    experiment = small(mechanisms={NAME: {"share": 0.3, "time": "10 min"}})
    first, second = Simulation(experiment), Simulation(experiment)
    first.advance("10 min")
    assert first.signals["cortical_activity"] != 1.0
    second.state = {name: array.copy() for name, array in first.state.items()}
    for simulation in (first, second):
        simulation.advance("10 min")
    assert differing(first.state, second.state) == []


def test_without_pyramidal_cells_or_a_network_it_takes_no_part_and_that_is_said(small):
    """Catches a mechanism that was asked for, has nothing to follow, and is left out without a word."""
    graph = networkx.DiGraph()
    graph.add_nodes_from("ab", population="PV")
    nobody = Simulation(small(recording={}, mechanisms={NAME: "on"}), graph=graph)
    assert NAME not in {one.name for one in nobody.mechanisms}
    assert [
        note for note in nobody.notes if note.startswith(f"the mechanism '{NAME}' takes no part: the network lacks")
    ]
    nowhere = Simulation(small(network="none", mechanisms={NAME: "on"}))
    assert NAME not in {one.name for one in nowhere.mechanisms}
    assert f"the mechanism '{NAME}' takes no part: the run has no network" in nowhere.notes
    assert not [note for note in Simulation(small(network="none")).notes if NAME in note]

"""A baseline that is left between two windows and taken up again is that of one go."""

import copy
import signal

import numpy as np
import pytest

from ketasim.documents import KetasimError
from ketasim.simulation import Simulation
from tests.simulation.sampling import broken_means, differing

N_WINDOWS = 6


class LeftError(Exception):
    """Raised between two windows."""


@pytest.fixture
def short(resting):
    """Make a simulation of 40 neurons with a baseline of six windows."""
    return lambda **changes: Simulation(resting({"baseline": "1.2 s", "window": "0.2 s"}, **changes))


def left_after(simulation, windows):
    """Measure a number of windows of the baseline; returns the state and the windows' times."""
    times = []

    def on_window(time, _):
        times.append(time)
        if len(times) == windows:
            raise LeftError

    with pytest.raises(LeftError):
        simulation.measure_baseline(on_window, cached=False)
    return copy.deepcopy(simulation.state), times


@pytest.mark.parametrize("windows", [1, 3, N_WINDOWS])
def test_another_goes_on_bit_for_bit(short, windows):
    """Catches a window that is lost or measured twice, a network that settles anew, and sums from nothing."""
    whole, times = short(), []
    whole.measure_baseline(lambda time, _: times.append(time), cached=False)
    state, before = left_after(short(), windows)
    second, after = short(), []
    second.state = state
    assert not second.baseline_done
    assert differing(second.state, state) == []
    second.measure_baseline(lambda time, _: after.append(time))
    assert before + after == times == pytest.approx(np.arange(-1.2, -0.1, 0.2))
    assert differing(second.state, whole.state) == []
    for one in (whole, second):
        one.advance("10 min")
    assert differing(second.state, whole.state) == []
    assert second.sampler.network_time == whole.sampler.network_time


def test_the_same_simulation_goes_on(short):
    """Catches a baseline that has to be measured from its start after an error in what looks at it."""
    whole, left = short(), short()
    whole.measure_baseline(cached=False)
    left_after(left, 2)
    seen = []
    left.measure_baseline(lambda time, _: seen.append(time))
    assert len(seen) == N_WINDOWS - 2
    assert differing(left.state, whole.state) == []


def test_a_state_does_not_change_with_the_run(short):
    """Catches a state set from another simulation's that shares its sums, and then counts windows of both."""
    first, second = short(), short()
    state, _ = left_after(first, 2)
    second.state = first.state
    first.measure_baseline()
    assert differing(second.state, state) == []


def test_going_back_into_the_baseline(short):
    """Catches an older state that leaves estimates of a later one behind."""
    first, second = short(), short()
    nothing = copy.deepcopy(first.state)
    state, _ = left_after(first, 2)
    first.advance("10 min")
    for earlier in (state, nothing):
        second.advance("5 min")
        second.state = earlier
        assert differing(second.state, earlier) == []
        second.advance("10 min")
        assert differing(second.state, first.state) == []


def test_an_interrupt_comes_between_windows(short):
    """Catches Ctrl-C within a window, after which the network has moved on and the sums have not."""
    whole, interrupted = short(), short()
    whole.measure_baseline(cached=False)
    run = interrupted.sampler
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        left_after(interrupted, 1)
        add = run._running._statistics.add

        def pressed(*arguments):
            signal.raise_signal(signal.SIGINT)
            add(*arguments)

        for _ in range(N_WINDOWS - 1):
            run._running._statistics.add = pressed
            with pytest.raises(KeyboardInterrupt):
                interrupted.measure_baseline()
    finally:
        signal.signal(signal.SIGINT, before)
    interrupted.measure_baseline()
    assert differing(interrupted.state, whole.state) == []


def test_a_mean_that_is_no_number_does_not_enter(short, monkeypatch):
    """Catches sums and rows that hold a window which stopped the run, and a message that dates it wrongly."""
    simulation = short()
    before, _ = left_after(simulation, 2)
    broken_means(monkeypatch)
    with pytest.raises(KetasimError, match=r"the network made 'nmda_gating' inf at t = -0\.6 s at node 5 of PYR"):
        simulation.measure_baseline(cached=False)
    moved = differing(before, simulation.state)
    assert moved and all(name.startswith("network/baseline/engine/") for name in moved)


def test_its_windows_are_stored_as_measured(short, resting):
    """Catches rows in the cache that lack those measured before an interruption."""
    measured, stored = [], []
    changes = {"seed": 77}
    state, _ = left_after(short(**changes), 4)
    second = short(**changes)
    second.state = state
    second.measure_baseline()
    third = short(**changes)
    third.measure_baseline(lambda _, window: stored.append(window.population))
    fourth = short(**changes)
    fourth.measure_baseline(lambda _, window: measured.append(window.population), cached=False)
    assert len(stored) == len(measured) == N_WINDOWS
    for one, other in zip(stored, measured, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert stored[0].keys()

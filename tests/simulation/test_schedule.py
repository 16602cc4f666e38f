"""Slow times: every event is one, none is a remnant, steps grow and stop growing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.simulation.schedule import LONGEST_GAP, AutomaticSteps, remarks_on_budget, slow_times

LEAST = 1.3
AUTO = AutomaticSteps()


def stretches(times, corners):
    """Step lengths between one event and the next."""
    for start, stop in pairwise(corners):
        yield np.diff(times[(times >= start) & (times <= stop)])


events = st.lists(st.floats(-2e5, 1e6), max_size=8)
begins = st.sampled_from([0.0, -172_800.0, -1234.5])
steps = st.none() | st.floats(LEAST, 7200.0)


@settings(max_examples=150, deadline=None)
@given(events, begins, st.floats(1e3, 3e5), steps)
def test_every_event_inside_is_a_slow_time_and_time_goes_forward(times_of_events, begin, end, step):
    """Catches an event that falls inside a step (its dose would be smeared) and steps of no length."""
    times = slow_times(begin, end, times_of_events, step, LEAST)
    assert times[0] == begin
    assert times[-1] == end
    assert np.all(np.diff(times) > 0)
    assert {event for event in times_of_events if begin < event < end} <= set(times.tolist())


@settings(max_examples=150, deadline=None)
@given(events, begins, st.floats(1e3, 3e5), steps)
def test_no_step_is_too_short_for_its_window_unless_events_force_it(times_of_events, begin, end, step):
    """Catches slow steps in which settling and window do not fit: their windows would be skipped."""
    times = slow_times(begin, end, times_of_events, step, LEAST)
    corners = sorted({begin, end, *(event for event in times_of_events if begin < event < end)})
    for lengths in stretches(times, corners):
        if lengths.size > 1:
            assert lengths.min() >= LEAST * (1 - 1e-9)


def test_a_constant_step_is_kept_or_evenly_shortened():
    """Catches a remnant at the end of a stretch, and steps longer than asked for."""
    times = slow_times(0.0, 1000.0, [250.0], 100.0, LEAST)
    assert np.diff(times) == pytest.approx([250 / 3] * 3 + [750 / 8] * 8)


def test_the_shortest_constant_step_leaves_room_for_every_window():
    """Catches steps cut just below settle + window, so that every second window is skipped."""
    times = slow_times(0.0, 100.0, [], LEAST, LEAST)
    assert np.diff(times).min() >= LEAST * (1 - 1e-9)


def test_automatic_steps_grow_with_the_time_since_the_last_event():
    """Catches steps that do not start short again after an event, or outgrow the longest."""
    times = slow_times(0.0, 86400.0, [2400.0], None, LEAST)
    for lengths, start in zip(stretches(times, [0.0, 2400.0, 86400.0]), (0.0, 2400.0), strict=True):
        assert lengths[0] == AUTO.shortest
        assert np.all(np.diff(lengths[:-1]) >= -1e-6)
        assert lengths[:-1].max() <= AUTO.longest + 1e-6
        since = times[(times >= start)][: lengths.size] - start
        assert np.all(lengths[:-1] <= np.maximum(AUTO.shortest, AUTO.growth * since[:-1]) + 1e-6)
        assert 0.5 * lengths[-2] - 1e-6 <= lengths[-1] <= 1.5 * max(AUTO.shortest, AUTO.growth * since[-1]) + 1e-6
    assert np.diff(times).max() >= 0.99 * AUTO.longest


def test_a_long_window_lengthens_automatic_steps():
    """Catches a schedule that plans steps shorter than settle + window."""
    assert np.diff(slow_times(0.0, 7200.0, [], None, 100.0)).min() >= 100.0


def test_events_outside_do_not_matter():
    """Catches an event at the ends or beyond them that adds a time."""
    plain = slow_times(0.0, 3600.0, [], None, LEAST)
    assert slow_times(0.0, 3600.0, [-5.0, 0.0, 3600.0, 4000.0], None, LEAST).tolist() == plain.tolist()


@pytest.mark.parametrize(("budget", "size", "step"), [(200, 1000, 3600.0), (250, 1000, 3600.0), (7, 20, 7200.0)])
def test_a_budget_is_remarked_on_where_it_leaves_the_network_alone_for_hours(budget, size, step):
    """Catches a gap counted otherwise than the loop runs windows: one if fewer are run than the share of steps gone."""
    times, run, at = step * np.arange(size), 0, []
    for passed, time in enumerate(times, 1):
        if run < budget * passed / size:  # not budget / size * passed, which rounds up to one window more
            run += 1
            at.append(time)
    longest = max(np.diff([*at, times[-1]]))
    assert bool(remarks_on_budget(budget, times)) == (longest > LONGEST_GAP)


def test_a_budget_as_large_as_the_schedule_is_no_limit():
    """Catches a remark where no window can be missing, and one that blames a budget for long steps."""
    assert remarks_on_budget(19, 8 * 3600.0 * np.arange(20.0)) == remarks_on_budget(20, 1e6 * np.arange(20.0)) == ()
    assert remarks_on_budget(3, 1e6 * np.arange(3.0)) == remarks_on_budget(None, 1e6 * np.arange(3.0)) == ()

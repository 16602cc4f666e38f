"""The sampler's state: what looks at it changes nothing, it goes on bit for bit, and where it started is forgotten."""

import copy
import signal

import numpy as np
import pytest

import ketasim
from ketasim.engines import SpikingEngine
from ketasim.simulation import Simulation
from ketasim.simulation.sampler import LONG_SETTLE, NetworkSampler, baseline_windows, steps_of
from ketasim.storage import differing_datasets
from tests.simulation.sampling import WITHOUT_LIMIT, afferents, changed, differing


def test_looking_changes_nothing_and_sees_what_a_window_would(sampler):
    """Catches a look that ages the network, counts as a window, or runs it from another state."""
    moving, signals = sampler()
    drugged = changed(signals, nmda_unblocked=0.8)
    moving.sample(0.0, drugged, WITHOUT_LIMIT)
    before, cost = copy.deepcopy(moving.state), (moving.network_time, moving.wall_time)
    found = moving.look(300.0, drugged)
    again = moving.look(300.0, drugged, traces=True)
    assert differing(before, moving.state) == []
    assert (moving.network_time, moving.wall_time) == cost
    assert np.array_equal(found.spike_step, again.spike_step)
    assert found.traces == {} and {row.shape for row in again.traces.values()} == {(3, 1000)}
    moving.sample(300.0, drugged, WITHOUT_LIMIT)
    assert np.array_equal(found.spike_step, moving.window.spike_step)
    assert np.array_equal(found.spike_node, moving.window.spike_node)
    assert found.spike_step.size > 50
    assert found.spike_step.min() > 3_000_500 and found.spike_step.max() <= 3_010_500


def test_recording_spikes_of_skipped_windows_changes_no_shared_bit(resting, tmp_path):
    """Catches recording that runs the network on, where otherwise it would have stood still."""
    plain, recorded = tmp_path / "plain.h5", tmp_path / "recorded.h5"
    times = [afferents(600, 2, 300.0)]
    ketasim.run(resting(duration="20 min", stimuli=times), plain).close()
    recording = {"spikes": [{"from": "0 s", "to": "20 min"}], "node_signals": ["firing_rate"]}
    with ketasim.run(resting(duration="20 min", stimuli=times, recording=recording), recorded) as run:
        rows = run.dataset("population")
        skipped = rows["time"].values[(rows["network_sampled"].values == 0) & (rows["time"].values >= 0)]
        assert 2 <= skipped.size < 6
        spikes = run.spikes("PYR").times
        for time in skipped:
            begin = 1e3 * time + (0.0 if time == 0.0 else 50.0)
            assert np.any((spikes > begin) & (spikes <= begin + 1000.0)), time
    assert differing_datasets(plain, recorded) == []


def test_spikes_before_zero_are_measured_though_a_baseline_is_stored(resting):
    """Catches a run that has no spikes before time zero because its baseline came from a file."""
    quick = {"baseline": "4 s"}
    plain = ketasim.run(resting(quick, duration="5 min"))  # stores it
    spikes = ketasim.run(resting(quick, duration="5 min", recording={"spikes": [{"from": "-2 s", "to": "-1 s"}]}))
    times = spikes.spikes("PYR").times
    assert times.size > 10
    assert np.all((times > -2000.0) & (times <= 0.0))
    for name in ("firing_rate", "firing_rate_standard_error"):
        assert np.array_equal(spikes[name].values, plain[name].values, equal_nan=True)


def test_a_state_goes_on_bit_for_bit(sampler):
    """Catches what a checkpoint leaves out: what the estimates belong to, ages, counts, rest itself."""
    first, signals = sampler()
    drugged = changed(signals, nmda_unblocked=0.8)
    for time in (0.0, 10.0, 20.0):
        first.sample(time, drugged, WITHOUT_LIMIT)
    second = NetworkSampler(SpikingEngine(first.engine.network, first.experiment.seed), first.experiment)
    assert second.state == {}
    second.state = copy.deepcopy(first.state)
    for time, state in ((30.0, drugged), (40.0, signals), (50.0, drugged), (50.5, drugged)):
        for one in (first, second):
            one.sample(time, state, WITHOUT_LIMIT)
        assert first.fresh == second.fresh == (time in (30.0, 50.0))
        assert differing(first.state, second.state) == []


def test_an_interrupt_at_time_zero_leaves_no_count(resting, monkeypatch):
    """Catches a window that is counted twice because Ctrl-C came while it was run."""
    schedule = {"skip": False, "baseline": "2 s"}
    whole, interrupted = Simulation(resting(schedule)), Simulation(resting(schedule))
    whole.measure_baseline()
    calls, original = [], SpikingEngine.measure

    def pressed(engine, signals, first_step, *arguments):
        if first_step >= 0 and not calls:  # the first after the baseline
            calls.append(1)
            signal.raise_signal(signal.SIGINT)
        return original(engine, signals, first_step, *arguments)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(SpikingEngine, "measure", pressed)
            interrupted.measure_baseline(cached=False)
    finally:
        signal.signal(signal.SIGINT, before)
    interrupted.measure_baseline()
    assert interrupted.sampler.windows_run == 1
    assert interrupted.sampler.network_time == whole.sampler.network_time
    assert differing(interrupted.state, whole.state) == []


def test_two_very_different_starting_states_give_equal_averages(resting):
    """Catches memory of the start that outlasts settling.

    One network starts at rest, the other at threshold, with open conductances and every synapse depleted, after 1 s in
    which its background is twice as strong. After 2 s of settling 20 windows of 1 s see the same noise, so that
    averages differ by less than those of independent runs would; 24 of them are compared, the limit is 4 standard
    errors of independent ones (chance of one beyond it under 0.2 %). In the first 0.3 s they do differ.
    """
    simulation = Simulation(resting(network={"neurons": 200}))
    network, signals = simulation.network, simulation.signals
    rested, driven = (SpikingEngine(network, 7) for _ in range(2))
    driven.activity.voltage[:] = network.parameters.cells.threshold[network.graph.node_class] - 0.5
    driven.activity.conductance[:2] = 3.0
    driven.settle(signals | {"afferent_rate": np.full(3, 0.3)}, -10_000, 10_000)
    driven.activity.resources[:] = 0.0
    rested.age = driven.age
    first, windows, settling = [], [], steps_of(LONG_SETTLE)
    for engine in (rested, driven):
        first.append(engine.measure(signals, 0, 3000).population)
        engine.settle(signals, 3000, settling)
        starts = 3000 + settling + 10_000 * np.arange(20)
        windows.append([engine.measure(signals, int(start), 10_000).population for start in starts])
    early_apart = 0
    for name in first[0]:
        values = np.array([[row[name] for row in rows] for rows in windows])
        error = np.sqrt(values.var(axis=1, ddof=1).sum(axis=0) / 20)
        apart = values.mean(axis=1)
        assert np.all(np.abs(apart[0] - apart[1]) <= 4.0 * error), name  # both 0 where a class lacks a subunit
        assert np.all(error <= 0.05 * np.abs(apart[0])), name
        one_window = values.std(axis=1, ddof=1).max(axis=0) / np.sqrt(0.3)
        early_apart += np.sum(np.abs(first[0][name] - first[1][name]) > 4.0 * one_window)
    assert early_apart > 6


def test_numbers_of_steps_and_windows(resting):
    """Catches a baseline of no window, and seconds that are cut down to steps."""
    assert steps_of(0.3) == 3000
    assert baseline_windows(resting({"baseline": "60.4 s"})) == 60

"""Baselines: left between two windows and taken up again, or stored, they have the bits of one measured in one go."""

import copy
import signal
from dataclasses import replace

import numpy as np
import pytest

import ketasim
from ketasim.documents import KetasimError
from ketasim.engines import SpikingEngine
from ketasim.kernels.jit import CACHE_FOLDER
from ketasim.simulation import Simulation, baseline, sampler, stored
from tests.simulation.sampling import broken_means, differing

N_WINDOWS = 6

SCHEDULE = {"baseline": "2 s", "settle": "50 ms", "window": "0.2 s", "step": "5 min"}


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
    measured, taken = [], []
    changes = {"seed": 77}
    state, _ = left_after(short(**changes), 4)
    second = short(**changes)
    second.state = state
    second.measure_baseline()
    third = short(**changes)
    third.measure_baseline(lambda _, window: taken.append(window.population))
    fourth = short(**changes)
    fourth.measure_baseline(lambda _, window: measured.append(window.population), cached=False)
    assert len(taken) == len(measured) == N_WINDOWS
    for one, other in zip(taken, measured, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert taken[0].keys()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Empty folder for baselines."""
    place = tmp_path / "cache" / "baselines"
    monkeypatch.setattr(stored, "folder", lambda: place)
    return place


@pytest.fixture
def measured(monkeypatch):
    """Count of baselines that were measured, not taken from a file."""
    counted = []
    original = sampler.NetworkSampler._run_baseline
    monkeypatch.setattr(
        sampler.NetworkSampler, "_run_baseline", lambda self, *given: counted.append(1) or original(self, *given)
    )
    return counted


@pytest.fixture
def experiment(small):
    """Make a small experiment of 30 neurons."""
    return lambda **changes: small(**{"network": {"neurons": 30}, "recording": {}, "schedule": SCHEDULE} | changes)


def begin(experiment):
    simulation = Simulation(experiment)
    rows = []
    simulation.measure_baseline(lambda time, window: rows.append((time, window.population)))
    return simulation, rows


def test_a_run_with_a_stored_baseline_has_the_same_digest(experiment, place, measured):
    """Catches a bit that is lost on the way through the file, rows and network time of the baseline included."""
    digests = [ketasim.run(experiment()).digest() for _ in range(2)]
    assert len(measured) == len(list(place.iterdir())) == 1
    assert digests[0] == digests[1]
    # another dose has the same rest
    ketasim.run(experiment(doses=[], duration="10 min")).close()
    assert len(measured) == 1


def test_a_stored_baseline_is_the_measured_one(experiment, place, measured):
    """Catches state, estimates or rows that come back otherwise, or under other times."""
    (first, rows), (second, again) = begin(experiment()), begin(experiment())
    assert len(measured) == 1
    assert [time for time, _ in rows] == [time for time, _ in again] == pytest.approx(np.arange(-2.0, 0.0, 0.2))
    for (_, row), (_, other) in zip(rows, again, strict=True):
        assert row.keys() == other.keys()
        assert all(np.array_equal(row[name], other[name]) for name in row)
    for name, array in first.state.items():
        assert np.array_equal(array, second.state[name], equal_nan=True), name
        assert array.dtype == second.state[name].dtype, name
    assert first.sampler.network_time == second.sampler.network_time
    assert not Simulation(experiment()).sampler.state


CHANGES = {
    "seed": {"seed": 2},
    "window": {"schedule": SCHEDULE | {"window": "0.1 s"}},
    "length": {"schedule": SCHEDULE | {"baseline": "2.2 s"}},
    "neurons": {"network": {"neurons": 31}},
    "a mechanism at rest": {"mechanisms": {"extrasynaptic_nmda": {"ec50_2d": "3 uM"}}},
    "one conductance": {"network": {"neurons": 30, "weights": {"nmda_PYR_SST": "0.1 nS"}}},
    "ambient glutamate at rest": {"mechanisms": {"glutamate": {"ambient": "0.08 uM"}}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_rest_is_another_baseline(experiment, place, measured, change):
    """Catches the baseline of one experiment taken for that of another."""
    begin(experiment())
    begin(experiment(**CHANGES[change]))
    assert len(measured) == 2


@pytest.mark.parametrize(
    "change",
    [{"doses": []}, {"duration": "1 h"}, {"schedule": SCHEDULE | {"step": "1 min", "settle": "0.1 s"}}, {"threads": 2}],
)
def test_what_does_not_reach_rest_is_the_same_baseline(experiment, place, measured, change):
    """Catches minutes of network time measured again for each dose of a sweep."""
    begin(experiment())
    begin(experiment(**change))
    assert len(measured) == 1


def test_every_number_of_the_network_enters_the_key(experiment):
    """Catches a conductance, a weight, a delay or the slow state at rest that two networks may differ in."""
    simulation = Simulation(experiment())
    network, rest = simulation.engine.network, simulation.signals

    def key(network=network, rest=rest, numbers=(0, 2000, 10)):
        return baseline.key(SpikingEngine(network, 1), rest, *numbers)

    synapses, cells, graph = network.parameters.synapses, network.parameters.cells, network.graph
    keys = [key(), key(numbers=(20_000, 2000, 10)), key(numbers=(0, 1000, 10)), key(numbers=(0, 2000, 11))]
    for part, owner in ((synapses, "synapses"), (cells, "cells")):
        for name, array in part._asdict().items():
            other = array.copy()
            other.flat[0] += 1
            changed = network.parameters._replace(**{owner: part._replace(**{name: other})})
            keys.append(key(network=replace(network, parameters=changed)))
    for name in ("ampa_time", "nmda_time", "gaba_fast_time", "gaba_slow_time", "gaba_reversal", "mg_over_k"):
        changed = network.parameters._replace(**{name: getattr(network.parameters, name) * (1 + 1e-15)})
        keys.append(key(network=replace(network, parameters=changed)))
    for name in ("target", "weight", "delay"):
        other = getattr(graph, name).copy()
        other[3] += 1
        keys.append(key(network=replace(network, graph=graph._replace(**{name: other}))))
    for name in ("nmda_unblocked", "nmda_unblocked_extrasynaptic", "release_gain", "ampa_gain", "afferent_gain"):
        keys.append(key(rest=rest | {name: rest[name] + 1e-9}))
    for name in ("nmda_tonic_gating", "afferent_rate"):
        keys.append(key(rest=rest | {name: rest[name] + 1e-6}))
    for name in ("nmda_circuit", "nmda_afferent"):
        keys.append(key(network=replace(network, **{name: getattr(network, name) * 2.0})))
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]


#: Where the numbers stand, where a baseline is run, what it runs, and what is made of its windows.
OF_BASELINES = (
    "config/schedule.py",
    "simulation/sampler.py",
    "simulation/baseline.py",
    "engines/spiking.py",
    "simulation/estimates.py",
    "kernels/membranes.py",
    "network/build.py",
)


def test_other_code_has_other_baselines(experiment, monkeypatch, edited):
    """Catches a baseline of another version, of changed code or numbers, or of kernels for another processor."""
    simulation = Simulation(experiment())

    def key(**changes):
        with monkeypatch.context() as patch:
            for name, value in changes.items():
                patch.setattr(baseline, name, value)
            return baseline.key(simulation.engine, simulation.signals, 0, 2000, 10)

    keys = {key(), key(__version__="0.0"), key(CACHE_FOLDER=CACHE_FOLDER.with_name("another"))}
    keys |= {key(code_digest=edited(file)) for file in OF_BASELINES}
    assert len(keys) == 3 + len(OF_BASELINES)
    assert key(code_digest=edited("plots/page.py", "simulation/loop.py")) == key()
    assert key(class_digest=lambda kind: kind.__name__) not in keys


def cut(content):
    return content[: len(content) // 2]


def flip(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: b"no archive", cut, flip])
def test_a_damaged_file_is_measured_anew(experiment, place, measured, damage):
    """Catches a run that fails, or goes on with nonsense, because of a half-written file."""
    before, _ = begin(experiment())
    (file,) = place.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    after, _ = begin(experiment())
    assert len(measured) == 2
    for name, array in before.state.items():
        assert np.array_equal(array, after.state[name]), name
    begin(experiment())
    assert len(measured) == 2  # and stored again


def test_a_file_that_lacks_a_part_is_measured_anew(experiment, place, measured):
    """Catches a file of another layout under the same name."""
    begin(experiment())
    (file,) = place.iterdir()
    with np.load(file) as stored:
        parts = {name: stored[name] for name in stored.files}
    del parts["engine/voltage"]
    np.savez(file, **parts)
    begin(experiment())
    assert len(measured) == 2


def test_without_a_place_everything_works(experiment, tmp_path, monkeypatch, measured):
    """Catches a run that needs a writable home: no folder at all, and one that can't be made."""
    (tmp_path / "file").write_text("in the way")
    for place in (None, tmp_path / "file" / "baselines"):
        monkeypatch.setattr(stored, "folder", lambda place=place: place)
        begin(experiment())
    assert len(measured) == 2


def test_a_folder_that_may_not_be_read_is_no_error(experiment, place, measured, monkeypatch):
    """Catches a run that stops at a folder of another user, such as root's after a first run with sudo."""

    def refuse(*given, **more):
        raise PermissionError("not yours")

    monkeypatch.setattr(np, "load", refuse)
    for _ in range(2):
        begin(experiment())
    assert len(measured) == 2

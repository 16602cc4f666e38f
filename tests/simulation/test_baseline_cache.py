"""Stored baselines: the same bits as measured ones, never another network's, and never in the way."""

import os
from dataclasses import replace

import numpy as np
import pytest

import ketasim
from ketasim.kernels.jit import CACHE_FOLDER
from ketasim.simulation import Simulation, baseline_cache, coupling, sampler

the_users_folder = baseline_cache.folder  # before tests are given their own

SCHEDULE = {"baseline": "2 s", "settle": "50 ms", "window": "0.2 s", "step": "5 min"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Empty folder for baselines."""
    place = tmp_path / "cache" / "baselines"
    monkeypatch.setattr(baseline_cache, "folder", lambda: place)
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


def test_every_number_of_the_network_enters_the_key(experiment, place):
    """Catches a conductance, a weight, a delay or the slow state at rest that two networks may differ in."""
    simulation = Simulation(experiment())
    network, rest = simulation.network, coupling.modulation(simulation.network, simulation.signals)

    def key(network=network, rest=rest, numbers=(1, 2000, 10)):
        return baseline_cache.key(network, rest, *numbers)

    synapses, cells, graph = network.parameters.synapses, network.parameters.cells, network.graph
    keys = {key(), key(numbers=(2, 2000, 10)), key(numbers=(1, 1000, 10)), key(numbers=(1, 2000, 11))}
    wanted = 4
    for part, owner in ((synapses, "synapses"), (cells, "cells")):
        for name, array in part._asdict().items():
            other = array.copy()
            other.flat[0] += 1
            changed = network.parameters._replace(**{owner: part._replace(**{name: other})})
            keys.add(key(network=replace(network, parameters=changed)))
            wanted += 1
    for name in ("ampa_time", "nmda_time", "gaba_fast_time", "gaba_slow_time", "gaba_reversal", "mg_over_k_ab"):
        changed = network.parameters._replace(**{name: getattr(network.parameters, name) * (1 + 1e-15)})
        keys.add(key(network=replace(network, parameters=changed)))
        wanted += 1
    for name in ("target", "weight", "delay"):
        other = getattr(graph, name).copy()
        other[3] += 1
        keys.add(key(network=replace(network, graph=graph._replace(**{name: other}))))
        wanted += 1
    for name in rest._fields:
        keys.add(key(rest=rest._replace(**{name: getattr(rest, name) + 1e-9})))
        wanted += 1
    for name in ("nmda_circuit", "nmda_afferent"):
        keys.add(key(network=replace(network, **{name: getattr(network, name) * 2.0})))
        wanted += 1
    assert len(keys) == wanted
    assert key() in keys


#: Where the numbers stand, where a baseline is run, what it runs, and what is made of its windows.
OF_BASELINES = (
    "config/schedule.py",
    "simulation/sampler.py",
    "simulation/baseline.py",
    "simulation/coupling.py",
    "simulation/estimates.py",
    "kernels/membranes.py",
    "network/build.py",
)


def test_other_code_has_other_baselines(experiment, monkeypatch, edited):
    """Catches a baseline of another version, of changed code or numbers, or of kernels for another processor."""
    simulation = Simulation(experiment())
    rest = coupling.modulation(simulation.network, simulation.signals)

    def key(**changes):
        with monkeypatch.context() as patch:
            for name, value in changes.items():
                patch.setattr(baseline_cache, name, value)
            return baseline_cache.key(simulation.network, rest, 1, 2000, 10)

    keys = {key(), key(__version__="0.0"), key(CACHE_FOLDER=CACHE_FOLDER.with_name("another"))}
    keys |= {key(code_digest=edited(file)) for file in OF_BASELINES}
    assert len(keys) == 3 + len(OF_BASELINES)
    assert key(code_digest=edited("plots/page.py", "simulation/loop.py")) == key()


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
    del parts["activity/voltage"]
    np.savez(file, **parts)
    begin(experiment())
    assert len(measured) == 2


def test_without_a_place_everything_works(experiment, tmp_path, monkeypatch, measured):
    """Catches a run that needs a writable home: no folder at all, and one that can't be made."""
    (tmp_path / "file").write_text("in the way")
    for place in (None, tmp_path / "file" / "baselines"):
        monkeypatch.setattr(baseline_cache, "folder", lambda place=place: place)
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


def test_the_oldest_make_room(experiment, place, monkeypatch):
    """Catches a cache that grows without end, throws out what it has just stored, or leaves parts behind."""
    files = []
    for seed in range(1, 5):
        begin(experiment(seed=seed))
        (new,) = set(place.iterdir()) - set(files)
        os.utime(new, (seed, seed))
        files.append(new)
    size = max(file.stat().st_size for file in files)
    monkeypatch.setattr(baseline_cache, "MOST_BYTES", 11 * 2**20)  # a tenth of it holds a whole one
    begin(experiment(seed=5))
    assert len(list(place.iterdir())) == 5
    monkeypatch.setattr(baseline_cache, "MOST_BYTES", round(3.5 * size))
    baseline_cache._make_room(place)
    left = set(place.iterdir())
    assert files[0] not in left and files[1] not in left
    assert files[3] in left and len(left) == 3
    assert not list(place.glob("*.part"))


def test_one_that_is_too_large_is_not_stored(experiment, place, monkeypatch, measured):
    """Catches one network that throws out everything else."""
    monkeypatch.setattr(baseline_cache, "MOST_BYTES", 10_000)
    for _ in range(2):
        begin(experiment())
    assert len(measured) == 2
    assert not place.exists() or not list(place.iterdir())


def test_the_folder_is_beside_that_of_the_kernels(monkeypatch, tmp_path):
    """Catches baselines in another place than the user named, or stored where kernels could not be."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(baseline_cache, "CACHE_FOLDER", tmp_path / "ketasim" / "numba" / "0123")
    assert the_users_folder() == tmp_path / "ketasim" / "baselines"
    monkeypatch.setattr(baseline_cache, "CACHE_FOLDER", tmp_path.parent / "for this process alone")
    assert the_users_folder() is None
    monkeypatch.setattr(baseline_cache, "user_cache", lambda: None)
    assert the_users_folder() is None

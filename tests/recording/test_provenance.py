"""What is known before the first step, and what two runs have to share for their bits to be the same."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import networkx
import pytest

from ketasim.config import Experiment
from ketasim.mechanisms import Mechanism
from ketasim.recording import provenance
from ketasim.recording.provenance import identity, write_preamble
from ketasim.signals import Signal
from ketasim.simulation import Simulation
from ketasim.storage import TrajectoryWriter
from ketasim.trajectory import open_trajectory

NAMES = {"ketasim", "experiment", "parameters", "code", "processor", "numpy", "scipy", "numba"}


@pytest.fixture
def without(small):
    """Identity of a small experiment without a network, with other values by key."""
    return lambda **changes: identity(Simulation(small(network="none", **changes)))


def differing(first, second):
    """Names of what differs."""
    assert first.keys() == second.keys() == NAMES
    return {name for name in first if first[name] != second[name]}


def test_how_it_is_run_is_no_part_of_it(without):
    """Catches a run that may not go on with more threads, other checkpoints or on a second look."""
    schedule = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "5 min", "checkpoint": "1 s"}
    assert differing(without(), without()) == set()
    assert differing(without(), without(threads=2, schedule=schedule)) == set()


@pytest.mark.parametrize("changes", [{"seed": 2}, {"duration": "25 min"}, {"doses": []}])
def test_what_decides_results_is(without, changes):
    """Catches a run that goes on with another seed, end or dose."""
    assert "experiment" in differing(without(), without(**changes))


def test_parameters_are(small):
    """Catches a run that goes on with another number in a mechanism."""
    changed = small(mechanisms={"glutamate": {"vmax": "6 uM/s"}})
    assert differing(*(identity(Simulation(one)) for one in (small(), changed))) == {"experiment", "parameters"}


@pytest.mark.parametrize("file", ["config/schedule.py", "simulation/loop.py", "recording/recorder.py", None])
def test_changed_code_is_found(without, monkeypatch, edited, file):
    """Catches a source file whose change is not noticed, and a digest that depends on where the package lies."""
    before = without()
    monkeypatch.setattr(provenance, "code_digest", edited(*[file] if file else []))
    assert differing(before, without()) == ({"code"} if file else set())


def test_a_graph_counts_by_its_content(small, random_graph):
    """Catches a run that goes on with another graph than it began with."""
    graph, same, other = random_graph(), random_graph(), random_graph(weight=2.0)
    assert networkx.utils.graphs_equal(graph, same)
    first, second, third = (identity(Simulation(small(), one)) for one in (graph, same, other))
    assert differing(first, second) == set()
    assert differing(first, third) == {"experiment"}
    assert differing(first, identity(Simulation(small()))) == {"experiment"}


def test_it_says_the_same_wherever_the_experiment_lies(tmp_path, monkeypatch):
    """Catches absolute paths in a file, by which two equal runs would differ."""
    drug = next((Path(provenance.__file__).parents[1] / "drugs").rglob("saline*.yaml"))
    found = []
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(drug, folder / "own.yaml")
        text = (folder / "own.yaml").read_text().replace("name: saline", "name: water")
        (folder / "own.yaml").write_text(text)
        monkeypatch.chdir(folder)
        data = {"format": 1, "duration": "1 h", "network": "none", "drugs": ["own.yaml"]}
        simulation = Simulation(Experiment.from_mapping(data))
        with TrajectoryWriter(folder / "out.h5") as writer:
            write_preamble(writer, simulation)
        found.append(open_trajectory(folder / "out.h5.part").provenance)
    assert json.loads(found[0]["config_resolved"])["drugs"] == ["own.yaml"]
    for name in ("config_resolved", "config_source", "parameters", "config_sha256"):
        assert found[0][name] == found[1][name], name


def test_a_series_of_doses_is_written_one_by_one(tmp_path, small):
    """Catches a table of events with one row for six doses, or another order than time."""
    dose = {"drug": "ketamine", "route": "oral", "amount": "1 mg", "repeat": {"every": "5 min", "count": 3}}
    with TrajectoryWriter(tmp_path / "out.h5") as writer:
        write_preamble(writer, Simulation(small(network="none", doses=[dose])))
    events = open_trajectory(tmp_path / "out.h5.part").events
    assert [event["start_s"] for event in events] == [0.0, 300.0, 600.0]


def test_code_of_ones_own_counts(small):
    """Catches a run that goes on with another equation of a user's mechanism than it began with."""

    class Parameters(NamedTuple):
        """None."""

    def factory(factor):
        def advance(mine, parameters, clock):
            mine *= factor

        return advance

    def other(mine, parameters, clock):
        mine += 1.0

    signals = (Signal("mine", "1", (), "state", 1.0, "a level of one's own"),)

    def found(advance):
        own = Mechanism("own", Parameters, advance, writes=("mine",), signals=signals)
        return identity(Simulation(small(network="none"), mechanisms=[own]))

    first = found(factory(1.0))
    assert first.keys() == NAMES | {"code of own"}
    assert first == found(factory(1.0))
    for changed in (other, factory(2.0), eval("lambda mine, parameters, clock: None")):
        assert {name for name, value in found(changed).items() if value != first[name]} == {"code of own"}

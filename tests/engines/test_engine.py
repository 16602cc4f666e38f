"""The loop runs on any engine: here one of twenty lines, whose neurons fire as their synapses release."""

from io import BytesIO
from typing import NamedTuple

import numpy as np
import pytest

import ketasim
from ketasim.engines import Engine, Inputs, Measurement, PlasticEngine, SpikingEngine
from ketasim.engines.engine import class_means
from ketasim.mechanisms import Mechanism, autoreceptors
from ketasim.network.prefrontal_microcircuit import prefrontal_microcircuit
from ketasim.pipeline import CancelledError
from ketasim.recording.provenance import write_preamble
from ketasim.recording.recorder import Recorder
from ketasim.recording.resume import RefusedError
from ketasim.simulation import Simulation
from ketasim.storage import TrajectoryWriter
from ketasim.trajectory import open_trajectory

HOURS = {"duration": "4 h", "recording": {}, "schedule": {"baseline": "4 s", "window": "1 s", "step": "30 min"}}


class NoParameters(NamedTuple):
    """Cut."""


class Toy:
    """Rates of 2 Hz times the gain of release, approached by half in every fast step."""

    measures, reads = ("firing_rate", "vesicle_release"), ("release_gain",)

    def __init__(self, topology):
        self.topology = topology
        self.rest()

    def rest(self):
        self.rate, self.age = np.full(self.topology.n_nodes, 2.0), 0

    @property
    def state(self):
        return {"rate": self.rate, "age": np.array(self.age)}

    @state.setter
    def state(self, arrays):
        self.rate, self.age = np.array(arrays["rate"]), int(arrays["age"])

    def inputs(self, signals, baseline):
        return Inputs(class_means(signals["release_gain"][None], self.topology.class_start), np.zeros((0, 3)))

    def settle(self, signals, first_step, n_steps):
        wanted = 2.0 * signals["release_gain"]
        self.rate, self.age = wanted + (self.rate - wanted) * 0.5**n_steps, self.age + n_steps

    def measure(self, signals, first_step, n_steps, traces=False):
        self.settle(signals, first_step, n_steps)
        found = {"firing_rate": self.rate.copy(), "vesicle_release": 3.0 * self.rate}
        return Measurement.of(found, self.topology.class_start)

    def digest(self, signals):
        return f"{self.topology.sha256} {signals['release_gain'].tobytes().hex()}"


@pytest.fixture
def simulation(small):
    """Two days after a dose of an agonist's stand-in: release is cut by half from the first hour on."""

    def halve(release_gain, parameters, clock):
        if clock.fast_step >= 36_000_000:
            release_gain *= 0.5

    own = Mechanism("cut", NoParameters, halve, scales=("release_gain",))
    return Simulation(small(**HOURS), mechanisms=[own], engine=Toy(prefrontal_microcircuit(60, seed=1)))


def test_both_engines_are_engines():
    """Catches a method that the loop needs and one of them lacks."""
    members = {name for name in Engine.__dict__ if not name.startswith("_")}
    for kind in (Toy, SpikingEngine):
        instance_attributes = {"topology", "age"}
        assert members - set(dir(kind)) <= instance_attributes, kind
    assert issubclass(SpikingEngine, PlasticEngine) and not issubclass(Toy, PlasticEngine)


def test_what_the_engine_does_not_measure_or_change_is_left_out(simulation):
    """Catches a mechanism that would read neutral values as if the network had measured them."""
    names = {mechanism.name for mechanism in simulation.mechanisms}
    assert {"pharmacokinetics", "glutamate", autoreceptors.MECHANISM.name, "homeostatic_scaling", "cut"} <= names
    assert not names & {"nmda_blockade", "bdnf", "synaptogenesis"}
    assert simulation.plastic_edges == () and simulation.network is None


def test_the_loop_runs_a_toy_engine(simulation):
    """Catches a loop, sampler or baseline that knows of spikes: what is measured follows the gain."""
    simulation.measure_baseline(cached=False)
    rate, release = simulation.signals["firing_rate"], simulation.signals["vesicle_release_baseline"]
    assert rate == pytest.approx(2.0) and release == pytest.approx(6.0)
    simulation.advance("1 h")
    assert simulation.signals["firing_rate"] == pytest.approx(2.0)
    simulation.advance("3 h")
    gain = simulation.signals["release_gain"]  # of the cut, and of autoreceptors that have noticed
    assert 0.5 < gain.mean() < 0.6
    assert simulation.window.population["firing_rate"] == pytest.approx(
        class_means(2.0 * gain, simulation.topology.class_start), rel=0.02
    )
    assert simulation.sampler.windows_run > 3


def test_a_toy_engine_goes_on_from_its_state(simulation, small):
    """Catches state of an engine that the loop's state leaves out."""
    simulation.advance("2 h")
    other = Simulation(simulation.experiment, mechanisms=simulation.mechanisms[-1:], engine=Toy(simulation.topology))
    other.state = {name: array.copy() for name, array in simulation.state.items()}
    for one in (simulation, other):
        one.advance("2 h")
    assert simulation.state.keys() == other.state.keys()
    assert all(np.array_equal(simulation.state[name], array) for name, array in other.state.items())


def test_a_run_of_a_toy_engine_is_recorded(simulation):
    """Catches a recorder that wants what only the spiking network measures."""
    memory = BytesIO()
    with TrajectoryWriter(memory) as writer:
        write_preamble(writer, simulation)
        recorder = Recorder(writer, simulation)
        simulation.measure_baseline(recorder.record_baseline, cached=False)
        recorder.record()
        simulation.step()
        recorder.record()
        writer.finish()
    with open_trajectory(memory) as trajectory:
        assert {"firing_rate", "vesicle_release"} <= set(trajectory.dataset("population"))
        assert "nmda_gating" not in trajectory.dataset("population")
        assert trajectory["firing_rate"].values == pytest.approx(2.0)


def test_a_run_of_a_toy_engine_is_resumed(small, tmp_path):
    """Catches a run that goes on with the experiment's own network, or with another engine, and says nothing."""
    experiment, out = small(**HOURS), tmp_path / "toy.h5"

    def toy(neurons=60):
        return Toy(prefrontal_microcircuit(neurons, seed=1))

    with ketasim.run(experiment, engine=toy()) as whole:
        digest, network = whole.digest(), whole.config["network"]
    assert network == {"engine": "Toy", "graph_sha256": toy().topology.sha256}
    with pytest.raises(CancelledError):
        ketasim.run(experiment, out, engine=toy(), progress=lambda now: now.time < 7200.0)
    with pytest.raises(RefusedError, match=r"started with an engine of your own; call ketasim.resume.* with an engine"):
        ketasim.resume(out)
    with pytest.raises(RefusedError, match=r"engine was .*, is "):
        ketasim.resume(out, engine=toy(61))
    with ketasim.resume(out, engine=toy()) as resumed:
        assert resumed.digest() == digest


def test_an_engine_is_not_given_beside_a_graph_nor_to_another_run(small, tmp_path):
    """Catches two networks of which one is left out in silence."""
    topology, out = prefrontal_microcircuit(60, seed=1), tmp_path / "plain.h5"
    with pytest.raises(TypeError, match="both stand in for the experiment's network"):
        ketasim.run(small(**HOURS), graph=topology, engine=Toy(topology))
    with pytest.raises(CancelledError):
        ketasim.run(small(**HOURS), out, progress=lambda now: now.time < 0.0)
    with pytest.raises(RefusedError, match="started without an engine"):
        ketasim.resume(out, engine=Toy(topology))

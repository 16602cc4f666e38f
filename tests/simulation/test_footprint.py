"""How large a run will be, before it is built and after."""

import pytest
from ketasim.simulation.footprint import expected_size, expected_synapses, file_of, size_of

from ketasim.config import Experiment
from ketasim.network.prefrontal_microcircuit import prefrontal_microcircuit
from ketasim.simulation import Simulation

CIRCUIT = """
format: 1
cells:
  cell: {status: assumed, source: me, transmitter: glutamate, capacitance: 200 pF, leak: 10 nS, rest: -70 mV,
    threshold: -50 mV, reset: -60 mV, refractory: 2 ms, nmda_2a: 1}
populations: {PYR: {cell: cell, neurons: 60}, other: {cell: cell, neurons: 20}}
synapses: {one: {status: assumed, source: me, delay: 5 ms, ampa: 0.1 nS}}
connections: [{from: [PYR, other], to: [PYR], synapse: one, probability: 0.5}]
"""


@pytest.mark.parametrize("neurons", [20, 300, 3000])
def test_expected_synapses_are_those_that_are_built(neurons):
    """Catches an in-degree that is constant in small sheets or not in large ones: 10 % of 20 neurons, 1 % of more."""
    built = prefrontal_microcircuit(neurons, seed=1)
    tolerance = 0.1 if neurons == 20 else 0.01
    found = expected_synapses(neurons)
    assert found.sum() == pytest.approx(built.n_edges, rel=tolerance)
    inside = (built.population[built.source] == 0) & (built.population[built.target] == 0)
    assert found[0, 0] == pytest.approx(inside.sum(), rel=3 * tolerance)


def test_expected_size_is_that_of_the_network(small, random_graph, tmp_path):
    """Catches a size that misses the schedule, plasticity switched off, a circuit file's scale, or a given graph."""
    experiment = small(network={"neurons": 300}, schedule={"baseline": "2 s"}, duration="7 h")
    simulation = Simulation(experiment)
    built = size_of(simulation.network, True, simulation.schedule.size - 1)
    found = expected_size(experiment)
    assert (found.nodes, found.steps) == (built.nodes, built.steps)
    assert found.synapses == pytest.approx(built.synapses, rel=0.01)
    assert found.plastic == pytest.approx(built.plastic, rel=0.03)
    assert 1 <= built.longest_delay <= found.longest_delay
    assert expected_size(small(mechanisms={"synaptogenesis": "off"})).plastic == 0.0
    assert expected_size(small(network="none"))[:3] == (0, 0.0, 0.0)
    file = tmp_path / "circuit.yaml"
    file.write_text(CIRCUIT)
    scaled = Experiment.from_mapping(
        {"format": 1, "duration": "1 h", "network": {"file": str(file), "scale": 2}, "schedule": {"step": "7 min"}}
    )
    assert expected_size(scaled) == (160, 0.5 * 160 * 120, 0.5 * 120 * 120, 9, 50, 0.0)
    graph = random_graph()
    assert expected_size(small(), graph)[:2] == (30, graph.number_of_edges())


def test_each_part_of_the_file_counts(small):
    """Catches node signals, spikes or snapshots that an estimate of the disk leaves out."""
    bare = {"network": {"neurons": 300}, "recording": {}, "duration": "2 d"}

    def size(**changes):
        experiment = small(**bare | changes)
        return file_of(expected_size(experiment), experiment)

    nodes = size(recording={"node_signals": ["bdnf"]}) - size()
    assert nodes == pytest.approx(576 * 300 * 4.0)
    spikes = size(recording={"spikes": [{"from": "0 h", "to": "2 d"}]}) - size(recording={"spikes": ["0 h"]})
    assert spikes == pytest.approx(575 * 300 * 3.0 * 0.2 * 16.0, rel=0.02)
    assert size(recording={"graph": ["3 h"]}) > size() + 5.0 * 10_000
    assert size(mechanisms={"synaptogenesis": "off"}) < size() - 3 * 5.0 * 10_000

"""What an experiment describes, built."""

from dataclasses import replace
from types import SimpleNamespace

import networkx
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.documents import DocumentError
from ketasim.engines import SpikingEngine
from ketasim.exposures import Administration
from ketasim.network_files.circuit import circuit_topology, read_circuit
from ketasim.simulation.world import build_network, check_against_network, setting_of, slow_times_of

CIRCUIT = """\
format: 1
cells:
  cell: {status: assumed, source: me, transmitter: gaba, capacitance: 123 pF, leak: 1 nS, rest: -70 mV,
    threshold: -50 mV, reset: -60 mV, refractory: 1 ms, nmda_2a: 1}
populations: {A: {cell: cell, neurons: 40}, B: {cell: cell, neurons: 10}}
synapses: {brake: {status: assumed, source: me, delay: 1 ms, gaba: 1 nS, utilisation: 0.3}}
connections: [{from: A, to: B, synapse: brake, probability: 0.5}]
"""

KEYS = [("ketamine", route) for route in ("intravenous", "oral")]


def test_the_seed_decides_the_circuit(small):
    """Catches a circuit that ignores the seed, or differs each time."""
    first, again, other = (build_network(small(seed=seed))[0].topology for seed in (1, 1, 2))
    assert_array_equal(first.target, again.target)
    assert_array_equal(first.weight, again.weight)
    assert first.n_edges != other.n_edges or not np.array_equal(first.target, other.target)


def test_named_weights_reach_the_network(small):
    """Catches weights that are read, stored and not used, or that change the graph."""
    usual, _ = build_network(small())
    weights = {"nmda_PYR_SST": "1.5 nS", "afferent_ampa_PV": "0.7 nS"}
    other, _ = build_network(small(network={"neurons": usual.topology.n_nodes, "weights": weights}))
    assert_array_equal(usual.topology.target, other.topology.target)
    ratio = other.parameters.synapses.nmda[0] / usual.parameters.synapses.nmda[0]
    assert ratio == pytest.approx([1.0, 1.0, 1.5 / usual.tables.synapses["PYR", "SST"].nmda])
    assert other.parameters.synapses.afferent_ampa[1] == 0.7
    assert other.tables.synapses["PYR", "SST"].nmda == 1.5


def test_a_given_graph_takes_the_place_of_the_circuit(small, random_graph):
    """Catches a graph that is ignored, or whose stated conductances are rescaled to another in-degree."""
    graph = random_graph()
    network, notes = build_network(small(), graph)
    assert set(network.topology.labels) == set(graph)
    assert network.topology.n_edges == graph.number_of_edges()
    thinned = graph.copy()
    thinned.remove_edges_from(list(graph.edges)[::2])
    other, _ = build_network(small(), thinned)
    assert_array_equal(network.parameters.synapses.ampa, other.parameters.synapses.ampa)
    assert notes == ()


@pytest.mark.parametrize("key", ["weights", "nmda_subunits"])
def test_a_graph_does_not_swallow_what_it_has_no_place_for(small, random_graph, key):
    """Catches a run with default receptors under an experiment that states others."""
    stated = small().replace(**{f"network.{key}": 130 if key == "weights" else {"PV": {"GluN2C": 1.0}}})
    with pytest.raises(DocumentError, match=rf"network\.{key}: belongs to the default circuit and would be lost"):
        build_network(stated, random_graph())


def test_what_a_graph_leaves_open_is_noted(small):
    """Catches defaults that are filled in without a word."""
    graph = networkx.DiGraph([(0, 1), (1, 2)])
    networkx.set_node_attributes(graph, "PYR", "population")
    _, notes = build_network(small(), graph)
    assert any("delay" in note for note in notes)
    assert any("weight" in note for note in notes)


def test_network_from_a_file(small, random_graph, tmp_path):
    """Catches a file read differently from the graph that was written to it."""
    graph = random_graph(lambda number: f"neuron {number}")
    networkx.write_graphml(graph, tmp_path / "net.graphml")
    from_file, _ = build_network(small(network={"file": str(tmp_path / "net.graphml")}))
    given, _ = build_network(small(), graph)
    assert_array_equal(from_file.topology.weight, given.topology.weight)
    assert from_file.topology.labels == given.topology.labels


def test_network_from_a_circuit_file(small, tmp_path):
    """Catches a circuit file that runs with the cells of the default circuit, or whose seed does nothing."""
    (tmp_path / "net.yaml").write_text(CIRCUIT, encoding="utf-8")
    networks = [build_network(small(network={"file": str(tmp_path / "net.yaml")}, seed=seed))[0] for seed in (1, 1, 2)]
    first, again, other = networks
    assert first.topology.sizes == {"A": 40, "B": 10}
    assert first.parameters.cells.capacitance.tolist() == [123.0, 123.0]
    assert first.parameters.synapses.utilisation.tolist() == [[0.0, 0.3], [0.0, 0.0]]
    assert first.topology.sha256 == again.topology.sha256 != other.topology.sha256
    circuit = read_circuit(tmp_path / "net.yaml")
    assert_array_equal(first.topology.target, circuit_topology(circuit, 1).target)


def test_a_graph_without_populations_is_refused_with_a_remedy(small):
    """Catches a graph that runs with a population made up for it."""
    with pytest.raises(DocumentError, match="population"):
        build_network(small(), networkx.DiGraph([(0, 1)]))


def test_setting_of_humans_and_rats(small):
    """Catches a human variant given to a rat, and drugs that were given twice counted twice."""
    doses = [{"drug": "ketamine", "route": "intravenous", "amount": "1 mg", "start": f"{n} min"} for n in range(2)]
    human = setting_of(small(doses=doses, subject={"genotype": {"cyp2b6": "*6/*6", "bdnf": "Met/Met"}}), None)
    assert human.genotype == (("cyp2b6", "*6/*6"), ("bdnf", "Met/Met"))
    assert [drug.name for drug in human.drugs] == ["ketamine"]
    rat = setting_of(small(doses=doses, subject={"species": "rat"}), None, drugs=("saline",))
    assert rat.genotype == ()
    assert rat.weight == 0.3
    assert [drug.name for drug in rat.drugs] == ["ketamine", "saline"]


def test_a_setting_knows_what_runs_the_network(small):
    """Catches a spiking circuit that is promised to mechanisms where another engine runs, and nodes that are none."""
    engine = SpikingEngine(build_network(small())[0], 1)
    found = setting_of(small(), engine)
    assert found.topology is engine.topology and found.network is engine.network
    other = setting_of(small(), SimpleNamespace(topology=engine.topology))
    assert other.topology is engine.topology and other.network is None
    assert other.nodes("PV") == engine.topology.slice_of("PV")
    with pytest.raises(ValueError, match="there are no nodes of PV"):
        setting_of(small(), None).nodes("PV")


def test_slow_times_hold_every_event_of_every_exposure(small):
    """Catches a dose, its lag or a stimulus inside a step; a run that begins late; and doses given meanwhile lost."""
    stimuli = [
        {"kind": "afferents", "population": "PYR", "start": start, "duration": "100 s", "rate": "1 Hz"}
        for start in ("-210 s", "190 s")
    ]
    experiment = small(stimuli=stimuli)
    setting = setting_of(experiment, None)
    setting = replace(setting, compartments=replace(setting.compartments, lags=dict.fromkeys(KEYS, 7.0)))
    times = slow_times_of(experiment, setting)
    assert times[0] == -210.0 and times[-1] == 1200.0
    assert {-110.0, 0.0, 7.0, 190.0, 290.0, 607.0} <= set(times.tolist())
    given = {one.kind: [*events] for one, events in experiment.exposures.items()}
    given["dose"].append(Administration("ketamine", "intravenous", 1.0, 700.0, 0.0))
    assert {607.0, 707.0} <= set(slow_times_of(experiment, setting, given).tolist())


def test_stimuli_need_their_population(small):
    """Catches a stimulus to a population that a given graph or engine lacks."""
    stimulus = {"kind": "afferents", "population": "SST", "start": "60 s", "duration": "100 s", "rate": "1 Hz"}
    experiment, topology = small(stimuli=[stimulus]), build_network(small())[0].topology
    check_against_network(experiment, SimpleNamespace(topology=topology))
    without = SimpleNamespace(topology=SimpleNamespace(population_names=("PYR", "PV")))
    with pytest.raises(DocumentError, match=r"stimuli\.0\.population: unknown population 'SST'; allowed: PYR, PV"):
        check_against_network(experiment, without)


def test_the_parameter_set_named_is_the_one_used(small):
    """Catches doses that enter other compartments than those the mechanism advances."""
    plain = small(network="none")
    names = plain.catalogue["ketamine"].dispositions_for("human")
    matrices = set()
    for name in names:
        experiment = small(network="none", mechanisms={"pharmacokinetics": {"disposition": name}})
        matrices.add(setting_of(experiment, None).compartments.matrix.tobytes())
    assert len(matrices) == len(names) > 1

"""Valid input of every kind, small enough to build in milliseconds: what mutations start from."""

from io import BytesIO

import h5py
import networkx
import numpy as np

from tests.drugs.drug_files import OWN_DRUG

SCHEDULE = "schedule: {baseline: 0.2 s, settle: 0 s, window: 0.1 s, step: 1 min}\n"

EXPERIMENT = f"""\
# Everything that an experiment file may say, on 24 neurons.
format: 1
name: everything
seed: 7
duration: 24 h
subject:
  species: human
  weight: 80 kg
  genotype: {{cyp2b6: "*1/*6", bdnf: Val/Met}}
doses:
  - {{drug: ketamine, route: intravenous, amount: 0.5 mg/kg, start: 0 h, duration: 40 min}}
  - drug: ketamine
    route: oral
    amount: 35 mg
    start: 2 h
    repeat: {{every: 3 h, count: 3}}
stimuli:
  - {{kind: afferents, population: PYR, start: 10 min, duration: 500 s, rate: -20 Hz}}
network: {{model: prefrontal_microcircuit, neurons: 24, weights: {{nmda_PYR_SST: 0.1 nS}}}}
{SCHEDULE}mechanisms:
  glutamate: off
  bdnf: {{val_met: 0.8}}
  extrasynaptic_nmda: on
  nmda_blockade: {{cells: [PV, SST]}}
recording: {{node_signals: [firing_rate], spikes: [0 h, {{from: 0 h, to: 40 min}}], graph: [3 h], measures: false}}
threads: 1
"""

RAT = """\
format: 1
name: rat
duration: 3 h
subject: {species: rat, weight: 280 g}
drugs: [own.yaml]
doses: [{drug: own_drug, route: oral, amount: 2 mg, duration: 1 min}]
network: none
mechanisms: {pharmacokinetics: {disposition: quick}}
recording: {}
"""

CIRCUIT = """\
format: 1
cells:
  pyramid: {transmitter: glutamate, capacitance: 0.5 nF, leak: 25 nS, rest: -70 mV, threshold: -50 mV, reset: -55 mV,
    refractory: 2 ms, adaptation: 1 nS, adaptation_jump: 10 pA, adaptation_time: 120 ms, afferent_rate: 2.4 kHz,
    afferent_ampa: 2.1 nS, nmda_2a: 0.5, nmda_2b: 0.5, status: recalled, source: made up}
  basket: {transmitter: gaba, capacitance: 200 pF, leak: 20 nS, rest: -70 mV, threshold: -50 mV, sharpness: 1 mV,
    reset: -60 mV, refractory: 1 ms, afferent_rate: 1 kHz, afferent_ampa: 1.6 nS, nmda_2b: 1, status: assumed,
    source: made up}
populations:
  one: {cell: pyramid, neurons: 16}
  two: {cell: basket, neurons: 6}
synapses:
  excitatory: {delay: 0.5 ms, ampa: 0.1 nS, nmda: 0.3 nS, utilisation: 0.5, recovery: 200 ms, facilitation: 20 ms,
    status: assumed, source: made up}
  inhibitory: {delay: 0.5 ms, gaba: 1.3 nS, status: assumed, source: made up}
connections:
  - {from: one, to: [one, two], synapse: excitatory, probability: 0.5, weight: 1.2, weight_sd_log: 0.4}
  - {from: two, to: one, synapse: inhibitory}
receptors: {ampa_time: 2 ms, nmda_time: 100 ms, gaba_fast_time: 10 ms, mg: 1 mM, status: assumed, source: made up}
"""


def around(network: str) -> str:
    """Return an experiment whose network is a file."""
    return f"""\
format: 1
name: around
duration: 1 h
doses: [{{drug: ketamine, route: intravenous, amount: 0.5 mg/kg, duration: 40 min}}]
network: {{file: {network}}}
{SCHEDULE}mechanisms: {{glutamate: off, autoreceptors: off, extrasynaptic_nmda: off}}
"""


def graph() -> networkx.DiGraph:
    """Return 24 named nodes of three populations with positions, weights and delays."""
    generator = np.random.default_rng(3)
    found = networkx.DiGraph()
    for number, population in enumerate(["PYR"] * 16 + ["PV"] * 5 + ["SST"] * 3):
        x, y = generator.uniform(0.0, 300.0, 2).round(1).tolist()
        found.add_node(f"n{number}", population=population, x=x, y=y)
    for source, target in generator.integers(0, 24, (80, 2)).tolist():
        if source != target:
            weight, delay = generator.uniform(0.5, 3.0, 2).round(2).tolist()
            found.add_edge(f"n{source}", f"n{target}", weight=weight, delay=delay)
    return found


def graphml() -> str:
    """Return the graph as GraphML."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(networkx.generate_graphml(graph()))


def edge_list(separator: str = ",") -> tuple[str, str]:
    """Return the graph as an edge list and its table of nodes."""
    found = graph()
    edges = [("source", "target", "weight", "delay")]
    edges += [(source, target, data["weight"], data["delay"]) for source, target, data in found.edges(data=True)]
    nodes = [("node", "population", "x", "y")]
    nodes += [(node, data["population"], data["x"], data["y"]) for node, data in found.nodes(data=True)]
    one, other = ("".join(separator.join(map(str, row)) + "\n" for row in rows) for rows in (edges, nodes))
    return one, other


def plain_edge_list() -> str:
    """Return the graph as an edge list that names populations itself."""
    found = graph().edges(data=True)
    population = graph().nodes(data="population")
    rows = ["source,target,weight,delay,source_population,target_population"]
    rows += [f"{a},{b},{d['weight']},{d['delay']},{population[a]},{population[b]}" for a, b, d in found]
    return "\n".join(rows) + "\n"


def sonata() -> bytes:
    """Return the graph in SONATA's layout, one population of nodes and one of edges, names in a library."""
    found = networkx.convert_node_labels_to_integers(graph())
    names = ("PV", "PYR", "SST")
    target = BytesIO()
    with h5py.File(target, "w") as file:
        nodes, edges = file.create_group("nodes/cortex"), file.create_group("edges/local")
        nodes["node_type_id"] = np.full(24, -1)
        nodes["node_group_id"], nodes["node_group_index"] = np.zeros(24, int), np.arange(24)
        nodes["0/population"] = np.array([names.index(name) for _, name in found.nodes(data="population")], np.uint8)
        nodes["0/@library/population"] = list(names)
        for axis in ("x", "y"):
            nodes[f"0/{axis}"] = [value for _, value in found.nodes(data=axis)]
        for key, place in (("source_node_id", 0), ("target_node_id", 1)):
            ids = np.array([edge[place] for edge in found.edges], np.uint64)
            edges.create_dataset(key, data=ids, chunks=(32,), compression="gzip", shuffle=True)
            edges[key].attrs["node_population"] = "cortex"
        edges["edge_group_id"] = np.zeros(found.number_of_edges(), int)
        edges["edge_group_index"] = np.arange(found.number_of_edges())
        edges["0/syn_weight"] = [value for _, _, value in found.edges(data="weight")]
        edges["0/delay"] = [value for _, _, value in found.edges(data="delay")]
    return target.getvalue()


DRUG = OWN_DRUG

"""What an experiment describes, built: network, subject, drugs."""

from typing import Any

from ketasim.config import Experiment, NetworkFile, NetworkModel
from ketasim.drugs.compartments import Body, Compartments, compartments
from ketasim.mechanisms import Setting
from ketasim.network.build import Network, build, in_degree_scale
from ketasim.network.circuit_wiring import circuit_topology
from ketasim.network.exchange import from_networkx, read_network_file
from ketasim.network.prefrontal_microcircuit import prefrontal_microcircuit, reference_in_degree, side_of
from ketasim.network.synapses import PREFRONTAL
from ketasim.network.topology import Topology
from ketasim.network.weights import tables_of


def build_network(experiment: Experiment, graph: Any = None) -> tuple[Network | None, tuple[str, ...]]:
    """Network of an experiment, and notes on what was filled in.

    graph : a directed networkx graph with a ``population`` attribute on every node, or a `Topology`, in place of the
        experiment's network. Conductances of a given graph or file are used as stated per synapse; those of the default
        circuit are scaled so that its total input does not depend on its size. A circuit file brings its own cells and
        synapses; to any other graph or file those of the default circuit apply.
    """
    known = tuple(PREFRONTAL.cells)
    if graph is None and experiment.circuit is not None:
        topology = circuit_topology(experiment.circuit, experiment.seed)
        return build(topology, tables=experiment.circuit.tables), ()
    if isinstance(graph, Topology):
        return build(graph), ()
    if graph is not None:
        topology, notes = from_networkx(graph, known)
        return build(topology), notes
    match experiment.network:
        case NetworkFile(file=file):
            topology, notes = read_network_file(file, known)
            return build(topology), notes
        case NetworkModel(neurons=neurons, weights=weights):
            topology = prefrontal_microcircuit(neurons, experiment.seed)
            scale = in_degree_scale(topology, reference_in_degree)
            return build(topology, scale, tables=tables_of(weights.values), period=side_of(neurons)), ()
    return None, ()


def setting_of(experiment: Experiment, network: Network | None, drugs: tuple[str, ...] = ()) -> Setting:
    """What mechanisms prepare themselves for; `drugs` beside those of the experiment's doses."""
    names = sorted({dose.drug for dose in experiment.doses} | set(drugs))
    subject = experiment.subject
    variants = subject.genotype
    genotype = (("cyp2b6", str(variants.cyp2b6)), ("bdnf", str(variants.bdnf))) if subject.species == "human" else ()
    return Setting(
        species=subject.species,
        weight=subject.weight,
        genotype=genotype,
        drugs=tuple(experiment.catalogue[name] for name in names),
        network=network,
    )


def compartments_of(experiment: Experiment, setting: Setting) -> Compartments:
    """Compartments of the drugs in play with the parameter set that the experiment names."""
    parameters = experiment.mechanisms.get("pharmacokinetics") or None
    body = Body(setting.species, setting.weight, setting.genotype)
    return compartments(setting.drugs, body, parameters.disposition if parameters else "default")

"""Builds what an experiment describes: network, subject, drugs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ketasim.config import Experiment, NetworkFile, NetworkModel
from ketasim.config.models import stated_apart
from ketasim.documents import DocumentError, Problem
from ketasim.documents.validation import unknown
from ketasim.drugs.compartments import Body, compartments
from ketasim.engines import Engine, SpikingEngine
from ketasim.mechanisms import Setting, pharmacokinetics
from ketasim.network.build import Network, build
from ketasim.network.prefrontal_microcircuit import prefrontal_microcircuit, side_of
from ketasim.network.synapses import PREFRONTAL, Receptors
from ketasim.network.topology import Topology
from ketasim.network.weights import tables_of
from ketasim.network_files.circuit import circuit_topology
from ketasim.network_files.exchange import from_networkx, read_network_file
from ketasim.simulation.schedule import slow_times


def build_network(experiment: Experiment, graph: Any = None) -> tuple[Network | None, tuple[str, ...]]:
    """Network of an experiment, and notes on what was filled in.

    Parameters
    ----------
    experiment : Experiment
        Its network, seed and circuit are used.
    graph : networkx.DiGraph or Topology, optional
        Replaces the experiment's network; a networkx graph has a ``population`` attribute on every node. Conductances
        of the default circuit are scaled so that total input does not depend on network size, and its graphs and files
        state by how much; those of other graphs and files are used per synapse. A circuit file has its own cells and
        synapses; any other graph or file uses those of the default circuit.

    Raises
    ------
    DocumentError
        The experiment states weights or shares of subunits, which a graph of its own would not have.
    """
    known = tuple(PREFRONTAL.cells)
    if graph is not None and isinstance(experiment.network, NetworkModel):
        lost = stated_apart(experiment.network.model_dump(mode="json"))
        if lost:
            message = "belongs to the default circuit and would be lost; leave it out, or give no graph"
            raise DocumentError([Problem(None, f"network.{key}", message) for key in lost])
    if graph is None and experiment.circuit is not None:
        topology = circuit_topology(experiment.circuit, experiment.seed)
        return build(topology, tables=experiment.circuit.tables), ()
    if isinstance(graph, Topology):
        return build(graph), ()
    if graph is not None:
        topology, notes = from_networkx(graph, known)
        return build(topology), notes
    match experiment.network:
        case NetworkFile(file=file, reading=reading):
            topology, notes = read_network_file(file, known, how=reading)
            return build(topology), notes
        case NetworkModel(neurons=neurons, weights=weights, nmda_subunits=subunits, receptors=receptors):
            topology = prefrontal_microcircuit(neurons, experiment.seed)
            tables = tables_of(weights.values, subunits.shares)
            constants = Receptors(**receptors.model_dump())
            return build(topology, receptors=constants, tables=tables, period=side_of(neurons)), ()
    return None, ()


def setting_of(experiment: Experiment, engine: Engine | None, drugs: Iterable[str] = ()) -> Setting:
    """What mechanisms and exposures prepare for; `drugs` in addition to those of the experiment's doses."""
    names = sorted({dose.drug for dose in experiment.doses} | set(drugs))
    subject = experiment.subject
    variants = subject.genotype
    genotype = (("cyp2b6", str(variants.cyp2b6)), ("bdnf", str(variants.bdnf))) if subject.species == "human" else ()
    in_play = tuple(experiment.catalogue[name] for name in names)
    kinetics = experiment.mechanisms.get("pharmacokinetics") or pharmacokinetics.Parameters()
    return Setting(
        species=subject.species,
        weight=subject.weight,
        genotype=genotype,
        drugs=in_play,
        compartments=compartments(in_play, Body(subject.species, subject.weight, genotype), kinetics.disposition),
        topology=engine.topology if engine else None,
        network=engine.network if isinstance(engine, SpikingEngine) else None,
    )


def slow_times_of(
    experiment: Experiment, setting: Setting, events: Mapping[str, Sequence[Any]] | None = None
) -> np.ndarray:
    """Slow times of an experiment in s; `events`, by kind of exposure, replace those of the experiment."""
    edges = {0.0}
    for exposure, own in experiment.exposures.items():
        edges |= set(exposure.times(events[exposure.kind] if events else own, setting))
    schedule = experiment.schedule
    return slow_times(experiment.begin, experiment.duration, edges, schedule.step, schedule.settle + schedule.window)


def check_against_network(experiment: Experiment, engine: Engine | None) -> None:
    """Refuse stimuli to populations that the network (or given graph) does not have.

    Raises
    ------
    DocumentError
        Names the stimulus and the existing populations.
    """
    names = engine.topology.population_names if engine else ()
    problems = [
        Problem(None, f"stimuli.{number}.population", unknown("population", stimulus.population, names))
        for number, stimulus in enumerate(experiment.stimuli)
        if getattr(stimulus, "population", names) not in (*names, names)
    ]
    if problems:
        raise DocumentError(problems)

"""Spines of pyramidal cells as edges of the graph: the table that ages, and the kernel's graph that follows it.

At the end of a slow step the table is advanced from the signals of the step's start, its births and deaths are applied
to the graph, at a cost that goes with their number, and its weights are written there. The network's next window runs
on what results: a spine carries the spikes fired after the step in which it was born; what one that died has sent
arrives nevertheless.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ketasim.kernels.graph import Synapses, synapses_of
from ketasim.kernels.rewiring import ChangingGraph, change, set_weights, with_room
from ketasim.kernels.spine_births import (
    Births,
    Formation,
    Lost,
    Sites,
    draw_births,
    new_clocks,
    nothing_lost,
    remembered,
)
from ketasim.kernels.spine_turnover import Drive, Edges, age_edges, initial_edges, merged, slow_step
from ketasim.mechanisms import Clock, synaptogenesis
from ketasim.network.build import FAST_STEP, Network, circuit_nmda
from ketasim.network.topology import Edges as TopologyEdges
from ketasim.network.topology import Topology
from ketasim.network.within import with_edges_within

SECONDS_PER_DAY = 86_400.0

BIRTH, DEATH = 0, 1


class StructuralEvents(NamedTuple):
    """Births and deaths of one slow step, (B,) each; nodes are numbered within the population.

    kind : 0 birth, 1 death. weight : relative, at the event. delay : ms.
    """

    kind: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


class Structure:
    """Plastic edges of one population within a network.

    Parameters
    ----------
    network : as it is at the start.
    parameters : of synaptogenesis.
    seed : of the run.

    Attributes
    ----------
    pair : populations of source and target of its edges.
    network : as it is now.
    edges : table of the plastic edges.
    events : births and deaths of the last step.
    """

    pair = (synaptogenesis.POPULATION, synaptogenesis.POPULATION)

    def __init__(self, network: Network, parameters: synaptogenesis.Parameters, seed: int):
        self._parameters, self._seed = parameters, seed
        self._start = network
        members = network.topology.slice_of(synaptogenesis.POPULATION)
        self._first, self._end = members.start, members.stop
        synapses = self._within(synapses_of(network.graph))
        degree = np.bincount(synapses.target, minlength=self._n).astype(np.float64)
        self._turnover = synaptogenesis.turnover(parameters, synapses.weight)
        self._sites = Sites(
            position=np.ascontiguousarray(network.topology.position[members]),
            side=network.period,
            width=parameters.partner_width,
            resting_degree=degree,
            preference=parameters.memory_preference,
            memory_time=parameters.memory_time,
        )
        self._axons = _axons(network)
        self._resting_weight = self._mean_weight(synapses.target, synapses.weight, degree)
        self._delay_by_length = _delay_by_length(synapses, self._sites)
        probability = self._turnover.stage_probability(np.log(synapses.weight.astype(np.float64)))
        self.edges = initial_edges(synapses, probability, seed)
        self._lost, self._formation = nothing_lost(), new_clocks(self._n, seed)
        self._changing = with_room(network.graph)
        self.network = replace(network, graph=self._changing.graph)
        self.events = _no_events()

    @property
    def _n(self) -> int:
        return self._end - self._first

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything that later steps depend on, as plain arrays."""
        parts: dict[str, Edges | Lost | Formation] = {
            "edges": self.edges,
            "lost": self._lost,
            "formation": self._formation,
        }
        return {f"{part}/{name}": array for part, table in parts.items() for name, array in table._asdict().items()}

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.edges = Edges(*(np.array(arrays[f"edges/{name}"]) for name in Edges._fields))
        self._lost = Lost(*(np.array(arrays[f"lost/{name}"]) for name in Lost._fields))
        self._formation = Formation(*(np.array(arrays[f"formation/{name}"]) for name in Formation._fields))
        before = self._within(synapses_of(self._start.graph))
        edges = self.edges
        born = Synapses(edges.source, edges.target, np.exp(edges.log_weight), edges.delay)
        changing = with_room(self._start.graph)
        self._follow(change(changing, self._in_network(before.source, before.target), self._shifted(born)))

    def topology(self) -> Topology:
        """Nodes and edges of the whole network as they are now."""
        edges = self.edges
        # in the precision in which the kernel has them
        weight, delay = np.exp(edges.log_weight).astype(np.float32), (edges.delay * FAST_STEP).astype(np.float32)
        within = TopologyEdges(edges.source, edges.target, weight, delay)
        return with_edges_within(self._start.topology, synaptogenesis.POPULATION, within)

    def advance(self, start: Mapping[str, np.ndarray], end: dict[str, np.ndarray], clock: Clock) -> None:
        """Advance the spines by a slow step and apply what changes to the graph.

        start : signals at the step's start, which are read. end : signals at its end, whose spine signals are set.
        """
        self.events = _no_events()
        days = clock.duration / SECONDS_PER_DAY
        if days == 0.0:
            return
        edges, members = self.edges, slice(self._first, self._end)
        protein = start["synaptic_protein"][members]
        degree = np.bincount(edges.target, minlength=self._n)
        density = _over(degree, self._sites.resting_degree)
        per_day = synaptogenesis.formation_rate(self._parameters, protein, density)  # over the resting degree
        drive = Drive(
            synaptogenesis.deviation(start["activity_trace"][members]),
            synaptogenesis.promotion_gain(self._parameters, protein),
            per_day * self._sites.resting_degree,
        )
        rates = self._turnover.rates
        step = slow_step(self._seed, clock.fast_step, days)
        died = age_edges(edges, rates, drive, step)
        births = draw_births(edges, self._lost, self._formation, self._sites, rates, drive, step)
        births.edges.delay[:] = self._delay_of(births)
        self._lost = remembered(self._lost, edges, died, days, self._sites.memory_time)
        self.edges = merged(edges, died, births.edges)
        self._apply(edges, died, births.edges)
        self._fill(start, end, births.brief, days)

    def _apply(self, before: Edges, died: np.ndarray, births: Edges) -> None:
        """Bring the kernel's graph to the table, and note what changed."""
        weight = np.exp(births.log_weight)
        born = Synapses(births.source, births.target, weight, births.delay)
        deaths = self._in_network(before.source[died], before.target[died])
        self._follow(change(self._changing, deaths, self._shifted(born)))
        self.events = StructuralEvents(
            kind=np.repeat(np.array([DEATH, BIRTH], np.uint8), [int(died.sum()), births.source.size]),
            source=np.concatenate([before.source[died], births.source]),
            target=np.concatenate([before.target[died], births.target]),
            weight=np.concatenate([np.exp(before.log_weight[died]), weight]),
            delay=np.concatenate([before.delay[died], births.delay]) * FAST_STEP,
        )

    def _follow(self, changing: ChangingGraph) -> None:
        """Go on with a graph that has the table's edges, and give it their weights."""
        self._changing = changing
        set_weights(changing.graph, self._first, self._end, np.exp(self.edges.log_weight).astype(np.float32))
        nmda = circuit_nmda(changing.graph, self._start.parameters.synapses)
        self.network = replace(self._start, graph=changing.graph, nmda_circuit=nmda)

    def _fill(
        self, start: Mapping[str, np.ndarray], end: dict[str, np.ndarray], brief: np.ndarray, days: float
    ) -> None:
        """Set the spine signals: circuit and afferents together, each by its number of synapses.

        brief : targets of spines that were never in the graph, born and lost within the step; rates count them.
        """
        members, resting, events = slice(self._first, self._end), self._sites.resting_degree, self.events
        degree = np.bincount(self.edges.target, minlength=self._n).astype(np.float64)
        circuit = {"spine_density": degree}
        for name, kind in (("spine_formation_rate", BIRTH), ("spine_elimination_rate", DEATH)):
            target = np.concatenate([events.target[events.kind == kind], brief])
            circuit[name] = np.bincount(target, minlength=self._n) / days
        afferents = synaptogenesis.afferent_rates(
            self._parameters, start["synaptic_protein"][members], start["afferent_spines"][:, members]
        )
        axons = self._axons if self._parameters.afferent_spines else 0.0
        afferents["spine_density"] = synaptogenesis.afferent_density(
            self._parameters, end["afferent_spines"][:, members]
        )
        for name, spines in circuit.items():
            rest = float(name == "spine_density")  # of a neuron that has no synapses at all
            end[name][members] = _over(spines + axons * afferents[name], resting + axons, rest)
        end["spine_density_circuit"][members] = _over(degree, resting)
        weight = self._mean_weight(self.edges.target, np.exp(self.edges.log_weight), degree)
        end["synaptic_weight"][members] = _over(weight, self._resting_weight)

    def _mean_weight(self, target: np.ndarray, weight: np.ndarray, degree: np.ndarray) -> np.ndarray:
        """Mean weight (n,) of each neuron's spines."""
        return _over(np.bincount(target, weight, minlength=self._n), degree, 0.0)

    def _delay_of(self, births: Births) -> np.ndarray:
        """Delay in fast steps of the spine, among those at the start, whose length is nearest; 1 if there was none."""
        lengths, delays = self._delay_by_length
        if lengths.size == 0:
            return np.ones(births.distance.size, np.int64)
        after = np.searchsorted(lengths, births.distance).clip(1, max(1, lengths.size - 1))
        after = np.minimum(after, lengths.size - 1)
        before = np.maximum(after - 1, 0)
        nearer = births.distance - lengths[before] <= lengths[after] - births.distance
        return np.where(nearer, delays[before], delays[after]).astype(np.int64)

    def _within(self, synapses: Synapses) -> Synapses:
        """Synapses within the population, in its own numbers."""
        inside = np.ones(synapses.source.size, bool)
        for node in synapses[:2]:
            inside &= (node >= self._first) & (node < self._end)
        source, target, weight, delay = (column[inside] for column in synapses)
        return Synapses(source - self._first, target - self._first, weight, delay)

    def _in_network(self, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return source + self._first, target + self._first

    def _shifted(self, synapses: Synapses) -> Synapses:
        source, target = self._in_network(synapses.source, synapses.target)
        return synapses._replace(source=source, target=target)


def _no_events() -> StructuralEvents:
    node = np.empty(0, np.int32)
    return StructuralEvents(np.empty(0, np.uint8), node, node, np.empty(0), np.empty(0))


def _over(values: np.ndarray, resting: np.ndarray, where_none: float = 1.0) -> np.ndarray:
    """Values relative to those at rest; `where_none` where there were none."""
    return np.divide(values, resting, out=np.full(resting.shape, where_none), where=resting > 0.0)


def _axons(network: Network) -> float:
    """Afferent synapses of one neuron of the population, each firing at the unit rate."""
    cell = network.tables.cells[synaptogenesis.POPULATION]
    return cell.afferent_rate * 1e3 / network.tables.receptors.afferent_unit_rate


def _delay_by_length(synapses: Synapses, sites: Sites) -> tuple[np.ndarray, np.ndarray]:
    """Lengths (E,) um of synapses, ascending, and their delays."""
    apart = np.abs(sites.position[synapses.source] - sites.position[synapses.target])
    length = np.hypot(*np.minimum(apart, sites.side - apart).T)
    order = np.argsort(length, kind="stable")
    return length[order], synapses.delay[order]

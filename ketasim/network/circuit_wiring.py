"""From a circuit file to a topology: who contacts whom, drawn pair of populations by pair."""

import math

import numpy as np

from ketasim.network.assemble import GRID_SPACING
from ketasim.network.circuit_file import Circuit, Wiring
from ketasim.network.topology import Edges, Topology, make_topology

#: First number of a spawn key: what a generator is for, apart from those of other circuits.
_STREAM = 1


def circuit_topology(circuit: Circuit, seed: int) -> Topology:
    """Draw the connections of a circuit, the same for the same seed.

    Every pair of populations has a generator of its own (Philox, keyed by seed and the pair's places in the list of
    populations), so that a change of one connection leaves the others as they are. A circuit has no geometry: neurons
    stand on a square grid, 20 um apart, in the order of the populations.
    """
    names = tuple(circuit.sizes)
    starts = np.concatenate([[0], np.cumsum(list(circuit.sizes.values()))])
    parts = []
    for i, source in enumerate(names):
        for j, target in enumerate(names):
            wiring = circuit.wiring.get((source, target))
            if wiring is not None:
                sizes = (circuit.sizes[source], circuit.sizes[target])
                rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(_STREAM, i, j))))
                edges = _draw(wiring, sizes, i == j, rng)
                parts.append(edges._replace(source=edges.source + starts[i], target=edges.target + starts[j]))
    nothing = Edges(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))
    number = np.arange(starts[-1])
    columns = math.ceil(math.sqrt(number.size))
    return make_topology(
        population_names=names,
        population=np.repeat(np.arange(len(names)), list(circuit.sizes.values())),
        position=GRID_SPACING * np.stack([number % columns, number // columns], axis=1).astype(np.float64),
        edges=Edges(*(np.concatenate(column) for column in zip(nothing, *parts, strict=True))),
    )


def _draw(wiring: Wiring, sizes: tuple[int, int], same: bool, rng: np.random.Generator) -> Edges:
    """Edges between `sizes` neurons, numbered from 0 in each population; `same` if it is one population."""
    place = chosen(sizes[0] * sizes[1], wiring.probability, rng)
    source, target = place // sizes[1], place % sizes[1]
    if same:  # no synapse of a neuron onto itself
        other = source != target
        source, target = source[other], target[other]
    sd = wiring.weight_sd_log
    strength = sd * rng.standard_normal(source.size) if sd else np.zeros(source.size)
    # single precision is what the kernel uses and what a file then holds exactly
    weight = np.exp(strength - 0.5 * sd**2).astype(np.float32).astype(np.float64)
    return Edges(source, target, weight, np.full(source.size, wiring.delay))


def chosen(n: int, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Numbers below `n`, ascending, each taken independently with a probability: int64, in O(taken).

    The distance from one taken number to the next is geometric.
    """
    if probability == 1.0:
        return np.arange(n)
    found = []
    last = -1
    while last < n:
        expected = probability * (n - last)
        steps = rng.geometric(probability, size=int(expected + 4.0 * math.sqrt(expected) + 16.0))
        places = last + np.cumsum(steps)
        found.append(places[places < n])
        last = int(places[-1])
    return np.concatenate(found)

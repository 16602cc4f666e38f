"""The default circuit: pyramidal, PV and SST neurons in a sheet, wired by published class-to-class probabilities.

Connection probabilities at 75 um are those of layer 2/3 in Billeh et al. 2020 (10.1016/j.neuron.2020.01.040); they fall
off with distance as a Gaussian with widths from Campagnola et al. 2022, as used in the Allen Institute's biorealistic
V1 model. Synaptic sizes are log-normal. The sheet wraps around, so that no neuron is at an edge.

No contacts are made beyond `REACH` widths of the Gaussian: of the 868 targets that a neuron has on average in an
infinite sheet, it loses 0.003.

The form of the fall-off, and that the probability holds at exactly 75 um, are assumed.

Not validated: the circuit is a small sample of layer 2/3 of mouse visual cortex used as prefrontal cortex.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, NamedTuple

import numpy as np

from ketasim.network.cell_classes import CELL_CLASSES
from ketasim.network.topology import Edges, Topology, make_topology
from ketasim.sources import Row, Source

_NAMES = tuple(CELL_CLASSES)

# rows: from PYR, PV, SST; columns: to PYR, PV, SST
_PROBABILITY_AT_75_UM = np.array([[0.16, 0.395, 0.182], [0.411, 0.451, 0.030], [0.424, 0.857, 0.082]])
_WIDTH_UM = np.array([[127.0, 99.84, 99.84], [96.6, 126.77, 126.77], [96.6, 126.77, 126.77]])
_LATENCY_MS = np.array([[1.82, 1.17, 1.47], [0.90, 1.01, 1.06], [1.13, 1.20, 1.41]])


#: Widths of the Gaussian beyond which no contact is made; there the probability is 4e-6 of the peak.
REACH = 5.0

#: Places for targets in one call of the wiring kernel, 64 MB; the circuit does not depend on it.
_PLACES = 16_000_000


class Sheet(NamedTuple):
    """Geometry and synaptic sizes of the default circuit."""

    density: Annotated[
        float,
        "1/mm^2",
        Source("verified", "layer 2/3 of mouse V1: seed file of the Allen Institute's V1 model"),
    ] = 37_100.0
    probability_distance: Annotated[
        float, "um", Source("verified", "Billeh 2020: probabilities are given at 75 um")
    ] = 75.0
    conduction_velocity: Annotated[float, "um/ms", Source("assumed", "unmyelinated local axons, 0.3 m/s", 2.0)] = 300.0
    weight_sd_log: Annotated[
        float,
        "1",
        Source("assumed", "0.5 as in the starting weight set", 1.5),
    ] = 0.5
    spine_weight_sd_log: Annotated[
        float,
        "1",
        Source(
            "recalled",
            "PYR to PYR, on spines: EPSPs across pairs 0.94 (Song 2005), spine sizes (Loewenstein 2011)",
            1.2,
        ),
    ] = 0.93


def prefrontal_microcircuit(neurons: int, seed: int, sheet: Sheet | None = None) -> Topology:
    """Build the default circuit of `neurons` nodes, the same for the same seed on machines of the same kind.

    80 % PYR, 11 % PV, 9 % SST in a square sheet with the density of layer 2/3; neurons of a class are numbered along
    strips of it, so that neurons with close numbers are close in space. Weights are relative (mean 1 per class pair),
    delays in ms, both in single precision; positions in um. Its `conductance_scale` keeps the total conductance onto a
    neuron independent of `neurons`. `sheet` replaces the default geometry and weight SDs.

    Examples
    --------
    >>> circuit = prefrontal_microcircuit(100, seed=1)
    >>> circuit.population_names, circuit.n_nodes
    (('PYR', 'PV', 'SST'), 100)
    """
    sheet = sheet or Sheet()
    sizes = class_sizes(neurons)
    side = side_of(neurons)
    position = _generator(seed).uniform(0.0, side, (neurons, 2))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    for first, last in pairwise(starts):
        position[first:last] = position[first:last][_along_strips(position[first:last], side)]
    population = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    topology = make_topology(
        population_names=_NAMES,
        population=population,
        position=position,
        edges=_wire(position, starts, side, seed, sheet),
    )
    return replace(topology, conductance_scale=in_degree_scale(topology, reference_in_degree))


def side_of(neurons: int) -> float:
    """Return the side of the sheet, um."""
    return math.sqrt(neurons / (Sheet().density * 1e-6))


def class_sizes(neurons: int) -> np.ndarray:
    """Return the number of neurons of each class; they add up to `neurons`."""
    shares = np.array([cell_class.share_of_nodes for cell_class in CELL_CLASSES.values()])
    sizes = np.floor(shares * neurons + 0.5).astype(np.int64)
    sizes[0] += neurons - sizes.sum()
    return sizes


def connection_probability(pair: tuple[int, int], distance: np.ndarray) -> np.ndarray:
    """Return the probability that a neuron of class ``pair[0]`` contacts one of ``pair[1]`` at `distance` um."""
    width = _WIDTH_UM[pair]
    reference = Sheet().probability_distance
    falloff = np.exp((reference**2 - distance**2) / (2.0 * width**2))
    return np.minimum(1.0, _PROBABILITY_AT_75_UM[pair] * falloff)


def expected_synapses(neurons: int) -> dict[tuple[str, str], float]:
    """Return the expected number of synapses of each class pair in a circuit of this size.

    It is the mean contact probability over the sheet, which wraps around, times the number of pairs.
    """
    sizes = class_sizes(neurons)
    places = (np.arange(400) + 0.5) / 400 - 0.5
    distance = side_of(neurons) * np.hypot(*np.meshgrid(places, places))
    found = {}
    for i, j in np.ndindex(sizes.size, sizes.size):
        pairs = sizes[i] * (sizes[j] - (i == j))
        found[_NAMES[i], _NAMES[j]] = float(pairs * connection_probability((i, j), distance).mean())
    return found


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(0,))))


def _along_strips(position: np.ndarray, side: float) -> np.ndarray:
    """Return an order of neurons back and forth along strips about as high as a group of neighbours is wide."""
    from ketasim.kernels.wiring import GROUP

    strips = max(1, round(math.sqrt(len(position) / GROUP)))
    strip = (position[:, 1] * (strips / side)).astype(np.int64)
    along = np.where(strip % 2 == 0, position[:, 0], -position[:, 0])
    return np.lexsort((along, strip))


def _wire(position: np.ndarray, starts: np.ndarray, side: float, seed: int, sheet: Sheet) -> Edges:
    """Draw contacts, weights and delays; edges are sorted by source and target."""
    from ketasim.kernels import wiring

    neurons = len(position)
    peak = _PROBABILITY_AT_75_UM * np.exp(sheet.probability_distance**2 / (2.0 * _WIDTH_UM**2))
    contacts = wiring.ContactRules(peak, _WIDTH_UM, REACH * _WIDTH_UM, side)
    weight_sd_log = np.full(_LATENCY_MS.shape, sheet.weight_sd_log)
    weight_sd_log[0, 0] = sheet.spine_weight_sd_log
    strengths = wiring.StrengthRules(weight_sd_log, _LATENCY_MS, sheet.probability_distance, sheet.conduction_velocity)
    groups = wiring.grouped(position, starts)
    key = np.uint64(seed)
    out_degree = np.zeros(neurons, np.int64)
    places = np.empty(max(neurons, min(_PLACES, neurons**2)), np.int32)
    rows, done = [], 0
    while done < neurons:
        done, filled = wiring.find_contacts(groups, contacts, key, np.int64(done), out_degree, places)
        rows.append(places[:filled].copy())
    target = rows[0] if len(rows) == 1 else np.concatenate(rows)
    del rows, places
    weight, delay = np.empty(target.size, np.float32), np.empty(target.size, np.float32)
    node_class = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    synapses = (target, weight, delay)
    wiring.size_synapses(position, node_class, strengths, side, key, out_degree, synapses)
    return Edges(np.repeat(np.arange(neurons, dtype=np.int32), out_degree), target, weight, delay)


#: Nodes of the circuit for whose in-degrees the conductances of `ketasim.network.synapses` are stated.
_REFERENCE_NODES = 800


def reference_in_degree(source: str, target: str) -> float:
    """Return the in-degree of a class pair for which conductances are stated: 800 neurons at the 75 um probability.

    Examples
    --------
    >>> reference_in_degree("PYR", "PYR")
    102.4
    """
    sizes = class_sizes(_REFERENCE_NODES)
    return float(sizes[_NAMES.index(source)] * _PROBABILITY_AT_75_UM[_NAMES.index(source), _NAMES.index(target)])


def in_degree_scale(topology: Topology, reference: Callable[[str, str], float]) -> dict[tuple[str, str], float] | None:
    """Return factors that keep a class pair's total conductance onto a neuron at that of a reference in-degree.

    Parameters
    ----------
    topology : Topology
        Nodes and edges.
    reference : callable
        Called with source and target name; returns the in-degree for which conductances are stated.

    Returns
    -------
    dict of (str, str) to float, or None
        By source and target, for pairs that have edges; None if all are 1.
    """
    names = topology.population_names
    pair = topology.population[topology.source] * len(names) + topology.population[topology.target]
    edges = np.bincount(pair, minlength=len(names) ** 2).reshape(len(names), len(names))
    factors = {
        (source, target): reference(source, target) * topology.sizes[target] / int(edges[i, j])
        for i, source in enumerate(names)
        for j, target in enumerate(names)
        if edges[i, j]
    }
    return {pair: factor for pair, factor in factors.items() if factor != 1.0} or None


def wiring_rows() -> list[Row]:
    """Return probabilities, widths and latencies of the class pairs as rows with unit, status and source."""
    tables = (
        (
            "probability at 75 um",
            "1",
            _PROBABILITY_AT_75_UM,
            "Billeh 2020, layer 2/3, as transcribed in public model code",
        ),
        ("width of fall-off", "um", _WIDTH_UM, "Campagnola 2022, as in the Allen Institute's biorealistic V1 model"),
        ("latency", "ms", _LATENCY_MS, "as in the Allen Institute's biorealistic V1 model"),
    )
    return [
        Row(f"{source} to {target}: {name}", float(values[i, j]), unit, "verified", text)
        for name, unit, values, text in tables
        for i, source in enumerate(_NAMES)
        for j, target in enumerate(_NAMES)
    ]

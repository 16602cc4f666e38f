"""The default circuit: pyramidal, PV and SST neurons in a sheet, wired by published class-to-class probabilities.

Connection probabilities at 75 um are those of layer 2/3 in Billeh et al. 2020 (10.1016/j.neuron.2020.01.040); they fall
off with distance as a Gaussian whose widths come from Campagnola et al. 2022, as used in the Allen Institute's
biorealistic V1 model. Synaptic sizes are log-normal. The sheet wraps around, so that no neuron sits at an edge.

The form of the fall-off, and that the probability holds at exactly 75 um, are assumed.

Not validated: the circuit is a small sample of layer 2/3 of mouse visual cortex put to use as prefrontal cortex.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from ketasim.network.cell_classes import CELL_CLASSES
from ketasim.network.topology import Edges, Topology, make_topology
from ketasim.provenance import Row, Source

_NAMES = tuple(CELL_CLASSES)

# rows: from PYR, PV, SST; columns: to PYR, PV, SST
_PROBABILITY_AT_75_UM = np.array([[0.16, 0.395, 0.182], [0.411, 0.451, 0.030], [0.424, 0.857, 0.082]])
_WIDTH_UM = np.array([[127.0, 99.84, 99.84], [96.6, 126.77, 126.77], [96.6, 126.77, 126.77]])
_LATENCY_MS = np.array([[1.82, 1.17, 1.47], [0.90, 1.01, 1.06], [1.13, 1.20, 1.41]])


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
    conduction_velocity: Annotated[float, "um/ms", Source("assumed", "unmyelinated local axons, 0.3 m/s")] = 300.0
    weight_sd_log: Annotated[
        float,
        "1",
        Source("assumed", "0.5 as in the starting weight set; EPSPs across pairs: 0.94 (Song 2005, recalled)"),
    ] = 0.5


def prefrontal_microcircuit(neurons: int, seed: int) -> Topology:
    """Build the default circuit of `neurons` nodes, array-wise, the same for the same seed.

    80 % PYR, 11 % PV, 9 % SST in a square sheet of the density of layer 2/3. Weights are relative (mean 1 per class
    pair), delays in ms, positions in um.

    >>> circuit = prefrontal_microcircuit(100, seed=1)
    >>> circuit.population_names, circuit.n_nodes
    (('PYR', 'PV', 'SST'), 100)
    """
    sheet = Sheet()
    sizes = class_sizes(neurons)
    side = math.sqrt(neurons / (sheet.density * 1e-6))  # um
    position = _generator(seed, 0).uniform(0.0, side, (neurons, 2))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    parts = []
    for source_class in range(len(sizes)):
        for target_class in range(len(sizes)):
            rng = _generator(seed, 1 + source_class * len(sizes) + target_class)
            pair = (source_class, target_class)
            parts.append(_connect(pair, starts, position, side, rng))
    source, target, weight, delay = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    population = np.repeat(np.arange(len(sizes)), sizes)
    return make_topology(
        population_names=_NAMES,
        population=population,
        position=position,
        edges=Edges(source, target, weight, delay),
    )


def class_sizes(neurons: int) -> np.ndarray:
    """How many of `neurons` belong to each class; they add up to `neurons`."""
    shares = np.array([cell_class.share_of_nodes for cell_class in CELL_CLASSES.values()])
    sizes = np.floor(shares * neurons + 0.5).astype(np.int64)
    sizes[0] += neurons - sizes.sum()
    return sizes


def connection_probability(pair: tuple[int, int], distance: np.ndarray) -> np.ndarray:
    """Probability that a neuron of class ``pair[0]`` contacts one of ``pair[1]`` at `distance` um."""
    width = _WIDTH_UM[pair]
    reference = Sheet().probability_distance
    falloff = np.exp((reference**2 - distance**2) / (2.0 * width**2))
    return np.minimum(1.0, _PROBABILITY_AT_75_UM[pair] * falloff)


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(stream,))))


def _connect(
    pair: tuple[int, int], starts: np.ndarray, position: np.ndarray, side: float, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Edges of one class pair as (source, target, weight, delay), drawn in blocks of sources to bound memory."""
    first, last = starts[pair[0]], starts[pair[0] + 1]
    to_first, to_last = starts[pair[1]], starts[pair[1] + 1]
    block = max(1, 4_000_000 // max(1, to_last - to_first))
    sources, targets, distances = [], [], []
    for begin in range(first, last, block):
        end = min(begin + block, last)
        distance = _wrapped_distance(position[begin:end], position[to_first:to_last], side)
        connected = rng.random(distance.shape) < connection_probability(pair, distance)
        source, target = np.nonzero(connected)
        distances.append(distance[source, target])
        source, target = source + begin, target + to_first
        sources.append(source)
        targets.append(target)
    source, target, distance = (np.concatenate(parts or [np.empty(0)]) for parts in (sources, targets, distances))
    other = source != target  # no synapse of a neuron onto itself
    source, target, distance = source[other], target[other], distance[other]
    sheet = Sheet()
    sd = sheet.weight_sd_log
    weight = np.exp(sd * rng.standard_normal(source.size) - 0.5 * sd**2).astype(np.float32)
    delay = _LATENCY_MS[pair] + (distance - sheet.probability_distance) / sheet.conduction_velocity
    # single precision is what the kernel uses and what a file then holds exactly
    return (
        source.astype(np.int64),
        target.astype(np.int64),
        weight.astype(float),
        delay.astype(np.float32).astype(float),
    )


def _wrapped_distance(here: np.ndarray, there: np.ndarray, side: float) -> np.ndarray:
    """Distances in um between two sets of points on the wrapped sheet: (n_here, n_there)."""
    apart = np.abs(here[:, None, :] - there[None, :, :])
    apart = np.minimum(apart, side - apart)
    return np.hypot(apart[..., 0], apart[..., 1])


#: Nodes of the circuit for whose in-degrees the conductances of `ketasim.network.synapses` are stated.
_REFERENCE_NODES = 800


def reference_in_degree(source: str, target: str) -> float:
    """In-degree of a class pair for which conductances are stated: 800 neurons at the 75 um probability.

    >>> reference_in_degree("PYR", "PYR")
    102.4
    """
    sizes = class_sizes(_REFERENCE_NODES)
    return float(sizes[_NAMES.index(source)] * _PROBABILITY_AT_75_UM[_NAMES.index(source), _NAMES.index(target)])


def wiring_rows() -> list[Row]:
    """Probabilities, widths and latencies of the class pairs, as rows with unit, status and source."""
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

"""Spines of a population as a table of edges that age, die and are promoted in a slow step.

A slow step, of any length, is::

    died = age_edges(edges, rates, drive, step)
    births = draw_births(edges, lost, formation, sites, rates, drive, step)
    lost = remembered(lost, edges, died, step.days, sites.memory_time)
    edges = merged(edges, died, births.edges)        with the delays of the births filled in

An edge dies when its cumulative hazard exceeds a unit exponential drawn once from its identity, and is promoted
likewise (random time change, Kurtz 1980); a neuron forms a spine whenever its cumulative formation hazard has passed
one more unit exponential. Fates therefore do not depend on how time is divided into steps, and runs with the same seed
differ only where their hazards do (common random numbers). Nodes are numbered within the population, times are in days.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from ketasim.kernels.graph import Synapses
from ketasim.kernels.jit import kernel
from ketasim.kernels.random import (
    STREAM_ELIMINATION,
    STREAM_PROMOTION,
    STREAM_SPINE_STAGES,
    STREAM_SPINE_WEIGHTS,
    philox,
)
from ketasim.kernels.vectors import BLOCK, exponential, prefer_wide_vectors

TRANSIENT, CONSOLIDATING, PERSISTENT = range(3)

#: Distinguishes the identity of an edge born during the run from those of the initial edges.
BORN = 0x80000000

_WORDS = 2.0**32
_BITS = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


class Edges(NamedTuple):
    """Edges within one population, (E,) arrays sorted by (source, target), at most one per pair.

    Attributes
    ----------
    source, target : array of int32
        Node numbers within the population.
    log_weight : array of float64
        Natural logarithm of the relative weight.
    delay : array of int16
        Fast steps.
    stage : array of int8
        0 transient, 1 consolidating, 2 persistent.
    key_a, key_b : array of uint32
        Identity of this life of the edge: source and target of an initial edge; target plus `BORN` and the ordinal of
        the birth at that target of one born later.
    elimination_left, promotion_left : array of float64
        Hazard left until death and until promotion; infinite for promotion at the last stage.
    """

    source: np.ndarray
    target: np.ndarray
    log_weight: np.ndarray
    delay: np.ndarray
    stage: np.ndarray
    key_a: np.ndarray
    key_b: np.ndarray
    elimination_left: np.ndarray
    promotion_left: np.ndarray


class Rates(NamedTuple):
    """Constants of turnover and weights.

    Attributes
    ----------
    elimination : (3,) array
        1/d by stage, for an edge with ln w = mean_log_weight.
    promotion : (3,) array
        1/d by stage; 0 for the last.
    protection : float
        gamma; elimination is proportional to ``exp(-gamma (ln w - mean_log_weight))``.
    mean_log_weight, sd_log_weight, weight_time : float
        Mean, SD and time constant (d) of the Ornstein-Uhlenbeck process of ln w.
    correlation_gain : float
        Promotion is proportional to ``max(0, 1 + correlation_gain c)``.
    hebbian_rate : float
        1/d; ln w grows at this rate times c.
    """

    elimination: np.ndarray
    promotion: np.ndarray
    protection: float
    mean_log_weight: float
    sd_log_weight: float
    weight_time: float
    correlation_gain: float
    hebbian_rate: float


class Drive(NamedTuple):
    """Effects of neurons on their spines during a step.

    Attributes
    ----------
    deviation : (n,) array of float64
        Bounded deviation of a neuron's activity from baseline; c is its product for source and target.
    promotion_gain : (n,) array of float64
        Factor on promotion, of the target.
    formation : (n,) array of float64
        1/d, expected number of spines formed per day on the neuron.
    elimination_gain : (3, n) array of float64
        Factor on elimination in each stage, of the target.
    """

    deviation: np.ndarray
    promotion_gain: np.ndarray
    formation: np.ndarray
    elimination_gain: np.ndarray


class Step(NamedTuple):
    """One slow step.

    Attributes
    ----------
    seed : uint64
        Seed of the run.
    fast_step : int64
        Absolute number of the fast step at which it starts; keys the noise of weights.
    days : float
        Its length, d.
    """

    seed: int
    fast_step: int
    days: float


def slow_step(seed: int, fast_step: int, days: float) -> Step:
    """Return a `Step` with the number types that kernels are compiled for."""
    return Step(np.uint64(seed), np.int64(fast_step), float(days))


def new_edges(pairs: tuple[np.ndarray, np.ndarray], log_weight: np.ndarray, keys: tuple, seed: int) -> Edges:
    """Make transient edges with the thresholds of their keys; delays are still to be filled in.

    Parameters
    ----------
    pairs : (array, array)
        Source and target, sorted.
    log_weight : (E,) array
        Natural logarithm of the relative weight.
    keys : (array, array)
        key_a and key_b.
    seed : int
        Seed of the run.
    """
    size = log_weight.size
    edges = Edges(
        *(nodes.astype(np.int32) for nodes in pairs),
        log_weight=log_weight,
        delay=np.zeros(size, np.int16),
        stage=np.full(size, TRANSIENT, np.int8),
        key_a=keys[0],
        key_b=keys[1],
        elimination_left=np.empty(size),
        promotion_left=np.empty(size),
    )
    _draw_thresholds(edges, np.uint64(seed))
    return edges


def initial_edges(synapses: Synapses, stage_probability: np.ndarray, seed: int) -> Edges:
    """Turn the initial synapses of a run into spines.

    Parameters
    ----------
    synapses : Synapses
        Sorted by (source, target), numbered within the population; delay in fast steps.
    stage_probability : (E, 3) array
        Probability of each stage for each synapse.
    seed : int
        Seed of the run; stages and thresholds are functions of seed, source and target.
    """
    source, target, weight, delay = synapses
    keys = source.astype(np.uint32), target.astype(np.uint32)
    edges = new_edges((source, target), np.log(weight.astype(np.float64)), keys, seed)
    edges.delay[:] = delay
    _draw_stages(edges, np.cumsum(stage_probability[:, :2], axis=1), np.uint64(seed))
    return edges


def age_edges(edges: Edges, rates: Rates, drive: Drive, step: Step) -> np.ndarray:
    """Advance weights and stages by a step, in place, and return which edges died: (E,) bool.

    Weights follow their exact solution at constant c. Hazards are held at the mean of their values at both ends of the
    step; death and promotion compete within it, and after a promotion the hazards of the new stage apply. A step of
    zero length changes nothing.
    """
    died = np.zeros(edges.source.size, np.bool_)
    if step.days > 0.0:
        age(edges, rates, drive, step, died)
    return died


def merged(edges: Edges, died: np.ndarray, born: Edges) -> Edges:
    """Return edges without the dead and with the born; the given arrays themselves if there are neither."""
    if not died.any() and born.source.size == 0:
        return edges
    size = edges.source.size - int(np.count_nonzero(died)) + born.source.size
    origin = np.empty(size, np.int64)
    _origins(edges, died, born, origin)
    columns = []
    for old, new in zip(edges, born, strict=True):
        column = np.empty(size, old.dtype)
        _take(old, new, origin, column)
        columns.append(column)
    return Edges(*columns)


@partial(kernel, inlined=True)
def uniform(word):
    """Return a uniform number in (0, 1] from a 32-bit word."""
    return (np.float64(word) + 1.0) / _WORDS


@partial(kernel, inlined=True)
def normal(word_0, word_1):
    """Return a normal deviate from two words (Box-Muller)."""
    return math.sqrt(-2.0 * math.log(uniform(word_0))) * math.cos(2.0 * math.pi * np.float64(word_1) / _WORDS)


@partial(kernel, inlined=True)
def exponential_of(word):
    """Return a unit exponential from a word; at most 22.2, because its uniform number is at least 2**-32."""
    return -math.log(uniform(word))


@partial(kernel, inlined=True)
def halves(number):
    """Return low and high word of a 64-bit number."""
    return np.uint32(np.uint64(number) & _LOW), np.uint32(np.uint64(number) >> _BITS)


@partial(kernel, inlined=True)
def _promotion_threshold(key_a, key_b, stage, seed):
    if stage == PERSISTENT:
        return np.inf
    low, high = halves(seed)
    return exponential_of(philox(key_a, key_b, np.uint32(stage), STREAM_PROMOTION, low, high)[0])


@kernel
def _draw_stages(edges, cumulative, seed):
    """Draw stages, and thresholds for leaving them, from cumulative probabilities (E, 2) of the first two."""
    low, high = halves(seed)
    for e in range(edges.source.shape[0]):
        word = philox(edges.key_a[e], edges.key_b[e], np.uint32(0), STREAM_SPINE_STAGES, low, high)[0]
        level = np.float64(word) / _WORDS
        edges.stage[e] = np.int8(level >= cumulative[e, 0]) + np.int8(level >= cumulative[e, 1])
        edges.promotion_left[e] = _promotion_threshold(edges.key_a[e], edges.key_b[e], edges.stage[e], seed)


@kernel
def _draw_thresholds(edges, seed):
    low, high = halves(seed)
    for e in range(edges.source.shape[0]):
        key_a, key_b = edges.key_a[e], edges.key_b[e]
        edges.elimination_left[e] = exponential_of(philox(key_a, key_b, np.uint32(0), STREAM_ELIMINATION, low, high)[0])
        edges.promotion_left[e] = _promotion_threshold(key_a, key_b, edges.stage[e], seed)


@kernel
def _draw_for(words, key_a, key_b, rest):
    """Draw two words for each of at most BLOCK edges: at ``words[i]`` and ``words[BLOCK + i]``; in vectors."""
    prefer_wide_vectors()
    counter, stream, low, high = rest
    for i in range(key_a.shape[0]):
        words[i], words[BLOCK + i], _, _ = philox(key_a[i], key_b[i], counter, stream, low, high)


@kernel
def age(edges, rates, drive, step, died):
    """Do as `age_edges` describes, and mark dying edges in ``died`` (E,)."""
    # arrays are unpacked once: numba counts references with an atomic instruction at each access through a tuple
    source, target, log_weight, _, stage, key_a, key_b, elimination_left, promotion_left = edges
    elimination, promotion = rates.elimination, rates.promotion
    deviation, promotion_gain, _, elimination_gain = drive
    seed, fast_step, days = step
    low, high = halves(seed)
    step_low, step_high = halves(fast_step)
    counter = np.uint32((step_high << np.uint32(8)) | STREAM_SPINE_WEIGHTS)
    kept = math.exp(-days / rates.weight_time)
    noise = rates.sd_log_weight * math.sqrt(-math.expm1(-2.0 * days / rates.weight_time))
    pushed = -math.expm1(-days / rates.weight_time) * rates.weight_time * rates.hebbian_rate
    words = np.empty(2 * BLOCK, np.uint32)
    for e in range(source.shape[0]):
        if e % BLOCK == 0:
            _draw_for(words, key_a[e : e + BLOCK], key_b[e : e + BLOCK], (step_low, counter, low, high))
        together = deviation[source[e]] * deviation[target[e]]
        before = log_weight[e] - rates.mean_log_weight
        after = before * kept + pushed * together + noise * normal(words[e % BLOCK], words[BLOCK + e % BLOCK])
        log_weight[e] = rates.mean_log_weight + after
        risk = 0.5 * (exponential(-rates.protection * before) + exponential(-rates.protection * after))
        gain = promotion_gain[target[e]] * max(0.0, 1.0 + rates.correlation_gain * together)
        left = days
        while True:
            now = stage[e]
            dying, maturing = risk * elimination_gain[now, target[e]] * elimination[now], gain * promotion[now]
            matures_in = promotion_left[e] / maturing if maturing > 0.0 else np.inf
            if elimination_left[e] <= dying * min(left, matures_in):
                died[e] = True
                break
            elimination_left[e] -= dying * min(left, matures_in)
            if matures_in > left:
                promotion_left[e] -= maturing * left  # infinite at the last stage
                break
            left -= matures_in
            stage[e] = now + 1
            promotion_left[e] = _promotion_threshold(key_a[e], key_b[e], now + 1, seed)


@kernel
def _origins(edges, died, born, origin):
    """Find where each edge of the merged order comes from: its place among the old, or -1 minus that among the born."""
    source, target, born_source, born_target = edges.source, edges.target, born.source, born.target
    place, b, n_born = 0, 0, born_source.shape[0]
    for e in range(source.shape[0]):
        while b < n_born and (
            born_source[b] < source[e] or (born_source[b] == source[e] and born_target[b] < target[e])
        ):
            origin[place] = -1 - b
            place += 1
            b += 1
        if not died[e]:
            origin[place] = e
            place += 1
    for rest in range(b, n_born):
        origin[place + rest - b] = -1 - rest


@kernel
def _take(old, born, origin, column):
    for place in range(origin.shape[0]):
        index = origin[place]
        column[place] = old[index] if index >= 0 else born[-1 - index]

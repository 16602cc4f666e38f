"""Births of spines: when a neuron forms one, with which partner, and its memory of lost partners.

With probability ``L / (n0 + L)`` a new spine's partner is one that was lost before, where L is the memory's preference
times the sum of their strengths, which decay as ``exp(-age / memory_time)``; else any neuron, chosen with a probability
that falls off with distance as a Gaussian. Excluded are the neuron itself, neurons connected to it now or until this
step, and neurons already chosen in this step.
"""

import math
from typing import NamedTuple

import numpy as np

from ketasim.kernels.graph import first_at_least
from ketasim.kernels.jit import kernel
from ketasim.kernels.random import STREAM_FORMATION, STREAM_PARTNERS, STREAM_WEIGHTS_AT_BIRTH, philox
from ketasim.kernels.spine_turnover import (
    BORN,
    Drive,
    Edges,
    Rates,
    Step,
    age,
    exponential_of,
    halves,
    new_edges,
    normal,
    uniform,
)

#: Candidates tried for one birth before it is abandoned. In a sheet of 100,000 neurons one in 27 is accepted.
TRIES = 1000

#: Age, in memory times, at which a lost partner is forgotten.
_FORGOTTEN = 3.0

_WORDS = 2.0**32


class Formation(NamedTuple):
    """Clocks of formation, (n,) each, advanced in place: float64 hazard to the next birth, int64 births so far."""

    left: np.ndarray
    count: np.ndarray


class Sites(NamedTuple):
    """Positions of neurons and their choice of partners.

    Attributes
    ----------
    position : (n, 2) array
        um.
    side : float
        um, side of the square sheet, which wraps around; infinite if it does not.
    width : float
        um, of the Gaussian by which partners are chosen.
    resting_degree : (n,) array of float64
        n0, in-degree at rest.
    preference : float
        Weight of a just-lost partner; each of the n0 resting spines weighs 1.
    memory_time : float
        d, time constant of the memory.
    """

    position: np.ndarray
    side: float
    width: float
    resting_degree: np.ndarray
    preference: float
    memory_time: float


class Lost(NamedTuple):
    """Partners lost before, sorted by target: int32 target and source, float64 strength, 1 when lost.

    A pair lost twice is listed twice.
    """

    target: np.ndarray
    source: np.ndarray
    strength: np.ndarray


class Births(NamedTuple):
    """Spines that formed in a step.

    Attributes
    ----------
    edges : Edges
        Spines alive at the end of the step, (B,), sorted by (source, target), with delay still 0.
    distance : (B,) array
        um, between their ends.
    brief : array of int32
        Targets of spines that formed and were lost again within the step.
    """

    edges: Edges
    distance: np.ndarray
    brief: np.ndarray


class _Found(NamedTuple):
    source: np.ndarray
    target: np.ndarray
    ordinal: np.ndarray
    distance: np.ndarray
    log_weight: np.ndarray
    left: np.ndarray  # d, from birth to the end of the step


def nothing_lost() -> Lost:
    """Return the memory of neurons that have lost no partner."""
    return Lost(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))


def new_clocks(n: int, seed: int) -> Formation:
    """Return the clocks of n neurons before their first birth."""
    formation = Formation(np.zeros(n), np.zeros(n, np.int64))
    _wind(formation, np.uint64(seed))
    return formation


def draw_births(
    edges: Edges, lost: Lost, formation: Formation, sites: Sites, rates: Rates, drive: Drive, step: Step
) -> Births:
    """Advance the clocks by a step, find a partner for each birth, and age the spine through the rest of the step.

    A spine is born about as small as those that die at rest: ln w has the SD of all spines and the mean
    ``mean_log_weight - protection sd_log_weight^2``. A birth without partner after `TRIES` candidates does not happen.
    `edges` still includes those that died in this step.
    """
    n = drive.formation.size
    clocks = formation.left.copy(), formation.count.copy()
    _tick(formation, drive.formation * step.days, step.seed)
    total = int((formation.count - clocks[1]).sum())
    found = _Found(*(np.empty(total, kind) for kind in (np.int32, np.int32, np.int64, float, float, float)))
    if total > 0:
        row = np.searchsorted(edges.source, np.arange(n + 1, dtype=edges.source.dtype))
        site = np.searchsorted(lost.target, np.arange(n + 1, dtype=lost.target.dtype))
        times = _Times(*clocks, formation.count, drive.formation)
        count = _find_partners((edges.target, row), (lost, site), times, (sites, rates), step, found)
        order = np.lexsort((found.target[:count], found.source[:count]))
        found = _Found(*(column[order] for column in found))
    keys = found.target.astype(np.uint32) | np.uint32(BORN), found.ordinal.astype(np.uint32)
    born = new_edges((found.source, found.target), found.log_weight, keys, step.seed)
    died = np.zeros(found.source.size, np.bool_)
    _age_each(born, rates, drive, step, found.left, died)
    alive = ~died
    return Births(Edges(*(column[alive] for column in born)), found.distance[alive], found.target[died])


def remembered(lost: Lost, edges: Edges, died: np.ndarray, days: float, memory_time: float) -> Lost:
    """Decay memory by a step and add the partners lost in it; after three memory times a partner is forgotten."""
    strength = lost.strength * math.exp(-days / memory_time)
    kept = strength > math.exp(-_FORGOTTEN)
    dead = np.flatnonzero(died)
    if dead.size == 0 and kept.all():
        return lost._replace(strength=strength)
    target = np.concatenate([lost.target[kept], edges.target[dead]])
    order = np.argsort(target, kind="stable")
    return Lost(
        target[order],
        np.concatenate([lost.source[kept], edges.source[dead]])[order],
        np.concatenate([strength[kept], np.ones(dead.size)])[order],
    )


@kernel
def _until_next(target, ordinal, seed):
    low, high = halves(seed)
    return exponential_of(philox(np.uint32(target), np.uint32(ordinal), np.uint32(0), STREAM_FORMATION, low, high)[0])


@kernel
def _wind(formation, seed):
    for target in range(formation.left.shape[0]):
        formation.left[target] = _until_next(target, formation.count[target], seed)


class _Times(NamedTuple):
    left: np.ndarray  # (n,) on the clocks when the step starts
    first: np.ndarray  # (n,) ordinal of the first birth of the step
    end: np.ndarray  # (n,) ordinal of the first birth after the step
    rate: np.ndarray  # (n,) 1/d, of formation


@kernel
def _tick(formation, expected, seed):
    """Advance the clocks and count the births."""
    for target in range(expected.shape[0]):
        formation.left[target] -= expected[target]
        while formation.left[target] <= 0.0:
            formation.count[target] += 1
            formation.left[target] += _until_next(target, formation.count[target], seed)


@kernel
def _find_partners(rows, memory, times, constants, step, found):
    """Fill in births target by target; return how many have a partner."""
    sites, rates = constants
    low, high = halves(step.seed)
    s = rates.sd_log_weight
    born = 0
    for target in range(times.rate.shape[0]):
        first = born  # of this target's births
        passed = times.left[target]
        for ordinal in range(times.first[target], times.end[target]):
            born_after = passed / times.rate[target]
            passed += _until_next(target, ordinal + 1, step.seed)
            taken = found.source[first:born]
            source = _lost_partner(target, ordinal, rows, memory, sites, taken, step.seed)
            if source < 0:
                source = _near_partner(target, ordinal, rows, sites, taken, step.seed)
            if source < 0:
                continue
            words = philox(np.uint32(target), np.uint32(ordinal), np.uint32(0), STREAM_WEIGHTS_AT_BIRTH, low, high)
            found.source[born], found.target[born], found.ordinal[born] = source, target, ordinal
            found.distance[born] = math.sqrt(_squared_distance(sites, source, target))
            found.log_weight[born] = rates.mean_log_weight - rates.protection * s * s + s * normal(words[0], words[1])
            found.left[born] = max(0.0, step.days - born_after)
            born += 1
    return born


@kernel
def _age_each(born, rates, drive, step, left, died):
    """Age each spine by its own time, ``left`` (B,) d."""
    for b in range(left.shape[0]):
        one = slice(b, b + 1)
        edge = Edges(
            born.source[one],
            born.target[one],
            born.log_weight[one],
            born.delay[one],
            born.stage[one],
            born.key_a[one],
            born.key_b[one],
            born.elimination_left[one],
            born.promotion_left[one],
        )
        age(edge, rates, drive, Step(step.seed, step.fast_step, left[b]), died[one])


@kernel
def _lost_partner(target, ordinal, rows, memory, sites, taken, seed):
    """Draw a free partner lost before, in proportion to its strength; -1 if the choice falls on all neurons."""
    lost, site = memory
    total = 0.0
    for place in range(site[target], site[target + 1]):
        if _free(lost.source[place], target, rows, taken):
            total += lost.strength[place]
    low, high = halves(seed)
    # the words of try 0 belong to this choice
    words = philox(np.uint32(target), np.uint32(ordinal), np.uint32(0), STREAM_PARTNERS, low, high)
    weight = sites.preference * total
    if uniform(words[0]) * (sites.resting_degree[target] + weight) > weight:
        return -1
    level = uniform(words[1]) * total
    chosen = -1
    for place in range(site[target], site[target + 1]):
        if _free(lost.source[place], target, rows, taken):
            chosen = lost.source[place]  # the last one if rounding leaves a remainder
            level -= lost.strength[place]
            if level <= 0.0:
                break
    return chosen


@kernel
def _near_partner(target, ordinal, rows, sites, taken, seed):
    """Draw a free neuron near the target; -1 if all tries fail."""
    n = sites.position.shape[0]
    low, high = halves(seed)
    for attempt in range(1, TRIES + 1):
        words = philox(np.uint32(target), np.uint32(ordinal), np.uint32(attempt), STREAM_PARTNERS, low, high)
        source = (np.int64(words[0]) * n) >> 32
        squared = _squared_distance(sites, source, target)
        accepted = uniform(words[1]) <= math.exp(-0.5 * squared / sites.width**2)
        if accepted and source != target and _free(source, target, rows, taken):
            return source
    return -1


@kernel
def _free(source, target, rows, taken):
    """Return whether a neuron is neither connected to the target nor chosen by it in this step."""
    targets, row = rows
    place = first_at_least(targets, row[source], row[source + 1], target)
    if place < row[source + 1] and targets[place] == target:
        return False
    return not np.any(taken == source)


@kernel
def _squared_distance(sites, source, target):
    apart_x = abs(sites.position[source, 0] - sites.position[target, 0])
    apart_y = abs(sites.position[source, 1] - sites.position[target, 1])
    apart_x = min(apart_x, sites.side - apart_x)
    apart_y = min(apart_y, sites.side - apart_y)
    return apart_x * apart_x + apart_y * apart_y

"""Contacts between neurons of a sheet, their weights and delays, pair by pair.

Every random number is a function of (seed, source, target), so results do not depend on the order, or the number of
pieces, in which pairs are processed. Possible targets are processed in groups of `GROUP` neurons of one class; where
neurons are numbered along the sheet a group is a small patch of it, and patches out of reach cost one comparison.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from ketasim.kernels.jit import kernel
from ketasim.kernels.random import STREAM_CONTACTS, STREAM_WEIGHTS, draw_words, philox
from ketasim.kernels.vectors import BLOCK, exponential

#: Neurons in a group of targets: as many as the words of one call of `random.draw_words`.
GROUP = 4 * BLOCK

_WORDS = 2.0**32


class Groups(NamedTuple):
    """Targets in groups of one class: members and their bounding box; made by `grouped`."""

    first: np.ndarray  # (n_groups,) int64, first neuron
    end: np.ndarray  # (n_groups,) int64, one past the last
    node_class: np.ndarray  # (n_groups,) int64
    box: np.ndarray  # (n_groups, 4) um: lowest and highest x, lowest and highest y
    x: np.ndarray  # (n_groups, GROUP) float32, um; unused places hold 0
    y: np.ndarray  # (n_groups, GROUP) float32, um


class ContactRules(NamedTuple):
    """Probability of a contact at distance d by class pair: ``min(1, peak exp(-d^2 / 2 width^2))`` up to a reach."""

    peak: np.ndarray  # (n_classes, n_classes); may exceed 1
    width: np.ndarray  # (n_classes, n_classes) um
    reach: np.ndarray  # (n_classes, n_classes) um; no contacts beyond
    side: float  # um, edge of the square sheet, which wraps around


class StrengthRules(NamedTuple):
    """Log-normal weights of mean 1, and delays that grow with distance."""

    weight_sd_log: np.ndarray  # (n_classes, n_classes)
    latency: np.ndarray  # (n_classes, n_classes) ms at the reference distance
    reference_distance: float  # um
    conduction_velocity: float  # um/ms


def grouped(position: np.ndarray, class_start: np.ndarray) -> Groups:
    """Divide neurons into groups of one class, in order.

    Parameters
    ----------
    position : (n, 2) array
        um.
    class_start : (n_classes + 1,) array
        Neurons of class c are ``class_start[c]:class_start[c + 1]``.
    """
    bounds = [
        (c, first, class_start[c + 1])
        for c in range(len(class_start) - 1)
        for first in range(class_start[c], class_start[c + 1], GROUP)
    ]
    columns = np.array([(first, min(first + GROUP, last), c) for c, first, last in bounds], np.int64).reshape(-1, 3)
    groups = Groups(
        first=columns[:, 0].copy(),
        end=columns[:, 1].copy(),
        node_class=columns[:, 2].copy(),
        box=np.zeros((len(columns), 4)),
        x=np.zeros((len(columns), GROUP), np.float32),
        y=np.zeros((len(columns), GROUP), np.float32),
    )
    for g, (first, end, _) in enumerate(columns):
        x, y = position[first:end].T
        groups.box[g] = x.min(), x.max(), y.min(), y.max()
        groups.x[g, : end - first] = x
        groups.y[g, : end - first] = y
    return groups


@kernel
def find_contacts(groups, rules, seed, first, out_degree, target):
    """Find the targets of sources from ``first`` on, until all are done or ``target`` might not hold another row.

    The pair (source, target) is in contact if word ``target`` of (seed, STREAM_CONTACTS, source) is below the
    probability of a contact times 2**32.

    Parameters
    ----------
    groups : Groups
        The neurons.
    rules : ContactRules
        Probabilities.
    seed : uint64
        Seed of the circuit.
    first : int64
        First source.
    out_degree : (n,) array of int64
        Filled for the sources done.
    target : (room,) array of int32
        With room for at least n; filled with the targets of one source after the other, in ascending order.

    Returns
    -------
    (int, int)
        First source not done, and places filled.
    """
    n = out_degree.shape[0]
    words = np.empty(GROUP, np.uint32)
    contact = np.empty(GROUP, np.uint8)
    n_groups = groups.first.shape[0]
    filled = 0
    for own_group in range(n_groups):
        for source in range(max(first, groups.first[own_group]), groups.end[own_group]):
            if target.shape[0] - filled < n:
                return source, filled
            before = filled
            place = source - groups.first[own_group]
            x, y = groups.x[own_group, place], groups.y[own_group, place]
            for g in range(n_groups):
                rule = _rule(rules, groups.node_class[own_group], groups.node_class[g])
                if _squared_distance_to_box(x, y, groups.box[g], rules.side) > rule.reach_squared:
                    continue
                draw_words(words, STREAM_CONTACTS, seed, source, g * BLOCK, BLOCK)
                _compare(contact, words, (groups.x[g], groups.y[g]), (x, y), rule)
                if g == own_group:
                    contact[place] = 0  # no neuron contacts itself
                filled = _list_contacts(contact, groups.first[g], groups.end[g], target, filled)
            out_degree[source] = filled - before
    return n, filled


class _Rule(NamedTuple):
    log_peak: np.float32
    per_squared_distance: np.float32  # 1/um^2, negative
    reach_squared: np.float32  # um^2
    side: np.float32


@kernel
def _rule(rules, source_class, target_class):
    width = rules.width[source_class, target_class]
    return _Rule(
        np.float32(math.log(rules.peak[source_class, target_class])),
        np.float32(-0.5 / width**2),
        np.float32(rules.reach[source_class, target_class] ** 2),
        np.float32(rules.side),
    )


@kernel
def _squared_distance_to_box(x, y, box, side):
    apart_x = _distance_to_interval(x, box[0], box[1], side)
    apart_y = _distance_to_interval(y, box[2], box[3], side)
    return apart_x * apart_x + apart_y * apart_y


@kernel
def _distance_to_interval(x, low, high, side):
    """Return the distance on the wrapped axis, less 0.001 um because positions are rounded to single precision."""
    apart = max(low - x, x - high)
    wrapped = min(low + side - x, x - high + side)
    return max(0.0, min(apart, wrapped) - 1e-3)


@kernel
def _compare(contact, words, there, here, rule):
    """Mark with 1 the members of a group, at ``there``, that a neuron at ``here`` contacts."""
    zero, all_words = np.float32(0.0), np.float32(_WORDS)
    there_x, there_y = there
    x, y = here
    for i in range(contact.shape[0]):
        apart_x = abs(there_x[i] - x)
        apart_y = abs(there_y[i] - y)
        apart_x = min(apart_x, rule.side - apart_x)
        apart_y = min(apart_y, rule.side - apart_y)
        squared = apart_x * apart_x + apart_y * apart_y
        exponent = min(zero, rule.log_peak + squared * rule.per_squared_distance)
        likely = np.float32(words[i]) < exponential(exponent) * all_words
        contact[i] = np.uint8(likely & (squared <= rule.reach_squared))


@kernel
def _list_contacts(contact, first, end, target, filled):
    for i in range(end - first):
        target[filled] = first + i  # overwritten by the next if not a contact
        filled += np.int64(contact[i])
    return filled


@kernel
def size_synapses(position, node_class, rules, side, seed, out_degree, synapses):
    """Draw weights and compute delays of all synapses.

    Parameters
    ----------
    position : (n, 2) array
        um.
    node_class : (n,) array
        Class of each neuron.
    rules : StrengthRules
        Distributions of weights and delays.
    side : float
        um, side of the sheet.
    seed : uint64
        Seed of the circuit.
    out_degree : (n,) array
        From `find_contacts`.
    synapses : (target, weight, delay), each an (E,) array
        Sorted by source as from `find_contacts`; weight and delay (ms), float32, are filled.
    """
    target, weight, delay = synapses
    edge = 0
    for source in range(out_degree.shape[0]):
        x, y, source_class = position[source, 0], position[source, 1], node_class[source]
        for _ in range(out_degree[source]):
            node = target[edge]
            apart_x = abs(position[node, 0] - x)
            apart_y = abs(position[node, 1] - y)
            apart_x = min(apart_x, side - apart_x)
            apart_y = min(apart_y, side - apart_y)
            distance = math.sqrt(apart_x * apart_x + apart_y * apart_y)
            late = (distance - rules.reference_distance) / rules.conduction_velocity
            delay[edge] = rules.latency[source_class, node_class[node]] + late
            sd = rules.weight_sd_log[source_class, node_class[node]]
            weight[edge] = math.exp(sd * _normal(seed, STREAM_WEIGHTS, source, node) - 0.5 * sd * sd)
            edge += 1


@partial(kernel, inlined=True)
def _normal(seed, stream, source, target):
    """Return a normal deviate for a pair (Box-Muller); at most 6.7, because its uniform number is at least 2**-32."""
    low, high = np.uint32(seed & np.uint64(0xFFFFFFFF)), np.uint32(seed >> np.uint64(32))
    w0, w1, _, _ = philox(np.uint32(source), np.uint32(0), np.uint32(target), stream, low, high)
    uniform = (np.float64(w0) + 1.0) / _WORDS
    return math.sqrt(-2.0 * math.log(uniform)) * math.cos(2.0 * math.pi * np.float64(w1) / _WORDS)

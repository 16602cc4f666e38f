"""Tables of spines for tests: random edges on a sheet, rates, and steps of table and memory together."""

from typing import NamedTuple

import numpy as np

from ketasim.kernels.graph import Synapses
from ketasim.kernels.spine_births import Formation, Lost, Sites, draw_births, new_clocks, nothing_lost, remembered
from ketasim.kernels.spine_turnover import Drive, Edges, Rates, age_edges, initial_edges, merged, slow_step

DAY = 864_000_000  # fast steps

#: Rates at rest when size does not protect, 1/d.
RATES = Rates(
    elimination=np.array([0.3, 0.0712, 0.00175]),
    promotion=np.array([0.2, 0.01214, 0.0]),
    protection=0.0,
    mean_log_weight=-0.43,
    sd_log_weight=0.93,
    weight_time=20.0,
    correlation_gain=0.0,
    hebbian_rate=0.0,
)


class Tables(NamedTuple):
    """Everything about spines that a step changes."""

    edges: Edges
    lost: Lost
    formation: Formation


def sheet(n, width=127.0, side=164.0, degree=10.0, preference=1.0):
    """n neurons at random places, the same for the same n."""
    position = np.random.default_rng(n).random((n, 2)) * min(side, 1000.0)
    return Sites(position, side, width, np.full(n, degree), preference, 14.0)


def drive(n, formation=0.0, deviation=0.0, promotion_gain=1.0, elimination_gain=1.0):
    values = (np.full(n, value) * np.ones(n) for value in (deviation, promotion_gain, formation))
    return Drive(*values, np.broadcast_to(elimination_gain, (3, n)).astype(float))


def random_edges(n, probability, seed, rates=RATES, share=(0.05, 0.12, 0.83)):
    """Edges between n neurons, each pair with this probability, sizes and stages as at rest without protection."""
    rng = np.random.default_rng(seed)
    connected = rng.random((n, n)) < probability
    np.fill_diagonal(connected, False)
    source, target = np.nonzero(connected)
    log_weight = rates.mean_log_weight + rates.sd_log_weight * rng.standard_normal(source.size)
    synapses = Synapses(source, target, np.exp(log_weight), rng.integers(5, 30, source.size))
    return initial_edges(synapses, np.tile(share, (source.size, 1)), seed)


def tables(n, probability, seed, rates=RATES):
    return Tables(random_edges(n, probability, seed, rates), nothing_lost(), new_clocks(n, seed))


def independent_edges(y, rates=RATES, stage=2, seed=1):
    """Edges with ln w = mean_log_weight + y, one from each neuron to the next, in one stage."""
    n = y.size
    share = np.eye(3)[stage]
    weight = np.exp(rates.mean_log_weight + y)
    source = np.arange(n)
    target = (source + 1) % n
    return initial_edges(Synapses(source, target, weight, np.full(n, 18)), np.tile(share, (n, 1)), seed)


def advance(world, sites, rates, now, step):
    """One slow step of all; returns new tables, who died and what was born."""
    edges, lost, formation = world
    died = age_edges(edges, rates, now, step)
    births = draw_births(edges, lost, formation, sites, rates, now, step)
    lost = remembered(lost, edges, died, step.days, sites.memory_time)
    return Tables(merged(edges, died, births.edges), lost, formation), died, births


def run(world, sites, rates, now, days, step_days, seed=1):
    """Several steps of one length."""
    for number in range(round(days / step_days)):
        step = slow_step(seed, round(number * step_days * DAY), step_days)
        world, _, _ = advance(world, sites, rates, now, step)
    return world

"""PYR cells and a bystander for tests of signalling: networks without synapses, signals at rest, steps by hand."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np

from ketasim.mechanisms import ORDER
from ketasim.network.build import build
from ketasim.network.topology import Edges, make_topology
from ketasim.signals import SIGNALS
from tests.mechanisms.subjects import ADULT, clock, setting

CHAIN = ("eef2", "bdnf", "trkb", "mtorc1", "synaptic_protein", "surface_ampa", "homeostatic_scaling")
CHAIN += ("inhibitory_plasticity",)
SYNAPSES = ("ampa_gain", "afferent_ampa_gain", "inhibition_gain")  # ports that every step scales anew
BY_NAME = {mechanism.name: mechanism for mechanism in ORDER if mechanism.name in CHAIN}
HOUR = 3600.0  # s


@cache
def pyramids(n):
    """`n` PYR cells, then one PV cell that signalling must leave alone; no synapses."""
    nothing = Edges(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0))
    return build(make_topology(("PYR", "PV"), np.repeat([0, 1], [n, 1]), np.zeros((n + 1, 2)), nothing))


pyramids(1)  # the first takes compiled kernels, and longer than a single example of a property may


def place(n, *drugs, subject=ADULT, genotype=()):
    """Setting of `n` PYR cells and a bystander."""
    return replace(setting(*drugs, network=pyramids(n), subject=subject), genotype=genotype)


def at_rest(names, n=1, n_compounds=0):
    """Arrays of the signals `names` for `n` PYR cells and a bystander; baselines and rates are 1."""
    arrays = {}
    for name in names:
        row = SIGNALS[name]
        value = 1.0 if row.kind == "network" else row.neutral
        arrays[name] = np.full(n + 1 if "node" in row.dims else n_compounds, value)
    return arrays


def step(name, duration, parameters=None, n=1, where=None, **signals):
    """One step of a mechanism from rest, or from what `signals` say of the PYR cells; all its arrays come back."""
    mechanism = BY_NAME[name]
    where = where or place(n)
    names = (*mechanism.reads, *mechanism.writes, *mechanism.scales)
    arrays = at_rest(names, n, len(where.compounds))
    for key, value in signals.items():
        arrays[key][: n if "node" in SIGNALS[key].dims else None] = value
    prepared = mechanism.prepared(parameters or mechanism.Parameters(), where)
    mechanism.advance(*(arrays[key] for key in names), prepared, clock(duration))
    return arrays


def run(drive_at, times, names=CHAIN, parameters=None):
    """Signals (n_times + 1,) of one PYR cell: the chain stepped through `times` in s as a run does it.

    drive_at : function of the time in s that returns what overrides the signals of the network and the block.
    """
    parameters = parameters or {}
    chosen = [BY_NAME[name] for name in names]
    every = dict.fromkeys(key for m in BY_NAME.values() for key in (*m.reads, *m.writes, *m.scales))
    arrays = at_rest(every)
    prepared = {m.name: m.prepared(parameters.get(m.name, m.Parameters()), place(1)) for m in chosen}
    trace = {key: [array[0]] for key, array in arrays.items() if array.size}
    for begin, end in pairwise(times):
        for key, value in drive_at(begin).items():
            arrays[key][0] = value
        for key in SYNAPSES:
            arrays[key][:] = 1.0
        start = {key: array.copy() for key, array in arrays.items()}
        for m in chosen:
            read = [start[key] for key in m.reads]
            m.advance(*read, *(arrays[key] for key in (*m.writes, *m.scales)), prepared[m.name], clock(end - begin))
        for key, values in trace.items():
            values.append(arrays[key][0])
    return {key: np.array(values) for key, values in trace.items()}

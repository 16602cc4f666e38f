"""Receptors in voltage clamp for tests of the blockade: any blockers, one node, every subunit present."""

import math

import numpy as np

from ketasim.mechanisms.nmda_blockade import Gating, Prepared, advance_block
from tests.reference.nmda_blockade import Blocker

MG_OVER_K = np.array([1.0 / 3.57, 1.0 / 3.1, 1.0 / 21.0, 1.0 / 15.0])


def blockers_of(drugs, names):
    """Blockers of drug files by compound."""
    affinity = {name: row for drug in drugs for row in drug.nmda for name in row.of}
    kinetics = {name: row for drug in drugs for row in drug.nmda_kinetics for name in row.of}
    return [
        Blocker(
            kinetics[name].k_on,
            tuple(getattr(affinity[name], f"ic50_2{letter}") for letter in "abcd"),
            kinetics[name].electrical_distance,
            kinetics[name].escape,
        )
        for name in names
    ]


def prepared(blockers, open_probability=(1.0,) * 4, mg_over_k=MG_OVER_K, shares=((0.25,),) * 4, floor=0.0):
    """What the kernel reads, for `blockers` of tests.reference.nmda_blockade and as many nodes as shares have."""
    escape = np.array([blocker.sigma for blocker in blockers], dtype=float)
    shares = np.ascontiguousarray(shares, dtype=float)
    nodes = shares.shape[1]
    return Prepared(
        compound=np.arange(len(blockers)),
        k_on=np.array([blocker.k_on for blocker in blockers], dtype=float),
        ic50=np.array([blocker.ic50 for blocker in blockers], dtype=float).reshape(-1, 4),
        distance=np.array([blocker.delta for blocker in blockers], dtype=float),
        escape=escape,
        partial=np.flatnonzero(escape > 0),
        open_probability=np.array(open_probability, dtype=float),
        superficial_factor=10.0,
        release_floor=floor,
        exposed=np.ones(nodes, dtype=bool),
        shares=shares,
        rest=np.full(nodes, -70.0),
        mg_over_k=np.array(mg_over_k, dtype=float),
        synaptic=1.0,
        extrasynaptic=1.0,
    )


def clamped(gate, voltage=-66.0, mg_over_k=MG_OVER_K):
    """Gating of one node at a voltage in mV that is held."""
    free = [1.0 / (1.0 + ratio * math.exp(-0.062 * voltage)) for ratio in mg_over_k]
    return gating_of(np.array([gate]), free, voltage)


def gating_of(gate, free, voltage, tonic=0.0):
    """Gating of nodes with gates (n,), Mg factors of GluN2A to D and a voltage in mV that all of them share."""
    opened = np.full(gate.size, 0.5)  # nS, of no consequence
    return Gating(gate, np.outer(free, gate), opened, -voltage * opened, np.full((4, gate.size), tonic))


def new_block(blockers, nodes=1):
    """Trapped and superficial block, all free."""
    return np.zeros((len(blockers), 4, nodes)), np.zeros((len(blockers), 4, nodes))


def block_after(blockers, concentration, gating, duration, **constants):
    """Trapped and superficial block (n_blockers, 4, 1) after `duration` s from free receptors."""
    trapped, superficial = new_block(blockers)
    receptors = prepared(blockers, **constants)
    advance_block(np.array(concentration, dtype=float), gating, trapped, superficial, receptors, float(duration))
    return trapped, superficial

"""Slow twin of ketasim.mechanisms.nmda_blockade: the equations as they stand, one node and subunit at a time.

The right-hand side is linear in the block, so its matrix is read off by feeding it unit vectors and scipy's matrix
exponential does the step. Blockers without a superficial site keep one here all the same; it stays empty.
"""

from typing import NamedTuple

import numpy as np

from tests.reference.matrix_exponential import exponential


class Blocker(NamedTuple):
    """1/uM/s, uM by subunit, electrical distance, share that escapes without agonist."""

    k_on: float
    ic50: tuple[float, float, float, float]
    delta: float
    sigma: float


class Channel(NamedTuple):
    """Open probability, Mg factor, voltage in mV of one node's channels of one subunit."""

    p: float
    m: float
    voltage: float


def right_hand_side(block, blockers, concentration, subunit, channel):
    """Rates of change 1/s of ``[T_0 .. T_n, U_0 .. U_n]``."""
    n = len(blockers)
    T, U = block[:n], block[n:]
    q = 1.0 - T.sum() - U.sum()
    change = np.zeros(2 * n)
    for c, (k_on, ic50, delta, sigma) in enumerate(blockers):
        K, C = ic50[subunit], concentration[c]
        v = np.exp(delta * (channel.voltage + 66.0) / 26.7)
        change[c] = channel.p * (k_on * C * channel.m * q / v - T[c] * k_on * K / (1.0 - sigma))
        change[n + c] = 10.0 * k_on * K * (sigma * C * channel.m * q / (K * v) - U[c])
    return change


def advance(block, blockers, concentration, subunit, channel, duration):
    """Block after `duration` s at constant concentration and channel."""
    n = block.size
    constant = right_hand_side(np.zeros(n), blockers, concentration, subunit, channel)
    columns = [right_hand_side(unit, blockers, concentration, subunit, channel) - constant for unit in np.eye(n)]
    augmented = np.zeros((n + 1, n + 1))
    augmented[:n, :n] = np.array(columns).T
    augmented[:n, n] = constant
    return (exponential(augmented * duration) @ np.append(block, 1.0))[:n]


def channel_of(subunit, gating, open_probability, floor, rest, mg_over_k):
    """Channel of a node from its gates.

    gating : (g, (g m of A, B, C, D), open conductance in nS, current in pA, tonic gating of A, B, C, D).
    """
    gate, gated, conductance, current, tonic = gating
    p = open_probability[subunit] * min(1.0, max(floor, gate + tonic[subunit]))
    voltage = -current / conductance if conductance else rest
    if gate == 0.0:
        return Channel(p, 1.0 / (1.0 + mg_over_k[subunit] * np.exp(-0.062 * voltage)), voltage)
    return Channel(p, gated[subunit] / gate, voltage)

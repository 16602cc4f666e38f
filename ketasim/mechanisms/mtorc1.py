"""mTORC1: TrkB activates p70S6K via ERK and Akt; negative feedback makes the response transient.

Per PYR node, M (the signal `p70s6k`) relative to baseline and feedback f::

    dM/dt = (a [1 + gain (K - 1) - f] - M) / tau_M
    df/dt = (feedback (M - 1) - f) / tau_f

a is the port `mtorc1_gain`, for what acts on the kinase itself. During a step a is held and TrkB a straight line, which
makes the system linear; it is advanced by its exact solution, with M floored at zero. Held TrkB would do in short
steps only: the pathway, which follows TrkB's slope and rings with a period of 80 min, would answer the jumps between
steps of an hour.

A sustained change of TrkB shifts M by ``gain / (1 + feedback)`` of it: the pathway adapts. Feedback slower than the
fall of BDNF takes M below rest afterwards, faster feedback leaves a tail. At the defaults M is underdamped (damping
ratio 0.32): a sustained step of TrkB takes it below rest after 42 min. After the human infusion M comes back to rest
at 3 h and stays within 1 % of it (steps of 5 min).

Not validated: the nature of the feedback (S6K on IRS-1 and the like, phosphatases, loss of TrkB); one gain for all
inputs to mTORC1, also in humans, where no time course has been measured.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt

from ketasim.kernels.formulas import exponential_of_matrix
from ketasim.mechanisms.mechanism import Clock, Mechanism, OnNodes
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Transient activation of mTORC1 and p70S6K by TrkB."""

    gain: Annotated[
        float, Ge(0), "1", Source("assumed", "p70S6K about doubles after 10 mg/kg in the rat; E1 fixes only times", 3.0)
    ] = 10.0
    feedback: Annotated[
        float, Ge(0), "1", Source("fitted", "E1: at least 14 at this ratio to the adaptation time, no upper bound", 1.4)
    ] = 70.0
    activation: Annotated[
        float,
        Gt(0),
        "s",
        Source("recalled", "tau_M, S6K loses its phosphate in 20-40 min; E1 leaves it open", Prior(600.0, 2400.0)),
    ] = 1200.0
    adaptation: Annotated[
        float,
        Gt(0),
        "s",
        Source("fitted", "tau_f: E1 bounds feedback over it, 1/450 s here, to between 1/800 and 1/100 s", 1.4),
    ] = 31_500.0


def advance(
    trkb: np.ndarray,
    trkb_slope: np.ndarray,
    mtorc1_gain: np.ndarray,
    p70s6k: np.ndarray,
    mtorc1_feedback: np.ndarray,
    prepared: OnNodes[Parameters],
    clock: Clock,
) -> None:
    """Advance M (n,) and f (n,) exactly at TrkB (n,), its slope (n,) per s and the gain (n,)."""
    parameters, members, duration = prepared.parameters, prepared.nodes, clock.duration
    gains, kind = np.unique(mtorc1_gain[members], return_inverse=True)  # as a rule one for all nodes
    scale, feedback = gains[kind], parameters.feedback
    per_trkb = scale * parameters.gain / (1.0 + feedback * scale)
    slope = per_trkb * trkb_slope[members]
    # steady state at the TrkB of mid-step, at the start, and how far M and f lag behind one that moves
    settled = per_trkb * (trkb[members] - 1.0) + (scale - 1.0) / (1.0 + feedback * scale)
    first = settled - 0.5 * duration * slope
    lag = slope / (1.0 + feedback * scale)
    lead_of_m = lag * (feedback * scale * parameters.adaptation - parameters.activation)
    lag_of_f = lag * feedback * (parameters.adaptation + parameters.activation)
    activity = p70s6k[members] - 1.0 - first - lead_of_m
    opposition = mtorc1_feedback[members] - feedback * first + lag_of_f
    change = np.stack([change_in(parameters, duration, gain) for gain in gains], axis=-1)[..., kind]
    p70s6k[members] += duration * slope + change[0, 0] * activity + change[0, 1] * opposition
    mtorc1_feedback[members] += duration * feedback * slope + change[1, 0] * activity + change[1, 1] * opposition
    np.maximum(p70s6k[members], 0.0, out=p70s6k[members])


def change_in(parameters: Parameters, duration: float, gain: float = 1.0) -> np.ndarray:
    """Return (2, 2) ``exp(A duration) - 1`` for the distances of M and f from steady state; `duration` in s."""
    matrix = np.array(
        [
            [-1.0 / parameters.activation, -gain / parameters.activation],
            [parameters.feedback / parameters.adaptation, -1.0 / parameters.adaptation],
        ]
    )
    return exponential_of_matrix(matrix * duration) - np.eye(2)


MECHANISM = Mechanism(
    "mtorc1",
    Parameters,
    advance,
    reads=("trkb", "trkb_slope", "mtorc1_gain"),
    writes=("p70s6k", "mtorc1_feedback"),
    population="PYR",
)

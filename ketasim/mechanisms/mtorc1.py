"""mTORC1: TrkB activates p70S6K via ERK and Akt; negative feedback makes the response transient.

Per PYR node, M (the signal `p70s6k`) relative to baseline and feedback f::

    dM/dt = (a [1 + gain (K - 1) - f] - M) / tau_M
    df/dt = (feedback (M - 1) - f) / tau_f

a is the port `mtorc1_gain`, for what acts on the kinase itself. TrkB and a are held during a step, which makes the
system linear; it is advanced by its exact solution, with M floored at zero. A sustained change of TrkB shifts M by
``gain / (1 + feedback)`` of it: the pathway adapts. Feedback slower than the fall of BDNF takes M below rest
afterwards, faster feedback leaves a tail. At the defaults M is underdamped (damping ratio 0.32): a sustained step of
TrkB takes it below rest after 42 min, and after a dose, where BDNF rises and falls within hours, it undershoots by a
tenth to a fifth of its peak.

Not validated: the nature of the feedback (S6K on IRS-1 and the like, phosphatases, loss of TrkB); one gain for all
inputs to mTORC1, also in humans, where no time course has been measured.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt

from ketasim.kernels.formulas import exponential_of_matrix
from ketasim.mechanisms.mechanism import Clock, Mechanism, OnNodes
from ketasim.sources import Source


class Parameters(NamedTuple):
    """Transient activation of mTORC1 and p70S6K by TrkB."""

    gain: Annotated[
        float, Ge(0), "1", Source("assumed", "p70S6K about doubles after 10 mg/kg in the rat; E1 fixes only times")
    ] = 10.0
    feedback: Annotated[
        float, Ge(0), "1", Source("fitted", "E1: at least 14 at this ratio to the adaptation time, no upper bound")
    ] = 70.0
    activation: Annotated[
        float,
        Gt(0),
        "s",
        Source("recalled", "tau_M, dephosphorylation of S6K in 20-40 min, low confidence; E1 leaves it open"),
    ] = 1200.0
    adaptation: Annotated[
        float,
        Gt(0),
        "s",
        Source("fitted", "tau_f: E1 bounds feedback over it, 1/450 s here, to between 1/800 and 1/100 s"),
    ] = 31_500.0


def advance(
    trkb: np.ndarray,
    mtorc1_gain: np.ndarray,
    p70s6k: np.ndarray,
    mtorc1_feedback: np.ndarray,
    prepared: OnNodes[Parameters],
    clock: Clock,
) -> None:
    """Advance M (n,) and f (n,) exactly at active TrkB (n,) and the gain (n,)."""
    parameters, members = prepared.parameters, prepared.nodes
    gains, kind = np.unique(mtorc1_gain[members], return_inverse=True)  # as a rule one for all nodes
    # steady state at this TrkB, and distances from it
    scale = gains[kind]
    driven = scale * (parameters.gain * (trkb[members] - 1.0)) + (scale - 1.0)
    settled = driven / (1.0 + parameters.feedback * scale)
    activity = p70s6k[members] - 1.0 - settled
    opposition = mtorc1_feedback[members] - parameters.feedback * settled
    change = np.stack([change_in(parameters, clock.duration, gain) for gain in gains], axis=-1)[..., kind]
    p70s6k[members] += change[0, 0] * activity + change[0, 1] * opposition
    mtorc1_feedback[members] += change[1, 0] * activity + change[1, 1] * opposition
    np.maximum(p70s6k[members], 0.0, out=p70s6k[members])


def change_in(parameters: Parameters, duration: float, gain: float = 1.0) -> np.ndarray:
    """Return (2, 2) ``exp(A duration) - 1`` for the distances of M and f from steady state; `duration` in s."""
    matrix = np.array(
        [
            [-1.0 / parameters.activation, -gain / parameters.activation],
            [parameters.feedback / parameters.adaptation, -1.0 / parameters.adaptation],
        ]
    )
    result, term, scratch = (np.zeros((2, 2)) for _ in range(3))
    exponential_of_matrix(matrix * duration, result, term, scratch)
    return result - np.eye(2)


MECHANISM = Mechanism(
    "mtorc1",
    Parameters,
    advance,
    reads=("trkb", "mtorc1_gain"),
    writes=("p70s6k", "mtorc1_feedback"),
    population="PYR",
)

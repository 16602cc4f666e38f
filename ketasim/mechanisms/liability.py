"""Liability, exploratory: reward by the surge, and an opponent of it that outlasts it.

With s the mean over pyramidal cells of perisynaptic glutamate relative to rest, less 1::

    da/dt = (s - a)/tau_a                     what is felt
    db/dt = (k a - b)/tau_b                   its opponent (Solomon & Corbit 1974, in form)
    reward = a - b,  liability = b

Often repeated doses build the opponent up, since it decays over days: reward becomes less, falls below zero when doses
end, and what drives further use is larger the more often and the more was taken. It recovers after stopping. Off by
default, read by nothing, in arbitrary units: a way to compare schedules, no risk of a person. A research and teaching
model; not medical advice.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt

from ketasim.kernels.formulas import relaxed
from ketasim.mechanisms.mechanism import Card, Clock, Mechanism, OnNodes
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Reward by the surge, and its opponent."""

    reward_time: Annotated[
        float, Gt(0), "min", Source("assumed", "tau_a: lasts as long as intoxication", Prior(10.0, 120.0))
    ] = 30.0
    opponent_time: Annotated[
        float, Gt(0), "d", Source("assumed", "tau_b: craving is less after weeks without", Prior(4.0, 30.0))
    ] = 10.0
    opponent_gain: Annotated[
        float, Ge(0), "1", Source("assumed", "k: opponent of a reward that would never end", Prior(0.3, 3.0))
    ] = 1.0


def advance(
    glutamate_perisynaptic: np.ndarray,
    reward_process: np.ndarray,
    reward: np.ndarray,
    liability: np.ndarray,
    prepared: OnNodes[Parameters],
    clock: Clock,
) -> None:
    """Advance both processes (scalars) at the mean glutamate of the nodes (n,)."""
    parameters, members = prepared.parameters, prepared.nodes
    surge = float(glutamate_perisynaptic[members].mean()) - 1.0
    minutes, days = clock.duration / 60.0, clock.duration / 86_400.0
    before = float(reward_process)
    reward_process[...] = relaxed(reward_process, surge, minutes, parameters.reward_time)
    left = minutes / parameters.reward_time
    mean = surge + (before - surge) * (-np.expm1(-left) / left if left else 1.0)  # of a over the step
    liability[...] = relaxed(liability, parameters.opponent_gain * mean, days, parameters.opponent_time)
    reward[...] = reward_process - liability


MECHANISM = Mechanism(
    "liability",
    Parameters,
    advance,
    reads=("glutamate_perisynaptic",),
    writes=("reward_process", "reward", "liability"),
    population="PYR",
    by_default=False,
    card=Card(
        species="all; exploratory, in arbitrary units",
        fitted_to="nothing",
        domain="comparing schedules of one drug below anaesthetic doses; no risk of a person",
        not_validated=(
            "everything; that reward follows glutamate of prefrontal cortex is assumed for want of a circuit of reward"
        ),
        refuted_by="a dose that is sought although it raises no glutamate",
    ),
)

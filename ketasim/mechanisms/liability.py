"""Liability, exploratory: reward by the surge, and an opponent of it that outlasts it.

With s the mean over pyramidal cells of release relative to rest, less 1; uptake is left out, for glutamate that
stress leaves in place is no reward::

    da/dt = (s - a)/tau_a                     what is felt
    db/dt = (k [a]+ - b)/tau_b                its opponent (Solomon & Corbit 1974, in form)
    reward = a - b,  liability = b

Often repeated doses build the opponent up, since it decays over days: it takes from reward, outlasts it, and decays
after the last dose. What a month of doses makes of it depends on the surge, which changes with use (docs/risk.md).
Off by default, read by nothing, in arbitrary units: a way to compare schedules, no risk of a person. A research and
teaching model; not medical advice.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt

from ketasim.kernels.formulas import relative_to_rest, relaxed
from ketasim.mechanisms.mechanism import Card, Clock, Mechanism, OnNodes
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Exploratory: reward by the surge, and its opponent."""

    reward_time: Annotated[
        float, Gt(0), "min", Source("assumed", "tau_a: lasts as long as intoxication", Prior(10.0, 120.0))
    ] = 30.0
    opponent_time: Annotated[
        float, Gt(0), "d", Source("assumed", "tau_b: craving is less after weeks without", Prior(4.0, 30.0))
    ] = 10.0
    opponent_gain: Annotated[
        float, Ge(0), "1", Source("assumed", "k: opponent of a reward that would never end", Prior(0.3, 3.0))
    ] = 1.0


def mean_above_zero(start: float, target: float, length: float) -> float:
    """Return the mean of the positive part of a first-order approach over `length` time constants.

    Examples
    --------
    >>> [round(mean_above_zero(*one, 1.0), 3) for one in ((0.0, 1.0), (-1.0, 0.0), (1.0, -1.0), (-1.0, 1.0))]
    [0.368, 0.0, 0.307, 0.043]
    """
    if length < 1e-9:  # nothing moves, and products of denormal numbers have no digits
        return max(start, 0.0)
    crosses = start * target < 0.0
    turn = min(length, float(np.log((start - target) / -target))) if crosses else 0.0  # in time constants
    begin, end = (0.0, turn) if crosses and start > 0.0 else (turn, length)
    area = target * (end - begin) + (start - target) * np.exp(-begin) * -np.expm1(begin - end)
    return max(float(area), 0.0) / length


def advance(
    vesicle_release: np.ndarray,
    vesicle_release_baseline: np.ndarray,
    reward_process: np.ndarray,
    reward: np.ndarray,
    liability: np.ndarray,
    prepared: OnNodes[Parameters],
    clock: Clock,
) -> None:
    """Advance both processes (scalars) at the mean release onto the nodes (n,)."""
    parameters, members = prepared.parameters, prepared.nodes
    surge = float(relative_to_rest(vesicle_release, vesicle_release_baseline)[members].mean()) - 1.0
    minutes, days = clock.duration / 60.0, clock.duration / 86_400.0
    before = float(reward_process)
    reward_process[...] = relaxed(reward_process, surge, minutes, parameters.reward_time)
    mean = mean_above_zero(before, surge, minutes / parameters.reward_time)
    liability[...] = relaxed(liability, parameters.opponent_gain * mean, days, parameters.opponent_time)
    reward[...] = reward_process - liability


MECHANISM = Mechanism(
    "liability",
    Parameters,
    advance,
    reads=("vesicle_release", "vesicle_release_baseline"),
    writes=("reward_process", "reward", "liability"),
    population="PYR",
    by_default=False,
    card=Card(
        species="all; exploratory, in arbitrary units",
        fitted_to="nothing",
        domain="comparing schedules of one drug below anaesthetic doses; no risk of a person",
        not_validated=(
            "everything; that reward follows release in prefrontal cortex is assumed for want of a circuit of reward"
        ),
        refuted_by="a dose that is sought although it raises no release",
    ),
)

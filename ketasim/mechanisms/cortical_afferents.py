"""Afferents that are cortex too: a share of background input fires more when pyramidal cells do, and less when they do.

A hypothesis, off by default. Nearly all excitation of the circuit comes from background afferents whose rate never
changes, as if the rest of the brain took no drug; most inputs of a prefrontal neuron come from other cortex. With sigma
the share of each class's afferent rate that comes from cortex behaving as this piece does, r the running estimate of
the mean PYR rate and R the activity of that cortex, relative to baseline::

    nu = nu_0 (1 + sigma (R - 1)),    dR/dt = (r / r_0 - R) / tau

R is solved exactly for a rate held during the step. A step is longer than tau almost always: R then is the last
estimate, and lags behind the network as that does.

In the default circuit (1,000 neurons, 90 s, one seed) 5 % more of all afferents raise PYR rates by 5.5 %, so the gain
of this loop is 1.1 sigma: it multiplies what a drug does to PYR cells by 1 / (1 - 1.1 sigma), and from sigma = 0.9 on
nothing brings the network back to rest. This was measured for a few per cent only: at 0.7 already the
network did not return from a dose (docs/model.md).

Not validated: the share, that it is the same for every class, and that cortex elsewhere answers a drug as this circuit
does.
"""

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt

from ketasim.kernels.formulas import relative_to_rest, relaxed
from ketasim.mechanisms.mechanism import Clock, Mechanism, OnNodes
from ketasim.sources import Prior, Source

#: Relative change of the PYR rate over that of all afferents that causes it, in the default circuit.
RESPONSE = 1.1

#: Largest share with a stable rest: the gain of the loop, `RESPONSE` times the share, is just below 1.
LARGEST_SHARE = 0.9


class Parameters(NamedTuple):
    """Background afferents that follow the pyramidal cells, as parts of the same cortex."""

    share: Annotated[
        float,
        Ge(0),
        "1",
        Source("assumed", "sigma, middle of its prior; above 0.9 no stable rest", Prior(0.0, 0.8, "linear")),
    ] = 0.4
    time: Annotated[
        float, Gt(0), "s", Source("assumed", "tau; almost every step is longer, so that little depends on it", 3.0)
    ] = 10.0

    def check(self) -> Iterator[tuple[str, str]]:
        """Refuse a share with which the network has no stable rest."""
        if self.share > LARGEST_SHARE:
            yield (
                "share",
                f"{self.share:g} leaves no stable rest: the gain of the loop from pyramidal cells through the rest of "
                f"cortex and back is about {RESPONSE:g} times the share (measured in the default circuit), here "
                f"{RESPONSE * self.share:.2g}, and from 1 on every fluctuation grows; it must be at most "
                f"{LARGEST_SHARE:g}",
            )


def advance(
    firing_rate: np.ndarray,
    firing_rate_baseline: np.ndarray,
    cortical_activity: np.ndarray,
    afferent_rate_gain: np.ndarray,
    prepared: OnNodes[Parameters],
    clock: Clock,
) -> None:
    """Relax R () towards the mean rate (n,) of PYR in Hz over that of baseline; scale the port (P,) of every class."""
    parameters, members = prepared.parameters, prepared.nodes
    now, rest = (rate[members].mean(keepdims=True) for rate in (firing_rate, firing_rate_baseline))
    (relative,) = relative_to_rest(now, rest)  # a network that was silent at baseline says nothing of other cortex
    cortical_activity[...] = relaxed(cortical_activity, relative, clock.duration, parameters.time)
    afferent_rate_gain *= 1.0 + parameters.share * (cortical_activity - 1.0)


MECHANISM = Mechanism(
    "cortical_afferents",
    Parameters,
    advance,
    reads=("firing_rate", "firing_rate_baseline"),
    writes=("cortical_activity",),
    scales=("afferent_rate_gain",),
    population="PYR",
    by_default=False,
)

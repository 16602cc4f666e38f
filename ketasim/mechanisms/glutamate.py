"""Extrasynaptic glutamate: two pools at steady state, because uptake takes milliseconds.

Perisynaptic, relative to baseline: ``Gp = R / R0 / uptake_gain``. Ambient, in uM, from::

    leak + rho J0 R / R0 = uptake_gain Vmax G / (Km + G)          J0 = Vmax G0 / (Km + G0),  leak = (1 - rho) J0

R is the release that a node receives, as measured in the network. Autoreceptors act on release probability inside the
network, so R already contains their effect and no further factor ``1 - inhibition`` belongs here.

Diffusion between neurons is neglected: with D = 0.3-0.8 um^2/ms and uptake within 5 ms glutamate travels
``sqrt(D tau)`` = 1-2 um, and exchange between neurons 20 um apart is at most 1 % of uptake.

Not validated: the ambient level changes by nM, far less than microdialysis reads (micromolar, for other reasons);
compare only in per cent of baseline.
"""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.documents import KetasimError
from ketasim.kernels.formulas import relative_to_rest
from ketasim.mechanisms.mechanism import Clock, Mechanism
from ketasim.sources import Prior, Source


class Parameters(NamedTuple):
    """Perisynaptic and ambient glutamate from release and uptake."""

    km: Annotated[float, Gt(0), "uM", Source("recalled", "12-28 uM, GLT-1", Prior(12.0, 28.0))] = 20.0
    vmax: Annotated[
        float,
        Gt(0),
        "uM/s",
        Source("computed", "15,200 transporters per um3 (Lehre & Danbolt 1998), 30 /s, extracellular volume 0.2"),
    ] = 3790.0
    ambient: Annotated[
        float, Gt(0), "uM", Source("secondary", "patch sensors 0.025-0.09 uM; Herman & Jahr 2007: 0.025")
    ] = 0.05
    vesicular_share: Annotated[
        float,
        Ge(0),
        Le(1),
        "1",
        Source("assumed", "most of resting inflow is not vesicular, Jabaudon 1999", Prior(0.1, 0.7)),
    ] = 0.3


def advance(
    vesicle_release: np.ndarray,
    vesicle_release_baseline: np.ndarray,
    uptake_gain: np.ndarray,
    glutamate_perisynaptic: np.ndarray,
    glutamate_ambient: np.ndarray,
    parameters: Parameters,
    clock: Clock,
) -> None:
    """Set both pools (n,) to their steady state at the release (n,) 1/s.

    Raises
    ------
    KetasimError
        Inflow exceeds uptake capacity, so there is no steady state.
    """
    relative = relative_to_rest(vesicle_release, vesicle_release_baseline)
    glutamate_perisynaptic[:] = relative / uptake_gain
    resting_inflow = parameters.vmax * parameters.ambient / (parameters.km + parameters.ambient)
    inflow = resting_inflow * (1.0 - parameters.vesicular_share + parameters.vesicular_share * relative)
    capacity = uptake_gain * parameters.vmax
    if np.any(inflow >= capacity):
        node = int(np.argmax(inflow - capacity))
        raise KetasimError(
            f"glutamate: inflow of {inflow[node]:.4g} uM/s at node {node} exceeds the uptake capacity of "
            f"{capacity[node]:.4g} uM/s; glutamate would rise without bound (release there is "
            f"{relative[node]:.3g} times baseline)"
        )
    glutamate_ambient[:] = parameters.km * inflow / (capacity - inflow)


MECHANISM = Mechanism(
    "glutamate",
    Parameters,
    advance,
    reads=("vesicle_release", "vesicle_release_baseline", "uptake_gain"),
    writes=("glutamate_perisynaptic", "glutamate_ambient"),
)

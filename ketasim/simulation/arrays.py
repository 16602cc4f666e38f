"""The signals of a run as plain arrays, by name."""

from collections.abc import Mapping, Sequence

import numpy as np

from ketasim.mechanisms import Setting
from ketasim.signals import NASCENT_STAGES, STAGES, SUBUNITS, Signal


def new_arrays(signals: Mapping[str, Signal], axes: Mapping[str, Sequence[str] | int]) -> dict[str, np.ndarray]:
    """One float64 array per signal, filled with its neutral value.

    Parameters
    ----------
    signals : mapping of str to Signal
        Signals by name.
    axes : mapping of str to sequence of str or int
        Names or length of every dimension.
    """
    sizes = {name: axis if isinstance(axis, int) else len(axis) for name, axis in axes.items()}
    return {name: np.full(tuple(sizes[dim] for dim in signal.dims), signal.neutral) for name, signal in signals.items()}


def transferred(
    old: Mapping[str, np.ndarray],
    signals: Mapping[str, Signal],
    before: Mapping[str, Sequence[str] | int],
    after: Mapping[str, Sequence[str] | int],
) -> dict[str, np.ndarray]:
    """Copy arrays to larger axes, as needed when a running simulation gets a new drug."""
    new = new_arrays(signals, after)
    for name, signal in signals.items():
        places = [_places(before[dim], after[dim]) for dim in signal.dims]
        new[name][np.ix_(*places)] = old[name]
    return new


def _places(before: Sequence[str] | int, after: Sequence[str] | int) -> list[int]:
    if isinstance(before, int) or isinstance(after, int):
        return list(range(before if isinstance(before, int) else len(before)))
    return [after.index(name) for name in before]


def axes_of(setting: Setting) -> dict[str, Sequence[str] | int]:
    """Names or length of every axis of the signal table in a run."""
    topology = setting.topology
    return {
        "compound": setting.compounds,
        "compartment": setting.compartments.names,
        "blocker": setting.blockers,
        "subunit": SUBUNITS,
        "nascent_stage": NASCENT_STAGES,
        "stage": STAGES,
        "population": topology.population_names if topology else (),
        "node": topology.n_nodes if topology else 0,
    }

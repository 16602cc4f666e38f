"""What ketamine at a constant unbound brain concentration does to the circuit, and to its neighbours."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import ketasim
from ketasim.documents import KetasimError
from ketasim.network.weights import WeightSet
from network_ensemble.priors import CLASSES

CONCENTRATIONS = (0.25, 0.5, 1.0, 4.0, 16.0)  # uM unbound
STEP = 1000  # h; the block of every subunit is then at its steady state for the gating of the last window
EXPERIMENT = {
    "format": 1,
    "duration": "1 h",
    # glutamate and autoreceptors answer to the step before and the one before that; with steps this long their answer
    # would overshoot and swing for many windows, were a window not to enter the estimates with a weight of only 0.3
    "schedule": {"step": f"{STEP} h", "skip": False, "memory": "5.8 s"},
    "doses": [{"drug": "ketamine", "route": "intravenous", "amount": "35 mg"}],
    # the circuit alone, as calibration C1 has it: block, glutamate, autoreceptors and extrasynaptic receptors
    "mechanisms": dict.fromkeys(
        (
            *("pharmacokinetics", "eef2", "bdnf", "trkb", "mtorc1", "synaptic_protein", "surface_ampa"),
            *("homeostatic_scaling", "inhibitory_plasticity", "synaptogenesis"),
        ),
        "off",
    ),
    "network": {"neurons": 1000},
}


class Protocol(NamedTuple):
    """Network times in s: baseline, windows, and how many of these are discarded at the start."""

    baseline: float = 5.0
    window: float = 2.5
    discarded: int = 4
    measured: int = 8


def clamped(
    concentration: float, weights: WeightSet, graph_seed: int, changes: Mapping[str, Any], mechanisms: Sequence[Any]
) -> ketasim.Simulation:
    """Return a circuit at rest that from now on has a constant concentration (uM) of racemic ketamine in the brain."""
    named = {name: f"{value} nS" for name, value in weights._asdict().items()}
    experiment = ketasim.Experiment.from_mapping(EXPERIMENT).replace(
        **{"seed": graph_seed, "network.weights": named, **changes}
    )
    simulation = ketasim.Simulation(experiment, mechanisms=mechanisms)
    simulation.measure_baseline()
    for index, name in enumerate(simulation.setting.compounds):
        if name in ("S-ketamine", "R-ketamine"):  # half of the racemate each; nothing else changes it
            simulation.signals["brain_concentration"][index] = 0.5 * concentration
    return simulation


def rates_at(
    concentration: float,
    weights: WeightSet,
    graph_seed: int,
    protocol: Protocol,
    *,
    changes: Mapping[str, Any] | None = None,
    mechanisms: Sequence[Any] = (),
) -> np.ndarray:
    """Return rates in Hz, (measured, classes), once the block has reached its fixed point.

    Parameters
    ----------
    concentration : float
        Unbound brain concentration of racemic ketamine, uM.
    weights : WeightSet
        Weights of the circuit.
    graph_seed : int
        Seed of graph and noise.
    protocol : Protocol
        Lengths and numbers of windows.
    changes : mapping, optional
        Further changes of the experiment.
    mechanisms : sequence of Mechanism
        Mechanisms in addition to the default ones.
    """
    windows = protocol.discarded + protocol.measured
    schedule = {
        "duration": f"{STEP * windows} h",
        "schedule.baseline": f"{protocol.baseline} s",
        "schedule.window": f"{protocol.window} s",
    }
    simulation = clamped(concentration, weights, graph_seed, schedule | dict(changes or {}), mechanisms)
    class_start, rates = simulation.network.graph.class_start, []
    for _ in range(windows):
        simulation.step()
        spikes = np.searchsorted(np.sort(simulation.window.spike_node), class_start)
        rates.append(np.diff(spikes) / np.diff(class_start) / protocol.window)
    return np.array(rates[protocol.discarded :])


def change(drug: np.ndarray, none: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Change in per cent of rates (windows, classes) against those of the same windows without drug, and its error.

    The error is that of the ratio of means over paired windows.
    """
    ratio = drug.mean(axis=0) / none.mean(axis=0)
    spread = (drug - ratio * none).std(axis=0, ddof=1) / np.sqrt(len(none)) / none.mean(axis=0)
    return 100.0 * (ratio - 1.0), 100.0 * spread


def response_row(weights: WeightSet, graph_seed: int, protocol: Protocol = Protocol()) -> dict[str, float]:  # noqa: B008
    """Changes of the rates with standard errors at every concentration; nan where the network runs away."""
    none, row = rates_at(0.0, weights, graph_seed, protocol), {}
    for concentration in CONCENTRATIONS:
        try:
            values, errors = change(rates_at(concentration, weights, graph_seed, protocol), none)
        except KetasimError:
            values = errors = np.full(len(CLASSES), np.nan)
        for index, name in enumerate(CLASSES):
            row[f"change_{name}_{concentration:g}"] = float(values[index])
            row[f"change_{name}_{concentration:g}_se"] = float(errors[index])
    return row

"""What is known about the weights without any drug, and how candidates are drawn from it.

Unitary sizes of the nine connections are those of Billeh 2020 (layer 2/3, the file that gives the probabilities of
contact); between layers of that file the same connection differs by up to 2.3. What is stored in the tables is the
conductance of a first spike in vivo, where release is weaker: a factor 0.4-1 of the size in vitro.

NMDA conductance decides the response to a blocker and is the least well known: the ratio of peak conductances (without
Mg) is log-uniform in 0.03-2, the same for all six glutamatergic connections, so that no class is favoured. The range
holds the hand-set tables of model circuits (0.02-0.07 for afferents, 2 in Brunel & Wang 2001) and what slices of
prefrontal cortex show (weak in fast-spiking cells, strong in pyramidal ones: Rotaru 2011).
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ketasim.kernels.formulas import MG_PER_MILLIVOLT
from ketasim.network.prefrontal_microcircuit import reference_in_degree
from ketasim.network.synapses import PREFRONTAL
from ketasim.network.weights import WeightSet

CLASSES = ("PYR", "PV", "SST")

#: mV at the soma in vitro, (source, target); excitatory from rest, inhibitory at `IPSP_VOLTAGE`.
PUBLISHED = {
    ("PYR", "PYR"): 0.36,
    ("PYR", "PV"): 1.49,
    ("PYR", "SST"): 0.86,
    ("PV", "PYR"): 0.48,
    ("PV", "PV"): 0.68,
    ("PV", "SST"): 0.42,
    ("SST", "PYR"): 0.31,
    ("SST", "PV"): 0.50,
    ("SST", "SST"): 0.15,
}
IPSP_VOLTAGE = -55.0  # mV, assumed
RATES = {"PYR": (0.5, 3.0), "PV": (4.0, 15.0), "SST": (3.0, 10.0)}  # Hz, calibration C0
IN_VIVO = (0.4, 1.0)
SIZE_FACTOR = (0.5, 2.0)
NMDA_RATIO = (0.03, 2.0)
FIRST_GATE = 1.0 - np.exp(-1.0)  # of the NMDA channels, opened by a first spike

#: mV, where the mean membrane of a cell that fires irregularly lies; only the solver's start depends on it.
TYPICAL_VOLTAGE = {"PYR": -55.0, "PV": -56.5, "SST": -54.5}


class Candidate(NamedTuple):
    """A draw. Afferent conductances are still to be solved for the target rates."""

    number: int
    in_vivo: float  # size in vivo over size in vitro
    local: dict[str, float]  # nS, the twelve conductances of the circuit
    afferent_ratio: tuple[float, ...]  # NMDA over AMPA of an afferent spike, by target class
    target: tuple[float, ...]  # Hz, by class


#: Candidates from this number on are those without it again, with the middle of C0 as their target.
CENTRED = 100_000


def draw(number: int, seed: int) -> Candidate:
    """Return candidate `number`, the same whatever else is drawn."""
    if number >= CENTRED:
        middle = tuple(float(np.sqrt(low * high)) for low, high in RATES.values())
        return draw(number - CENTRED, seed)._replace(number=number, target=middle)
    stream = np.random.SeedSequence(seed, spawn_key=(number,))
    uniform = iter(np.random.Generator(np.random.Philox(stream)).random(19))

    def log_uniform(low: float, high: float) -> float:
        return float(low * (high / low) ** next(uniform))

    in_vivo = float(IN_VIVO[0] + (IN_VIVO[1] - IN_VIVO[0]) * next(uniform))
    per_conductance = _sizes_of_a_tenth()
    local = {}
    for pair, size in PUBLISHED.items():
        name = f"{'ampa' if pair[0] == 'PYR' else 'gaba'}_{pair[0]}_{pair[1]}"
        local[name] = 0.1 * size * in_vivo * log_uniform(*SIZE_FACTOR) / abs(per_conductance[pair])
    for target in CLASSES:
        local[f"nmda_PYR_{target}"] = local[f"ampa_PYR_{target}"] * log_uniform(*NMDA_RATIO) / FIRST_GATE
    ratios = tuple(log_uniform(*NMDA_RATIO) for _ in CLASSES)
    return Candidate(number, in_vivo, local, ratios, tuple(log_uniform(*RATES[name]) for name in CLASSES))


def completed(candidate: Candidate, afferent_ampa: np.ndarray) -> WeightSet:
    """Return all weights, rounded as they are stored."""
    afferents = {}
    for index, name in enumerate(CLASSES):
        afferents[f"afferent_ampa_{name}"] = float(afferent_ampa[index])
        afferents[f"afferent_nmda_{name}"] = float(afferent_ampa[index] * candidate.afferent_ratio[index])
    return WeightSet(**{name: float(f"{value:.4g}") for name, value in {**candidate.local, **afferents}.items()})


def unitary_sizes(weights: dict[str, float]) -> dict[tuple[str, str], float]:
    """Peak of the potential that a first spike causes through a synapse of weight 1, mV, in a passive membrane.

    AMPA and NMDA with its Mg block at rest; GABA at `IPSP_VOLTAGE`, held there by a constant current.
    """
    cells, receptors, step = PREFRONTAL.cells, PREFRONTAL.receptors, 0.05
    pairs = list(PUBLISHED)
    excitatory = np.array([source == "PYR" for source, _ in pairs])
    start = np.array([cells[t].rest if s == "PYR" else IPSP_VOLTAGE for s, t in pairs])
    leak = np.array([cells[target].leak for _, target in pairs])
    capacitance = np.array([cells[target].capacitance for _, target in pairs])
    fast = np.array([weights[f"{'ampa' if s == 'PYR' else 'gaba'}_{s}_{t}"] for s, t in pairs])
    slow = np.array([FIRST_GATE * weights[f"nmda_PYR_{t}"] if s == "PYR" else 0.0 for s, t in pairs])
    gaba_time = {"PV": receptors.gaba_fast_time, "SST": receptors.gaba_slow_time}
    time = np.array([gaba_time.get(source, receptors.ampa_time) for source, _ in pairs])
    reversal = np.where(excitatory, 0.0, receptors.gaba_reversal)
    shares = np.array([cells[target].nmda_shares for _, target in pairs]).T
    voltage, peak = start.copy(), np.zeros(len(pairs))
    for count in range(1000):
        now = count * step
        current = -leak * (voltage - start) + fast * np.exp(-now / time) * (reversal - voltage)
        current -= slow * np.exp(-now / receptors.nmda_time) * _unblocked(voltage, shares) * voltage
        voltage = voltage + step * current / capacitance
        peak = np.where(np.abs(voltage - start) > np.abs(peak), voltage - start, peak)
    return dict(zip(pairs, peak.tolist(), strict=True))


def first_guess(candidate: Candidate) -> np.ndarray:
    """Afferent AMPA, nS by class, that balances the mean currents at the target rates: where the solver starts.

    Means of short-term plasticity are those of Tsodyks 1998, of the gate those of regular release.
    """
    receptors = PREFRONTAL.receptors
    guess = []
    for index, name in enumerate(CLASSES):
        cell, voltage = PREFRONTAL.cells[name], TYPICAL_VOLTAGE[name]
        rate = candidate.target[index] * 1e-3  # 1/ms
        needed = (cell.leak + cell.adaptation) * (voltage - cell.rest)  # pA
        needed += cell.adaptation_jump * cell.adaptation_time * rate
        unblocked = _unblocked(voltage, np.array(cell.nmda_shares))
        for source, source_rate in zip(CLASSES, candidate.target, strict=True):
            needed -= _mean_current(candidate, (source, name), source_rate * 1e-3, (voltage, unblocked))
        slow = candidate.afferent_ratio[index] * receptors.nmda_time * unblocked
        guess.append(needed / (-voltage * cell.afferent_rate * (receptors.ampa_time + slow)))
    return np.maximum(np.array(guess), 0.05)


def _mean_current(candidate: Candidate, pair: tuple[str, str], rate: float, membrane: tuple[float, float]) -> float:
    """Mean current in pA that a class sends to a cell held at a voltage; `rate` in 1/ms."""
    voltage, unblocked = membrane
    receptors, synapse = PREFRONTAL.receptors, PREFRONTAL.synapses[pair]
    rest_use = synapse.utilisation * receptors.utilisation_in_vivo
    use = rest_use * (1.0 + rate * synapse.facilitation) / (1.0 + rest_use * rate * synapse.facilitation)
    efficacy = use / (1.0 + use * rate * synapse.recovery) / rest_use
    synapses, (source, target) = reference_in_degree(*pair), pair
    if source != "PYR":
        time = receptors.gaba_slow_time if source == "SST" else receptors.gaba_fast_time
        conductance = candidate.local[f"gaba_{source}_{target}"] * efficacy * rate * time
        return synapses * conductance * (receptors.gaba_reversal - voltage)
    opened = (1.0 - np.exp(-efficacy)) * rate * receptors.nmda_time
    conductance = candidate.local[f"ampa_PYR_{target}"] * efficacy * rate * receptors.ampa_time
    conductance += candidate.local[f"nmda_PYR_{target}"] * opened / (1.0 + opened) * unblocked
    return -synapses * conductance * voltage


def _unblocked(voltage: np.ndarray | float, shares: np.ndarray) -> np.ndarray | float:
    """Fraction of NMDA conductance free of Mg, over the GluN2 subunits: shares are (4,) or (4, n)."""
    block = np.exp(MG_PER_MILLIVOLT * np.asarray(voltage))
    return sum(
        share / (1.0 + ratio * block) for share, ratio in zip(shares, PREFRONTAL.receptors.mg_over_half(), strict=True)
    )


@lru_cache
def _sizes_of_a_tenth() -> dict[tuple[str, str], float]:
    """Sizes in mV of 0.1 nS of each connection without NMDA."""
    names = [name for name in WeightSet._fields if not name.startswith("afferent")]
    return unitary_sizes({name: 0.0 if name.startswith("nmda") else 0.1 for name in names})

"""How the response to ketamine depends on which classes and receptors are blocked, and on who inhibits whom.

The concentration in the brain is held at 0.25 or 1 uM until block is steady. Arms: block everywhere; on one class or on
both interneuron classes only; of synaptic or of extrasynaptic receptors only; and everywhere in a circuit in which the
targets of PV and SST cells are exchanged at random. Prints and stores changes against each circuit's own baseline of
300 s, with standard errors over seeds; each seed has its own graph and afferent noise.

    python experiments/circuit_controls.py [SEEDS]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, NamedTuple

import matplotlib.pyplot as plt
import networkx
import numpy as np

import ketasim
from ketasim.network.prefrontal_microcircuit import prefrontal_microcircuit

RESULTS = Path(__file__).parent / "results"
CONCENTRATIONS = (0.25, 1.0)  # uM, unbound, both enantiomers together
ARMS = {
    "everywhere": [],
    "PYR only": ["mechanisms.nmda_blockade.cells=[PYR]"],
    "PV only": ["mechanisms.nmda_blockade.cells=[PV]"],
    "SST only": ["mechanisms.nmda_blockade.cells=[SST]"],
    "PV and SST": ["mechanisms.nmda_blockade.cells=[PV, SST]"],
    "synaptic only": ["mechanisms.nmda_blockade.receptors=synaptic"],
    "extrasynaptic only": ["mechanisms.nmda_blockade.receptors=extrasynaptic"],
    "targets shuffled": [],
}
QUANTITIES = {"firing_rate": "rate of", "vesicle_release": "release onto"}
CLASSES = ("PYR", "PV", "SST")


class HeldConcentration(NamedTuple):
    """Ketamine in the brain at one concentration, half of it each enantiomer."""

    ketamine: Annotated[float, "uM"] = 0.25


def advance(brain_concentration: np.ndarray, parameters: HeldConcentration, clock: object) -> None:
    """Set the concentration of S- and R-ketamine, which come first; metabolites are left out."""
    brain_concentration[:2] = parameters.ketamine / 2.0


HELD = ketasim.Mechanism("held_concentration", HeldConcentration, advance, writes=("brain_concentration",))


def shuffled_circuit(seed: int) -> networkx.DiGraph:
    """The default circuit with the targets of all inhibitory synapses exchanged at random, without duplicates."""
    circuit = prefrontal_microcircuit(1000, seed)
    names, factors = circuit.population_names, circuit.conductance_scale or {}
    scale = np.array([[factors.get((source, target), 1.0) for target in names] for source in names])
    weight = circuit.weight * scale[circuit.population[circuit.source], circuit.population[circuit.target]]
    graph = networkx.DiGraph()
    for node, population in enumerate(circuit.population):
        graph.add_node(node, population=circuit.population_names[population])
    rows = zip(circuit.source.tolist(), circuit.target.tolist(), weight.tolist(), circuit.delay.tolist(), strict=True)
    inhibitory = []
    for source, target, size, delay in rows:
        if circuit.population[source] == 0:
            graph.add_edge(source, target, weight=size, delay=delay)
        else:
            inhibitory.append((source, target, size, delay))
    generator = np.random.default_rng(seed)
    sources = np.array([edge[0] for edge in inhibitory])
    targets = np.array([edge[1] for edge in inhibitory])
    # exchange the targets of random pairs of synapses, unless that makes a duplicate or an autapse
    pairs = set(zip(sources.tolist(), targets.tolist(), strict=True))
    for first, second in generator.integers(0, len(inhibitory), (10 * len(inhibitory), 2)).tolist():
        old = (sources[first], targets[first]), (sources[second], targets[second])
        new = (sources[first], targets[second]), (sources[second], targets[first])
        if new[0] in pairs or new[1] in pairs or new[0] == new[1] or any(a == b for a, b in new):
            continue
        pairs -= set(old)
        pairs |= set(new)
        targets[first], targets[second] = targets[second], targets[first]
    for (source, _, size, delay), target in zip(inhibitory, targets.tolist(), strict=True):
        graph.add_edge(source, target, weight=size, delay=delay)
    return graph


def measure(task: tuple[str, float, int]) -> list[float]:
    """Relative changes of all quantities and classes, and the baseline's rates in Hz, for one arm and seed."""
    arm, concentration, seed = task
    changes = ["recording={}", f"seed={seed}", "duration=42 h", "mechanisms.pharmacokinetics=off"]
    # a memory of two windows: autoreceptors respond to the previous step and would oscillate without
    changes += ["schedule={baseline: 300 s, window: 5 s, memory: 10 s, step: 3 h, skip: false}"]
    changes += [f"mechanisms.held_concentration.ketamine={concentration} uM", *ARMS[arm]]
    graph = shuffled_circuit(seed) if arm == "targets shuffled" else None
    experiment = ketasim.load_experiment("human_infusion", changes, mechanisms=[HELD])
    rows = ketasim.run(experiment, graph=graph).dataset("population")
    steady = rows["time"].values > 12.1 * 3600.0  # after four steps of three hours
    found = []
    for name in QUANTITIES:
        windows = rows[f"{name}_window"].values
        found += (windows[steady].mean(axis=0) / windows[rows["time"].values < 0.0].mean(axis=0) - 1.0).tolist()
    return found + rows["firing_rate"].values[rows["time"].values < 0.0].mean(axis=0).tolist()


def main() -> None:
    """Run all arms, print and store the table, draw it."""
    seeds = range(1, 1 + int(sys.argv[1]) if len(sys.argv) > 1 else 9)
    tasks = [(arm, concentration, seed) for arm in ARMS for concentration in CONCENTRATIONS for seed in seeds]
    with ProcessPoolExecutor(max_workers=2) as pool:
        values = np.array(list(pool.map(measure, tasks))).reshape(len(ARMS), len(CONCENTRATIONS), len(seeds), -1)
    values[..., :6] *= 100.0
    means, errors = values.mean(axis=2), values.std(axis=2, ddof=1) / np.sqrt(len(seeds))
    columns = [f"{words} {name}, %" for words in QUANTITIES.values() for name in CLASSES]
    columns += [f"baseline rate of {name}, Hz" for name in CLASSES]
    with open(RESULTS / "circuit_controls.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("arm", "concentration_uM", "quantity", "mean", "standard_error", "seeds"))
        for i, arm in enumerate(ARMS):
            for j, concentration in enumerate(CONCENTRATIONS):
                for k, column in enumerate(columns):
                    row = (f"{means[i, j, k]:.3f}", f"{errors[i, j, k]:.3f}")
                    table.writerow((arm, concentration, column, *row, len(seeds)))
                text = "  ".join(f"{m:+.2f} +- {e:.2f}" for m, e in zip(means[i, j], errors[i, j], strict=True))
                print(f"{arm:<20} {concentration:g} uM  {text}")
    draw(means, errors)


def draw(means: np.ndarray, errors: np.ndarray) -> None:
    """Draw changes of the three rates, one panel per concentration."""
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained", sharey=True)
    for j, (panel, concentration) in enumerate(zip(panels, CONCENTRATIONS, strict=True)):
        for k, name in enumerate(CLASSES):
            places = np.arange(len(ARMS)) + 0.2 * (k - 1)
            panel.errorbar(places, means[:, j, k], errors[:, j, k], fmt="o", capsize=3, label=name)
        panel.axhline(0.0, color="0.5", lw=0.8)
        panel.set_xticks(range(len(ARMS)), list(ARMS), rotation=35, ha="right", fontsize=8)
        panel.set_title(f"{concentration:g} uM ketamine (model; not medical advice)", fontsize=10)
    panels[0].set_ylabel("change of rate against baseline (%)")
    panels[0].legend(frameon=False)
    figure.savefig(RESULTS / "circuit_controls.png", dpi=110)


if __name__ == "__main__":
    main()

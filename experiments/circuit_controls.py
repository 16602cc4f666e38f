"""How the response to ketamine depends on which classes and receptors are blocked, and on who inhibits whom.

The concentration in the brain is held at 0.25 or 1 uM until block is steady. Arms: block everywhere; on one class or on
both interneuron classes only; of synaptic or of extrasynaptic receptors only; and everywhere in a circuit in which the
targets of PV and SST cells are exchanged at random. Changes of windows after 12 h against the same windows without
ketamine, and rates without it, with standard errors over eight seeds, each with its own graph and afferent noise. The
cascade is off: with block held for hours, stronger and new synapses would hide what the circuit itself does.

    python experiments/circuit_controls.py [--quick] [--jobs N]
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, change_in_percent, options, store

import ketasim

KEY = "mechanisms.held_concentration.ketamine"
CONCENTRATIONS = {"0.25 uM": 0.25, "1 uM": 1.0}  # unbound, both enantiomers together
WITHOUT = "without ketamine"
ARMS = {
    "everywhere": {},
    "PYR only": {"mechanisms.nmda_blockade.cells": ["PYR"]},
    "PV only": {"mechanisms.nmda_blockade.cells": ["PV"]},
    "SST only": {"mechanisms.nmda_blockade.cells": ["SST"]},
    "PV and SST": {"mechanisms.nmda_blockade.cells": ["PV", "SST"]},
    "synaptic only": {"mechanisms.nmda_blockade.receptors": "synaptic"},
    "extrasynaptic only": {"mechanisms.nmda_blockade.receptors": "extrasynaptic"},
}
SHUFFLED = {"targets shuffled": {}}
CASCADE = ("eef2", "bdnf", "trkb", "mtorc1", "synaptic_protein", "surface_ampa")
CASCADE += ("homeostatic_scaling", "inhibitory_plasticity", "synaptogenesis")
QUANTITIES = {"firing_rate_window": "rate of", "vesicle_release_window": "release onto"}
CLASSES = ("PYR", "PV", "SST")


class HeldConcentration(NamedTuple):
    """Ketamine in the brain at one concentration, half of it each enantiomer."""

    ketamine: Annotated[float, "uM"] = 0.25


def advance(brain_concentration: np.ndarray, parameters: HeldConcentration, clock: object) -> None:
    """Set the concentration of S- and R-ketamine, which come first; metabolites are left out."""
    brain_concentration[:2] = parameters.ketamine / 2.0


HELD = ketasim.Mechanism("held_concentration", HeldConcentration, advance, writes=("brain_concentration",))


def main() -> None:
    """Run the default circuits and the shuffled ones, store the table and the figure."""
    chosen = options(__file__)
    changes = ["recording={}", f"duration={chosen.size('42 h', '18 h')}"]
    changes += [f"mechanisms.{name}=off" for name in ("pharmacokinetics", *CASCADE)]
    # a memory of two windows: autoreceptors respond to the previous step and would oscillate without
    changes += ["schedule={baseline: 300 s, window: 5 s, memory: 10 s, step: 3 h, skip: false}", *chosen.smaller]
    experiment = ketasim.load_experiment("human_infusion", changes, mechanisms=[HELD])
    seeds = list(range(1, 1 + chosen.size(8, 2)))
    files = [shuffled(experiment.replace(seed=seed), chosen.out / f"shuffled_{seed}.h5") for seed in seeds]
    design = {"zip": {"seed": seeds, "network": [{"file": str(file)} for file in files]}}
    sweeps = {"blocked": (ARMS, {"replicates": len(seeds)}), "shuffled": (SHUFFLED, {"design": design})}
    tables = []
    for name, (blocks, over) in sweeps.items():
        arms = {WITHOUT: {KEY: "0 uM"}}  # where nothing is blocked it does not matter where block would be
        arms |= {f"{arm}, {level}": block | {KEY: level} for arm, block in blocks.items() for level in CONCENTRATIONS}
        found = ketasim.sweep(experiment, arms=arms, jobs=chosen.jobs, out=chosen.out / name, **over)
        steady = found[[*QUANTITIES]].sel(time=slice(12.1 * 3600.0, None)).mean("time", keep_attrs=True)
        tables += [rows_of(steady, arm, len(seeds)) for arm in blocks]
    rows = pandas.concat(tables)
    store(rows, chosen, figure_of(rows))


def rows_of(steady, arm: str, seeds: int) -> pandas.DataFrame:
    """Return the changes of one arm, and its rates without ketamine."""
    rows, without = [], steady.sel(arm=WITHOUT)
    for level, concentration in CONCENTRATIONS.items():
        for name, words in QUANTITIES.items():
            change = change_in_percent(steady.sel(arm=f"{arm}, {level}"), without, name)
            rows += [(concentration, f"{words} {one}, %", *change.sel(population=one).values) for one in CLASSES]
    rates = ketasim.courses(steady.sel(arm=f"{arm}, 1 uM"), without, "firing_rate_window")["vehicle"]
    rows += [(0.0, f"rate of {one}, Hz", *rates.sel(population=one).values) for one in CLASSES]
    table = pandas.DataFrame(rows, columns=("concentration_uM", "quantity", "mean", "standard_error"))
    table.insert(0, "arm", arm)
    return table.assign(seeds=seeds)


def shuffled(experiment: ketasim.Experiment, file: Path) -> Path:
    """Write the circuit of an experiment with the targets of all inhibitory synapses exchanged at random."""
    circuit = ketasim.Simulation(experiment).topology
    names, factors = circuit.population_names, circuit.conductance_scale or {}
    scale = np.array([[factors.get((source, target), 1.0) for target in names] for source in names])
    # synapses keep their size, which depends on the classes that they connected before
    weight = circuit.weight * scale[circuit.population[circuit.source], circuit.population[circuit.target]]
    target = circuit.target.copy()
    pairs = set(zip(circuit.source.tolist(), target.tolist(), strict=True))
    inhibitory = np.flatnonzero(circuit.population[circuit.source] > 0)
    draws = np.random.default_rng(experiment.seed).choice(inhibitory, (10 * len(inhibitory), 2))
    for first, second in draws.tolist():
        sources, targets = circuit.source[[first, second]].tolist(), target[[first, second]].tolist()
        old, new = set(zip(sources, targets, strict=True)), set(zip(sources, targets[::-1], strict=True))
        if not new & pairs and all(a != b for a, b in new):  # neither a duplicate nor an autapse
            pairs -= old
            pairs |= new
            target[[first, second]] = targets[::-1]
    order = np.lexsort((target, circuit.source))
    edges = {"source": circuit.source[order], "target": target[order], "weight": weight[order]}
    edges["delay"] = circuit.delay[order]
    return ketasim.write_graph(replace(circuit, **edges, conductance_scale=None), file, force=True)


def figure_of(rows: pandas.DataFrame) -> plt.Figure:
    """Draw changes of the three rates, one panel per concentration."""
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained", sharey=True)
    of_levels = rows[rows["concentration_uM"] > 0.0].groupby("concentration_uM")
    for panel, (concentration, of_level) in zip(panels, of_levels, strict=True):
        for place, name in enumerate(CLASSES):
            of_class = of_level[of_level["quantity"] == f"rate of {name}, %"]
            places = np.arange(len(of_class)) + 0.2 * (place - 1)
            panel.errorbar(places, of_class["mean"], of_class["standard_error"], fmt="o", capsize=3, label=name)
        panel.axhline(0.0, color="0.5", lw=0.8)
        panel.set_xticks(range(len(of_class)), of_class["arm"], rotation=35, ha="right", fontsize=8)
        panel.set_title(f"{concentration:g} uM ketamine; {ADVICE}", fontsize=10)
    panels[0].set_ylabel("change of rate (%)")
    panels[0].legend(frameon=False)
    return figure


if __name__ == "__main__":
    main()

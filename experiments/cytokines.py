"""What ketamine does to cytokines after endotoxin, at doses of people and of rodents, by its measured potency.

A challenge of three hours and a dose at its begin; human 0.5 mg/kg over 40 min, rat 10 and 100 mg/kg into the
peritoneum. Peaks relative to rest, and by how much ketamine lowers the area above rest of a day, in per cent of the
vehicle's. Cytokines follow exposures and concentrations, not the network, so that there is no chance in it and a small
network will do.

    python experiments/cytokines.py [--quick] [--jobs N]
"""

import pandas
from common import RAT, SALINE, options, store

import ketasim

DOSES = {
    "human, 0.5 mg/kg": {},
    "rat, 10 mg/kg": RAT,
    "rat, 100 mg/kg": RAT | {"doses.0.amount": "100 mg/kg"},
}
CYTOKINES = {"IL-6": "il6", "TNF-alpha": "tnf", "IL-1beta": "il1b"}
CHALLENGE = {"kind": "immune_challenge", "start": "0 h", "duration": "3 h"}


def main() -> None:
    """Run all doses with their vehicles, store the table."""
    chosen = options(__file__)
    changes = ["duration=24 h", "recording={measures: false}", "network.neurons=60", "schedule.baseline=10 s"]
    experiment = ketasim.load_experiment("human_infusion", [*changes, "schedule.step=5 min"])
    experiment = experiment.replace(stimuli=[CHALLENGE])
    arms = DOSES | {f"{name}, vehicle": given | SALINE for name, given in DOSES.items()}
    found = ketasim.sweep(experiment, arms=arms, jobs=chosen.jobs, out=chosen.out).squeeze("seed")
    rows = []
    for dose in DOSES:
        for place in ("brain", "plasma"):
            for words, name in CYTOKINES.items():
                signal = found[f"{name}_{place}"].sel(time=slice(0.0, None)) - 1.0
                ours, theirs = (signal.sel(arm=arm).dropna("time") for arm in (dose, f"{dose}, vehicle"))
                areas = [float(one.integrate("time")) for one in (ours, theirs)]
                peaks = [1.0 + float(one.max()) for one in (theirs, ours)]
                rows.append((dose, place, words, *peaks, 100.0 * (areas[0] / areas[1] - 1.0)))
    store(pandas.DataFrame(rows, columns=("dose", "place", "cytokine", "peak", "peak_with_ketamine", "change")), chosen)


if __name__ == "__main__":
    main()

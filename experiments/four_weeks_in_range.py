"""Whether any signal leaves its physical range in four weeks of each schedule, and how dense local wiring becomes.

One seed, a human, everything on, windows as the examples have them: six infusions, nasal esketamine twice a week, daily
high doses by the nose, escitalopram daily, three weeks of stress with an infusion as it ends, endotoxin every week, and
a vehicle. The lowest and highest value of every signal of the subject and of classes; and the fraction of pyramidal
cells that receive from more than 0.35 of their neighbours within 25 um, where contacts are most likely (without the
sheet's seam), at the start and at the end.

    python experiments/four_weeks_in_range.py [--quick] [--jobs N]
"""

import numpy as np
import pandas
from common import options, store

import ketasim

#: Bounds that a signal must keep; all others at least zero.
BOUNDS = {"nmda_block": (0.0, 1.0), "autoreceptor_inhibition": (-1.0, 1.0), "homeostatic_scale": (0.5, 2.0)}
BOUNDS |= {"spine_density": (0.0, 1.5), "spine_density_circuit": (0.0, 1.5), "firing_rate": (0.0, 200.0)}
BOUNDS |= {"madrs": (0.0, 60.0), "dissociation": (0.0, 92.0), "mood": (-10.0, 10.0), "reward": (-1.0, 1.0)}
BOUNDS |= {"synaptic_strength": (-0.5, 0.5), "reward_process": (-1.0, 1.0), "liability": (0.0, 1.0)}
ESTIMATES = ("_standard_error", "_window")
INFUSION = {"drug": "ketamine", "route": "intravenous", "amount": "0.5 mg/kg", "duration": "40 min"}


def given(drug: str, route: str, amount: str, every: str, count: int) -> dict:
    """Return an arm of repeated doses."""
    return {"doses": [{"drug": drug, "route": route, "amount": amount, "repeat": {"every": every, "count": count}}]}


ARMS = {
    "six infusions": {"doses": [INFUSION | {"start": f"{day} d"} for day in (0, 2, 4, 7, 9, 11)]},
    "vehicle": {"doses": [INFUSION | {"drug": "saline"}]},
    "esketamine, 84 mg nasal twice a week": given("esketamine", "intranasal", "84 mg", "3.5 d", 8),
    "ketamine, 500 mg nasal daily": given("ketamine", "intranasal", "500 mg", "1 d", 28),
    "escitalopram, 20 mg daily": given("escitalopram", "oral", "20 mg", "1 d", 28),
    "stress, then infusion": {
        "stimuli": [{"kind": "stress", "start": "0 d", "duration": "21 d"}],
        "doses": [INFUSION | {"start": "21 d"}],
    },
    "endotoxin every week": {
        "stimuli": [{"kind": "immune_challenge", "start": f"{day} d", "duration": "3 h"} for day in (0, 7, 14, 21)],
        "doses": [],
    },
}


def main() -> None:
    """Run, store ranges and shares."""
    chosen = options(__file__)
    days = chosen.size(28, 12)
    risk = [f"mechanisms.{name}=on" for name in ("tolerance", "liability")]
    changes = [f"duration={days} d", "recording={measures: false}", "schedule.spacing=3 h", *risk, *chosen.smaller]
    experiment, rows = ketasim.load_experiment("human_infusion", changes), []
    arms = {name: ARMS[name] for name in list(ARMS)[: chosen.size(None, 2)]}
    found = ketasim.sweep(experiment, arms=arms, jobs=chosen.jobs, out=chosen.out, keep="file")
    for arm in arms:
        for name, array in found.sel(arm=arm).data_vars.items():
            if "time" in array.dims and "compound" not in array.dims and not name.endswith(ESTIMATES):
                low, high = float(array.min()), float(array.max())
                least, most = BOUNDS.get(name, (0.0, np.inf))
                inside = "yes" if least <= low <= high <= most else "no"
                rows.append((arm, name, low, high, array.attrs["units"], inside))
    files = ketasim.sweep_runs(chosen.out).set_index("arm")["file"]
    for arm in arms:
        with ketasim.open_trajectory(files[arm]) as trajectory:
            for day in (0, days):
                share = crowding(trajectory.topology(f"{day} d"))
                words = f"share of PYR with p over 0.35 within 25 um, day {day}"
                rows.append((arm, words, share, share, "1", "yes"))
    store(pandas.DataFrame(rows, columns=("arm", "signal", "lowest", "highest", "unit", "inside")), chosen)


def crowding(graph) -> float:
    """Fraction of pyramidal cells that receive from more than 0.35 of their neighbours within 25 um."""
    n = graph.sizes["PYR"]
    near = np.linalg.norm(graph.position[:n, None] - graph.position[None, :n], axis=2) < 25.0
    inside = (graph.source < n) & (graph.target < n)
    connected = np.zeros((n, n), bool)
    connected[graph.source[inside], graph.target[inside]] = True
    return float(((connected & near).sum(axis=0) > 0.35 * (near.sum(axis=0) - 1)).mean())


if __name__ == "__main__":
    main()

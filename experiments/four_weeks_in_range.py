"""Whether any signal leaves its physical range in four weeks with six infusions, and how dense local wiring becomes.

One seed: the lowest and highest class mean of every recorded signal, and the fraction of pyramidal cells that receive
from more than 0.35 of their neighbours within 25 um, where contacts are most likely (without the sheet's seam), at the
start and at the end.

    python experiments/four_weeks_in_range.py [--quick] [--jobs N]
"""

import numpy as np
import pandas
from common import options, store

import ketasim

#: Bounds that a signal must keep; all others at least zero.
BOUNDS = {"nmda_block": (0.0, 1.0), "autoreceptor_inhibition": (-1.0, 1.0), "homeostatic_scale": (0.5, 2.0)}
BOUNDS |= {"spine_density": (0.0, 1.5), "spine_density_circuit": (0.0, 1.5), "firing_rate": (0.0, 200.0)}


def main() -> None:
    """Run, store ranges and shares."""
    chosen = options(__file__)
    days = chosen.size(28, 12)
    changes = [f"duration={days} d", "recording={measures: false}", "schedule.spacing=0 s", *chosen.smaller]
    experiment, rows = ketasim.load_experiment("six_infusions", changes), []
    found = ketasim.sweep(experiment, jobs=chosen.jobs, out=chosen.out, keep="file")
    for name, array in found.data_vars.items():
        of_class = "population" in array.dims and not name.endswith(("_standard_error", "_window"))
        if of_class:
            low, high = float(array.min()), float(array.max())
            least, most = BOUNDS.get(name, (0.0, np.inf))
            inside = "yes" if least <= low <= high <= most else "no"
            rows.append((name, low, high, array.attrs["units"], inside))
    with ketasim.open_trajectory(ketasim.sweep_runs(chosen.out)["file"][0]) as trajectory:
        for day in (0, days):
            share = crowding(trajectory.topology(f"{day} d"))
            rows.append((f"share of PYR with p over 0.35 within 25 um, day {day}", share, share, "1", "yes"))
    store(pandas.DataFrame(rows, columns=("signal", "lowest", "highest", "unit", "inside")), chosen)


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

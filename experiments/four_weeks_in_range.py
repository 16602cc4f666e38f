"""Whether any signal leaves its physical range in four weeks with six infusions, and how dense local wiring becomes.

One seed. Prints and stores the lowest and highest class mean of every recorded signal, and the fraction of pyramidal
cells that receive from more than 0.35 of their neighbours within 25 um, where contacts are most likely (without the
sheet's seam), at the start and at the end.

    python experiments/four_weeks_in_range.py
"""

import csv
from pathlib import Path

import numpy as np

import ketasim

RESULTS = Path(__file__).parent / "results"
#: Bounds that a signal must keep; all others at least zero.
BOUNDS = {"nmda_block": (0.0, 1.0), "autoreceptor_inhibition": (-1.0, 1.0), "homeostatic_scale": (0.5, 2.0)}
BOUNDS |= {"spine_density": (0.0, 1.5), "spine_density_circuit": (0.0, 1.5), "firing_rate": (0.0, 200.0)}


def crowding(graph) -> float:
    """Fraction of pyramidal cells that receive from more than 0.35 of their neighbours within 25 um."""
    n = graph.sizes["PYR"]
    near = np.linalg.norm(graph.position[:n, None] - graph.position[None, :n], axis=2) < 25.0
    inside = (graph.source < n) & (graph.target < n)
    connected = np.zeros((n, n), bool)
    connected[graph.source[inside], graph.target[inside]] = True
    return float(((connected & near).sum(axis=0) > 0.35 * (near.sum(axis=0) - 1)).mean())


def main() -> None:
    """Run, check, print and store."""
    trajectory = ketasim.run(ketasim.load_experiment("six_infusions", ["recording={measures: false}"]))
    signals, rows = trajectory.dataset("population"), []
    for name, array in signals.items():
        if str(name).endswith(("_standard_error", "_window")) or name in ("network_memory", "network_sampled"):
            continue
        low, high = float(np.nanmin(array)), float(np.nanmax(array))
        least, most = BOUNDS.get(str(name), (0.0, np.inf))
        rows.append(
            (name, f"{low:.5g}", f"{high:.5g}", array.attrs["units"], "yes" if least <= low <= high <= most else "no")
        )
    for day in (0, 28):
        share = crowding(trajectory.topology(f"{day} d"))
        rows.append(
            (f"share of PYR with p over 0.35 within 25 um, day {day}", f"{share:.4f}", f"{share:.4f}", "1", "yes")
        )
    with open(RESULTS / "four_weeks_in_range.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("signal", "lowest", "highest", "unit", "inside"))
        writer.writerows(rows)
    for row in rows:
        print(*row)


if __name__ == "__main__":
    main()

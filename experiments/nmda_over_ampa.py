"""Disinhibition where NMDA over AMPA onto pyramidal cells is what slices show, with and without cortical afferents.

Miniature currents of prefrontal pyramidal cells have 0.27 (Myme 2003); the default circuit has 0.20 in itself and 0.05
at afferents. Here all accepted sets with both ratios within a factor of two of 0.27: ketamine is held at 0.5 uM unbound
for hours, as in calibration C1, with plasticity off and shares of afferents that follow the pyramidal cells. Stored: in
how many sets each class goes up or down, against the vehicle, by more than two standard errors of windows.

    python experiments/nmda_over_ampa.py [--quick] [--jobs N]
"""

import numpy as np
import pandas
from common import options, store
from network_ensemble.priors import FIRST_GATE

import ketasim
from ketasim.network.weights import stored_sets

PUBLISHED, FACTOR = 0.27, 2.0
SHARE = "mechanisms.cortical_afferents.share"
SETTLED = slice(4 * 3600.0, 8 * 3600.0)


def main() -> None:
    """Run all sets, store counts of directions."""
    chosen = options(__file__)
    c1 = ketasim.load_findings()["C1"]
    changes = {"doses.0.duration": "8 h", "network.neurons": chosen.size(1000, 300)}
    experiment = c1.experiment("0.5 uM").replace(duration="8 h", **changes)
    varied = {SHARE: chosen.size([0, 0.3, 0.5], [0, 0.3]), "network.weights": near()[: chosen.size(None, 3)]}
    arms = {"drug": {}, "vehicle": {"doses.0.drug": "saline"}}
    found = ketasim.sweep(experiment, varied, arms=arms, jobs=chosen.jobs, out=chosen.out)["firing_rate"]
    rows = []
    for share in varied[SHARE]:
        drug, rest = (found.sel({SHARE: share, "arm": arm}).squeeze("seed").sel(time=SETTLED) for arm in arms)
        for name in drug["population"].values:
            ratio = (drug / rest.mean("time")).sel(population=name)
            change, error = ratio.mean("time").values - 1.0, ratio.std("time").values / np.sqrt(ratio["time"].size)
            known = ~np.isnan(change)
            up, down = (int((sign * change[known] > 2.0 * error[known]).sum()) for sign in (1, -1))
            middle = 100.0 * np.median(change[known])
            rows.append((share, name, int(known.sum()), int((~known).sum()), up, down, middle))
    columns = ("share", "class", "sets", "ran_away", "up", "down", "median_change_percent")
    store(pandas.DataFrame(rows, columns=columns), chosen, failed=True)


def near() -> list[int]:
    """Return the accepted sets with both ratios onto pyramidal cells near the published one."""
    found = []
    for number, row in stored_sets().items():
        circuit = FIRST_GATE * row["nmda_PYR_PYR"] / row["ampa_PYR_PYR"]
        afferents = row["afferent_nmda_PYR"] / row["afferent_ampa_PYR"]
        if all(PUBLISHED / FACTOR <= ratio <= PUBLISHED * FACTOR for ratio in (circuit, afferents)):
            found.append(number)
    return sorted(found)


if __name__ == "__main__":
    main()

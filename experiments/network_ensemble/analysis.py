"""What the ensemble says: fractions in each direction, and what separates sets that go up from those that go down."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from network_ensemble.choice import ERRORS, LOW_DOSE, agrees, agrees_with_c1
from network_ensemble.priors import CLASSES, FIRST_GATE
from network_ensemble.responses import CONCENTRATIONS

SHARES = tuple(f"{kind}_{name}" for kind in ("nmda_share", "afferent_nmda_share") for name in CLASSES)


def direction(row: dict[str, Any], name: str, concentration: float) -> int:
    """1 or -1 where the rate of a class moves beyond two standard errors, else 0; -2 where the circuit ran away."""
    key = f"change_{name}_{concentration:g}"
    value, error = float(row[key]), float(row[f"{key}_se"])
    if not np.isfinite(value):
        return -2
    return int(np.sign(value)) if abs(value) > ERRORS * error else 0


def fractions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fractions of the sets in each direction, with binomial standard errors, and the fraction that meets C1's band."""
    found = []
    for concentration in CONCENTRATIONS:
        line: dict[str, Any] = {"concentration_uM": concentration, "sets": len(rows)}
        for name in CLASSES:
            ways = np.array([direction(row, name, concentration) for row in rows])
            for words, way in (("up", 1), ("unclear", 0), ("down", -1)):
                line |= _fraction(f"{name}_{words}", ways == way)
        line |= _fraction("in_c1_band", np.array([agrees(row, concentration) for row in rows]))
        found.append(line)
    return found


def agreement(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Fraction of the sets that agree with C1 at both ends of its range."""
    return _fraction("agrees_c1", np.array([agrees_with_c1(row) for row in rows]))


def _fraction(name: str, which: np.ndarray) -> dict[str, float]:
    share = float(which.mean())
    return {name: share, f"{name}_se": float(np.sqrt(share * (1.0 - share) / which.size))}


#: What one might conclude from the circuit, each a yes or no for one set.
CONCLUSIONS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "PYR up at 0.25 uM": lambda row: direction(row, "PYR", 0.25) == 1,
    "PYR up at 0.5 uM": lambda row: direction(row, "PYR", 0.5) == 1,
    "PYR up at 4 uM": lambda row: direction(row, "PYR", 4.0) == 1,
    "PYR up at 16 uM": lambda row: direction(row, "PYR", 16.0) == 1,
    "PV down at 0.5 uM": lambda row: direction(row, "PV", 0.5) == -1,
    "SST down at 0.5 uM": lambda row: direction(row, "SST", 0.5) == -1,
    "PV or SST down at 0.5 uM": lambda row: -1 in (direction(row, "PV", 0.5), direction(row, "SST", 0.5)),
    "SST loses more than PV at 0.5 uM": lambda row: float(row["change_SST_0.5"]) < float(row["change_PV_0.5"]),
    "PYR up at a low and down at a high concentration": lambda row: (
        direction(row, "PYR", 0.5) == 1 and direction(row, "PYR", 16.0) == -1
    ),
    "PYR almost silent (less than a tenth) at 16 uM": lambda row: float(row["change_PYR_16"]) < -90.0,
    "the same direction of PYR at 0.25 and 1 uM": lambda row: (
        direction(row, "PYR", 0.25) == direction(row, "PYR", 1.0) != 0
    ),
}

#: Published for pyramidal cells of layer 2/3 of prefrontal and visual cortex, without Mg: Myme 2003.
PYR_RATIO = 0.27


def conclusions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fraction of sets in which each conclusion holds: all, those that agree with C1, and those near `PYR_RATIO`.

    Near: both NMDA/AMPA ratios onto pyramidal cells, of the circuit and of afferents, within a factor of 2.
    """
    groups = {
        "all": rows,
        "agree_with_c1": [row for row in rows if agrees_with_c1(row)],
        "near_published_ratio": [row for row in rows if near_published_ratio(row)],
    }
    found = []
    for words, holds in CONCLUSIONS.items():
        line: dict[str, Any] = {"conclusion": words}
        for name, members in groups.items():
            line |= {f"{name}_sets": len(members)}
            line |= _fraction(name, np.array([holds(row) for row in members])) if members else {}
        found.append(line)
    return found


def near_published_ratio(row: dict[str, Any]) -> bool:
    """Whether both NMDA/AMPA ratios onto pyramidal cells are within a factor of 2 of the published one."""
    local = FIRST_GATE * float(row["nmda_PYR_PYR"]) / float(row["ampa_PYR_PYR"])
    afferent = float(row["afferent_nmda_PYR"]) / float(row["afferent_ampa_PYR"])
    return all(0.5 < ratio / PYR_RATIO < 2.0 for ratio in (local, afferent))


def mean_change(row: dict[str, Any], name: str = "PYR") -> float:
    """Change of a class's rate in per cent, mean of 0.25 and 0.5 uM."""
    return float(np.mean([float(row[f"change_{name}_{concentration:g}"]) for concentration in LOW_DOSE]))


def separation(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What goes with the pyramidal response: rank correlation and standardised difference of up against down.

    Quantities are the weights and target rates (as logarithms) and shares of NMDA. `p` is that of the rank correlation,
    times the number of quantities. The standardised difference is (mean of up - mean of down) / SD of all.
    """
    rows = [row for row in rows if np.isfinite(mean_change(row))]
    change = np.array([mean_change(row) for row in rows])
    ways = np.array([direction(row, "PYR", LOW_DOSE[1]) for row in rows])
    found = []
    for name, values in _quantities(rows).items():
        result = stats.spearmanr(values, change)
        up, down = values[ways == 1], values[ways == -1]
        found.append(
            {
                "quantity": name,
                "rank_correlation": float(result.statistic),
                "p": float(min(1.0, result.pvalue * len(_quantities(rows)))),
                "standardised_difference": float((up.mean() - down.mean()) / values.std()),
                "difference_se": float(np.sqrt(up.var() / up.size + down.var() / down.size) / values.std()),
            }
        )
    return sorted(found, key=lambda line: -abs(line["rank_correlation"]))


def _quantities(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Name -> (sets,) values: NMDA to AMPA ratios in place of NMDA, so that one quantity tells one thing."""
    column = {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if rows[0][name] != ""}
    found = {}
    for name in CLASSES:
        found[f"AMPA PYR to {name}"] = np.log(column[f"ampa_PYR_{name}"])
        found[f"NMDA/AMPA PYR to {name}"] = np.log(column[f"nmda_PYR_{name}"] / column[f"ampa_PYR_{name}"])
        found[f"afferent AMPA of {name}"] = np.log(column[f"afferent_ampa_{name}"])
        found[f"afferent NMDA/AMPA of {name}"] = np.log(
            column[f"afferent_nmda_{name}"] / column[f"afferent_ampa_{name}"]
        )
        for source in ("PV", "SST"):
            found[f"GABA {source} to {name}"] = np.log(column[f"gaba_{source}_{name}"])
        found[f"rate of {name}"] = np.log(column[f"rate_{name}"])
        found[f"NMDA share of excitation of {name}"] = column[f"nmda_share_{name}"]
        found[f"share of afferents in NMDA of {name}"] = column[f"afferent_nmda_share_{name}"]
    found["NMDA share, SST less PYR"] = column["nmda_share_SST"] - column["nmda_share_PYR"]
    found["NMDA share, PV less PYR"] = column["nmda_share_PV"] - column["nmda_share_PYR"]
    return found

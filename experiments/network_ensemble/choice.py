"""Which accepted sets agree with calibration C1, and how robust they are: the rule that selects the default."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ketasim.documents import KetasimError
from ketasim.network.weights import WeightSet
from network_ensemble.priors import CLASSES, RATES, Candidate
from network_ensemble.responses import Protocol, change, rates_at
from network_ensemble.resting import Resting, solve

LOW_DOSE = (0.25, 0.5)  # uM, the range of calibration C1
PYR_UP = (3.0, 40.0)  # %
ERRORS = 2.0  # a change counts as one if it is larger than this many standard errors
WIDTH = 0.2  # neighbours move every weight within 20 %
AFFERENT_WIDTH = 0.07  # in the second variant afferent AMPA within 7 %: rates depend steeply on it
RESTORED = "all within 20 %, rates restored"  # afferent AMPA is then solved again for the set's own resting rates
VARIANTS = {"all within 20 %": WIDTH, "afferent AMPA within 7 %": AFFERENT_WIDTH, RESTORED: WIDTH}
DEMANDED = 0.8
_SHORT = Protocol(baseline=4.0, window=2.0, discarded=2, measured=3)


def agrees(row: Mapping[str, Any], concentration: float) -> bool:
    """Whether pyramidal cells fire 3-40 % more and an interneuron class less, beyond two standard errors."""

    def found(name: str) -> tuple[float, float]:
        key = f"change_{name}_{concentration:g}"
        return float(row[key]), float(row[f"{key}_se"])

    up, error = found("PYR")
    down = [value < -ERRORS * its_error for value, its_error in (found("PV"), found("SST"))]
    return PYR_UP[0] <= up <= PYR_UP[1] and up > ERRORS * error and any(down)


def agrees_with_c1(row: Mapping[str, Any]) -> bool:
    """Whether a set agrees with calibration C1 at both ends of its range of concentrations."""
    return all(agrees(row, concentration) for concentration in LOW_DOSE)


def neighbour(
    weights: WeightSet, place: tuple[int, int], seed: int, afferent_width: float, width: float = WIDTH
) -> WeightSet:
    """Return a neighbour: each weight times a factor, log-uniform between 1 - width and 1 + width.

    Parameters
    ----------
    weights : WeightSet
        Weights of the set.
    place : (int, int)
        Numbers of the candidate and of its neighbour, which key the draws; these are the same for every width.
    seed : int
        Seed of the draws.
    afferent_width : float
        In place of `width` for afferent AMPA.
    width : float
        Largest relative change.

    Returns
    -------
    WeightSet
        Weights of the neighbour.
    """
    stream = np.random.SeedSequence(seed, spawn_key=(*place, 1))
    uniform = np.random.Generator(np.random.Philox(stream)).random(len(weights))
    moved = {}
    for (name, value), part in zip(weights._asdict().items(), uniform, strict=True):
        reach = afferent_width if name.startswith("afferent_ampa") else width
        moved[name] = float(f"{value * (1.0 - reach) * ((1.0 + reach) / (1.0 - reach)) ** part:.4g}")
    return WeightSet(**moved)


def rest(weights: WeightSet, graph_seed: int) -> dict[str, Any]:
    """Return whether a neighbour rests inside C0, and its rates over 6 s."""
    circuit = Resting(weights, graph_seed)
    circuit.run(2.0)
    rates = circuit.rates(6.0)
    inside = all(low < rate < high for rate, (low, high) in zip(rates, RATES.values(), strict=True))
    named = {f"rate_{name}": min(float(value), 999.0) for name, value in zip(CLASSES, rates, strict=True)}
    return {"inside_c0": int(inside), **named}


def behaviour(weights: WeightSet, graph_seed: int) -> dict[str, Any]:
    """Return whether a neighbour rests inside C0 and whether its pyramidal cells then fire more at 0.5 uM."""
    row: dict[str, Any] = {"up": 0, "change_PYR": float("nan"), "change_PYR_se": float("nan")}
    row |= rest(weights, graph_seed)
    if not row["inside_c0"]:
        return row
    try:
        none = rates_at(0.0, weights, graph_seed, _SHORT)
        values, errors = change(rates_at(LOW_DOSE[1], weights, graph_seed, _SHORT), none)
    except KetasimError:
        return row
    return row | {"up": int(values[0] > 0.0), "change_PYR": float(values[0]), "change_PYR_se": float(errors[0])}


def restored(moved: WeightSet, rates: Sequence[float], graph_seed: int) -> WeightSet | None:
    """Return a neighbour with afferents solved for these resting rates, as homeostasis would; None if it has none."""
    values = moved._asdict()
    local = {name: value for name, value in values.items() if not name.startswith("afferent")}
    ratios = tuple(values[f"afferent_nmda_{name}"] / values[f"afferent_ampa_{name}"] for name in CLASSES)
    return solve(Candidate(0, 1.0, local, ratios, tuple(rates)), graph_seed).weights


def pass_fractions(rows: list[dict[str, str]]) -> dict[tuple[int, str], tuple[float, int]]:
    """(candidate, variant) -> fraction of its neighbours that pass (at rest, without drug) and their number."""
    passed: dict[tuple[int, str], list[bool]] = {}
    for row in rows:
        key = int(row["candidate"]), row["variant"]
        passed.setdefault(key, []).append(row["inside_c0"] == "1" and row.get("up", "1") == "1")
    return {key: (float(np.mean(values)), len(values)) for key, values in passed.items()}


def ranking(rows: list[dict[str, str]]) -> list[int]:
    """Candidates whose neighbours were measured, most robust first: by the mean fraction over all variants."""
    fractions = pass_fractions(rows)
    candidates = sorted({candidate for candidate, _ in fractions})
    return sorted(candidates, key=lambda one: -sum(fractions.get((one, name), (0.0, 0))[0] for name in VARIANTS))

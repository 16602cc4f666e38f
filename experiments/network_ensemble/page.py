"""Tables of docs/network_choice.md, made of the stored tables and written between the page's markers."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ketasim.network.weights import WeightSet
from network_ensemble.choice import VARIANTS, pass_fractions, ranking
from network_ensemble.decomposition import ARMS, COURSE_MINUTES
from network_ensemble.priors import CENTRED, CLASSES, PUBLISHED, unitary_sizes
from network_ensemble.responses import CONCENTRATIONS
from network_ensemble.tables import read

PAGE = Path(__file__).parents[2] / "docs" / "network_choice.md"

#: Weights that were set by hand and used before.
HAND_SET = WeightSet(
    0.071, 0.126, 0.060, 0.039, 0.124, 0.080, 1.35, 1.59, 0.3, 1.36, 0.188, 0.2, 1.8, 1.1, 2.2, 0.10, 0.016, 0.05
)


def filled(page: str) -> str:
    """Return the page with every table between its markers, ``<!-- name -->`` and ``<!-- end -->``."""
    for name, make in TABLES.items():
        new = f"<!-- {name} -->\n{make()}\n<!-- end -->"
        page, found = re.subn(rf"<!-- {name} -->.*?<!-- end -->", lambda _, new=new: new, page, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"{PAGE.name} has {found} places for the table of {name}")
    return page


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _percent(share: str, error: str) -> str:
    return f"{100 * float(share):.0f} ± {100 * float(error):.0f} %"


def _signed(values: np.ndarray) -> str:
    """Mean and standard error of changes in per cent."""
    return f"{values.mean():+.1f} ± {values.std(ddof=1) / np.sqrt(values.size):.1f}"


def _sizes() -> str:
    chosen = _chosen()
    hand, new = unitary_sizes(HAND_SET._asdict()), {f"{s}_{t}": float(chosen[f"size_{s}_{t}"]) for s, t in PUBLISHED}
    in_vivo = float(chosen["in_vivo"])
    rows = [
        [
            f"{s} to {t}",
            f"{size:.2f}",
            f"{abs(hand[s, t]):.2f}",
            f"{abs(hand[s, t]) / size:.2f}",
            f"{abs(new[f'{s}_{t}']) * in_vivo:.2f}",
            f"{abs(new[f'{s}_{t}']) * in_vivo / size:.2f}",
        ]
        for (s, t), size in PUBLISHED.items()
    ]
    return _markdown(["", "published", "set by hand", "over published", "default now", "over published"], rows)


def _counts() -> str:
    drawn = [row for row in read("candidates.csv") if int(row["candidate"]) < CENTRED]
    outcomes = Counter(row["outcome"] for row in drawn)
    solver = {
        "accepted": "accepted",
        "runs away": "the circuit runs away (a class above 60 Hz) three times",
        "target not reached": "the solver does not reach the target rates within 15 % in 12 steps",
        "needs no afferents": "the local circuit alone fires a class above its target",
    }
    rows = [[words, str(outcomes.pop(name, 0))] for name, words in solver.items()]
    first_reason: Counter[str] = Counter()
    for outcome, number in outcomes.items():
        first_reason[outcome.split()[0]] += number
    rows += [[f"solved, but over 30 s refused, first for: {name}", str(n)] for name, n in first_reason.most_common()]
    return _markdown(["outcome", f"of {len(drawn)} candidates"], rows)


def _fractions() -> str:
    head = ["uM", *(f"{name} {words}" for name in CLASSES for words in ("up", "down")), "inside the band of C1"]
    names = [f"{name}_{words}" for name in CLASSES for words in ("up", "down")] + ["in_c1_band"]
    rows = [
        [row["concentration_uM"], *(_percent(row[name], row[f"{name}_se"]) for name in names)]
        for row in read("fractions.csv")
    ]
    return _markdown(head, rows)


def _separation() -> str:
    rows = [
        [
            row["quantity"],
            f"{float(row['rank_correlation']):+.2f}",
            "< 0.001" if float(row["p"]) < 1e-3 else f"{float(row['p']):.2g}",
            f"{float(row['standardised_difference']):+.2f} ± {float(row['difference_se']):.2f}",
        ]
        for row in read("separation.csv")[:10]
    ]
    return _markdown(["quantity", "rank correlation", "p", "up less down, SD"], rows)


def _robustness() -> str:
    rows, neighbours = [], read("neighbours.csv")
    fractions = pass_fractions(neighbours)
    responses = {int(row["candidate"]): row for row in read("responses.csv")}
    for candidate in ranking(neighbours)[:6]:
        cells = [_name(candidate)]
        for variant in VARIANTS:
            members = [row for row in neighbours if (int(row["candidate"]), row["variant"]) == (candidate, variant)]
            inside = sum(row["inside_c0"] == "1" for row in members)
            share, number = fractions.get((candidate, variant), (0.0, 0))
            cells.append(f"{inside}, {round(share * number)} of {number}" if number else "")
        row = responses[candidate]
        for level in ("0.25", "0.5"):
            value, error = (float(row[f"change_PYR_{level}{suffix}"]) for suffix in ("", "_se"))
            cells.append(f"{value:+.1f} ± {error:.1f}")
        rows.append(cells)
    return _markdown(["candidate", *VARIANTS, "PYR at 0.25 uM, %", "PYR at 0.5 uM, %"], rows)


def _name(candidate: int) -> str:
    return f"{candidate - CENTRED}, centred" if candidate >= CENTRED else str(candidate)


def _default() -> str:
    chosen = str(ranking(read("neighbours.csv"))[0])
    graphs = [row for row in read("graphs.csv") if row["candidate"] == chosen]
    rows = [["rest, Hz", *(_hertz(np.array([float(row[f"rate_{name}"]) for row in graphs])) for name in CLASSES)]]
    for level in CONCENTRATIONS:
        values = {name: np.array([float(row[f"change_{name}_{level:g}"]) for row in graphs]) for name in CLASSES}
        rows.append([f"{level:g} uM, %", *(_signed(values[name]) for name in CLASSES)])
    return _markdown(["", *CLASSES], rows)


def _hertz(values: np.ndarray) -> str:
    return f"{values.mean():.2f} ± {values.std(ddof=1) / np.sqrt(values.size):.2f}"


def _decomposition() -> str:
    rates: dict[str, dict[str, np.ndarray]] = {}
    for row in read("decomposition.csv"):
        rates.setdefault(row["arm"], {})[row["graph"]] = np.array([float(row[f"rate_{name}"]) for name in CLASSES])
    rows = []
    for arm in list(ARMS)[1:]:
        change = np.array([100.0 * (rates[arm][g] / rates["none"][g] - 1.0) for g in rates["none"]])
        shift = np.array([100.0 * (rates[arm][g] - rates["full"][g]) / rates["none"][g] for g in rates["none"]])
        rows.append([arm, *(_signed(column) for column in change.T), "" if arm == "full" else _signed(shift[:, 0])])
    return _markdown(["block", *CLASSES, "PYR less full"], rows)


def _course() -> str:
    table: dict[tuple[str, int], list[np.ndarray]] = {}
    names = [f"{quantity}_{name}" for quantity in ("block", "rate") for name in CLASSES]
    for row in read("course.csv"):
        values = np.array([float(row[name]) for name in names])
        table.setdefault((row["arm"], int(row["minute"])), []).append(values)
    rows = []
    for arm in ("full", "same p"):
        for minute in COURSE_MINUTES:
            here, none = np.array(table[arm, minute]), np.array(table["none", minute])
            block = [f"{100.0 * value:.1f}" for value in here[:, :3].mean(axis=0)]
            change = [_signed(column) for column in (100.0 * (here[:, 3:] / none[:, 3:] - 1.0)).T]
            rows.append([arm, str(minute), *block, *change])
    head = ["block", "min", *(f"block {name}" for name in CLASSES), *(f"{name} rate" for name in CLASSES)]
    return _markdown(head, rows)


def _conclusions() -> str:
    groups = ("all", "agree_with_c1", "near_published_ratio")
    found = read("conclusions.csv")
    head = ["", *(f"{name.replace('_', ' ')} ({found[0][f'{name}_sets']} sets)" for name in groups)]
    rows = [[row["conclusion"], *(_percent(row[name], row[f"{name}_se"]) for name in groups)] for row in found]
    return _markdown(head, rows)


def _chosen() -> dict[str, str]:
    number = str(ranking(read("neighbours.csv"))[0])
    return next(row for row in read("accepted.csv") if row["candidate"] == number)


TABLES: dict[str, Callable[[], str]] = {
    "sizes": _sizes,
    "counts": _counts,
    "fractions": _fractions,
    "separation": _separation,
    "robustness": _robustness,
    "default": _default,
    "decomposition": _decomposition,
    "course": _course,
    "conclusions": _conclusions,
}

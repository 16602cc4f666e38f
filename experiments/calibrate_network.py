"""Choose the weights of the default circuit: draw, accept without any drug, measure what ketamine does.

    python experiments/calibrate_network.py draw [CANDIDATES]           candidates, accepted on drug-free data alone
    python experiments/calibrate_network.py respond [SETS]              responses of the first accepted sets to ketamine
    python experiments/calibrate_network.py drawn [NEIGHBOURS]          neighbours of those that agree with C1
    python experiments/calibrate_network.py centre                      the same sets, with rates in the middle of C0
    python experiments/calibrate_network.py rest [NEIGHBOURS]           their neighbours, without any drug
    python experiments/calibrate_network.py robust [NEIGHBOURS [SETS]]  neighbours of the most robust with the drug
    python experiments/calibrate_network.py graphs [SETS [GRAPHS]]      the most robust sets on other graphs
    python experiments/calibrate_network.py explain CANDIDATE           why classes differ in a set
    python experiments/calibrate_network.py report                      figures, summaries, the library's table

Every stage continues where it was interrupted, and its rows depend only on the seed and their number. The priors are in
``network_ensemble/priors.py``, the results in ``docs/network_choice.md``.
"""

import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from network_ensemble.analysis import conclusions, fractions, separation
from network_ensemble.choice import RESTORED, VARIANTS, agrees_with_c1, behaviour, neighbour, ranking, rest, restored
from network_ensemble.decomposition import ARMS, COURSE_ARMS, COURSE_MINUTES, course, steady_rates
from network_ensemble.figures import draw_curves, draw_directions, draw_separation
from network_ensemble.page import PAGE, filled
from network_ensemble.priors import CENTRED, CLASSES, draw, unitary_sizes
from network_ensemble.responses import response_row
from network_ensemble.resting import refusals, resting_row, solve
from network_ensemble.tables import RESULTS, Table, measured_sets, read, store, store_sets, weights_of

from ketasim.network.weights import DEFAULT_SET, WeightSet

SEED = 1
GRAPH = 1  # seed of the graph and of the noise on which candidates are accepted
FIXED = [name for name in VARIANTS if name != RESTORED]
UNSOLVED = {"up": 0, "change_PYR": "nan", "change_PYR_se": "nan", "inside_c0": 0} | {
    f"rate_{n}": "nan" for n in CLASSES
}
FIRST = 10  # neighbours of each drawn set
PROCESSES = int(os.environ.get("PROCESSES", "2"))


def judged(number: int) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Draw, solve and judge one candidate: a short row, and a full one if it is accepted."""
    candidate = draw(number, SEED)
    found = solve(candidate, GRAPH)
    short = {"candidate": number, "outcome": found.reason or "accepted", "iterations": found.iterations}
    short |= {f"target_{name}": value for name, value in zip(CLASSES, candidate.target, strict=True)}
    short |= {f"rate_{name}": min(value, 999.0) for name, value in zip(CLASSES, found.rates, strict=True)}
    if found.weights is None:
        return short, None
    row = resting_row(found.weights, GRAPH)
    reasons = refusals(row, found.weights, candidate.in_vivo)
    short |= {f"rate_{name}": row[f"rate_{name}"] for name in CLASSES}
    if reasons:
        return short | {"outcome": "; ".join(reasons)}, None
    sizes = {
        f"size_{s}_{t}": size / candidate.in_vivo for (s, t), size in unitary_sizes(found.weights._asdict()).items()
    }
    return short, {"candidate": number, **found.weights._asdict(), "in_vivo": candidate.in_vivo, **sizes, **row}


def draw_stage(candidates: int = 2000) -> None:
    """Judge the candidates that have no row yet."""
    draw_numbers(list(range(candidates)))


def draw_numbers(numbers: list[int]) -> None:
    """Judge these candidates where they have no row yet."""
    have = {int(row["candidate"]) for row in read("candidates.csv")}
    missing = [number for number in numbers if number not in have]
    with Table("candidates.csv") as short_table, Table("accepted.csv") as full_table:
        for short, full in in_order(judged, missing):
            if full is not None:
                full_table.add(full)
            short_table.add(short)


def responded(row: dict[str, str]) -> dict[str, Any]:
    """Measure the response of an accepted set."""
    return {"candidate": row["candidate"], **response_row(weights_of(row), GRAPH)}


def respond_stage(sets: int = 100) -> None:
    """Measure the responses of the first accepted sets."""
    respond_to([row for row in read("accepted.csv") if int(row["candidate"]) < CENTRED][:sets])


def respond_to(rows: list[dict[str, str]]) -> None:
    """Measure the responses of these sets where there are none yet."""
    have = {row["candidate"] for row in read("responses.csv")}
    with Table("responses.csv") as table:
        for row in in_order(responded, [row for row in rows if row["candidate"] not in have]):
            table.add(row)


def centre_stage() -> None:
    """Solve the sets that agree with C1 again for the middle of C0, and judge them like any candidate."""
    draw_numbers([CENTRED + int(row["candidate"]) for row in measured_sets() if agrees_with_c1(row)])


def moved(task: tuple[dict[str, str], str, int, bool]) -> dict[str, Any]:
    """Judge one neighbour of a set, at rest or with the drug."""
    row, variant, number, drug = task
    place = int(row["candidate"]), number
    weights: WeightSet | None = neighbour(weights_of(row), place, SEED, VARIANTS[variant])
    if variant == RESTORED:
        weights = restored(weights, [float(row[f"rate_{name}"]) for name in CLASSES], GRAPH)
    found = UNSOLVED if weights is None else (behaviour if drug else rest)(weights, GRAPH)
    return {"candidate": row["candidate"], "variant": variant, "number": number, **found}


def neighbours_stage(chosen: list[dict[str, str]], neighbours: int, variants: Iterable[str], drug: bool = True) -> None:
    """Judge the neighbours of sets that have no row yet."""
    name = "neighbours.csv" if drug else "neighbours_at_rest.csv"
    have = {(row["candidate"], row["variant"], int(row["number"])) for row in read(name)}
    tasks = [
        (row, variant, number, drug)
        for row in chosen
        for variant in variants
        for number in range(neighbours)
        if (row["candidate"], variant, number) not in have
    ]
    with Table(name) as table:
        for row in in_order(moved, tasks):
            table.add(row)


def drawn_stage(neighbours: int = FIRST) -> None:
    """Judge neighbours of the drawn sets that agree with C1."""
    neighbours_stage([row for row in measured_sets() if agrees_with_c1(row)], neighbours, FIXED)


def rest_stage(neighbours: int = 20) -> None:
    """Judge the neighbours of the centred sets at rest."""
    neighbours_stage(
        [row for row in read("accepted.csv") if int(row["candidate"]) >= CENTRED], neighbours, FIXED, drug=False
    )


def robust_stage(neighbours: int = 50, sets: int = 3, measured: int = 6) -> None:
    """Measure responses of the `measured` most robust centred sets, then to neighbours of the best that agree with C1.

    The most robust of the drawn sets is among them, and the present default where it is accepted and agrees.
    """
    accepted = {int(row["candidate"]): row for row in read("accepted.csv")}
    best = ranking(read("neighbours_at_rest.csv"))[:measured]
    present = [DEFAULT_SET] if DEFAULT_SET in accepted else []
    respond_to([accepted[candidate] for candidate in (*best, *present)])
    agreeing = {int(row["candidate"]) for row in read("responses.csv") if agrees_with_c1(row)}
    drawn = {row["candidate"] for row in measured_sets()}
    first = [row for row in read("neighbours.csv") if row["candidate"] in drawn and int(row["number"]) < FIRST]
    chosen = [candidate for candidate in best if candidate in agreeing][:sets]
    chosen += [ranking(first)[0], *(candidate for candidate in present if candidate in agreeing)]
    chosen = [accepted[candidate] for candidate in dict.fromkeys(chosen)]
    neighbours_stage(chosen, neighbours, FIXED)
    neighbours_stage(chosen, neighbours, [RESTORED])


def on_graph(task: tuple[dict[str, str], int]) -> dict[str, Any]:
    """Measure the resting rates and the response of a set on another graph, with other noise."""
    row, graph = task
    weights = weights_of(row)
    rates = {f"rate_{name}": resting_row(weights, graph)[f"rate_{name}"] for name in CLASSES}
    return {"candidate": row["candidate"], "graph": graph, **rates, **response_row(weights, graph)}


def graphs_stage(sets: int = 3, graphs: int = 8) -> None:
    """Measure the most robust sets on other graphs."""
    accepted = {row["candidate"]: row for row in read("accepted.csv")}
    best = [str(candidate) for candidate in ranking(read("neighbours.csv"))[:sets]]
    have = {(row["candidate"], int(row["graph"])) for row in read("graphs.csv")}
    tasks = [(accepted[one], graph) for one in best for graph in range(1, graphs + 1) if (one, graph) not in have]
    with Table("graphs.csv") as table:
        for row in in_order(on_graph, tasks):
            table.add(row)


def explained(task: tuple[dict[str, str], str, int]) -> dict[str, Any]:
    """Measure one arm of the decomposition on one graph."""
    row, arm, graph = task
    rates = steady_rates(weights_of(row), arm, graph)
    return {"arm": arm, "graph": graph, **{f"rate_{name}": rate for name, rate in zip(CLASSES, rates, strict=True)}}


def coursed(task: tuple[dict[str, str], str, int]) -> list[dict[str, Any]]:
    """Follow block and rates of one arm on one graph from the step of concentration on."""
    row, arm, graph = task
    names = [f"{quantity}_{name}" for quantity in ("block", "rate") for name in CLASSES]
    return [
        {"arm": arm, "graph": graph, "minute": minute, **dict(zip(names, values, strict=True))}
        for minute, values in zip(COURSE_MINUTES, course(weights_of(row), arm, graph), strict=True)
    ]


def explain_stage(candidate: int, graphs: int = 8) -> None:
    """Decompose the response of a set into the parts due to m, p, subunits and reliance on NMDA."""
    row = next(row for row in read("accepted.csv") if int(row["candidate"]) == candidate)
    have = {(one["arm"], int(one["graph"])) for one in read("decomposition.csv")}
    tasks = [(row, arm, graph) for arm in ARMS for graph in range(1, graphs + 1) if (arm, graph) not in have]
    with Table("decomposition.csv") as table:
        for one in in_order(explained, tasks):
            table.add(one)
    if not read("course.csv"):
        tasks = [(row, arm, graph) for arm in COURSE_ARMS for graph in range(1, graphs + 1)]
        with Table("course.csv") as table:
            for lines in in_order(coursed, tasks):
                for line in lines:
                    table.add(line)


def in_order(work: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterable[Any]:
    """Yield results of `work` in the order of the tasks, from `PROCESSES` processes."""
    with ProcessPoolExecutor(max_workers=PROCESSES) as pool:
        yield from pool.map(work, tasks)


def report_stage() -> None:
    """Draw the figures, write the summaries and the table that the library reads."""
    rows = measured_sets()
    chosen = str(ranking(read("neighbours.csv"))[0])
    store_sets()
    store("fractions.csv", fractions(rows))
    store("separation.csv", separation(rows))
    store("conclusions.csv", conclusions(rows))
    draw_directions(rows, RESULTS / "directions.png")
    draw_curves(
        rows, next(row for row in read("responses.csv") if row["candidate"] == chosen), RESULTS / "response_curves.png"
    )
    draw_separation(rows, RESULTS / "separation.png")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


STAGES: dict[str, Callable[..., None]] = {
    "draw": draw_stage,
    "respond": respond_stage,
    "drawn": drawn_stage,
    "centre": centre_stage,
    "rest": rest_stage,
    "robust": robust_stage,
    "graphs": graphs_stage,
    "explain": explain_stage,
    "report": report_stage,
}


if __name__ == "__main__":
    STAGES[sys.argv[1]](*map(int, sys.argv[2:]))

"""Tables that the stages write and read, and the table of sets that the library reads."""

import csv
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.network.weights import WeightSet
from network_ensemble.choice import VARIANTS, agrees_with_c1, pass_fractions
from network_ensemble.priors import CENTRED

RESULTS = Path(__file__).parents[1] / "results" / "network_choice"
SETS = Path(__file__).parents[2] / "ketasim" / "network" / "weight_sets.csv"


class Table:
    """A table to which rows are added one by one, so that an interrupted stage can continue."""

    def __init__(self, name: str):
        self._path = RESULTS / name

    def __enter__(self) -> "Table":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self._path, "a", newline="", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: dict[str, Any]) -> None:
        """Write a row with four significant digits, after a heading if it is the first."""
        write(self._file, [row], heading=self._file.tell() == 0)
        self._file.flush()


def write(file: Any, rows: list[dict[str, Any]], heading: bool = True) -> None:
    """Write rows with four significant digits."""
    writer = csv.writer(file, lineterminator="\n")
    if heading:
        writer.writerow(rows[0])
    for row in rows:
        writer.writerow(f"{value:.4g}" if isinstance(value, float | np.floating) else value for value in row.values())


def store(name: str, rows: list[dict[str, Any]]) -> None:
    """Write a whole table."""
    with open(RESULTS / name, "w", newline="", encoding="utf-8") as file:
        write(file, rows)


def read(name: str) -> list[dict[str, str]]:
    """Rows of a table; none if the file does not exist."""
    path = RESULTS / name
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def weights_of(row: dict[str, str]) -> WeightSet:
    """Weights of a row of a table."""
    return WeightSet(*(float(row[name]) for name in WeightSet._fields))


def measured_sets() -> list[dict[str, str]]:
    """First drawn sets, as far as their responses were measured without a gap: all columns of both tables."""
    responses = {row["candidate"]: row for row in read("responses.csv")}
    drawn = [row for row in read("accepted.csv") if int(row["candidate"]) < CENTRED]
    return [row | responses[row["candidate"]] for row in takewhile(lambda row: row["candidate"] in responses, drawn)]


def store_sets() -> None:
    """Write the table that the library reads: all accepted sets, centred ones first, else in the order of the draw."""
    responses = {row["candidate"]: row for row in read("responses.csv")}
    fractions = pass_fractions(read("neighbours.csv"))
    heading = dict.fromkeys(name for row in responses.values() for name in row if name != "candidate")
    rows = []
    ordered = sorted(read("accepted.csv"), key=lambda row: (int(row["candidate"]) < CENTRED, int(row["candidate"])))
    for row in ordered:
        response = responses.get(row["candidate"], {})
        weights = {name: row[name] for name in WeightSet._fields}
        line = {"id": row["candidate"], **weights}
        line |= {name: value for name, value in row.items() if name not in (*line, "candidate")}
        line |= {name: response.get(name, "") for name in heading}
        line["agrees_c1"] = int(agrees_with_c1(response)) if response else ""
        keys = [(int(row["candidate"]), variant) for variant in VARIANTS]
        tried = [fractions[key] for key in keys if key in fractions]
        line["robust"] = sum(share for share, _ in tried) / len(VARIANTS) if tried else ""
        line["neighbours"] = sum(number for _, number in tried) if tried else ""
        rows.append(line)
    with open(SETS, "w", newline="", encoding="utf-8") as file:
        write(file, rows)

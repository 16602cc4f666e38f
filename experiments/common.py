"""What all experiments share: their options, and tables with a stamp that shows when they are stale.

    python experiments/NAME.py [--quick] [--jobs N]

A table is stale when what it was made from has changed: the script, the default parameters, or the values that ketasim
computes, for which the reference trajectory of the tests stands. `python experiments/common.py` lists stale tables.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas

import ketasim
from ketasim.digests import file_digest

HERE = Path(__file__).parent
RESULTS = HERE / "results"
STAMPS = RESULTS / "stamps.json"

#: Changes of the human infusion that make it the dose of most rodent studies: 10 mg/kg into the peritoneum of a rat.
RAT = {
    "subject": {"species": "rat"},
    "doses": [{"drug": "ketamine", "route": "intraperitoneal", "amount": "10 mg/kg"}],
}

SWEEPS = Path("sweeps")


def options() -> argparse.Namespace:
    """Return the options of an experiment: `quick` and `jobs`."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="minutes at reduced size; stores nothing")
    parser.add_argument("--jobs", type=int, help="processes; by default one for each core")
    return parser.parse_args()


def in_percent(table: pandas.DataFrame, numbers: Sequence[tuple[str, str]], at: str, what: str = "mean") -> Any:
    """Return chosen numbers of a comparison in per cent of the vehicle.

    Parameters
    ----------
    table : pandas.DataFrame
        As of `ketasim.compare` of two arms.
    numbers : sequence of (quantity, population)
        What is chosen.
    at, what : str
        Instant or interval, and statistic, as in the summary of a run.

    Returns
    -------
    pandas.DataFrame
        quantity, population, change_percent, error_percent, pairs.
    """
    rows = table[(table["at"] == at) & (table["statistic"] == what)].set_index(["quantity", "population"])
    rows = rows.loc[list(numbers)].reset_index()
    scale = 100.0 / rows["vehicle"]
    changes = {"change_percent": rows["difference"] * scale, "error_percent": rows["error"] * scale}
    return rows[["quantity", "population"]].assign(**changes, pairs=rows["pairs"])


def made_from(name: str) -> dict[str, str]:
    """Return digests of what the table of an experiment depends on."""
    golden = HERE.parent / "tests" / "golden" / f"ketasim-{ketasim.__version__}.json"
    changelog = (HERE.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    return {
        "script": file_digest(HERE / f"{name}.py")[:16],
        "parameters": re.findall(r"digest of all defaults: `([0-9a-f]{16})`", changelog)[0],
        "values": json.loads(golden.read_text(encoding="utf-8"))["digest"][:16],
    }


def store(table: pandas.DataFrame, script: str, quick: bool, figure: Any = None) -> None:
    """Write a table, and a figure, under the name of the script, with a stamp; print it.

    Parameters
    ----------
    table : pandas.DataFrame
        What was found.
    script : str
        ``__file__`` of the experiment.
    quick : bool
        Reduced size: only printed.
    figure : matplotlib.figure.Figure, optional
        Stored beside the table.
    """
    name = Path(script).stem
    print(table.to_string(index=False))
    if quick:
        return
    table.to_csv(RESULTS / f"{name}.csv", index=False, float_format="%.5g")
    if figure is not None:
        figure.savefig(RESULTS / f"{name}.png", dpi=110)
    stamps = stamps_of_tables()
    stamps[name] = {
        "command": f"python experiments/{name}.py",
        "ketasim": ketasim.__version__,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    } | made_from(name)
    STAMPS.write_text(json.dumps(stamps, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def stamps_of_tables() -> dict[str, dict[str, str]]:
    """Return the stamp of each table by the name of its experiment."""
    return json.loads(STAMPS.read_text(encoding="utf-8")) if STAMPS.is_file() else {}


def stale() -> dict[str, list[str]]:
    """Return, for each table that is stale, what changed since it was made; one without a stamp has an empty list."""
    stamps, found = stamps_of_tables(), {}
    for table in sorted(RESULTS.glob("*.csv")):
        if not (HERE / f"{table.stem}.py").is_file():
            continue
        now, then = made_from(table.stem), stamps.get(table.stem)
        changed = [key for key, value in now.items() if then is not None and then.get(key) != value]
        if then is None or changed:
            found[table.stem] = changed
    return found


if __name__ == "__main__":
    for table, changed in stale().items():
        print(f"{table}: {', '.join(changed) + ' changed' if changed else 'made before tables had stamps'}")
    sys.exit(0)

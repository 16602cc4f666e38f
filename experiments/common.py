"""What all experiments share: options, courses in per cent, figures, tables that are stored.

python experiments/NAME.py [--quick] [--jobs N] [--sweeps DIR]
"""

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas
from pages import fill, in_words, show
from stamps import RESULTS, STAMPS, made_from, stamps_of_tables, uses

import ketasim
from ketasim.digests import code_digest
from ketasim.recording.provenance import CODE

#: Changes of the human infusion that make it the dose of most rodent studies: 10 mg/kg into the peritoneum of a rat.
RAT = {
    "subject": {"species": "rat"},
    "doses": [{"drug": "ketamine", "route": "intraperitoneal", "amount": "10 mg/kg"}],
}
SALINE = {"doses.0.drug": "saline"}

#: What makes an experiment small enough for --quick.
SMALLER = ["network.neurons=300", "schedule.baseline=60 s"]

ADVICE = "model, not medical advice"


class Options(NamedTuple):
    """Options of an experiment.

    Attributes
    ----------
    name : str
        Name of the script, and of its table.
    quick : bool
        Reduced size: minutes, and nothing is stored in the repository.
    jobs : int or None
        Processes.
    out : Path
        Folder of its sweep.
    """

    name: str
    quick: bool
    jobs: int | None
    out: Path

    def size(self, full: Any, quick: Any) -> Any:
        """Return one of two sizes."""
        return quick if self.quick else full

    @property
    def smaller(self) -> list[str]:
        """Changes of an experiment with the default circuit; none at full size."""
        return SMALLER if self.quick else []


def options(script: str) -> Options:
    """Read the options of an experiment from the command line.

    The folder of its sweep bears a digest of ketasim's code: an interrupted sweep goes on only with the same code.

    Parameters
    ----------
    script : str
        ``__file__`` of the experiment.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="minutes at reduced size; no table is stored")
    parser.add_argument("--jobs", type=int, help="processes; by default one for each core")
    parser.add_argument("--sweeps", type=Path, default=Path("sweeps"), help="folder of sweeps; default sweeps")
    given = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("ketasim").setLevel(logging.INFO)  # what a sweep will take, and how far it is
    name = Path(script).stem
    folder = f"{name}{'_quick' if given.quick else ''}_{code_digest(*CODE)[:8]}"
    return Options(name, given.quick, given.jobs, given.sweeps.absolute() / folder)


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
        quantity, population, change_percent, standard_error_percent, pairs.
    """
    rows = table[(table["at"] == at) & (table["statistic"] == what)].set_index(["quantity", "population"])
    rows = rows.loc[list(numbers)].reset_index()
    scale = 100.0 / rows["vehicle"]
    changes = {"change_percent": rows["difference"] * scale, "standard_error_percent": rows["error"] * scale}
    return rows[["quantity", "population"]].assign(**changes, pairs=rows["pairs"])


def change_in_percent(drug: Any, vehicle: Any, name: str) -> Any:
    """Return the change of a signal in per cent of the vehicle's mean.

    Parameters
    ----------
    drug, vehicle : xarray.Dataset
        Two arms of a sweep, as of `ketasim.courses`.
    name : str
        Signal.

    Returns
    -------
    xarray.DataArray
        Dimensions (statistic, ...), where statistic is ``mean`` or ``error``.
    """
    found = ketasim.courses(drug, vehicle, name)
    return 100.0 * found["difference"] / found["vehicle"].sel(statistic="mean", drop=True)


def courses_in_percent(found: Any, pairs: Mapping[str, str], signals: Sequence[str]) -> pandas.DataFrame:
    """Return courses of pyramidal cells in per cent of their vehicle's.

    Parameters
    ----------
    found : xarray.Dataset
        Sweep with arms.
    pairs : mapping of str to str
        Arm -> its vehicle.
    signals : sequence of str
        Signals; one that an arm does not have is left out there.

    Returns
    -------
    pandas.DataFrame
        arm, signal, hours, change_percent, standard_error.
    """
    tables = []
    for arm, vehicle in pairs.items():
        for signal in signals:
            change = change_in_percent(found.sel(arm=arm), found.sel(arm=vehicle), signal).sel(population="PYR")
            columns = {"hours": change["time"].values / 3600.0}
            columns |= {"change_percent": change.values[0], "standard_error": change.values[1]}
            table = pandas.DataFrame(columns)
            table.insert(0, "signal", signal)
            table.insert(0, "arm", arm)
            tables.append(table.dropna())
    return pandas.concat(tables, ignore_index=True)


def at_hours(courses: pandas.DataFrame, hours: Sequence[float]) -> pandas.DataFrame:
    """Return courses of `courses_in_percent` at some times, interpolated linearly; none beyond their end."""
    rows = []
    for (arm, signal), course in courses.groupby(["arm", "signal"], sort=False):
        for hour in hours:
            if hour <= course["hours"].iloc[-1]:
                columns = (course["change_percent"], course["standard_error"])
                rows.append((arm, signal, hour, *(np.interp(hour, course["hours"], column) for column in columns)))
    return pandas.DataFrame(rows, columns=courses.columns)


def draw_courses(courses: pandas.DataFrame, panels: Sequence[plt.Axes], unit: str = "days") -> None:
    """Draw courses of `courses_in_percent`: a panel for each signal, a line for each arm, bands of one standard error.

    Parameters
    ----------
    courses : pandas.DataFrame
        What is drawn.
    panels : sequence of Axes
        One above the other, as many as signals.
    unit : str
        Of time, ``days`` or ``hours``.
    """
    for axes, (signal, of_signal) in zip(panels, courses.groupby("signal", sort=False), strict=True):
        for arm, course in of_signal.groupby("arm", sort=False):
            times = course["hours"] / (24.0 if unit == "days" else 1.0)
            mean, error = course["change_percent"], course["standard_error"]
            (line,) = axes.plot(times, mean, label=arm)
            axes.fill_between(times, mean - error, mean + error, color=line.get_color(), alpha=0.25, lw=0)
        axes.set_ylabel(f"{in_words(signal)}\n(%)", fontsize=8)
        axes.axhline(0.0, color="0.5", lw=0.6)
    panels[-1].set_xlabel(unit)
    panels[0].figure.align_ylabels(panels)


def among(graph: Any, n: int) -> np.ndarray:
    """Return the edges among the first n neurons as numbers."""
    inside = (graph.source < n) & (graph.target < n)
    return graph.source[inside].astype(np.int64) * n + graph.target[inside]


def store(
    table: pandas.DataFrame, chosen: Options, figure: Any = None, failed: bool = False, fitted: str | None = None
) -> None:
    """Write a table, and a figure, under the name of the experiment, with a stamp, and into the docs; print it.

    With --quick they are written beside the sweep, without a stamp.

    Parameters
    ----------
    table : pandas.DataFrame
        What was found.
    chosen : Options
        As of `options`.
    figure : matplotlib.figure.Figure, optional
        Stored beside the table.
    failed : bool
        Whether runs that failed belong to what was found, such as circuits that ran away.
    fitted : str, optional
        Mechanism whose numbers are set by the table, which therefore does not depend on them.

    Raises
    ------
    SystemExit
        A run of the sweep is not done; nothing is written.
    """
    ended = ("done", "failed") if failed else ("done",)
    for database in sorted(chosen.out.rglob("sweep.db")):
        left = (~ketasim.sweep_runs(database.parent)["state"].isin(ended)).sum()
        if left:
            raise SystemExit(f"{database.parent}: {left} runs are not done, so no table is written")
    print(table.to_string(index=False, float_format="{:.4g}".format))
    folder = chosen.out if chosen.quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{chosen.name}.csv", index=False, float_format="%.5g")
    if figure is not None:
        figure.savefig(folder / f"{chosen.name}.png", dpi=110)
    if chosen.quick:
        show(chosen.name, folder)
        return
    stamps, used = stamps_of_tables(), uses(chosen.out, chosen.name)
    used["mechanisms"] = [one for one in used["mechanisms"] if one != fitted]
    stamps[chosen.name] = {
        "command": f"python experiments/{chosen.name}.py",
        "ketasim": ketasim.__version__,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "uses": used,
    } | made_from(chosen.name, used)
    STAMPS.write_text(json.dumps(stamps, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fill(stamps)

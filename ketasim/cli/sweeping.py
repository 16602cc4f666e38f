"""Commands for many runs: sweep, and compare of two runs or of two arms of a sweep."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ketasim.cli.common import AsJson, Debug, Overrides, Quiet, command, fail, note, numbers, replace_text
from ketasim.cli.own_mechanisms import Mechanisms, mechanisms_in

if TYPE_CHECKING:
    from ketasim.ensembles.sweeps import Begun

#: With fewer pairs the spread between them is hardly known.
FEW_PAIRS = 5


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(sweep)
    app.command()(compare)


@command
def sweep(  # noqa: PLR0913, PLR0917 - one argument per option
    config: Annotated[
        str | None, typer.Argument(help="Experiment file, - for standard input, or an example.", show_default=False)
    ] = None,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder of the sweep; default sweeps/NAME.")] = None,
    replicates: Annotated[int | None, typer.Option("--replicates", help="Seeds of each combination.")] = None,
    zipped: Annotated[bool, typer.Option("--zip", help="Take lists side by side instead of combining them.")] = False,
    keep: Annotated[str | None, typer.Option("--keep", help="file, signals (default) or summary of each run.")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", help="Processes; default one for each core.")] = None,
    engine: Annotated[str, typer.Option("--engine", help="local, dask or slurm.")] = "local",
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="Of dask, such as tcp://node:8786.")] = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Continue the sweep in this folder.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Check all values, show runs and time; run nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Start more than 1,000 runs or 10 GB.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
    mechanism: Mechanisms = None,
) -> None:
    """Run an experiment with many values (doses.0.amount=0.1,0.5 mg/kg), arms and seeds."""
    from ketasim.config.sweeps import load_sweep
    from ketasim.ensembles.forecast import forecast_of, processes_of
    from ketasim.ensembles.plan import plan_of
    from ketasim.ensembles.sweeps import begin, continued, executor_of, finish

    own = mechanisms_in(mechanism)
    named = "dask" if scheduler else engine
    executor_of(named, 1, scheduler)  # a wrong one is refused before a folder is made
    if jobs is not None and jobs < 1:
        fail(f"--jobs {jobs}: at least 1", 2)
    if resume is not None and config is None:
        begun = continued(resume, jobs, own, here=named == "local")
    elif config is None:
        fail("name an experiment file or an example, or --resume DIR", 2)
    else:
        changes = [
            f"sweep.{key}={value}" for key, value in (("replicates", replicates), ("keep", keep)) if value is not None
        ]
        experiment, arms, section, document = load_sweep(config, [*(overrides or []), *changes], zipped, own)
        if zipped and not section.zip:
            fail("--zip takes lists side by side, such as doses.0.amount=0.1,0.5 seed=1,2; there are none", 2)
        if check:
            plan = plan_of(experiment, section, arms, document)
            processes = processes_of(experiment, plan, jobs, here=named == "local")
            print(f"{forecast_of(experiment, plan, Path.cwd(), processes)} with {processes} at a time")
            return
        begun = begin(experiment, section, arms, document, out=resume or out, jobs=jobs, yes=yes, here=named == "local")
    own_files = [f"--mechanism {file}" for file in mechanism or ()]
    again = " ".join(["ketasim sweep --resume", str(begun.folder), *own_files])
    executor = executor_of(named, begun.jobs, scheduler)
    _watched(begun, again, quiet, lambda progress: finish(begun, executor, progress))
    _report(begun, again, quiet, as_json)


def _watched(begun: "Begun", again: str, quiet: bool, work: Any) -> None:
    """Run with a progress bar; an interruption says how to continue."""
    from ketasim.cli.interruption import interruptible
    from ketasim.cli.progress import SweepBar

    try:
        with interruptible(again), SweepBar(quiet) as progress:
            work(progress)
    except KeyboardInterrupt:
        fail(f"interrupted; continue with: {again}", 130)


def _report(begun: "Begun", again: str, quiet: bool, as_json: bool) -> None:
    """Write the tables beside the database, and say what is done, failed and missing."""
    from ketasim.ensembles.dataset import sweep_runs, sweep_summary
    from ketasim.ensembles.sweeps import IncompleteSweepError, check_complete

    runs = sweep_runs(begun.folder)
    replace_text(begun.folder / "runs.csv", runs.to_csv(index=False))
    replace_text(begun.folder / "summary.csv", sweep_summary(begun.folder).to_csv(index=False))
    if as_json:
        numbers(runs, as_json)
    try:
        check_complete(begun.folder)
    except IncompleteSweepError as error:
        fail(f"{error}\ncontinue with: {again}", error.exit_code)
    if not quiet and not as_json:
        print(f"{len(runs)} run{'s' * (len(runs) > 1)} done; ketasim.open_sweep({str(begun.folder)!r}) opens them,")
        print("runs.csv and summary.csv in that folder are tables. A research and teaching model; not medical advice.")


@command
def compare(  # noqa: PLR0913, PLR0917 - one argument per option
    drug: Annotated[Path, typer.Argument(help="Trajectory file A.h5, or the folder of a sweep.")],
    vehicle: Annotated[
        str | None, typer.Argument(help="Trajectory file B.h5 of the same network without the drug, or an arm.")
    ] = None,
    other: Annotated[str | None, typer.Argument(help="The other arm of a sweep.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Picture of two arms, with bands.")] = None,
    signals: Annotated[str | None, typer.Option("--signals", help="Of the picture, separated by commas.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier picture.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
) -> None:
    """Show two runs, or two arms of a sweep (DIR drug vehicle), side by side: A minus B, and its standard error."""
    import ketasim
    from ketasim.ensembles.differences import arms_of
    from ketasim.storage.datasets import ADVICE

    if not drug.is_dir():
        if vehicle is None or other is not None or out is not None:
            missing = "" if drug.exists() else f"{drug}: no such folder; "
            words = "give two trajectories, `ketasim compare A.h5 B.h5`; only arms of a sweep have a picture (-o)"
            fail(f"{missing}{words}", 2)
        with ketasim.open_trajectory(drug) as ours, ketasim.open_trajectory(vehicle) as theirs:
            found = ketasim.compare(ours, theirs)
        for remark in found.attrs["notes"]:
            note(remark, quiet)
    else:
        arms = arms_of(ketasim.open_sweep(drug), vehicle, other)
        found = ketasim.compare(*arms)
        if not found["pairs"].any():
            note("the arms have no number in common; a vehicle without a network, for example, has none", quiet)
        elif 1 < found["pairs"].max() < FEW_PAIRS:  # a single pair has no error
            words = "their spread, and so ERROR, may be far too small by chance; the interval allows for it"
            note(f"{found['pairs'].max()} pairs: {words}, and more --replicates narrow it", quiet)
        if out is not None:
            _picture(arms, signals, out, force, quiet, debug)
        if not as_json:
            found = found.rename(columns={"low": "95% from", "high": "95% to"})
            found = found.rename(columns={key: arms[i]["arm"].item() for i, key in enumerate(("drug", "vehicle"))})
    note(f"{ADVICE}.", quiet)
    numbers(found, as_json)


def _picture(arms: Any, signals: str | None, out: Path, force: bool, quiet: bool, debug: bool) -> None:
    import os

    os.environ["MPLBACKEND"] = "agg"
    from ketasim.ensembles.picture import comparison_figure
    from ketasim.plots import save_picture

    names = [name.strip() for name in signals.split(",")] if signals else []
    try:
        figure = comparison_figure(*arms, *names)
    except KeyError as error:
        fail(str(error.args[0]), 2, {"debug": debug})
    save_picture(figure, out, force)
    note(f"picture written to {out}", quiet)

"""Commands that take an experiment: run, resume, check, warmup."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ketasim.cli import completion
from ketasim.cli.common import AsJson, Debug, Overrides, Quiet, command, fail, note, numbers, table
from ketasim.cli.own_mechanisms import Mechanisms, mechanisms_in

Config = Annotated[
    str,
    typer.Argument(
        help="Experiment file, - for standard input, or an example (`ketasim examples`).",
        autocompletion=completion.experiments,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(run)
    app.command()(resume)
    app.command()(check)
    app.command()(warmup)


@command
def run(  # noqa: PLR0913, PLR0917 - one argument per option
    config: Config,
    overrides: Overrides = None,
    out: Annotated[str | None, typer.Option("-o", "--out", help="Trajectory file; default runs/NAME.h5.")] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Processor threads for one large network; changes no result.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
    mechanism: Mechanisms = None,
) -> None:
    """Run an experiment and write its trajectory."""
    import ketasim
    from ketasim.storage.checkpoint import resume_command
    from ketasim.storage.outputs import followed

    given = [*(overrides or []), *([] if threads is None else [f"threads={threads}"])]
    experiment = ketasim.load_experiment(config, given, mechanisms_in(mechanism))
    target = followed(out or Path("runs") / f"{experiment.name}.h5")
    again = resume_command(target, mechanism or ())
    work = partial(ketasim.run, experiment, target, force=force)
    _finish(target, again, quiet, as_json, lambda progress: work(progress=progress))


@command
def resume(
    out: Annotated[Path, typer.Argument(metavar="OUT.h5", help="Trajectory file of the interrupted run.")],
    threads: Annotated[
        int | None, typer.Option("--threads", help="Processor threads for one large network; changes no result.")
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Resume even if version, parameters, code or processor differ; noted in OUT.h5."),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
    mechanism: Mechanisms = None,
) -> None:
    """Continue an interrupted run; the finished file is the same to the last bit."""
    import ketasim
    from ketasim.storage.checkpoint import resume_command
    from ketasim.storage.outputs import followed

    target = followed(out.with_suffix("") if out.suffix in (".part", ".checkpoint", ".lock") else out)
    own = mechanisms_in(mechanism)
    again = resume_command(target, mechanism or ())
    _finish(target, again, quiet, as_json, lambda progress: ketasim.resume(target, None, own, progress, force, threads))


def _finish(target: Path, again: str, quiet: bool, as_json: bool, work: Callable[[Any], Any]) -> None:
    """Run to the end with a progress bar, then print the results; or `again`, the command to continue."""
    from ketasim.cli.interruption import interruptible
    from ketasim.cli.progress import ProgressBar
    from ketasim.documents import KetasimError
    from ketasim.storage.checkpoint import CheckpointError, checkpoint_path

    try:
        with interruptible(again), ProgressBar(quiet) as progress:
            trajectory = work(progress)
    except KeyboardInterrupt:
        if checkpoint_path(target).exists():
            fail(f"interrupted; continue with: {again}", 130)
        fail("interrupted before anything was computed", 130)
    except KetasimError as error:
        can_go_on = error.exit_code == 1 and not isinstance(error, CheckpointError)
        if can_go_on and checkpoint_path(target).exists():
            note(f"the results so far are kept; once the cause is resolved, continue with: {again}")
        raise
    if as_json:
        numbers(trajectory.summary, as_json)
    elif not quiet:
        from ketasim.analysis.words import closing_words

        where = f"written to {target}; draw it with `ketasim plot {target}`"
        print("\n".join([*closing_words(trajectory), where, f"{trajectory.attributes['advice']}."]))


@command
def check(
    config: Config,
    overrides: Overrides = None,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
    mechanism: Mechanisms = None,
) -> None:
    """Validate and build an experiment; print its size, memory, time and defaults. Runs nothing."""
    import ketasim
    from ketasim.config.display import defaults_of
    from ketasim.config.plausibility import dosing_of_people
    from ketasim.simulation.cost import forecast, refuse_what_cannot_work

    experiment = ketasim.load_experiment(config, overrides or [], mechanisms_in(mechanism))
    refuse_what_cannot_work(experiment, Path("runs") / f"{experiment.name}.h5")
    simulation = ketasim.Simulation(experiment)
    for remark in simulation.notes[simulation.logged :]:
        note(remark, quiet)
    people = [
        (f"published dosing: {drug}, {route}", _settings(rows, remark), "")
        for drug, route, rows, remark in dosing_of_people(experiment)
    ]
    left_out = [(f"by default: {key}", value, unit) for key, value, unit in defaults_of(experiment)]
    table([*forecast(simulation), *people, *left_out], ("quantity", "value", "unit"), as_json)


def _settings(rows: Sequence[Any], remark: str) -> str:
    """Return the settings of published dosing that all doses are in, with how long people are watched there."""
    from ketasim.documents.units import in_words

    if not rows:
        return "outside; see above" if remark else "each dose in a setting, not all in one"
    return "; ".join(
        row.setting + (f", watched for at least {in_words(row.watched)}" if row.watched else "") for row in rows
    )


@command
def warmup(quiet: Quiet = False, debug: Debug = False) -> None:
    """Compile the kernels now, so that the next run starts immediately."""
    from ketasim.kernels.jit import CACHE_FOLDER
    from ketasim.pipeline import compile_kernels

    compile_kernels()
    note(f"compiled kernels are in {CACHE_FOLDER}", quiet)

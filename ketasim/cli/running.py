"""Commands that do something with an experiment: run, check, warmup."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ketasim.cli.common import AsJson, Debug, Overrides, Quiet, command, fail, note, table

Config = Annotated[str, typer.Argument(help="Experiment file, or the name of an example (see `ketasim examples`).")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(run)
    app.command()(resume)
    app.command()(check)
    app.command()(warmup)


@command
def run(
    config: Config,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Trajectory file; default runs/NAME.h5.")] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Processor threads for one large network; changes no result.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run an experiment and write its trajectory."""
    import ketasim
    from ketasim.storage.checkpoint import checkpoint_path
    from ketasim.storage.datasets import part_path

    given = [*(overrides or []), *([] if threads is None else [f"threads={threads}"])]
    experiment = ketasim.load_experiment(config, given)
    target = out or Path("runs") / f"{experiment.name}.h5"
    if target.is_dir():
        fail(f"{target} is a folder; -o takes the path of a file, such as {target / (experiment.name + '.h5')}", 2)
    if target.exists() and not force:
        fail(f"{target} holds a finished run; --force replaces it, -o OUT.h5 writes elsewhere", 2)
    unfinished = next((path for path in (part_path(target), checkpoint_path(target)) if path.exists()), None)
    if unfinished and not force:
        fail(
            f"{unfinished} holds an unfinished run; continue it with: {resume_command(target)}\n--force starts anew", 2
        )
    _finish(target, quiet, lambda progress: ketasim.run(experiment, target, progress=progress))


@command
def resume(
    out: Annotated[Path, typer.Argument(metavar="OUT.h5", help="Trajectory file of the interrupted run.")],
    threads: Annotated[
        int | None, typer.Option("--threads", help="Processor threads for one large network; changes no result.")
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Go on though version, parameters, code or processor differ; noted in OUT.h5."),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Continue an interrupted run; the finished file is the same to the last bit."""
    import ketasim

    target = out.with_suffix("") if out.suffix in (".part", ".checkpoint", ".lock") else out
    _finish(
        target,
        quiet,
        lambda progress: ketasim.resume(target, progress=progress, force=force, threads=threads),
    )


def _finish(target: Path, quiet: bool, work: Callable[[Any], Any]) -> None:
    """Run to the end with a bar, and say what was found; or how to continue."""
    from ketasim.cli.interruption import interruptible
    from ketasim.cli.progress import ProgressBar
    from ketasim.documents import KetasimError
    from ketasim.storage.checkpoint import CheckpointError, checkpoint_path

    try:
        with interruptible(resume_command(target)), ProgressBar(quiet) as progress:
            trajectory = work(progress)
    except KeyboardInterrupt:
        if checkpoint_path(target).exists():
            fail(f"interrupted; continue with: {resume_command(target)}", 130)
        fail("interrupted before anything was computed", 130)
    except KetasimError as error:
        can_go_on = checkpoint_path(target).exists() and not isinstance(error, CheckpointError)
        if error.exit_code == 1 and can_go_on:
            note(f"what was computed is kept; once the cause has gone, continue with: {resume_command(target)}")
        raise
    if not quiet:
        print(closing_words(trajectory, target))


def resume_command(target: Path) -> str:
    """How to continue a run, to be copied.

    >>> resume_command(Path("my run.h5"))
    "ketasim resume 'my run.h5'"
    """
    return f"ketasim resume {shlex.quote(str(target))}"


def closing_words(trajectory: Any, path: Path) -> str:
    """What a run found, in a few lines; the numbers of /summary."""
    summary = trajectory.summary
    end = float(trajectory.config["duration"].split()[0]) / 60.0
    stretch = f"from 10 to {min(60.0, end):.3g} min"
    lines = []
    if "plasma_concentration" in trajectory:
        moiety = str(trajectory["plasma_concentration"]["moiety"].values[0])  # what was given, before its metabolites
        at = summary[f"plasma_{moiety}_peak_time"] / 60.0
        lines.append(
            f"plasma {moiety}  peak {summary[f'plasma_{moiety}_peak']:.0f} ng/mL at {at:.0f} min, "
            f"unbound in brain {summary[f'brain_{moiety}_peak']:.3f} uM"
        )
    names = [key.removeprefix("firing_rate_").removesuffix("_baseline") for key in summary if key.endswith("_baseline")]
    for name in names:
        block = summary.get(f"nmda_block_{name}_peak")
        words = f"{name:<4}  {_estimate(summary, f'firing_rate_{name}_baseline')} Hz at rest"
        if f"firing_rate_{name}_10_60_min" in summary:
            words += f", {_estimate(summary, f'firing_rate_{name}_10_60_min')} Hz {stretch}"
        if block is not None:
            words += f"; NMDA block up to {100 * block:.1f} %"
        lines.append(words)
    key = f"glutamate_perisynaptic_{names[0]}_10_60_min" if names else ""
    if key in summary:
        value, error = 100 * summary[key], 100 * summary[f"{key}_standard_error"]
        lines.append(f"perisynaptic glutamate on {names[0]}  {value:.1f} +- {error:.1f} % of baseline {stretch}")
    lines += _cascade_in_words(summary)
    lines.append(f"written to {path}; `ketasim plot {path}` draws it")
    lines.append(trajectory.attributes["advice"] + ".")
    return "\n".join(lines)


def _cascade_in_words(summary: dict[str, Any]) -> list[str]:
    """Peaks of the cascade and the density of spines, against baseline, as far as the run went."""
    peaks = [
        f"{words} {100.0 * (summary[key] - 1.0):+.1f} % at {summary[f'{key}_time'] / 3600.0:.1f} h"
        for words, key in (("BDNF", "bdnf_PYR_peak"), ("p70S6K", "p70s6k_PYR_peak"))
        if key in summary
    ]
    spines = [
        f"{100.0 * (summary[key] - 1.0):+.2f} % at {at}"
        for at in ("24 h", "3 d", "7 d")
        if (key := f"spine_density_PYR_{at.replace(' ', '_')}") in summary
    ]
    lines = [f"peaks in PYR against baseline  {', '.join(peaks)}"] if peaks else []
    return lines + ([f"spine density on PYR  {', '.join(spines)}"] if spines else [])


def _estimate(summary: dict[str, Any], key: str) -> str:
    return f"{summary[key]:.3f} +- {summary[f'{key}_standard_error']:.3f}"


@command
def check(
    config: Config,
    overrides: Overrides = None,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
) -> None:
    """Validate and build an experiment; print its size, memory and time. Runs nothing."""
    import ketasim
    from ketasim.simulation.cost import forecast, refuse_what_cannot_work

    experiment = ketasim.load_experiment(config, overrides or [])
    refuse_what_cannot_work(experiment, Path("runs") / f"{experiment.name}.h5")
    simulation = ketasim.Simulation(experiment)
    for remark in simulation.notes:
        note(remark, quiet)
    table(forecast(simulation), ("quantity", "value", "unit"), as_json)


@command
def warmup(quiet: Quiet = False, debug: Debug = False) -> None:
    """Compile the kernels now, so that the next run starts at once."""
    import ketasim
    from ketasim.kernels.jit import CACHE_FOLDER

    experiment = ketasim.load_experiment(
        "quick",
        [
            "network.neurons=20",
            "duration=2 s",
            "recording={}",
            "schedule={baseline: 0.2 s, settle: 0 s, window: 0.1 s}",
        ],
    )
    simulation = ketasim.Simulation(experiment)
    simulation.advance("2 s")
    note(f"kernels are compiled in {CACHE_FOLDER}", quiet)

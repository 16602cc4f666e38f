"""Commands that show files, drugs, mechanisms, signals, examples, the schema and versions."""

import json
import os
import re
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ketasim.cli import completion
from ketasim.cli.common import AsJson, Debug, Quiet, command, fail, note, numbers, print_json, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ketasim.sources import Row
    from ketasim.trajectory import Trajectory

Source = Annotated[Path, typer.Argument(help="Trajectory file OUT.h5.")]
_DETAIL = "Show this one in detail."


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for function in (inspect, plot, report, drugs, mechanisms, signals, examples, schema, info, cite):
        app.command()(function)


@command
def inspect(
    source: Source,
    config: Annotated[bool, typer.Option("--config", help="Print the experiment file of the run.")] = False,
    digest: Annotated[bool, typer.Option("--digest", help="Print only the digest of the content.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read the whole file and compare it with its stored digest.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
) -> None:
    """Show the contents of a trajectory file, or whether it is intact; of a sweep's folder, its runs."""
    import ketasim

    if source.is_dir():
        if config or digest or verify:
            fail("--config, --digest and --verify are of a trajectory file, not of the folder of a sweep", 2)
        numbers(ketasim.sweep_runs(source), as_json)
        return
    if verify:
        from ketasim.storage.reader import damages

        found = damages(source)
        print_json({"intact": not found, "damages": found}) if as_json else print("\n".join(found) or "intact")
        raise typer.Exit(1 if found else 0)
    with ketasim.open_trajectory(source) as trajectory:
        if digest:
            print_json({"digest": trajectory.digest()}) if as_json else print(trajectory.digest())
        elif config:
            print_json(trajectory.config) if as_json else print(_experiment_of(trajectory), end="")
        else:
            note(f"{trajectory.path}: {trajectory.progress}; {trajectory.attributes['advice']}", quiet)
            for remark in trajectory.notes:
                note(remark, quiet)
            numbers(trajectory.summary, as_json)


def _experiment_of(trajectory: "Trajectory") -> str:
    """Return the experiment file of a run as it was written; if that was overridden, all of what was run."""
    from ketasim.config import Experiment
    from ketasim.documents import KetasimError, as_yaml, parse_document

    written, ran = trajectory.provenance["config_source"], trajectory.config
    with suppress(KetasimError):  # files that it names may be gone
        if _settled(Experiment.from_document(parse_document(written)).resolved()) == _settled(ran):
            return written
    return as_yaml(ran)


def _settled(resolved: dict[str, Any]) -> dict[str, Any]:
    """Return what of an experiment is the same wherever and however it was run."""
    schedule = {key: one for key, one in resolved["schedule"].items() if key != "checkpoint"}
    moves = ("name", "threads", "drugs", "schedule")
    return {key: one for key, one in resolved.items() if key not in moves} | {"schedule": schedule}


@command
def plot(  # noqa: PLR0913, PLR0917 - one argument per option
    source: Source,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Picture; default OUT.png.")] = None,
    signals: Annotated[str | None, typer.Option("--signals", help="Only these, separated by commas.")] = None,
    network: Annotated[
        bool, typer.Option("--network", help="Draw the network instead, with synapses lost and new.")
    ] = False,
    subject: Annotated[
        bool, typer.Option("--subject", help="Draw exposures, hormones, cytokines and scores instead.")
    ] = False,
    time: Annotated[str | None, typer.Option("--time", help="The network at this time, such as '24 h'.")] = None,
    vehicle: Annotated[Path | None, typer.Option("--vehicle", help="Run with an inactive dose, in grey.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier picture.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw the chain from dose to spines, the subject (to OUT_subject.png) or the network (to OUT_network.png)."""
    import ketasim

    os.environ["MPLBACKEND"] = "agg"  # the user's may not be installed here, and would then end the import
    from ketasim.plots import page_figure, plot_network, plot_subject, save_picture

    if network + subject + bool(signals) > 1 or (time and not network):
        fail("--signals, --network and --subject cannot be combined, and --time needs --network", 2)
    kind = "_network" if network else "_subject" if subject else ""
    picture = out or source.with_name(f"{source.stem}{kind}.png")
    names = [name.strip() for name in signals.split(",")] if signals else []
    with ketasim.open_trajectory(source) as trajectory:
        other = ketasim.open_trajectory(vehicle) if vehicle else None
        try:
            if network:
                figure = plot_network(page_figure(12.5, 8.0), trajectory, time, other)
            elif subject:
                figure = plot_subject(page_figure(height=3.0), trajectory, other)
            else:
                figure = trajectory.plot(*names, vehicle=other)
        except (KeyError, ValueError) as error:  # a signal, population or time that the run does not have
            fail(str(error.args[0]), 2, {"debug": debug})
    save_picture(figure, picture, force, (source, vehicle))
    note(f"picture written to {picture}", quiet)


@command
def report(
    source: Source,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Page; default OUT.html.")] = None,
    vehicle: Annotated[
        Path | None, typer.Option("--vehicle", help="Run with an inactive dose, in grey, and compared.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier report.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a run as one page of HTML that needs nothing else: words, pictures, numbers and where they come from."""
    import ketasim

    os.environ["MPLBACKEND"] = "agg"
    page = out or source.with_suffix(".html")
    with ketasim.open_trajectory(source) as trajectory:
        other = ketasim.open_trajectory(vehicle) if vehicle else None
        ketasim.write_report(trajectory, page, other, force)
    note(f"report written to {page}", quiet)


@command
def drugs(
    name: Annotated[str | None, typer.Argument(help=_DETAIL, autocompletion=completion.drugs)] = None,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
) -> None:
    """List drugs, or every parameter of one (name or file) with unit, prior and source, and how people are given it."""
    from ketasim.drugs import describe_drug, load_catalogue, numbers_of, unknown_drug
    from ketasim.drugs.practice import practice
    from ketasim.sources import UNCERTAIN, Row

    own = [Path(name)] if name and name.endswith((".yaml", ".yml")) else []
    catalogue = load_catalogue(own)
    if own:
        name = list(catalogue)[-1]
    if name is None:
        rows = [
            (drug.name, drug.title, species or "any", drug.routes_for(species), drug.dispositions_for(species))
            for drug in catalogue.values()
            for species in (drug.species or ("",))
        ]
        table(rows, ("drug", "title", "species", "routes", "parameter sets"), as_json)
    elif name in catalogue:
        from ketasim.mechanisms import ORDER

        people = [
            Row(f"people, {' or '.join(one.routes)}", one.words(), "", one.status, one.source, None)
            for one in practice(name)
        ]
        _parameters([*describe_drug(catalogue[name]), *people], as_json)
        stated = [one for one in numbers_of(catalogue[name]) if "usual_dose" not in one.name]
        bare = [one.name for one in stated if one.block.status in UNCERTAIN and one.prior is None and one.value]
        if bare:
            note(f"recalled, assumed or fitted, without a prior: {', '.join(bare)}", quiet)
        read = {pair for mechanism in ORDER for pair in mechanism.targets}
        unread = dict.fromkeys(" ".join(row.about) for row in catalogue[name].targets if row.about not in read)
        if unread:
            note(f"no mechanism of ketasim reads {', '.join(unread)}; these rows have no effect", quiet)
    else:
        fail(unknown_drug(name, catalogue), 2)


@command
def mechanisms(
    name: Annotated[str | None, typer.Argument(help=_DETAIL, autocompletion=completion.mechanisms)] = None,
    graph: Annotated[
        bool, typer.Option("--graph", help="Print a drawing of who reads which signals of whom, as SVG.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
) -> None:
    """List mechanisms and the network, or every parameter of one with unit, prior, status and source."""
    if graph:
        from ketasim.plots.wiring import wiring_svg

        print(wiring_svg(), end="")
        return
    from ketasim.config.schedule import Sampling
    from ketasim.mechanisms import ORDER
    from ketasim.network.describe import network_rows
    from ketasim.network.resting import Ranges
    from ketasim.simulation.schedule import AutomaticSteps
    from ketasim.sources import describe

    parts = {mechanism.name: describe(mechanism.Parameters) for mechanism in ORDER}
    parts |= network_rows() | {"schedule": describe(AutomaticSteps) + describe(Sampling), "resting": describe(Ranges)}
    if name is None:
        rows = []
        for m in ORDER:
            targets = [" ".join(pair) for pair in m.targets]
            rows.append((m.name, "on" if m.by_default else "off", m.title, m.reads, m.writes, m.scales, targets))
        header = ("mechanism", "by default", "what it is", "reads", "writes", "scales", "targets")
        table(rows, header, as_json)
        others = [part for part in parts if part not in {m.name for m in ORDER}]
        note(f"parameters of each: ketasim mechanisms NAME; also for {', '.join(others)}", quiet)
    elif name in parts:
        _parameters(parts[name], as_json)
        mechanism = next((one for one in ORDER if one.name == name), None)
        if not parts[name] and mechanism is not None:
            acting = ", ".join(" ".join(pair) for pair in mechanism.targets)
            note(f"no parameters of its own; potencies are rows `{acting}` of drug files", quiet)
        for line in mechanism.card.lines() if mechanism is not None and mechanism.card is not None else ():
            note(line, quiet)
        if mechanism is not None and not mechanism.by_default:
            note(f"off by default; in an experiment, mechanisms: {{{name}: on}} or parameters switch it on", quiet)
    else:
        _unknown("mechanism", name, list(parts))


@command
def signals(
    ports: Annotated[bool, typer.Option("--ports", help="Only ports, with who scales and who reads them.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
) -> None:
    """List the signals that mechanisms share, with units, dimensions and ranges."""
    from ketasim.signals import SIGNALS, range_in_words

    if ports:
        from ketasim.engines import SpikingEngine
        from ketasim.mechanisms import ORDER

        found = [
            (
                port.name,
                port.unit,
                port.meaning,
                [one.name for one in ORDER if port.name in one.scales],
                [one.name for one in ORDER if port.name in one.reads]
                + (["the network"] if port.name in SpikingEngine.reads else []),
            )
            for port in SIGNALS.values()
            if port.kind == "port"
        ]
        table(found, ("port", "unit", "meaning", "scaled by", "read by"), as_json)
        return

    rows = [(s.name, s.unit, s.dims, s.kind, s.neutral, range_in_words(s.within), s.meaning) for s in SIGNALS.values()]
    table(rows, ("signal", "unit", "dimensions", "kind", "neutral", "range", "meaning"), as_json)


@command
def examples(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Print this file, to copy: ketasim examples quick > my.yaml", autocompletion=completion.examples
        ),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
) -> None:
    """List the example experiment files of the package, or print one."""
    from ketasim.config import examples as all_examples

    found = all_examples()
    if name is None:
        table(
            [(one, _first_words(path), str(path)) for one, path in found.items()], ("example", "about", "file"), as_json
        )
    elif name not in found:
        _unknown("example", name, list(found))
    else:
        text = found[name].read_text(encoding="utf-8")
        print_json({"example": name, "file": str(found[name]), "text": text}) if as_json else print(text, end="")


def _first_words(path: Path) -> str:
    """Return the first sentence of a file's opening comment."""
    lines = (line.lstrip("# ").strip() for line in path.read_text(encoding="utf-8").splitlines())
    words = " ".join(takewhile(bool, (line for line in lines if line and not line.startswith("yaml-language-server"))))
    return re.split(r"(?<=\.)\s", words)[0]


@command
def schema(quiet: Quiet = False, debug: Debug = False) -> None:
    """Print the JSON Schema of the experiment file, for editors."""
    from ketasim.config import experiment_schema

    print(json.dumps(experiment_schema(), indent=2))


@command
def cite(source: Source, quiet: Quiet = False, debug: Debug = False, as_json: AsJson = False) -> None:
    """Print what to cite for a run, as BibTeX: ketasim, the libraries and the sources of its parameters."""
    import ketasim
    from ketasim.analysis.citations import bibtex, citations

    with ketasim.open_trajectory(source) as trajectory:
        found = citations(trajectory)
    print_json([one._asdict() for one in found]) if as_json else print(bibtex(found), end="")


@command
def info(quiet: Quiet = False, debug: Debug = False, as_json: AsJson = False) -> None:
    """Show versions and paths."""
    import ketasim
    from ketasim.kernels.jit import CACHE_FOLDER, compiled_before
    from ketasim.recording.provenance import environment
    from ketasim.simulation.stored import folder

    found = environment()
    if not as_json:  # a thousand characters of processor features
        *names, features = found["processor"].rsplit(" ", 1)
        found["processor"] = f"{' '.join(names)}, {features.count('+')} features (--json lists them)"
    rows = list(found.items())
    rows += [
        ("package folder", str(Path(ketasim.__file__).parent)),
        ("kernel cache", str(CACHE_FOLDER)),
        ("baselines and pasts", str(folder() or "not stored")),
        ("kernels compiled", "yes" if compiled_before() else "no, the first run compiles them"),
    ]
    table(rows, ("what", "value"), as_json)


def _parameters(rows: "Sequence[Row]", as_json: bool) -> None:
    """Print parameters; the prior as text, in JSON as a sweep takes it."""

    def written(row: "Row") -> Any:
        return row.prior and (row.prior.as_range(row.unit) if as_json else str(row.prior))

    shown = [(one.name, one.value, one.unit, written(one), one.status, one.source) for one in rows]
    table(shown, ("parameter", "value", "unit", "prior", "status", "source"), as_json)


def _unknown(kind: str, name: str, known: list[str]) -> None:
    from ketasim.documents import did_you_mean

    fail(f"unknown {kind} '{name}'; allowed: {', '.join(known)}{did_you_mean(name, known)}", 2)

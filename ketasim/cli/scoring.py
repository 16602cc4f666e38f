"""The command that scores published findings."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ketasim.cli.common import AsJson, Debug, Quiet, command, fail, note, numbers, replace_text, table

if TYPE_CHECKING:
    from ketasim.findings import Finding


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(findings)


@command
def findings(  # noqa: PLR0913, PLR0917 - one argument per option
    identifiers: Annotated[str | None, typer.Option("--id", help="Only these, separated by commas.")] = None,
    role: Annotated[str | None, typer.Option("--role", help="Only calibration, prediction or input.")] = None,
    own: Annotated[
        list[Path] | None, typer.Option("--file", help="Your own finding, in place of those shipped; may be repeated.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Say what there is; run nothing.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Networks of 300 neurons, for a first look.")] = False,
    seeds: Annotated[int, typer.Option("--seeds", help="Graphs and noise of each circuit.")] = 2,
    sets: Annotated[int, typer.Option("--sets", help="Circuits that agree with C1; of mood, draws.")] = 1,
    jobs: Annotated[int | None, typer.Option("--jobs", help="Processes; default one for each core.")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of runs, table and page.")] = Path("findings"),
    quiet: Quiet = False,
    debug: Debug = False,
    as_json: AsJson = False,
) -> None:
    """Score published findings: what the model shows, with its error, and whether it is in the published range."""
    from ketasim.cli.interruption import interruptible
    from ketasim.cli.progress import SweepBar
    from ketasim.findings import load_findings, score_findings
    from ketasim.findings.report import counts, in_order, report

    known = load_findings(own or ())
    given = list(known)[-len(own) :] if own else list(known)  # own findings come last
    chosen = given if identifiers is None else [*dict.fromkeys(name.strip() for name in identifiers.split(","))]
    wanted = _wanted(known, chosen, role)
    if min(seeds, sets) < 1 or (jobs is not None and jobs < 1):
        fail("--seeds, --sets and --jobs are at least 1", 2)
    page, summary = out / "findings.html", out / "findings.csv"
    for one in (page, summary):
        if one.is_dir():
            fail(f"{one} is a folder", 2)
    if listed:
        rows = [(one.id, one.role, one.title, len(one.numbers), one.status, one.source) for one in wanted]
        table(rows, ("finding", "role", "what it is", "numbers", "status", "source"), as_json)
        return
    again = "the same command"  # runs that are done are not repeated
    try:
        with interruptible(again), SweepBar(quiet) as progress:
            scores = in_order(score_findings(wanted, out, seeds, sets, quick, jobs, progress))
    except KeyboardInterrupt:
        fail(f"interrupted; continue with: {again}", 130)
    said = "Networks of 300 neurons: for a first look only." if quick else ""
    replace_text(summary, scores.to_csv(index=False))
    replace_text(page, report(scores, known, said))
    numbers(scores, as_json)
    for name, found in counts(scores).items():
        if sum(found.values()):
            note(f"{name}: " + ", ".join(f"{number} {verdict}" for verdict, number in found.items()), quiet)
    note(f"{page} shows each with its source; {summary} is the table. {said}".strip(), quiet)


def _wanted(known: "Mapping[str, Finding]", chosen: list[str], role: str | None) -> "list[Finding]":
    """Return chosen findings of a role, or end with what is wrong."""
    from ketasim.documents.validation import unknown
    from ketasim.findings.report import ROLES

    for name in chosen:
        if name not in known:
            fail(unknown("finding", name, known), 2)
    if role is not None and role not in ROLES:
        fail(unknown("role", role, ROLES), 2)
    wanted = [known[name] for name in chosen if role in (None, known[name].role)]
    if not wanted:
        fail(f"none of these is a {role}: {', '.join(chosen)}", 2)
    return wanted

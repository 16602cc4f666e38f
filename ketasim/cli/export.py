"""The command that exports a graph, the summary or signals from a trajectory."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ketasim.cli.common import Debug, Quiet, command, fail, note

if TYPE_CHECKING:
    import pandas

    from ketasim.storage.outputs import Kind
    from ketasim.trajectory import Trajectory


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(export)


@command
def export(
    source: Annotated[Path, typer.Argument(help="Trajectory file OUT.h5.")],
    out: Annotated[str, typer.Option("-o", "--out", help="NET.graphml, NET.h5 (SONATA), or TABLE.csv.")],
    time: Annotated[str, typer.Option("--time", help="Time of the graph, such as '24 h'; default the start.")] = "0 s",
    signals: Annotated[
        str | None, typer.Option("--signals", help="To TABLE.csv: these, separated by commas, not the summary.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the graph at a given time for `network: {file: ...}`, or the summary or signals as CSV."""
    import ketasim
    from ketasim.config.models import stated_apart
    from ketasim.storage.outputs import followed, replaced

    as_table = followed(out).suffix.lower() == ".csv"
    if signals and not as_table:
        fail(f"{out}: signals are exported to a file that ends in .csv", 2)
    with ketasim.open_trajectory(source) as trajectory:
        try:
            if as_table:
                table = course(trajectory, signals.split(",")) if signals else trajectory.summary
            else:
                topology = trajectory.topology(time)
        except (KeyError, ValueError) as error:
            fail(f"{trajectory.path}: {error.args[0]}", 2)
        if as_table:
            with replaced(out, _kind(trajectory, bool(signals)), force, (source,)) as part:
                table.to_csv(part, index=False)
        else:
            ketasim.write_graph(topology, out, force)
            for key in stated_apart(trajectory.config["network"]):
                note(f"network.{key} of this run does not go with its graph: one of {out} has the default's", quiet)
    content = f"{len(table)} rows" if as_table else f"{topology.n_nodes} neurons and {topology.n_edges} synapses"
    note(f"{content} written to {out}", quiet)


def _kind(trajectory: "Trajectory", of_signals: bool) -> "Kind":
    """What an earlier export of the summary or of signals looks like; signals of ketasim or of this run."""
    from ketasim.signals import SIGNALS
    from ketasim.storage.outputs import table_with

    if not of_signals:
        return table_with(tuple(trajectory.summary.columns))
    names = {*trajectory.names(), *SIGNALS, *(f"{name}_window" for name in SIGNALS)}
    return table_with(("time (h)",), names)


def course(trajectory: "Trajectory", names: list[str]) -> "pandas.DataFrame":
    """Return signals as a table with one header row, as spreadsheets want it: ``firing_rate PYR (Hz)``."""
    import pandas

    frames = []
    for name in dict.fromkeys(map(str.strip, names)):
        frame = trajectory.to_dataframe(name)
        unit = frame.attrs["units"][name]
        frame.columns = [f"{' '.join(filter(None, (name, str(label))))} ({unit})" for label in frame.columns]
        frames.append(frame)
    return pandas.concat(frames, axis=1).reset_index()

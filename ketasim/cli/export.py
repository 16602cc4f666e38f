"""The command that exports a graph from a trajectory."""

from pathlib import Path
from typing import Annotated

import typer

from ketasim.cli.common import Debug, Quiet, command, fail, note


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(export)


@command
def export(
    source: Annotated[Path, typer.Argument(help="Trajectory file OUT.h5.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="NET.graphml, or NET.h5 for SONATA.")],
    time: Annotated[str, typer.Option("--time", help="Time of the graph, such as '24 h'; default the start.")] = "0 s",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the graph at a given time to a file that `network: {file: ...}` can read."""
    import ketasim

    with ketasim.open_trajectory(source) as trajectory:
        try:
            topology = trajectory.topology(time)
        except (KeyError, ValueError) as error:
            fail(f"{trajectory.path}: {error.args[0]}", 2)
        ketasim.write_graph(topology, out, force)
    note(f"{topology.n_nodes} neurons and {topology.n_edges} synapses written to {out}", quiet)

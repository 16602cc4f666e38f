"""Entry point of the command line."""

import sys
from typing import Annotated

import typer

from ketasim import __version__
from ketasim.cli import export, looking, running, scoring, sweeping, writing
from ketasim.cli.streams import forgive

HELP = """ketasim: ketamine from dose to network.

Simulates pharmacokinetics, NMDA blockade, a spiking prefrontal circuit and glutamate from an experiment file.
A research and teaching model; not medical advice.
"""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"ketasim {__version__}")
        raise typer.Exit


@app.callback(help=HELP)
def _of_all(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None: ...


writing.register(app)
running.register(app)
sweeping.register(app)
scoring.register(app)
looking.register(app)
export.register(app)


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 failed, 2 wrong call, 3 sweep not complete, 130 interrupted."""
    forgive()
    try:
        app()
    finally:
        sys.stdout.flush()

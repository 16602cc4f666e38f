"""Entry point of the command line."""

import sys

import typer

from ketasim.cli import export, looking, running

HELP = """ketasim: ketamine from dose to network.

Simulates pharmacokinetics, NMDA blockade, a spiking prefrontal circuit and glutamate from an experiment file.
A research and teaching model; not medical advice.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
running.register(app)
looking.register(app)
export.register(app)


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 failed, 2 wrong configuration or usage, 130 interrupted."""
    try:
        app()
    except BrokenPipeError:  # the reader of the output has closed, as in `ketasim signals | head`
        sys.stderr.close()
        sys.exit(0)

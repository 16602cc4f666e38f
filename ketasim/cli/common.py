"""What all commands share: options, errors on one screen, tables."""

import functools
import json
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes, such as doses.0.amount='0.25 mg/kg'.")
]


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the errors a user can cause into one screen and an exit code; ``--debug`` shows the traceback."""

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> None:
        from ketasim.documents import DocumentError, KetasimError

        level = logging.WARNING if options.get("quiet") else logging.INFO
        logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
        logging.getLogger("ketasim").setLevel(level)
        try:
            function(*args, **options)
        except (DocumentError, KetasimError) as error:
            fail(str(error), error.exit_code, options)
        except KeyboardInterrupt:
            fail("interrupted", 130, options)
        except MemoryError:
            fail("out of memory; fewer neurons need less, see `ketasim check`", 1, options)

    return wrapped


def fail(message: str, code: int, options: Any = None) -> None:
    """Print an error on standard error and exit with `code`."""
    if options and options.get("debug"):
        traceback.print_exc()
    print(message, file=sys.stderr)
    raise typer.Exit(code)


def note(message: str, quiet: bool = False) -> None:
    """Print a remark on standard error, where it does not mix with results."""
    if not quiet:
        print(message, file=sys.stderr)


def table(rows: Sequence[Sequence[Any]], header: Sequence[str], as_json: bool = False) -> None:
    """Print rows on standard output, aligned, or as JSON records."""
    if as_json:
        print(json.dumps([dict(zip(header, row, strict=True)) for row in rows], indent=1, default=str))
        return
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max([len(title), *(len(row[i]) for row in texts)]) for i, title in enumerate(header)]
    for line in ([title.upper() for title in header], *texts):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.6g}"
    if isinstance(cell, tuple | list):
        return ", ".join(_text(item) for item in cell)
    return str(cell)

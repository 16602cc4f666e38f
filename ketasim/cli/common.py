"""Common parts of all commands: options, short error messages, tables."""

import functools
import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from itertools import zip_longest
from math import isfinite
from shutil import get_terminal_size
from typing import Annotated, Any

import typer

#: Blanks between columns.
_GAP = 2

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes, such as doses.0.amount='0.25 mg/kg'.")
]


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn errors that users can cause into a short message and an exit code; ``--debug`` shows the traceback."""

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> None:
        from ketasim.documents import DocumentError, KetasimError

        level = logging.WARNING if options.get("quiet") else logging.INFO
        logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
        logging.getLogger("ketasim").setLevel(level)
        try:
            function(*args, **options)
        except typer.Exit as done:  # of `fail` within the command
            if options.get("debug") and done.__context__ is not None:
                traceback.print_exception(done.__context__)
            raise
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
    """Print a remark on standard error, apart from the results."""
    if not quiet:
        print(message, file=sys.stderr)


def table(rows: Sequence[Sequence[Any]], header: Sequence[str], as_json: bool = False, longest_word: int = 24) -> None:
    """Print rows on standard output: fitted to a terminal, one line each elsewhere, or as JSON records.

    On a terminal, words of more than `longest_word` letters may be broken to keep columns side by side.
    """
    if as_json:
        print_json([dict(zip(header, row, strict=True)) for row in rows])
        return
    texts = [[_text(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_fitted(texts, header, longest_word)
        return
    widths = [max([len(title), *(len(row[i]) for row in texts)]) for i, title in enumerate(header)]
    for line in ([title.upper() for title in header], *texts):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())


def print_json(value: Any) -> None:
    """Print plain data as JSON, which has no NaN and no infinity: null."""
    print(json.dumps(_plain(value), indent=1, allow_nan=False, default=str))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _print_fitted(texts: Sequence[Sequence[str]], header: Sequence[str], longest_word: int) -> None:
    """Print a table folded between words; where even single words do not fit side by side, each row as a list."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns, lines = get_terminal_size()  # rich itself takes every dumb terminal for 80 columns
    console = Console(highlight=False, width=columns, height=lines)
    least = _least_widths(texts, header)
    if _total(least) > columns:  # names are broken after an underscore, other words anywhere
        texts = [[re.sub(rf"\w{{3,{longest_word}}}_(?=\w)", "\\g<0>\n", cell) for cell in row] for row in texts]
        least = [min(longest_word, width) for width in _least_widths(texts, header)]
    too_wide = _total(least) > columns
    if too_wide and len(header) > 2:
        texts = [[cell.replace("_\n", "_") for cell in row] for row in texts]
        texts = [line for row in texts for line in (*zip(header, row, strict=True), ("", ""))]
        header, least = (), [max(map(len, header)), 1]
    fitted = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=bool(header))
    most = max(1, columns // len(least) - _GAP) if too_wide else columns  # rich cuts off what has no room left
    for title, width in zip_longest(header, least, fillvalue=""):
        fitted.add_column(str(title).upper(), min_width=min(int(width), most), overflow="fold")
    for line in texts:
        fitted.add_row(*map(Text, line))
    console.print(fitted)


def _least_widths(texts: Sequence[Sequence[str]], header: Sequence[str]) -> list[int]:
    """Widths of columns that break no word."""
    return [max(map(len, " ".join(column).split())) for column in zip(header, *texts, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * len(widths)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.6g}"
    if isinstance(cell, tuple | list):
        return ", ".join(_text(item) for item in cell)
    return str(cell)

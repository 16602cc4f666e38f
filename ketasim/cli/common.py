"""Common parts of all commands: options, short error messages, tables."""

import functools
import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import zip_longest
from math import isfinite
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ketasim.cli.completion import keys

if TYPE_CHECKING:
    import pandas

#: Blanks between columns.
_GAP = 2

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress, remarks or last words.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Changes, such as doses.0.amount='0.25 mg/kg'.", autocompletion=keys),
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
        except Exception as error:
            notes = getattr(error, "__notes__", ())  # of a mechanism's function; anything else is a mistake of ketasim
            if not notes:
                raise
            fail("\n".join([*notes, f"{type(error).__name__}: {error}; --debug shows the traceback"]), 1, options)

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


def replace_text(path: Path, text: str) -> None:
    """Write a file of results as a whole; if that fails, what was there stays."""
    from ketasim.storage.datasets import reason_of

    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        fail(f"{path}: cannot be written: {reason_of(error)}; runs that are done are kept", 2)


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


def numbers(found: "pandas.DataFrame", as_json: bool) -> None:
    """Print a table of numbers; on a terminal without the column that says each row in words."""
    if sys.stdout.isatty() and not as_json:
        found = found.drop(columns="meaning", errors="ignore")
    rows = found.astype(object).where(found.notna(), None).values.tolist()
    table(rows, tuple(found.columns), as_json, longest_word=13)


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
    columns = get_terminal_size().columns
    lines = [[title.upper() for title in header], *texts]
    least = _least_widths(lines)
    if _total(least) > columns:
        least = [min(longest_word, width) for width in _least_widths(lines, r"[\s_]+")]
    if _total(least) > columns and len(header) > 2:
        lines = [list(pair) for row in texts for pair in (*zip(header, row, strict=True), ("", ""))]
        least = [min(max(map(len, header)), columns // 3), columns // 2]
    wanted = [max(map(len, column)) - low for column, low in zip(zip(*lines, strict=True), least, strict=True)]
    room = max(0, columns - _total(least))
    widths = [low + min(more, room * more // max(1, sum(wanted))) for low, more in zip(least, wanted, strict=True)]
    for line in lines:
        folded = [_folded(cell, width) for cell, width in zip(line, widths, strict=True)]
        for parts in zip_longest(*folded, fillvalue=""):
            cells = [part.ljust(width) for part, width in zip(parts, widths, strict=True)]
            print((" " * _GAP).join(cells).rstrip())


def _least_widths(lines: Sequence[Sequence[str]], between: str = r"\s+") -> list[int]:
    """Widths of columns that break nothing but what matches."""
    return [max(map(len, re.split(between, " ".join(column)))) for column in zip(*lines, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _folded(cell: str, width: int) -> list[str]:
    """Lines of a cell: words stay whole, then parts of names up to an underscore, as far as they fit."""
    rows = [""]
    for word in cell.split():
        rows[-1] += " " if rows[-1] else ""
        parts = [word] if len(word) <= width else re.findall(r"[^_]*_|[^_]+", word)
        for part in (one[at : at + width] for one in parts for at in range(0, len(one), width)):
            if len(rows[-1] + part) > width:
                rows.append("")
            rows[-1] += part
    return [row.rstrip() for row in rows]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.6g}"
    if isinstance(cell, tuple | list):
        return ", ".join(_text(item) for item in cell)
    return str(cell)

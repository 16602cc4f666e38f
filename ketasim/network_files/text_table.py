"""Tables in text files: CSV, TSV, spreadsheets' semicolons with decimal commas, columns separated by blanks."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ketasim.documents.problems import DocumentError, Place, Problem
from ketasim.network_files.columns import EDGE_ROLES, NODE_ROLES, folded

#: Largest file in bytes; a cell takes up to ten times its text in memory.
_MOST_BYTES = 500_000_000
_STRAY = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_COMMENT = ("#", "%")
_SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas"}
_NAMES = {name for names in (*NODE_ROLES.values(), *EDGE_ROLES.values()) for name in names}


class TextTable(NamedTuple):
    """Cells of a file, and the line on which each row ends.

    Attributes
    ----------
    path : Path
        The file.
    text : list of str
        Its lines.
    header : list of str
        Names of the columns; empty if the file has none.
    rows : list of list of str
        Cells, as written.
    line : list of int
        Line of each row, from 1.
    separator : str
        What separates cells; a blank for any number of blanks.
    plain : bool
        Whether no cell of the rows holds an underscore, which Python would skip in numbers.
    """

    path: Path
    text: list[str]
    header: list[str]
    rows: list[list[str]]
    line: list[int]
    separator: str
    plain: bool = False

    def column(self, name: str) -> list[str]:
        """Return the cells of a column, stripped."""
        index = self.header.index(name)
        return [row[index].strip() for row in self.rows]

    def labels(self, name: str) -> list[str | None]:
        """Return the cells of a column, None where empty."""
        return [cell or None for cell in self.column(name)]

    def number(self, cell: str) -> Any:
        """Return a cell as a float; None if it is empty, the text if it is no number.

        Where cells are not separated by commas, a comma is the decimal sign. Python would read 1_0 as 10.
        """
        try:
            return cell if "_" in cell else float(cell)
        except ValueError:
            pass
        if not cell:
            return None
        if self.separator != "," and re.fullmatch(r"[-+]?\d*,\d+([eE][-+]?\d+)?", cell):
            return float(cell.replace(",", "."))
        return cell

    def numbers(self, name: str) -> list[Any]:
        """Return the cells of a column as `number` does."""
        cells = self.column(name)
        with suppress(ValueError):
            if self.plain or not any("_" in cell for cell in cells):
                return list(map(float, cells))
        return list(map(self.number, cells))

    def place(self, row: int, name: str) -> Place:
        """Return the place of a cell; only its line if quotes or blanks hide the cells' limits."""
        text = self.text[self.line[row] - 1]
        plain = name in self.header and '"' not in text and self.separator != " "
        before = self.header.index(name) if plain else 0
        column = 1 + sum(len(cell) + 1 for cell in self.rows[row][:before])
        return Place(str(self.path), self.line[row], column, text)

    def head(self) -> Place:
        """Return the place of the first line."""
        number = self.line[0] - 1 if not self.header and self.line else 0
        return Place(str(self.path), number + 1, 1, self.text[number] if self.text else "")

    def notes(self) -> Iterator[str]:
        """Say how the file was read where it is not plain comma- or tab-separated text with points."""
        if self.separator not in _usual(self.path):
            yield f"{self.path.name}: columns separated by {_SEPARATORS.get(self.separator, 'blanks')}"
        if self.separator != "," and any("," in cell for row in self.rows[:100] for cell in row):
            yield f"{self.path.name}: decimal commas read as points"


def read_table(path: Path, blanks: bool = False, header: bool | None = True) -> TextTable:
    """Read a table in UTF-8.

    The separator is a tab, a semicolon or a comma, the first of them in the first line; in ``.txt`` and files with
    other endings than ``.csv`` and ``.tsv``, without any, it is blanks. Lines that begin with ``#`` or ``%`` are
    comments, but the first of the file is its header if it names columns.

    Parameters
    ----------
    path : Path
        The file.
    blanks : bool
        Whether columns may be separated by blanks in a file with any ending.
    header : bool or None
        Whether the first line names the columns; None to find out: it does if one of its cells is a name that ketasim
        knows, or if, in a ``.csv`` or ``.tsv`` file, none of its cells is a number.

    Raises
    ------
    DocumentError
        The file is too large, no table in UTF-8, or a row is shorter or longer than the header.
    """
    size = path.stat().st_size
    if size > _MOST_BYTES:
        message = f"{size / 1e6:.0f} MB; tables may have up to {_MOST_BYTES / 1e6:.0f} MB; use SONATA beyond"
        refuse(None, str(path), message)
    separator = ","
    try:
        whole = path.read_text(encoding="utf-8-sig")
        text = whole.splitlines()
        first, skipped = _first_line(text)
        separator = _separator(first, path, blanks)
        lines = _cells(text, skipped, separator, any(sign in whole for sign in _COMMENT))
    except (UnicodeDecodeError, csv.Error) as error:
        refuse(None, str(path), f"not a table in UTF-8: {error}{_advice(path, error)}")
    if found := _STRAY.search(whole):
        stray = min(whole.count("\n", 0, found.start()), len(text) - 1)
        refuse(Place(str(path), stray + 1, 1, text[stray]), "", "this line contains a control character")
    names = [cell.strip() for cell in _split(first.lstrip("#% "), separator)] if first else []
    names = [name for name in names if name] if separator == " " else names
    if header is None:
        header = _is_header(names, path)
    plain = "_" not in whole[whole.find(first) + len(first) if header else 0 :]
    table = TextTable(path, text, names if header else [], [], [], separator, plain)
    rows = lines[1:] if header else lines
    table.rows.extend(row for row, _ in rows)
    table.line.extend(line for _, line in rows)
    width = len(names) if header else len(table.rows[0]) if table.rows else 0
    if any(len(row) != width for row in table.rows):
        index = next(index for index, row in enumerate(table.rows) if len(row) != width)
        names_it = "the header names" if header else "the first line has"
        hint = _comma_hint(table, index, width)
        message = f"{len(table.rows[index])} cells, but {names_it} {width} columns{hint}"
        refuse(table.place(index, ""), "", message)
    return table


def _first_line(text: Sequence[str]) -> tuple[str, int]:
    """Return the first line with content, and how many lines to skip; a commented header counts as the first."""
    for number, line in enumerate(text):
        if not line.strip():
            continue
        bare = line.lstrip("#% ")
        named = {folded(cell) for cell in re.split(r"[\t;, ]+", bare)} & _NAMES
        if line.startswith(_COMMENT) and len(named) < 2:
            continue
        return line, number
    return "", 0


def _separator(line: str, path: Path, blanks: bool) -> str:
    found = next((separator for separator in ("\t", ";", ",") if separator in line), None)
    usual = _usual(path)
    if found is None or (found == "," and usual == (" ",) and re.search(r"\d,\d+\s+\S", line)):
        found = " " if (blanks or usual == (" ",)) and len(line.split()) > 1 else usual[0]
    return found


def _usual(path: Path) -> tuple[str, ...]:
    return {".csv": (",",), ".tsv": ("\t",)}.get(path.suffix.lower(), (" ",))


def _cells(text: list[str], skipped: int, separator: str, comments: bool) -> list[tuple[list[str], int]]:
    """Return the cells of each line with content, and the line on which they end."""
    reader = csv.reader(text[skipped:], delimiter=separator, strict=True, skipinitialspace=separator == " ")
    if separator == " ":
        split = (([cell for cell in row if cell], reader.line_num + skipped) for row in reader)
        rows = [(row, number) for row, number in split if row]
    else:
        rows = [(row, reader.line_num + skipped) for row in reader if row]
    if comments:  # but not the header
        rows[1:] = [(row, number) for row, number in rows[1:] if not row[0].startswith(_COMMENT)]
    return rows


def _split(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator, skipinitialspace=separator == " "), [])


def _is_header(names: Sequence[str], path: Path) -> bool:
    if not names or {folded(name) for name in names} & _NAMES:
        return True
    return path.suffix.lower() in (".csv", ".tsv") and not any(is_number(name) for name in names)


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, with a decimal point or comma."""
    return re.fullmatch(r"\s*[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*", cell) is not None


def _comma_hint(table: TextTable, index: int, width: int) -> str:
    if table.separator == "," and len(table.rows[index]) > width:
        return "; with decimal commas, separate columns by semicolons or tabs"
    return ""


def _advice(path: Path, error: Exception) -> str:
    return "; save it as CSV in UTF-8" if isinstance(error, UnicodeDecodeError) else ""


def refuse(place: Place | None, path: str, message: str) -> NoReturn:
    """Raise the error of one problem."""
    raise DocumentError([Problem(place, path, message)])

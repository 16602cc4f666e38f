"""The file of a sweep: a table of runs, their summaries and their slow signals, in one SQLite database.

One process writes, a transaction for each run that ends, so a kill or power cut loses no run that was reported. A
thousand trajectory files would take minutes to open; here a signal of all runs is read in one pass.
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import uuid4

import numpy as np

from ketasim.digests import parts_digest, text_digest
from ketasim.documents import KetasimError

if TYPE_CHECKING:
    import pandas

#: Name of the database in a sweep's folder, and what its first table says it is.
NAME, FORMAT = "sweep.db", "ketasim-sweep-1"

#: s that a reader waits while a writer commits.
_WAIT = 30.0

_ARRAYS = ("times", "values")

#: Columns of the table of runs beside a run's number and coordinates.
OUTCOME = ("state", "seconds", "error", "processor", "digest", "finished")

#: Attributes of a signal that are kept: its unit, its meaning, and how pictures show it.
ATTRIBUTES = ("units", "long_name", "shown")

DONE, FAILED, WAITING = "done", "failed", "waiting"

_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE runs (
    number INTEGER PRIMARY KEY, labels TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', seconds REAL, error TEXT,
    processor TEXT, digest TEXT, finished TEXT
);
CREATE TABLE processors (name TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE arrays (id INTEGER PRIMARY KEY, digest TEXT UNIQUE NOT NULL, data BLOB NOT NULL);
CREATE TABLE layouts (id INTEGER PRIMARY KEY, text TEXT UNIQUE NOT NULL);
CREATE TABLE signals (
    name TEXT NOT NULL, run INTEGER NOT NULL REFERENCES runs, layout INTEGER NOT NULL REFERENCES layouts,
    times INTEGER NOT NULL REFERENCES arrays, data BLOB NOT NULL, PRIMARY KEY (name, run)
);
CREATE TABLE numbers (id INTEGER PRIMARY KEY, text TEXT UNIQUE NOT NULL);
CREATE TABLE summaries (
    run INTEGER NOT NULL REFERENCES runs, number INTEGER NOT NULL REFERENCES numbers, value REAL, error REAL,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
"""


class SweepError(KetasimError):
    """A sweep's folder cannot be read, or is not what it must be."""

    exit_code = 2


class Signal(NamedTuple):
    """A slow signal of one run.

    Attributes
    ----------
    times : (T,) float array
        s from time zero.
    values : (T,) or (T, n) float array
        Values in the unit of the layout.
    layout : str
        JSON: `ATTRIBUTES`, the second dimension's name, its labels and its further coordinates.
    """

    times: np.ndarray
    values: np.ndarray
    layout: str


class Outcome(NamedTuple):
    """What a worker returns of a run.

    Attributes
    ----------
    number : int
        Number of the run.
    state : str
        ``done``, ``failed``, or ``waiting`` for one that was interrupted.
    seconds : float
        Wall time of the run in this attempt.
    error : str
        Why it failed.
    processor : str
        Name and features of the processor.
    digest : str
        Digest of the content of the trajectory.
    summary : list of tuple
        Rows (quantity, population, at, statistic, value, error, unit, meaning).
    signals : dict of str to Signal
        Slow signals, if they are kept.
    """

    number: int
    state: str
    seconds: float = 0.0
    error: str = ""
    processor: str = ""
    digest: str = ""
    summary: Sequence[tuple[Any, ...]] = ()
    signals: Mapping[str, Signal] = {}


class Store:
    """A sweep's database, for reading, or for its only writer.

    Parameters
    ----------
    folder : Path
        Folder of the sweep.
    """

    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / NAME

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, str], labels: Iterable[str]) -> Self:
        """Make the database of a new sweep.

        Parameters
        ----------
        folder : Path
            Folder, which is made.
        facts : mapping
            What the sweep is, as text by name.
        labels : iterable of str
            JSON of the coordinates of each run, in the order of their numbers.
        """
        store = cls(folder)
        part = store.path.with_name(f"{NAME}.part")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            with closing(sqlite3.connect(part)) as file, file:
                file.executescript(_TABLES)
                file.executemany("INSERT INTO facts VALUES (?, ?)", [("format", FORMAT), *facts.items()])
                file.executemany("INSERT INTO runs (number, labels) VALUES (?, ?)", enumerate(labels))
            part.replace(store.path)
        except (OSError, sqlite3.Error) as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise SweepError(f"{folder}: cannot be written: {error}") from error
        return store

    @contextmanager
    def _open(self, write: bool = False) -> Iterator[sqlite3.Connection]:
        if not self.path.is_file():
            raise SweepError(f"{self.folder}: there is no sweep ({NAME} is missing)")
        mode = "rw" if write else "ro"
        try:
            with closing(
                sqlite3.connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_WAIT)
            ) as file:
                found = file.execute("SELECT value FROM facts WHERE name = 'format'").fetchone()
                if found is None or found[0] != FORMAT:
                    raise SweepError(f"{self.path}: written in format {found and found[0]}, not {FORMAT}")
                with file:
                    yield file
        except sqlite3.Error as error:
            raise SweepError(f"{self.path}: cannot be {'written' if write else 'read'}: {error}") from error

    def facts(self) -> dict[str, str]:
        """Return what the sweep is, by name."""
        with self._open() as file:
            return dict(file.execute("SELECT name, value FROM facts"))

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Store what runs returned, all of it or nothing."""
        with self._open(write=True) as file:
            for one in outcomes:
                self._add(file, one)

    def _add(self, file: sqlite3.Connection, one: Outcome) -> None:
        kind = f"{one.processor.split(' ')[0]} {text_digest(one.processor)[:8]}" if one.processor else None
        file.execute("INSERT OR IGNORE INTO processors VALUES (?, ?)", (kind, one.processor)) if kind else None
        file.execute(
            "UPDATE runs SET state = ?, seconds = COALESCE(seconds, 0) + ?, error = ?, processor = ?, digest = ?, "
            "finished = datetime('now') WHERE number = ?",
            (one.state, one.seconds, one.error or None, kind, one.digest or None, one.number),
        )
        for row in one.summary:
            *key, value, error, unit, meaning = row
            number = _id_of(file, "numbers", json.dumps([*key, unit, meaning]))
            file.execute("INSERT OR REPLACE INTO summaries VALUES (?, ?, ?, ?)", (one.number, number, value, error))
        for name, signal in one.signals.items():
            layout, times = _id_of(file, "layouts", signal.layout), _array_id(file, signal.times)
            values = (name, one.number, layout, times, packed(signal.values))
            file.execute("INSERT OR REPLACE INTO signals VALUES (?, ?, ?, ?, ?)", values)

    def retry(self) -> None:
        """Let failed runs wait again."""
        with self._open(write=True) as file:
            file.execute("UPDATE runs SET state = ?, error = NULL WHERE state = ?", (WAITING, FAILED))

    def states(self) -> np.ndarray:
        """Return (runs,) the state of each run."""
        with self._open() as file:
            return np.array([row[0] for row in file.execute("SELECT state FROM runs ORDER BY number")])

    def runs(self) -> "pandas.DataFrame":
        """Return the table of runs: number, its coordinates, state, seconds, error, processor, digest, finished.

        The processor is its name and a digest of its features, which the table `processors` has in full.
        """
        import pandas

        with self._open() as file:
            rows = file.execute(f"SELECT number, labels, {', '.join(OUTCOME)} FROM runs ORDER BY number").fetchall()
        numbers, labels, *others = zip(*rows, strict=True)
        table = pandas.DataFrame([json.loads(one) for one in labels])
        table.insert(0, "run", numbers)
        for name, values in zip(OUTCOME, others, strict=True):
            table[name] = values
        return table

    def summaries(self) -> "pandas.DataFrame":
        """Return the summaries of all runs that are done: run, then the columns of a run's summary."""
        import pandas

        with self._open() as file:
            keys = {number: json.loads(text) for number, text in file.execute("SELECT id, text FROM numbers")}
            rows = file.execute("SELECT run, number, value, error FROM summaries ORDER BY run, number").fetchall()
        columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
        table = pandas.DataFrame({"run": columns[0]})
        numbers = np.array(columns[1], int)
        for place, name in enumerate(("quantity", "population", "at", "statistic", "unit", "meaning")):
            names = {number: key[place] for number, key in keys.items()}
            table[name] = pandas.Series(numbers, dtype=int).map(names)
        table["value"], table["error"] = (np.array(column, float) for column in columns[2:])  # NULL is NaN
        return table[["run", "quantity", "population", "at", "statistic", "value", "error", "unit", "meaning"]]

    def layouts(self) -> dict[str, list[dict[str, Any]]]:
        """Return how each signal is laid out in any run, by name."""
        query = (
            "SELECT DISTINCT signals.name, layouts.text FROM signals JOIN layouts ON layouts.id = signals.layout "
            "ORDER BY signals.layout"
        )
        found: dict[str, list[dict[str, Any]]] = {}
        with self._open() as file:
            for name, text in file.execute(query):
                found.setdefault(name, []).append(json.loads(text))
        return found

    def times(self) -> list[np.ndarray]:
        """Return the different arrays of times that runs have."""
        with self._open() as file:
            return [unpacked(data) for (data,) in file.execute("SELECT data FROM arrays ORDER BY id")]

    def signal(self, name: str, numbers: Sequence[int]) -> Iterator[tuple[int, Signal]]:
        """Yield a signal of some runs: those among them that have it, in any order."""
        query = (
            "SELECT signals.run, arrays.data, signals.data, layouts.text FROM signals JOIN arrays ON arrays.id = times "
            "JOIN layouts ON layouts.id = layout WHERE name = ? AND run BETWEEN ? AND ? ORDER BY run"
        )
        wanted = set(map(int, numbers))
        with self._open() as file:
            last: tuple[bytes, np.ndarray] | None = None
            for run, times, data, layout in file.execute(query, (name, min(wanted), max(wanted))):
                if run in wanted:
                    if last is None or last[0] != times:
                        last = times, unpacked(times)
                    yield run, Signal(last[1], unpacked(data), layout)


def packed(array: np.ndarray) -> bytes:
    """Return an array as compressed bytes, from which `unpacked` makes the same bits."""
    raw = BytesIO()
    np.save(raw, np.ascontiguousarray(array), allow_pickle=False)
    return zlib.compress(raw.getvalue(), 6)


def unpacked(data: bytes) -> np.ndarray:
    """Return the array of `packed`."""
    found: np.ndarray = np.load(BytesIO(zlib.decompress(data)), allow_pickle=False)
    return found


def _id_of(file: sqlite3.Connection, table: str, text: str) -> int:
    file.execute(f"INSERT OR IGNORE INTO {table} (text) VALUES (?)", (text,))
    return int(file.execute(f"SELECT id FROM {table} WHERE text = ?", (text,)).fetchone()[0])


def _array_id(file: sqlite3.Connection, array: np.ndarray) -> int:
    digest = parts_digest([f"{array.dtype} {array.shape}".encode(), array])
    found = file.execute("SELECT id FROM arrays WHERE digest = ?", (digest,)).fetchone()
    if found is None:
        found = (file.execute("INSERT INTO arrays (digest, data) VALUES (?, ?)", (digest, packed(array))).lastrowid,)
    return int(found[0])


def write_outcome(file: Path, outcome: Outcome) -> None:
    """Write an outcome to a file of its own, which appears complete or not at all."""
    header = outcome._asdict() | {"signals": {name: signal.layout for name, signal in outcome.signals.items()}}
    arrays = {f"{part} {name}": getattr(one, part) for name, one in outcome.signals.items() for part in _ARRAYS}
    part = file.with_name(f".{file.name}.{uuid4().hex[:8]}")
    with open(part, "wb") as stream:
        np.savez_compressed(stream, header=np.array(json.dumps(header)), **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)


def read_outcome(file: Path) -> Outcome:
    """Return the outcome of a file of `write_outcome`."""
    with np.load(file, allow_pickle=False) as found:
        header = json.loads(str(found["header"]))
        header["summary"] = [tuple(row) for row in header["summary"]]
        header["signals"] = {
            name: Signal(found[f"times {name}"], found[f"values {name}"], layout)
            for name, layout in header["signals"].items()
        }
    return Outcome(**header)

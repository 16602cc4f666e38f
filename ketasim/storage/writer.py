"""Writing a trajectory file during a run, so that a kill at any moment leaves what was flushed.

HDF5 with its default format, flushed after each block and never reusing space, is readable after a kill; the latest
format and SWMR leave a flag that prevents opening it again.
"""

import errno
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import wraps
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, Self, TypeVar
from uuid import uuid4

import h5py
import numpy as np

from ketasim import __version__
from ketasim.nested import flattened, part_of
from ketasim.storage import edges, samples, sonata, tables
from ketasim.storage.checkpoint import CheckpointError
from ketasim.storage.content import digests_of_fixed, file_digest, item_digests
from ketasim.storage.datasets import (
    ADVICE,
    CONVENTIONS,
    FORMAT_VERSION,
    SONATA_MAGIC,
    SONATA_VERSION,
    StorageError,
    native,
    part_path,
    place_of,
    reason_of,
    store,
)
from ketasim.storage.disk import Disk, fault_point, sync_folder
from ketasim.storage.growing_table import GrowingTable
from ketasim.storage.outputs import TRAJECTORY, OutputError, place_to_write
from ketasim.storage.reader import Trajectory

if TYPE_CHECKING:
    from ketasim.network.topology import Topology

#: Groups whose members are added during a run.
_GROWING = ("trajectories", "spikes", "structure")

#: Attributes of the root that are set at the end of a run.
_OF_THE_END = ("finished", "stopped_because", "content_sha256", "network_time", "wall_time_network")


class _Writes(Protocol):
    failed: bool

    @property
    def place(self) -> str: ...

    @property
    def disk_error(self) -> OSError | None: ...


_W = TypeVar("_W", bound=_Writes)
_P = ParamSpec("_P")
_R = TypeVar("_R")


def names_the_file(method: Callable[Concatenate[_W, _P], _R]) -> Callable[Concatenate[_W, _P], _R]:
    """Turn errors of HDF5 and the operating system into a `StorageError` that names the file."""

    @wraps(method)
    def guarded(self: _W, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(self, *args, **kwargs)
        except (OSError, RuntimeError) as error:
            self.failed = True
            first = self.disk_error or error  # later errors of HDF5 are about its own tables
            raise StorageError(f"{self.place}: cannot be written: {reason_of(first)}") from error

    return guarded


class TrajectoryWriter:
    """Writer of one trajectory file.

    As a context manager it flushes and closes the file. Only `finish` makes the file complete; without it, and after an
    exception, the ``.part`` of a path remains, readable up to the last row, with ``complete`` 0.

    Parameters
    ----------
    target : Path or BytesIO
        Path OUT.h5, whose folder is created; OUT.h5.part is written, replacing an older one, and renamed by `finish`.
        A BytesIO holds the file in memory.
    attributes : mapping, optional
        Attributes of the root beside those that every file has; may replace `run_id` and `created`. With a `state` the
        file must have the same `run_id`, and keeps its other attributes.
    state : mapping, optional
        `state` of a writer whose OUT.h5.part exists: whatever was written later is cut off and writing continues from
        there. Its tables need not be created again.

    Raises
    ------
    CheckpointError
        A state is given, and OUT.h5.part does not match it.
    StorageError
        From any method, if the file cannot be written; the message names the file and the reason.
    """

    @names_the_file
    def __init__(
        self,
        target: Path | BytesIO,
        attributes: Mapping[str, Any] | None = None,
        state: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.failed = False
        self._destination = target if isinstance(target, BytesIO) else part_path(target)
        self._disk: Disk | None = None
        self._tables: dict[str, GrowingTable] = {}  # by path
        self._reopened = state is not None
        self._fixed: dict[str, str] = {}  # known digests of datasets that do not grow
        if state is not None:
            assert isinstance(self._destination, Path)
            run_id = (attributes or {}).get("run_id")
            self._file, self._disk, self._tables = reopened(self._destination, state, run_id)
        else:
            self._file, self._disk = new_file(self._destination, attributes or {})
        try:
            self._commit()
        except OSError:
            self._file.close()  # or HDF5 would, as the interpreter ends, and crash it
            raise

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What another writer needs to continue from here: lengths of the tables in the file, and rows in memory."""
        self._fixed = digests_of_fixed(self._file, self._fixed)
        present = [f"{place}/{name}" for place in _GROWING for name in self._file.get(place, ())]
        known = {"tables": list(self._tables), "present": present, "fixed": self._fixed}
        arrays = flattened({path: table.state for path, table in self._tables.items()})
        return arrays | {"known": np.frombuffer(json.dumps(known).encode(), np.uint8)}

    def written(self) -> Trajectory:
        """Flush, and return the trajectory so far, for reading while the file is still open for writing."""
        self.flush()
        return Trajectory(self._file, None)

    def last_time(self, group: str) -> float:
        """Time in s of the last row of /trajectories/<group>; -inf before the first."""
        return self._tables[f"trajectories/{group}"].last

    @property
    def place(self) -> str:
        """What is being written, for messages."""
        return place_of(self._destination)

    @property
    def disk_error(self) -> OSError | None:
        """Error of the operating system when the file could not be written; None without one."""
        return self._disk.error if self._disk is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._file:
            return
        try:
            if not self.failed:
                self.flush()
            self._close()
        except StorageError:
            with suppress(StorageError):
                self._close()
            # After an exception that one matters, not that the last rows do not fit on a full disk.
            if kind is None:
                raise

    @names_the_file
    def write_provenance(self, texts: Mapping[str, str]) -> None:
        """Write /provenance/<name> for each text (`config_source`, `environment`, ...; tables as JSON)."""
        tables.write_provenance(self._file.require_group("provenance"), texts)
        self._commit()

    @names_the_file
    def write_schedule(self, slow_times: Sequence[float] | np.ndarray) -> None:
        """Write /provenance/slow_times: (T,) s, planned times of slow steps up to the run's end."""
        group = self._file.require_group("provenance")
        store(group, "slow_times", np.asarray(slow_times, dtype="f8"), "s", "planned times of slow steps")
        self._commit()

    @names_the_file
    def write_topology(self, topology: "Topology") -> None:
        """Write the graph at the start under /nodes and /edges, as SONATA."""
        sonata.write_topology(self._file, topology)
        self._commit()

    @names_the_file
    def create_samples(
        self,
        group: str,
        columns: Sequence[samples.Column],
        coordinates: Mapping[str, Any] | None = None,
        labels: Mapping[str, tuple[str, Any]] | None = None,
    ) -> None:
        """Create /trajectories/<group>, a set of signals sampled at the same times; a reopened file continues its own.

        Parameters
        ----------
        group : str
            ``subject``, ``population`` or ``node``.
        columns : sequence of Column
            Signals, with dimensions (time, *dims).
        coordinates : mapping of str to array_like, optional
            Values of each dimension, such as ``{"population": ("PYR", "PV")}``.
        labels : mapping of str to (dimension, values), optional
            Further labels, such as ``{"node_id": ("node", [0, 1, 0])}``.

        Raises
        ------
        ValueError
            The group exists, a dimension has no values, or values do not fit their dimension.
        """
        if self._is_new(f"trajectories/{group}"):
            parent = self._file.require_group("trajectories").create_group(group, track_order=True)
            table = samples.create_samples(parent, columns, coordinates or {}, labels or {})
            self._tables[f"trajectories/{group}"] = table
            self._commit()

    @names_the_file
    def append(self, group: str, time: float, values: Mapping[str, Any], stage: str = "run") -> None:
        """Add one row to /trajectories/<group>; it is written when its chunk is full, or by `flush`.

        Parameters
        ----------
        group : str
            As of `create_samples`.
        time : float
            s from time zero, later than the previous row.
        values : mapping of str to array_like
            Values of each column, which are copied.
        stage : str
            ``baseline`` or ``run``.

        Raises
        ------
        KeyError
            The group is unknown, or columns are missing or unknown.
        ValueError
            A shape is wrong, or the time is not later.
        """
        samples.append_sample(self._tables[f"trajectories/{group}"], time, stage, values)
        self._flush_full_block()

    @names_the_file
    def append_spikes(self, population: str, timestamps_ms: np.ndarray, node_ids: np.ndarray) -> None:
        """Add the spikes of a window to /spikes/<population>; without spikes it only creates the group.

        Parameters
        ----------
        population : str
            Population that fired them.
        timestamps_ms : (S,) array
            ms from time zero, in any order, none before those of an earlier call.
        node_ids : (S,) array of int
            Neurons, numbered from 0 within the population.

        Raises
        ------
        ValueError
            Times go back.
        """
        path = f"spikes/{population}"
        if path not in self._tables:
            self._tables[path] = sonata.create_spikes(self._file.require_group("spikes").create_group(population))
        sonata.append_spikes(self._tables[path], timestamps_ms, node_ids)
        self._flush_full_block()

    @names_the_file
    def create_edge_events(self, pairs: Iterable[edges.Pair]) -> None:
        """Create /structure/events for the plastic edges; a reopened file continues its own.

        Parameters
        ----------
        pairs : iterable of (str, str)
            Populations of source and target, such as ``[("PYR", "PYR")]``.

        Raises
        ------
        ValueError
            It exists already.
        """
        if self._is_new("structure/events"):
            table = edges.create_events(self._file.require_group("structure"), pairs)
            self._tables["structure/events"] = table
            self._commit()

    @names_the_file
    def append_edge_events(self, time_s: float, events: Mapping[edges.Pair, Sequence[Any]]) -> None:
        """Add births and deaths of edges in a slow step, also if there were none.

        Parameters
        ----------
        time_s : float
            End of the step, later than that of the previous step.
        events : mapping of (str, str) to sequence
            By class pair, (B,) arrays kind (0 birth, 1 death), source and target (from 0 within their population),
            weight (relative, stored in single precision) and delay (ms), in the order in which they apply.

        Raises
        ------
        ValueError
            Time goes back, or lengths differ.
        KeyError
            A pair is not one of those of `create_edge_events`.
        """
        edges.append_events(self._tables["structure/events"], time_s, edges.changing_pairs(self._file), events)
        self._flush_full_block()

    @names_the_file
    def write_snapshot(self, name: str, time_s: float, topology: "Topology", pairs: Iterable[edges.Pair]) -> None:
        """Write the edges of class pairs at a time, under /structure/snapshot_<name>."""
        edges.write_snapshot(self._file, name, time_s, topology, pairs)
        self._commit()

    @names_the_file
    def write_graph_measures(
        self, name: str, time_s: float, population: str, measures: Mapping[str, tuple[Any, str, str]]
    ) -> None:
        """Write /structure/measures_<name>, measures of the graph within a population.

        Parameters
        ----------
        name : str
            Name of the set.
        time_s : float
            s from time zero.
        population : str
            Population within which edges were measured.
        measures : mapping of str to (value, unit, meaning)
            A value is a number, or a (K,) array by degree.
        """
        edges.write_measures(self._file, name, time_s, population, measures)
        self._commit()

    @names_the_file
    def write_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Write /events: doses and stimuli as given.

        A key that ends in a unit, such as ``start_s`` or ``amount_mg_per_kg``, becomes a dataset with that unit and
        without the ending.
        """
        tables.write_events(self._file, events)
        self._commit()

    @names_the_file
    def write_summary(self, table: Mapping[str, Any]) -> None:
        """Write /summary, a table with the columns quantity, population, at, statistic, value, error, unit, meaning."""
        tables.write_summary(self._file, table)
        self._commit()

    @names_the_file
    def mark(self, **marks: float | str) -> None:
        """Set attributes of the root that are known only at the end of the run."""
        for name, value in marks.items():
            self._file.attrs[name] = value
        self._commit()

    @names_the_file
    def flush(self) -> None:
        """Write all rows and spikes kept in memory and hand them to the operating system.

        A chunk written before it is full is stored again when it is, so flush only with a reason.
        """
        self._write_rows(whole_blocks=False)

    @names_the_file
    def stop(self, reason: str) -> None:
        """Flush and note in the file why the run stopped early."""
        self.flush()
        self._file.attrs["stopped_because"] = reason
        self._commit()

    @names_the_file
    def sync(self) -> None:
        """Force everything but the rows kept in memory to disk, as a checkpoint requires."""
        self._commit()
        if self._disk is not None:
            self._disk.sync()

    @names_the_file
    def finish(self) -> None:
        """Flush, mark the file as complete with the digest of its content, close it and give it its final name.

        The digest is computed from the file as read back, so that a bad block is noticed now.
        """
        self.flush()
        fault_point("rename")
        self._file.attrs["finished"] = now()
        self._file.attrs["complete"] = 1
        self._file.attrs["content_sha256"] = file_digest(self._file)
        self._commit()
        fault_point("rename")
        self._close()
        if not isinstance(self._destination, BytesIO):
            complete(self._destination)

    @names_the_file
    def _close(self) -> None:
        self._file.close()
        if self._disk is not None:
            self._disk.close()

    def _is_new(self, path: str) -> bool:
        """Whether a table has to be created; ValueError if it already was."""
        if path in self._tables and not self._reopened:
            raise ValueError(f"/{path} exists already")
        return path not in self._tables

    def _commit(self) -> None:
        self._file.flush()
        if self._disk is not None:
            self._disk.commit()

    def _flush_full_block(self) -> None:
        if any(table.has_whole_block for table in self._tables.values()):
            self._write_rows(whole_blocks=True)

    def _write_rows(self, whole_blocks: bool) -> None:
        finishing = [table.write(whole_blocks) for table in self._tables.values()]
        for write_key in finishing:  # times after their data, for whom the commit is not atomic: HDF5 in memory
            write_key()
        self._commit()


def new_file(destination: Path | BytesIO, attributes: Mapping[str, Any]) -> tuple[h5py.File, Disk | None]:
    """Create a trajectory file with its standard attributes, and `attributes`, which may replace some.

    Returns
    -------
    file : h5py.File
        The file.
    disk : Disk or None
        The disk below it; None in memory.
    """
    disk = None
    if isinstance(destination, BytesIO):
        file = h5py.File(destination, "w")
    else:
        destination.parent.mkdir(parents=True, exist_ok=True)
        disk = Disk(destination)
        sync_folder(destination.parent)
        file = h5py.File(disk, "w", fs_strategy="none")
    marks = {
        "Conventions": CONVENTIONS,
        "format_version": FORMAT_VERSION,
        "ketasim_version": __version__,
        "advice": ADVICE,
        "complete": 0,
        "run_id": str(uuid4()),
        "created": now(),
        "magic": SONATA_MAGIC,
        "version": SONATA_VERSION,
    }
    for name, value in (marks | dict(attributes)).items():
        file.attrs[name] = value
    return file, disk


def complete(part: Path) -> None:
    """Give a complete OUT.h5.part its final name.

    Raises
    ------
    StorageError
        It cannot be renamed; for example, on Windows, while another program has OUT.h5 open, or because something that
        is not a trajectory has come to OUT.h5.
    """
    target = part.with_suffix("")
    fault_point("rename")
    try:
        place_to_write(target, TRAJECTORY, force=True)  # something else may have come since the run began
        os.replace(part, target)
    except OutputError as error:
        raise StorageError(f"{part}: complete, but it cannot be renamed: {error}") from error
    except OSError as error:
        raise StorageError(
            f"{part}: complete, but it cannot be renamed to {target.name}: {reason_of(error)}"
        ) from error
    sync_folder(part.parent)
    fault_point("rename")


def complete_after_all(part: Path) -> None:
    """Rename an OUT.h5.part whose run was interrupted after the file was marked as complete.

    An interrupted last commit is finished first, so that every HDF5 reader can open the file.

    Raises
    ------
    StorageError
        It cannot be written or renamed.
    """
    try:
        Disk.reopened(part).close()
    except OSError as error:
        raise StorageError(f"{part}: cannot be written: {reason_of(error)}") from error
    complete(part)


def now() -> str:
    """Return the current time for the file's attributes."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def reopened(
    path: Path, state: Mapping[str, np.ndarray], run_id: str | None
) -> tuple[h5py.File, Disk, dict[str, GrowingTable]]:
    """Open an OUT.h5.part to continue from a state; later content is cut off with the first commit.

    Raises
    ------
    CheckpointError
        It is missing, damaged, of a run other than `run_id`, or lacks content of the state.
    OSError
        It cannot be read or written.
    """
    with ExitStack() as undone:
        try:
            if not path.stat().st_size:
                raise ValueError("it is empty")  # HDF5 would create a file in it
            disk = Disk.reopened(path)
            undone.callback(disk.abandon)
            file = h5py.File(disk, "r+")
            undone.callback(file.close)
            found = native(file.attrs.get("run_id"))
            if run_id not in (None, found):
                raise ValueError(f"it belongs to run {found}, the checkpoint to {run_id}")
            growing = _cut_back(file, state)
        except (OSError, RuntimeError, LookupError, ValueError, TypeError, StorageError) as error:
            if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
                raise
            raise CheckpointError(
                f"{path}: does not match its checkpoint: {reason_of(error)}; the run cannot continue; "
                "`ketasim run ... --force` starts over"
            ) from error
        undone.pop_all()
        return file, disk, growing


def _cut_back(file: h5py.File, state: Mapping[str, np.ndarray]) -> dict[str, GrowingTable]:
    """Return the growing tables of a file as they were at a state; later content is cut off.

    Raises
    ------
    ValueError, KeyError
        The file lacks content of the state.
    """
    known = json.loads(bytes(state["known"]))
    missing = [path for path in known["present"] if path not in file]
    if missing:
        raise KeyError(f"/{missing[0]} is missing")
    growing = {path: GrowingTable(file[path]) for path in known["tables"]}
    for path, table in growing.items():
        table.restore(part_of(state, path))
    for place in _GROWING:
        for name in list(file.get(place, ())):
            if f"{place}/{name}" not in known["present"]:
                del file[place][name]
    found = digests_of_fixed(file, item_digests(file))  # reads everything, which checks the growing tables
    damaged = [name for name, digest in known["fixed"].items() if found.get(name) != digest]
    if damaged:
        raise ValueError(f"{damaged[0]} is not what was written")
    _forget_the_end(file)
    return growing


def _forget_the_end(file: h5py.File) -> None:
    """Remove what is written at the end of a run, or when it is resumed."""
    for name in ("summary", "provenance/forced_resume"):  # written again
        if name in file:
            del file[name]
    for name in _OF_THE_END:
        if name in file.attrs:
            del file.attrs[name]
    file.attrs["complete"] = 0
    file.attrs["resumed"] = int(file.attrs.get("resumed", 0)) + 1

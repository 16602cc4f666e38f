"""Writing a trajectory file while a run goes on, so that a kill at any moment leaves what was flushed.

HDF5 with its default format, flushed after each block and never reusing space, is readable after a kill; the
latest format and SWMR leave a mark that stops a second opening.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ketasim.storage import graph_measures, sonata, structure, tables
from ketasim.storage.clock import ClockGroup, Column
from ketasim.storage.digest import file_digest
from ketasim.storage.disk import Disk
from ketasim.storage.faults import fault_point
from ketasim.storage.layout import StorageError, part_path, place_of, store
from ketasim.storage.part_file import complete, names_the_file, new_file, now
from ketasim.storage.parts import Parts, reopened, state_of
from ketasim.storage.reader import Trajectory

if TYPE_CHECKING:
    from ketasim.network.topology import Topology


class TrajectoryWriter:
    """Writer of one trajectory file.

    Used as a context manager: leaving it flushes and closes the file. Only `finish` makes it complete;
    without it, and after an exception, a path's ``.part`` stays, readable up to the last row, with
    ``complete`` 0.

    Parameters
    ----------
    target : path OUT.h5, whose folder is made; OUT.h5.part is written, over an older one, and renamed by
        `finish`. Or a BytesIO, which then holds the file in memory.
    attributes : attributes of the root beside those that every file has; may replace `run_id` and `created`. With a
        `state` the file has to have the same `run_id`, and keeps the others that it has.
    state : of a writer (see `state`) whose OUT.h5.part is there: what it wrote later is cut off, and it goes on from
        there; clocks and spikes that it knew need not be created again.

    Raises
    ------
    CheckpointError : a state is given, and OUT.h5.part is not what it belongs to.
    StorageError : from every method, when the file cannot be written; the message names it and the reason.
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
        self._parts = Parts()
        if state is not None:
            assert isinstance(self._destination, Path)
            run_id = (attributes or {}).get("run_id")
            self._file, self._disk, self._parts = reopened(self._destination, state, run_id)
        else:
            self._file, self._disk = new_file(self._destination, attributes or {})
        try:
            self._commit()
        except OSError:
            self._file.close()  # or HDF5 would, as the interpreter ends, and crash it
            raise

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What another writer needs to go on from here: lengths of what is in the file, and what is kept in memory."""
        return state_of(self._file, self._parts)

    def written(self) -> Trajectory:
        """Flush, and return what is in the file so far, to be read while it is open here."""
        self.flush()
        return Trajectory(self._file, None)

    @property
    def place(self) -> str:
        """What is being written, for messages."""
        return place_of(self._destination)

    @property
    def disk_error(self) -> OSError | None:
        """What the system said when the file could not be written; None if it did not say anything."""
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
            # After an exception that one is the news, not that its last rows do not fit on a full disk.
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
    def create_clock(
        self,
        group: str,
        columns: Sequence[Column],
        coordinates: Mapping[str, Any] | None = None,
        extra_coordinates: Mapping[str, tuple[str, Any]] | None = None,
    ) -> None:
        """Create /trajectories/<group>, a set of signals sampled at the same times.

        Parameters
        ----------
        group : ``subject``, ``population`` or ``node``.
        columns : the signals; each has dimensions (time, *dims).
        coordinates : name of each dimension -> its values, such as ``{"population": ("PYR", "PV")}``.
        extra_coordinates : name -> (dimension, values), such as ``{"node_id": ("node", [0, 1, 0])}``.

        A clock that a reopened file has goes on.

        Raises
        ------
        ValueError : the clock exists, a dimension has no values, or values do not fit their dimension.
        """
        if group in self._parts.clocks:
            if self._parts.reopened:
                return
            raise ValueError(f"/trajectories/{group} exists already")
        parent = self._file.require_group("trajectories").create_group(group, track_order=True)
        self._parts.clocks[group] = ClockGroup(parent, columns, coordinates or {}, extra_coordinates or {})
        self._commit()

    @names_the_file
    def append(self, group: str, time: float, values: Mapping[str, Any]) -> None:
        """Add one row to a clock; it is in the file after the next `flush`, which comes by itself.

        time : s from time zero, later than the row before.
        values : name of each column -> its values, which are copied.
        Raises KeyError for an unknown group or names that are not the columns, ValueError for a wrong shape.
        """
        self._parts.clocks[group].append(time, values)
        self._flush_full_block()

    @names_the_file
    def append_spikes(self, population: str, timestamps_ms: np.ndarray, node_ids: np.ndarray) -> None:
        """Add the spikes of a window to /spikes/<population>; no spikes at all still make the empty group.

        timestamps_ms : (S,) ms from time zero, in any order, none before those of an earlier call.
        node_ids : (S,) from 0 within the population. Raises ValueError when times go back.
        """
        if population not in self._parts.spikes:
            group = self._file.require_group("spikes").create_group(population)
            self._parts.spikes[population] = sonata.SpikeGroup(group)
        self._parts.spikes[population].append(timestamps_ms, node_ids)
        self._flush_full_block()

    @names_the_file
    def append_structure(self, time_s: float, kind: Any, source: Any, target: Any, weight: Any, delay_ms: Any) -> None:
        """Add births and deaths of edges among PYR in a slow step; a step without any says that it had none.

        time_s : end of the step, later than the one before. kind : (B,) 0 birth, 1 death, in the order in which they
        apply. source, target : (B,) from 0 within PYR. weight : (B,) relative, kept in single precision.
        delay_ms : (B,). Raises ValueError when time goes back or lengths differ.
        """
        if self._parts.events is None:
            self._parts.events = structure.EventGroup(self._file.require_group("structure"))
        self._parts.events.append(time_s, kind, source, target, weight, delay_ms)
        self._flush_full_block()

    @names_the_file
    def write_snapshot(self, name: str, time_s: float, topology: "Topology") -> None:
        """Write the PYR to PYR edges as they are at a time, under /structure/snapshot_<name>."""
        structure.write_snapshot(self._file, name, time_s, topology)
        self._commit()

    @names_the_file
    def write_graph_measures(self, name: str, time_s: float, measures: Mapping[str, tuple[Any, str, str]]) -> None:
        """Write /structure/measures_<name>: name -> (number or (K,) array by degree, unit, long name)."""
        graph_measures.write_measures(self._file, name, time_s, measures)
        self._commit()

    @names_the_file
    def write_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Write /events, doses and stimuli as given.

        A key ending in ``_s``, ``_mg`` or ``_mg_per_kg`` makes a dataset without the ending, with that unit.
        """
        tables.write_events(self._file, events)
        self._commit()

    @names_the_file
    def write_summary(self, table: Mapping[str, Any]) -> None:
        """Write /summary, a table with the columns quantity, population, at, statistic, value, error, unit, meaning."""
        tables.write_summary(self._file, table)
        self._commit()

    @names_the_file
    def mark(self, **marks: float) -> None:
        """Set attributes of the root, known only when the run has ended."""
        for name, value in marks.items():
            self._file.attrs[name] = value
        self._commit()

    @names_the_file
    def flush(self) -> None:
        """Write all rows and spikes kept in memory and hand them to the operating system.

        What is written before a chunk is full is stored again when it is, so call this for a reason only.
        """
        self._write_rows(whole_chunks=False)

    @names_the_file
    def stop(self, reason: str) -> None:
        """Flush and note in the file why the run ends before its time."""
        self.flush()
        self._file.attrs["stopped_because"] = reason
        self._commit()

    @names_the_file
    def sync(self) -> None:
        """Make sure that all but the rows kept in memory is on the disk, such as before a checkpoint counts on it."""
        self._commit()
        if self._disk is not None:
            self._disk.sync()

    @names_the_file
    def finish(self) -> None:
        """Flush, mark the file as complete with the digest of its content, close it and give it its final name.

        The digest is of what is read back, so that a block that went bad on the disk is noticed now.
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

    def _commit(self) -> None:
        self._file.flush()
        if self._disk is not None:
            self._disk.commit()

    def _flush_full_block(self) -> None:
        if any(part.has_whole_chunk for part in self._parts.all()):
            self._write_rows(whole_chunks=True)

    def _write_rows(self, whole_chunks: bool) -> None:
        # Times come after the data are safe, so that a file cut off in between has no time without its data.
        finishing = [part.write(whole_chunks) for part in self._parts.all()]
        self._commit()
        for write_times in finishing:
            write_times()
        self._commit()

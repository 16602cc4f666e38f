"""Writing a trajectory file while a run goes on, so that a kill at any moment leaves what was flushed.

HDF5 with its default format, flushed after each block and never reusing space, is readable after a kill; the
latest format and SWMR leave a mark that stops a second opening.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import wraps
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar
from uuid import uuid4

import h5py
import numpy as np

from ketasim import __version__
from ketasim.storage import graph_measures, sonata, structure, tables
from ketasim.storage.clock import ClockGroup, Column
from ketasim.storage.disk import Disk
from ketasim.storage.layout import (
    ADVICE,
    CONVENTIONS,
    FORMAT_VERSION,
    SONATA_MAGIC,
    SONATA_VERSION,
    StorageError,
    part_path,
    place_of,
    reason_of,
    store,
)

if TYPE_CHECKING:
    from ketasim.network.topology import Topology

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _names_the_file(
    method: "Callable[Concatenate[TrajectoryWriter, _P], _R]",
) -> "Callable[Concatenate[TrajectoryWriter, _P], _R]":
    """Turn what HDF5 and the operating system raise into a `StorageError` that names the file."""

    @wraps(method)
    def guarded(self: "TrajectoryWriter", *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(self, *args, **kwargs)
        except (OSError, RuntimeError) as error:
            self.failed = True
            raise StorageError(f"{self.place}: cannot be written: {reason_of(error)}") from error

    return guarded


class TrajectoryWriter:
    """Writer of one trajectory file.

    Used as a context manager: leaving it flushes and closes the file. Only `finish` makes it complete;
    without it, and after an exception, a path's ``.part`` stays, readable up to the last row, with
    ``complete`` 0.

    Parameters
    ----------
    target : path OUT.h5, whose folder is made; OUT.h5.part is written, over an older one, and renamed by
        `finish`. Or a BytesIO, which then holds the file in memory.
    attributes : attributes of the root beside those that every file has; may replace `run_id` and `created`.

    Raises
    ------
    StorageError : from every method, when the file cannot be written; the message names it and the reason.
    """

    @_names_the_file
    def __init__(self, target: Path | BytesIO, attributes: Mapping[str, Any] | None = None) -> None:
        self.failed = False
        self._destination = target if isinstance(target, BytesIO) else part_path(target)
        if isinstance(self._destination, Path):
            self._destination.parent.mkdir(parents=True, exist_ok=True)
        self._disk = None if isinstance(self._destination, BytesIO) else Disk(self._destination)
        if self._disk is None:
            self._file = h5py.File(self._destination, "w")
        else:
            self._file = h5py.File(self._disk, "w", fs_strategy="none")
        self._clocks: dict[str, ClockGroup] = {}
        self._spikes: dict[str, sonata.SpikeGroup] = {}
        self._structure: structure.EventGroup | None = None
        marks = {
            "Conventions": CONVENTIONS,
            "format_version": FORMAT_VERSION,
            "ketasim_version": __version__,
            "advice": ADVICE,
            "complete": 0,
            "run_id": str(uuid4()),
            "created": _now(),
            "magic": SONATA_MAGIC,
            "version": SONATA_VERSION,
        }
        for name, value in (marks | dict(attributes or {})).items():
            self._file.attrs[name] = value
        self._commit()

    @property
    def place(self) -> str:
        """What is being written, for messages."""
        return place_of(self._destination)

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

    @_names_the_file
    def write_provenance(self, texts: Mapping[str, str]) -> None:
        """Write /provenance/<name> for each text (`config_source`, `environment`, ...; tables as JSON)."""
        tables.write_provenance(self._file.require_group("provenance"), texts)
        self._commit()

    @_names_the_file
    def write_schedule(self, slow_times: Sequence[float] | np.ndarray) -> None:
        """Write /provenance/slow_times: (T,) s, planned times of slow steps up to the run's end."""
        group = self._file.require_group("provenance")
        store(group, "slow_times", np.asarray(slow_times, dtype="f8"), "s", "planned times of slow steps")
        self._commit()

    @_names_the_file
    def write_topology(self, topology: "Topology") -> None:
        """Write the graph at the start under /nodes and /edges, as SONATA."""
        sonata.write_topology(self._file, topology)
        self._commit()

    @_names_the_file
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

        Raises
        ------
        ValueError : the clock exists, a dimension has no values, or values do not fit their dimension.
        """
        if group in self._clocks:
            raise ValueError(f"/trajectories/{group} exists already")
        parent = self._file.require_group("trajectories").create_group(group, track_order=True)
        self._clocks[group] = ClockGroup(parent, columns, coordinates or {}, extra_coordinates or {})
        self._commit()

    @_names_the_file
    def append(self, group: str, time: float, values: Mapping[str, Any]) -> None:
        """Add one row to a clock; it is in the file after the next `flush`, which comes by itself.

        time : s from time zero, later than the row before.
        values : name of each column -> its values, which are copied.
        Raises KeyError for an unknown group or names that are not the columns, ValueError for a wrong shape.
        """
        self._clocks[group].append(time, values)
        self._flush_full_block()

    @_names_the_file
    def append_spikes(self, population: str, timestamps_ms: np.ndarray, node_ids: np.ndarray) -> None:
        """Add the spikes of a window to /spikes/<population>; no spikes at all still make the empty group.

        timestamps_ms : (S,) ms from time zero, in any order, none before those of an earlier call.
        node_ids : (S,) from 0 within the population. Raises ValueError when times go back.
        """
        if population not in self._spikes:
            group = self._file.require_group("spikes").create_group(population)
            self._spikes[population] = sonata.SpikeGroup(group)
        self._spikes[population].append(timestamps_ms, node_ids)
        self._flush_full_block()

    @_names_the_file
    def append_structure(self, time_s: float, kind: Any, source: Any, target: Any, weight: Any, delay_ms: Any) -> None:
        """Add births and deaths of edges among PYR in a slow step; a step without any says that it had none.

        time_s : end of the step, later than the one before. kind : (B,) 0 birth, 1 death, in the order in which they
        apply. source, target : (B,) from 0 within PYR. weight : (B,) relative, kept in single precision.
        delay_ms : (B,). Raises ValueError when time goes back or lengths differ.
        """
        if self._structure is None:
            self._structure = structure.EventGroup(self._file.require_group("structure"))
        self._structure.append(time_s, kind, source, target, weight, delay_ms)
        self._flush_full_block()

    @_names_the_file
    def write_snapshot(self, name: str, time_s: float, topology: "Topology") -> None:
        """Write the PYR to PYR edges as they are at a time, under /structure/snapshot_<name>."""
        structure.write_snapshot(self._file, name, time_s, topology)
        self._commit()

    @_names_the_file
    def write_graph_measures(self, name: str, time_s: float, measures: Mapping[str, tuple[Any, str, str]]) -> None:
        """Write /structure/measures_<name>: name -> (number or (K,) array by degree, unit, long name)."""
        graph_measures.write_measures(self._file, name, time_s, measures)
        self._commit()

    @_names_the_file
    def write_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Write /events, doses and stimuli as given.

        A key ending in ``_s``, ``_mg`` or ``_mg_per_kg`` makes a dataset without the ending, with that unit.
        """
        tables.write_events(self._file, events)
        self._commit()

    @_names_the_file
    def write_summary(self, summary: Mapping[str, tuple[float | str, str, str]]) -> None:
        """Write /summary: name -> (value, unit, long name)."""
        tables.write_summary(self._file, summary)
        self._commit()

    @_names_the_file
    def flush(self) -> None:
        """Write all rows and spikes kept in memory and hand them to the operating system.

        What is written before a chunk is full is stored again when it is, so call this for a reason only.
        """
        self._write_rows(whole_chunks=False)

    @_names_the_file
    def stop(self, reason: str) -> None:
        """Flush and note in the file why the run ends before its time."""
        self.flush()
        self._file.attrs["stopped_because"] = reason
        self._commit()

    @_names_the_file
    def finish(self) -> None:
        """Flush, mark the file as complete, close it and give it its final name."""
        self.flush()
        self._file.attrs["finished"] = _now()
        self._file.attrs["complete"] = 1
        self._commit()
        self._close()
        if not isinstance(self._destination, BytesIO):
            os.replace(self._destination, self._destination.with_suffix(""))

    @_names_the_file
    def _close(self) -> None:
        self._file.close()
        if self._disk is not None:
            self._disk.close()

    def _commit(self) -> None:
        self._file.flush()
        if self._disk is not None:
            self._disk.commit()

    @property
    def _parts(self) -> "list[ClockGroup | sonata.SpikeGroup | structure.EventGroup]":
        return [*self._clocks.values(), *self._spikes.values(), *([self._structure] if self._structure else [])]

    def _flush_full_block(self) -> None:
        if any(part.has_whole_chunk for part in self._parts):
            self._write_rows(whole_chunks=True)

    def _write_rows(self, whole_chunks: bool) -> None:
        # Times come after the data are safe, so that a file cut off in between has no time without its data.
        finishing = [part.write(whole_chunks) for part in self._parts]
        self._commit()
        for write_times in finishing:
            write_times()
        self._commit()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""Reading a trajectory file: signals as xarray, spikes, the graph as networkx, and whether the file is intact."""

import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import h5py
import numpy as np

from ketasim import __version__
from ketasim.documents.hdf5_file import unsafe_content
from ketasim.documents.nearest import did_you_mean, nearest_few, shown
from ketasim.nested import part_of
from ketasim.storage import edges, samples, sonata, tables
from ketasim.storage.checkpoint import read_checkpoint
from ketasim.storage.content import file_digest, item_digests
from ketasim.storage.datasets import (
    CONVENTIONS,
    FORMAT_MINOR,
    FORMAT_VERSION,
    Source,
    StorageError,
    TrajectoryNotFoundError,
    UnreadableError,
    is_trajectory,
    native,
    part_path,
    place_of,
    reason_of,
)
from ketasim.storage.disk import Disk
from ketasim.storage.outputs import followed

if TYPE_CHECKING:
    import networkx
    import pandas
    import xarray

    from ketasim.network.topology import Topology

_LOGGER = logging.getLogger("ketasim")

#: Most memory of a file's values, as a multiple of its size: the ratio at which gzip compresses constants.
_MOST_UNPACKED = 1100

#: Order in which groups are searched for a signal.
_SEARCH_ORDER = ("population", "subject", "node")


def locate(path: str | os.PathLike[str]) -> Path:
    """Return the path itself, or that of its unfinished ``.part`` when only that exists, which is logged.

    Raises
    ------
    TrajectoryNotFoundError
        Neither file exists.
    """
    path = followed(path)
    if path.exists():
        return path
    part = part_path(path)
    if part.exists():
        _LOGGER.warning("%s does not exist; reading %s of an unfinished run", path, part.name)
        return part
    raise TrajectoryNotFoundError(f"{path}: no such file, and no {part.name} of an unfinished run")


_OF_A_SWEEP = (
    " with a sweep: ketasim.open_sweep opens it, `ketasim compare` draws two of its arms, and `ketasim sweep --resume` "
    "continues it; with --keep file the trajectories are in runs/"
)


def open_file(source: Source) -> h5py.File:
    """Open a trajectory file for reading, after checking that it can be read and is safe to read.

    A file of a newer minor format is read with a warning on the logger ``ketasim``.

    Raises
    ------
    TrajectoryNotFoundError
        There is no such file.
    UnreadableError
        It is not a trajectory, has a newer major format, points to other files, claims more values than it holds, or
        HDF5 cannot read it.
    """
    target = source if isinstance(source, BytesIO) else locate(source)
    place, file = place_of(target), None
    if isinstance(target, Path) and not (target.is_file() or target.is_dir()):  # would be waited for
        raise UnreadableError(f"{place}: a device or pipe, not a file")
    if isinstance(target, Path) and target.is_dir():
        raise UnreadableError(f"{place}: a folder{_OF_A_SWEEP if (target / 'sweep.db').is_file() else ', not a file'}")
    try:
        # Only a kill during a commit leaves a file that must be read through its journal.
        journalled = Disk.interrupted(target) if isinstance(target, Path) else None
        file = h5py.File(journalled or target, "r")
        problem = _problem(file, place)
    except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
        why = "cannot be read" if isinstance(error, OSError) and error.errno else "not a trajectory file"
        problem = f"{why}: {reason_of(error)}"
    if problem is not None:
        if file is not None:
            file.close()
        raise UnreadableError(f"{place}: {problem}")
    assert file is not None
    return file


def _problem(file: h5py.File, place: str) -> str | None:
    """Return why a file cannot be read; None if it can."""
    if not is_trajectory(file):
        return "an HDF5 file, but not a trajectory written by ketasim"
    conventions, major = _mark(file, "Conventions"), _mark(file, "format_version")
    version = re.fullmatch(r"ketasim-([1-9]\d{0,8})\.(\d{1,9})", conventions, re.ASCII)
    if version is None:
        return f"its attribute Conventions, {shown(conventions)}, is not a valid format, such as {CONVENTIONS!r}"
    if type(major) is not int or major != int(version[1]):
        return f"its attribute format_version is {shown(major)}; it must be {version[1]}, as in {conventions!r}"
    if major > FORMAT_VERSION:
        return f"{_origin(file, version)}; this ketasim {__version__} reads up to {CONVENTIONS}: {_remedy(file)}"
    complete = _mark(file, "complete")
    if type(complete) is not int or complete not in (0, 1):
        return f"its attribute complete is {shown(complete)}; it must be 0 or 1"
    unsafe = unsafe_content(file, file.id.get_filesize(), _MOST_UNPACKED)
    if unsafe is None and (major, int(version[2])) > (FORMAT_VERSION, FORMAT_MINOR):
        known = f"this ketasim {__version__} reads {CONVENTIONS} and may leave out newer content"
        _LOGGER.warning("%s: %s; %s", place, _origin(file, version), known)
    return unsafe


def _mark(file: h5py.File, name: str) -> Any:
    """Value of an attribute of the root as a Python object, None if it is missing or empty."""
    value = native(file.attrs.get(name))
    return None if isinstance(value, h5py.Empty) else value


def _origin(file: h5py.File, version: re.Match[str]) -> str:
    writer = _writer(file)
    return f"written in format {version[1]}.{version[2]}" + (f" by ketasim {writer}" if writer else "")


def _remedy(file: h5py.File) -> str:
    writer = _writer(file)
    return f"install ketasim >= {writer}" if writer else "install a later one"


def _writer(file: h5py.File) -> str | None:
    """Version of the ketasim that wrote a file, if it looks like a version."""
    value = _mark(file, "ketasim_version")
    return value if isinstance(value, str) and re.fullmatch(r"\d{1,9}(\.\w{1,20}){1,5}", value, re.ASCII) else None


class Trajectory:
    """The results of a run, read-only; as a context manager it closes the file.

    ``trajectory["glutamate_ambient"]`` is an `xarray.DataArray` with dimensions (time, ...) and its unit in
    its attributes.
    """

    def __init__(self, file: h5py.File, path: Path | None) -> None:
        vars(self).update(_handle=file, _path=path)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} cannot be set: a trajectory is read-only; what it returns is a copy of your own")

    def __setitem__(self, name: str, value: Any) -> None:
        raise TypeError(f"{name!r} cannot be set: a trajectory is read-only; what it returns is a copy of your own")

    def __getattr__(self, name: str) -> Any:
        words = f"a trajectory has no attribute {name!r}"
        if not name.startswith("_") and self._handle:
            known = [*self.names(), *(one for one in dir(type(self)) if not one.startswith("_"))]
            signal = name in self.names()
            words += f"; signals are items: trajectory[{name!r}]" if signal else did_you_mean(name, known)
        raise AttributeError(words)

    @classmethod
    def open(cls, source: Source) -> Self:
        """Open the file of a run; see `ketasim.open_trajectory`."""
        target = source if isinstance(source, BytesIO) else locate(source)
        return cls(open_file(target), None if isinstance(target, BytesIO) else target)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._path is None:
            raise TypeError("a trajectory in memory cannot be sent to another process; ketasim.run(..., out='run.h5')")
        return type(self).open, (self._path,)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if not self._handle:
            return "<Trajectory, closed>"
        state = "complete" if self.complete else "unfinished"
        return f"<Trajectory {self.path or 'in memory'}, {state}, {len(self.names())} signals>"

    @property
    def is_open(self) -> bool:
        """Whether the file is open."""
        return bool(self._handle)

    @property
    def populations(self) -> tuple[str, ...]:
        """Cell classes; empty without a network."""
        return tuple(self._file["nodes"].attrs["populations"]) if "nodes" in self._file else ()

    def described(self, name: str) -> dict[str, Any]:
        """Return the attributes of a signal and its `dimensions`, without reading its values; KeyError without it."""
        found = self._find(name)
        if found is None:
            raise KeyError(_no_such("signal", name, self.names()) + self._why_not(name))
        item = self._file["trajectories"][found[0]][found[1]]
        attributes = {
            key: native(item.attrs[key]) for key in ("units", "long_name", "summary", "shown") if key in item.attrs
        }
        return attributes | {"dimensions": samples.dimensions(item)}

    def _why_not(self, name: str) -> str:
        """Words on why a run has no signal of this name; a subclass may know."""
        return ""

    def close(self) -> None:
        """Close the file; what was read from it remains valid."""
        self._handle.close()

    @property
    def path(self) -> Path | None:
        """The file (perhaps a ``.part``); None in memory."""
        return self._path

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the file: versions, run_id, created, finished, ..."""
        return {name: native(value) for name, value in self._file.attrs.items()}

    @property
    def complete(self) -> bool:
        """Whether the run finished."""
        return bool(self._file.attrs["complete"])

    @property
    def begin(self) -> float:
        """Time in s at which the run begins: 0, or earlier with the first exposure."""
        planned = self._file.get("provenance/slow_times")
        return float(planned[0]) if planned is not None and planned.size else 0.0

    @property
    def progress(self) -> str:
        """``complete``, or how far an unfinished run has come, in words."""
        if self.complete:
            return "complete"
        times = np.concatenate([[-np.inf], *map(self._times, self._signals)])
        reached = f"rows up to {times.max():g} s" if times.size > 1 else "no rows yet"
        return f"unfinished, {reached} of a run to {self.config.get('duration', 'an unknown end')}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks of the run on itself, such as what was taken for what in a network's file."""
        return tuple(json.loads(self.provenance.get("notes", "[]")))

    def names(self) -> tuple[str, ...]:
        """Return the names of all signals, each once, in the order in which ``trajectory[name]`` searches them."""
        return tuple(dict.fromkeys(name for names in self._signals.values() for name in names))

    keys = names  # so that dict(trajectory) and xarray.Dataset(trajectory) work

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def _ipython_key_completions_(self) -> list[str]:
        """Names that ``trajectory["<TAB>`` completes in IPython and notebooks."""
        return list(self.names()) if self._handle else []

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not None

    def __getitem__(self, name: str) -> "xarray.DataArray":
        """Return a signal by its name, or by ``group/name`` where several groups have it.

        Raises
        ------
        KeyError
            There is no such signal; the message lists the nearest names.
        """
        if not isinstance(name, str):
            raise TypeError(
                f"a signal is asked for by its name, such as trajectory['firing_rate'], not {name!r}; "
                "several: to_dataframe(name, ...), dataset(group, [name, ...]); at a time: sel('40 min')"
            )
        found = self._find(name)
        if found is None:
            qualified = [f"{group}/{signal}" for group, names in self._signals.items() for signal in names]
            known = qualified if "/" in name else list(self.names())
            raise KeyError(_no_such("signal", name, known) + self._why_not(name))
        array: xarray.DataArray = self.dataset(found[0], [found[1]])[found[1]]
        return array

    def dataset(self, group: str, names: Iterable[str] | None = None) -> "xarray.Dataset":
        """Return the signals of a group (``subject``, ``population``, ``node``), or some of them, in memory.

        The coordinate ``stage`` along time is ``baseline`` or ``run``. Rows that are incomplete in a truncated file are
        left out.

        Raises
        ------
        KeyError
            The group is unknown.
        """
        if group not in self._signals:
            raise KeyError(_no_such("group", group, self._signals))
        known = self._signals[group]
        wanted = known if names is None else names
        return samples.read_samples(self._file["trajectories"][group], wanted, known, self._kept(group))

    def sel(self, time: float | str) -> "xarray.Dataset":
        """Return all signals of the subject and of populations at a time, interpolated linearly between rows.

        Parameters
        ----------
        time : float or str
            s from time zero, or text with a unit such as ``"40 min"``.

        Returns
        -------
        xarray.Dataset
            Each signal without its dimension time, with its unit in `attrs`; the coordinate `time` is in s. Values of
            single windows (``..._window``) are NaN between windows.

        Raises
        ------
        ValueError
            The time lies outside the run.
        """
        import xarray

        seconds = self._seconds(time)
        groups = [self.dataset(group) for group in ("subject", "population") if group in self._signals]
        found = [_at(rows.drop_vars("stage"), seconds) for rows in groups if rows.sizes["time"]]
        return xarray.merge(found, join="exact", compat="equals", combine_attrs="drop_conflicts")

    def spikes(self, population: str) -> sonata.Spikes:
        """Return the recorded spikes of a population: times in ms from time zero, node ids from 0.

        Raises
        ------
        KeyError
            None were recorded for it.
        """
        recorded = self._file.get("spikes", {})
        if population not in recorded:
            raise KeyError(_no_such("recorded spikes of", population, list(recorded)))
        return sonata.read_spikes(recorded[population])

    def topology(self, time: float | str = 0) -> "Topology":
        """Return the graph as it was at a time, as arrays; see `graph`."""
        if "nodes" not in self._file:
            raise KeyError("the run had no network")
        return edges.read_topology(self._file, self._seconds(time, of_graph=True))

    def graph(self, time: float | str = 0) -> "networkx.DiGraph":
        """Return the graph at a time of the run, with all births and deaths up to and including it.

        Weights of plastic edges drift between `snapshots`: an edge has its weight in the latest snapshot up to the time
        if it existed then, otherwise its weight at birth or at the start. Everything else is exact.

        Parameters
        ----------
        time : float or str
            s from time zero, or text with a unit such as ``"24 h"``.

        Returns
        -------
        networkx.DiGraph
            Nodes are the keys of the graph that was given, or 0, 1, ... ordered by population, with attributes
            `population`, `node_id`, `x`, `y` (um); edges have `weight` (relative to the mean of their class pair) and
            `delay` (ms).

        Raises
        ------
        ValueError
            The time lies outside the run.
        KeyError
            The run had no network.
        """
        from ketasim.network_files.exchange import to_networkx

        return to_networkx(self.topology(time))

    @property
    def edge_pairs(self) -> tuple[edges.Pair, ...]:
        """Populations of source and target of the plastic edges, such as ``(("PYR", "PYR"),)``."""
        return edges.changing_pairs(self._file)

    def structure_events(self, pair: edges.Pair | None = None) -> edges.EdgeEvents:
        """Return births and deaths of edges in order, of all class pairs or of one; none if the graph is fixed."""
        return edges.read_events(self._file, pair)

    @property
    def snapshots(self) -> dict[str, float]:
        """Name -> time in s of each stored set of plastic edges and their weights."""
        return edges.named_times(self._file, "snapshot")

    def graph_measures(self) -> "xarray.Dataset":
        """Return measures of the graph within a population by time: numbers, and functions of degree."""
        return edges.read_measures(self._file)

    def stored_summary(self) -> dict[str, np.ndarray] | None:
        """Return the columns of /summary; None for an unfinished run or a file of 0.1.0."""
        return tables.read_summary(self._file)

    def to_dataframe(self, *names: str) -> "pandas.DataFrame":
        """Return signals as a table with one row for each time, in h.

        Parameters
        ----------
        *names : str
            Signals.

        Returns
        -------
        pandas.DataFrame
            Columns are the populations (compounds, nodes) of one signal, or (signal, population) of several. Signals
            sampled at different times have NaN in each other's rows. `attrs["units"]` has the unit of each signal.

        Raises
        ------
        KeyError
            There is no such signal; the message lists the nearest names.
        TypeError
            No name is given.
        """
        import pandas

        if not names:
            raise TypeError("to_dataframe takes names of signals, such as 'firing_rate'; names() lists them")
        arrays = {name: self[name] for name in names}
        frames = {}
        for name, array in arrays.items():
            frames[name] = array.to_pandas() if array.ndim > 1 else array.to_pandas().to_frame("")
            frames[name].index = pandas.Index(array["time"].values / 3600.0, name="time (h)")
        found = frames[names[0]] if len(frames) == 1 else pandas.concat(frames, axis=1, names=["signal", "population"])
        found.attrs = {"units": {name: array.attrs["units"] for name, array in arrays.items()}}
        return found

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """Doses and stimuli as given."""
        return tables.read_events(self._file)

    @property
    def provenance(self) -> dict[str, str]:
        """Provenance of the run, by name; tables are JSON."""
        return tables.read_provenance(self._file)

    @property
    def config(self) -> dict[str, Any]:
        """The experiment with all defaults."""
        resolved: dict[str, Any] = json.loads(self.provenance["config_resolved"])
        return resolved

    def digest(self) -> str:
        """Return the SHA-256 of what the file holds (see `ketasim.storage.content`)."""
        return file_digest(self._file)

    @property
    def _file(self) -> h5py.File:
        if not self._handle:
            raise StorageError("this trajectory is closed; open it again with ketasim.open_trajectory")
        return self._handle

    @cached_property
    def _signals(self) -> dict[str, tuple[str, ...]]:
        """Names of signals by group, in the order in which they are looked for."""
        present = list(self._file.get("trajectories", {}))
        known = [name for name in _SEARCH_ORDER if name in present]
        ordered = known + [name for name in present if name not in known]
        return {name: tuple(samples.signals_in(self._file["trajectories"][name])) for name in ordered}

    @cached_property
    def _checkpoint(self) -> dict[str, np.ndarray]:
        """Writer's state in the checkpoint of an unfinished run: it has the rows that do not fill a chunk yet."""
        path = self._path
        if path is None or self.complete or path.suffix != ".part":
            return {}
        try:
            checkpoint = read_checkpoint(path.with_suffix(""))
        except StorageError as error:
            _LOGGER.warning("rows since the last full block are left out: %s", error)
            return {}
        if checkpoint is None or checkpoint.header.get("run_id") != self.attributes["run_id"]:
            return {}
        return part_of(checkpoint.arrays, "writer/trajectories")

    def _kept(self, group: str) -> dict[str, np.ndarray]:
        """Rows of a group that only the checkpoint has."""
        return part_of(self._checkpoint, f"{group}/kept")

    def _times(self, group: str) -> np.ndarray:
        return np.asarray(self.dataset(group, ())["time"].values)

    def _find(self, name: str) -> tuple[str, str] | None:
        group, _, signal = name.rpartition("/")
        groups = [group] if group in self._signals else [] if group else self._signals
        return next(((candidate, signal) for candidate in groups if signal in self._signals[candidate]), None)

    def _seconds(self, time: float | str, of_graph: bool = False) -> float:
        """Return a time in s; ValueError if it lies outside the run, or after the last known state of its graph."""
        seconds = time
        if isinstance(time, str):
            from ketasim.documents.units import parse_quantity

            seconds = parse_quantity(time, "s")
        elif not isinstance(time, int | float | np.number):
            raise TypeError(f"a time is a number of s, or text such as '40 min', not {time!r}")
        times = [self._times(group) for group in self._signals]
        begin = self.begin
        if self.complete and "provenance/slow_times" in self._file:
            times.append(self._file["provenance/slow_times"][()])
        reached = np.concatenate([[begin], *times])
        first, last = float(reached.min()), float(reached.max())
        if of_graph and not self.complete:
            last = max(begin, min(last, edges.written_until(self._file)))
        if not first <= float(seconds) <= last:
            raise ValueError(f"time {time!r} lies outside the run, {first:g} s to {last:g} s")
        return float(seconds)


def _at(rows: "xarray.Dataset", seconds: float) -> "xarray.Dataset":
    """Interpolate linearly between the rows around a time; a time at which there is a row gives that row."""
    times = rows["time"].values
    after = min(int(np.searchsorted(times, seconds)), times.size - 1)
    before = max(0, after - (times[after] > seconds))
    share = 0.0 if after == before else (seconds - times[before]) / (times[after] - times[before])
    first, last = rows.isel(time=before, drop=True), rows.isel(time=after, drop=True)
    found = first if share <= 0.0 else first * (1.0 - share) + last * share
    found = found.assign_coords(time=((), seconds, rows["time"].attrs))
    for name in rows.data_vars:
        found[name].attrs = rows[name].attrs
    return found


def _no_such(kind: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    few = nearest_few(name, names) if len(names) > 5 else names
    has = (
        f"it has {', '.join(names) or 'none'}" if few == names else f"the nearest of {len(names)} are {', '.join(few)}"
    )
    return f"no {kind} {name!r} in this trajectory; {has}{did_you_mean(name, names)}"


def digest(source: Source) -> str:
    """Return the SHA-256 of what a trajectory file holds, see `ketasim.storage.content.file_digest`.

    Raises
    ------
    StorageError
        There is no such file, or it cannot be read.
    """
    with open_file(source) as file:
        return file_digest(file)


def differing_datasets(first: Source, second: Source) -> list[str]:
    """Return the names of datasets that are in both files and differ in any bit.

    Type, shape, values, dimensions and attributes are compared, except under /provenance.
    """
    with open_file(first) as file:
        ours = item_digests(file)
        datasets = {name for name in ours if isinstance(file[name], h5py.Dataset)}
    with open_file(second) as file:
        theirs = item_digests(file)
    shared = (datasets & theirs.keys()) - {name for name in datasets if name.startswith("/provenance/")}
    return sorted(name for name in shared if ours[name] != theirs[name])


def damages(source: Source) -> list[str]:
    """Return descriptions of the damage to a trajectory file; an empty list if it is intact.

    Reads the whole file. Each block has a checksum; the content as a whole has the digest that was stored at the end of
    the run, which an unfinished file lacks.

    Raises
    ------
    StorageError
        There is no such file, or it is no longer a trajectory.
    """
    with open_file(source) as file:
        found = _unreadable(file)
        try:
            stored = native(file.attrs.get("content_sha256"))
            if found or stored is None:
                return found
            content = file_digest(file)
        except (OSError, RuntimeError, StorageError) as error:
            return [f"the content cannot be read: {reason_of(error)}"]
    if content == stored:
        return []
    return [f"the digest of the content is {content}; at the end of the run it was {stored}"]


def _unreadable(file: h5py.File) -> list[str]:
    """Datasets that cannot be read."""
    found: list[str] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            try:
                item[()]
            except (OSError, RuntimeError, ValueError) as error:
                found.append(f"/{name}: cannot be read: {reason_of(error)}")

    try:
        file.visititems(visit)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        found.append(f"the internal tables of the file are damaged: {reason_of(error)}")
    return found

"""Reading a trajectory file: signals as xarray, spikes, the graph as networkx."""

import json
from collections.abc import Iterable
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import h5py
import numpy as np

from ketasim.documents.html import page, table
from ketasim.documents.nearest import did_you_mean, nearest_few
from ketasim.storage import graph_measures, sonata, structure, tables
from ketasim.storage.digest import file_digest
from ketasim.storage.layout import Source, StorageError, native, read_values
from ketasim.storage.opening import locate, open_file

if TYPE_CHECKING:
    import networkx
    import pandas
    import xarray
    from matplotlib.figure import Figure

    from ketasim.network.topology import Topology

#: Where a signal is looked for when its group is not named.
_SEARCH_ORDER = ("population", "subject", "node")

#: Attributes that only tie a dataset to its dimensions; xarray has them as coordinates.
_STRUCTURE = frozenset({"DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "coordinates"})


def open_trajectory(source: Source) -> "Trajectory":
    """Open the file of a run.

    source : path of OUT.h5, or a BytesIO that a run wrote to. If only OUT.h5.part of an unfinished run
        exists, that is opened, the logger ``ketasim`` says so, and `Trajectory.complete` is False.

    Raises
    ------
    StorageError : no such file, not a trajectory, or unreadable.
    """
    target = source if isinstance(source, BytesIO) else locate(source)
    return Trajectory(open_file(target), None if isinstance(target, BytesIO) else target)


class Trajectory:
    """What a run wrote. It changes nothing in the file; leaving it as a context manager closes the file.

    ``trajectory["glutamate_ambient"]`` is an `xarray.DataArray` with dimensions (time, ...) and its unit in
    its attributes.
    """

    def __init__(self, file: h5py.File, path: Path | None) -> None:
        self._handle = file
        self._path = path

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

    def _repr_html_(self) -> str:
        if not self._handle:
            return page(repr(self))
        signals = []
        for group in self._groups:
            source = self._file["trajectories"][group]
            for name in self._signals(group):
                beside = ", ".join(_dimensions(source[name])[1:])
                signals.append((name, source[name].attrs["units"], beside, source[name].attrs["long_name"]))
        first = self.summary.head(8)
        return page(
            f"{self.config.get('name', 'trajectory')}: {'complete' if self.complete else 'unfinished'}",
            ("file", str(self._path or "in memory")),
            ("doses and stimuli", table([list(event.items()) for event in self.events])),
            ("populations", ", ".join(self._file.get("nodes", {})) or "no network"),
            (f"{len(signals)} signals", table(signals, ("signal", "unit", "beside time", "meaning"))),
            ("summary, first rows", table(first.itertuples(index=False), tuple(first.columns))),
        )

    def close(self) -> None:
        """Close the file; what was read from it stays."""
        self._handle.close()

    @property
    def path(self) -> Path | None:
        """The file that is read (perhaps a ``.part``); None in memory."""
        return self._path

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the file: versions, run_id, created, finished and so on."""
        return {name: native(value) for name, value in self._file.attrs.items()}

    @property
    def complete(self) -> bool:
        """Whether the run went to its end."""
        return bool(self._file.attrs["complete"])

    def names(self) -> tuple[str, ...]:
        """Names of all signals, each once, in the order in which ``trajectory[name]`` looks for them."""
        return tuple(dict.fromkeys(name for group in self._groups for name in self._signals(group)))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not None

    def __getitem__(self, name: str) -> "xarray.DataArray":
        """Return a signal by its name, or by ``group/name`` where several groups have it.

        Raises KeyError with the nearest names when there is none.
        """
        found = self._find(name)
        if found is None:
            qualified = [f"{group}/{signal}" for group in self._groups for signal in self._signals(group)]
            known = qualified if "/" in name else list(self.names())
            raise KeyError(_no_such("signal", name, known))
        array: xarray.DataArray = self.dataset(found[0], [found[1]])[found[1]]
        return array

    def dataset(self, group: str, names: Iterable[str] | None = None) -> "xarray.Dataset":
        """Return the signals of a group (``subject``, ``population``, ``node``), or some of them, in memory.

        Rows that a cut-off file has only in part are left out. Raises KeyError for an unknown group.
        """
        import xarray

        if group not in self._groups:
            raise KeyError(_no_such("group", group, self._groups))
        source, signals = self._file["trajectories"][group], self._signals(group)
        chosen = signals if names is None else list(names)
        rows = min([_written(source["time"]), *(len(source[name]) for name in signals)])
        dimensions = {
            name: _dimensions(item) for name, item in source.items()
        }  # HDF5 looks for names in all of the file
        coordinates = {
            name: (
                dimensions[name],
                read_values(item)[:rows] if name == "time" else read_values(item),
                _attributes(item),
            )
            for name, item in source.items()
            if name not in signals
        }
        used = {dimension for name in chosen for dimension in dimensions[name]} | {"time"}
        return xarray.Dataset(
            {name: (dimensions[name], source[name][:rows], _attributes(source[name])) for name in chosen},
            {name: values for name, values in coordinates.items() if used.issuperset(values[0])},
        )

    def spikes(self, population: str) -> sonata.Spikes:
        """Return the recorded spikes of a population: times in ms from time zero, node ids from 0.

        Raises KeyError when none were recorded for it.
        """
        recorded = self._file.get("spikes", {})
        if population not in recorded:
            raise KeyError(_no_such("recorded spikes of", population, list(recorded)))
        return sonata.read_spikes(recorded[population])

    def topology(self, time: float | str = 0) -> "Topology":
        """Return the graph as it was at a time, as arrays; see `graph`."""
        if "nodes" not in self._file:
            raise KeyError("the run had no network")
        return structure.read_topology(self._file, self._seconds(time))

    def graph(self, time: float | str = 0) -> "networkx.DiGraph":
        """Return the graph as it was at a time of the run, with all births and deaths up to and including it.

        The weight of an edge among PYR is that of the latest of the `snapshots` up to the time, if the edge was there
        then, else of its birth or of the start; between snapshots weights drift. All else is exact.

        Parameters
        ----------
        time : s from time zero, or text with a unit such as ``"24 h"``.

        Returns
        -------
        Nodes are the keys of the graph that was given, or 0, 1, ... ordered by population, with attributes
        `population`, `node_id`, `x`, `y` (um); edges have `weight` (over the mean of their class pair) and
        `delay` (ms).

        Raises
        ------
        ValueError : the time lies outside the run.
        KeyError : the run had no network.
        """
        from ketasim.network.exchange import to_networkx

        return to_networkx(self.topology(time))

    def structure_events(self) -> structure.EdgeEvents:
        """Return births and deaths of edges among PYR, in order; none where the graph does not change."""
        return structure.read_events(self._file)

    @property
    def snapshots(self) -> dict[str, float]:
        """Name -> time in s at which the weights of all edges were stored."""
        return structure.named_times(self._file, "snapshot")

    def graph_measures(self) -> "xarray.Dataset":
        """Return measures of the graph among PYR by time: numbers, and curves over degree; see `ketasim.analysis`."""
        return graph_measures.read_measures(self._file)

    @property
    def plastic_population(self) -> str | None:
        """Population whose edges are born and die; None where the graph does not change."""
        return structure.plastic_population(self._file)

    @property
    def summary(self) -> "pandas.DataFrame":
        """The run in numbers, one a row: peaks, means, values at instants, counts of windows.

        Columns are quantity, population, at, statistic, value, error, unit and meaning; see `ketasim.value_of` for
        taking one number. Of an unfinished run, and of a file of 0.1.0, it is computed from the rows that there are.
        """
        import pandas

        stored = tables.read_summary(self._file)
        return _upstairs("ketasim.analysis.summary", "summarise")(self) if stored is None else pandas.DataFrame(stored)

    def to_dataframe(self, *names: str) -> "pandas.DataFrame":
        """Return signals as a table with one row for each time, in h.

        Of one signal the columns are its populations (compounds, nodes), of several they are (signal, population);
        signals of different clocks have NaN where they have no row. `attrs` of the table has `units` by signal.

        Raises KeyError with the nearest names when there is no such signal, TypeError without a name.
        """
        import pandas

        if not names:
            raise TypeError("to_dataframe takes the names of signals, such as 'firing_rate'; names() has them")
        arrays = {name: self[name] for name in names}
        frames = {}
        for name, array in arrays.items():
            frames[name] = array.to_pandas() if array.ndim > 1 else array.to_pandas().to_frame("")
            frames[name].index = pandas.Index(array["time"].values / 3600.0, name="time (h)")
        found = frames[names[0]] if len(frames) == 1 else pandas.concat(frames, axis=1, names=["signal", "population"])
        found.attrs = {"units": {name: array.attrs["units"] for name, array in arrays.items()}}
        return found

    def plot(self, *names: str, vehicle: "Trajectory | None" = None) -> "Figure":
        """Draw the run on one page, or chosen signals with a panel each; returns the figure.

        vehicle : run of the same experiment with an inactive dose, in grey.
        Raises KeyError with the nearest names when there is no such signal.
        """
        figure: Figure = _upstairs("ketasim.plots", "picture")(self, names, vehicle)
        return figure

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """Doses and stimuli as they were given."""
        return tables.read_events(self._file)

    @property
    def provenance(self) -> dict[str, str]:
        """Texts that say where the run came from; tables are JSON."""
        return tables.read_provenance(self._file)

    @property
    def config(self) -> dict[str, Any]:
        """The experiment with all defaults."""
        resolved: dict[str, Any] = json.loads(self.provenance["config_resolved"])
        return resolved

    def digest(self) -> str:
        """Return the SHA-256 of what the file holds (see `ketasim.storage.digest`)."""
        return file_digest(self._file)

    @property
    def _file(self) -> h5py.File:
        if not self._handle:
            raise StorageError("this trajectory is closed; open it again with ketasim.open_trajectory")
        return self._handle

    @property
    def _groups(self) -> list[str]:
        present = list(self._file.get("trajectories", {}))
        known = [name for name in _SEARCH_ORDER if name in present]
        return known + [name for name in present if name not in known]

    def _signals(self, group: str) -> list[str]:
        source = self._file["trajectories"][group]
        labels = {label for item in source.values() for label in item.attrs.get("coordinates", "").split()}
        return [name for name, item in source.items() if not item.is_scale and name not in labels]

    def _find(self, name: str) -> tuple[str, str] | None:
        group, _, signal = name.rpartition("/")
        groups = [group] if group in self._groups else self._groups if not group else []
        return next(((candidate, signal) for candidate in groups if signal in self._signals(candidate)), None)

    def _seconds(self, time: float | str) -> float:
        """Time in s. Raises ValueError if it lies outside the run, or after what is known of its graph."""
        seconds = time
        if isinstance(time, str):
            from ketasim.documents.units import parse_quantity

            seconds = parse_quantity(time, "s")
        times = [self._file["trajectories"][group]["time"][()] for group in self._groups]
        if self.complete and "provenance/slow_times" in self._file:
            times.append(self._file["provenance/slow_times"][()])
        reached = np.concatenate([[0.0], *times])
        first, last = float(reached.min()), float(reached.max())
        last = last if self.complete else max(0.0, min(last, structure.written_until(self._file)))
        if not first <= float(seconds) <= last:
            raise ValueError(f"time {time!r} lies outside the run, which has {first:g} s to {last:g} s")
        return float(seconds)


def _upstairs(room: str, name: str) -> Any:
    """Return a function that looks at trajectories from a floor above; imports go down, so it is found by its name."""
    return getattr(import_module(room), name)


def _written(time: Any) -> int:
    """Rows whose time was written: a kill may leave the last ones made but empty."""
    missing = np.flatnonzero(np.isnan(time[()]))
    return int(missing[0]) if missing.size else len(time)


def _dimensions(dataset: Any) -> tuple[str, ...]:
    if dataset.is_scale:
        return (dataset.name.rpartition("/")[2],)
    return tuple(dimension[0].name.rpartition("/")[2] for dimension in dataset.dims)


def _attributes(dataset: Any) -> dict[str, Any]:
    return {name: native(value) for name, value in dataset.attrs.items() if name not in _STRUCTURE}


def _no_such(kind: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    few = nearest_few(name, names) if len(names) > 5 else names
    has = (
        f"it has {', '.join(names) or 'none'}" if few == names else f"the nearest of {len(names)} are {', '.join(few)}"
    )
    return f"no {kind} {name!r} in this trajectory; {has}{did_you_mean(name, names)}"

"""The growing parts of a trajectory file and how far they have come; from there another writer can go on."""

import errno
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from ketasim.simulation.arrays import part_of
from ketasim.storage import sonata, structure
from ketasim.storage.checkpoint import CheckpointError
from ketasim.storage.clock import ClockGroup, Column
from ketasim.storage.digest import digests_of_fixed, item_digests
from ketasim.storage.disk import Disk
from ketasim.storage.layout import StorageError, native, reason_of

#: Marks of the root that a run sets at its end.
_OF_THE_END = ("finished", "stopped_because", "content_sha256", "network_time", "wall_time_network")


@dataclass
class Parts:
    """Clocks and spikes by name, and births and deaths of edges.

    reopened : whether another writer made them.
    fixed : digest of each dataset that does not grow, by name, as far as they are known.
    """

    clocks: dict[str, ClockGroup] = field(default_factory=dict)
    spikes: dict[str, sonata.SpikeGroup] = field(default_factory=dict)
    events: structure.EventGroup | None = None
    reopened: bool = False
    fixed: dict[str, str] = field(default_factory=dict)

    def all(self) -> list[ClockGroup | sonata.SpikeGroup | structure.EventGroup]:
        """Return all parts that grow."""
        return [*self.clocks.values(), *self.spikes.values(), *([self.events] if self.events else [])]


def state_of(file: h5py.File, parts: Parts) -> dict[str, np.ndarray]:
    """Return how far the parts have come, as plain arrays by ``clocks/<name>/...`` and so on."""
    states = {f"clocks/{name}": clock.state for name, clock in parts.clocks.items()}
    states |= {f"spikes/{name}": spikes.state for name, spikes in parts.spikes.items()}
    if parts.events is not None:
        states["structure"] = parts.events.state
    arrays = {f"{part}/{name}": array for part, state in states.items() for name, array in state.items()}
    parts.fixed = digests_of_fixed(file, parts.fixed)
    texts = {"named": json.dumps(_named(file)), "fixed": json.dumps(parts.fixed)}
    return arrays | {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}


def reopened(path: Path, state: Mapping[str, np.ndarray], run_id: str | None) -> tuple[h5py.File, Disk, Parts]:
    """Open an OUT.h5.part to go on from a state; what was written later is cut off with the first commit.

    Raises
    ------
    CheckpointError : it is missing, damaged, of another run than `run_id`, or has less than the state says.
    OSError : it cannot be read or written.
    """
    with ExitStack() as undone:
        try:
            if not path.stat().st_size:
                raise ValueError("it is empty")  # HDF5 would make a file of it
            disk = Disk.reopened(path)
            undone.callback(disk.abandon)
            file = h5py.File(disk, "r+")
            undone.callback(file.close)
            found = native(file.attrs.get("run_id"))
            if run_id not in (None, found):
                raise ValueError(f"it is of the run {found}, the checkpoint of {run_id}")
            parts = parts_cut_back(file, state)
        except (OSError, RuntimeError, LookupError, ValueError, TypeError, StorageError) as error:
            if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
                raise
            raise CheckpointError(
                f"{path}: not what its checkpoint counts on: {reason_of(error)}; the run cannot go on; "
                "`ketasim run ... --force` starts anew"
            ) from error
        undone.pop_all()
        return file, disk, parts


def parts_cut_back(file: h5py.File, state: Mapping[str, np.ndarray]) -> Parts:
    """Return the parts of a file as they were at a state; what was written later is cut off.

    Raises
    ------
    ValueError, KeyError : the file does not have what it had.
    """
    parts = Parts(reopened=True)
    for name in _names(state, "clocks"):
        kept, group = part_of(state, f"clocks/{name}"), file["trajectories"][name]
        columns = [_column(group[key.removeprefix("kept/")]) for key in kept if key.startswith("kept/")]
        parts.clocks[name] = ClockGroup(group, columns, {}, {})
        parts.clocks[name].restore(kept)
    for name in _names(state, "spikes"):
        parts.spikes[name] = sonata.SpikeGroup(file["spikes"][name])
        parts.spikes[name].restore(part_of(state, f"spikes/{name}"))
    events = part_of(state, "structure")
    if events:
        parts.events = structure.EventGroup(file["structure"])
        parts.events.restore(events)
    elif "structure/events" in file:
        del file["structure/events"]
    known = {"trajectories": parts.clocks, "spikes": parts.spikes, "structure": json.loads(bytes(state["named"]))}
    for place, names in known.items():
        for name in set(file.get(place, ())) - {*names, "events"}:
            del file[place][name]
    items, written = item_digests(file), json.loads(bytes(state["fixed"]))  # reads all, and so checks what grows
    damaged = [name for name, digest in written.items() if items.get(name) != digest]
    if damaged:
        raise ValueError(f"{damaged[0]} is not what was written")
    _forget_the_end(file)
    return parts


def _forget_the_end(file: h5py.File) -> None:
    """Remove what a run writes, and sets, when it ends or goes on."""
    for name in ("summary", "provenance/forced_resume"):  # written again
        if name in file:
            del file[name]
    for name in _OF_THE_END:
        if name in file.attrs:
            del file.attrs[name]
    file.attrs["complete"] = 0
    file.attrs["resumed"] = int(file.attrs.get("resumed", 0)) + 1


def _named(file: h5py.File) -> list[str]:
    """Snapshots and measures, which are written once each."""
    return [name for name in file.get("structure", {}) if name != "events"]


def _names(state: Mapping[str, np.ndarray], part: str) -> list[str]:
    return list(dict.fromkeys(name.partition("/")[0] for name in part_of(state, part)))


def _column(dataset: h5py.Dataset) -> Column:
    """Column of a dataset that exists; what only its making needs is left out."""
    return Column(dataset.name.rpartition("/")[2], "", "", dtype=dataset.dtype.str[1:])

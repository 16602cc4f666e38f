"""Refuse a run before it starts where memory or disk will not do.

Both are estimated from the number of neurons, before anything is built: building is what runs out of memory first.
"""

import shutil
from pathlib import Path
from typing import Any

from ketasim.config import Experiment, NetworkModel
from ketasim.documents import KetasimError
from ketasim.simulation.footprint import Size, expected_size, file_of, memory_of, rows_of

#: Bytes of a checkpoint for a node and for a plastic synapse; two lie on the disk while one takes the other's place.
_CHECKPOINT_NODE, _CHECKPOINT_SYNAPSE = 4e3, 40.0

#: Rows beyond which it is the schedule that makes a run large.
_MANY_ROWS = 100_000

#: Files of Linux that say which group of processes this one belongs to, and where the groups' limits are.
_GROUP, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


class ResourceError(KetasimError):
    """The machine has not enough memory or disk for the run; nothing was started."""

    exit_code = 2


def refuse_what_cannot_work(experiment: Experiment, out: Path | None = None, graph: Any = None) -> None:
    """Refuse a run that this machine can't hold.

    Parameters
    ----------
    experiment : what is to be run.
    out : trajectory file to be written; without one the file, too, is kept in memory.
    graph : networkx graph in place of the experiment's network.

    Raises
    ------
    ResourceError
        Saying what is needed, what is free, and which keys to change.
    """
    size = expected_size(experiment, graph)
    check_memory(size, experiment, free_memory(), in_memory=out is None)
    if out is not None:
        check_disk(size, experiment, free_disk(out), out)


def check_memory(size: Size, experiment: Experiment, free: float, in_memory: bool = False) -> None:
    """Refuse a run whose estimated memory is over `free` bytes; `in_memory` if the file is kept there."""
    needed = memory_of(size, experiment) + (file_of(size, experiment) if in_memory else 0.0)
    if needed > free:
        raise ResourceError(
            f"the run needs about {in_words(needed)} of memory, {in_words(free)} are free "
            f"({_size_in_words(size, experiment)}); {_hint(size, experiment)}"
        )


def check_disk(size: Size, experiment: Experiment, free: float, out: Path) -> None:
    """Refuse a run whose estimated file, with its checkpoint, is over `free` bytes."""
    file = file_of(size, experiment)
    checkpoint = size.nodes * _CHECKPOINT_NODE + size.plastic * _CHECKPOINT_SYNAPSE
    if file + 2.0 * checkpoint > free:
        raise ResourceError(
            f"{out} will take about {in_words(file)} and its checkpoint {in_words(2.0 * checkpoint)} on the way, "
            f"{in_words(free)} are free there ({_size_in_words(size, experiment)}); {_disk_hint(size, experiment)}"
        )


def free_memory() -> float:
    """Bytes that this process may still take: free on the machine, and within the limit of its group on Linux."""
    import psutil

    return min(float(psutil.virtual_memory().available), group_memory(_GROUP, _GROUPS))


def group_memory(group: Path, groups: Path) -> float:
    """Bytes left to the group of processes (cgroup, version 2) that a batch system or container sets a limit for.

    group : file whose line ``0::/PATH`` names the group. groups : folder of all groups. Infinite without a limit.
    """
    try:
        named = [line[3:].strip("/") for line in group.read_text().splitlines() if line.startswith("0::")]
    except OSError:
        return float("inf")
    left = float("inf")
    for name in named:
        place = groups / name
        for folder in (place, *place.parents):
            if not folder.is_relative_to(groups):
                break
            try:
                limit, used = ((folder / file).read_text().strip() for file in ("memory.max", "memory.current"))
                left = min(left, float(limit) - float(used)) if limit != "max" else left
            except (OSError, ValueError):
                continue
    return max(0.0, left)


def free_disk(out: Path) -> float:
    """Bytes free where `out` will lie; its folder need not exist yet."""
    folder = Path(out).absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return float(shutil.disk_usage(folder).free)
    except OSError:  # a file system that does not say; the writer will find out
        return float("inf")


def in_words(size: float) -> str:
    """Say a number of bytes as people do.

    >>> in_words(7.26e9), in_words(8.2e6), in_words(1.5e13)
    ('7.3 GB', '8.2 MB', '15 TB')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9)):
        if size >= factor:
            return f"{size / factor:.2g} {unit}" if size < 100 * factor else f"{size / factor:.0f} {unit}"
    return f"{size / 1e6:.2g} MB" if size < 100e6 else f"{size / 1e6:.0f} MB"


def _size_in_words(size: Size, experiment: Experiment) -> str:
    rows = f"{rows_of(size, experiment):,} rows"
    return f"{size.nodes:,} neurons, about {size.synapses:,.0f} synapses, {rows}" if size.nodes else rows


def _smaller(size: Size, experiment: Experiment) -> list[str]:
    """Keys that make a run smaller, the most useful first."""
    if rows_of(size, experiment) > _MANY_ROWS:
        return ["lengthen `schedule.step` or shorten `duration`"]
    if experiment.circuit is not None:
        return ["lower `network.scale` or the circuit's neurons"]
    return ["lower `network.neurons`" if isinstance(experiment.network, NetworkModel) else "take a smaller network"]


def _hint(size: Size, experiment: Experiment) -> str:
    keys = _smaller(size, experiment)
    if size.plastic and experiment.recording.measures and rows_of(size, experiment) <= _MANY_ROWS:
        keys.append("set `recording.measures: false`")
    return " or ".join(keys)


def _disk_hint(size: Size, experiment: Experiment) -> str:
    keys = _smaller(size, experiment)
    keys += [f"leave out `recording.{key}`" for key in ("node_signals", "spikes") if getattr(experiment.recording, key)]
    return f"{' or '.join([*keys, 'write elsewhere with -o'])}; `ketasim check` says what a run takes"

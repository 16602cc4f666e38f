"""Power cuts: the write log of a run, and what a disk may hold of it when the power fails at any point.

Between two syncs a disk may keep any of what was written, in any order and in parts of 4096 bytes, and any number of the
latest changes of names in their order. What was synced it keeps.
"""

import builtins
import io
import os
import random
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

import ketasim
from ketasim.storage import StorageError, checkpoint, disk
from ketasim.storage.checkpoint import CheckpointError
from ketasim.storage.datasets import part_path

_PART = 4096

#: How much of what was not synced is kept: all (a prefix of the log), nothing, any half of it, all but a little, little.
KEPT = (1.0, 0.0, 0.5, 0.9, 0.1)


class Write(NamedTuple):
    """A change of a file or of names; data for writes, a size for truncations, another name for renames."""

    what: str
    name: str = ""
    start: int = 0
    data: bytes = b""
    other: str = ""


@contextmanager
def recorded(log):
    """Context in which all that ketasim writes of a run is noted in the order in which the system is told."""
    names = {}

    class Raw(io.FileIO):
        def write(self, data):
            start = self.tell()
            count = super().write(data)
            log.append(Write("write", names[self.fileno()], start, bytes(memoryview(data).cast("B")[:count])))
            return count

        def truncate(self, size=None):
            log.append(Write("truncate", names[self.fileno()], self.tell() if size is None else size))
            return super().truncate(size)

        def close(self):
            if not self.closed:
                names.pop(self.fileno())  # the next file, or folder, has the same number
            super().close()

    def opened(path, mode="r", **options):
        if mode not in ("wb", "w+b", "r+b"):
            return builtins.open(path, mode, **options)
        raw = Raw(path, mode)
        names[raw.fileno()] = Path(path).name
        if "w" in mode:
            log.append(Write("create", Path(path).name))
        return raw if options.get("buffering") == 0 else io.BufferedWriter(raw)

    def told(function, what):
        def call(*arguments, **options):
            function(*arguments, **options)
            if what == "sync":
                log.append(Write("sync", names[arguments[0]]) if arguments[0] in names else Write("sync names"))
            elif not str(arguments[0]).endswith(".lock"):
                other = Path(arguments[1]).name if what == "rename" else ""
                log.append(Write(what, Path(arguments[0]).name, other=other))

        return call

    with pytest.MonkeyPatch.context() as patch:
        for module in (disk, checkpoint):
            patch.setattr(module, "open", opened, raising=False)
        patch.setattr(os, "fsync", told(os.fsync, "sync"))
        if hasattr(os, "fdatasync"):
            patch.setattr(os, "fdatasync", told(os.fdatasync, "sync"))
        patch.setattr(os, "replace", told(os.replace, "rename"))
        patch.setattr(os, "unlink", told(os.unlink, "remove"))
        yield


def after_a_cut(log, kept, chance):
    """Content of each file by name, if the power fails after a log, and this share of what was not synced is kept."""
    contents, waiting = {}, {}  # by number of the file
    names, told, changes = {}, {}, []  # numbers by name: on disk, as told to the system; changes since
    for entry in log:
        if entry.what == "create":
            told[entry.name] = number = len(contents)
            contents[number], waiting[number] = bytearray(), []
            changes.append(entry._replace(start=number))
        elif entry.what in ("write", "truncate"):
            waiting[told[entry.name]].append(entry)
        elif entry.what == "sync":
            number = told[entry.name]
            for one in waiting[number]:
                _apply(contents[number], one)
            waiting[number] = []
        elif entry.what == "sync names":
            for one in changes:
                _rename(names, one)
            changes = []
        else:
            _rename(told, entry)
            changes.append(entry)
    count = len(changes) if kept == 1.0 else chance.randint(0, len(changes))
    for one in changes[:count]:
        _rename(names, one)
    for number, entries in waiting.items():
        for one in (piece for entry in entries for piece in _pieces(entry)):
            if chance.random() < kept:
                _apply(contents[number], one)
    return {name: bytes(contents[number]) for name, number in names.items()}


def _pieces(entry):
    if entry.what == "truncate":
        return [entry]
    edges = [0, *range(_PART - entry.start % _PART, len(entry.data), _PART), len(entry.data)]
    return [
        entry._replace(start=entry.start + first, data=entry.data[first:last])
        for first, last in zip(edges[:-1], edges[1:], strict=True)
    ]


def _apply(content, entry):
    if entry.what == "truncate":
        del content[entry.start :]
        return
    content.extend(bytes(max(0, entry.start - len(content))))
    content[entry.start : entry.start + len(entry.data)] = entry.data


def _rename(names, entry):
    if entry.what == "create":
        names[entry.name] = entry.start
    elif entry.what == "rename":
        if entry.name in names:
            names[entry.other] = names.pop(entry.name)
    else:
        names.pop(entry.name, None)


def reported_safe(log):
    """Whether a log contains a state that was reported as safe: the second checkpoint, as the first holds no state."""
    renamed = [number for number, entry in enumerate(log) if entry.other.endswith(".checkpoint")]
    return len(renamed) > 1 and any(entry.what == "sync names" for entry in log[renamed[1] :])


def outcome(files, folder, digest, safe):
    """What becomes of the run of out.h5 after a power cut; a word for what must not be, which begins with "lost"."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    out = folder / "out.h5"
    if part_path(out).exists() and safe:
        try:
            ketasim.open_trajectory(out).close()
        except StorageError as error:
            return f"lost: does not open: {error}"
    try:
        with ketasim.resume(out) as run:
            return "same digest" if run.digest() == digest else "lost: another digest"
    except (CheckpointError, StorageError) as error:
        return f"lost: {error}" if safe else "refused, nothing had been reported as safe"


def replay(experiment, folder, count, seed):
    """Outcomes of power cuts in a run, counted: after each entry of its log, and `count` times anywhere in any order.

    Returns
    -------
    outcomes : dict of str to int
    log : list of Write
    """
    (folder / "run").mkdir()
    log, found = [], {}
    with recorded(log):
        run = ketasim.run(experiment, folder / "run" / "out.h5")
    digest = run.digest()
    run.close()
    chance = random.Random(seed)
    cuts = [(place, 1.0) for place in range(len(log) + 1)] if count > len(log) else []
    cuts += [(chance.randint(0, len(log)), chance.choice(KEPT)) for _ in range(count)]
    for number, (place, kept) in enumerate(cuts):
        files = after_a_cut(log[:place], kept, chance)
        name = outcome(files, folder / f"cut{number}", digest, reported_safe(log[:place]))
        found[name] = found.get(name, 0) + 1
    return found, log

"""Power cuts: the write log of a run, and what a disk may hold of it when the power fails at any point.

Between two syncs a disk may keep any of what was written, in any order and in parts of 4096 bytes, and any number of
changes of names in their order. What was synced it keeps.
"""

import builtins
import io
import itertools
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

#: How much of what was not synced is kept: all (a prefix of the log), nothing, half, all but a little, little.
KEPT = (1.0, 0.0, 0.5, 0.9, 0.1)


class Write(NamedTuple):
    """A change of a file or of names; data for writes, a size for truncations, another name for renames."""

    what: str
    name: str = ""
    start: int = 0
    data: bytes = b""
    other: str = ""


def _raw_file(log, names):
    """Class of files that note what is written to them; `names` by number as long as they are open."""

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

    return Raw


def _opener(log, names):
    """In place of `open`: files to be written note it."""
    raw_file = _raw_file(log, names)

    def opened(path, mode="r", **options):
        if mode not in {"wb", "w+b", "r+b"}:
            return builtins.open(path, mode, **options)
        raw = raw_file(path, mode)
        names[raw.fileno()] = Path(path).name
        if "w" in mode:
            log.append(Write("create", Path(path).name))
        return raw if options.get("buffering") == 0 else io.BufferedWriter(raw)

    return opened


def _told(log, names, function, what):
    """In place of a function of the system: a sync, a rename or a removal, which is noted."""

    def call(*arguments, **options):
        function(*arguments, **options)
        if what == "sync":
            log.append(Write("sync", names[arguments[0]]) if arguments[0] in names else Write("sync names"))
        elif not str(arguments[0]).endswith(".lock"):
            other = Path(arguments[1]).name if what == "rename" else ""
            log.append(Write(what, Path(arguments[0]).name, other=other))

    return call


@contextmanager
def recorded(log):
    """Context in which all that ketasim writes of a run is noted in the order in which the system is told."""
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        for module in (disk, checkpoint):
            patch.setattr(module, "open", _opener(log, names), raising=False)
        for name, what in {"fsync": "sync", "fdatasync": "sync", "replace": "rename", "unlink": "remove"}.items():
            if hasattr(os, name):
                patch.setattr(os, name, _told(log, names, getattr(os, name), what))
        yield


class _Disk:
    """What a disk holds: contents by number of the file, names; and what it was told since the last sync of each."""

    def __init__(self):
        self.contents, self.waiting = {}, {}
        self.names, self.told, self.changes = {}, {}, []

    def take(self, entry):
        """Take one entry of the log."""
        if entry.what == "create":
            entry = entry._replace(start=len(self.contents))
            self.contents[entry.start], self.waiting[entry.start] = bytearray(), []
        if entry.what in {"write", "truncate"}:
            self.waiting[self.told[entry.name]].append(entry)
        elif entry.what == "sync":
            self._keep(self.told[entry.name])
        elif entry.what == "sync names":
            self._keep_names(len(self.changes))
        else:
            _rename(self.told, entry)
            self.changes.append(entry)

    def _keep(self, number):
        for one in self.waiting[number]:
            _apply(self.contents[number], one)
        self.waiting[number] = []

    def _keep_names(self, count):
        for one in self.changes[:count]:
            _rename(self.names, one)
        self.changes = []

    def lose(self, kept, chance):
        """Keep a share of what was not synced."""
        self._keep_names(len(self.changes) if kept == 1.0 else chance.randint(0, len(self.changes)))
        for number, entries in self.waiting.items():
            for one in (piece for entry in entries for piece in _pieces(entry)):
                if chance.random() < kept:
                    _apply(self.contents[number], one)


def after_a_cut(log, kept, chance):
    """Content of each file by name, if the power fails after a log, and this share of what was not synced is kept."""
    disk_then = _Disk()
    for entry in log:
        disk_then.take(entry)
    disk_then.lose(kept, chance)
    return {name: bytes(disk_then.contents[number]) for name, number in disk_then.names.items()}


def _pieces(entry):
    if entry.what == "truncate":
        return [entry]
    edges = [0, *range(_PART - entry.start % _PART, len(entry.data), _PART), len(entry.data)]
    return [
        entry._replace(start=entry.start + first, data=entry.data[first:last])
        for first, last in itertools.pairwise(edges)
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


def replay(experiment, folder, count, seed, every=0):
    """Outcomes of power cuts in a run, counted: `count` times anywhere in any order, and after each `every`-th entry.

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
    cuts = [(place, 1.0) for place in range(0, len(log) + 1, every)] if every else []
    cuts += [(chance.randint(0, len(log)), chance.choice(KEPT)) for _ in range(count)]
    for number, (place, kept) in enumerate(cuts):
        files = after_a_cut(log[:place], kept, chance)
        name = outcome(files, folder / f"cut{number}", digest, reported_safe(log[:place]))
        found[name] = found.get(name, 0) + 1
    return found, log


def commits(path, log):
    """Make six commits that append and change pages; returns content and number of log entries after each."""
    chance, done = random.Random(5), [(b"", 0)]
    with recorded(log):
        file = disk.Disk(path)
        disk.sync_folder(path.parent)
        for number in range(1, 7):
            file.seek(0, os.SEEK_END)
            file.write(chance.randbytes(3 * _PART + 100))
            for page in chance.sample(range(2 * number), number):
                file.seek(page * _PART)
                file.write(bytes([number]) * _PART)
            file.commit()
            if number == 1:
                file.sync()  # the first changes no page, and promises nothing
            file.seek(0)
            done.append((file.read(), len(log)))
        file.close()
    return done


def torn(folder, count, seed):
    """Number of power cuts, of `count`, after which a file holds neither its last commit nor the next one."""
    log, wrong, chance = [], 0, random.Random(seed)
    done = commits(folder / "file", log)
    for _ in range(count):
        place = chance.randint(done[1][1], len(log))
        content = after_a_cut(log[:place], chance.choice(KEPT), chance).get("file", b"")
        (folder / "cut").write_bytes(content)
        file = disk.Disk.reopened(folder / "cut")
        found = file.read()
        file.abandon()
        last = max(number for number, (_, end) in enumerate(done) if end <= place)
        wrong += not any(found.startswith(state) for state, _ in done[last : last + 2])
    return wrong

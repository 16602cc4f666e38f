"""The file below HDF5: in-place changes are held back until a commit, and write errors are caught here.

This avoids two faults of writing directly to a file. A kill while HDF5 overwrites its tables leaves some of them new
and some old, and the file may not open; here new bytes go to the end of the file, where no table points yet, and the
tables are overwritten together in an atomic commit: the new pages are kept as a journal at the end of the file until
all of them are in place. And HDF5 crashes the interpreter when it closes a file that it could not write; here HDF5
never sees the error, and the commit raises it.

A power cut, unlike a kill, may lose any of what was written since the last sync, in any order. So new bytes are synced
before the journal that commits them, the journal before a page changes, and the pages before the journal goes.
"""

import errno
import os
import struct
import sys
import time
import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Self

_PAGE = 4096

#: Last bytes of a file with a journal: mark, length of the file after the commit, number of pages, checksum of their
#: offsets and contents, which precede: (n,) offsets as int64, then the pages. Bytes between that length and the journal
#: are still needed by the last commit, but not by this one.
_TRAILER = struct.Struct("<8sqqI")
_MARK = b"ketaJRNL"


#: Errors of file systems that cannot sync a file.
_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)

_passed: Counter[str] = Counter()


def fault_point(name: str) -> None:
    """Wait here to be killed, if a test asks for it.

    With ``KETASIM_FAULT="flush:3"`` in the environment the third pass through a point ``flush`` reports itself on
    standard error and waits for ever. Points: ``flush`` (a commit of the trajectory), ``checkpoint`` (its replacement),
    ``rename`` (the end of a run).
    """
    wanted = os.environ.get("KETASIM_FAULT")
    if not wanted:
        return
    _passed[name] += 1
    if wanted == f"{name}:{_passed[name]}":
        sys.stderr.write(f"fault point {name} {_passed[name]}\n")
        sys.stderr.flush()
        while True:
            time.sleep(1.0)


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Disk:
    """A file object for `h5py.File`, to be used with ``fs_strategy="none"``, so that HDF5 never reuses space.

    Parameters
    ----------
    path : Path
        File, which is created, or emptied if it exists.

    Raises
    ------
    OSError
        The file cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.error: OSError | None = None
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115 - open as long as the HDF5 file is
        self._position = 0
        self._size = 0
        self._held = 0  # bytes, whole pages; below it only a commit changes the file
        self._pages: dict[int, bytearray] = {}

    @classmethod
    def interrupted(cls, path: Path) -> Self | None:
        """Open a file for reading as its interrupted commit would have left it; None if no commit was interrupted.

        The file itself is not changed.

        Raises
        ------
        OSError
            It cannot be read.
        """
        with open(path, "rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - _TRAILER.size))
            trailer = file.read()
            if len(trailer) < _TRAILER.size or not trailer.startswith(_MARK):
                return None
            _, size, count, checksum = _TRAILER.unpack(trailer)
            start = length - _TRAILER.size - count * (8 + _PAGE)
            if not 0 <= size <= start or count < 1:
                return None
            file.seek(start)
            journal = file.read(count * (8 + _PAGE))
        if zlib.crc32(journal) != checksum:
            return None
        disk = cls.__new__(cls)
        disk.error, disk._position, disk._size, disk._held = None, 0, size, 0
        disk._file = open(path, "rb", buffering=0)  # noqa: SIM115 - open as long as the HDF5 file is
        starts = struct.unpack_from(f"<{count}q", journal)
        pages = (bytearray(journal[8 * count + i * _PAGE :][:_PAGE]) for i in range(count))
        disk._pages = dict(zip(starts, pages, strict=True))
        return disk

    @classmethod
    def reopened(cls, path: Path) -> Self:
        """Open a file to continue it, after completing a commit that was interrupted.

        Raises
        ------
        OSError
            It cannot be read or written.
        """
        unfinished = cls.interrupted(path)
        disk = cls.__new__(cls)
        disk.error, disk._position, disk._pages = None, 0, {}
        disk._file = open(path, "r+b", buffering=0)  # noqa: SIM115 - open as long as the HDF5 file is
        disk._size = disk._file.seek(0, os.SEEK_END)
        if unfinished is not None:
            disk._size, disk._pages = unfinished._size, unfinished._pages
            unfinished._file.close()
            disk._put_pages()  # the journal stays until all of them are in place
            disk._pages = {}
        disk.commit()
        return disk

    def commit(self) -> None:
        """Overwrite the changed pages; then raise the first error since the last commit, if any.

        After an error nothing more is overwritten: the file stays as the last commit left it.
        """
        fault_point("flush")
        if self._pages:
            journal = struct.pack(f"<{len(self._pages)}q", *self._pages) + b"".join(self._pages.values())
            trailer = _TRAILER.pack(_MARK, self._size, len(self._pages), zlib.crc32(journal))
            self._order()
            self._put(max(self._size, self._file.seek(0, os.SEEK_END)), journal + trailer)
            self._order()
            fault_point("flush")
            self._put_pages()
        self._pages.clear()
        self._cut_off()
        self._held = -(-self._size // _PAGE) * _PAGE
        fault_point("flush")
        if self.error is not None:
            raise self.error

    def sync(self) -> None:
        """Force what was committed to disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Commit and sync if nothing has failed, and close."""
        try:
            if self.error is None:
                self.commit()
                self.sync()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close the file as the last commit left it."""
        self._file.close()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position; returns it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def write(self, data: bytes) -> int:
        """Write bytes at the position; returns their number."""
        view = memoryview(data).cast("B")
        if not view:
            return 0
        start, stop = self._position, self._position + len(view)
        boundary = min(max(start, self._held), stop)
        if boundary > start:
            self._hold(start, view[: boundary - start])
        self._put(boundary, view[boundary - start :])
        self._position = stop
        self._size = max(self._size, stop)
        return len(view)

    def readinto(self, buffer: memoryview) -> int:
        """Fill a buffer from the position, uncommitted changes included; returns the number of bytes."""
        view = memoryview(buffer).cast("B")
        start = self._position
        stop = max(start, min(start + len(view), self._size))
        self._file.seek(start)
        self._file.readinto(view)
        for page in range(start // _PAGE * _PAGE, stop, _PAGE):
            if page in self._pages:
                first, last = max(start, page), min(stop, page + _PAGE)
                view[first - start : last - start] = self._pages[page][first - page : last - page]
        self._position = stop
        return stop - start

    def read(self, count: int = -1) -> bytes:
        """Return `count` bytes from the position, or all that remain."""
        buffer = bytearray(max(0, self._size - self._position) if count < 0 else count)
        return bytes(buffer[: self.readinto(memoryview(buffer))])

    def truncate(self, size: int | None = None) -> int:
        """Set the length of the file after the next commit; returns it.

        Not at once: HDF5 releases blocks at the end to which the tables of the last commit still point.
        """
        self._size = self._position if size is None else size
        return self._size

    def flush(self) -> None:
        """Do nothing: only what waits for the commit is buffered."""

    def _hold(self, start: int, view: memoryview) -> None:
        stop = start + len(view)
        for page in range(start // _PAGE * _PAGE, stop, _PAGE):
            if page not in self._pages:
                self._pages[page] = self._load(page)
            first, last = max(start, page), min(stop, page + _PAGE)
            self._pages[page][first - page : last - page] = view[first - start : last - start]

    def _put_pages(self) -> None:
        """Write the pages to their places, and cut off the journal behind them."""
        for start in sorted(self._pages):
            self._put(start, self._pages[start][: max(0, self._size - start)])
            fault_point("flush")
        self._order()
        self._cut_off()

    def _order(self) -> None:
        """Let what was written reach the disk before anything that is written later."""
        if self.error is None:
            try:
                getattr(os, "fdatasync", os.fsync)(self._file.fileno())
            except OSError as error:
                if error.errno not in _NO_SYNC:
                    self.error = error

    def _cut_off(self) -> None:
        """Truncate the file to its length."""
        if self.error is None:
            try:
                self._file.truncate(self._size)
            except OSError as error:
                self.error = error

    def _load(self, page: int) -> bytearray:
        content = bytearray(_PAGE)
        self._file.seek(page)
        self._file.readinto(content)
        return content

    def _put(self, start: int, data: memoryview | bytearray | bytes) -> None:
        view = memoryview(data)
        while view and self.error is None:
            self._file.seek(start)
            try:
                written = self._file.write(view)
            except OSError as error:
                self.error = error
                return
            start, view = start + written, view[written:]

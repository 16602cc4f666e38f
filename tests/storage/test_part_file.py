"""How OUT.h5.part begins and how it gets its name."""

import os
from io import BytesIO

import h5py
import pytest

from ketasim.storage import TrajectoryWriter, digest, part_file
from ketasim.storage.disk import Disk
from ketasim.storage.layout import StorageError
from ketasim.storage.part_file import complete, complete_after_all, names_the_file, new_file


class Writes:
    """What a writer has to have."""

    failed, place, disk_error = False, "out.h5.part", None

    @names_the_file
    def fail(self, error):
        """Raise it."""
        raise error


def test_the_first_error_of_the_disk_is_the_reason():
    """Catches HDF5's words on its own tables in place of the system's on the disk."""
    writes = Writes()
    writes.disk_error = OSError(27, "File too large")
    with pytest.raises(StorageError, match="File too large"):
        writes.fail(RuntimeError("bad heap index"))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("HDF5 is upset")])
def test_errors_of_writing_name_the_file(error):
    """Catches a message that does not say where, and a writer that goes on after it."""
    writes = Writes()
    with pytest.raises(StorageError, match=r"^out\.h5\.part: cannot be written: (No space left|HDF5 is upset)"):
        writes.fail(error)
    assert writes.failed


def test_other_errors_stay_what_they_are():
    """Catches a wrong shape that is told as a full disk."""
    writes = Writes()
    with pytest.raises(ValueError, match="shape"):
        writes.fail(ValueError("shape"))
    assert not writes.failed


def test_a_new_file_has_its_marks(tmp_path):
    """Catches a file that no reader knows, lacks the run's marks, or keeps those of an older one; of memory, too."""
    path = tmp_path / "new" / "out.h5.part"
    for run_id in ("a", "b"):
        file, disk = new_file(path, {"run_id": run_id, "name": "x"})
        file.close()
        disk.close()
    with h5py.File(path) as file:
        assert (file.attrs["run_id"], file.attrs["name"], file.attrs["complete"]) == ("b", "x", 0)
        assert file.attrs["Conventions"].startswith("ketasim-")
    memory = BytesIO()
    file, disk = new_file(memory, {})
    assert disk is None
    file.close()
    assert len(memory.getvalue()) > 100


def test_completing_replaces_an_older_file(tmp_path):
    """Catches a forced run that can't take the place of the one before."""
    (tmp_path / "out.h5").write_text("old")
    (tmp_path / "out.h5.part").write_text("new")
    complete(tmp_path / "out.h5.part")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("out.h5", "new")]


def test_a_name_that_cannot_be_given_costs_nothing(tmp_path, monkeypatch):
    """Catches a finished run that is lost, or a traceback, where another program holds the older file open."""

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "out.h5.part").write_text("new")
    monkeypatch.setattr(part_file.os, "replace", refused)
    with pytest.raises(StorageError, match=r"out\.h5\.part: complete, but it cannot be renamed to out\.h5: Permission"):
        complete(tmp_path / "out.h5.part")
    assert (tmp_path / "out.h5.part").read_text() == "new"


def test_a_name_given_after_all_is_that_of_a_whole_file(tmp_path, monkeypatch, example):
    """Catches a finished file that only ketasim can read: the kill came within the commit of its last marks."""
    path, run = tmp_path / "out.h5", example.make_run(rows=5)
    example.write_run(tmp_path / "whole.h5", run)
    images, put = [], Disk._put

    def seen(self, start, data):
        put(self, start, data)
        images.append((tmp_path / "out.h5.part").read_bytes())

    with monkeypatch.context() as patch:
        patch.setattr(TrajectoryWriter, "finish", lambda writer: None)
        example.write_run(path, run)
    with monkeypatch.context() as patch:
        patch.setattr(part_file, "complete", lambda part: None)
        disk = Disk.reopened(tmp_path / "out.h5.part")
        file = h5py.File(disk, "r+")
        patch.setattr(Disk, "_put", seen)
        file.attrs["complete"] = 1
        file.close()
        disk.close()
    part = tmp_path / "out.h5.part"
    for image in images:
        part.write_bytes(image)
        if Disk.interrupted(part) is None:
            continue
        complete_after_all(part)
        with h5py.File(path) as file:
            assert file.attrs["complete"] == 1
        assert os.listdir(tmp_path).count("out.h5.part") == 0
        assert digest(path) == digest(tmp_path / "whole.h5")
        break
    else:
        pytest.fail("no image had a journal")

"""Writing: blocks, the unfinished file, failures of the disk, kills, and how a file begins and gets its name."""

import os
import subprocess
import sys
import time
from io import BytesIO
from textwrap import dedent

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.storage import Column, StorageError, TrajectoryWriter, digest
from ketasim.storage import writer as writing
from ketasim.storage.disk import Disk
from ketasim.storage.writer import complete, complete_after_all, names_the_file, new_file
from ketasim.trajectory import open_trajectory

RATE = Column("firing_rate", "Hz", "rate", ("population",))


def test_file_has_its_name_only_when_finished(tmp_path, example):
    """Catches an unfinished file under the finished name, and a .part that stays behind."""
    run = example.make_run()
    run.finish = False
    target = tmp_path / "folder" / "run.h5"
    example.write_run(target, run)
    assert [path.name for path in target.parent.iterdir()] == ["run.h5.part"]
    run.finish = True
    example.write_run(target, run)
    assert [path.name for path in target.parent.iterdir()] == ["run.h5"]


def test_exception_leaves_a_readable_part_with_its_last_rows(tmp_path):
    """Catches rows that are lost in memory when a run fails, and an error hidden by closing."""
    with pytest.raises(ZeroDivisionError), TrajectoryWriter(tmp_path / "run.h5") as writer:
        writer.create_samples("population", [RATE], {"population": ["PYR"]})
        for i in range(3):
            writer.append("population", i, {"firing_rate": [i]})
        _ = 1 / 0
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert not trajectory.complete
        assert trajectory["firing_rate"].values.ravel().tolist() == [0, 1, 2]


def test_stop_says_why(tmp_path):
    """Catches a guard's reason that does not reach the file."""
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        writer.stop("PYR fire above 200 Hz")
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert trajectory.attributes["stopped_because"] == "PYR fire above 200 Hz"
        assert not trajectory.complete


def test_rows_are_copies():
    """Catches a writer that keeps the simulation's own arrays, which change before the block is written."""
    state, memory = np.zeros(1), BytesIO()
    with TrajectoryWriter(memory) as writer:
        writer.create_samples("population", [RATE], {"population": ["PYR"]})
        for i in range(100):
            state[:] = i
            writer.append("population", i, {"firing_rate": state})
        writer.finish()
    assert_array_equal(open_trajectory(memory)["firing_rate"].values.ravel(), np.arange(100))


@pytest.mark.parametrize(
    ("time", "values", "error"),
    [
        (1.0, {"firing_rate": [1.0, 2.0]}, ValueError),
        (0.0, {"firing_rate": [1.0]}, ValueError),
        (float("nan"), {"firing_rate": [1.0]}, ValueError),
        (1.0, {"firing_rat": [1.0]}, KeyError),
        (1.0, {"firing_rate": [1.0], "bdnf": 1}, KeyError),
        (1.0, {}, KeyError),
    ],
)
def test_wrong_rows_are_refused(time, values, error):
    """Catches broadcasting of a wrong shape, time that stands still, and columns that are not there."""
    with TrajectoryWriter(BytesIO()) as writer:
        writer.create_samples("population", [RATE], {"population": ["PYR"]})
        writer.append("population", 0.0, {"firing_rate": [1.0]})
        with pytest.raises(error):
            writer.append("population", time, values)


def test_wrong_clocks_are_refused():
    """Catches a dimension without values or with labels of another length, which xarray could not open."""
    with TrajectoryWriter(BytesIO()) as writer:
        with pytest.raises(ValueError, match="population"):
            writer.create_samples("a", [RATE], {})
        with pytest.raises(ValueError, match="do not fit"):
            writer.create_samples("b", [RATE], {"population": ["PYR"]}, {"x": ("population", [1, 2])})
        writer.create_samples("c", [RATE], {"population": ["PYR"]})
        with pytest.raises(ValueError, match="exists"):
            writer.create_samples("c", [RATE], {"population": ["PYR"]})


def test_folder_that_cannot_be_written(tmp_path):
    """Catches a traceback of HDF5 instead of a sentence with the file's name."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match=r"run\.h5\.part: cannot be written: ."):
        TrajectoryWriter(tmp_path / "file" / "run.h5")
    (tmp_path / "run.h5.part").mkdir()
    with pytest.raises(StorageError, match=r"run\.h5\.part: cannot be written: ."):
        TrajectoryWriter(tmp_path / "run.h5")


FILL_THE_DISK = """
    import resource, sys
    from pathlib import Path
    import numpy as np
    from ketasim.storage import Column, StorageError, TrajectoryWriter
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    random = np.random.default_rng(1)
    try:
        with TrajectoryWriter(Path(sys.argv[1])) as writer:
            column = Column("firing_rate", "Hz", "rate", ("node",))
            writer.create_samples("node", [column], {"node": np.arange(1000)})
            for i in range(1000):
                writer.append("node", i, {"firing_rate": random.random(1000)})
    except StorageError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX's")
def test_full_disk_is_reported_in_one_line(tmp_path):
    """Catches pages of HDF5 messages, a crash on closing, or a run that goes on when nothing is stored."""
    target = tmp_path / "run.h5"
    done = subprocess.run(
        [sys.executable, "-c", dedent(FILL_THE_DISK), str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith(f"{target}.part: cannot be written: ")
    assert "File too large" in done.stdout
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


WRITE_FOR_EVER = """
    import sys
    from pathlib import Path
    import numpy as np
    from ketasim.storage import Column, TrajectoryWriter
    writer, every = TrajectoryWriter(Path(sys.argv[1])), int(sys.argv[2])
    column = Column("firing_rate", "Hz", "rate", ("node",), dtype="f8")
    writer.create_samples("node", [column], {"node": np.arange(50)})
    for i in range(10**9):
        writer.append("node", i, {"firing_rate": np.arange(50) + i})
        writer.append_spikes("PYR", np.array([1.0 * i]), np.array([i]))
        if i % every == every - 1:
            writer.flush()
            print(i + 1, flush=True)
"""


@pytest.mark.parametrize(("delay", "every"), [(0.0, 32), (0.05, 5), (0.11, 64), (0.17, 7)])
def test_kill_leaves_every_flushed_row(tmp_path, delay, every):
    """Catches a file that does not open after kill -9, or has lost rows that were flushed."""
    target = tmp_path / "run.h5"
    command = [sys.executable, "-c", dedent(WRITE_FOR_EVER), str(target), str(every)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        flushed = int(process.stdout.readline())
        time.sleep(delay)
        process.kill()
        lines = process.stdout.read().split("\n")
    flushed = max([flushed, *(int(line) for line in lines[:-1])])
    with open_trajectory(target) as trajectory:
        rate = trajectory["firing_rate"]
        rows = rate.sizes["time"]
        assert rows >= flushed
        assert_array_equal(rate["time"], np.arange(rows))
        assert_array_equal(rate, np.arange(50) + np.arange(rows)[:, None])
        assert len(trajectory.spikes("PYR").times) >= flushed


def test_full_blocks_are_in_the_file_without_a_flush(tmp_path):
    """Catches rows that stay in memory for hours, and a last block that is lost for want of being full."""
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        writer.create_samples("population", [RATE], {"population": ["PYR"]})
        for i in range(70):
            writer.append("population", i, {"firing_rate": [i]})
        with open_trajectory(tmp_path / "run.h5") as trajectory:
            assert trajectory["firing_rate"].sizes["time"] == 64
        writer.flush()
        for i in range(70, 100):
            writer.append("population", i, {"firing_rate": [i]})
        with open_trajectory(tmp_path / "run.h5") as trajectory:
            assert trajectory["firing_rate"].sizes["time"] == 96
        writer.finish()
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert_array_equal(trajectory["firing_rate"].values.ravel(), np.arange(100))


def test_memory_and_disk_hold_the_same(tmp_path, example):
    """Catches a difference between a run kept in memory and one stored."""
    run, memory = example.make_run(), BytesIO()
    example.write_run(memory, run)
    example.write_run(tmp_path / "run.h5", run)
    with open_trajectory(memory) as ours, open_trajectory(tmp_path / "run.h5") as theirs:
        assert ours.path is None
        assert ours.digest() == theirs.digest()


def test_small_runs_make_small_files(tmp_path, example):
    """Catches chunks that are stored mostly empty and space lost with each flush."""
    run = example.make_run(rows=320)
    run.flush_after = range(0, 320, 40)
    example.write_run(tmp_path / "often.h5", run)
    run.flush_after = ()
    example.write_run(tmp_path / "blocks.h5", run)
    sizes = {name: os.path.getsize(tmp_path / f"{name}.h5") for name in ("often", "blocks")}
    assert sizes["blocks"] < 300_000
    assert sizes["often"] < 1.5 * sizes["blocks"]


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
    with TrajectoryWriter(tmp_path / "out.h5") as writer:
        writer.finish()
    (tmp_path / "out.h5.part").write_text("new")
    complete(tmp_path / "out.h5.part")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("out.h5", "new")]


def test_completing_replaces_nothing_else(tmp_path):
    """Catches a file that somebody put at OUT.h5 during the run, and a finished run that is lost in its place."""
    (tmp_path / "out.h5").write_text("precious")
    (tmp_path / "out.h5.part").write_text("new")
    with pytest.raises(StorageError, match=r"complete, but it cannot be renamed: .*is not a trajectory"):
        complete(tmp_path / "out.h5.part")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"out.h5": "precious", "out.h5.part": "new"}


def test_a_name_that_cannot_be_given_costs_nothing(tmp_path, monkeypatch):
    """Catches a finished run that is lost, or a traceback, where another program holds the older file open."""

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "out.h5.part").write_text("new")
    monkeypatch.setattr(writing.os, "replace", refused)
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
        patch.setattr(writing, "complete", lambda part: None)
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

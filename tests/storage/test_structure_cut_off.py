"""The graph over time in files that were cut off, about 4 s: kills, full disks, memory."""

import subprocess
import sys
import time
import tracemalloc
from textwrap import dedent

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.storage import StorageError, TrajectoryWriter, open_trajectory


def events_at(at, count=0):
    """Arguments of `append_structure` for a number of births."""
    nodes = np.arange(count)
    return at, np.zeros(count, int), nodes, nodes + 1, np.ones(count), np.ones(count)


def test_full_chunks_are_in_the_file_without_a_flush_and_half_a_step_is_not_read(tmp_path):
    """Catches events that stay in memory for hours, and the first half of a step that is read as all of it."""
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        for i in range(5):
            writer.append_structure(*events_at(float(i), 700))
        with h5py.File(tmp_path / "run.h5.part") as file:
            assert file["structure/events/time"].shape == (3072,)
        with open_trajectory(tmp_path / "run.h5") as trajectory:
            assert trajectory.structure_events().time.size == 4 * 700
        writer.append_structure(*events_at(5.0))
        writer.flush()
        with open_trajectory(tmp_path / "run.h5") as trajectory:
            assert trajectory.structure_events().time.size == 5 * 700
        writer.append_structure(*events_at(6.0, 700))
        writer.finish()
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert_array_equal(trajectory.structure_events().time, np.repeat([0, 1, 2, 3, 4, 6], 700))


def test_an_unfinished_run_knows_its_graph_as_far_as_it_is_written(tmp_path, example):
    """Catches a graph of a later time made of the events that happen to be in the file."""
    topology = example.random_topology()
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        writer.write_topology(topology)
        writer.create_clock("subject", [], {})
        for i in range(64):
            writer.append("subject", float(i), {})
            if i <= 40:
                writer.append_structure(*events_at(float(i)))
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert trajectory.topology(40).sha256 == topology.sha256
        with pytest.raises(ValueError, match="0 s to 40 s"):
            trajectory.topology(41)


WRITE_FOR_EVER = """
    import sys
    from pathlib import Path
    import numpy as np
    from ketasim.storage import Column, TrajectoryWriter
    writer, every = TrajectoryWriter(Path(sys.argv[1])), int(sys.argv[2])
    writer.create_clock("subject", [Column("x", "1", "x", dtype="f8")], {})
    for i in range(10**9):
        rows = np.arange(i % 300)
        writer.append("subject", float(i), {"x": i})
        writer.append_structure(float(i), rows % 2, rows, rows + i, rows + 0.5, rows * 0.1)
        if i % every == every - 1:
            writer.flush()
            print(i + 1, flush=True)
"""


@pytest.mark.parametrize(("delay", "every"), [(0.0, 32), (0.06, 5), (0.13, 64), (0.19, 7)])
def test_kill_leaves_whole_steps_and_every_flushed_one(tmp_path, delay, every):
    """Catches a file that does not open after kill -9, half a step, and steps that are lost after a flush."""
    command = [sys.executable, "-c", dedent(WRITE_FOR_EVER), str(tmp_path / "run.h5"), str(every)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        flushed = int(process.stdout.readline())
        time.sleep(delay)
        process.kill()
        lines = process.stdout.read().split("\n")
    flushed = max([flushed, *(int(line) for line in lines[:-1])])
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        events = trajectory.structure_events()
        steps = int(events.time[-1]) + 1
        assert steps + 1 >= flushed  # step 0, and every 300th, has no events
        sizes = np.arange(steps) % 300
        assert_array_equal(events.time, np.repeat(np.arange(steps), sizes))
        rows = np.concatenate([np.arange(size) for size in sizes])
        assert_array_equal(events.source, rows)
        assert_array_equal(events.target, rows + events.time)
        assert_array_equal(events.kind, rows % 2)
        assert_array_equal(events.weight, rows + 0.5)
        assert_array_equal(events.delay, rows * 0.1)


def test_columns_cut_off_in_the_middle_leave_whole_steps(tmp_path):
    """Catches ragged columns, and a step of which one column lacks a row."""
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        for i in range(4):
            writer.append_structure(*events_at(float(i), 10))
    with h5py.File(tmp_path / "run.h5.part", "r+") as file:
        file["structure/events/weight"].resize(25, axis=0)
    with open_trajectory(tmp_path / "run.h5") as trajectory:
        assert_array_equal(trajectory.structure_events().time, np.repeat([0, 1], 10))


def test_memory_does_not_grow_with_the_events(tmp_path):
    """Catches events that are kept after they are in the file: 80,000 of them take 2.3 MB, a chunk 30 kB."""
    with TrajectoryWriter(tmp_path / "run.h5") as writer:
        rows = np.arange(500)
        writer.append_structure(0.0, rows % 2, rows, rows, rows, rows)
        tracemalloc.start()
        for i in range(1, 160):
            writer.append_structure(float(i), rows % 2, rows, rows, rows, rows)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1e6


def test_full_disk_is_named(tmp_path, monkeypatch, example):
    """Catches an exception of HDF5, without the file's name, from what is written of the graph."""
    with (
        pytest.raises(StorageError, match=r"run\.h5\.part: cannot be written"),
        TrajectoryWriter(tmp_path / "run.h5") as writer,
    ):
        monkeypatch.setattr(writer._disk, "error", OSError(28, "No space left on device"))
        writer.write_snapshot("start", 0.0, example.random_topology())

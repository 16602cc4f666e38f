"""What is damaged is found, and what is not is not."""

import shutil

import h5py
import pytest

from ketasim.storage.layout import StorageError, TrajectoryNotFoundError
from ketasim.storage.verify import damages


@pytest.fixture
def copied(written, tmp_path):
    """Path of a finished file that may be changed."""
    return shutil.copy(written[0], tmp_path / "run.h5")


def test_a_finished_file_is_intact(copied):
    """Catches a digest that differs as soon as the file is closed."""
    assert damages(copied) == []


@pytest.mark.parametrize("name", ["trajectories/subject/plasma_concentration", "trajectories/node/firing_rate"])
def test_a_block_that_went_bad_is_named(copied, name):
    """Catches a flipped byte that nobody notices until it is read."""
    with h5py.File(copied) as file:
        chunk = file[name].id.get_chunk_info(0)
    with open(copied, "r+b") as raw:
        raw.seek(chunk.byte_offset + chunk.size // 2)
        byte = raw.read(1)
        raw.seek(-1, 1)
        raw.write(bytes([byte[0] ^ 1]))
    (found,) = damages(copied)
    assert found.startswith(f"/{name}: can't be read: ")


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file["summary/value"].__setitem__(0, 182.0),
        lambda file: file["trajectories/subject/network_sampled"].attrs.__setitem__("units", "mV"),
        lambda file: file.__delitem__("events"),
        lambda file: file["trajectories/subject/time"].resize(10, axis=0),
    ],
)
def test_what_was_changed_since_is_found(copied, change):
    """Catches a value, a unit, a table or rows that are not what the run wrote, though HDF5 has no complaint."""
    with h5py.File(copied, "r+") as file:
        change(file)
    (found,) = damages(copied)
    assert found.startswith("the content is ")


def test_an_unfinished_file_is_read_as_a_whole(tmp_path, example):
    """Catches a complaint that there is no digest yet, and a damaged block that is passed over for that reason."""
    run = example.make_run()
    run.finish = False
    example.write_run(tmp_path / "run.h5", run)
    path = tmp_path / "run.h5.part"
    assert damages(path) == []
    with h5py.File(path) as file:
        chunk = file["trajectories/node/firing_rate"].id.get_chunk_info(0)
    with open(path, "r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"damage")
    (found,) = damages(path)
    assert "/trajectories/node/firing_rate" in found


def test_what_is_no_trajectory_is_refused(tmp_path):
    """Catches 'intact' for nothing at all."""
    with pytest.raises(TrajectoryNotFoundError):
        damages(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(StorageError, match="no trajectory file"):
        damages(tmp_path / "text.h5")

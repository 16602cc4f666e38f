"""Arrays in the user's cache: what comes back is what was stored, the oldest goes, and nothing depends on a place."""

import os

import numpy as np
import pytest

from ketasim.simulation import stored

the_users_folder = stored.folder  # before tests are given their own

ARRAYS = {"a/x": np.arange(6.0).reshape(2, 3), "b": np.array(True), "none": np.zeros(0, np.uint8)}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Folder of what is stored, not made yet."""
    place = tmp_path / "cache" / "stored"
    monkeypatch.setattr(stored, "folder", lambda: place)
    return place


def noise(seed):
    """4 kB that can't be compressed."""
    return {"noise": np.random.default_rng(seed).integers(0, 255, 4096, np.uint8)}


def test_what_comes_back_is_what_was_stored(place):
    """Catches a type, a shape or a name that is lost, and one key taken for another."""
    assert not stored.holds("one") and stored.load("one") is None
    stored.save("one", ARRAYS)
    stored.save("two", noise(0))
    found = stored.load("one")
    assert stored.holds("one") and found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape), name
        assert np.array_equal(found[name], array), name


def test_the_oldest_make_room(place, monkeypatch):
    """Catches a cache that grows without end, throws out what was used last, or leaves parts behind."""
    for number in range(5):
        stored.save(f"{number}", noise(number))
        os.utime(place / f"{number}.npz", (number, number))
    part = place / "killed.part"
    part.write_text("")
    os.utime(part, (0, 0))
    stored.load("0")
    monkeypatch.setattr(stored, "MOST_BYTES", 30_000)
    stored.save("5", noise(5))
    assert len(list(place.iterdir())) == 6
    monkeypatch.setattr(stored, "MOST_BYTES", round(3.5 * (place / "5.npz").stat().st_size))
    stored._make_room(place)
    assert {file.name for file in place.iterdir()} == {"0.npz", "4.npz", "5.npz"}


def test_a_renamed_file_is_not_taken_for_another(place):
    """Catches the past of one seed under the name of another's."""
    stored.save("one", ARRAYS)
    (place / "one.npz").rename(place / "two.npz")
    assert stored.load("two") is None


def test_what_may_only_be_read_is_read(place, monkeypatch):
    """Catches a cache of another user that is never used, since its files' times can't be set."""
    stored.save("one", ARRAYS)

    def refuse(*given, **more):
        raise PermissionError("not yours")

    monkeypatch.setattr(os, "utime", refuse)
    assert stored.load("one").keys() == ARRAYS.keys()


def test_one_that_is_too_large_is_not_stored(place, monkeypatch):
    """Catches one network that throws out everything else."""
    monkeypatch.setattr(stored, "MOST_BYTES", 10_000)
    stored.save("large", noise(0))
    assert not place.exists()


def test_the_folder_is_beside_that_of_the_kernels(monkeypatch, tmp_path):
    """Catches results in another place than the user named, or stored where kernels could not be."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(stored, "CACHE_FOLDER", tmp_path / "ketasim" / "numba" / "0123")
    assert the_users_folder() == tmp_path / "ketasim" / "baselines"
    monkeypatch.setattr(stored, "CACHE_FOLDER", tmp_path.parent / "for this process alone")
    assert the_users_folder() is None
    monkeypatch.setattr(stored, "user_cache", lambda: None)
    assert the_users_folder() is None

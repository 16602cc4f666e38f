"""The one rule for files that are written: nothing of others is replaced, nothing of ours without `force`."""

import os
import sys

import pytest

from ketasim.storage import StorageError, write_graph
from ketasim.storage.outputs import (
    GRAPHML,
    PICTURE,
    SONATA,
    TRAJECTORY,
    OutputError,
    followed,
    place_to_write,
    replaced,
)

KINDS = {"run.h5": TRAJECTORY, "net.h5": SONATA, "net.graphml": GRAPHML, "run.png": PICTURE}
needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need rights on Windows")


def write(path, kind, text=b"new", **options):
    with replaced(path, kind, **options) as part:
        part.write_bytes(text)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(("name", "kind"), KINDS.items(), ids=KINDS)
def test_a_file_of_another_kind_is_never_replaced(tmp_path, name, kind, force):
    """Catches an experiment, a note or a network of the user that a run, an export or a plot writes over."""
    path = tmp_path / name
    path.write_text("precious")
    with pytest.raises(OutputError, match=r"exists and is not .* written by ketasim: it is not replaced") as caught:
        write(path, kind, force=force)
    assert caught.value.exit_code == 2
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_an_earlier_output_is_replaced_with_force_only(small_run, small_file, tmp_path):
    """Catches a graph that replaces a trajectory or a graph of other programs, and an export that works only once."""
    topology = small_run.topology()
    for name in ("net.h5", "net.graphml"):
        path = write_graph(topology, tmp_path / name)
        before = path.read_bytes()
        with pytest.raises(OutputError, match=r"exists; --force \(in Python force=True\) replaces it"):
            write_graph(topology, path)
        path.write_bytes(before + b" ")
        write_graph(topology, path, force=True)
        assert path.read_bytes() == before
        with pytest.raises(OutputError, match="is not a trajectory"):
            place_to_write(path, TRAJECTORY, force=True)
    with pytest.raises(OutputError, match="is not a graph"):
        place_to_write(small_file, SONATA, force=True)
    assert place_to_write(small_file, TRAJECTORY, force=True) == small_file


def test_an_empty_file_holds_nothing(tmp_path):
    """Catches a file made by `mktemp` that cannot be written to."""
    (tmp_path / "run.h5").touch()
    with pytest.raises(OutputError, match="--force"):
        place_to_write(tmp_path / "run.h5", TRAJECTORY)
    write(tmp_path / "run.h5", TRAJECTORY, force=True)
    assert (tmp_path / "run.h5").read_bytes() == b"new"


def test_what_is_read_is_never_replaced(small_file, tmp_path):
    """Catches a run whose network is an earlier trajectory, and that writes over it, also under another name."""
    other = tmp_path / "other.h5"
    os.link(small_file, other)
    for path in (small_file, other):
        with pytest.raises(OutputError, match="is being read; an output never replaces an input"):
            place_to_write(path, TRAJECTORY, force=True, reads=(None, tmp_path / "none", small_file))


@needs_links
@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_only_files_are_replaced(tmp_path, kind):
    """Catches a null device that root replaces by a regular file, a pipe that waits for ever, and a folder."""
    path = {"folder": tmp_path / "folder", "pipe": tmp_path / "pipe", "device": os.devnull}[kind]
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    before = os.lstat(path)
    with pytest.raises(OutputError, match="folder" if kind == "folder" else "a device, pipe or link"):
        write(path, TRAJECTORY, force=True)
    assert os.lstat(path) == before


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("new/", "new/: a folder; name a file in it"),
        ("notes.txt/run.h5", "notes.txt is a file, not a folder"),
        ("notes.txt/runs/run.h5", "notes.txt is a file, not a folder"),
    ],
)
def test_folders_are_folders_and_files_are_files(tmp_path, monkeypatch, path, words):
    """Catches a file with the name of the folder that was meant, and a lock that cannot be made, nobody knows why."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("precious")
    with pytest.raises(OutputError, match=words):
        place_to_write(path, TRAJECTORY)
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]


@needs_links
def test_links_are_followed(tmp_path):
    """Catches data that land on another disk, in place of the link that was to lead them away."""
    (tmp_path / "big").mkdir()
    link, real = tmp_path / "net.graphml", tmp_path / "big" / "real"
    link.symlink_to("big/real")
    write(link, GRAPHML)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    real.write_text("precious")
    with pytest.raises(OutputError, match="is not a graph"):
        write(link, GRAPHML, force=True)
    nowhere = tmp_path / "nowhere"
    nowhere.symlink_to(tmp_path / "unmounted" / "run.h5")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (nowhere, loop):
        with pytest.raises(OutputError, match=r"symbolic link|[Ss]ymlink loop|symbolic links"):
            followed(path)
    assert not (tmp_path / "unmounted").exists()


def test_the_home_folder(tmp_path, monkeypatch):
    """Catches a folder of the name ``~`` in the current one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write("~/run.png", PICTURE)
    assert (tmp_path / "run.png").read_bytes() == b"new"
    with pytest.raises(OutputError, match="~nobody-of-this-name"):
        followed("~nobody-of-this-name/run.h5")


def test_a_failure_leaves_what_was_there(tmp_path):
    """Catches half a picture in place of the whole one, and files with strange names that stay behind."""
    path = tmp_path / "run.png"
    write(path, PICTURE, b"written by ketasim, old")
    with pytest.raises(ZeroDivisionError), replaced(path, PICTURE, force=True) as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError
    with pytest.raises(StorageError, match="disk is full"), replaced(path, PICTURE, force=True):
        raise OSError("disk is full")
    assert path.read_bytes() == b"written by ketasim, old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_comes_meanwhile_is_not_replaced(tmp_path):
    """Catches a file that somebody puts there while a long picture is drawn."""
    with pytest.raises(OutputError, match="is not a picture"), replaced(tmp_path / "run.png", PICTURE) as part:
        part.write_bytes(b"new")
        (tmp_path / "run.png").write_text("precious")
    assert (tmp_path / "run.png").read_text() == "precious"


def test_names_as_long_as_any(tmp_path):
    """Catches a temporary name that is longer than the one that is wanted, and a longer one without a remedy."""
    write(tmp_path / ("a" * 251 + ".png"), PICTURE)
    with pytest.raises(StorageError, match="too long"):
        write(tmp_path / ("a" * 300 + ".png"), PICTURE)

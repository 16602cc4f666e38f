"""HDF5 files that would open other files, load code or fill the memory."""

import h5py
import numpy as np
import pytest

from ketasim.documents.hdf5_file import unsafe_content


def external_link(file):
    file["group/x"] = h5py.ExternalLink("other.h5", "/secret")


def soft_link(file):
    file["group/x"] = h5py.SoftLink("/elsewhere")


def virtual(file):
    layout = h5py.VirtualLayout((4,), "i8")
    layout[:] = h5py.VirtualSource("other.h5", "/secret", (4,))
    file.create_virtual_dataset("group/x", layout)


def external_storage(file):
    file.create_dataset("group/x", (4,), "u1", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


def never_written(file):
    file.create_dataset("group/x", (10**12,), "f8")


def packed_blanks(file):
    file.create_dataset("group/x", data=np.zeros(12 * 10**6), chunks=(10**6,), compression="gzip")


def one_huge_chunk(file):
    file.create_dataset("group/x", (1,), "f8", maxshape=(None,), chunks=(2**28,))


def plug_in(file):
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((4,))
    creation.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (1,))
    group = file.require_group("group")
    h5py.h5d.create(group.id, b"x", h5py.h5t.STD_I64LE, h5py.h5s.create_simple((4,)), creation)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (external_link, "/group/x: a link to another place, '/secret' of the file 'other.h5'"),
        (soft_link, "/group/x: a link to another place, '/elsewhere'"),
        (virtual, "/group/x: a virtual dataset"),
        (external_storage, "/group/x: its values lie in another file"),
        (never_written, "/group/x: declares far more values than the file of"),
        (packed_blanks, "/group/x: declares far more values than the file of"),
        (one_huge_chunk, "/group/x: declares far more values than the file of"),
        (plug_in, "/group/x: needs the plug-in for filter 32001"),
    ],
)
def test_unsafe_content_is_named(tmp_path, damage, words):
    """Catches reading what lies elsewhere, loading a plug-in, or unpacking more than the file holds."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["group/fine"] = np.arange(10)
        damage(file)
    with h5py.File(path, "r") as file:
        assert (unsafe_content(file, path.stat().st_size) or "").startswith(words)


def test_usual_content_is_safe(tmp_path):
    """Catches refusing what trajectories and SONATA files are made of, and walking in circles for ever."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a/x", data=np.arange(1000), compression="gzip", shuffle=True, fletcher32=True)
        file["a/text"] = ["one", "two"]
        file["a/empty"] = h5py.Empty("f8")
        file["a/b/c"] = file["/"]
    with h5py.File(path, "r") as file:
        assert unsafe_content(file, path.stat().st_size) is None

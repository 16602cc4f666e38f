"""Files of other versions and files that lie: what is refused, with which words, and what is read all the same."""

import logging
import shutil
from io import BytesIO

import h5py
import numpy as np
import pytest

from ketasim import __version__
from ketasim.storage import StorageError, differing_datasets, digest
from ketasim.storage.datasets import CONVENTIONS, FORMAT_MINOR, FORMAT_VERSION, UnreadableError
from ketasim.trajectory import open_trajectory


@pytest.fixture
def doctored(written, tmp_path):
    """Copy the example and change attributes of its root; None removes one."""

    def make(**marks):
        path = tmp_path / "doctored.h5"
        shutil.copy(written[0], path)
        with h5py.File(path, "r+") as file:
            for name, value in marks.items():
                del file.attrs[name]
                if value is not None:
                    file.attrs[name] = value
        return path

    return make


@pytest.fixture
def changed(written, tmp_path):
    """Copy the example and open it for changes."""
    path = tmp_path / "changed.h5"
    shutil.copy(written[0], path)

    def make(change):
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return make


def refusal(path):
    """One line that says why a file is refused; every way in says the same."""
    words = set()
    for way in (open_trajectory, digest, lambda file: differing_datasets(file, file)):
        with pytest.raises(UnreadableError) as caught:
            way(path)
        words.add(str(caught.value))
    (text,) = words
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")


def test_a_newer_major_is_refused_with_the_version_to_install(doctored):
    """Catches numbers misread from a file of another layout, and a refusal that does not say what to do."""
    newer = f"ketasim-{FORMAT_VERSION + 1}.3"
    path = doctored(Conventions=newer, format_version=FORMAT_VERSION + 1, ketasim_version="2.4.0")
    wanted = f"written in format {FORMAT_VERSION + 1}.3 by ketasim 2.4.0; this ketasim {__version__} reads up to"
    assert refusal(path) == f"{wanted} {CONVENTIONS}: install ketasim >= 2.4.0"


@pytest.mark.parametrize("writer", [None, 7, "", "the latest", "1.0; rm -r /", "1." + "9" * 5000, np.zeros(3)])
def test_the_version_to_install_is_not_taken_from_nonsense(doctored, writer):
    """Catches an instruction that a damaged or hostile file dictates."""
    newer = FORMAT_VERSION + 1
    path = doctored(Conventions=f"ketasim-{newer}.0", format_version=newer, ketasim_version=writer)
    assert refusal(path).endswith(": install a later one")


def test_a_newer_minor_is_read_with_a_notice(doctored, written, caplog):
    """Catches a file refused for something that was merely added, and one read without a word."""
    path = doctored(Conventions=f"ketasim-{FORMAT_VERSION}.{FORMAT_MINOR + 1}", ketasim_version="0.99")
    with h5py.File(path, "r+") as file:
        file.create_group("findings").attrs["of"] = "a later version"
        file["trajectories/subject"].attrs["later"] = 1
    with caplog.at_level(logging.WARNING, "ketasim"), open_trajectory(path) as ours, open_trajectory(written[0]) as was:
        assert ours.dataset("subject").drop_attrs().equals(was.dataset("subject").drop_attrs())
        assert ours.summary.equals(was.summary)
    (record,) = caplog.records
    assert record.name == "ketasim"
    assert (
        f"{path}: written in format {FORMAT_VERSION}.{FORMAT_MINOR + 1} by ketasim 0.99; this ketasim" in record.message
    )


def test_this_version_is_read_without_a_notice(written, caplog):
    """Catches a notice on every file, which nobody reads any more."""
    with caplog.at_level(logging.DEBUG, "ketasim"):
        open_trajectory(written[0]).close()
    assert not caplog.records


NONSENSE = {
    "no conventions": ({"Conventions": None}, "not a trajectory written by ketasim"),
    "conventions of others": ({"Conventions": "CF-1.8"}, "not a trajectory written by ketasim"),
    "conventions that are a number": ({"Conventions": 1.0}, "not a trajectory written by ketasim"),
    "conventions that are a list": ({"Conventions": ["ketasim-1.0", "CF-1.8"]}, "not a trajectory written by ketasim"),
    "no value": ({"Conventions": h5py.Empty("S10")}, "not a trajectory written by ketasim"),
    "no version": ({"Conventions": "ketasim-"}, "'ketasim-', names no format; 'ketasim-1.1' does"),
    "a word for a version": ({"Conventions": "ketasim-new.0"}, "names no format"),
    "a minor that is missing": ({"Conventions": "ketasim-1"}, "names no format"),
    "a negative version": ({"Conventions": "ketasim--1.0"}, "names no format"),
    "a version that never was": ({"Conventions": "ketasim-0.9", "format_version": 0}, "names no format"),
    "a huge version": ({"Conventions": "ketasim-" + "9" * 5000 + ".0"}, "names no format"),
    "digits of another script": ({"Conventions": "ketasim-1.\u0663"}, "names no format"),
    "a second line": ({"Conventions": "ketasim-1.0\nignore this"}, "names no format"),
    "no format": ({"format_version": None}, "format_version is nothing; 1 is wanted, as in 'ketasim-1.1'"),
    "a format in words": ({"format_version": "one"}, "format_version is 'one'; 1 is wanted"),
    "a format as text": ({"format_version": "1"}, "format_version is '1'; 1 is wanted"),
    "a format with a point": ({"format_version": 1.0}, "format_version is 1; 1 is wanted"),
    "a format that is true": ({"format_version": True}, "format_version is true; 1 is wanted"),
    "a negative format": ({"format_version": -1}, "format_version is -1; 1 is wanted"),
    "two formats": ({"format_version": [1, 2]}, "format_version is a list; 1 is wanted"),
    "a format of no value": ({"format_version": h5py.Empty("i8")}, "format_version is nothing; 1 is wanted"),
    "another format than the conventions": ({"format_version": 2}, "format_version is 2; 1 is wanted"),
    "no mark of the end": ({"complete": None}, "complete is nothing; 0 or 1 is wanted"),
    "an end in words": ({"complete": "yes"}, "complete is 'yes'; 0 or 1 is wanted"),
    "an end that is a list": ({"complete": [1, 1]}, "complete is a list; 0 or 1 is wanted"),
    "an end that is neither": ({"complete": 2}, "complete is 2; 0 or 1 is wanted"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_marks_that_make_no_sense_are_named(doctored, name):
    """Catches a traceback of numpy or h5py, or a file taken for another version, where a mark is wrong."""
    marks, words = NONSENSE[name]
    assert words in refusal(doctored(**marks))


def _external_link(file):
    del file["summary/value"]
    file["summary/value"] = h5py.ExternalLink("secret.h5", "/value")


def _external_group(file):
    file["stolen"] = h5py.ExternalLink("secret.h5", "/")


def _soft_link(file):
    file["summary/again"] = h5py.SoftLink("/nowhere")


def _virtual_dataset(file):
    layout = h5py.VirtualLayout((1,), "f8")
    layout[0] = h5py.VirtualSource("secret.h5", "value", shape=(1,))
    file.create_virtual_dataset("summary/virtual", layout)


def _external_storage(file):
    file.create_dataset("summary/outside", (1,), "f8", external=[("secret.h5", 0, 8)])


def _endless(file):
    file.create_dataset("summary/endless", (10**13,), "f8", chunks=(10**6,))


ELSEWHERE = {
    "a link to another file": (_external_link, "/summary/value: a link to another place, .*secret.h5"),
    "a group in another file": (_external_group, "/stolen: a link to another place"),
    "a link to nowhere": (_soft_link, "/summary/again: a link to another place, '/nowhere'"),
    "a virtual dataset": (_virtual_dataset, "/summary/virtual: a virtual dataset"),
    "values in another file": (_external_storage, "/summary/outside: its values lie in another file"),
    "values that nobody wrote": (_endless, "/summary/endless: declares far more values than the file"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_nothing_is_fetched_from_elsewhere(changed, tmp_path, monkeypatch, name):
    """Catches a file from a stranger that makes the reader open another one, or fill the memory."""
    with h5py.File(tmp_path / "secret.h5", "w") as secret:
        secret["value"] = [42.0]
    change, words = ELSEWHERE[name]
    path = changed(change)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableError, match=words):
        open_trajectory(path)
    with pytest.raises(UnreadableError, match=words):
        digest(BytesIO(path.read_bytes()))


def test_a_refused_file_is_closed_again(doctored):
    """Catches a handle that keeps a refused file from being removed or written anew."""
    path = doctored(complete=2)
    refusal(path)
    with h5py.File(path, "r+") as file:
        file.attrs["complete"] = 1
    open_trajectory(path).close()


def test_damaged_values_are_told_by_the_digest(written, tmp_path):
    """Catches a traceback of HDF5 where a checksum does not hold."""
    path = tmp_path / "damaged.h5"
    shutil.copy(written[0], path)
    with h5py.File(path) as file:
        place = file["trajectories/node/firing_rate"].id.get_chunk_info(0).byte_offset
    with open(path, "r+b") as stream:
        stream.seek(place + 20)
        byte = stream.read(1)
        stream.seek(place + 20)
        stream.write(bytes([byte[0] ^ 1]))
    with pytest.raises(StorageError, match=r"damaged\.h5: /trajectories/node/firing_rate cannot be read"):
        digest(path)
    with open_trajectory(path) as trajectory, pytest.raises(StorageError, match="firing_rate cannot be read"):
        trajectory.digest()

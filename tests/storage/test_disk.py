"""The file under HDF5 behaves like any file, except that what changes in place waits for the commit."""

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ketasim.storage.disk import Disk

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 20_000), st.integers(0, 9_000)),
        st.tuples(st.just("read"), st.integers(0, 20_000), st.integers(0, 9_000)),
        st.tuples(st.just("commit"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@example(actions=[("write", 0, 1), ("commit", 0, 0), ("write", 0, 1), ("read", 2, 2)])  # past the end
@given(actions=ACTIONS)
def test_equals_a_plain_file(tmp_path_factory, actions):
    """Catches bytes that are lost, misplaced or stale where pages, held and new regions meet."""
    path = tmp_path_factory.mktemp("disk") / "file"
    disk, plain = Disk(path), bytearray()
    committed = b""
    for number, (action, start, count) in enumerate(actions):
        disk.seek(start)
        if action == "write":
            data = bytes([number + 1]) * count
            assert disk.write(data) == count
            if count:
                plain.extend(bytes(max(0, start + count - len(plain))))
                plain[start : start + count] = data
        elif action == "read":
            assert disk.read(count) == bytes(plain[start : start + count])
        else:
            disk.commit()
            committed = bytes(plain)
        assert path.read_bytes()[: len(committed)] == committed
    disk.seek(0)
    assert disk.read() == plain
    disk.close()
    assert path.read_bytes() == plain


@settings(max_examples=60, deadline=None)
@given(actions=ACTIONS, cut=st.integers(1, 12), share=st.floats(0.0, 1.0))
def test_a_commit_is_done_or_not(tmp_path_factory, actions, cut, share):
    """Catches a kill between or within two writes of a commit that leaves some pages new and some old."""
    path = tmp_path_factory.mktemp("disk") / "file"
    disk, plain, before = Disk(path), bytearray(), b""
    for number, (action, start, count) in enumerate([*actions, ("write", 3, 9000)]):
        if action == "write":
            disk.seek(start)
            disk.write(bytes([number + 1]) * count)
            if count:
                plain.extend(bytes(max(0, start + count - len(plain))))
                plain[start : start + count] = bytes([number + 1]) * count
        elif action == "commit":
            disk.commit()
            before = bytes(plain)
    writes, put = 0, disk._put

    class KilledError(Exception):
        """Stands for SIGKILL."""

    def dying(start, data):
        nonlocal writes
        writes += 1
        if writes == cut:
            put(start, data[: int(share * len(data))])
            raise KilledError
        put(start, data)

    disk._put = dying
    with contextlib.suppress(KilledError):
        disk.commit()
    disk._file.close()
    found = Disk.interrupted(path)
    content = path.read_bytes() if found is None else found.read()
    assert content[: len(plain)] == plain or content[: len(before)] == before


def test_error_comes_with_the_commit(tmp_path, monkeypatch):
    """Catches an error inside HDF5's own calls, and later writes that reach a disk with room again."""
    disk = Disk(tmp_path / "file")
    disk.write(b"good")
    disk.commit()

    class Full:
        def seek(self, *_):
            return 0

        def write(self, _):
            raise OSError(28, "No space left on device")

        def close(self):
            return None

    with monkeypatch.context() as patch:
        patch.setattr(disk, "_file", Full())
        disk.seek(5000)
        assert disk.write(b"lost") == 4
    with pytest.raises(OSError, match="No space"):
        disk.commit()
    disk.close()
    assert (tmp_path / "file").read_bytes() == b"good"

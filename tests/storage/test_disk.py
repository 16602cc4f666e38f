"""The file under HDF5 behaves like any file, except that what changes in place waits for the commit."""

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

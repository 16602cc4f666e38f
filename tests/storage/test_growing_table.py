"""Tables that grow: what is kept in memory, when it is written, and in which order."""

from io import BytesIO

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.storage.growing_table import WRITTEN_UNTIL, GrowingTable, add_column, whole_rows

CHUNK = 8


def new_group(until=True):
    """Group in memory with a key and a column of two numbers in a row."""
    group = h5py.File(BytesIO(), "w").create_group("table")
    add_column(group, "time", "f8", (CHUNK,))
    add_column(group, "value", "i4", (CHUNK, 2), (2,))
    if until:
        group.attrs[WRITTEN_UNTIL] = -np.inf
    return group


def block(time, count):
    """Rows of one time."""
    return {"time": np.full(count, time), "value": np.arange(2 * count).reshape(-1, 2)}


SIZES = st.lists(st.integers(0, 20), max_size=12)


@settings(max_examples=60, deadline=None)
@given(sizes=SIZES, flush_after=st.sets(st.integers(0, 11)), restore_after=st.sets(st.integers(0, 11)))
def test_rows_are_those_appended(sizes, flush_after, restore_after):
    """Catches rows lost, doubled or mixed up where blocks, flushes and states meet, and half a time called whole."""
    group = new_group()
    table, state = GrowingTable(group), None
    for number, size in enumerate(sizes):
        if number in restore_after:  # what comes now is forgotten again
            state = table.state
            table.append(block(number - 0.5, 11), number - 0.5)
            table.write(whole_blocks=number % 2 == 0)()
            table = GrowingTable(group)
            table.restore(state)
        table.append(block(number, size), number)
        if table.has_whole_block:
            table.write(whole_blocks=True)()
            assert group["time"].shape[0] % CHUNK == 0 or flush_after
        if number in flush_after:
            table.write(whole_blocks=False)()
            assert group.attrs[WRITTEN_UNTIL] == number
        ends = np.cumsum([0, *sizes[: number + 1]])
        whole = int(np.searchsorted(ends, group["time"].shape[0], "right")) - 2  # last time with all its rows
        assert group.attrs[WRITTEN_UNTIL] <= whole
        assert group["time"].shape[0] > ends[-1] - CHUNK
    rows = table.rows()
    assert rows["time"].tolist() == np.repeat(np.arange(len(sizes)), sizes).tolist()
    assert rows["value"].tolist() == [row for size in sizes for row in block(0, size)["value"].tolist()]


def test_the_key_comes_last():
    """Catches a kill that leaves a key without its row."""
    group = new_group()
    table = GrowingTable(group)
    table.append(block(1.0, 3), 1.0)
    write_key = table.write(whole_blocks=False)
    assert (group["value"].shape[0], group["time"].shape[0]) == (3, 0)
    assert group.attrs[WRITTEN_UNTIL] == -np.inf
    assert whole_rows(group) == 0
    write_key()
    assert group["time"][()].tolist() == [1.0] * 3
    assert group.attrs[WRITTEN_UNTIL] == 1.0
    group["time"].resize(5, axis=0)  # as a kill may leave it: made, and empty
    group["value"].resize(5, axis=0)
    assert whole_rows(group) == 3


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ({"time": np.zeros(2)}, KeyError),
        ({"time": np.zeros(2), "value": np.zeros((2, 2)), "other": np.zeros(2)}, KeyError),
        ({"time": np.zeros(2), "value": np.zeros((3, 2))}, ValueError),
        ({"time": np.zeros(2), "value": np.zeros(2)}, ValueError),
        ({"time": np.float64(0), "value": np.zeros((1, 2))}, ValueError),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows, error):
    """Catches columns of different length; what came before stays."""
    table = GrowingTable(new_group(until=False))
    table.append(block(1.0, 2), 1.0)
    with pytest.raises(error):
        table.append(rows, 2.0)
    assert table.last == 1.0
    assert table.rows()["time"].size == 2


def test_a_state_of_another_table_is_refused():
    """Catches a column that is missing since, or that a state does not know, and is left shorter than the others."""
    group = new_group()
    state = GrowingTable(group).state
    add_column(group, "later", "f8", (CHUNK,))
    with pytest.raises(KeyError, match="later"):
        GrowingTable(group).restore(state)

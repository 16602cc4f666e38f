"""Names of arrays in a state."""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ketasim.nested import flattened, part_of, rebuilt

NAMES = st.text("ab", min_size=1, max_size=4)
ARRAYS = st.integers(0, 9).map(np.array)


class Pair(NamedTuple):
    x: np.ndarray
    y: object


@given(st.dictionaries(st.sampled_from(["a", "ab", "b"]), st.dictionaries(NAMES, ARRAYS, max_size=4)))
def test_every_part_gets_its_own_back(parts):
    """Catches a part that takes what belongs to another whose name begins like its own."""
    together = flattened(parts)
    assert len(together) == sum(map(len, parts.values()))
    assert {part: part_of(together, part) for part in parts} == parts


def test_a_tuple_of_tuples_comes_back():
    """Catches a level that is lost, arrays that are shared with the state, and an empty part that becomes something."""
    tree = Pair(np.arange(3), Pair(np.ones(2), ()))
    arrays = flattened(tree)
    assert list(arrays) == ["x", "y/x"]
    other = rebuilt(tree, arrays)
    assert isinstance(other.y, Pair) and other.y.y == ()
    assert_array_equal(other.x, tree.x)
    assert_array_equal(other.y.x, tree.y.x)
    assert not np.shares_memory(other.x, tree.x)

"""Names of arrays in a state."""

from hypothesis import given
from hypothesis import strategies as st

from ketasim.nested import joined, part_of

NAMES = st.text("ab/", max_size=4)


@given(st.dictionaries(st.sampled_from(["a", "ab", "b"]), st.dictionaries(NAMES, st.integers(), max_size=4)))
def test_every_part_gets_its_own_back(parts):
    """Catches a part that takes what belongs to another whose name begins like its own."""
    together = joined(parts)
    assert len(together) == sum(map(len, parts.values()))
    assert {part: part_of(together, part) for part in parts} == parts

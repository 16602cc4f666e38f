"""The one table of names, and what is said when one of them is taken."""

import pytest

from ketasim.network_files.columns import EDGE_ROLES, NODE_ROLES, folded


@pytest.mark.parametrize(
    "names", ["pre,post,w", "From,To,Strength", "pre_pt_root_id,post_pt_root_id,syn_weight", "src,dst,nsyns"]
)
def test_other_names_of_the_same_columns(written, read, names):
    """Would catch a table of single synapses that is refused because its tool calls the ends otherwise."""
    path = written("net.csv", f"{names},pre_population,post_population\n0,1,3,PYR,PV\n1,0,2,PV,PYR\n")
    topology, notes = read(path)
    assert topology.weight.tolist() == [3.0, 2.0] and topology.source.tolist() == [0, 1]
    took = next(note for note in notes if note.startswith("edges: took"))
    assert f"{names.split(',')[0]} for source, {names.split(',')[1]} for target" in took


def test_no_name_means_two_things():
    """Would catch a name that is added to two roles, of which the second would never see it."""
    for roles in (NODE_ROLES, EDGE_ROLES):
        names = [name for known in roles.values() for name in known]
        assert len(set(names)) == len(names)
        assert all(folded(name) == name for name in names)
        assert all(role == known[0] for role, known in roles.items() if role != "count")

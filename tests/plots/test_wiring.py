"""The drawing of the wiring: edges are those declared, boxes do not overlap, and the text is an SVG."""

import itertools
import re
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from ketasim.mechanisms import ORDER, Mechanism
from ketasim.plots.wiring import NETWORK, _in_order, _places, _width, wiring, wiring_svg

SVG = "{http://www.w3.org/2000/svg}"


class Parameters(NamedTuple):
    """None."""


def test_edges_are_those_declared():
    """Catches an arrow that is missing, points the wrong way, or stands for a signal that is read by nobody."""
    found = {(edge.source, edge.target): set(edge.signals) for edge in wiring()}
    assert found["pharmacokinetics", "nmda_blockade"] == {"brain_concentration"}
    assert found["nmda_blockade", NETWORK] >= {"nmda_unblocked"}
    assert "vesicle_release" in found[NETWORK, "glutamate"]
    assert {"trkb", "trkb_slope"} >= found["trkb", "mtorc1"] >= {"trkb"}
    by_name = {one.name: one for one in ORDER}
    for (source, target), signals in found.items():
        assert source != target
        if target != NETWORK:
            assert signals <= set(by_name[target].reads)


def test_mechanisms_of_ones_own_are_drawn():
    """Catches a drawing of the package alone."""
    own = Mechanism("mine", Parameters, lambda *given: None, reads=("bdnf",), scales=("trkb_gain",))
    found = {(edge.source, edge.target) for edge in wiring((*ORDER, own))}
    assert {("bdnf", "mine"), ("mine", "trkb")} <= found
    assert ">mine</text>" in wiring_svg((*ORDER, own))


def test_boxes_do_not_overlap():
    """Catches names on top of each other."""
    edges = wiring()
    names = _in_order(ORDER, edges)
    assert sorted(names) == sorted([*(one.name for one in ORDER), NETWORK])
    place = _places(names, edges)
    for one, other in itertools.combinations(names, 2):
        (x, y), (u, v) = place[one], place[other]
        assert abs(y - v) > 26.0 or x + _width(one) < u or u + _width(other) < x, (one, other)


@pytest.mark.parametrize("words", ["nmda_blockade to network: ", "trkb to mtorc1: trkb"])
def test_it_is_an_svg_with_a_title_for_each_arrow(words):
    """Catches a file that browsers refuse, an arrow without words, and a box that is off without a sign."""
    text = wiring_svg()
    root = ElementTree.fromstring(text)
    titles = [one.text for one in root.iter(f"{SVG}title")]
    assert len(titles) == 1 + len(wiring())
    assert any(one.startswith(words) for one in titles)
    assert len(re.findall('class="off"', text)) == sum(not one.by_default for one in ORDER)

"""Signals as arrays: shapes, neutral values, and moving to longer axes."""

import numpy as np

from ketasim.signals import NASCENT_STAGES, SIGNALS, STAGES, SUBUNITS
from ketasim.simulation.arrays import axes_of, new_arrays, transferred
from tests.mechanisms.subjects import KETAMINE, setting, three_nodes

FIXED = {"subunit": SUBUNITS, "nascent_stage": NASCENT_STAGES, "stage": STAGES}
FIXED |= {"population": ("PYR", "PV", "SST"), "node": 3}
BEFORE = FIXED | {"compound": ("S", "R"), "compartment": ("S central", "R central"), "blocker": ("S",)}
AFTER = FIXED | {
    "compound": ("N", "S", "R", "M"),
    "compartment": ("N central", "S central", "R central"),
    "blocker": ("N", "S"),
}


def test_axes_are_those_of_the_setting():
    """Catches an axis of another thing's names, and nodes where there are none."""
    place = setting(KETAMINE, network=three_nodes())
    axes = axes_of(place)
    assert axes == FIXED | {
        "compound": place.compounds, "compartment": place.compartments.names, "blocker": place.blockers
    }  # fmt: skip
    assert 0 < len(axes["blocker"]) <= len(axes["compound"]) < len(axes["compartment"])
    nobody = axes_of(setting())
    assert (nobody["node"], nobody["population"], nobody["compound"]) == (0, (), ())


def test_new_arrays_have_their_shape_and_neutral_value():
    """Catches an axis in the wrong place and a signal that does not start at its neutral value."""
    arrays = new_arrays(SIGNALS, BEFORE)
    assert arrays["trapped_block"].shape == (1, 4, 3)
    assert arrays["nmda_unblocked"].shape == (4, 3)
    assert arrays["plasma_concentration"].shape == (2,)
    assert arrays["afferent_rate"].shape == (3,)
    for name, signal in SIGNALS.items():
        assert np.all(arrays[name] == signal.neutral), name


def test_transferred_keeps_every_value_under_its_name():
    """Catches values that move to another compound when a new one stands before them."""
    generator = np.random.default_rng(1)
    old = {name: generator.random(array.shape) for name, array in new_arrays(SIGNALS, BEFORE).items()}
    new = transferred(old, SIGNALS, BEFORE, AFTER)
    assert new["plasma_concentration"].tolist() == [0.0, *old["plasma_concentration"], 0.0]
    assert new["drug_amount"].tolist() == [0.0, *old["drug_amount"]]
    assert np.array_equal(new["trapped_block"][1], old["trapped_block"][0])
    assert not new["trapped_block"][0].any()
    assert np.array_equal(new["glutamate_ambient"], old["glutamate_ambient"])


def test_transferred_from_empty_axes():
    """Catches the first drug of a simulation that began without any."""
    empty = FIXED | {"compound": (), "compartment": (), "blocker": ()}
    new = transferred(new_arrays(SIGNALS, empty), SIGNALS, empty, BEFORE)
    assert new["plasma_concentration"].tolist() == [0.0, 0.0]
    assert new["trapped_block"].shape == (1, 4, 3)

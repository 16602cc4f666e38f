"""Signals as arrays: shapes, neutral values, and moving to longer axes."""

import numpy as np

from ketasim.signals import SIGNALS
from ketasim.simulation.arrays import axes_of, new_arrays, transferred

BEFORE = axes_of(("S", "R"), ("S central", "R central"), ("S",), 3)
AFTER = axes_of(("N", "S", "R", "M"), ("N central", "S central", "R central"), ("N", "S"), 3)


def test_new_arrays_have_their_shape_and_neutral_value():
    """Catches an axis in the wrong place and a signal that does not start at its neutral value."""
    arrays = new_arrays(SIGNALS, BEFORE)
    assert arrays["trapped_block"].shape == (1, 4, 3)
    assert arrays["nmda_unblocked"].shape == (4, 3)
    assert arrays["plasma_concentration"].shape == (2,)
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
    empty = axes_of((), (), (), 3)
    new = transferred(new_arrays(SIGNALS, empty), SIGNALS, empty, BEFORE)
    assert new["plasma_concentration"].tolist() == [0.0, 0.0]
    assert new["trapped_block"].shape == (1, 4, 3)

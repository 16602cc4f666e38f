"""The table of signals: units that can be written, meanings, dimensions, neutral values that are at rest."""

import re
from typing import get_args

import numpy as np
import pytest

from ketasim.documents import parse_quantity
from ketasim.engines import SpikingEngine
from ketasim.mechanisms import ORDER, extrasynaptic_nmda, glutamate
from ketasim.signals import SIGNALS, SUBUNITS, Dimension, Kind, Shown, statistics


@pytest.mark.parametrize("name", SIGNALS)
def test_a_row_is_complete(name):
    """Catches a signal without unit or meaning, or with a dimension or kind that nobody knows; scores have none."""
    signal = SIGNALS[name]
    assert signal.name == name
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert len(signal.meaning) > 5
    assert parse_quantity(1.0 if signal.unit == "1" else f"1 {signal.unit}", signal.unit) == 1.0
    assert signal.kind in get_args(Kind)
    assert set(signal.dims) <= set(get_args(Dimension))


def test_names_are_unique():
    """Catches a row that silently replaces another of its name."""
    import ketasim.signals

    assert len(SIGNALS) == len(ketasim.signals._ROWS)


def test_ports_are_factors_or_sums():
    """Catches a port whose neutral value is neither that of a product, without unit, nor that of a sum."""
    ports = [signal for signal in SIGNALS.values() if signal.kind == "port"]
    assert len(ports) >= 11
    for signal in ports:
        assert signal.neutral == (1.0 if signal.unit == "1" else 0.0), signal.name


def test_every_port_is_read():
    """Catches a port in the table that acts on nothing, in a run with everything switched on."""
    read = {name for mechanism in ORDER for name in mechanism.reads} | set(SpikingEngine.reads)
    assert {signal.name for signal in SIGNALS.values() if signal.kind == "port"} <= read


def test_neutral_ambient_glutamate_is_the_mechanisms_own_rest():
    """Catches two resting levels: with the mechanism off, others must see what it would give at rest."""
    assert SIGNALS["glutamate_ambient"].neutral == glutamate.Parameters().ambient


def test_subunits_are_those_of_the_gating_law():
    """Catches an axis in another order than the parameters that belong to it."""
    letters = [name[-1].lower() for name in SUBUNITS]
    assert [f"ec50_2{letter}" for letter in letters] == list(extrasynaptic_nmda.Parameters._fields[:4])


def test_unblocked_and_blocked_agree_when_neutral():
    """Catches neutral values that contradict each other."""
    neutral = {name: signal.neutral for name, signal in SIGNALS.items()}
    assert neutral["nmda_unblocked"] == 1.0 - neutral["trapped_block"] - neutral["superficial_block"]
    assert neutral["nmda_block"] == 0.0
    assert np.isfinite(list(neutral.values())).all()


@pytest.mark.parametrize("name", [name for name, signal in SIGNALS.items() if signal.summary or signal.shown])
def test_what_is_declared_can_be_read_again(name):
    """Catches a declaration that no file can carry, a unit of pictures that nobody knows, and a signal not stored."""
    signal = SIGNALS[name]
    assert signal.recorded
    for statistic in statistics(signal.summary):
        assert statistic.noise_of == "" or SIGNALS[statistic.noise_of].kind == "network"
    if signal.shown:
        assert Shown.of(signal.shown.text) == signal.shown
        assert Shown.of(signal.shown._replace(factor=2).text).factor == 2.0
        if signal.shown.unit and "%" not in signal.shown.unit:
            assert parse_quantity(f"1 {signal.unit}", signal.shown.unit) == pytest.approx(signal.shown.factor)


@pytest.mark.parametrize(
    "text", ["median", "value at", "value at soon", "mean over 1 h to 2", "mean", "peak at 1 h", "peak area"]
)
def test_a_wrong_declaration_is_refused(text):
    """Catches a summary that leaves out, without a word, what a user declared."""
    with pytest.raises(ValueError, match=r"\w"):
        statistics(text)


@pytest.mark.parametrize(
    "text", ["", "3", "[]", "{}", '{"panel": 1}', '{"panel": "a", "factor": "b"}', '{"pane": "a"}']
)
def test_a_wrong_look_is_refused(text):
    """Catches a traceback in a picture of a file that someone changed."""
    with pytest.raises(ValueError):
        Shown.of(text)


def test_estimates_say_that_they_are():
    """Catches an estimate whose label lets it pass for what one window measured."""
    estimates = [signal for signal in SIGNALS.values() if signal.kind == "network" and signal.recorded]
    assert estimates
    assert all(signal.meaning.endswith(", running estimate") for signal in estimates)

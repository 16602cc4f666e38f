"""Which time constants the fast step of 0.1 ms is fine enough for."""

import pytest

from ketasim.network.cell_classes import CELL_CLASSES
from ketasim.network.fast_step import too_fast
from ketasim.network.synapses import PREFRONTAL, Receptors, Tables

PYR = CELL_CLASSES["PYR"]


def found(receptors=None, **cell):
    tables = Tables({"A": PYR._replace(**cell)}, {}, frozenset(), receptors or Receptors())
    return {(one.population, one.key): one.message for one in too_fast(tables)}


def test_the_default_circuit_is_slow_enough():
    """Catches a rule that refuses what ketasim itself is built on."""
    assert list(too_fast(PREFRONTAL)) == []


@pytest.mark.parametrize("key", ["ampa_time", "nmda_time", "gaba_fast_time", "gaba_slow_time"])
def test_each_receptor_counts(key):
    """Catches a receptor that is not looked at, and five steps that are refused."""
    assert found(Receptors(**{key: 0.5})) == {}
    assert found(Receptors(**{key: 0.49})) == {
        (None, key): "0.49 ms is less than 5 fast steps of 0.1 ms; at least 0.5 ms is needed"
    }


def test_membrane_and_adaptation_count_where_they_act():
    """Catches C over g_L upside down, and a time of adaptation asked for in a cell that has none."""
    assert found(capacitance=5.0, adaptation=0.0) == {}
    message = found(capacitance=4.9)["A", "capacitance"]
    assert message.startswith("the membrane's time constant 4.9 pF / 10 nS = 0.49 ms is less than 5 fast steps")
    assert set(found(leak=500.0)) == {("A", "capacitance")}
    still = {"adaptation": 0.0, "adaptation_jump": 0.0, "adaptation_time": 0.2}
    assert found(**still) == {}
    assert set(found(**still | {"adaptation_jump": 1.0})) == {("A", "adaptation_time")}
    assert set(found(**still | {"adaptation": 1.0})) == {("A", "adaptation_time")}


def test_a_fast_oscillation_of_membrane_and_adaptation_counts():
    """Catches strong subthreshold adaptation that rings within a few steps though both constants are slow."""
    slow = {"capacitance": 200.0, "leak": 10.0, "adaptation_time": 2.0}  # 20 ms and 2 ms
    assert found(**slow, adaptation=1500.0) == {}
    message = found(**slow, adaptation=1700.0)["A", "adaptation"]
    assert message.startswith("1700 nS makes membrane and adaptation oscillate at 0.484 ms per radian, which is less")


@pytest.mark.parametrize(("given", "becomes"), [(0.04, "0"), (0.25, "0.2"), (0.13, "0.1")])
def test_a_refractory_time_between_two_steps_is_refused(given, becomes):
    """Catches a refractory time that is rounded to nothing or to another one without a word."""
    message = f"{given:g} ms would become {becomes} ms; give a multiple of 0.1 ms, or 0 ms"
    assert found(refractory=given) == {("A", "refractory"): message}


def test_refractory_times_that_hardly_change_are_taken():
    """Catches a rule about rounding that refuses what floating point makes of 0.3 ms."""
    for given in (0.0, 0.1, 0.3, 0.7, 1.03, 2.0):
        assert found(refractory=given) == {}

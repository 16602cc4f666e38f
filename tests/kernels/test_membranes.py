"""Single membranes against closed forms, and the order of the scheme."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from tests.kernels.circuits import Bench, change_cells, circuit

AMPA, NMDA, GABA_FAST, GABA_SLOW = range(4)
FOREVER = 1e18  # ms


def clamp_conductances(bench):
    """Keep conductances as they are."""
    bench.parameters = bench.parameters._replace(
        ampa_time=FOREVER, nmda_time=FOREVER, gaba_fast_time=FOREVER, gaba_slow_time=FOREVER
    )


def leaky_cell(**constants):
    """One leaky integrate-and-fire PYR cell with constant conductances: 200 pF, 10 nS, rest -70, threshold -50 mV."""
    bench = Bench(circuit(["PYR"]))
    leaky = {"sharpness": 0.0, "cutoff": -50.0, "adaptation": 0.0, "adaptation_jump": 0.0, "reset": -60.0}
    bench.parameters = change_cells(bench.parameters, **(leaky | constants))
    clamp_conductances(bench)
    return bench


def test_passive_membrane_relaxes_exponentially():
    """Exact to rounding, since conductances are constant: catches a wrong time constant or reversal potential."""
    bench = leaky_cell()
    bench.parameters = bench.parameters._replace(mg_over_k=np.zeros(4))  # NMDA without Mg is linear
    ampa, nmda, fast, slow, tonic = 0.7, 0.9, 1.3, 2.1, 0.4
    bench.activity.conductance[:, 0] = ampa, nmda, fast, slow
    bench.modulation.nmda[:, 0] = 0.3, 0.2, 0.15, 0.1
    bench.modulation.tonic[:, 0] = 0.4 * tonic, 0.6 * tonic, 0.0, 2 * tonic
    bench.activity.voltage[0] = -52.0
    total = 10.0 + ampa + 0.75 * nmda + 3 * tonic + fast + slow
    steady = (10.0 * -70.0 + (fast + slow) * -75.0) / total
    for time in np.arange(1, 30) * 0.7:
        bench.run(7)
        expected = steady + (-52.0 - steady) * math.exp(-time * total / 200.0)
        assert bench.activity.voltage[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("ampa", [4.2, 5.0, 8.0, 14.0])
@pytest.mark.parametrize("refractory", [0.0, 2.0])
def test_leaky_cell_fires_at_its_analytic_rate(ampa, refractory):
    """T = t_ref + tau ln((V_inf - V_reset)/(V_inf - V_T)), up to the grid: catches a wrong reset or refractory time."""
    bench = leaky_cell(refractory=refractory)
    bench.activity.conductance[AMPA, 0] = ampa
    total = 10.0 + ampa
    steady = 10.0 * -70.0 / total
    charging = 200.0 / total * math.log((steady + 60.0) / (steady + 50.0))
    window = bench.run(20_000)
    intervals = np.diff(window.spike_step)
    # a spike is found at the end of the step in which the threshold is crossed
    assert set(intervals.tolist()) == {round(refractory / 0.1) + math.ceil(charging / 0.1)}
    assert window.spike_step[0] == math.ceil(200.0 / total * math.log((steady + 70.0) / (steady + 50.0)) / 0.1)
    # so that intervals are longer than the closed form by up to one step
    rate, closed_form = 1e4 / intervals.mean(), 1e3 / (refractory + charging)  # Hz
    assert closed_form / (1.0 + 0.1 / charging) <= rate <= closed_form


def test_leaky_cell_below_rheobase_is_silent():
    """Catches a spike current where the sharpness is 0: just below threshold a leaky cell never fires."""
    bench = leaky_cell()
    bench.activity.conductance[AMPA, 0] = 3.999  # steady state -50.004 mV
    assert bench.run(20_000).spike_node.size == 0
    assert bench.activity.voltage[0] == pytest.approx(-700.0 / 13.999, rel=1e-9)


def test_adaptation_relaxes_and_jumps():
    """Exact to rounding under voltage clamp: catches a wrong tau_w, a or b, or one that stops with the membrane."""
    bench = Bench(circuit(["PYR"]))
    bench.parameters = change_cells(bench.parameters, capacitance=FOREVER)
    bench.activity.voltage[0], bench.activity.adaptation[0] = -64.0, 100.0
    bench.run(500)
    steady = 2.0 * (-64.0 + 70.0)
    expected = steady + (100.0 - steady) * math.exp(-50.0 / 150.0)
    assert bench.activity.adaptation[0] == pytest.approx(expected, rel=1e-12)

    before = bench.activity.adaptation[0]
    bench.parameters = change_cells(bench.parameters, adaptation=0.0)
    bench.fire(0)
    assert bench.activity.adaptation[0] == pytest.approx(before * math.exp(-0.1 / 150.0) + 15.0, rel=1e-12)
    spike = bench.activity.adaptation[0]
    bench.run(20)  # within the refractory time
    assert bench.activity.voltage[0] == -60.0
    assert bench.activity.adaptation[0] == pytest.approx(spike * math.exp(-2.0 / 150.0), rel=1e-12)


def test_adaptation_slows_firing():
    """Catches an adaptation current of the wrong sign or one that does not reach the membrane."""
    rates = []
    for jump in (0.0, 15.0, 60.0):
        bench = leaky_cell(adaptation_jump=jump)
        bench.activity.conductance[AMPA, 0] = 8.0
        rates.append(bench.run(10_000).spike_node.size)
    assert rates[0] > 1.1 * rates[1] > 1.2 * rates[2] > 0


def smooth_input(bench):
    """AMPA, NMDA and GABA input that stays subthreshold, with adaptation and spike current in play."""
    bench.activity.conductance[:, 0] = 9.0, 4.0, 3.0, 2.0
    bench.activity.voltage[0], bench.activity.adaptation[0] = -56.0, 20.0
    bench.modulation.nmda[:, 0] = 0.7, 0.0, 0.0, 0.3
    bench.modulation.tonic[0, 0] = 0.5


def exact_solution(time):
    """Voltage and adaptation after `time` ms, by a solver of high order on the equations as published."""

    def slope(t, state):
        v, w = state
        ampa, nmda, fast, slow = (
            g * math.exp(-t / tau) for g, tau in ((9.0, 2.0), (4.0, 100.0), (3.0, 8.0), (2.0, 12.0))
        )
        free_a = 1.0 / (1.0 + math.exp(-0.062 * v) / 3.57)
        free_d = 1.0 / (1.0 + math.exp(-0.062 * v) / 15.0)
        g_nmda = (0.7 * nmda + 0.5) * free_a + 0.3 * nmda * free_d
        leak = 10.0 * (-70.0 - v) + 10.0 * 2.0 * math.exp((v + 50.0) / 2.0)
        current = leak - (ampa + g_nmda) * v + (fast + slow) * (-75.0 - v) - w
        return current / 200.0, (2.0 * (v + 70.0) - w) / 150.0

    solution = solve_ivp(slope, (0.0, time), (-56.0, 20.0), method="DOP853", rtol=1e-12, atol=1e-12)
    return solution.y[:, -1]


def test_scheme_is_of_first_order_and_accurate():
    """Exponential Euler with frozen conductances is of order 1: catches a term taken at the wrong time or left out."""
    time, errors = 12.0, []
    exact = exact_solution(time)
    for step in (0.1, 0.05, 0.025):
        bench = Bench(circuit(["PYR"]), step=step)
        smooth_input(bench)
        bench.run(round(time / step))
        errors.append(np.abs([bench.activity.voltage[0], bench.activity.adaptation[0]] - exact))
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert_allclose(orders, 1.0, atol=0.05)
    assert errors[0][0] < 0.1  # mV at the library's step


@pytest.mark.parametrize(("name", "silent_ms"), [("PYR", 3.0), ("PV", 1.0), ("SST", 2.0)], ids=["PYR", "PV", "SST"])
def test_refractory_cell_does_not_fire(name, silent_ms):
    """Catches a refractory time that is cut short, or that never ends, under any drive."""
    bench = Bench(circuit([name]))
    clamp_conductances(bench)
    bench.activity.conductance[AMPA, 0] = 1e5
    intervals = np.diff(bench.run(5000).spike_step)
    # silent for the refractory time, then a step or two of a very fast upstroke
    assert intervals.min() > round(silent_ms / 0.1)
    assert intervals.max() <= round(silent_ms / 0.1) + 2


def test_membrane_is_held_at_reset_while_refractory():
    """Catches a membrane that integrates its input while it is refractory."""
    bench = Bench(circuit(["PYR"]))
    clamp_conductances(bench)
    bench.activity.conductance[AMPA, 0] = 20.0
    bench.fire(0)
    for _ in range(30):
        bench.run(1)
        assert bench.activity.voltage[0] == -60.0
    bench.run(1)
    assert bench.activity.voltage[0] > -60.0


@pytest.mark.parametrize(
    ("channel", "time_constant"), [(AMPA, 2.0), (NMDA, 100.0), (GABA_FAST, 8.0), (GABA_SLOW, 12.0)]
)
def test_conductances_decay_exponentially(channel, time_constant):
    """Exact to rounding: catches a time constant given to the wrong channel, or a spill from one into another."""
    bench = Bench(circuit(["PYR", "PV", "SST"]))
    bench.activity.conductance[channel] = 3.0
    bench.run(150)
    expected = np.zeros((4, 3))
    expected[channel] = 3.0 * math.exp(-15.0 / time_constant)
    assert_allclose(bench.activity.conductance, expected, rtol=1e-12)


def test_measured_currents_are_conductance_times_driving_force():
    """Catches wrong signs, a forgotten Mg factor or tonic part in what a window reports."""
    bench = leaky_cell(capacitance=FOREVER)
    bench.activity.conductance[:, 0] = 2.0, 3.0, 0.0, 0.0
    bench.activity.voltage[0] = -66.0
    shares, tonic = np.array([0.3, 0.2, 0.15, 0.1]), np.array([0.5, 0.0, 0.125, 0.25])
    bench.modulation.nmda[:, 0], bench.modulation.tonic[:, 0] = shares, tonic
    free = 1.0 / (1.0 + math.exp(0.062 * 66.0) / np.array([3.57, 3.1, 21.0, 15.0]))
    nmda = ((3.0 * shares + tonic) * free).sum()
    expected = [3.0, *(3.0 * free), nmda, 2.0 * 66.0, nmda * 66.0]
    assert_allclose(bench.run(40).sums[:, 0] / 40, expected, rtol=1e-12)


def test_receptors_that_a_class_lacks_are_not_measured_and_change_nothing():
    """Catches a subunit left out although one neuron of the block has it, or one that is carried although none has."""
    bench = leaky_cell(capacitance=FOREVER)
    bench.activity.conductance[NMDA, 0] = 3.0
    bench.modulation.nmda[:, 0], bench.modulation.tonic[:, 0] = (0.5, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1e-3)
    measured = bench.run(10).sums[1:5, 0]
    assert measured[[0, 3]].min() > 0.0
    assert measured[[1, 2]].tolist() == [0.0, 0.0]

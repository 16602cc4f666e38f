"""Two neurons joined by an NMDA synapse, in NEST and in ketasim. NEST is imported where it is used."""

import math
from types import SimpleNamespace

import numpy as np

from tests.kernels.circuits import Bench, circuit
from tests.peers.brian_network import refined

STEP, TIME, DELAY = 0.1, 500.0, 1.0  # ms
CAPACITANCE, LEAK, NMDA = 200.0, 10.0, 5.0  # pF, nS, nS with the gate fully open
DECAY, RISE, ALPHA = 100.0, 2.0, 0.5  # ms, ms, 1/ms, Wang 2002
NEVER = 100.0  # mV, a threshold that nothing reaches


def train(rate, seed=8):
    """Prescribed presynaptic spikes in ms: irregular at `rate` Hz, at least 5 ms apart."""
    rng = np.random.default_rng(seed)
    times = 10.0 + np.cumsum(5.0 + rng.exponential(1e3 / rate - 5.0, 400))
    return np.round(times[times < TIME - 20.0], 1)


def run_nest(model, times, rest, mg=1.0):
    """State after each step of a neuron of `model` at `rest` mV: ``.spikes`` (steps), ``.v``, ``.s``, ``.current``.

    times : ms, presynaptic spikes. mg : mM. ``.s`` is the gate of the synapse, ``.current`` pA, inward positive.
    """
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = STEP
    cell = {"C_m": CAPACITANCE, "g_L": LEAK, "E_ex": 0.0, "gsl_error_tol": 1e-10, "conc_Mg2": mg}
    cell |= {"E_L": rest, "V_m": rest, "V_reset": rest, "V_th": NEVER}
    # fires once for each of its input spikes
    quick = {"C_m": 1.0, "g_L": 10.0, "E_L": -70.0, "V_reset": -70.0, "V_th": -50.0, "tau_AMPA": 0.1, "t_ref": 2.0}
    source = nest.Create("iaf_bw_2001", params=quick)
    neuron = nest.Create(model, params=cell)
    receptors = source.receptor_types
    generator = nest.Create("spike_generator", params={"spike_times": times - 1.0})
    nest.Connect(generator, source, syn_spec={"weight": 100.0, "receptor_type": receptors["AMPA"], "delay": 1.0})
    recorder = nest.Create("spike_recorder", params={"time_in_steps": True})
    nest.Connect(source, recorder)
    nest.Connect(source, neuron, syn_spec={"weight": NMDA, "receptor_type": receptors["NMDA"], "delay": DELAY})
    meter = nest.Create(
        "multimeter", params={"record_from": ["V_m", "s_NMDA", "I_NMDA"], "interval": STEP, "time_in_steps": True}
    )
    nest.Connect(meter, neuron)
    nest.Simulate(TIME + 2.0 * DELAY)
    n, events = round(TIME / STEP), meter.events
    assert events["times"][0] == 1
    return SimpleNamespace(
        spikes=np.asarray(recorder.events["times"]),
        v=np.asarray(events["V_m"])[:n],
        s=np.asarray(events["s_NMDA"])[:n] / NMDA,
        current=-np.asarray(events["I_NMDA"])[:n],
    )


def run_ketasim(spikes, rest, mg=1.0, gain=1.0, factor=1):
    """The same by ketasim at a step of 0.1 ms / `factor`: ``.v`` mV, ``.s`` of the synapse, ``.current`` pA.

    spikes : steps of 0.1 ms at whose ends the source fires. gain : scales the conductance of the synapse.
    """
    made = Bench(circuit(["PYR", "PV"], [(0, 1, 1.0, DELAY)]), step=STEP / factor)
    made.graph = refined(made.graph, factor)
    made.activity = made.activity._replace(pending=np.zeros((made.graph.longest_delay + 1, 2, 4)))
    wanted = {"capacitance": CAPACITANCE, "leak": LEAK, "rest": rest, "threshold": NEVER, "cutoff": NEVER}
    wanted |= {"sharpness": 0.0, "adaptation": 0.0, "adaptation_jump": 0.0}
    cells, synapses = made.parameters.cells, made.parameters.synapses
    cells = cells._replace(**{name: np.array([getattr(cells, name)[0], value]) for name, value in wanted.items()})
    # a synapse without short-term plasticity
    plain = {"ampa": 0.0, "nmda": gain * NMDA, "utilisation": 1.0, "recovery": 1e-3, "facilitation": 1e-3}
    synapses = synapses._replace(**{name: np.full((2, 2), value) for name, value in plain.items()})
    made.parameters = made.parameters._replace(cells=cells, synapses=synapses, mg_over_k=np.full(4, mg / 3.57))
    made.activity.voltage[1] = rest
    v, s, current = [], [], []
    due = set((spikes * factor - 1).tolist())
    for step in range(round(TIME / STEP) * factor):
        if step in due:
            made.fire(0)
        else:
            made.run(1)
        if (step + 1) % factor == 0:
            v.append(made.activity.voltage[1])
            s.append(made.activity.conductance[1, 1] / (gain * NMDA))
            current.append(-gain * NMDA * s[-1] * v[-1] / (1.0 + mg / 3.57 * math.exp(-0.062 * v[-1])))
    return SimpleNamespace(v=np.array(v), s=np.array(s), current=np.array(current))


def since_arrival(spikes):
    """Steps since the last spike arrived, for the end of each step; 0 where NEST shows it and ketasim not yet."""
    ends = np.arange(1, round(TIME / STEP) + 1)
    arrivals = np.append(-(10**6), spikes + round(DELAY / STEP))
    return ends - arrivals[np.searchsorted(arrivals, ends, side="right") - 1]


def jump_from_rest():
    """NEST's k_0, from its documentation: the jump from rest whose tail is that of the rise with ALPHA and RISE."""
    from scipy.special import gamma, gammainc

    power, pulse = RISE / DECAY, ALPHA * RISE
    return pulse**power * gammainc(1.0 - power, pulse) * gamma(1.0 - power)

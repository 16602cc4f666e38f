"""ketasim's network written as equations for Brian2: one `NeuronGroup`, short-term plasticity and gate on each synapse.

Shares nothing with the kernels but the tables of constants and edges. Brian2 is imported where it is used, so that this
module can be read without it.
"""

import shutil
from types import SimpleNamespace

import numpy as np

CHANNELS = ("ampa", "nmda", "gaba_fast", "gaba_slow")
SUBUNITS = ("2A", "2B", "2C", "2D")

#: Brette & Gerstner 2005 with conductance synapses. {frozen} marks what ketasim holds still within a step.
CELLS = """
dv/dt = (gL*(EL - v) + I_spike + current - w + (g_ampa + g_open)*(0*mV - v)
         + (g_gaba_fast + g_gaba_slow)*(E_gaba - v))/C : volt (unless refractory)
dw/dt = (a*(v - EL) - w)/tau_w : amp
dg_ampa/dt = -g_ampa/tau_ampa : siemens
dg_nmda/dt = -g_nmda/tau_nmda : siemens
dg_gaba_fast/dt = -g_gaba_fast/tau_gaba_fast : siemens
dg_gaba_slow/dt = -g_gaba_slow/tau_gaba_slow : siemens
g_open = (g_nmda*F_2A + T_2A)*m_2A + (g_nmda*F_2B + T_2B)*m_2B + g_open_cd : siemens
g_open_cd = (g_nmda*F_2C + T_2C)*m_2C + (g_nmda*F_2D + T_2D)*m_2D : siemens
I_spike = gL*DT*exp({exponent}) : amp {frozen}
m_2A = 1/(1 + mg_2A*exp(-0.062*v/mV)) : 1 {frozen}
m_2B = 1/(1 + mg_2B*exp(-0.062*v/mV)) : 1 {frozen}
m_2C = 1/(1 + mg_2C*exp(-0.062*v/mV)) : 1 {frozen}
m_2D = 1/(1 + mg_2D*exp(-0.062*v/mV)) : 1 {frozen}
C : farad (constant)
gL : siemens (constant)
EL : volt (constant)
VT : volt (constant)
DT : volt (constant)
cutoff : volt (constant)
V_reset : volt (constant)
a : siemens (constant)
b : amp (constant)
tau_w : second (constant)
silence : second (constant)
F_2A : 1 (constant)
F_2B : 1 (constant)
F_2C : 1 (constant)
F_2D : 1 (constant)
T_2A : siemens (constant)
T_2B : siemens (constant)
T_2C : siemens (constant)
T_2D : siemens (constant)
current : amp (constant)
afferent_gain : 1 (constant)
afferent_ampa : siemens (constant)
afferent_nmda : siemens (constant)
afferent_mean : 1 (constant)
"""

#: Tsodyks & Markram; U is not changed by the gain, by which the release is.
PLASTICITY = """
du/dt = -u/tau_facilitation : 1 (event-driven)
dx/dt = (1 - x)/tau_recovery : 1 (event-driven)
U : 1 (constant)
tau_recovery : second (constant)
tau_facilitation : second (constant)
release_gain : 1 (constant)
weight : 1 (constant)
"""
RELEASE = """
u += U*release_gain*(1 - u)
released = u*x
x -= released
"""
GLUTAMATE = """
ds/dt = -s/tau_nmda : 1 (event-driven)
ampa : siemens (constant)
nmda : siemens (constant)
"""
OPEN_GLUTAMATE = """
opened = (1 - s)*(1 - exp(-released/U))
s += opened
g_ampa_post += weight*ampa*released/U
g_nmda_post += weight*nmda*opened
"""


def can_compile():
    """Whether Brian2's C++ standalone mode has what it needs."""
    return bool(shutil.which("make") and (shutil.which("g++") or shutil.which("c++"))) or bool(shutil.which("cl"))


def refined(graph, factor):
    """The same graph for steps `factor` times as short."""
    shortest, longest = (factor * steps for steps in (graph.shortest_delay, graph.longest_delay))
    delay = (factor * graph.delay.astype(int)).astype(np.int16)
    return graph._replace(delay=delay, shortest_delay=shortest, longest_delay=longest)


def brian_network(graph, parameters, influence, *, exact_step=True, fired=None, afferents=None):
    """Brian2's twin of a network, ready to run: ``.network``, ``.cells``, ``.synapses`` by channel, ``.spikes``.

    exact_step : with it Brian2 takes the same steps as ketasim, by exponential Euler with the exponential current and
        the Mg block as they were when the step began; else the equations as they stand, by Runge-Kutta of order 4.
    fired : (steps, nodes) of prescribed spikes, which then stand for all that the network sends.
    afferents : (n_steps, n) spike counts; "poisson" has Brian2 draw them; None is none.
    """
    import brian2 as b2

    b2.start_scope()
    step = parameters.step * b2.ms
    b2.defaultclock.dt = step
    constants = {
        "E_gaba": parameters.gaba_reversal * b2.mV,
        **{f"mg_{subunit}": float(ratio) for subunit, ratio in zip(SUBUNITS, parameters.mg_over_k, strict=True)},
        **{f"tau_{channel}": getattr(parameters, f"{channel}_time") * b2.ms for channel in CHANNELS},
    }
    cells = b2.NeuronGroup(
        graph.node_class.size,
        CELLS.format(
            frozen="(constant over dt)" if exact_step else "",
            # beyond the cut-off the upstroke would overflow within a step of an explicit method
            exponent="(v - VT)/DT" if exact_step else "clip((v - VT)/DT, -1e3, 11.0)",
        ),
        method="exponential_euler" if exact_step else "rk4",
        threshold="v >= cutoff",
        reset="v = V_reset; w += b",
        refractory="silence",
        namespace=constants,
        name="cells",
    )
    _set_cells(cells, graph, parameters, influence)
    source = cells
    if fired is not None:
        source = b2.SpikeGeneratorGroup(graph.node_class.size, fired[1], fired[0] * step, name="sources")
    synapses = {}
    for channel, name in enumerate(CHANNELS):
        if name != "nmda":
            synapses[name] = _synapses(source, cells, graph, parameters, influence, channel, constants)
    synapses = {name: group for name, group in synapses.items() if group is not None}
    spikes = b2.SpikeMonitor(cells, name="spikes")
    # arrivals, membranes, spikes: a spike of step k then arrives at the beginning of step k + 1 + delay
    network = b2.Network(*{source, cells}, *synapses.values(), spikes)
    network.schedule = ["start", "synapses", "groups", "thresholds", "resets", "end"]
    counts = None
    if afferents is not None:
        counts = "poisson(afferent_mean)" if isinstance(afferents, str) else "counts(t, i)"
        namespace = {} if isinstance(afferents, str) else {"counts": b2.TimedArray(afferents * 1.0, dt=step)}
        cells.namespace.update(namespace)
        code = f"arrived = {counts}*afferent_gain; g_ampa += arrived*afferent_ampa; g_nmda += arrived*afferent_nmda"
        cells.run_regularly(code, when="synapses", order=-1)
    return SimpleNamespace(network=network, cells=cells, synapses=synapses, spikes=spikes, step=step)


def _set_cells(cells, graph, parameters, influence):
    import brian2 as b2

    c, kind = parameters.cells, graph.node_class.astype(int)
    mean = afferent_means(influence)
    values = {
        "C": (c.capacitance[kind], b2.pF),
        "gL": (c.leak[kind], b2.nS),
        "EL": (c.rest[kind], b2.mV),
        "VT": (c.threshold[kind], b2.mV),
        "DT": (c.sharpness[kind], b2.mV),
        "cutoff": (c.cutoff[kind], b2.mV),
        "V_reset": (c.reset[kind], b2.mV),
        "a": (c.adaptation[kind], b2.nS),
        "b": (c.adaptation_jump[kind], b2.pA),
        "tau_w": (c.adaptation_time[kind], b2.ms),
        # Brian2 counts the step of the spike itself, ketasim the steps after it
        "silence": (c.refractory[kind] + parameters.step, b2.ms),
        **{f"F_{subunit}": (free, 1) for subunit, free in zip(SUBUNITS, influence.nmda, strict=True)},
        **{f"T_{subunit}": (tonic, b2.nS) for subunit, tonic in zip(SUBUNITS, influence.tonic, strict=True)},
        "current": (influence.current, b2.pA),
        "afferent_gain": (influence.afferent_release_gain * influence.afferent_gain, 1),
        "afferent_ampa": (influence.afferent_ampa_gain * parameters.synapses.afferent_ampa[kind], b2.nS),
        "afferent_nmda": (parameters.synapses.afferent_nmda[kind], b2.nS),
        "afferent_mean": (mean[kind], 1),
        "v": (c.rest[kind], b2.mV),
    }
    for name, (numbers, unit) in values.items():
        setattr(cells, name, numbers * unit)


def afferent_means(influence):
    """Mean number of afferent spikes in a step by class: sum of the chances that a word exceeds the thresholds."""
    return (1.0 - (influence.afferent_thresholds + 1.0) / 2.0**32).sum(axis=1)


def _synapses(source, cells, graph, parameters, influence, channel, constants):
    """Synapses of the sources whose channel is `channel`; None if there are none."""
    import brian2 as b2

    table, name = parameters.synapses, CHANNELS[channel]
    edge = np.concatenate([np.arange(*row) for row in zip(graph.row_start, graph.row_end, strict=True)])
    pre = np.repeat(np.arange(graph.node_class.size), graph.row_end - graph.row_start)
    chosen = table.channel[graph.node_class[pre]] == channel
    edge, pre = edge[chosen], pre[chosen]
    if not edge.size:
        return None
    post = graph.target[edge]
    pair = graph.node_class[pre].astype(int), graph.node_class[post].astype(int)
    glutamate = name == "ampa"
    model = PLASTICITY + (GLUTAMATE if glutamate else "gaba : siemens (constant)")
    opened = OPEN_GLUTAMATE if glutamate else f"g_{name}_post += weight*gaba*released/U"
    group = b2.Synapses(source, cells, model, on_pre=RELEASE + opened, namespace=constants, name=f"from_{name}")
    group.connect(i=pre, j=post)
    group.delay = graph.delay[edge] * parameters.step * b2.ms
    group.weight = graph.weight[edge].astype(float)
    group.U = table.utilisation[pair]
    group.tau_recovery, group.tau_facilitation = table.recovery[pair] * b2.ms, table.facilitation[pair] * b2.ms
    group.x = 1.0
    group.release_gain = influence.release_gain[pre] if glutamate else 1.0
    if glutamate:
        group.ampa, group.nmda = influence.ampa_gain[post] * table.ampa[pair] * b2.nS, table.nmda[pair] * b2.nS
    else:
        group.gaba = influence.inhibition_gain[post] * table.gaba[pair] * b2.nS
    return group

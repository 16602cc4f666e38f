"""The spiking network, slow and obvious: one object per neuron, an edge at a time, events in a dictionary by step.

Written from the equations of `ketasim.kernels.spiking_network` and shares no code with it. Units: ms, mV, nS, pA, pF.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace

from tests.reference.random import AFFERENTS, poisson_count, word_of_step

SUBUNITS = range(4)
SUMS = ("nmda", "free_a", "free_b", "free_c", "free_d", "nmda_open", "ampa_current", "nmda_current")
RECEPTORS = ("ampa", "nmda", "gaba_fast", "gaba_slow")
PER_NEURON = ("release_gain", "ampa_gain", "current", "inhibition_gain")
PER_NEURON += ("afferent_gain", "afferent_release_gain", "afferent_ampa_gain")
ARRIVING = {"ampa": "ampa_gain", "gaba_fast": "inhibition_gain", "gaba_slow": "inhibition_gain"}
TRACED = 10  # steps from one sample of the currents to the next
AMPA = 0


def mg_free(voltage, mg_over_k):
    """Share of NMDA channels that Mg does not block."""
    return 1.0 / (1.0 + mg_over_k * math.exp(-0.062 * voltage))


@dataclass
class Terminals:
    """Short-term plasticity and NMDA gate of all synapses from one neuron to one class, after its last spike."""

    utilisation: float = 0.0
    resources: float = 1.0
    gate: float = 0.0


@dataclass
class Neuron:
    """State of one neuron."""

    kind: int
    voltage: float
    adaptation: float = 0.0
    silent_steps: int = 0
    conductance: dict = field(default_factory=lambda: dict.fromkeys(RECEPTORS, 0.0))
    edges: list = field(default_factory=list)  # (target, weight, delay in steps)
    terminals: dict = field(default_factory=lambda: defaultdict(Terminals))  # by class of target
    last_spike: int | None = None


class ReferenceNetwork:
    """A network that can be run for some steps, again and again."""

    def __init__(self, graph, parameters, seed):
        self.seed = seed
        self.constants = parameters
        names = parameters.cells._fields
        columns = [column.tolist() for column in parameters.cells]
        self.kinds = [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
        self.neurons = [Neuron(kind, self.kinds[kind].rest) for kind in graph.node_class.tolist()]
        for source, neuron in enumerate(self.neurons):
            rows = slice(graph.row_start[source], graph.row_end[source])
            columns = (graph.target[rows], graph.weight[rows], graph.delay[rows])
            neuron.edges = list(zip(*(column.tolist() for column in columns), strict=True))
        self.age = 0
        self.arrivals = defaultdict(list)  # age -> [(target, receptor, nS)]
        self.sums = {name: [0.0] * len(self.neurons) for name in SUMS}
        self.released = defaultdict(float)  # (source, class of target) -> u x
        self.spikes = []  # (step, neuron)
        self.traces = defaultdict(list)  # (step, class) -> currents of its neurons

    def run(self, modulation, first_step, n_steps):
        """Go on for some steps, of which the first has the number `first_step` in absolute time."""
        for step in range(first_step, first_step + n_steps):
            for target, receptor, amount in self.arrivals.pop(self.age, ()):
                gain = ARRIVING.get(receptor)
                scale = float(getattr(modulation, gain)[target]) if gain else 1.0
                self.neurons[target].conductance[receptor] += scale * amount
            self.age += 1
            fired = []
            for number, neuron in enumerate(self.neurons):
                influence = SimpleNamespace(
                    afferent_limits=modulation.afferent_thresholds[neuron.kind].tolist(),
                    nmda=modulation.nmda[:, number].tolist(),
                    tonic=modulation.tonic[:, number].tolist(),
                    **{name: float(getattr(modulation, name)[number]) for name in PER_NEURON},
                )
                self.receive_afferents(number, neuron, influence, step)
                if step % TRACED == 0:
                    self.traces[step, neuron.kind].append(self.currents(neuron, influence))
                if self.move(number, neuron, influence):
                    fired.append((number, neuron, influence))
            for number, neuron, influence in fired:
                self.spikes.append((step + 1, number))
                self.release(number, neuron, influence.release_gain)

    def receive_afferents(self, number, neuron, influence, step):
        """Poisson spikes from afar open AMPA and NMDA channels."""
        synapses = self.constants.synapses
        word = word_of_step(self.seed, AFFERENTS, number, step)
        count = poisson_count(word, influence.afferent_limits)
        released = count * influence.afferent_release_gain * influence.afferent_gain
        ampa = influence.afferent_ampa_gain * float(synapses.afferent_ampa[neuron.kind])
        neuron.conductance["ampa"] += released * ampa
        neuron.conductance["nmda"] += released * float(synapses.afferent_nmda[neuron.kind])

    def currents(self, neuron, influence):
        """AMPA, NMDA and GABA current into a neuron, inward positive."""
        voltage, g = neuron.voltage, neuron.conductance
        free = [mg_free(voltage, float(ratio)) for ratio in self.constants.mg_over_k]
        nmda = sum((g["nmda"] * influence.nmda[s] + influence.tonic[s]) * free[s] for s in SUBUNITS)
        gaba = (g["gaba_fast"] + g["gaba_slow"]) * (self.constants.gaba_reversal - voltage)
        return -g["ampa"] * voltage, -nmda * voltage, gaba

    def move(self, number, neuron, influence):
        """One step of membrane, adaptation and conductances; whether the neuron fires."""
        kind, dt, g = self.kinds[neuron.kind], self.constants.step, neuron.conductance
        voltage, w = neuron.voltage, neuron.adaptation
        free = [mg_free(voltage, float(ratio)) for ratio in self.constants.mg_over_k]
        nmda = sum((g["nmda"] * influence.nmda[s] + influence.tonic[s]) * free[s] for s in SUBUNITS)
        gaba = g["gaba_fast"] + g["gaba_slow"]
        ampa = g["ampa"]
        measured = (g["nmda"], *(g["nmda"] * one for one in free), nmda)
        for name, value in zip(SUMS, (*measured, -ampa * voltage, -nmda * voltage), strict=True):
            self.sums[name][number] += value

        goal = kind.adaptation * (voltage - kind.rest)
        neuron.adaptation = goal + (w - goal) * math.exp(-dt / kind.adaptation_time)
        fires = False
        if neuron.silent_steps:
            neuron.silent_steps -= 1
        else:
            spike_current = 0.0
            if kind.sharpness:
                spike_current = kind.leak * kind.sharpness * math.exp((voltage - kind.threshold) / kind.sharpness)
            current = (
                kind.leak * (kind.rest - voltage)
                + spike_current
                - (ampa + nmda) * voltage
                + gaba * (self.constants.gaba_reversal - voltage)
                + influence.current
                - w
            )
            total = kind.leak + ampa + nmda + gaba
            neuron.voltage -= current / total * math.expm1(-dt * total / kind.capacitance)
            fires = neuron.voltage >= kind.cutoff
        for receptor in RECEPTORS:
            g[receptor] *= math.exp(-dt / getattr(self.constants, f"{receptor}_time"))
        if fires:
            neuron.voltage = kind.reset
            neuron.adaptation += kind.adaptation_jump
            neuron.silent_steps = round(kind.refractory / dt)
        return fires

    def release(self, number, neuron, release_gain):
        """Transmitter on all edges of a neuron that has just fired."""
        synapses, dt = self.constants.synapses, self.constants.step
        excites = int(synapses.channel[neuron.kind]) == AMPA
        since = math.inf if neuron.last_spike is None else (self.age - neuron.last_spike) * dt
        neuron.last_spike = self.age
        amounts = {}
        for kind in range(len(self.kinds)):
            pair = (neuron.kind, kind)
            rest_use = float(synapses.utilisation[pair])
            if not rest_use:
                continue
            state = neuron.terminals[kind]
            state.utilisation *= math.exp(-since / synapses.facilitation[pair])
            state.resources = 1.0 - (1.0 - state.resources) * math.exp(-since / synapses.recovery[pair])
            state.gate *= math.exp(-since / self.constants.nmda_time)

            state.utilisation += rest_use * (release_gain if excites else 1.0) * (1.0 - state.utilisation)
            release = state.utilisation * state.resources
            state.resources -= release
            self.released[number, kind] += release
            if excites:
                opened = (1.0 - state.gate) * -math.expm1(-release / rest_use)
                state.gate += opened
                amounts[kind] = {
                    "ampa": float(synapses.ampa[pair]) * release / rest_use,
                    "nmda": float(synapses.nmda[pair]) * opened,
                }
            else:
                receptor = RECEPTORS[int(synapses.channel[neuron.kind])]
                amounts[kind] = {receptor: float(synapses.gaba[pair]) * release / rest_use}
        for target, weight, delay in neuron.edges:
            for receptor, amount in amounts.get(self.neurons[target].kind, {}).items():
                self.arrivals[self.age + delay].append((target, receptor, weight * amount))

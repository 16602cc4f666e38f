"""Bodies and nodes for tests of mechanisms: settings, doses into the library's pharmacokinetics, small networks."""

import numpy as np

from ketasim.drugs import Drug, load_catalogue
from ketasim.drugs.compartments import Body, Compartments, compartments
from ketasim.mechanisms import Clock, Setting, pharmacokinetics
from ketasim.network.build import build
from ketasim.network.topology import Edges, make_topology
from tests.reference.pharmacokinetics import Dose, Subject

KETAMINE = load_catalogue()["ketamine"]
ADULT = Subject("human", 70.0)
WEIGHTS = {"human": 70.0, "rat": 0.3, "mouse": 0.025}


def clock(duration: float) -> Clock:
    return Clock(seed=1, duration=duration, fast_step=0)


def three_nodes():
    """A PYR, a PV and an SST cell without synapses."""
    nothing = Edges(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0))
    return build(make_topology(("PYR", "PV", "SST"), np.arange(3), np.zeros((3, 2)), nothing))


def setting(*drugs: Drug, network=None, subject: Subject = ADULT) -> Setting:
    genotype = (("cyp2b6", subject.cyp2b6),) if subject.cyp2b6 else ()
    system = compartments(drugs, Body(subject.species, subject.weight, genotype), subject.disposition or "default")
    topology = network.topology if network else None
    return Setting(subject.species, subject.weight, genotype, drugs, system, topology, network)


def system_of(subject: Subject, drug: Drug = KETAMINE) -> Compartments:
    return setting(drug, subject=subject).compartments


def give(subject: Subject, doses: list[Dose], times, drug: Drug = KETAMINE):
    """Amounts (n_times, n_compartments), plasma and brain (n_times, n_compounds) at `times` in s, empty at first."""
    system = system_of(subject, drug)
    parameters = pharmacokinetics.Parameters(subject.disposition or "default")
    prepared = pharmacokinetics.prepare(parameters, setting(drug, subject=subject))
    amount = np.zeros(len(system.names))
    plasma, brain = np.zeros(len(system.compounds)), np.zeros(len(system.compounds))
    followed = np.zeros((6, len(system.compounds)))
    stops = sorted({0.0, *times, *(dose.start for dose in doses), *(dose.start + dose.duration for dose in doses)})
    rows = {}
    for begin, end in zip(stops, [*stops[1:], stops[-1]], strict=True):
        rows[begin] = (amount.copy(), plasma.copy(), brain.copy())
        bolus, rate = np.zeros_like(amount), np.zeros_like(amount)
        for dose in doses:
            entry = dose.amount * system.entry(drug.name, dose.route, dose.amount)
            if dose.duration == 0.0 and dose.start == begin:
                bolus += entry
            elif dose.start <= begin < dose.start + dose.duration:
                rate += entry / dose.duration
        if end > begin:
            pharmacokinetics.advance(bolus, rate, amount, plasma, brain, *followed, prepared, clock(end - begin))
    return tuple(np.array([rows[time][index] for time in times]) for index in range(3))

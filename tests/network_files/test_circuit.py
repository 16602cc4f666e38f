"""Circuit files: every number where it belongs, and problems with their place."""

import re

import pytest

from ketasim.documents import DocumentError
from ketasim.network.cell_classes import CellClass
from ketasim.network.synapses import Receptors, Synapse
from ketasim.network_files.circuit import Wiring, read_circuit
from ketasim.sources import Source

TEXT = """\
format: 1
cells:
  excitatory:
    status: recalled
    source: made up
    transmitter: glutamate
    capacitance: 0.2 nF
    leak: 10 nS
    rest: -70 mV
    threshold: -50 mV
    sharpness: 2 mV
    reset: -60 mV
    refractory: 2 ms
    adaptation: 3 nS
    adaptation_jump: 0.02 nA
    adaptation_time: 0.15 s
    afferent_rate: 1.2 kHz
    afferent_ampa: 1.5 nS
    afferent_nmda: 0.1 nS
    nmda_2a: 0.6
    nmda_2d: 0.4
  inhibitory:
    {status: assumed, source: me, transmitter: gaba_slow, capacitance: 100 pF, leak: 8 nS, rest: -65 mV,
     threshold: -48 mV, reset: -60 mV, refractory: 1 ms, nmda_2b: 1}
populations:
  A: {cell: excitatory, neurons: 30}
  B: {cell: excitatory, neurons: 10}
  I: {cell: inhibitory, neurons: 20}
synapses:
  drive:
    {status: verified, source: a paper, delay: 1.5 ms, ampa: 2 nS, nmda: 0.5 nS, utilisation: 0.4, recovery: 0.6 s,
     facilitation: 20 ms}
  brake: {status: assumed, source: me, delay: 0.5 ms, gaba: 3 nS}
connections:
  - {from: A, to: A, synapse: drive, weight: 2.5, probability: 0.2, weight_sd_log: 0.3}
  - {from: [A, B], to: [B, I], synapse: drive}
  - {from: I, to: [A, B, I], synapse: brake}
receptors: {status: assumed, source: me, gaba_slow_time: 15 ms, mg: 0.5 mM}
"""


@pytest.fixture
def written(tmp_path):
    """Write a circuit file and return its path."""

    def write(text):
        (tmp_path / "net.circuit.yaml").write_text(text, encoding="utf-8")
        return tmp_path / "net.circuit.yaml"

    return write


def complaint(path):
    with pytest.raises(DocumentError) as caught:
        read_circuit(path)
    return re.sub(r"^.*net\.circuit\.yaml", "net.circuit.yaml", str(caught.value), flags=re.M)


def test_cells_and_populations_hold_what_is_written(written):
    """Catches a field that is lost, mixed up or in another unit, and cells given to the wrong population."""
    circuit = read_circuit(written(TEXT))
    assert circuit.sizes == {"A": 30, "B": 10, "I": 20}
    excitatory = CellClass(
        inhibitory=False, share_of_nodes=0.5, capacitance=200.0, leak=10.0, rest=-70.0, threshold=-50.0, sharpness=2.0,
        reset=-60.0, adaptation=3.0, adaptation_jump=20.0, adaptation_time=150.0, refractory=2.0, afferent_rate=1.2,
        afferent_ampa=1.5, afferent_nmda=0.1, nmda_2a=0.6, nmda_2b=0.0, nmda_2c=0.0, nmda_2d=0.4,
    )  # fmt: skip
    cells = circuit.tables.cells
    assert cells["A"] == excitatory and cells["B"] == excitatory._replace(share_of_nodes=1 / 6)
    inhibitory = cells["I"]
    assert inhibitory.inhibitory and inhibitory.cutoff == inhibitory.threshold == -48.0
    assert (inhibitory.sharpness, inhibitory.adaptation, inhibitory.afferent_rate) == (0.0, 0.0, 0.0)
    assert circuit.tables.slow_inhibition == {"I"}


def test_connections_join_each_source_with_each_target(written):
    """Catches a pair of the lists that is left out, a weight that is not applied, and plasticity that is not there."""
    circuit = read_circuit(written(TEXT))
    drive = Synapse(ampa=2.0, nmda=0.5, utilisation=0.4, recovery=600.0, facilitation=20.0)
    brake = Synapse(gaba=3.0, utilisation=1.0, recovery=0.0, facilitation=0.0)
    pairs = {pair: drive for pair in (("A", "B"), ("A", "I"), ("B", "B"), ("B", "I"))}
    pairs |= {("I", name): brake for name in "ABI"}
    assert circuit.tables.synapses == pairs | {("A", "A"): drive._replace(ampa=5.0, nmda=1.25)}
    assert circuit.wiring["A", "A"] == Wiring(0.2, 0.3, 1.5) and circuit.wiring["I", "A"] == Wiring(1.0, 0.0, 0.5)
    assert circuit.wiring.keys() == circuit.tables.synapses.keys()


def test_receptors_and_origins(written):
    """Catches the halved utilisation of the default circuit in a circuit that states its own, and lost sources."""
    tables = read_circuit(written(TEXT.replace("mg: 0.5 mM", "mg: 0.5 mM, mg_half_2a: 3 mM, mg_half_2d: 9 mM"))).tables
    halves = {"mg_half_2a": 3.0, "mg_half_2d": 9.0}
    assert tables.receptors == Receptors(gaba_slow_time=15.0, mg=0.5, utilisation_in_vivo=1.0, **halves)
    assert tables.origins["cells.excitatory"] == Source("recalled", "made up")
    assert tables.origins["synapses.drive"] == Source("verified", "a paper")
    assert tables.origins["receptors"] == Source("assumed", "me")


def test_scale_keeps_the_summed_conductance(written):
    """Catches a scaled circuit whose neurons receive more or less, or whose background changes."""
    one, four = read_circuit(written(TEXT)), read_circuit(written(TEXT), 4)
    assert four.sizes == {name: 4 * size for name, size in one.sizes.items()}
    for pair, synapse in one.tables.synapses.items():
        other = four.tables.synapses[pair]
        assert (other.ampa, other.nmda, other.gaba) == (synapse.ampa / 4, synapse.nmda / 4, synapse.gaba / 4)
    assert four.tables.cells == one.tables.cells and four.wiring == one.wiring


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format: 1", "format: 2", "net.circuit.yaml:1:9: format: unsupported format 2"),
        ("leak: 10 nS", "leek: 10 nS", "8:5: cells.excitatory.leek: unknown key 'leek'"),
        ("leak: 10 nS", "leak: 10", "8:11: cells.excitatory.leak: "),
        ("leak: 10 nS", "leak: 10 mV", "8:11: cells.excitatory.leak: "),
        ("leak: 10 nS", "leak: 0 nS", "8:11: cells.excitatory.leak: '0 nS' is out of range; it must be more than 0 nS"),
        ("    leak: 10 nS\n", "", "3:3: cells.excitatory.leak: the key 'leak' is missing"),
        ("    status: recalled\n", "", "3:3: cells.excitatory.status: the key 'status' is missing"),
        ("transmitter: glutamate", "transmitter: glutamat", "6:18: cells.excitatory.transmitter: .*mean glutamate"),
        ("nmda_2a: 0.6", "nmda_2a: 0.7", "cells.excitatory: the shares .* must add up to 1, not 1.1"),
        ("reset: -60 mV\n", "reset: -10 mV\n", "cells.excitatory: the reset must be below"),
        ("A: {cell: excitatory", "A: {cell: excitatori", "populations.A.cell: unknown cell .*did you mean excitatory"),
        ("  A: {cell", "  A__b: {cell", "populations.A__b: a population's name has letters, digits and single"),
        ("neurons: 30", "neurons: 0", "populations.A.neurons: 0 is out of range; it must be at least 1"),
        ("neurons: 30", "neurons: 990000", "connections: .* synapses; at most"),
        ("neurons: 30", "neurons: 1000000", "populations: 1000030 neurons in 3 populations"),
        ("delay: 1.5 ms", "delay: 0.05 ms", "synapses.drive.delay: '0.05 ms' is out of range; it must be at least"),
        (", gaba: 3 nS", "", "synapses.brake: a synapse needs a conductance"),
        ("gaba: 3 nS", "gaba: 3 nS, ampa: 1 nS", "synapses.brake: a synapse is excitatory .* or inhibitory"),
        ("from: A, to: A", "from: A, to: Q", "35:19: connections.0.to: unknown population 'Q'; allowed: A, B, I"),
        ("to: A, synapse: drive", "to: A, synapse: dive", "connections.0.synapse: .*did you mean drive"),
        (
            "to: A, synapse: drive",
            "to: A, synapse: brake",
            "connections.0.synapse: A releases glutamate, which does not",
        ),
        ("from: I, to: [A, B, I], synapse: brake", "from: I, to: [A], synapse: drive", "I releases gaba_slow"),
        ("to: [B, I]", "to: [A, I]", "connections.1: A to A is already connected"),
        ("from: [A, B]", "from: []", "connections.1.from: "),
        ("probability: 0.2", "probability: 0", "connections.0.probability: 0 is out of range; it must be more than 0"),
        ("mg: 0.5 mM", "mgg: 0.5 mM", "receptors.mgg: unknown key 'mgg'.*did you mean mg"),
        ("mg: 0.5 mM", "mg_k_cd: 5 mM", "receptors: 'mg_k_cd' is now two keys, 'mg_half_2c' and 'mg_half_2d'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(written, old, new, message):
    """Catches a mistake that is accepted, or reported without the place or the remedy."""
    assert TEXT.count(old) >= 1
    text = complaint(written(TEXT.replace(old, new, 1)))
    assert re.search(message, text), text


def test_all_mistakes_of_a_stage_are_told_at_once(written):
    """Catches a reader that stops at the first of several wrong names."""
    text = TEXT.replace("cell: inhibitory", "cell: x").replace("from: I, to: [A, B, I]", "from: Y, to: [A, Z]")
    assert [word in complaint(written(text)) for word in ("'x'", "'Y'", "'Z'")] == [True] * 3

"""Constants of the cell classes: what must hold between them."""

import pytest

from ketasim.network.cell_classes import CELL_CLASSES
from ketasim.network.synapses import SLOW_INHIBITION, SYNAPSES

CLASSES = pytest.mark.parametrize("cell", CELL_CLASSES.values(), ids=CELL_CLASSES)


def test_the_classes_make_up_the_circuit():
    """Catches shares that leave a part of the circuit without a class, and an order that files rely on."""
    assert list(CELL_CLASSES) == ["PYR", "PV", "SST"]
    assert sum(cell.share_of_nodes for cell in CELL_CLASSES.values()) == pytest.approx(1.0)
    assert [name for name, cell in CELL_CLASSES.items() if not cell.inhibitory] == ["PYR"]


@CLASSES
def test_subunit_shares_add_up(cell):
    """Catches a share changed without the others: NMDA conductance would be lost or made."""
    assert len(cell.nmda_shares) == 4
    assert min(cell.nmda_shares) >= 0.0
    assert sum(cell.nmda_shares) == pytest.approx(1.0, rel=1e-12)


@CLASSES
def test_membranes_can_rest_and_fire(cell):
    """Catches voltages in the wrong order and a membrane time constant that no neuron has."""
    assert cell.rest < cell.threshold <= cell.cutoff
    assert cell.reset < cell.threshold
    assert 5.0 <= cell.capacitance / cell.leak <= 30.0  # ms
    assert cell.adaptation >= 0.0
    assert cell.adaptation_jump >= 0.0


@CLASSES
def test_cutoff_is_the_threshold_without_sharpness(cell):
    """Catches a leaky integrate-and-fire limit that fires elsewhere than at its threshold."""
    assert cell._replace(sharpness=0.0).cutoff == cell.threshold
    assert cell._replace(sharpness=2.0).cutoff == cell.threshold + 20.0


def test_every_pair_of_classes_has_a_synapse_of_its_sign():
    """Catches a missing pair, whose edges would be silent, and one that both excites and inhibits."""
    assert set(SYNAPSES) == {(source, target) for source in CELL_CLASSES for target in CELL_CLASSES}
    for (source, _), synapse in SYNAPSES.items():
        if CELL_CLASSES[source].inhibitory:
            assert synapse.gaba > 0.0 == synapse.ampa == synapse.nmda
        else:
            assert synapse.ampa > 0.0 == synapse.gaba
            assert synapse.nmda > 0.0
        assert 0.0 < synapse.utilisation <= 1.0
        assert min(synapse.recovery, synapse.facilitation) > 0.0


def test_slow_inhibition_comes_from_inhibitory_classes():
    """Catches a class name that is misspelt and so never slow."""
    assert SLOW_INHIBITION
    assert all(CELL_CLASSES[name].inhibitory for name in SLOW_INHIBITION)

"""Sets of weights: each value in its place, the default equal in table and code, every stored set as accepted."""

import pytest

from ketasim.network.synapses import PREFRONTAL
from ketasim.network.weights import (
    DEFAULT_SET,
    WeightSet,
    default,
    stored_sets,
    tables_of,
    weight_set,
    weight_sets,
)

RATES = {"PYR": (0.5, 3.0), "PV": (4.0, 15.0), "SST": (3.0, 10.0)}  # Hz, calibration C0


def test_the_default_stands_in_the_code_as_in_the_table():
    """Catches a default that was changed in one of the two places only."""
    row = stored_sets()[DEFAULT_SET]
    assert WeightSet(*(row[name] for name in WeightSet._fields)) == default() == weight_set(DEFAULT_SET)


def test_tables_of_the_default_are_the_tables():
    """Catches weights lost on the way there and back."""
    assert tables_of(default()) == PREFRONTAL


def test_every_weight_lands_in_its_place():
    """Catches weights swapped between receptors, classes, or circuit and afferents."""
    weights = WeightSet(*(float(number) for number in range(1, 19)))
    tables = tables_of(weights)
    cells, synapses = tables.cells, tables.synapses
    assert [synapses["PYR", name].ampa for name in cells] == [1, 2, 3]
    assert [synapses["PYR", name].nmda for name in cells] == [4, 5, 6]
    assert [synapses["PV", name].gaba for name in cells] == [7, 8, 9]
    assert [synapses["SST", name].gaba for name in cells] == [10, 11, 12]
    assert [cell.afferent_ampa for cell in cells.values()] == [13, 14, 15]
    assert [cell.afferent_nmda for cell in cells.values()] == [16, 17, 18]
    for pair, synapse in synapses.items():
        kept = PREFRONTAL.synapses[pair]
        assert synapse._replace(ampa=kept.ampa, nmda=kept.nmda, gaba=kept.gaba) == kept
    for name, cell in cells.items():
        kept = PREFRONTAL.cells[name]
        assert cell._replace(afferent_ampa=kept.afferent_ampa, afferent_nmda=kept.afferent_nmda) == kept


def test_shares_of_subunits_land_in_their_cells():
    """Catches shares swapped between subunits or classes, and other classes that lose theirs."""
    cells = tables_of(default(), {"PV": (0.1, 0.2, 0.3, 0.4)}).cells
    assert cells["PV"] == PREFRONTAL.cells["PV"]._replace(nmda_2a=0.1, nmda_2b=0.2, nmda_2c=0.3, nmda_2d=0.4)
    assert all(cells[name] == PREFRONTAL.cells[name] for name in ("PYR", "SST"))


def test_unknown_set_says_which_are_near():
    """Catches a number that means another set, or an error that helps nobody."""
    *_, before, last = sorted(stored_sets())
    near = f"the nearest are {before} and {last},"
    with pytest.raises(ValueError, match=f"there is no set of weights {last + 1}; {near}"):
        weight_set(last + 1)


def test_sets_that_agree_with_c1_come_first():
    """Catches an ensemble run over the first sets that are not the ones promised."""
    rows, numbers = stored_sets(), weight_sets()
    assert sorted(numbers) == sorted(rows)
    assert numbers[0] == DEFAULT_SET
    agreement = [rows[number].get("agrees_c1", 0.0) for number in numbers]
    assert agreement == sorted(agreement, reverse=True)
    assert 0 < sum(agreement) < len(agreement)


def test_sets_of_a_finding_are_those_that_agree_with_it():
    """Catches an ensemble with circuits that contradict the calibration it is named after."""
    rows = stored_sets()
    assert set(weight_sets(agree="C1")) == {number for number, row in rows.items() if row.get("agrees_c1") == 1.0}
    with pytest.raises(ValueError, match="C1, not 'C2'"):
        weight_sets(agree="C2")


def test_every_stored_set_was_accepted_on_drug_free_data():
    """Catches a row that does not belong there: rates, CV and correlation of calibration C0 and the model's page."""
    rows = stored_sets()
    assert len(rows) >= 100
    for number, row in rows.items():
        assert min(weight_set(number)) > 0.0
        for name, (low, high) in RATES.items():
            assert low < row[f"rate_{name}"] < high, number
            assert 0.7 < row[f"cv_{name}"] < 1.3, number
            assert abs(row[f"correlation_{name}"]) < 0.1, number

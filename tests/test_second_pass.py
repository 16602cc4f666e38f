"""What the changes of the second pass were made for, in whole runs of the default circuit (docs/second_pass.md)."""

import pytest

import ketasim

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def under_an_agonist(tmp_path_factory):
    """Rates over rest, 10 to 40 min after an mGlu2/3 agonist, by the share of afferents that have receptors."""
    changes = ["duration=40 min", "recording={measures: false}", "schedule.baseline=100 s"]
    experiment = ketasim.load_experiment("rat_dose", changes)
    agonist = {"doses": [{"drug": "ly379268", "route": "subcutaneous", "amount": "3 mg/kg"}]}
    arms = {"vehicle": {"doses.0.drug": "saline"}, "share": agonist}
    arms["all"] = agonist | {"mechanisms.autoreceptors.afferent_share": 1.0}
    found = ketasim.sweep(experiment, arms=arms, out=tmp_path_factory.mktemp("agonist") / "s")
    rates = found["firing_rate"].sel(time=slice(600.0, 2400.0)).mean("time").squeeze("seed")
    return rates / rates.sel(arm="vehicle")


def test_an_mglu2_3_agonist_alone_leaves_pyramidal_cells_firing(under_an_agonist):
    """Catches an agonist that silences the circuit: pyramidal cells keep more than 70 % of their rate."""
    assert under_an_agonist.sel(arm="share", population="PYR") > 0.7


def test_on_all_afferents_it_silences_every_cell(under_an_agonist):
    """Catches a share of afferents that is not felt: this is what failed before."""
    assert (under_an_agonist.sel(arm="all") < 0.05).all()


@pytest.mark.xfail(
    strict=True, reason="it rises by half in the default circuit of 0.4.0; circuits differ even in sign (finding D1)"
)
def test_glutamate_is_lower_for_the_first_hour_of_an_anaesthetic_dose(tmp_path):
    """Catches potentiation that turns 200 mg/kg into a surge within the hour, as it did before."""
    changes = ["duration=1 h", "recording={measures: false}", "schedule.baseline=100 s", "doses.0.amount=200 mg/kg"]
    experiment = ketasim.load_experiment("rat_dose", changes)
    found = ketasim.sweep(experiment, arms={"drug": {}, "vehicle": {"doses.0.drug": "saline"}}, out=tmp_path / "s")
    level = found["glutamate_perisynaptic"].sel(population="PYR").squeeze("seed")
    level = level.interp(time=range(600, 3601, 30)).mean("time")  # steps are denser at first
    assert level.sel(arm="drug") < 0.95 * level.sel(arm="vehicle")

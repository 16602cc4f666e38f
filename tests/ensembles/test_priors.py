"""Ranges from the priors of mechanisms, which a sweep draws from."""

import pytest

import ketasim
from ketasim.config.sweeps import Range, section_of
from ketasim.ensembles.plan import plan_of
from ketasim.mechanisms import ORDER
from ketasim.sources import describe


@pytest.fixture(scope="module")
def experiment():
    return ketasim.load_experiment("rat_dose", ["mechanisms.trkb=off", "mechanisms.eef2.dephosphorylation=20 min"])


def test_there_is_a_range_for_every_uncertain_parameter_that_is_on(experiment):
    """Catches a parameter that a study of uncertainty passes over, and one of a mechanism that is off."""
    expected = {
        f"mechanisms.{one.name}.{row.name}"
        for one in ORDER
        if one.by_default and one.name != "trkb"
        for row in describe(one.Parameters)
        if row.prior
    }
    assert set(ketasim.priors(experiment)) == expected
    assert len(expected) > 40


def test_without_a_network_nothing_is_uncertain_but_drugs(experiment):
    """Catches draws of what the run does not have, all with the same result."""
    assert ketasim.priors(experiment.replace(network="none", recording={})) == {}


def test_a_range_by_a_factor_is_around_the_value_of_the_experiment(experiment):
    """Catches priors around defaults where the user has another value."""
    changed = experiment.replace(**{"mechanisms.mtorc1.gain": 20.0})
    found = ketasim.priors(changed)["mechanisms.mtorc1.gain"]
    assert (found["from"], found["to"]) == (pytest.approx(20.0 / 3.0), 60.0)


def test_a_sweep_takes_the_ranges_as_they_are(experiment):
    """Catches an end of a range that a mechanism refuses, and units that a file does not take."""
    ranges = ketasim.priors(experiment)
    section = section_of({"latin_hypercube": {"samples": 8, "ranges": ranges}})
    plan = plan_of(experiment, section)
    assert plan.size == 8
    for name, one in ranges.items():
        for fraction in (0.0, 1.0):
            experiment.replace(**{name: Range.model_validate(one).at(fraction)})

"""Draws of joint posteriors: paths that experiments have, within their priors, jointly."""

import pytest
from scipy.stats import spearmanr

import ketasim
from ketasim.mechanisms.mood import Parameters
from ketasim.network.weights import stored_sets
from ketasim.sources import describe


def test_draws_are_settings_of_an_experiment():
    """Catches a name or unit that no experiment has, and a circuit that is not stored."""
    draws = ketasim.posterior("mood")
    assert len(draws) >= 200
    for draw in draws[:3]:
        changed = ketasim.load_experiment("human_infusion").replace(**draw)
        assert changed.mechanisms["mood"].strength_gain == draw["mechanisms.mood.strength_gain"]
        assert f"{changed.mechanisms['mood'].mood_time:g} h" == draw["mechanisms.mood.mood_time"]
    assert {draw["network.weights"] for draw in draws} <= set(stored_sets())


def test_draws_lie_within_the_priors():
    """Catches a posterior of other priors than those that are shown."""
    priors = {row.name: row.prior for row in describe(Parameters()) if row.prior}
    for draw in ketasim.posterior("mood"):
        for path, value in draw.items():
            if path.startswith("mechanisms."):
                prior = priors[path.rpartition(".")[2]]
                assert prior.low <= float(str(value).split()[0]) <= prior.high


def test_draws_are_joint():
    """Catches draws that were shuffled by column: what synapses do less, expectancy does more."""
    draws = ketasim.posterior("mood")
    strength, hope = (
        [draw[f"mechanisms.mood.{name}"] for draw in draws] for name in ("strength_gain", "expectancy_gain")
    )
    assert spearmanr(strength, hope).statistic < -0.3


def test_what_is_not_stored_is_refused_by_name():
    """Catches a mechanism without a posterior that gets another's, and more draws than there are."""
    with pytest.raises(ValueError, match=r"no posterior is stored for 'moood'; there is mood; did you mean mood\?"):
        ketasim.posterior("moood")
    with pytest.raises(ValueError, match=r"draws must be a number from 1 to \d+"):
        ketasim.posterior("mood", 100_000)

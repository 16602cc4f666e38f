"""Plans: axes, the order of runs, draws, and values that are refused before anything runs."""

import numpy as np
import pytest
from scipy.stats import kstest

from ketasim.config.sweeps import Draws, section_of
from ketasim.documents import DocumentError
from ketasim.ensembles.forecast import baselines_of
from ketasim.ensembles.plan import Plan, draw, experiment_of, plan_of
from ketasim.network.weights import DEFAULT_SET, weight_sets
from tests.ensembles.conftest import ARMS


def test_every_combination_is_one_run(alone):
    """Catches a combination that is missing or twice."""
    section = section_of(
        {"grid": {"doses.0.amount": ["1 mg", "2 mg"], "subject.weight": ["60 kg", "80 kg"]}, "replicates": 3}
    )
    plan = plan_of(alone(), section, ARMS)
    assert plan.shape == (2, 2, 2, 3)
    labels = [tuple(run.labels.values()) for run in plan]
    assert len(set(labels)) == plan.size == 24
    assert [run.number for run in plan] == list(range(24))


def test_seeds_and_circuits_move_fastest(alone):
    """Runs that share a baseline must not follow each other, or several processes measure it at once."""
    grid = {"network.weights": weight_sets()[:2], "doses.0.amount": ["1 mg", "2 mg"]}
    section = section_of({"grid": grid, "replicates": 2})
    plan = plan_of(alone(network={"neurons": 50}), section, ARMS)
    assert [axis.name for axis in plan.axes] == ["doses.0.amount", "arm", "network.weights", "seed"]


def test_arms_differ_in_their_changes_only(alone):
    """Catches arms that share no seed, which could not be compared in pairs."""
    plan = plan_of(alone(seed=7), section_of({"replicates": 2}), ARMS)
    found = [experiment_of(alone(seed=7), run) for run in plan]
    assert [(one.doses[0].drug, one.seed) for one in found] == [
        ("ketamine", 7), ("ketamine", 8), ("saline", 7), ("saline", 8),
    ]  # fmt: skip


def test_lists_side_by_side_and_entries(alone):
    """Catches lists under `zip` that are combined."""
    people = [("60 kg", "human"), ("300 g", "rat")]
    section = section_of({
        "zip": {"doses.0.amount": ["1 mg", "2 mg"], "duration": ["1 h", "2 h"]},
        "list": [{"subject.weight": weight, "subject.species": species} for weight, species in people],
    })  # fmt: skip
    plan = plan_of(alone(), section)
    assert plan.shape == (2, 2, 1)
    assert [axis.name for axis in plan.axes] == ["place", "entry", "seed"]
    assert experiment_of(alone(), plan.run(3)).subject.species == "rat"


def test_a_plan_survives_its_text(alone):
    """Catches values that change on the way to the disk and back."""
    section = section_of({"grid": {"doses.0.amount": ["1 mg", "2 mg"], "duration": ["1 h", "2 h"]}, "random": {
        "samples": 3, "ranges": {"subject.weight": {"from": "60 kg", "to": "90 kg"}}}})  # fmt: skip
    plan = plan_of(alone(), section, ARMS)
    assert Plan.from_json(plan.to_json()) == plan
    assert list(Plan.from_json(plan.to_json())) == list(plan)


@pytest.mark.parametrize("kind", ["random", "latin_hypercube", "sobol"])
def test_draws_are_uniform_repeatable_and_their_own(kind):
    """Catches two parameters with the same numbers, and draws that change from one call to the next."""
    ranges = {"a": {"from": 0.0, "to": 1.0}, "b": {"from": 0.0, "to": 1.0}}
    draws = Draws.model_validate({"samples": 256, "seed": 4, "ranges": ranges})
    one, again = draw(kind, draws), draw(kind, draws)
    assert one == again
    assert kstest(one["a"], "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(one["a"], one["b"])[0, 1]) < 0.2


def test_latin_hypercubes_fill_each_row():
    """Catches plain random numbers in place of a Latin hypercube."""
    ranges = {name: {"from": 0.0, "to": 1.0} for name in "abc"}
    found = draw("latin_hypercube", Draws.model_validate({"samples": 20, "ranges": ranges}))
    assert all(sorted(int(20 * value) for value in values) == list(range(20)) for values in found.values())


@pytest.mark.parametrize(
    ("section", "arms", "message"),
    [
        ({"grid": {"doses.0.amount": ["1 mg", "1 mgg"]}}, None, "unknown unit 'mgg'"),
        ({"grid": {"doses.0.amont": ["1 mg"]}}, None, "did you mean amount"),
        ({"grid": {"doses.0.drug": ["ketamine", "ketamin"]}}, None, "did you mean ketamine"),
        ({"grid": {"doses.0.drug": ["ketamine"]}}, ARMS, "is varied by the sweep"),
        ({}, {"a": {"seed": "x"}}, r"arms\.a"),
        ({"grid": {"seed": [1, 2]}, "replicates": 2}, None, "leave replicates out"),
        ({"grid": {"network.weights": [DEFAULT_SET, 99999]}}, None, "no set of weights 99999"),
    ],
)
def test_wrong_values_are_refused_before_anything_runs(alone, section, arms, message):
    """Catches a sweep of hours whose last value is wrong."""
    network = {"neurons": 50} if "network" in str(section) else "none"
    with pytest.raises(DocumentError, match=message):
        plan_of(alone(network=network), section_of(section), arms)


def test_a_mechanism_that_is_off_is_not_switched_on_by_a_value(alone):
    """Catches a hypothesis without BDNF in which a sweep over its parameters brings it back."""
    experiment = alone(mechanisms={"bdnf": False})
    with pytest.raises(DocumentError, match="bdnf is off in the experiment, and a value would switch it on"):
        plan_of(experiment, section_of({"grid": {"mechanisms.bdnf.translation_gain": [1.0, 2.0]}}))
    assert plan_of(experiment, section_of({"grid": {"mechanisms.bdnf": ["on", "off"]}})).size == 2
    assert plan_of(experiment, section_of({"grid": {"mechanisms.cortical_afferents.share": [0.1, 0.2]}})).size == 2


def test_runs_of_one_network_share_a_baseline(alone):
    """Catches a forecast in which every dose and arm has a baseline of its own, or networks that share one."""
    doses, arms = {"doses.0.amount": ["1 mg", "2 mg"]}, ARMS | {"off": {"mechanisms.bdnf": "off"}}
    assert baselines_of(plan_of(alone(), section_of({"grid": doses, "replicates": 3}), ARMS)) == 3
    assert baselines_of(plan_of(alone(), section_of({"grid": doses, "replicates": 3}), arms)) == 6
    both = {"mechanisms.bdnf.translation_gain": [1.0, 2.0]} | doses
    assert baselines_of(plan_of(alone(), section_of({"grid": both, "replicates": 3}))) == 6

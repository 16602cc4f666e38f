"""Scores: statistics of runs, errors over circuits, verdicts, and that nothing is run twice."""

import numpy as np
import pandas
import pytest
import xarray

from ketasim.config import Experiment
from ketasim.documents import KetasimError
from ketasim.ensembles.posterior import posterior
from ketasim.findings import load_findings, score_findings
from ketasim.findings.finding import Selection
from ketasim.findings.report import report
from ketasim.findings.score import Scored, _circuits, _key, _of_runs, _runs_of, _scored
from ketasim.network.weights import weight_sets
from tests.drugs.drug_files import OWN_DRUG

TIMES = np.array([0.0, 3600.0, 7200.0])


def selection(**how):
    return Selection.model_validate({"arm": "a", "signal": "bdnf", "population": "PYR"} | how)


@pytest.fixture
def runs():
    """Two circuits with two seeds each, whose BDNF rises to a peak after an hour."""
    shape = np.array([1.0, 3.0, 2.0])
    levels = np.array([[1.0, 1.2], [2.0, 2.2]])
    values = levels[:, :, None, None] * shape[:, None]
    dims = ("network.weights", "seed", "time", "population")
    coordinates = {"network.weights": [483, 130], "seed": [1, 2], "time": TIMES, "population": ["PYR"]}
    return xarray.Dataset({"bdnf": (dims, values)}, coordinates)


@pytest.mark.parametrize(
    ("how", "of_the_first"),
    [
        ({"statistic": "mean"}, 2.25),
        ({"statistic": "mean", "from": "30 min"}, 2.5),
        ({"statistic": "mean", "from": "30 min", "to": "90 min"}, 2.625),
        ({"statistic": "value", "at": "90 min"}, 2.5),
        ({"statistic": "peak"}, 3.0),
        ({"statistic": "lowest", "from": "1 h"}, 2.0),
        ({"statistic": "last"}, 2.0),
        ({"statistic": "last", "to": "1 h"}, 3.0),
        ({"statistic": "time_of_peak"}, 1.0),
    ],
)
def test_statistics_of_a_course(runs, how, of_the_first):
    """Catches a time in s where hours are said, an interval that is left out, an interpolation to the next step."""
    assert _of_runs({"a": runs}, selection(**how)).values[0, 0] == pytest.approx(of_the_first)


def test_a_mean_is_one_over_time_however_dense_the_steps():
    """Catches rows that count alike: steps are dense after a dose, and a mean of rows is one of the first minutes."""
    times = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 100.0]) * 60.0
    values = (times / 60.0)[None, :, None]  # a straight line from 0 to 100
    runs = xarray.Dataset({"bdnf": (("seed", "time", "population"), values)}, {"time": times, "population": ["PYR"]})
    found = _of_runs({"a": runs}, selection(statistic="mean", **{"from": "10 min", "to": "60 min"}))
    assert found.item() == pytest.approx(35.0)


def test_a_rise_is_one_above_the_begin_of_the_run(runs):
    """Catches a ratio of levels in place of one of rises: from 1 to 2, and from 1 to 3, is half."""
    finding = finding_with(
        value={"arm": "a", "signal": "bdnf", "population": "PYR", "statistic": "last"},
        against={"arm": "a", "statistic": "peak"},
        shown="rise_ratio",
        least=0.0,
    )
    assert score(finding, {"a": runs}).value == pytest.approx(0.5)


def test_a_course_above_that_of_another_arm_is_their_difference(runs):
    """Catches a rise in place of the difference from placebo, where placebo moves, and rows at other instants."""
    placebo = runs.isel(time=[0, -1]) * 0.5  # fewer steps: 0.5 and 1 of the first circuit, 0.75 after an hour
    found = _of_runs({"a": runs, "placebo": placebo}, selection(statistic="value", at="1 h", above="placebo"))
    assert found.values[0, 0] == pytest.approx(3.0 - 0.75)


def test_a_moiety_is_the_sum_of_its_compounds():
    """Catches one enantiomer in place of both, and both in place of one."""
    dims = ("seed", "time", "compound")
    coordinates = {
        "seed": [1],
        "time": TIMES,
        "compound": ["S-ketamine", "R-ketamine", "S-norketamine"],
        "moiety": ("compound", ["ketamine", "ketamine", "norketamine"]),
    }
    runs = xarray.Dataset({"plasma_concentration": (dims, np.full((1, 3, 3), [1.0, 2.0, 4.0]))}, coordinates)
    for compound, total in (("ketamine", 3.0), ("R-ketamine", 2.0), ("norketamine", 4.0)):
        how = Selection(arm="a", signal="plasma_concentration", compound=compound, statistic="last")
        assert _of_runs({"a": runs}, how).item() == total


def test_what_comes_before_zero_is_not_read(runs):
    """Catches an interval without `from`, or a rise, that begins with a stimulus before zero."""
    before = runs.isel(time=[0]).assign_coords(time=[-3600.0]) * 50.0
    longer = xarray.concat([before, runs], "time")
    for statistic in ("mean", "peak", "time_of_peak"):
        for rising in (False, True):
            one, other = (_of_runs({"a": some}, selection(statistic=statistic), rising) for some in (longer, runs))
            xarray.testing.assert_allclose(one, other)


OF_KETAMINE = {"compound": "ketamine", "statistic": "peak"}


def finding_with(settings=(), **number):
    """A finding with one number of BDNF."""
    base = load_findings()["A2"]
    fields = {"name": "n", "value": {"arm": "a", "signal": "bdnf", "population": "PYR", "statistic": "peak"}} | number
    given = {
        "format": 1,
        "settings": dict(base.settings) | dict(settings),
        "arms": {"a": {}, "b": {}},
        "numbers": [fields],
    }
    words = ("id", "title", "role", "why_calibration", "status", "source", "fails_if")
    words = {name: getattr(base, name) for name in words}
    return type(base).model_validate(given | words)


def score(finding, arms) -> Scored:
    return _scored(finding, finding.numbers[0], arms)


def test_the_error_is_over_circuits_and_not_over_runs_alone(runs):
    """Catches four runs of two circuits that count as four circuits: the error of the mean is half their distance."""
    found = score(finding_with(least=0.0), {"a": runs})
    assert found.value == pytest.approx(4.8)
    assert found.error == pytest.approx(0.5 * 3.0, rel=0.1)
    assert found.runs == 4
    assert found.low < found.value - 5.0  # two circuits: one degree of freedom


@pytest.mark.parametrize("bounds", [{"least": 2.0}, {"most": 5.0}, {}])
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_ratio_to_nothing_is_not_judged(runs, bounds):
    """Catches infinity that is `at least 2`, and a page that cannot be drawn."""
    found = score(finding_with(against={"arm": "b"}, shown="ratio", **bounds), {"a": runs, "b": 0.0 * runs})
    assert found.verdict == ("not distinguishable" if bounds else "reported")
    assert "<svg" not in report(pandas.DataFrame([found]), {found.finding: finding_with()})


def test_pairs_share_circuit_and_seed(runs):
    """Catches a difference of means in place of the mean of differences: a fixed ratio has no error."""
    twice = runs * 2.0
    for shown, value in (("ratio", 2.0), ("change", 100.0)):
        found = score(finding_with(against={"arm": "b"}, shown=shown, least=0.0), {"a": twice, "b": runs})
        assert (found.value, found.error) == pytest.approx((value, 0.0), abs=1e-9)
    found = score(finding_with(against={"arm": "b"}, shown="difference", least=0.0), {"a": twice, "b": runs})
    assert found.value == pytest.approx(4.8)


@pytest.mark.parametrize(
    ("least", "most", "verdict"),
    [(2.0, 4.0, "inside"), (3.0, 4.0, "not distinguishable"), (3.5, None, "outside"), (None, 2.4, "outside")],
)
def test_a_verdict_counts_the_error(least, most, verdict):
    """Catches a mean inside whose interval is not, and the other way round: 3 ± 0.1 x 2.3 over nine seeds."""
    levels = 3.0 + 0.3 * np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 0.0])
    coordinates = {"seed": np.arange(9), "time": TIMES, "population": ["PYR"]}
    values = np.broadcast_to(levels[:, None, None], (9, 3, 1))
    runs = xarray.Dataset({"bdnf": (("seed", "time", "population"), values)}, coordinates)
    bounds = {key: value for key, value in (("least", least), ("most", most)) if value is not None}
    found = score(finding_with(**bounds), {"a": runs})
    assert found.verdict == verdict
    assert found.error == pytest.approx(0.1, rel=0.01)


def test_one_run_of_a_network_has_an_unknown_error(runs):
    """Catches a verdict from a single seed as if there were no noise, and a plasma level that is doubted for it."""
    network = {"network": {"neurons": 20}}
    finding = finding_with(network, least=0.0)
    level = finding_with(network, least=0.0, value={"arm": "a", "signal": "plasma_concentration"} | OF_KETAMINE)
    found = score(finding, {"a": runs.isel({"network.weights": [0], "seed": [0]})})
    assert (found.value, found.verdict) == (3.0, "not distinguishable")
    assert np.isnan(found.error)
    coordinates = {"seed": [1], "time": TIMES, "compound": ["S-ketamine"], "moiety": ("compound", ["ketamine"])}
    plasma = xarray.Dataset(
        {"plasma_concentration": (("seed", "time", "compound"), np.full((1, 3, 1), 160.0))}, coordinates
    )
    assert score(level, {"a": plasma}).error == 0.0


def test_circuits_of_a_finding():
    """Catches accepted sets in the place of weights that the finding sets, and other circuits' gains of mood."""
    finding = load_findings()["E5"]
    plain = finding.experiment("drug")
    own, alone = plain.replace(**{"network.weights": weight_sets()[1]}), plain.replace(network="none")
    assert _circuits(finding, plain, 2) == [{"network.weights": one} for one in weight_sets(agree="C1")[:2]]
    assert _circuits(finding, own, 2) == _circuits(finding, alone, 2) == _circuits(finding, plain, 1) == []
    of_mood = load_findings()["I3"]
    people = of_mood.experiment("ketamine")
    assert _circuits(of_mood, people, 3) == posterior("mood", 3)
    assert len(_circuits(of_mood, people, 10_000)) == len(posterior("mood"))
    numbers_of_its_own = people.replace(**{"mechanisms.mood.density_gain": 5})
    assert _circuits(of_mood, numbers_of_its_own, 2) == _circuits(finding, plain, 2)
    keys = {_key(people, 1, _circuits(of_mood, people, number)) for number in (1, 2, 3)}
    assert len(keys) == 3  # other draws are other runs


def test_without_a_network_seeds_are_one_run(tmp_path, monkeypatch):
    """Catches runs of pharmacokinetics that are repeated for each seed."""
    asked = []

    def sweep(experiment, varied, replicates, **how):
        asked.append(replicates)
        return xarray.Dataset({"state": (("run",), ["done"])})

    monkeypatch.setattr("ketasim.findings.score.sweep", sweep)
    plain = load_findings()["E5"].experiment("drug")
    for experiment in (plain, plain.replace(network="none")):
        _runs_of(experiment, tmp_path, 3, [], None, None)
    assert asked == [3, 1]


LOUD = {"kind": "afferents", "population": "PYR", "rate": "50000 Hz", "start": "0 s", "duration": "1 min"}


def test_a_run_that_fails_ends_it_with_the_reason(tmp_path):
    """Catches a traceback, or a table with a hole, where a circuit ran away."""
    finding = load_findings()["C0"]
    experiment = finding.experiment(next(iter(finding.arms)))
    experiment = experiment.replace(**{"network.neurons": 20, "duration": "1 min", "schedule.baseline": "4 s"})
    loud = experiment.replace(stimuli=[LOUD])
    with pytest.raises(KetasimError, match=r"1 of 1 runs failed, the first because .*run away"):
        _runs_of(loud, tmp_path / "s", 1, [], 1, None)


def test_another_drug_of_the_same_name_is_run_anew(tmp_path):
    """Catches yesterday's numbers after a drug was mended: its file is part of what was asked for."""
    file = tmp_path / "own.yaml"
    keys = []
    for text in (OWN_DRUG, OWN_DRUG.replace("volume: 2 L/kg", "volume: 3 L/kg"), OWN_DRUG):
        file.write_text(text, encoding="utf-8")
        given = {"format": 1, "duration": "1 h", "network": "none", "drugs": [str(file)]}
        keys.append(_key(Experiment.from_mapping(given), 1, []))
    assert keys[0] == keys[2] != keys[1]


def test_pharmacokinetics_are_exact_and_run_once(tmp_path):
    """Catches an error where there is no chance, and a second call that runs everything again."""
    ended = []
    findings = [load_findings()["A2"]]
    table = score_findings(findings, tmp_path, jobs=1, progress=lambda one: ended.append(one.done))
    row = table.iloc[0]
    assert (row["finding"], row["verdict"], row["error"], row["runs"]) == ("A2", "inside", 0.0, 1)
    assert row["value"] == pytest.approx(206.5, abs=0.1)
    before = len(ended)
    again = score_findings(findings, tmp_path, jobs=1, progress=lambda one: ended.append(one.done))
    assert again.equals(table)
    assert ended[before:] == [1]  # done when it began

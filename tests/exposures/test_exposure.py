"""A kind of exposure from outside: two days of exercise before time zero, its own signal, a mechanism that reads it."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
import pytest
from annotated_types import Ge, Gt
from pydantic import Field

import ketasim
from ketasim.config import Experiment
from ketasim.documents import DocumentError
from ketasim.documents.validation import Quantity
from ketasim.exposures import Exposure, TimedExposure
from ketasim.mechanisms import Mechanism
from ketasim.pipeline import CancelledError
from ketasim.recording.resume import RefusedError
from ketasim.signals import Shown, Signal
from ketasim.simulation import Simulation
from ketasim.simulation.roster import DeclarationError
from ketasim.sources import Source

DAY = 86_400.0


class Exercise(TimedExposure):
    """Exercise of some intensity."""

    kind: Literal["exercise"]
    intensity: Annotated[float, Ge(0), Quantity("1")] = Field(default=1.0)


def inputs(events, setting, begin, end):
    return {"exercise": np.array(sum(event.intensity for event in events if event.begin <= begin < event.end))}


EXERCISE = Exposure(
    "exercise", Exercise, inputs, sets=("exercise",), signals=(Signal("exercise", "1", (), "input", 0.0, "exercise"),)
)


class Parameters(NamedTuple):
    """Hormone that follows exercise."""

    time: Annotated[float, Gt(0), "h", Source("assumed", "a trial")] = 12.0


def advance(exercise, hormone, parameters, clock):
    kept = np.exp(-clock.duration / 3600.0 / parameters.time)
    hormone[...] = exercise + (hormone - exercise) * kept


HORMONE = Mechanism(
    "hormone",
    Parameters,
    advance,
    reads=("exercise",),
    writes=("hormone",),
    signals=(Signal("hormone", "1", (), "state", 0.0, "hormone", recorded=True),),
)
STRESSED = {
    "format": 1,
    "duration": "1 d",
    "network": "none",
    "doses": [{"drug": "ketamine", "route": "intravenous", "amount": "35 mg"}],
    "stimuli": [{"kind": "exercise", "start": "-2 d", "duration": "2 d", "intensity": 3}],
}


def experiment(**changes):
    return Experiment.from_mapping(STRESSED | changes, mechanisms=[HORMONE], exposures=[EXERCISE])


def test_a_run_begins_with_the_earliest_exposure():
    """Catches a run that begins at zero and misses what came before, and steps across time zero or an end."""
    simulation = Simulation(experiment())
    assert simulation.time == simulation.schedule[0] == -2.0 * DAY
    assert {0.0, DAY} <= set(simulation.schedule.tolist())
    assert Simulation(experiment(stimuli=[])).schedule[0] == 0.0


def test_a_mechanism_reads_an_exposure_of_ones_own():
    """Catches an input set too late or too long, or in place of its neutral value: against the exact course."""
    with ketasim.run(experiment()) as trajectory:
        hormone = trajectory["hormone"]
        hours = hormone["time"].values / 3600.0
        risen = 3.0 * (1.0 - np.exp(-(hours + 48.0) / 12.0))
        fallen = risen[hours == 0.0] * np.exp(-hours / 12.0)
        assert hormone.values == pytest.approx(np.where(hours <= 0.0, risen, fallen), rel=1e-12)
        assert hours[0] == -48.0 and hours[-1] == 24.0
        assert trajectory["plasma_concentration"].values[hours <= 0.0].max() == 0.0
        assert trajectory["plasma_concentration"].values[hours > 0.0].max() > 50.0
        assert (
            dict(kind="exercise", start_s=-2.0 * DAY, duration_s=2.0 * DAY, intensity=3.0).items()
            <= trajectory.events[-1].items()
        )


def test_an_input_of_ones_own_is_in_the_file():
    """Catches an input marked as recorded that the file lacks, one step late, or a column of zeros without events."""

    class Toxin(TimedExposure):
        """A level in the blood."""

        kind: Literal["toxin"]
        level: Annotated[float, Ge(0), Quantity("ng/mL")]

    def held(events, setting, begin, end):
        return {"toxin": np.array(sum(one.level for one in events if one.begin <= begin < one.end))}

    row = Signal("toxin", "ng/mL", (), "input", 0.0, "level", recorded=True, summary="peak", shown=Shown("toxin"))
    kind = Exposure("toxin", Toxin, held, sets=("toxin",), signals=(row,))
    event = {"kind": "toxin", "start": "1 h", "duration": "2 h", "level": "2 ug/L"}
    given = {"format": 1, "duration": "4 h", "network": "none"}
    with ketasim.run(Experiment.from_mapping(given | {"stimuli": [event]}, exposures=[kind])) as trajectory:
        hours = trajectory["toxin"]["time"].values / 3600.0
        assert trajectory["toxin"].values.tolist() == np.where((hours >= 1.0) & (hours < 3.0), 2.0, 0.0).tolist()
        assert ketasim.value_of(trajectory.summary, "toxin", statistic="peak") == 2.0
        assert trajectory.events[0]["level_ng_per_mL"] == pytest.approx(2.0)
        trajectory.plot()
    with ketasim.run(Experiment.from_mapping(given, exposures=[kind])) as trajectory:
        assert "toxin" not in trajectory.names()


def test_the_network_rests_before_the_exposure(small):
    """Catches a baseline that is measured before time zero while the exposure goes on, and noise of another time."""
    network = {"neurons": 40}
    schedule = {"baseline": "2 s", "settle": "50 ms", "window": "0.2 s", "step": "4 h"}
    early = Experiment.from_mapping(
        STRESSED | {"network": network, "schedule": schedule, "mechanisms": {"bdnf": "off"}},
        mechanisms=[HORMONE],
        exposures=[EXERCISE],
    )
    seen = []
    simulation = Simulation(early)
    simulation.measure_baseline(lambda time, window: seen.append(time), cached=False)
    assert seen == pytest.approx(-2.0 * DAY - 2.0 + 0.2 * np.arange(10))
    with ketasim.run(early) as trajectory:
        rows = trajectory.dataset("population")
        assert rows["time"].values[0] == -2.0 * DAY - 2.0
        assert rows["stage"].values.tolist() == ["baseline"] * 10 + ["run"] * (rows.sizes["time"] - 10)
        assert rows["firing_rate_standard_error"].values[rows["stage"] == "run"].min() > 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"kind": "exercis"},
            "stimuli.0.kind: unknown kind 'exercis'; allowed: afferents, stress, immune_challenge, expectancy, "
            "exercise; did you mean exercise?",
        ),
        ({"intensity": -1}, "stimuli.0.intensity: -1 is out of range; it must be at least 0"),
        ({"force": 1}, "stimuli.0.force: unknown key 'force'"),
        ({"start": "2 d"}, "stimuli.0.start: starts at 2 d; the run ends at"),
    ],
)
def test_wrong_entries_of_an_own_kind_are_refused(changes, message):
    """Catches an own kind whose entries are not held to its model."""
    with pytest.raises(DocumentError) as caught:
        experiment(stimuli=[STRESSED["stimuli"][0] | changes])
    assert message in str(caught.value)


def test_without_the_kind_the_file_is_refused():
    """Catches a stimulus that nobody gives, silently left out."""
    with pytest.raises(
        DocumentError,
        match=r"stimuli\.0\.kind: unknown kind 'exercise'; allowed: afferents, stress, immune_challenge, expectancy",
    ):
        Experiment.from_mapping(STRESSED)


def test_declarations_that_do_not_fit_are_refused():
    """Catches an exposure that sets a state, an unknown signal, or what another kind sets."""
    for sets, signals, message in (
        (("bdnf",), (), "'bdnf' is a state, not an input"),
        (("bolus",), (), "the input 'bolus' already belongs to dose"),
        (("exrcise",), EXERCISE.signals, "unknown signal 'exrcise'; did you mean exercise?"),
        (("exercise",), (EXERCISE.signals[0]._replace(kind="port"),), "is of kind 'port'; it must be an input"),
    ):
        wrong = Exposure("exercise", Exercise, inputs, sets=sets, signals=signals)
        given = Experiment.from_mapping(STRESSED | {"network": {"neurons": 40}}, exposures=[wrong])
        with pytest.raises(DeclarationError, match=message):
            Simulation(given)


@pytest.mark.parametrize(
    ("kind", "found", "message"),
    [
        ("exercise", None, "exercise: `inputs` must return exercise; it returned nothing"),
        ("exercise", {"exercis": np.array(1.0)}, "exercise: `inputs` must return exercise; it returned exercis"),
        ("exercise", {"exercise": np.zeros(3)}, r"exercise: 'exercise' has shape \(3,\), not \(\)"),
        ("dose", {"exercise": np.array(1.0)}, "there are two kinds of exposure named 'dose'"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(kind, found, message):
    """Catches an input left at its neutral value by a slip of the pen, one of another shape, and doses replaced."""
    wrong = Exposure(kind, Exercise, lambda *given: found, sets=("exercise",), signals=EXERCISE.signals)
    given = Experiment.from_mapping(STRESSED | {"stimuli": []}, mechanisms=[HORMONE], exposures=[wrong])
    with pytest.raises(DeclarationError, match=message):
        Simulation(given).advance("1 h")


def test_a_run_with_an_own_exposure_goes_on(tmp_path):
    """Catches a run with an own kind that can't be resumed, or goes on without it."""
    out, whole = tmp_path / "run.h5", tmp_path / "whole.h5"
    ketasim.run(experiment(), whole).close()
    stages = []

    def until(progress):
        stages.append(progress.stage)
        return stages.count("run") < 20

    with pytest.raises(CancelledError):
        ketasim.run(experiment(), out, progress=until)
    with pytest.raises(
        RefusedError, match=r"custom exposures exercise; pass the same to ketasim\.resume\(\.\.\., exposures="
    ):
        ketasim.resume(out, mechanisms=[HORMONE])
    with (
        ketasim.resume(out, mechanisms=[HORMONE], exposures=[EXERCISE]) as resumed,
        ketasim.open_trajectory(whole) as one,
    ):
        assert resumed.digest() == one.digest()


def test_an_experiment_keeps_its_exposures():
    """Catches a replaced, pickled or resumed experiment that has forgotten an own kind."""
    import pickle

    given = experiment()
    for other in (given.replace(seed=2), pickle.loads(pickle.dumps(given))):
        assert other.begin == -2.0 * DAY
        assert [one.kind for one in other.exposures] == [
            "dose",
            "afferents",
            "stress",
            "immune_challenge",
            "expectancy",
            "exercise",
        ]

"""Sweeps: what is run, kept, continued and refused; results do not depend on how they were computed."""

import logging
import sqlite3

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ketasim
from ketasim.documents import KetasimError
from ketasim.ensembles import open_sweep, resume_sweep, sweep, sweep_runs, sweep_summary
from ketasim.ensembles.local import Local
from ketasim.ensembles.store import Store, SweepError
from ketasim.ensembles.sweeps import IncompleteSweepError, check_complete
from ketasim.ensembles.worker import file_of
from ketasim.pipeline import CancelledError
from ketasim.simulation.cost import ResourceError
from tests.drugs.drug_files import OWN_DRUG
from tests.ensembles.conftest import ARMS

DOSES = {"doses.0.amount": ["0.25 mg/kg", "0.5 mg/kg"]}


@pytest.fixture(scope="module")
def two_arms(small, tmp_path_factory):
    """Sweep of the small network: two arms, two seeds, in this process; not to be changed."""
    out = tmp_path_factory.mktemp("sweep") / "arms"
    sweep(small(recording={"measures": False}), replicates=2, arms=ARMS, jobs=1, out=out)
    return out


def test_notes_on_runs_are_told_when_a_sweep_begins(small, tmp_path, caplog):
    """Catches a sweep of rats whose expectancy does nothing, of which only single runs say so; and a note per run."""
    caplog.set_level(logging.INFO, "ketasim")
    session = {"kind": "expectancy", "start": "0 s", "duration": "10 min"}
    rat = small(network="none", subject={"species": "rat"}, stimuli=[session])
    sweep(rat, replicates=2, arms=ARMS, jobs=1, out=tmp_path / "s")
    told = [one.getMessage() for one in caplog.records if one.module == "forecast"]  # not by the runs themselves
    assert told == ["'expectancy' has no effect: nothing in this run reads it"]


def test_each_run_has_what_a_single_run_has(small, two_arms):
    """Catches a run with other settings than its labels say, and rows that land in another place."""
    found = open_sweep(two_arms)
    experiment = small(recording={"measures": False})
    single = ketasim.run(ketasim.Experiment.from_given(experiment.given()).replace(seed=2))
    chosen = found.sel(arm="drug", seed=2)
    for name in ("firing_rate", "nmda_block", "plasma_concentration", "network_sampled"):
        array = single[name]
        assert np.array_equal(chosen[name].values, array[array["stage"] == "run"].values, equal_nan=True), name
        assert chosen[name].attrs["units"] == array.attrs["units"]
    runs = sweep_runs(two_arms).set_index(["arm", "seed"])
    assert runs.loc[("drug", 2), "digest"] == single.digest()
    of_run = sweep_summary(two_arms).query("arm == 'drug' and seed == 2").reset_index(drop=True)
    for column in ("quantity", "population", "at", "statistic", "unit", "meaning"):
        assert of_run[column].tolist() == single.summary[column].tolist()
    assert_allclose(of_run[["value", "error"]], single.summary[["value", "error"]], rtol=0)


def test_nothing_is_left_of_runs_whose_files_are_not_kept(two_arms):
    """Catches trajectories and checkpoints that fill a disk."""
    assert [path for path in (two_arms / "runs").rglob("*") if path.is_file()] == []


def test_files_are_kept_if_asked_for(alone, tmp_path):
    """Catches a kept file that is not where it is said to be."""
    sweep(alone(), DOSES, keep="file", jobs=1, out=tmp_path / "s")
    runs = sweep_runs(tmp_path / "s")
    with ketasim.open_trajectory(runs["file"][1]) as kept:
        assert kept.config["doses"][0]["amount"] == "0.5 mg/kg"
        assert kept.digest() == runs["digest"][1]


def test_a_sweep_of_summaries_has_no_signals(alone, tmp_path):
    """Catches signals that are kept all the same."""
    found = sweep(alone(), DOSES, keep="summary", jobs=1, out=tmp_path / "s")
    assert set(found.data_vars) == {"state"}
    peaks = sweep_summary(tmp_path / "s").query("quantity == 'plasma_concentration' and statistic == 'peak'")
    ketamine = peaks.query("population == 'ketamine'")["value"].tolist()
    assert_allclose(ketamine[1], 2.0 * ketamine[0], rtol=1e-6)


def test_processes_change_no_bit(alone, tmp_path):
    """Catches results that depend on which process computed a run, or in which order."""
    one = sweep(alone(), DOSES, replicates=2, jobs=1, out=tmp_path / "one")
    two = sweep(alone(), DOSES, replicates=2, jobs=2, out=tmp_path / "two")
    assert sweep_runs(tmp_path / "one")["digest"].tolist() == sweep_runs(tmp_path / "two")["digest"].tolist()
    assert one.drop_attrs().identical(two.drop_attrs())


def test_a_failing_run_stops_no_other(alone, tmp_path, caplog):
    """Catches a sweep that ends with its first error, and failed runs that are taken for done."""
    experiment = alone(duration="1 h", doses=[])
    design = {"list": [{"duration": "1 h"}, {"duration": "2 h"}, {"duration": "3 h"}]}

    class Fails(Local):
        def outcomes(self, tasks):
            for outcome in super().outcomes(tasks):
                wrong = outcome.number == 1
                yield outcome._replace(state="failed", error="no luck", signals={}, summary=()) if wrong else outcome

    found = sweep(experiment, design=design, engine=Fails(1), out=tmp_path / "s")
    assert found["state"].values.ravel().tolist() == ["done", "failed", "done"]
    assert "1 of 3 runs are not done, 1 of them failed" in caplog.text
    with pytest.raises(IncompleteSweepError, match="2 runs done, 1 failed, 0 missing of 3\nrun 1: no luck"):
        check_complete(tmp_path / "s")
    before = sweep_runs(tmp_path / "s")["finished"].tolist()
    resume_sweep(tmp_path / "s", jobs=1)
    check_complete(tmp_path / "s")
    after = sweep_runs(tmp_path / "s")["finished"].tolist()
    assert (before[0], before[2]) == (after[0], after[2])


def test_a_real_error_of_a_run_is_told(alone, tmp_path):
    """Doses that start after the end are valid one by one, not together: catches a run that ends without its reason."""
    design = {"grid": {"doses.0.start": ["0 h", "10 h", "0.5 h"], "duration": ["20 h", "1 h", "21 h"]}}
    sweep(alone(duration="20 h"), design=design, jobs=1, out=tmp_path / "s")
    runs = sweep_runs(tmp_path / "s")
    failed = runs[runs["state"] == "failed"]
    assert failed[["doses.0.start", "duration"]].to_numpy().tolist() == [["10 h", "1 h"]]
    assert "the run ends at" in failed["error"].iloc[0]


def test_a_cancelled_sweep_goes_on_where_it_was(alone, tmp_path):
    """Catches runs that are repeated, and a folder that stays locked or stopped."""
    seen = []

    def cancel(progress):
        seen.append(progress.done)
        return progress.done < 2

    with pytest.raises(CancelledError, match=r"ketasim\.resume_sweep"):
        sweep(alone(), DOSES, replicates=3, jobs=1, out=tmp_path / "s", progress=cancel)
    assert Store(tmp_path / "s").states().tolist().count("done") == 2
    found = resume_sweep(tmp_path / "s", jobs=1, progress=lambda progress: seen.append(progress.done))
    assert (found["state"] == "done").all()
    assert seen == [0, 1, 2, 2, 3, 4, 5, 6]
    assert found.drop_attrs().identical(sweep(alone(), DOSES, replicates=3, jobs=1, out=tmp_path / "t").drop_attrs())


def test_the_same_call_continues_and_another_is_refused(alone, tmp_path):
    """Catches results of two experiments in one folder."""
    sweep(alone(), DOSES, jobs=1, out=tmp_path / "s")
    sweep(alone(threads=2), DOSES, jobs=1, out=tmp_path / "s")
    with pytest.raises(SweepError, match=r"duration: '3600 s' there, '7200 s' here"):
        sweep(alone(duration="2 h"), DOSES, jobs=1, out=tmp_path / "s")
    with pytest.raises(SweepError, match="axes"):
        sweep(alone(), {"doses.0.amount": ["1 mg/kg", "2 mg/kg"]}, jobs=1, out=tmp_path / "s")


def test_a_folder_of_something_else_is_left_alone(alone, tmp_path):
    """Catches a database beside a user's files."""
    (tmp_path / "data.csv").write_text("1")
    with pytest.raises(SweepError, match="is no sweep"):
        sweep(alone(), DOSES, jobs=1, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


def test_code_that_changed_refuses_to_go_on(alone, tmp_path, monkeypatch):
    """Catches half a sweep of one version and half of another."""
    sweep(alone(), DOSES, jobs=1, out=tmp_path / "s")
    monkeypatch.setattr("ketasim.ensembles.sweeps.code_digest", lambda *modules: "other")
    with pytest.raises(SweepError, match="code changed since"):
        resume_sweep(tmp_path / "s", jobs=1)


def test_a_large_sweep_asks_first(alone, tmp_path):
    """Catches a slip of one zero that starts a million runs."""
    with pytest.raises(ResourceError, match=r"1,500 runs.*--yes"):
        sweep(alone(), replicates=1500, jobs=1, out=tmp_path / "s")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"parameters": {"doses.0.amount": "1 mg"}}, TypeError, "takes a list"),
        ({"engine": "lokal"}, SweepError, "did you mean local"),
        ({"engine": object()}, TypeError, "an executor has"),
        ({"keep": "all"}, ketasim.documents.DocumentError, "allowed: file, signals, summary"),
        ({"replicates": 0}, ketasim.documents.DocumentError, "at least 1"),
    ],
)
def test_wrong_calls_are_refused(alone, tmp_path, arguments, error, message):
    """Catches a wrong argument that is found out after the first run."""
    with pytest.raises(error, match=message):
        sweep(alone(), out=tmp_path / "s", **{"jobs": 1, **arguments})


def test_a_damaged_or_newer_database_is_said(alone, tmp_path):
    """Catches a traceback of sqlite."""
    sweep(alone(), DOSES, jobs=1, out=tmp_path / "s")
    with sqlite3.connect(tmp_path / "s" / "sweep.db") as file:
        file.execute("UPDATE facts SET value = 'ketasim-sweep-9' WHERE name = 'format'")
    with pytest.raises(SweepError, match="ketasim-sweep-9"):
        open_sweep(tmp_path / "s")
    (tmp_path / "s" / "sweep.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(SweepError, match="not a database"):
        open_sweep(tmp_path / "s")
    with pytest.raises(SweepError, match="there is no sweep"):
        open_sweep(tmp_path / "nowhere")


def test_arms_of_two_processors_are_marked(alone, tmp_path, caplog):
    """Catches differences of last bits that nobody can explain later."""
    sweep(alone(), arms=ARMS, replicates=2, jobs=1, out=tmp_path / "s")
    with sqlite3.connect(tmp_path / "s" / "sweep.db") as file:
        file.execute("UPDATE runs SET processor = 'other' WHERE number = 0")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        open_sweep(tmp_path / "s")
    assert "2 kinds of processor within arms (drug)" in caplog.text


def test_a_run_interrupted_in_its_middle_goes_on(small, tmp_path):
    """Catches a run of hours that begins anew because the sweep was stopped: its baseline is not measured again."""
    from ketasim.ensembles import worker
    from ketasim.ensembles.plan import Run

    task = worker.Task(small(), Run(0, {}, {}), tmp_path, "signals")
    windows = []

    def stop_at_half(progress):
        windows.append(progress.stage)
        return progress.done < 0.5

    file = file_of(tmp_path, 0)
    file.parent.mkdir(parents=True)
    with pytest.raises(KetasimError):
        ketasim.run(small(), file, progress=stop_at_half)
    outcome = worker.perform(task)
    assert outcome.state == "done"
    assert outcome.digest == ketasim.run(small()).digest()
    assert not file.exists()


def test_a_stop_lets_a_run_wait(small, tmp_path):
    """Catches a run that goes on for an hour after the sweep was stopped, or one that is called failed."""
    from ketasim.ensembles import worker
    from ketasim.ensembles.plan import Run

    (tmp_path / worker.STOP).touch()
    outcome = worker.perform(worker.Task(small(), Run(0, {}, {}), tmp_path, "signals"))
    assert (outcome.state, outcome.error) == ("waiting", "")


def test_a_swept_file_that_changed_refuses_to_go_on(alone, tmp_path, monkeypatch):
    """Catches half a sweep on one file and half on another of the same name, however its path is given."""
    from ketasim.ensembles.plan import ARM, Axis, Plan
    from ketasim.ensembles.sweeps import identity

    monkeypatch.chdir(tmp_path)  # a path may be relative
    file, own = tmp_path / "net.csv", tmp_path / "own.yaml"
    pair = Axis("place", {"network.file": (str(file),), "network.population": ("kind",)})
    plans = {
        "in a mapping": Plan((Axis("network", {"network": ({"file": str(file)},)}),), {}, "signals"),
        "a path": Plan((Axis("network.file", {"network.file": (str(file),)}),), {}, "signals"),
        "side by side": Plan((pair,), {}, "signals"),
        "drugs": Plan((Axis("drugs", {"drugs": ([], ["own.yaml"])}),), {}, "signals"),
        "drugs of an arm": Plan((Axis(ARM, {ARM: ("a", "b")}),), {"a": {}, "b": {"drugs": [str(own)]}}, "signals"),
    }
    for how, plan in plans.items():
        file.write_text("source,target\n1,2\n")
        own.write_text(OWN_DRUG, encoding="utf-8")
        before = identity(alone(), plan)
        assert identity(alone(), plan) == before
        file.write_text("source,target\n1,3\n")
        own.write_text(OTHER, encoding="utf-8")
        changed = {name for name, text in identity(alone(), plan).items() if before[name] != text}
        assert changed == {"files"}, how


def test_a_catalogue_is_known_by_all_that_it_says(alone, monkeypatch):
    """Catches drugs told apart by their rows with a source alone: a default or a share of the dose decides, too."""
    from ketasim.drugs import catalogue_digest

    catalogue = dict(alone().catalogue)
    ketamine = catalogue["ketamine"]

    def changed(item, **values):
        return type(item).model_construct(**(dict(item) | values))

    halved = {name: changed(one, dose_fraction=0.3) for name, one in ketamine.compounds.items()}
    human = changed(ketamine.species["human"], reference_weight=35.0)
    others = [
        changed(ketamine, also=("other",)),
        changed(ketamine, compounds=halved),
        changed(ketamine, species={**ketamine.species, "human": human}),
    ]
    digests = [catalogue_digest(catalogue | {"ketamine": one}) for one in (ketamine, *others)]
    assert len({*digests}) == len(digests)
    assert catalogue_digest(dict(reversed(catalogue.items()))) == digests[0]


OTHER = OWN_DRUG.replace("value: 0.8, status", "value: 0.4, status")  # half as much in the brain


@pytest.fixture
def with_own_drug(tmp_path):
    """An experiment without a network, and the file of its drug."""
    file = tmp_path / "own.yaml"
    file.write_text(OWN_DRUG, encoding="utf-8")
    dose = {"drug": "own_drug", "route": "intravenous", "amount": "1 mg/kg"}
    given = {"format": 1, "duration": "1 h", "network": "none", "subject": {"species": "rat"}, "doses": [dose]}
    return ketasim.Experiment.from_mapping(given | {"drugs": [str(file)]}), file


def test_a_file_that_changes_during_a_sweep_ends_it(with_own_drug, tmp_path):
    """Catches one table with the numbers of two versions of a drug file."""
    experiment, file = with_own_drug
    out = tmp_path / "out"

    def change(progress):
        if progress.done == 1:
            file.write_text(OTHER, encoding="utf-8")

    sweep(experiment, {"seed": [1, 2, 3]}, jobs=1, out=out, progress=change)
    runs = ketasim.sweep_runs(out)
    assert runs["state"].tolist() == ["done", "failed", "failed"]
    assert "own.yaml has changed since the sweep began" in runs["error"][1]
    file.write_text(OWN_DRUG, encoding="utf-8")
    ketasim.resume_sweep(out, jobs=1)
    peaks = open_sweep(out)["brain_concentration"].sel(compound="parent").max("time")
    assert_allclose(peaks, peaks[0], rtol=1e-12)


def test_an_experiment_is_swept_with_the_files_that_it_was_loaded_with(with_own_drug, tmp_path):
    """Catches a run and a sweep of one experiment with different numbers, and a run that claims those of a new file."""
    experiment, file = with_own_drug
    before = ketasim.run(experiment)
    file.write_text(OTHER, encoding="utf-8")
    again = ketasim.run(experiment)
    assert again.digest() == before.digest()
    assert again.provenance["config_sha256"] == before.provenance["config_sha256"]
    with pytest.raises(SweepError, match="has changed since it was loaded"):
        ketasim.sweep(experiment, {"seed": [1, 2]}, jobs=1, out=tmp_path / "out")
    file.unlink()
    assert ketasim.run(experiment).digest() == before.digest()

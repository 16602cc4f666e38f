"""Two runs side by side: the same numbers, their errors, one grid of times; what cannot be compared is refused."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import ketasim
from ketasim.analysis.compare import ComparisonError, _of_code


@pytest.fixture(scope="module")
def arms(small):
    """The small experiment with its dose, with half of it, and without."""
    drug = small(recording={})
    changes = ({}, {"doses.0.amount": "0.25 mg/kg"}, {"doses": []})
    return [ketasim.run(drug.replace(**change)) for change in changes]


def row_of(table, *key):
    chosen = table[["quantity", "population", "at", "statistic"]].eq(list(key)).all(axis=1)
    return table[chosen].iloc[0]


def test_numbers_are_those_of_the_summaries(arms):
    """Catches the wrong sign, another row's number, an error of one arm only, counts of windows taken for effects."""
    table, key = ketasim.compare(arms[0], arms[2]), ("firing_rate", "PYR", "10 min to 60 min")
    row = row_of(table, *key, "mean")
    drug, vehicle = (ketasim.value_of(arm.summary, *key, "mean") for arm in (arms[0], arms[2]))
    assert (row.drug, row.vehicle, row.difference, row.unit) == (drug, vehicle, drug - vehicle, "Hz")
    assert row.error == pytest.approx(np.hypot(*(ketasim.error_of(arm.summary, *key) for arm in (arms[0], arms[2]))))
    assert row.verdict == ("within 2 errors" if abs(row.difference) <= 2 * row.error else "beyond 2 errors")
    assert row_of(table, "firing_rate", "PYR", "baseline", "mean").verdict == "same"
    assert row_of(table, "nmda_block", "PYR", "", "peak").verdict == "no error known"
    assert row_of(table, "plasma_concentration", "ketamine", "", "peak").verdict == "only in the first"
    assert "windows_run" not in set(table.quantity)
    assert list(table.quantity.unique()) == [name for name in arms[0].summary.quantity.unique() if name in arms[0]]


@pytest.mark.parametrize(("drug", "error", "verdict"), [(1.2, 0.1, "within 2 errors"), (1.21, 0.1, "beyond 2 errors")])
def test_what_may_be_chance_is_said_to_be(drug, error, verdict):
    """Catches one error taken for two, and a side of the limit that is wrong."""
    from ketasim.analysis.compare import _verdict

    assert _verdict(drug, 1.0, error) == verdict


def test_notes_say_what_differs_and_what_the_error_is(arms, small):
    """Catches two seeds called paired, and a difference between arms that goes unsaid."""
    notes = ketasim.compare(arms[0], arms[1]).attrs["notes"]
    assert notes[0] == "the runs differ in doses"
    assert notes[1].startswith("same seed: the runs share their noise")
    with ketasim.run(small(recording={}, seed=2)) as other:
        notes = ketasim.compare(arms[0], other).attrs["notes"]
        assert notes[0] == "the runs differ in nothing that acts on the subject"
        assert notes[1].startswith("different seeds: neither graph nor noise is shared")


def test_runs_by_different_code_are_said_to_be(arms, small, monkeypatch):
    """Catches numbers that moved with the code, taken for an effect: of one version, code is told by its digest."""
    monkeypatch.setattr("ketasim.recording.provenance.code_digest", lambda *modules: "f" * 64)
    with ketasim.run(small(recording={})) as later:
        first, *_ = ketasim.compare(arms[0], later).attrs["notes"]
    made_by = rf"ketasim {re.escape(ketasim.__version__)} "
    words = rf"the runs were made by different code, {made_by}\(\w{{8}}\) and {made_by}\(f{{8}}\), .*"
    assert re.fullmatch(words, first)


@pytest.mark.parametrize(
    ("made_by", "said"),
    [
        ({"ketasim": "0.4.0"}, []),
        (
            {"ketasim": "0.3.0"},
            ["the runs were made by different code, ketasim 0.4.0 (aaaaaaaa) and ketasim 0.3.0, which"],
        ),
        ({}, ["the runs were made by different code, ketasim 0.4.0 (aaaaaaaa) and ketasim of unknown version, which"]),
    ],
)
def test_a_file_without_a_digest_of_code_counts_by_its_version(made_by, said):
    """Catches older files that stop a comparison, or are all taken for made by other code."""
    environments = ({"ketasim": "0.4.0", "code": "a" * 16}, made_by)
    files = [SimpleNamespace(provenance={"environment": json.dumps(one)} if one else {}) for one in environments]
    assert [words[: len(start)] for words, start in zip(_of_code(*files), said, strict=True)] == said


def test_courses_have_one_grid(arms):
    """Catches times of one arm that are lost, as xarray drops them, and values between rows that are not theirs."""
    drug, vehicle = arms[0], arms[2]
    found = ketasim.difference(drug, vehicle, "firing_rate", "bdnf")
    times = np.union1d(drug["bdnf"].time, vehicle["bdnf"].time)
    assert found.time.values.tolist() == times.tolist()
    assert found.firing_rate.attrs["units"] == "Hz"
    for time in times[[0, len(times) // 2, -1]]:
        expected = drug.sel(time)["firing_rate"].values - vehicle.sel(time)["firing_rate"].values
        assert found.firing_rate.sel(time=time).values == pytest.approx(expected, abs=1e-6)
    errors = [arm["firing_rate_standard_error"].sel(time=600.0).values for arm in (drug, vehicle)]
    assert found.firing_rate_standard_error.sel(time=600.0).values == pytest.approx(np.hypot(*errors))
    with pytest.raises(TypeError, match="names of signals"):
        ketasim.difference(drug, vehicle)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"duration": "10 min"}, "differ in duration, '1200 s' and '600 s'"),
        ({"network": {"neurons": 90}}, "differ in network.neurons, 80 and 90"),
        ({"network": "none"}, "differ in network.model"),
    ],
)
def test_what_cannot_be_compared_is_refused(arms, small, changes, words):
    """Catches numbers of two networks, or of two stretches, subtracted without a word."""
    with ketasim.run(small(**{"recording": {}} | changes)) as other, pytest.raises(ComparisonError, match=words):
        ketasim.compare(arms[0], other)


def test_an_unfinished_run_is_refused(arms, made_up):
    """Catches a run to the end compared with half of one."""
    with pytest.raises(ComparisonError, match="unfinished, rows up to 60 s"):
        ketasim.compare(arms[0], made_up([0.0, 60.0], {"firing_rate": [[1.0], [1.0]]}))


def test_one_circuit_from_a_file_and_built_can_be_compared(arms, small, tmp_path):
    """Catches a refusal of the same circuit by its name; other weights, graphs, seeds or cells are still refused."""
    drug = arms[0]
    path = ketasim.write_graph(drug.topology(), tmp_path / "net.h5")
    with ketasim.run(small(recording={}, network={"file": str(path)})) as again:
        table = ketasim.compare(drug, again)
        assert table.attrs["notes"][:2] == [
            "their networks are stated in two ways, but begin with the same neurons and synapses",
            "the runs differ in nothing that acts on the subject",
        ]
        assert row_of(table, "firing_rate", "PYR", "baseline", "mean").verdict == "same"
        weights = {"neurons": 80, "weights": {"nmda_PYR_SST": "0.2 nS"}}
        subunits = {"neurons": 80, "nmda_subunits": {"PV": {"GluN2A": 1.0}}}
        for changes in ({"network": weights}, {"network": subunits}, {"seed": 2}, {"network": {"neurons": 90}}):
            with (
                ketasim.run(small(**{"recording": {}} | changes)) as other,
                pytest.raises(ComparisonError, match=r"differ in network\."),
            ):
                ketasim.compare(other, again)
    plain = replace(drug.topology(), conductance_scale=None)
    with (
        ketasim.run(small(recording={}), graph=plain) as weaker,
        pytest.raises(ComparisonError, match=r"differ in network\."),
    ):
        ketasim.compare(drug, weaker)


def test_a_past_that_changed_the_graph_can_be_compared(small):
    """Catches runs that began with one graph and are called different, for what stress has done to it by time zero."""
    stress = {"kind": "stress", "start": "-1 d", "duration": "1 d", "intensity": 5.0}
    none = stress | {"intensity": 0.0}
    runs = [ketasim.run(small(recording={}, duration="10 min", stimuli=[one])) for one in (stress, none)]
    assert runs[0].topology().sha256 != runs[1].topology().sha256
    assert ketasim.compare(*runs).attrs["notes"][0] == "the runs differ in stimuli"


def test_files_without_factors_on_conductances_are_compared(arms, monkeypatch):
    """Catches a run of 0.2.0, whose file does not state them, that is taken for one of another graph."""
    from ketasim.storage import Trajectory

    older, read = arms[1], Trajectory.topology
    monkeypatch.setattr(
        Trajectory,
        "topology",
        lambda arm, *time: replace(read(arm, *time), **({"conductance_scale": None} if arm is older else {})),
    )
    assert ketasim.compare(arms[0], older).attrs["notes"][0] == "the runs differ in doses"

"""`ketasim sweep` and `ketasim compare` of a folder: results, exit codes, one screen for what is wrong."""

import json

import pytest

SWEEP = """format: 1
duration: 1 h
network: none
doses: [{drug: ketamine, route: iv, amount: 0.5 mg/kg, duration: 40 min}]
arms:
  full: {}
  half: {doses.0.amount: 0.25 mg/kg}
sweep: {replicates: 2}
"""


@pytest.fixture
def file(folder):
    """The sweep above as ``sweep.yaml``."""
    (folder / "sweep.yaml").write_text(SWEEP)
    return "sweep.yaml"


def test_a_sweep_leaves_tables_and_says_where(call, folder, file):
    """Catches results that only Python can read, and anything else on standard output."""
    done = call("sweep", file, "--jobs", 1, "-o", "out")
    assert done.exit_code == 0, done.output
    assert "4 runs done" in done.stdout
    assert "not medical advice" in done.stdout
    assert (folder / "out" / "runs.csv").read_text().startswith("run,arm,seed,state,")
    assert (folder / "out" / "summary.csv").read_text().count("\n") > 20
    listed = json.loads(call("sweep", "--resume", "out", "--json").stdout)
    assert [one["state"] for one in listed] == ["done"] * 4


def test_check_runs_nothing_and_finds_a_wrong_arm(call, folder, file):
    """Catches a check that leaves a folder behind, and one that looks at the experiment alone."""
    done = call("sweep", file, "--check", "-o", "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("4 runs, about ")
    assert not (folder / "out").exists()
    (folder / file).write_text(SWEEP.replace("0.25 mg/kg", "0.25 mL"))
    wrong = call("sweep", file, "--check")
    assert wrong.exit_code == 2
    assert "sweep.yaml:7:" in wrong.output


def test_columns_of_two_arms_bear_their_names(call, file):
    """Catches arms that are no drug and vehicle under such heads; JSON keeps the names that scripts read."""
    call("sweep", file, "--jobs", 1, "-o", "out")
    assert {"FULL", "HALF"} <= set(call("compare", "out", "full", "half").stdout.split("\n")[0].split())
    assert {"drug", "vehicle"} <= json.loads(call("compare", "out", "full", "half", "--json").stdout)[0].keys()


def test_a_folder_is_no_trajectory(call, file):
    """Catches commands of one run that say of a sweep's folder no more than that HDF5 cannot read it."""
    call("sweep", file, "--jobs", 1, "-o", "out")
    for arguments in (
        ["plot", "out"],
        ["cite", "out"],
        ["export", "out", "-o", "a.csv"],
        ["inspect", "out", "--verify"],
    ):
        done = call(*arguments)
        assert done.exit_code == 2, done.output
        assert "sweep" in done.output
        assert "Traceback" not in done.output


def test_arms_without_a_common_number_are_said(call, folder):
    """Catches a table of blanks without a word: a vehicle in a subject without a network."""
    (folder / "sweep.yaml").write_text(SWEEP.replace("doses.0.amount: 0.25 mg/kg", "doses.0.drug: saline"))
    call("sweep", "sweep.yaml", "--jobs", 1, "-o", "out")
    assert "the arms have no number in common" in call("compare", "out", "full", "half").stderr


def test_lists_on_the_command_line_are_varied(call, folder):
    """Catches a unit that only the last value has."""
    changes = ["human_infusion", "network=none", "recording={}", "duration=1 h"]
    done = call("sweep", *changes, "doses.0.amount=0.1,0.5 mg/kg", "--replicates", 2, "--jobs", 1, "--keep", "summary")
    assert done.exit_code == 0, done.output
    text = (folder / "sweeps" / "human_infusion" / "runs.csv").read_text()
    assert text.count("0.1 mg/kg") == text.count("0.5 mg/kg") == 2


def test_arms_are_compared(call, file, folder):
    """Catches differences of the wrong sign."""
    call("sweep", file, "--jobs", 1, "-o", "out")
    done = call("compare", "out", "full", "half", "--json", "-o", "arms.png", "--signals", "plasma_concentration")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    peak = next(row for row in rows if row["statistic"] == "peak" and row["quantity"] == "plasma_concentration")
    assert 1.99 < peak["drug"] / peak["vehicle"] < 2.01
    assert peak["difference"] > 0.0
    assert (folder / "arms.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep"], "name an experiment file"),
        (["sweep", "--resume", "nowhere"], "there is no sweep"),
        (["sweep", "sweep.yaml", "doses.0.amont=1,2 mg"], "did you mean amount"),
        (["sweep", "sweep.yaml", "subject.weight=60,80 mL"], "subject.weight"),
        (["sweep", "sweep.yaml", "subject.weight=60,80 kg", "duration=1,2,3 h", "--zip"], "the same length"),
        (["sweep", "quick", "--zip"], "there are none"),
        (["sweep", "sweep.yaml", "--engine", "slrum"], "did you mean slurm"),
        (["sweep", "sweep.yaml", "--jobs", "0"], "at least 1"),
        (["sweep", "sweep.yaml", "--replicates", "5000"], "--yes"),
        (["sweep", "sweep.yaml", "--keep", "all"], "allowed: file, signals, summary"),
        (["run", "sweep.yaml"], "`ketasim sweep`"),
        (["compare", "."], "there is no sweep"),
    ],
)
def test_wrong_calls_get_one_screen_and_exit_code_2(call, file, arguments, message, folder):
    """Catches a wrong specification that starts, or that ends in a traceback."""
    done = call(*arguments)
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert "Traceback" not in done.output
    assert len(done.output.splitlines()) < 30
    assert not (folder / "sweeps").exists()


def test_a_failed_run_ends_with_3_and_the_command_that_continues(call, folder):
    """Catches a script that goes on with half of its runs."""
    (folder / "some.yaml").write_text(
        "format: 1\nduration: 20 h\nnetwork: none\n"
        "doses: [{drug: ketamine, route: iv, amount: 0.5 mg/kg}]\n"
        "sweep: {grid: {doses.0.start: [0 h, 10 h, 0.5 h], duration: [20 h, 1 h, 21 h]}}\n"
    )
    done = call("sweep", "some.yaml", "--jobs", 1, "-o", "out")
    assert done.exit_code == 3
    assert "8 runs done, 1 failed, 0 missing of 9" in done.output
    assert "ketasim sweep --resume out" in done.output

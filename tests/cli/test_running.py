"""run, check and warmup: exit codes, what goes where, and numbers that agree with the file."""

import json
import re
import signal

import networkx
import pytest

import ketasim
from ketasim.analysis import error_of, value_of
from ketasim.cli.progress import ProgressBar
from ketasim.storage.checkpoint import checkpoint_path, read_checkpoint, write_checkpoint


def test_run_writes_to_runs_and_says_what_it_found(call, folder):
    """Catches closing words with other numbers than /summary, a file elsewhere, and noise on standard output."""
    result = call("run", "small.yaml")
    assert result.exit_code == 0
    with ketasim.open_trajectory(folder / "runs" / "small.h5") as trajectory:
        summary = trajectory.summary
    lines = result.stdout.splitlines()

    def value(quantity, population, statistic, at="", column="value"):
        return (value_of if column == "value" else error_of)(summary, quantity, population, at, statistic)

    plasma, brain = (value(f"{place}_concentration", "ketamine", "peak") for place in ("plasma", "brain"))
    at = value("plasma_concentration", "ketamine", "time_of_peak") / 60
    assert lines[0] == f"plasma ketamine  peak {plasma:.0f} ng/mL at {at:.0f} min, unbound in brain {brain:.3f} uM"
    for line, name in zip(lines[1:4], ("PYR", "PV", "SST"), strict=True):
        wanted = []
        for at in ("baseline", "10 min to 60 min"):
            wanted += [f"{value('firing_rate', name, 'mean', at, column):.3f}" for column in ("value", "error")]
        wanted.append(f"{100 * value('nmda_block', name, 'peak'):.1f}")
        without_times = line.replace("10 to 60 min", "")
        assert re.findall(r"\d+\.\d+", without_times) == wanted
        assert line.startswith(name)
    key = ("glutamate_perisynaptic", "PYR", "mean", "10 min to 60 min")
    assert f"{100 * value(*key):.1f} +- {100 * value(*key, 'error'):.1f} % of baseline" in lines[4]
    assert lines[-1] == "A research and teaching model; not medical advice."
    assert f"BDNF {100 * (value('bdnf', 'PYR', 'peak') - 1):+.1f} % at" in lines[6]
    assert value("p70s6k", "PYR", "peak") == 1.0 and lines[6].endswith("p70S6K none")  # yet, after 20 min
    assert not any("spine" in line for line in lines)  # 20 min are too short
    assert "half-times of block" in result.stderr


def test_words_on_spines_are_those_of_the_summary(call, folder):
    """Catches densities at other times, or a per cent of something else."""
    result = call("run", "small.yaml", "duration=25 h", "schedule.step=6 h", "recording={}", "-o", "day.h5")
    density = value_of(ketasim.open_trajectory(folder / "day.h5").summary, "spine_density", "PYR", "24 h")
    assert f"spine density on PYR  {100 * (density - 1):+.2f} % at 24 h\n" in result.stdout


def test_quiet_says_nothing(call, folder):
    """Catches remarks that a script would have to filter out."""
    result = call("run", "small.yaml", "--quiet", "-o", "out.h5", "seed=3", "network=none", "recording={}")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert ketasim.open_trajectory(folder / "out.h5").config["seed"] == 3


def test_a_folder_is_not_taken_for_a_file(call, folder):
    """Catches `-o new/` that makes a file of this name."""
    result = call("run", "small.yaml", "-o", "new/")
    assert (result.exit_code, result.stderr) == (2, "new/: a folder; name a file in it\n")
    assert [path.name for path in folder.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize("existing", ["out.h5", "out.h5.part", "out.h5.checkpoint"])
def test_run_refuses_a_file_that_exists(call, folder, existing):
    """Catches a day's work that is overwritten by a second call, and one that could go on without a word of how."""
    (folder / existing).write_text("precious")
    result = call("run", "small.yaml", "-o", "out.h5", "--force")
    assert result.exit_code == 2
    assert f"{existing}: exists and is not " in result.stderr
    assert (folder / existing).read_text() == "precious"
    (folder / existing).write_bytes(bytes(100) if existing != "out.h5" else b"")  # what a power cut leaves
    result = call("run", "small.yaml", "-o", "out.h5")
    assert result.exit_code == 2
    assert existing in result.stderr
    assert ("continue it with: ketasim resume out.h5\n" in result.stderr) == (existing != "out.h5")
    assert "--force" in result.stderr
    assert result.stdout == ""
    assert call("run", "small.yaml", "network=none", "recording={}", "-o", "out.h5", "--force").exit_code == 0
    assert ketasim.open_trajectory(folder / "out.h5").complete
    assert sorted(path.name for path in folder.iterdir()) == ["out.h5", "small.yaml"]


def test_a_forced_run_that_fails_keeps_the_old_file(call, folder):
    """Catches a finished run that is deleted before its replacement exists."""
    assert call("run", "small.yaml", "network=none", "recording={}", "-o", "out.h5").exit_code == 0
    weak = "mechanisms.glutamate={vmax: 0.001 uM/s, ambient: 2 mM, vesicular_share: 1}"
    busy = "stimuli=[{kind: afferents, population: PYR, start: 0 s, duration: 20 min, rate: 200 Hz}]"
    result = call("run", "small.yaml", weak, busy, "mechanisms.extrasynaptic_nmda=off", "-o", "out.h5", "--force")
    assert result.exit_code == 1
    assert "exceeds the uptake capacity" in result.stderr
    assert len(result.stderr.splitlines()) < 10
    assert ketasim.open_trajectory(folder / "out.h5").complete
    assert (folder / "out.h5.part").exists()


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_wrong_file_is_shown_on_one_screen(call, folder, command):
    """Catches a traceback in place of file, line, column and remedy, and errors on standard output."""
    (folder / "wrong.yaml").write_text(
        "format: 1\nduration: 24 h\ndoses:\n  - {drug: ketamin, route: oral, amount: 1 mg}\n"
    )
    result = call(command, "wrong.yaml")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "wrong.yaml:4:12: doses.0.drug: unknown drug 'ketamin'" in result.stderr
    assert "did you mean ketamine?" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) <= 4


def test_an_unknown_example_names_those_there_are(call):
    """Catches a bare 'no such file'."""
    result = call("run", "quik")
    assert result.exit_code == 2
    assert "there is no file 'quik'" in result.stderr
    assert "human_infusion, infusion_in_a_trial, quick" in result.stderr
    assert "did you mean quick?" in result.stderr


def test_a_graph_without_populations_is_refused_with_a_remedy(call, folder):
    """Catches exit code 1, or a KeyError, for a network file that is wrong."""
    networkx.write_graphml(networkx.DiGraph([("a", "b")]), folder / "net.graphml")
    result = call("check", "small.yaml", "network={file: net.graphml}")
    assert result.exit_code == 2
    assert "population" in result.stderr
    assert "net.graphml" in result.stderr
    assert "Traceback" not in result.stderr


def test_check_prints_the_estimate_and_runs_nothing(call, folder):
    """Catches a check that leaves files behind, and JSON that is mixed with remarks."""
    result = call("check", "small.yaml", "--json")
    assert result.exit_code == 0
    rows = {row["quantity"]: row for row in json.loads(result.stdout)}
    assert rows["slow steps"]["value"] == 4
    assert rows["synapses"]["unit"] == "1"
    assert {"windows, at most", "network time, about", "memory", "file", "wall time"} <= set(rows)
    assert [path.name for path in folder.iterdir()] == ["small.yaml"]
    plain = call("check", "small.yaml")
    assert plain.stdout.splitlines()[0].split() == ["QUANTITY", "VALUE", "UNIT"]


def test_check_says_what_becomes_of_what_is_left_out(call):
    """Catches the promise of human_infusion.yaml's first comment unkept, and what was given shown as a default."""
    result = call("check", "human_infusion", "network=none", "recording={}", "--json")
    rows = {row["quantity"]: (row["value"], row["unit"]) for row in json.loads(result.stdout)}
    assert rows["by default: schedule.memory"] == ("2", "s")
    assert rows["by default: subject.genotype.bdnf"] == ("Val/Val", "")
    mechanisms = rows["by default: mechanisms"][0]
    assert re.match(r"\d+ on, with the parameters of `ketasim mechanisms NAME`; ", mechanisms)
    assert mechanisms.endswith("; off: allosteric_site, cortical_afferents, tolerance, liability")
    assert not {"by default: schedule.window", "by default: subject.weight"} & set(rows)


def test_check_remarks_on_a_slip_of_unit(call, caplog):
    """Catches a bolus of 100 g in a human that passes check without a word; the remark is no refusal."""
    result = call("check", "human_infusion", "network=none", "recording={}", "doses.0.amount=100 g")
    assert result.exit_code == 0
    assert (caplog.text + result.stderr).count("100000 mg of ketamine in a human of 70 kg") == 1


def test_check_says_what_was_filled_in(call, folder):
    """Catches defaults of a network file that nobody hears of."""
    graph = networkx.DiGraph([("a", "b")])
    networkx.set_node_attributes(graph, "PYR", "population")
    networkx.write_graphml(graph, folder / "net.graphml")
    result = call("check", "small.yaml", "network={file: net.graphml}")
    assert result.exit_code == 0
    assert "delay: 1 ms for 1 of 1 edges without one" in result.stderr
    assert "delay" not in result.stdout


def test_run_says_what_a_network_was_taken_for(call, folder, caplog):
    """Catches notes on a network file that only `check` prints, notes among the results, and notes despite --quiet."""
    graph = networkx.DiGraph([("a", "b")])
    networkx.set_node_attributes(graph, "PYR", "cell_type")
    networkx.write_graphml(graph, folder / "net.graphml")
    result = call("run", "small.yaml", "network={file: net.graphml}", "-o", "net.h5")
    assert result.exit_code == 0
    assert "nodes: took cell_type for population" in caplog.text
    assert "took" not in result.stdout
    caplog.clear()
    call("run", "small.yaml", "network={file: net.graphml}", "-o", "two.h5", "-q")
    assert "took" not in caplog.text


def test_warmup_compiles_and_leaves_no_file(call, folder):
    """Catches a warm-up that is refused by its own checks, or writes into the current folder."""
    result = call("warmup")
    assert result.exit_code == 0
    assert "compiled" in result.stderr
    assert result.stdout == ""
    assert [path.name for path in folder.iterdir()] == ["small.yaml"]


def test_a_baseline_of_a_single_window_is_refused(call):
    """Catches a summary and a picture without rates, because one window has no standard error."""
    result = call("run", "small.yaml", "schedule.baseline=0.25 s", "duration=11 min")
    assert result.exit_code == 2
    assert "is shorter than two windows" in result.stderr


@pytest.fixture
def pressed(monkeypatch):
    """Send a signal to this process when a run reports a stage for the n-th time, once."""

    def press(number, stage="run", count=1):
        seen, before = [], ProgressBar.__call__

        def report(self, progress):
            seen.append(progress.stage)
            before(self, progress)
            if progress.stage == stage and seen.count(stage) == count:
                signal.raise_signal(number)

        monkeypatch.setattr(ProgressBar, "__call__", report)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where tests are started with it ignored
    yield press
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "stage"), [(signal.SIGINT, "run"), (signal.SIGTERM, "baseline")])
def test_an_interrupted_run_says_how_to_continue(call, folder, pressed, caplog, number, stage):
    """Catches exit code 0 or a traceback for Ctrl-C and SIGTERM, words that lead nowhere, and other bits afterwards."""
    pressed(number, stage)
    result = call("run", "small.yaml", "-o", "my run.h5")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "\ninterrupted; continue with: ketasim resume 'my run.h5'\n" in f"\n{result.stderr}"
    assert sorted(path.name for path in folder.iterdir()) == ["my run.h5.checkpoint", "my run.h5.part", "small.yaml"]
    refused = call("run", "small.yaml", "-o", "my run.h5")
    assert refused.exit_code == 2
    assert "continue it with: ketasim resume 'my run.h5'" in refused.stderr
    done = call("resume", "my run.h5.part")  # as completed by a shell
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].startswith("plasma ketamine  peak ")
    whole = ketasim.run(ketasim.load_experiment("small.yaml"))
    assert call("inspect", "my run.h5", "--digest").stdout == whole.digest() + "\n"
    assert call("inspect", "my run.h5", "--verify").stdout == "intact\n"
    caplog.clear()
    assert call("resume", "my run.h5").exit_code == 0
    assert "my run.h5 is complete; there is nothing to resume" in caplog.text


def test_resume_refuses_what_differs(call, folder, pressed):
    """Catches a run that goes on with another version without a word, or whose file does not say that it was forced."""
    pressed(signal.SIGINT)
    assert call("run", "small.yaml", "network=none", "recording={}", "-o", "out.h5").exit_code == 130
    header, arrays = read_checkpoint(folder / "out.h5")
    changed = header | {"identity": header["identity"] | {"ketasim": "0.0.1", "numpy": "1.0"}}
    write_checkpoint(folder / "out.h5", changed, arrays)
    result = call("resume", "out.h5")
    assert result.exit_code == 2
    for words in ("ketasim was 0.0.1, is ", "numpy was 1.0, is ", "--force"):
        assert words in result.stderr
    assert len(result.stderr.splitlines()) <= 6
    assert call("resume", "out.h5", "--force", "--threads", "2", "--quiet").exit_code == 0
    assert "numpy was 1.0, is " in ketasim.open_trajectory(folder / "out.h5").provenance["forced_resume"]


def test_resume_of_nothing(call, folder):
    """Catches a traceback, a new file or a folder for a name that is mistyped."""
    for name in ("out.h5", "no/such/out.h5"):
        result = call("resume", name)
        assert result.exit_code == 2
        assert "no such file, and no interrupted run" in result.stderr
    assert [path.name for path in folder.iterdir()] == ["small.yaml"]


def test_a_run_that_fails_says_that_it_can_go_on(call, folder, monkeypatch):
    """Catches a full disk after which nobody hears that the work is not lost; and a damaged checkpoint's way out."""
    from ketasim.storage import StorageError

    original = ketasim.Simulation.step

    def step(self, until=None):
        if self.time >= 600.0:
            raise StorageError("out.h5.part: cannot be written: No space left on device")
        original(self, until)

    with monkeypatch.context() as patch:
        patch.setattr(ketasim.Simulation, "step", step)
        result = call("run", "small.yaml", "network=none", "recording={}", "-o", "out.h5")
    assert result.exit_code == 1
    assert "once the cause is resolved, continue with: ketasim resume out.h5" in result.stderr
    assert call("resume", "out.h5").exit_code == 0
    assert not checkpoint_path(folder / "out.h5").exists()


def test_a_run_answers_in_json(call, folder):
    """Catches words among the numbers, and numbers that are not those of the file."""
    result = call("run", "small.yaml", "network=none", "recording={}", "-o", "a.h5", "--json")
    assert json.loads(result.stdout) == json.loads(call("inspect", "a.h5", "--json").stdout)
    assert json.loads(call("resume", "a.h5", "--json").stdout) == json.loads(result.stdout)

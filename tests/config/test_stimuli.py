"""Stimuli in an experiment file: what they may be, whom they reach, and where a window must fit between them."""

import pytest

from ketasim.config import Afferents, Experiment
from ketasim.documents import DocumentError, parse_document
from ketasim.exposures import AFFERENTS

TEXT = """\
format: 1
duration: 10 min
network: {neurons: 100}
schedule: {settle: 0.3 s, window: 1 s}
stimuli:
  - {kind: afferents, population: PYR, start: 60 s, duration: 2 s, rate: 100 Hz}
"""
CIRCUIT = """\
format: 1
cells:
  cell: {status: assumed, source: me, transmitter: glutamate, capacitance: 1 pF, leak: 1 nS, rest: -70 mV,
    threshold: -50 mV, reset: -60 mV, refractory: 1 ms, nmda_2a: 1, afferent_rate: 500 Hz, afferent_ampa: 1 nS}
populations: {A: {cell: cell, neurons: 2}}
"""


def read(text):
    return Experiment.from_document(parse_document(text, "trial.yaml"))


def complaint(text):
    with pytest.raises(DocumentError) as caught:
        read(text)
    return str(caught.value)


def with_stimuli(*stimuli):
    lines = "".join(f"  - {{kind: afferents, {stimulus}}}\n" for stimulus in stimuli)
    return TEXT[: TEXT.index("  - {kind")] + lines


def test_a_stimulus_is_read_and_written_back():
    """Catches a unit that is lost, and a resolved experiment that is another one."""
    experiment = read(TEXT)
    assert experiment.stimuli == (
        Afferents(kind="afferents", population="PYR", start="60 s", duration="2 s", rate="100 Hz"),
    )
    stimulus = experiment.stimuli[0]
    assert (stimulus.begin, stimulus.end, stimulus.rate) == (60.0, 62.0, 100.0)
    assert Experiment.from_mapping(experiment.resolved()) == experiment
    assert read(TEXT.replace("100 Hz", "0.1 kHz")) == experiment


def test_stimuli_are_part_of_what_decides_the_results():
    """Catches two runs that differ in a stimulus and share a digest."""
    assert read(TEXT).sha256 != read(TEXT.replace("100 Hz", "101 Hz")).sha256


def test_edges_are_whole_fast_steps():
    """Catches 0.1 + 0.2 that ends after 0.3 begins, which would leave a step of no length."""
    text = with_stimuli(
        "population: PYR, start: 0.1 min, duration: 0.2 min, rate: 1 Hz",
        "population: PYR, start: 0.3 min, duration: 1 min, rate: 2 Hz",
    )
    first, second = read(text).stimuli
    assert first.end == second.begin == 18.0
    early = Afferents(kind="afferents", population="PYR", start="0.1 s", duration="0.2 s", rate="1 Hz")
    assert early.end == 0.3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "kind: afferents",
            "kind: exercise",
            "trial.yaml:6:12: stimuli.0.kind: unknown kind 'exercise'; allowed: afferents, stress, "
            "immune_challenge, expectancy",
        ),
        ("PYR", "PY", "trial.yaml:6:35: stimuli.0.population: unknown population 'PY'; allowed: PYR, PV, SST; did"),
        ("100 Hz", "100", "stimuli.0.rate: "),
        ("rate: 100 Hz", "intensity: 1", "stimuli.0.intensity: unknown key 'intensity'"),
        ("start: 60 s", "start: -1 s", "stimuli.0: no window fits between -1 s and 0 s"),
        (
            "kind: afferents, ",
            "",
            "trial.yaml:6:5: stimuli.0: the key 'kind' is missing; allowed: afferents, stress, "
            "immune_challenge, expectancy",
        ),
        (
            "kind: afferents",
            "kind: 3",
            "trial.yaml:6:12: stimuli.0.kind: unknown kind 3; allowed: afferents, stress, immune_challenge, expectancy",
        ),
        ("duration: 2 s", "duration: 0 s", "stimuli.0.duration: '0 s' is out of range; it must be at least 0.0001 s"),
        ("start: 60 s", "start: 10 min", "stimuli.0.start: starts at 10 min; the run ends at 10 min"),
        ("100 Hz", "-1300 Hz", "negative: it is 1200 Hz, and stimuli add -1300 Hz"),
        ("duration: 2 s", "duration: 1 s", "stimuli.0: no window fits between 1 min and 61 s, where stimuli or doses"),
        ("start: 60 s", "start: 1 s", "stimuli.0: no window fits between 0 s and 1 s"),
        ("{neurons: 100}", "none", "stimuli: there is no network to stimulate (network: none)"),
    ],
)
def test_what_cannot_be_given_is_refused(old, new, message):
    """Catches a stimulus that would be ignored, that no window would see, or whose place is not told."""
    assert TEXT.count(old) == 1
    text = complaint(TEXT.replace(old, new))
    assert message in text, text


def test_a_run_begins_at_zero_or_with_the_earliest_stimulus():
    """Catches a history that is cut off, a start that is not a whole fast step, and a run that begins after zero."""
    assert read(TEXT).begin == 0.0
    text = (
        TEXT.replace("start: 60 s", "start: -2 d")
        + with_stimuli("population: PV, start: -3.00001 d, duration: 1 min, rate: 1 Hz").splitlines()[-1]
    )
    assert read(text).begin == -259_200.864
    exposures = read(text).exposures
    assert [kind.kind for kind in exposures] == ["dose", "afferents", "stress", "immune_challenge", "expectancy"]
    assert [one.population for one in exposures[AFFERENTS]] == ["PYR", "PV"]


def test_an_entry_that_is_no_mapping_is_refused():
    """Catches a bare error from inside for a list that holds a word."""
    assert "stimuli.0: expected a mapping such as {kind: afferents, ...}, got 'afferents'" in complaint(
        TEXT[: TEXT.index("  - {kind")] + "  - afferents\n"
    )


def test_stimuli_that_add_up():
    """Catches negative rates summed over stimuli that do not overlap, or not summed where they do."""
    minus = "population: PYR, start: {} s, duration: 20 s, rate: -700 Hz"
    assert len(read(with_stimuli(minus.format(60), minus.format(80))).stimuli) == 2
    assert "stimuli add -1400 Hz" in complaint(with_stimuli(minus.format(60), minus.format(70)))
    plus = "population: PYR, start: 65 s, duration: 10 s, rate: 300 Hz"
    assert "stimuli add -1400 Hz" in complaint(with_stimuli(minus.format(60), minus.format(61.5), plus))
    assert read(with_stimuli(minus.format(60), minus.format(70).replace("PYR", "PV"))).stimuli


def test_a_dose_and_a_stimulus_need_a_window_between_them():
    """Catches a stimulus that starts inside the window at the end of an infusion."""
    dose = "doses: [{drug: ketamine, route: intravenous, amount: 1 mg, duration: 59.5 s}]\n"
    assert "stimuli.0: no window fits between 59.5 s and 1 min" in complaint(TEXT + dose)
    assert read(TEXT + dose.replace("59.5", "58.7")).stimuli


def test_populations_of_a_circuit_file(tmp_path, monkeypatch):
    """Catches a circuit whose populations, or whose background rates, are not those that a stimulus is held to."""
    (tmp_path / "net.yaml").write_text(CIRCUIT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    text = TEXT.replace("{neurons: 100}", "{file: net.yaml}")
    assert "unknown population 'PYR'; allowed: A" in complaint(text)
    assert read(text.replace("PYR", "A")).circuit.sizes == {"A": 2}
    assert "negative: it is 500 Hz" in complaint(text.replace("PYR", "A").replace("100 Hz", "-501 Hz"))
    assert "there is no file" in complaint(text.replace("net.yaml", "other.yaml"))


def test_mistakes_of_the_circuit_file_are_told_when_the_experiment_is_read(tmp_path, monkeypatch):
    """Catches a wrong circuit that is found only when the run is built."""
    (tmp_path / "net.yaml").write_text(CIRCUIT.replace("neurons: 2", "neurons: two"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    message = complaint("format: 1\nduration: 1 h\nnetwork: {file: net.yaml}\n")
    assert "net.yaml:5:40: populations.A.neurons: expected a whole number, got 'two'" in message


def test_scale_is_for_circuit_files(tmp_path, monkeypatch):
    """Catches a scale that is accepted and does nothing, or does not reach the digest."""
    (tmp_path / "net.yaml").write_text(CIRCUIT, encoding="utf-8")
    (tmp_path / "net.csv").write_text("source,target\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    text = "format: 1\nduration: 1 h\nnetwork: {file: net.yaml, scale: 3}\n"
    assert read(text).circuit.sizes == {"A": 6}
    assert read(text).sha256 != read(text.replace("scale: 3", "scale: 2")).sha256
    assert "network.scale: only a circuit file" in complaint(text.replace("net.yaml", "net.csv"))
    (tmp_path / "same.yaml").write_text(CIRCUIT, encoding="utf-8")
    assert read(text).sha256 == read(text.replace("net.yaml", "same.yaml")).sha256
    (tmp_path / "same.yaml").write_text(CIRCUIT.replace("neurons: 2", "neurons: 3"), encoding="utf-8")
    assert read(text).sha256 != read(text.replace("net.yaml", "same.yaml")).sha256

# ruff: noqa: E501 - tables of messages
"""Every way an experiment file can be wrong: the place and the words of each."""

import pytest

from ketasim.config import Experiment, load_experiment
from ketasim.documents import DocumentError

TIME = "expected a time (s, min, h, d)"

WRONG_FILES = {
    "unknown key": ("weight:", "wieght:", (4, 27), "subject.wieght", "unknown key 'wieght'; allowed: species, weight, phenotype, genotype; did you mean weight?"),
    "misspelt drug": ("ketamine", "ketamin", (6, 12), "doses.0.drug", "unknown drug 'ketamin'; allowed: ketamine, saline; did you mean ketamine?"),
    "wrong kind of unit": ("24 h", "24 mg", (3, 11), "duration", f"'24 mg' is a mass; {TIME}"),
    "missing unit": ("24 h", "24", (3, 11), "duration", f"24 has no unit; {TIME}"),
    "negative dose": ("0.5 mg/kg", "-0.5 mg/kg", (6, 50), "doses.0.amount", "'-0.5 mg/kg' is negative; an amount must be at least 0"),
    "end before start": ("from: 0 h", "from: 50 min", (11, 56), "recording.spikes.1", "`from` 50 min is after `to` 40 min"),
    "number as text": ("300", '"300"', (7, 20), "network.neurons", "expected a whole number, got '300'; remove the quotation marks"),
    "duplicate key": ("duration: 24 h\n", "duration: 24 h\nduration: 3 h\n", (4, 1), "duration", "duplicate key 'duration' (first defined on line 3)"),
    "tab": ("subject:", "\tsubject:", (4, 1), "", "tab character; YAML is indented with spaces"),
}  # fmt: skip

MORE = {
    "key of a later issue": ("subject:", "arms: []\nsubject:", (4, 1), "arms", "unknown key 'arms'; allowed: format, name, seed, duration, subject, doses, stimuli, network, schedule, drugs, mechanisms, recording, threads"),
    "no format": ("format: 1\n", "", (1, 1), "format", "the key 'format' is missing (version of the file format, 1)"),
    "later format": ("format: 1", "format: 2", (1, 9), "format", "unsupported format 2; this version of ketasim reads format 1"),
    "format true": ("format: 1", "format: true", (1, 9), "format", "unsupported format true; this version of ketasim reads format 1"),
    "name with a separator": ("trial", "../x", (2, 7), "name", "invalid name '../x'; use letters, digits, '_', '-', '+', '.' and spaces, up to 100"),
    "seed too large": ("name: trial", f"seed: {2**63}", (2, 7), "seed", "9223372036854775808 is out of range; it must be at most 9223372036854775807"),
    "broken seed": ("name: trial", "seed: 1.5", (2, 7), "seed", "expected a whole number, got 1.5"),
    "no time": ("24 h", "0 h", (3, 11), "duration", "'0 h' is out of range; it must be more than 0 s"),
    "species": ("species: human", "species: muose", (4, 20), "subject.species", "unknown value 'muose'; allowed: human, rat, mouse; did you mean mouse?"),
    "species without data": ("species: human", "species: mouse", (6, 12), "doses.0.drug", "ketamine has no data for the mouse; species with data: human, rat"),
    "genotype of a rat": ("species: human", "genotype: {cyp2b6: '*1/*6'}, species: rat", (4, 21), "subject.genotype", "a human variant; the rat has none"),
    "no such allele": ("species: human", "genotype: {bdnf: Val/Mett}", (4, 28), "subject.genotype.bdnf", "unknown value 'Val/Mett'; allowed: Val/Val, Val/Met, Met/Met; did you mean Val/Met?"),
    "bdnf of a rat": ("species: human", "genotype: {bdnf: Met/Met}, species: rat", (4, 21), "subject.genotype", "a human variant; the rat has none"),
    "decimal comma": ("start: 0 h", "start: '0,5 h'", (6, 68), "doses.0.start", "'0,5 h' has a comma in its number; write a decimal point, as in 0.5, and no separator of thousands"),
    "amount and rate": ("start: 0 h", "rate: 1 mg/kg/h", (6, 61), "doses.0.rate", "give an amount or a rate, not both: 0.5 mg/kg and 1 mg/kg/h"),
    "rate of a bolus": ("amount: 0.5 mg/kg, start: 0 h, duration: 40 min", "rate: 5 mcg/kg/min", (6, 42), "doses.0.rate", "a rate needs a duration, such as {rate: 0.3 mg/kg/h, duration: 40 min}"),
    "amount as rate": ("amount: 0.5 mg/kg", "rate: 0.5 mg/kg", (6, 48), "doses.0.rate", "'0.5 mg/kg' is a mass per body weight; expected a rate such as 0.75 mg/kg/h or 50 mg/h"),
    "mmol of saline": ("ketamine, route: intravenous, amount: 0.5 mg/kg", "saline, route: iv, amount: 2 umol", (6, 39), "doses.0.amount", "saline has no molar mass; state a mass, such as 35 mg"),
    "empty section": ("subject: {species: human, weight: 80 kg}", "subject:", (4, 1), "subject", "expected a mapping, got nothing; leave the key out"),
    "dose without a dash": ("  - {drug", "  {drug", (6, 3), "doses", "expected a list, got a mapping; begin each item with `- `"),
    "date": ("start: 0 h", "start: 2026-01-31", (6, 68), "doses.0.start", "'2026-01-31' is a date; times are counted from time zero, such as 2 d"),
    "yes of YAML 1.1": ("spikes:", "measures: yes, spikes:", (11, 52), "recording.measures", "expected true or false, got 'yes'; write true"),
    "no of YAML 1.1": ("{ec50: 3 mM, cells: [PV]}", "no", (10, 10), "mechanisms.block", "expected off, on or a mapping of parameters, got 'no'; write off"),
    "route": ("intravenous", "intravenus", (6, 29), "doses.0.route", "ketamine has no route 'intravenus' in the human; allowed: intravenous, oral; did you mean intravenous?"),
    "no amount": ("amount: 0.5 mg/kg, ", "", (6, 5), "doses.0.amount", "the key 'amount' is missing; ketamine needs one, such as 0.5 mg/kg or 35 mg, or a rate and a duration"),
    "dose after the end": ("start: 0 h", "start: 24 h", (6, 68), "doses.0.start", "starts at 1 d; the run ends at 1 d"),
    "repeats after the end": ("start: 0 h", "repeat: {every: 12 h, count: 3}", (6, 69), "doses.0.repeat", "dose 3 would start at 1 d; the run ends at 1 d"),
    "negative start": ("start: 0 h", "start: -1 h", (6, 68), "doses.0.start", "'-1 h' is out of range; it must be at least 0 s"),
    "network as text": ("{neurons: 300}", "net.graphml", (7, 10), "network", "expected {neurons: 1000}, {file: net.graphml} or none, got 'net.graphml'"),
    "file and neurons": ("{neurons: 300}", "{neurons: 300, file: x}", (7, 11), "network.neurons", "unknown key 'neurons'; allowed: file, scale, population, classes, nodes, rows, directed, parallel, normalise"),
    "few neurons": ("300", "19", (7, 20), "network.neurons", "19 is out of range; it must be at least 20"),
    "recording without network": ("{neurons: 300}", "none", (11, 27), "recording.node_signals", "there is no network to record from (network: none); leave it out, as with recording={}"),
    "step without unit": ("auto", "60", (8, 18), "schedule.step", f"60 has no unit; {TIME}, or auto"),
    "short step": ("auto", "1 s", (8, 18), "schedule.step", "1 s is shorter than settle + window, 1.3 s; make it longer"),
    "short baseline": ("step: auto", "baseline: 1 s", (8, 22), "schedule.baseline", "1 s is shorter than two windows, 2 s, and would have no standard error"),
    "negative memory": ("step: auto", "memory: -1 s", (8, 20), "schedule.memory", "'-1 s' is out of range; it must be at least 0 s"),
    "memory without unit": ("step: auto", "memory: 2", (8, 20), "schedule.memory", f"2 has no unit; {TIME}"),
    "tolerance too large": ("step: auto", "tolerance: 1.5", (8, 23), "schedule.tolerance", "1.5 is out of range; it must be at most 1"),
    "tolerance with a unit": ("step: auto", "tolerance: 1 s", (8, 23), "schedule.tolerance", "expected a number without unit, got '1 s'; remove the unit 's'"),
    "tolerance as text": ("step: auto", 'tolerance: "0.1"', (8, 23), "schedule.tolerance", "expected a number without unit, got '0.1'; remove the quotation marks"),
    "skip as a number": ("step: auto", "skip: 0", (8, 18), "schedule.skip", "expected true or false, got 0"),
    "no budget": ("step: auto", "budget: 0", (8, 20), "schedule.budget", "0 is out of range; it must be at least 1"),
    "broken budget": ("step: auto", "budget: 1.5", (8, 20), "schedule.budget", "expected a whole number, got 1.5"),
    "misspelt budget": ("step: auto", "bugdet: 5", (8, 12), "schedule.bugdet", "unknown key 'bugdet'; allowed: baseline, settle, window, step, memory, tolerance, skip, spacing, budget, checkpoint; did you mean budget?"),
    "mechanism": ("block:", "blok:", (10, 3), "mechanisms.blok", "unknown mechanism 'blok'; allowed: pharmacokinetics, block; did you mean block?"),
    "parameter": ("ec50", "ec_50", (10, 11), "mechanisms.block.ec_50", "unknown key 'ec_50'; allowed: ec50, slope, on_rate, limits, scheme, cells, order, trapping; did you mean ec50?"),
    "parameter out of range": ("3 mM", "-3 mM", (10, 17), "mechanisms.block.ec50", "'-3 mM' is out of range; it must be more than 0 uM"),
    "parameter without unit": ("3 mM", "3", (10, 17), "mechanisms.block.ec50", "3 has no unit; expected a molar concentration (nM, uM, mM)"),
    "cell class": ("[PV]", "[PW]", (10, 31), "mechanisms.block.cells.0", "unknown value 'PW'; allowed: PYR, PV, SST"),
    "mechanism's own check": ("ec50: 3 mM", "limits: [1 mV, -1 mV]", (10, 19), "mechanisms.block.limits", "the lower limit is above the upper one"),
    "parameter set": ("  block: {ec50: 3 mM, cells: [PV]}", "  pharmacokinetics: {disposition: two}", (10, 35), "mechanisms.pharmacokinetics.disposition", "unknown parameter set 'two'; allowed: default, two_compartment, three_compartment"),
    "mechanism as number": ("{ec50: 3 mM, cells: [PV]}", "3", (10, 10), "mechanisms.block", "expected off, on or a mapping of parameters, got 3"),
    "signal twice": ("[firing_rate]", "[firing_rate, firing_rate]", (11, 41), "recording.node_signals.1", "duplicate signal 'firing_rate'"),
    "instant without unit": ("[0 h,", "[0,", (11, 51), "recording.spikes.0", f"0 has no unit; {TIME}"),
    "spikes before zero": ("[0 h,", "[-1 h,", (11, 51), "recording.spikes.0", "-1 h is before the baseline, which starts at -5 min"),
    "spikes after the end": ("[0 h,", "[2 d,", (11, 51), "recording.spikes.0", "2 d is after the end of the run (1 d)"),
    "graph before zero": ("spikes: [0 h, {from: 0 h, to: 40 min}]", "graph: [-1 h]", (11, 50), "recording.graph.0", "'-1 h' is out of range; it must be at least 0 s"),
    "graph after the end": ("spikes: [0 h, {from: 0 h, to: 40 min}]", "graph: [3 h, 2 d]", (11, 55), "recording.graph.1", "2 d is after the end of the run (1 d)"),
    "spikes not in a list": ("[0 h, {from: 0 h, to: 40 min}]", "0 h", (11, 50), "recording.spikes", "expected a list, got '0 h'"),
}  # fmt: skip


@pytest.mark.parametrize("case", [*WRONG_FILES.values(), *MORE.values()], ids=[*WRONG_FILES, *MORE])
def test_wrong_file_is_refused_with_place_and_words(case, text, read):
    """Catches a wrong file that is run, and a message that does not help."""
    right, wrong, place, path, message = case
    assert right in text
    with pytest.raises(DocumentError) as caught:
        read(text.replace(right, wrong))
    problem = caught.value.problems[0]
    assert problem.message == message
    assert problem.path == path
    assert problem.place[1:3] == place


def test_message_has_place_path_line_and_caret(text, read):
    """Catches a change of the form in which people and editors read errors."""
    with pytest.raises(DocumentError) as caught:
        read(text.replace("24 h", "24 mg"))
    assert str(caught.value).split("\n") == [
        f"trial.yaml:3:11: duration: '24 mg' is a mass; {TIME}",
        "    duration: 24 mg",
        "              ^",
    ]


def test_all_problems_of_a_stage_come_together(text, read):
    """Catches a user who mends one error only to meet the next, within the schema and within consistency."""
    wrong = text.replace("weight:", "wieght:").replace("24 h", "24").replace("[PV]", "[PW]").replace("3 mM", "3")
    with pytest.raises(DocumentError) as caught:
        read(wrong)
    assert [problem.path for problem in caught.value.problems] == [
        "duration", "subject.wieght", "mechanisms.block.ec50", "mechanisms.block.cells.0",
    ]  # fmt: skip
    wrong = text.replace("ketamine", "ketamin").replace("auto", "1 s").replace("firing_rate", "firing_rat")
    with pytest.raises(DocumentError) as caught:
        read(wrong)
    assert [problem.path for problem in caught.value.problems] == [
        "doses.0.drug", "schedule.step", "recording.node_signals.0",
    ]  # fmt: skip


def test_signal_without_neurons_is_named(text, read):
    """Catches a record of a signal that has no value per neuron."""
    for name in ("plasma_concentration", "trapped_block"):
        with pytest.raises(DocumentError, match=f"'{name}' has no single value per neuron; allowed: .*firing_rate"):
            read(text.replace("firing_rate", name))


@pytest.mark.parametrize(
    ("override", "column", "path", "message"),
    [
        ("doses.0.amuont=1 mg", 9, "doses.0.amuont", "unknown key 'amuont'; allowed: drug, route, amount, rate, start, duration, repeat; did you mean amount?"),
        ("subjcet.weight=80 kg", 1, "subjcet", "did you mean subject?"),
        ("doses.0.amount=1 s", 16, "doses.0.amount", "'1 s' is a time; expected an amount such as 0.5 mg/kg or 35 mg"),
        ("doses.0.drug=ketamin", 14, "doses.0.drug", "unknown drug 'ketamin'; allowed: ketamine, saline; did you mean ketamine?"),
        ("duration=24", 10, "duration", f"24 has no unit; {TIME}"),
    ],
)  # fmt: skip
def test_overrides_have_the_same_checks(override, column, path, message, text, read):
    """Catches an override that slips past the checks of the file, or an error that points into the file."""
    with pytest.raises(DocumentError) as caught:
        read(text, "seed=2", override)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert problem.message.endswith(message)
    assert problem.place == ("override", 2, column, override)


def test_files_that_are_not_there(small_world, tmp_path, text):
    """Catches a run that starts without its network or drug file."""
    file = tmp_path / "trial.yaml"
    file.write_text(text.replace("{neurons: 300}", "{file: net.graphml}") + "drugs: [own.yaml]\n", encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_experiment(file)
    assert [(problem.path, problem.message) for problem in caught.value.problems] == [
        ("network.file", f"there is no file '{tmp_path / 'net.graphml'}'"),
        ("drugs.0", f"there is no file '{tmp_path / 'own.yaml'}'"),
    ]


def test_two_mechanisms_of_one_name_are_refused(small_world):
    """Catches an own mechanism that silently replaces one of ketasim."""
    from ketasim.mechanisms.mechanism import Mechanism

    with pytest.raises(ValueError, match="two mechanisms are named block"):
        Experiment.from_mapping({"format": 1, "duration": "1 h"}, [Mechanism("block", tuple, print)])

"""Tables of experiments: which are stale, what the docs say of these, and that every experiment runs."""

import hashlib
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pandas
import pytest
from pandas.api.types import is_numeric_dtype

import ketasim
from ketasim.mechanisms import ORDER
from ketasim.mechanisms.mood import Parameters

ROOT = Path(__file__).parents[1]
HYPOTHESES = ROOT / "configs" / "hypotheses"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
MADE_WITH = re.compile(r"made\s+with\s+(?:[\w-]+\s+){0,6}?(\d+\.\d+\.\d+)")
#: Experiments, without what they share and the search for the default weights, which has stages of its own.
OTHERS = {"calibrate_network", "common", "make", "pages", "stamps"}
NAMES = sorted({path.stem for path in (ROOT / "experiments").glob("*.py")} - OTHERS)


@pytest.fixture
def stamps(monkeypatch):
    """The module that says what tables were made from."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    import stamps

    return stamps


def test_every_hypothesis_is_another_experiment(monkeypatch):
    """Catches arms that are all the default, which a table of hypotheses shows as none that can be told apart."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    import hypotheses

    experiment, arms = ketasim.load_experiment("rat_dose"), hypotheses.arms()
    assert len(arms) == 2 + len([file for file in HYPOTHESES.glob("*.yaml") if "." not in file.stem])
    digests = {name: experiment.replace(**changes).sha256 for name, changes in arms.items()}
    assert len(set(digests.values())) == len(arms)


def passages(page):
    """Text from one heading, or words in bold that open a paragraph, to the next."""
    return re.split(r"^(?=#|\*\*)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


def unsaid(pages, name, version):
    """Pages that quote the table of an experiment without saying, in the same passage, which version made it."""
    for page in pages:
        quoting = [text for text in passages(page) if f"experiments/{name}.py" in text]
        said = {found for text in quoting for found in MADE_WITH.findall(text)}
        if quoting and not (said and (version is None or version in said)):
            yield page.name


def test_the_docs_say_which_version_made_a_stale_table(stamps):
    """Catches numbers of an earlier version that a page shows as if they were of this one."""
    found, made = stamps.stale(), stamps.stamps_of_tables()
    if found:
        warnings.warn("stale tables: " + "; ".join(f"{name} ({why})" for name, why in found.items()), stacklevel=1)
    pages = {name: [*unsaid(PAGES, name, made.get(name, {}).get("ketasim"))] for name in found}
    assert {name: names for name, names in pages.items() if names} == {}


def test_an_old_table_without_its_version_is_found(tmp_path):
    """Catches a check that any sentence about another table satisfies."""
    page = tmp_path / "page.md"
    page.write_text("# A\n`experiments/a.py`, made with ketasim 0.2.0\n\n# B\n`experiments/b.py` shows\n")
    assert list(unsaid([page], "a", None)) == []
    assert list(unsaid([page], "a", "0.3.0")) == ["page.md"]
    assert list(unsaid([page], "b", None)) == ["page.md"]
    assert list(unsaid([page], "c", None)) == []


def test_a_table_is_stale_when_what_it_was_made_from_changed(stamps, monkeypatch):
    """Catches a table of other equations, parameters or another script that passes for one of today."""
    used = stamps.uses(ROOT / "docs")
    stamp = stamps.made_from("rebound", used) | {"ketasim": "0.3.0", "uses": used}
    monkeypatch.setattr(stamps, "stamps_of_tables", lambda: {"rebound": stamp})
    assert "rebound" not in stamps.stale()
    stamp["values"] = "other"
    assert stamps.stale()["rebound"] == "values changed since ketasim 0.3.0"


def test_a_table_depends_on_the_stored_data_that_its_script_reads(stamps, tmp_path, monkeypatch):
    """Catches a table over sets of weights, findings or draws of a posterior that others have replaced."""
    shutil.copytree(stamps.PACKAGE, tmp_path / "ketasim", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(stamps, "PACKAGE", tmp_path / "ketasim")
    names = ("headline", "findings", "nmda_over_ampa", "hours_or_weeks", "rebound")
    before = {name: stamps.data(name) for name in names}
    assert not before["rebound"]
    changed = {}
    for file in ("network/weight_sets.csv", "findings/data/A1.yaml", "ensembles/posteriors/mood.csv"):
        path = tmp_path / "ketasim" / file
        content = path.read_bytes()
        path.write_bytes(content + b"#")
        changed[path.stem] = {name for name in names if stamps.data(name) != before[name]}
        path.write_bytes(content)
    assert changed == {
        "weight_sets": {"headline", "nmda_over_ampa", "hours_or_weeks", "findings"},
        "A1": {"findings"},
        "mood": {"hours_or_weeks", "findings"},
    }


def with_changes(record, **changes):
    """A part of a drug with other values."""
    return type(record).model_construct(**(dict(record) | changes))


def test_a_table_depends_on_what_its_sweeps_use(stamps, tmp_path, monkeypatch):
    """Catches tables that a new drug, route or mechanism makes stale, and ones that a changed number does not."""
    experiment = ketasim.load_experiment("human_infusion", ["network=none", "recording={}", "duration=1 h"])
    ketasim.sweep(experiment, arms={"drug": {}, "vehicle": {"doses.0.drug": "saline"}}, jobs=1, out=tmp_path / "s")
    used = stamps.uses(tmp_path)
    assert {key: used[key] for key in ("species", "drugs", "routes")} == {
        "species": ["human"],
        "drugs": ["ketamine", "saline"],
        "routes": ["intravenous"],
    }
    catalogue, found = stamps.load_catalogue(), {}
    for route, lag in (("oral", 0.0), ("oral", 60.0), ("intravenous", 60.0)):
        drug, human = catalogue["ketamine"], catalogue["ketamine"].species["human"]
        routes = human.routes | {name: with_changes(human.routes[name], lag=0.0) for name in ("oral", "intravenous")}
        routes[route] = with_changes(human.routes[route], lag=lag)
        other = with_changes(drug, species=drug.species | {"human": with_changes(human, routes=routes)})
        monkeypatch.setattr(stamps, "load_catalogue", lambda other=other: dict(catalogue) | {"ketamine": other})
        found[route, lag] = stamps.parameters(used)
    assert found["oral", 0.0] == found["oral", 60.0] != found["intravenous", 60.0]
    monkeypatch.setattr(stamps, "load_catalogue", lambda: catalogue)
    before = stamps.parameters(used)
    assert stamps.parameters(used | {"mechanisms": used["mechanisms"][1:]}) != before
    without = used | {"mechanisms": [name for name in used["mechanisms"] if name != "bdnf"]}
    of_bdnf = stamps.values(used).keys() - stamps.values(without).keys()
    assert of_bdnf and {key.split("/")[2].split(" ")[0] for key in of_bdnf} == {"bdnf"}


def test_make_results_knows_every_experiment(stamps):
    """Catches an experiment that `make results` leaves out, and one without its expected hours."""
    import make

    assert sorted(make.HOURS) == stamps.experiments() == NAMES


def test_the_docs_show_the_stored_tables(stamps):
    """Catches a table that was made anew and not written into its page, and one that was edited by hand."""
    import pages

    made = stamps.stamps_of_tables()
    for name, layout in pages.LAYOUTS.items():
        stamp = made.get(name.partition(":")[0])
        if stamp is not None:
            text = (ROOT / layout.page).read_text(encoding="utf-8")
            assert pages.filled(text, name, layout, stamp) == text, name


def test_a_table_of_a_page_is_replaced_whole(stamps, tmp_path, monkeypatch):
    """Catches rows of an older table that stay, blanks where nothing was stored, and a page without its place."""
    import pages

    monkeypatch.setattr(pages, "RESULTS", tmp_path)
    (tmp_path / "a.csv").write_text("arm,day,mean,error\nx_y,1,2,0.5\nx_y,7,-3,\nz,1,1,1\n")
    layout = pages.Layout("page.md", ("arm",), ("day",), pages.with_error("mean", "error", 1), head="day {}")
    stamp = {"ketasim": "1.2.3", "date": "2030-01-01"}
    page = pages.filled("# A\n<!-- a -->\n| old |\n<!-- end -->\nB\n", "a", layout, stamp)
    rows = ["| arm | day 1 | day 7 |", "| --- | --- | --- |", "| x y | +2.0 ± 0.5 | -3.0 |", "| z | +1.0 ± 1.0 |  |"]
    assert page.splitlines()[2:6] == rows
    assert "made with ketasim 1.2.3 on 2030-01-01" in page
    assert page.startswith("# A\n<!-- a -->")
    assert page.endswith("<!-- end -->\nB\n")
    with pytest.raises(ValueError, match="0 places"):
        pages.filled("# A\n", "a", layout, stamp)


#: Columns of a value and of its error, by which tables name them.
ERRORS = (
    ("change_percent", "standard_error_percent"),
    ("change_percent", "standard_error"),
    ("peak_percent", "standard_error"),
    ("change", "standard_error"),
    ("mean", "standard_error"),
)
#: Columns of numbers that say which row it is.
PLACES = {"day", "hours", "share", "share_of_default", "concentration_uM", "neurons", "unblocked"}


def opposite(stored, quick):
    """Rows that are surely positive in one of two tables and surely negative in the other: beyond four errors in both.

    Networks of a third of the size and short baselines do not give the same numbers, but must not turn an effect round.
    """
    value, error = next(pair for pair in ERRORS if {*pair} <= {*stored.columns})
    keys = [name for name in stored if not is_numeric_dtype(stored[name]) or name in PLACES]
    both = stored.merge(quick, on=keys, suffixes=("", "_quick"))
    assert len(both), "no row of the quick table is in the stored one"
    sure = (both[value].abs() > 4.0 * both[error]) & (both[f"{value}_quick"].abs() > 4.0 * both[f"{error}_quick"])
    return both[sure & (both[value] * both[f"{value}_quick"] < 0.0)]


def test_an_effect_turned_round_is_found():
    """Catches a comparison that sees no difference, or that takes chance for one."""
    stored = pandas.DataFrame({"arm": ["a", "b", "c"], "change_percent": [9.0, 9.0, 9.0], "standard_error": 1.0})
    quick = pandas.DataFrame({"arm": ["a", "b", "c"], "change_percent": [5.0, -5.0, -3.0], "standard_error": 1.0})
    assert opposite(stored, quick)["arm"].tolist() == ["b"]


def contents(folder):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_runs(name, stamps, tmp_path):
    """Catches a script that stopped working since its table was made, one that shows something else by now, and a quick
    run that stores a table."""
    before = contents(ROOT / "experiments" / "results")
    script = [sys.executable, f"experiments/{name}.py", "--quick", "--jobs", "1", "--sweeps", str(tmp_path)]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (quick,) = tmp_path.rglob(f"{name}.csv")
    if name in stamps.stamps_of_tables():
        stored = pandas.read_csv(ROOT / "experiments" / "results" / f"{name}.csv")
        if any({*pair} <= {*stored.columns} for pair in ERRORS):
            assert opposite(stored, pandas.read_csv(quick)).empty
    assert contents(ROOT / "experiments" / "results") == before


def test_fitted_numbers_of_mood_are_those_of_the_fit(stamps):
    """Catches defaults that were changed by hand, or a fit made anew without them."""
    table = pandas.read_csv(stamps.RESULTS / "fit_mood.csv").set_index("quantity")
    for name in ("strength_gain", "density_gain", "expectancy_gain"):
        assert getattr(Parameters(), name) == pytest.approx(table["mean"][f"{name}, default circuit"], rel=0.05)
    assert Parameters().mood_time == pytest.approx(table["median"]["mood_time, default circuit"], rel=0.02)


def test_the_page_of_cards_is_what_mechanisms_say(stamps):
    """Catches a card that was changed and not copied into the docs."""
    import pages

    text = pages.CARDS.read_text(encoding="utf-8")
    assert pages.with_cards(text) == text
    assert text.count("- refuted by: ") == sum(one.card is not None for one in ORDER) > 5

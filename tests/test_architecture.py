"""What is true of the house as a whole: floors, mirrors, sizes, and papers that match the code."""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest

import ketasim
from ketasim.config import experiment_schema, load_experiment
from ketasim.config.sweeps import load_sweep
from ketasim.documents import DocumentError
from ketasim.drugs import load_catalogue

ROOT = Path(ketasim.__file__).parents[1]
PACKAGE = ROOT / "ketasim"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

#: Modules that are tested under another name, and why.
TESTED_ELSEWHERE = {
    "__main__.py": "cli/test_streams.py",
    "documents/document.py": "documents/test_overrides.py",  # a record of what was read; changing it is the matter
    "documents/nearest.py": "documents/test_problems.py",  # near names are part of every message
    "config/models.py": "config/test_experiment.py",  # the sections of an experiment, read as a whole
    "ensembles/dask.py": "ensembles/test_executors.py",  # where runs are computed changes nothing
    "ensembles/forecast.py": "ensembles/test_executors.py",
    "ensembles/local.py": "ensembles/test_executors.py",
    "ensembles/picture.py": "ensembles/test_differences.py",
    "ensembles/store.py": "ensembles/test_sweeps.py",  # read and written by sweeps only
    "ensembles/worker.py": "ensembles/test_sweeps.py",
    "plots/bands.py": "ensembles/test_differences.py",
    "kernels/atomics.py": "kernels/test_chunks.py",  # how parts of a network wait for each other
    "kernels/records.py": "kernels/test_spiking_network.py",
    "mechanisms/mechanism.py": "mechanisms/test_declarations.py",
    "network_files/assemble.py": "network_files/test_exchange.py",  # what graphs and files share
    "network/synapses.py": "network/test_build.py",  # tables, read by the builder
    "storage/datasets.py": "storage/test_writer.py",
    "storage/tables.py": "storage/test_reader.py",
}


def test_imports_only_go_down():
    """Catches an import against the floors of pyproject.toml."""
    pytest.importorskip("importlinter")
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_module_says_what_it_is_and_is_short(module):
    """Catches a module without a docstring, a file that wants to be two, and work left for later."""
    text = module.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 700
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)
    assert len(module.relative_to(PACKAGE).parts) <= 2


SECTIONS = {"Parameters", "Attributes", "Returns", "Yields", "Raises", "See Also", "Notes", "References", "Examples"}


def not_numpydoc(node):
    """Lines of a docstring that do not have the numpydoc form: ``name : type``, then the indented meaning."""
    known = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)} if hasattr(node, "args") else None
    section = ""
    for line, below in pairwise([*(ast.get_docstring(node) or "").splitlines()[1:], ""]):
        entry = re.match(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*) : \S", line)
        if re.fullmatch("-{3,}", below):
            section, right = line, line in SECTIONS
        elif section in ("Parameters", "Attributes") and line[:1] not in ("", " ", "-"):
            right = entry and below.startswith("    ") and (known is None or {*re.findall(r"\w+", entry[1])} <= known)
        else:
            right = not entry or section not in ("", "Raises")
        if not right:
            yield line


def test_docstrings_are_numpydoc():
    """Catches an entry without a type, a meaning or a section, and a parameter that the function does not have."""
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                assert not list(not_numpydoc(node)), f"{module.relative_to(ROOT)}:{node.lineno} {node.name}"


#: Slow twins, other simulators, and what goes through the whole of ketasim.
WITHOUT_MIRROR = {"reference", "peers", "faults", "fuzz", "golden", "leaves"}


def without_tests():
    """Modules without the test module they should have, by path within the package."""
    paths = [module.relative_to(PACKAGE) for module in MODULES if module.name != "__init__.py"]
    usual = {path.as_posix(): (path.parent / f"test_{path.name}").as_posix() for path in paths}
    wanted = {path: TESTED_ELSEWHERE.get(path, test) for path, test in usual.items()}
    return {path: test for path, test in wanted.items() if not (ROOT / "tests" / test).is_file()}


def test_every_module_has_its_tests():
    """Catches a module that nobody tests, and a test module whose subject is gone."""
    assert without_tests() == {}
    assert TESTED_ELSEWHERE.keys() <= {module.relative_to(PACKAGE).as_posix() for module in MODULES}
    usual_too = [m for m in TESTED_ELSEWHERE if (ROOT / "tests" / m).with_name(f"test_{Path(m).name}").is_file()]
    assert usual_too == []


def test_test_folders_mirror_the_package():
    """Catches a folder of tests for a part that does not exist, and packages among tests."""
    folders = {path.parent.relative_to(ROOT / "tests").as_posix() for path in TESTS}
    allowed = {path.parent.relative_to(PACKAGE).as_posix() for path in MODULES} | WITHOUT_MIRROR
    assert folders <= allowed
    assert not [path for path in TESTS if path.name == "__init__.py"]


def test_test_files_are_short_and_say_what_they_catch():
    """Catches tests whose failure would tell nobody what is wrong."""
    for path in TESTS:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 700, path
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                segment = ast.get_source_segment(text, node)
                assert ast.get_docstring(node) or "#" in segment, f"{path.name}: {node.name}"


def test_no_folder_stands_empty():
    """Catches a stub of a part that is yet to come."""
    for folder in (path for path in PACKAGE.rglob("*") if path.is_dir() and path.name != "__pycache__"):
        assert any(path.is_file() for path in folder.iterdir()), folder


def test_the_schema_file_is_the_schema():
    """Catches editors that check against another schema than ketasim does; `make accept` writes it anew."""
    assert json.loads((ROOT / "ketasim.schema.json").read_text()) == json.loads(json.dumps(experiment_schema()))


@pytest.mark.parametrize(
    "config",
    sorted(path for path in (ROOT / "configs").rglob("*.yaml") if not path.stem.endswith((".circuit", ".drug"))),
    ids=lambda path: path.stem,
)
def test_every_config_is_valid_and_names_itself(config):
    """Catches an example that does not run, and one whose files would bear another name."""
    assert load_sweep(config).experiment.name == config.stem


def code_lines(*names):
    """Lines of indented or fenced code in the papers."""
    for name in names:
        path = ROOT / name
        if path.is_file():
            yield from re.findall(r"^(?: {4}|\$ )?\s*(ketasim \S.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_commands_in_the_papers_exist():
    """Catches a README that names a command or an option that there is not."""
    from typer.main import get_command

    from ketasim.cli.main import app

    commands = get_command(app).commands
    lines = [line.partition("  #")[0].split() for line in code_lines("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
    assert len(lines) >= 6
    for words in lines:
        assert words[1] in commands, words
        options = {option for parameter in commands[words[1]].params for option in parameter.opts}
        assert {word for word in words[2:] if re.match(r"-\D", word)} <= options | {"--help"}, words


def mistake():
    """The message that README.md shows, and what ketasim says to the line shown below it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^    (my_experiment\.yaml:\d+:\d+: .*)\n((?:    .*\n)+)", readme, re.MULTILINE)
    line = next(line for line in shown[2].splitlines() if "{" in line).strip()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "my_experiment.yaml"
        file.write_text(f"format: 1\nduration: 24 h\ndoses:\n  {line}\n")
        with pytest.raises(DocumentError) as caught:
            load_experiment(file)
    return shown[1], str(caught.value).splitlines()[0].replace(f"{file.parent}{os.sep}", "")


def test_the_mistake_in_the_readme_is_what_ketasim_says():
    """Catches an example of a message that has since changed."""
    shown, said = mistake()
    assert said == shown


def test_a_simulation_sees_no_dose_and_no_schedule():
    """Catches a mechanism that knows the dose, the schedule or the time since a dose instead of signals."""
    forbidden = re.compile(r"\b(dose|doses|schedule|Experiment)\b")
    for path in (PACKAGE / "mechanisms").glob("*.py"):
        code = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(code) if isinstance(node, ast.Attribute)}
        assert not [name for name in names if forbidden.fullmatch(name)], path.name


def test_no_code_names_a_drug():
    """Catches a drug or compound written into code: drugs are data."""
    catalogue = load_catalogue().values()
    known = {name.lower() for drug in catalogue for name in (drug.name, *drug.compounds)}
    parts = ("mechanisms", "kernels", "engines", "simulation")
    files = [file for part in parts for file in (PACKAGE / part).glob("*.py")]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            assert not [name for name in known if name in named.lower()], path.name
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
                text = node.value.lower()
                assert not [one for one in known if re.fullmatch(rf"\S*{re.escape(one)}\S*", text)], path.name

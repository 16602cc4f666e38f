"""Digests: of code by what it imports, of values by every bit."""

import ast
import hashlib
import sys
from collections import namedtuple
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import ketasim
from ketasim.digests import class_digest, code_digest, file_digest, imported, parts_digest, text_digest, value_digest
from ketasim.engines import SpikingEngine
from ketasim.network.prefrontal_microcircuit import Sheet
from ketasim.network.topology import Edges, make_topology
from ketasim.recording.provenance import CODE

PACKAGE = Path(ketasim.__file__).parent
COMPUTING = (
    *("config", "drugs", "engines", "exposures", "kernels", "mechanisms", "network", "network_files", "simulation"),
    *("documents", "storage", "recording", "analysis"),
)


def module_named(name):
    place = PACKAGE.joinpath(*name.split(".")[1:])
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def parsed(source):
    """Modules of the package that a source imports, by Python's own parser; no relative ones."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "ketasim")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            if node.module.partition(".")[0] == "ketasim":
                whole = [f"{node.module}.{alias.name}" for alias in node.names]
                yield from (name if module_named(name) else node.module for name in whole)


def test_imports_are_those_of_the_parser():
    """Catches an import that the quick search misses, such as in a function: its module would not count."""
    for module in PACKAGE.rglob("*.py"):
        source = module.read_text(encoding="utf-8")
        missed = set(parsed(source)) - imported(source)
        assert not missed, (module, missed)
    source = (
        "def f():\n    from ketasim.kernels import (\n        graph,  # edges, jit\n        kernel as jit,\n    )\n"
    )
    assert imported(source) == {"ketasim.kernels", "ketasim.kernels.graph"} == set(parsed(source))
    assert imported("import ketasim.signals as s, numpy\n") == {"ketasim.signals"}


def test_no_module_is_imported_by_a_name_made_at_run_time():
    """Catches code that computes and that no digest knows, for it is loaded in a way that can't be read off."""
    loading = [path for path in PACKAGE.rglob("*.py") if "import_module" in path.read_text(encoding="utf-8")]
    assert loading == [PACKAGE / "__init__.py"]  # the public page, which nothing that computes goes through


def test_code_of_every_folder_that_computes_counts(edited):
    """Catches a folder whose change nobody notices: a run would go on with other equations than it began with."""
    whole = code_digest(*CODE)
    assert edited()(*CODE) == whole
    first = {"analysis": "summary.py"}  # comparing and citing change no run
    files = [Path(folder, first.get(folder) or min((PACKAGE / folder).glob("[a-z]*.py")).name) for folder in COMPUTING]
    found = [edited(file)(*CODE) for file in (*files, "config/schedule.py", "signals.py")]
    assert whole not in found
    assert len(set(found)) == len(files) + 2


def test_code_that_shows_does_not_count(edited):
    """Catches a run that may not go on because of another colour in a plot."""
    shown = [path.relative_to(PACKAGE) for folder in ("cli", "plots") for path in (PACKAGE / folder).glob("*.py")]
    assert len(shown) > 8
    assert edited(*shown)(*CODE) == code_digest(*CODE)


def test_code_of_a_class_counts_wherever_it_stands(tmp_path, monkeypatch):
    """Catches a stored baseline that is taken although a second engine's code has changed."""
    place, sources = (
        tmp_path / "own_engine.py",
        ("class Own(dict):\n    rate = 2\n", "class Own(dict):\n    rate = 3\n"),
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for source in (*sources, sources[0]):
        place.write_text(source, encoding="utf-8")
        monkeypatch.delitem(sys.modules, "own_engine", raising=False)
        found.append(class_digest(import_module("own_engine").Own))
    assert found[0] == found[2] != found[1]
    typed = type("Own", (), {"__module__": "no_such_module"})
    assert class_digest(typed) != class_digest(typed)
    assert class_digest(SpikingEngine) == class_digest(SpikingEngine) != class_digest(Sheet)


def test_a_root_that_is_gone_is_an_error():
    """Catches a module that was renamed while its name in a call stays, and a digest of nothing."""
    with pytest.raises(FileNotFoundError, match="no_such"):
        code_digest("ketasim.no_such")


def test_every_bit_of_a_value_counts():
    """Catches two values with one digest: other type, shape, order, nesting of names, last bit."""
    pair = namedtuple("pair", "first second")
    numbers = np.arange(6.0)
    values = [
        (numbers,),
        (numbers.reshape(2, 3),),
        (numbers.astype(np.float32),),
        (np.nextafter(numbers, 9.0),),
        (numbers[::-1],),
        (numbers, 1),
        (numbers, 1.0),
        (1, numbers),
        (numbers, "1"),
        ("a", "b"),
        ("ab", ""),
    ]
    assert len({value_digest(*value) for value in values}) == len(values)
    assert value_digest(pair(numbers, 1)) == value_digest((numbers, (1,)))
    assert value_digest(numbers[::-1]) == value_digest(np.ascontiguousarray(numbers[::-1]))
    with pytest.raises(TypeError):
        value_digest(None)


def test_texts_files_and_parts_are_plain_sha256(tmp_path):
    """Catches digests that others can't compute from what a file or a text holds, as stored ones are."""
    text = "Purkinje, 5 µm\n"
    (tmp_path / "file").write_text(text, encoding="utf-8", newline="")
    wanted = hashlib.sha256(text.encode()).hexdigest()
    assert text_digest(text) == file_digest(tmp_path / "file") == wanted
    assert parts_digest([text[:3].encode(), np.frombuffer(text[3:].encode(), np.uint8)]) == wanted


def test_the_digest_of_a_graph_stays():
    """Catches another digest of the same graph, which would no longer be the one that files hold."""
    edges = Edges(np.array([0, 1]), np.array([1, 2]), np.array([1.0, 0.3], np.float32), np.full(2, 1.5))
    topology = make_topology(("PYR", "PV"), np.array([1, 0, 0]), np.zeros((3, 2)), edges)
    assert topology.sha256 == "58e3b0d23fe9595971b829a30b0239a91f59ff3e6adeea9c3f4d6a57391c527a"

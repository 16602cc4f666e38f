"""Reference pages made from the code, so that they cannot say anything else: `conf.py` calls `write` as a build begins.

python docs/reference.py FOLDER
"""

import inspect
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import h5py
import typer

import ketasim
from ketasim.cli.main import app
from ketasim.config import experiment_schema
from ketasim.config.schedule import Sampling
from ketasim.drugs import describe_drug, load_catalogue
from ketasim.drugs.practice import practice
from ketasim.findings.report import range_in_words
from ketasim.mechanisms import ORDER
from ketasim.network.describe import network_rows
from ketasim.network.resting import Ranges
from ketasim.plots.wiring import wiring_svg
from ketasim.signals import SIGNALS
from ketasim.signals import range_in_words as range_of_signal
from ketasim.simulation.schedule import AutomaticSteps
from ketasim.sources import Row, describe

PARAMETER = ("parameter", "value", "unit", "prior", "status", "source")


def write(folder: Path) -> None:
    """Write every page, and leave those as they are that have not changed."""
    folder.mkdir(exist_ok=True)
    files = {f"{name}.md": text for name, text in pages().items()} | {"wiring.svg": wiring_svg()}
    for name, text in files.items():
        place = folder / name
        if not place.is_file() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    return {
        "keys": keys(),
        "command_line": command_line(),
        "python": python(),
        "mechanisms": mechanisms(),
        "network": network(),
        "signals": signals(),
        "drugs": drugs(),
        "findings": findings(),
        "trajectory_file": trajectory_file(),
    }


def keys() -> str:
    """Keys of the experiment file, from its JSON Schema."""
    schema = experiment_schema()
    parts = [
        "# Keys of the experiment file\n\nFrom the JSON Schema that `ketasim schema` prints. The page on the "
        "[experiment file](../experiment_file.md) explains them, with units and examples; parameters of mechanisms are "
        "in [Mechanisms](mechanisms.md).",
        table(("key", "what it is"), [(f"`{name}`", one["description"]) for name, one in schema["properties"].items()]),
    ]
    for name, model in schema["$defs"].items():
        rows = [
            (f"`{key}`", one.get("description", ""), allowed(one)) for key, one in model.get("properties", {}).items()
        ]
        if rows:
            parts += [
                f"## {name}",
                model.get("description", "").split("\n\n")[0],
                table(("key", "what it is", "values"), rows),
            ]
    return joined(parts)


def allowed(schema: dict[str, Any]) -> str:
    """Values that a key of a JSON Schema may have, if they are listed."""
    listed = [value for one in (schema, *schema.get("anyOf", ())) for value in one.get("enum", ())]
    listed += [schema["const"]] if "const" in schema else []
    return ", ".join(f"`{value}`" for value in listed)


def command_line() -> str:
    """Every command with its arguments and options, from the command line itself."""
    group = typer.main.get_command(app)
    parts = [
        "# Command line\n\n`ketasim COMMAND --help` says the same. Results are on standard output, remarks on standard "
        "error. Exit codes: 0 done, 1 a run failed, 2 the call or the experiment is wrong, 3 part of a sweep failed, "
        "130 interrupted."
    ]
    for name, command in group.commands.items():
        rows = [
            (" ".join(f"`{one}`" for one in named(option)), getattr(option, "help", "") or "")
            for option in command.params
        ]
        parts += [f"## ketasim {name}", command.help or "", table(("argument or option", "what it is"), rows)]
    return joined(parts)


def named(option: Any) -> list[str]:
    """How an argument or option is written, with what stands for its value."""
    if option.param_type_name == "argument":
        return [option.metavar or option.name.upper()]
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return [f"{one}{value}" for one in option.opts]


def python() -> str:
    """The public names, for autodoc."""
    parts = [
        "# Python",
        "What `import ketasim` gives; nothing else is promised to stay.",
        "```{eval-rst}",
        ".. currentmodule:: ketasim",
    ]
    for name in ketasim.__all__:
        one = getattr(ketasim, name)
        if inspect.isclass(one):
            parts.append(f".. autoclass:: {name}" + ("" if issubclass(one, tuple) else "\n   :members:"))
        elif callable(one):
            parts.append(f".. autofunction:: {name}")
    return joined([*parts, "```"])


def mechanisms() -> str:
    """Equations, limits, parameters, signals and card of each mechanism."""
    parts = [
        "# Mechanisms\n\nIn the order in which they advance. A prior is the range in which a number may well lie; a "
        "status says how sure it is: verified and secondary numbers were read, recalled ones not.",
        "![Mechanisms from dose to mood, with arrows for the signals that one reads of another](wiring.svg)",
        "Dashed boxes are off by default; dashed arrows close loops. `ketasim mechanisms --graph` prints this drawing, "
        "in which pointing at an arrow shows its signals.",
    ]
    for one in ORDER:
        doc = inspect.getdoc(inspect.getmodule(one.Parameters)) or ""
        parts += [f"## {one.name}", as_markdown(doc)]
        parts.append("" if one.by_default else f"Off by default; `mechanisms: {{{one.name}: on}}` switches it on.")
        parts.append("" if one.species is None else f"Of a {one.species} only.")
        parts += [f"*{what}*: {', '.join(f'`{name}`' for name in names)}" for what, names in wiring(one) if names]
        parts.append(parameters(describe(one.Parameters)))
        parts.append("\n".join(f"- {line}" for line in one.card.lines()) if one.card else "")
    return joined(parts)


def wiring(mechanism: Any) -> list[tuple[str, Sequence[str]]]:
    """What a mechanism reads and changes."""
    targets = [" ".join(pair) for pair in mechanism.targets]
    named = ("reads", mechanism.reads), ("writes", mechanism.writes), ("scales", mechanism.scales)
    return [*named, ("rows of drug files", targets)]


def network() -> str:
    """Numbers of the circuit and of the two clocks."""
    named = network_rows() | {"schedule": describe(AutomaticSteps) + describe(Sampling), "resting": describe(Ranges)}
    parts = [
        "# Network and clocks\n\nNumbers of the default circuit, of all synapses, and of when the network is sampled."
    ]
    for name, rows in named.items():
        parts += [f"## {name}", parameters(rows)]
    return joined(parts)


def signals() -> str:
    """The table of names that mechanisms share."""
    rows = [
        (
            f"`{one.name}`",
            one.unit,
            ", ".join(one.dims),
            one.kind,
            one.neutral,
            range_of_signal(one.within),
            one.meaning,
        )
        for one in SIGNALS.values()
    ]
    header = ("signal", "unit", "dimensions", "kind", "neutral", "range", "meaning")
    return joined(["# Signals\n\nWhat mechanisms read and write; own mechanisms add theirs.", table(header, rows)])


def drugs() -> str:
    """Every number of every drug, and how people are given it."""
    parts = ["# Drugs\n\nA drug is a file of data; own ones are added by `drugs: [mine.yaml]`. Not medical advice."]
    for name, drug in load_catalogue().items():
        parts += [f"## {name}", f"{drug.title}.", parameters(describe_drug(drug))]
        given = [(", ".join(one.routes), one.words(), one.status, one.source) for one in practice(name)]
        if given:
            parts += ["Published dosing of people:", table(("route", "dosing", "status", "source"), given)]
    return joined(parts)


def findings() -> str:
    """What was published, and in which range a number of the model should be."""
    parts = [
        "# Findings\n\nWhat `ketasim findings` runs and scores; how they came out is in [Findings](../findings.md)."
    ]
    for one in ketasim.load_findings().values():
        parts += [f"## {one.id}: {one.title}", f"{one.role.capitalize()}, {one.status}: {one.source}."]
        parts.append(f"Calibration because {one.why_calibration}." if one.why_calibration else "")
        parts.append(f"It would fail if {one.fails_if}.")
        rows = [(number.name, number.published, range_in_words(*number.band), number.unit) for number in one.numbers]
        parts.append(table(("number", "published", "inside", "unit"), rows))
    return joined(parts)


def trajectory_file() -> str:
    """Groups and datasets of a file, from the file of a small run."""
    small = {
        "format": 1,
        "duration": "1 h",
        "doses": [{"drug": "ketamine", "route": "intravenous", "amount": "0.5 mg/kg", "duration": "40 min"}],
        "network": {"neurons": 60},
        "schedule": {"baseline": "2 s", "window": "0.2 s", "step": "20 min"},
        "recording": {"node_signals": ["firing_rate"], "spikes": ["0 s"]},
    }
    rows: dict[str, tuple[str, ...]] = {}  # one for all populations and class pairs

    def note(name: str, one: Any) -> None:
        if isinstance(one, h5py.Dataset):
            dims = ", ".join(scale[0].name.rpartition("/")[2] for scale in one.dims if len(scale))
            rows.setdefault(f"`/{of_any(name)}`", (dims, said(one, "units"), said(one, "long_name")))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.h5")
        ketasim.run(ketasim.Experiment.from_mapping(small), path).close()
        with h5py.File(path) as file:
            file.visititems(note)
            attributes = [(f"`{name}`", value if isinstance(value, str) else "") for name, value in fixed(file)]
    text = (
        "# Trajectory file\n\nOne HDF5 file a run, for h5py, xarray, netCDF4 and SONATA readers alike; here that of an "
        "infusion into 60 neurons. Times are s from time zero, spikes ms from the same zero, nodes are numbered from 0 "
        "within their population. Signals of other species or of mechanisms that are off are not there."
    )
    return joined(
        [
            text,
            "## Attributes",
            table(("attribute", "value"), attributes),
            "## Datasets",
            table(("dataset", "dimensions", "unit", "what it is"), [(name, *one) for name, one in rows.items()]),
        ]
    )


def of_any(name: str) -> str:
    """Name of a dataset with a word in place of one population or class pair.

    >>> of_any("edges/PV__PYR/0/delay"), of_any("spikes/PYR/node_ids")
    ('edges/<source>__<target>/0/delay', 'spikes/<population>/node_ids')
    """
    name = re.sub(r"(?<=/)[A-Z]+__[A-Z]+(?=/)", "<source>__<target>", name)
    name = re.sub(r"(?<=/)(measures|snapshot)_(start|end)(?=/)", r"\1_<time>", name)
    return re.sub(r"^(nodes|spikes)/[A-Z]+(?=/)", r"\1/<population>", name)


def fixed(file: h5py.File) -> list[tuple[str, Any]]:
    """Attributes of the root; of those that differ from run to run the name alone."""
    kept = ("Conventions", "format_version", "advice")
    return [(name, value if name in kept else "") for name, value in file.attrs.items() if not name.startswith("_")]


def said(dataset: h5py.Dataset, name: str) -> str:
    """Attribute of a dataset in words; empty without one."""
    value = dataset.attrs.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)


def parameters(rows: Iterable[Row]) -> str:
    """Parameters as a table; nothing if there are none."""
    cells = [(f"`{one.name}`", one.value, one.unit, one.prior or "", one.status, one.source) for one in rows]
    return table(PARAMETER, cells) if cells else ""


def as_markdown(doc: str) -> str:
    """Docstring as Markdown: literal blocks are indented there, too."""
    return re.sub(r"::$", ":", doc, flags=re.MULTILINE)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as a Markdown table."""
    lines = [[*header], ["---"] * len(header), *([cell(one) for one in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: Any) -> str:
    """Words of a cell."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("*1", "\\*1").replace("*6", "\\*6")


def joined(parts: Iterable[str]) -> str:
    """Parts of a page, with blank lines between."""
    return "\n\n".join(filter(None, parts)) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))

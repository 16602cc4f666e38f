"""Stamps of stored tables: what each was made from, and which are stale.

A table is stale when what it was made from has changed: the script, default parameters of the mechanisms, network,
species, drugs and routes that it uses, stored data that it reads (sets of weights, findings, draws of a posterior), or
the values that ketasim computes, for which the reference trajectory of the tests stands. `python experiments/make.py
--list` lists them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ketasim
from ketasim.config.schedule import Sampling
from ketasim.digests import file_digest, text_digest
from ketasim.drugs import ROUTES, SPECIES, load_catalogue
from ketasim.ensembles.store import Store
from ketasim.mechanisms import ORDER, Mechanism
from ketasim.network.prefrontal_microcircuit import Sheet, wiring_rows
from ketasim.network.synapses import PREFRONTAL
from ketasim.recording.defaults import without
from ketasim.simulation.schedule import AutomaticSteps

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PACKAGE = Path(ketasim.__file__).parent
STAMPS = RESULTS / "stamps.json"

#: Scripts in this folder that make no table of their own name.
NO_TABLE = ("calibrate_network", "common", "make", "pages", "stamps")


def experiments() -> list[str]:
    """Return the names of all experiments that make a table."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NO_TABLE)


#: Keys of drug files that are no numbers.
_WORDS = ("source", "status", "title", "also", "base", "differs", "usual_dose", "prior")


def uses(folder: Path, name: str = "") -> dict[str, list[str]]:
    """Return what sweeps in a folder make use of: species, drugs, routes, and mechanisms that can act.

    Without a sweep it is everything. ``NAME_drawn`` is a drug with numbers drawn from the priors of another. Of an
    experiment by name, a readout that nothing reads counts only if the script speaks of it or of its signals.
    """
    texts = [Store(database.parent).facts() for database in sorted(folder.rglob("sweep.db"))]
    text = " ".join(one[key] for one in texts for key in ("experiment", "plan"))
    drugs = load_catalogue()
    found = {
        "species": {"human", *re.findall(r'"(?:subject\.)?species": "(\w+)"', text)} if text else SPECIES,
        "drugs": {name for name in re.findall(r'"(\w+?)(?:_drawn)?"', text) if name in drugs} if text else drugs,
        "routes": {name for name in re.findall(r'"(\w+)"', text) if name in ROUTES} if text else ROUTES,
    }
    rows = {(row.target, row.action) for name in found["drugs"] for row in drugs[name].targets}
    found["mechanisms"] = {one.name for one in ORDER if not text or _can_act(one, text, rows)}
    script = (HERE / f"{name}.py").read_text(encoding="utf-8") if name else ""
    read = {signal for one in ORDER for signal in one.reads}
    silent = [one for one in ORDER if not one.scales and one.edges is None and read.isdisjoint(one.writes)]
    if script:
        unsaid = [one for one in silent if not any(word in script for word in (one.name, *one.writes))]
        found["mechanisms"] -= {one.name for one in unsaid}
    return {key: sorted(names) for key, names in found.items()}


def _can_act(mechanism: Mechanism, text: str, rows: set[tuple[str, str]]) -> bool:
    """Whether a mechanism is on, or named, and does not only follow drugs with a target that none of these has."""
    named = f'"mechanisms.{mechanism.name}' in text or f'"{mechanism.name}"' in text
    follows_drugs = bool(mechanism.targets) and set(mechanism.reads) == {"brain_concentration"}
    return (mechanism.by_default or named) and (not follows_drugs or not rows.isdisjoint(mechanism.targets))


def parameters(used: Mapping[str, Sequence[str]]) -> str:
    """Return a digest of the default parameters of what is used, without their sources."""
    found: dict[str, Any] = {one.name: one.Parameters()._asdict() for one in ORDER if one.name in used["mechanisms"]}
    found |= {"tables": PREFRONTAL, "sheet": Sheet(), "wiring": [row[:3] for row in wiring_rows()]}
    found |= {"steps": AutomaticSteps(), "sampling": Sampling()}
    for name in used["drugs"]:
        drug = load_catalogue()[name].model_dump(mode="json", exclude_unset=True)
        read = {pair for one in ORDER if one.name in used["mechanisms"] for pair in one.targets}
        drug["targets"] = [row for row in drug.get("targets", ()) if (row["target"], row["action"]) in read]
        of_species = {key: one for key, one in drug.pop("species").items() if key in used["species"]}
        routes = {key: one.pop("routes") for key, one in of_species.items()}
        chosen = {key: {route: one.get(route) for route in used["routes"]} for key, one in routes.items()}
        for key, one in of_species.items():  # without first pass the liver does not matter
            if not any(route and route.get("first_pass") for route in chosen[key].values()):
                of_species[key] = {part: value for part, value in one.items() if not part.startswith("hepatic")}
        found[name] = without([drug, of_species, chosen], _WORDS)
    return text_digest(repr(found))[:16]


def values(used: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the numbers of the reference trajectory, without signals of mechanisms that came later."""
    golden = HERE.parent / "tests" / "golden" / f"ketasim-{ketasim.__version__}.json"
    numbers = json.loads(golden.read_text(encoding="utf-8"))["chance"]  # every number in the file, not its text
    later = {name for one in ORDER if one.name not in used["mechanisms"] for name in one.writes}
    return {key: one for key, one in numbers.items() if later.isdisjoint(re.split("[/ ]", key))}


#: Words of a script -> files in the package that it reads by them, `{}` what is in brackets.
_DATA = {
    r"weight_sets\(|network\.weights|score_findings\(": "network/weight_sets.csv",
    r"load_findings\(\)\.values": "findings/data/*.yaml",
    r'load_findings\(\)\["(\w+)"\]': "findings/data/{}.yaml",
    r"import .*stored_draws|posterior\(\"|score_findings\(": "ensembles/posteriors/*.csv",
}


def data(name: str) -> str:
    """Return a digest of the stored data that an experiment reads; empty if it reads none."""
    script = (HERE / f"{name}.py").read_text(encoding="utf-8")
    found = [glob.format(*match.groups()) for words, glob in _DATA.items() for match in re.finditer(words, script)]
    files = [file for glob in dict.fromkeys(found) for file in sorted(PACKAGE.glob(glob))]
    return text_digest(" ".join(file_digest(file) for file in files))[:16] if files else ""


def script(name: str) -> str:
    """Return a digest of the script of an experiment, and of those from which it imports."""
    text = (HERE / f"{name}.py").read_text(encoding="utf-8")
    others = sorted(set(re.findall(r"^from (\w+) import", text, re.MULTILINE)).intersection(experiments()))
    digests = [file_digest(HERE / f"{one}.py") for one in (name, *others)]
    return (text_digest(" ".join(digests)) if others else digests[0])[:16]


def made_from(name: str, used: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return digests of what the table of an experiment depends on."""
    return {
        "script": script(name),
        "parameters": parameters(used),
        "data": data(name),
        "values": text_digest(json.dumps(values(used), sort_keys=True))[:16],
    }


def stamps_of_tables() -> dict[str, dict[str, Any]]:
    """Return the stamp of each table by the name of its experiment."""
    return json.loads(STAMPS.read_text(encoding="utf-8")) if STAMPS.is_file() else {}


def stale() -> dict[str, str]:
    """Return, for each experiment whose table is missing or stale, why."""
    stamps, found = stamps_of_tables(), {}
    for name in experiments():
        then = stamps.get(name)
        if not (RESULTS / f"{name}.csv").is_file():
            found[name] = "not made yet"
        elif then is None:
            found[name] = "made before tables had stamps"
        elif changed := [key for key, value in made_from(name, then["uses"]).items() if then.get(key) != value]:
            found[name] = f"{', '.join(changed)} changed since ketasim {then['ketasim']}"
    return found

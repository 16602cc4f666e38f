"""The command that writes an experiment file to begin with, from flags or from answers."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ketasim.cli import completion
from ketasim.cli.common import Debug, Quiet, command, fail, note

#: Asked in this order where no flag answers: key, question, usual answer.
_QUESTIONS = {
    "species": ("Who: human, rat or mouse", "human"),
    "drug": ("Drug (`ketasim drugs` lists them; saline for none)", "ketamine"),
    "route": ("Route", "intravenous"),
    "amount": ("Amount, such as 0.5 mg/kg or 35 mg", ""),
    "over": ("Given over, such as 40 min; 0 min is at once", "0 min"),
    "duration": ("How long to watch, such as 3 h or 14 d", "24 h"),
    "neurons": ("Neurons; none: concentrations only", "1000"),
}

#: Ketamine as in the examples human_infusion and rat_dose, by species: route, amount, over.
_KETAMINE = {
    "human": {"route": "intravenous", "amount": "0.5 mg/kg", "over": "40 min"},
    "rat": {"route": "intraperitoneal", "amount": "10 mg/kg", "over": "0 min"},
    "mouse": {"route": "intraperitoneal", "amount": "10 mg/kg", "over": "0 min"},
}

_FILE = """\
# Run with `ketasim run {file}`; check with `ketasim check {file}`, which also says what becomes of keys left out.
# A research and teaching model; not medical advice.

format: 1
duration: {duration}                # from time zero, the first dose, to the end of the run

subject:
  species: {species}                # human, rat or mouse
  weight: {weight}
  # phenotype: chronic_stress     # three weeks of stress before time zero, which go on

doses:
  - drug: {drug}                  # `ketasim drugs` lists them; the control: doses.0.drug=saline
    route: {route}                # of it in a {species}: {routes}
{amount}    start: 0 h
    duration: {over}              # of an infusion; 0 min is at once
    # repeat: {{every: 3.5 d, count: 6}}  # in a run of 21 d

# stimuli:
#   - {{kind: expectancy, start: 0 h, duration: 40 min}}   # also stress, immune_challenge, afferents

network: {network}                # fewer neurons are faster and noisier; none: concentrations only

# schedule: {{spacing: 3 h}}        # for weeks: fewer windows of the network
# mechanisms: {{homeostatic_scaling: off}}   # `ketasim mechanisms` lists them and their numbers
# recording: {{spikes: [0 h, 40 min], graph: [24 h]}}

# For many runs at once, with `ketasim sweep`:
# arms: {{drug: {{}}, vehicle: {{doses.0.drug: saline}}}}
"""


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(new)


@command
def new(  # noqa: PLR0913, PLR0917 - one argument per option
    out: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="Experiment file to write; never replaced.")],
    species: Annotated[str | None, typer.Option("--species", help="human, rat or mouse.")] = None,
    drug: Annotated[str | None, typer.Option("--drug", help="Its name.", autocompletion=completion.drugs)] = None,
    route: Annotated[str | None, typer.Option("--route", help="Such as intravenous, or iv.")] = None,
    amount: Annotated[str | None, typer.Option("--amount", help="Such as '0.5 mg/kg' or '35 mg'.")] = None,
    over: Annotated[str | None, typer.Option("--over", help="Length of an infusion, such as '40 min'.")] = None,
    duration: Annotated[str | None, typer.Option("--duration", help="Length of the run, such as '24 h'.")] = None,
    neurons: Annotated[str | None, typer.Option("--neurons", help="Their number, or none.")] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a commented experiment file, from flags; what they leave open is asked on a terminal, else usual."""
    given = {"species": species, "drug": drug, "route": route, "amount": amount}
    given |= {"over": over, "duration": duration, "neurons": neurons}
    text = _text(out, _answers(given))
    from ketasim.config import Experiment
    from ketasim.config.plausibility import remarks
    from ketasim.documents import parse_document
    from ketasim.storage.datasets import reason_of

    experiment = Experiment.from_document(parse_document(text, str(out)))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with open(out, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        fail(f"{out}: exists already; give another name", 2)
    except OSError as error:
        fail(f"{out}: cannot be written: {reason_of(error)}", 2)
    for remark in remarks(experiment):
        note(remark, quiet)
    note(f"written to {out}; run it with `ketasim run {out}`", quiet)


def _answers(given: dict[str, str | None]) -> dict[str, str]:
    """Answers to all questions: given ones, those of who sits at the terminal, usual ones."""
    asks = sys.stdin.isatty()
    found: dict[str, str] = {}
    for key, (question, by_default) in _QUESTIONS.items():
        of_ketamine = _KETAMINE.get(found["species"].lower(), {}) if found.get("drug", "").lower() == "ketamine" else {}
        usual, answer = of_ketamine.get(key, by_default), given[key]
        if answer is None and asks and not (key == "amount" and found["drug"] == "saline"):
            answer = typer.prompt(question, default=usual or None, err=True)
        found[key] = (usual if answer is None else answer).strip()
    return found


def _text(out: Path, answers: dict[str, str]) -> str:
    """Text of the file; its comments know of the drug and the species."""
    from ketasim.config.models import DEFAULT_WEIGHT
    from ketasim.documents import format_quantity
    from ketasim.drugs import load_catalogue

    catalogue, species = load_catalogue(), answers["species"].lower()
    drug = catalogue.get(answers["drug"].lower())
    words: dict[str, Any] = answers | {"file": out, "network": "none", "amount": ""}
    words["weight"] = format_quantity(DEFAULT_WEIGHT.get(species, 70.0), "kg")
    words["routes"] = ", ".join(drug.routes_for(species)) if drug else "see `ketasim drugs`"
    if answers["amount"]:
        words["amount"] = f"    amount: {answers['amount']}\n"
    if answers["neurons"] != "none":
        words["network"] = f"{{neurons: {answers['neurons']}}}"
    return re.sub(r"^(.*\S) {2,}(?=# )", lambda line: f"{line[1]:<42}  ", _FILE.format(**words), flags=re.MULTILINE)

"""A small world with two drugs and two mechanisms, so that messages do not change as ketasim learns more."""

from typing import Annotated, Literal, NamedTuple

import pytest
from annotated_types import Ge, Gt, Le

from ketasim.config import Experiment
from ketasim.documents import override, parse_document
from ketasim.mechanisms.mechanism import Mechanism
from ketasim.sources import Source


class BlockParameters(NamedTuple):
    """A mechanism that blocks."""

    ec50: Annotated[float, Gt(0), "uM", Source("assumed", "made up")] = 10.0
    slope: Annotated[float, Ge(0), Le(4), "1"] = 1.0
    on_rate: Annotated[float, Gt(0), "1/uM/s"] = 0.6
    limits: Annotated[tuple[float, float], "mV"] = (-80.0, 20.0)
    scheme: Literal["fast", "slow"] = "fast"
    cells: tuple[Literal["PYR", "PV", "SST"], ...] = ("PYR", "PV", "SST")
    order: Annotated[int, Ge(1)] = 2
    trapping: bool = True

    def check(self):
        """Complain of limits in the wrong order."""
        if self.limits[0] > self.limits[1]:
            yield "limits", "the lower limit is above the upper one"


class KineticsParameters(NamedTuple):
    """Pharmacokinetics."""

    disposition: str = "default"


BLOCK = Mechanism("block", BlockParameters, lambda: None)
KINETICS = Mechanism("pharmacokinetics", KineticsParameters, lambda: None)


class Drug(NamedTuple):
    """What `ketasim.config` asks of a drug."""

    name: str
    compounds: dict
    routes: dict
    dispositions: tuple = ()
    also: tuple = ()

    def routes_for(self, species):
        return self.routes.get(species, ())

    def dispositions_for(self, species):
        return self.dispositions if species in self.routes else ()


KETAMINE = Drug(
    "ketamine",
    {"S": 1},
    {"human": ("intravenous", "oral"), "rat": ("intravenous", "intraperitoneal")},
    ("two_compartment", "three_compartment"),
)
SALINE = Drug("saline", {}, {})

TEXT = """\
format: 1
name: trial
duration: 24 h
subject: {species: human, weight: 80 kg}
doses:
  - {drug: ketamine, route: intravenous, amount: 0.5 mg/kg, start: 0 h, duration: 40 min}
network: {neurons: 300}
schedule: {step: auto}
mechanisms:
  block: {ec50: 3 mM, cells: [PV]}
recording: {node_signals: [firing_rate], spikes: [0 h, {from: 0 h, to: 40 min}]}
"""


@pytest.fixture
def small_world(monkeypatch):
    """Two drugs, two mechanisms."""
    monkeypatch.setattr("ketasim.config.parameters.shipped_mechanisms", lambda: (KINETICS, BLOCK))
    monkeypatch.setattr("ketasim.drugs.load_catalogue", lambda files=(): {"ketamine": KETAMINE, "saline": SALINE})


@pytest.fixture
def text():
    """Text of a valid experiment file."""
    return TEXT


@pytest.fixture
def read(small_world):
    """Read an experiment from a text and overrides."""

    def reader(text=TEXT, *overrides):
        return Experiment.from_document(override(parse_document(text, "trial.yaml"), overrides))

    return reader

"""Random valid experiments, small enough to run in seconds."""

import random
from typing import Any

#: Routes and the largest usual dose in mg/kg for each species.
_ROUTES = {
    "human": (("intravenous", "intramuscular", "intranasal", "oral"), 1.0),
    "rat": (("intravenous", "intraperitoneal"), 15.0),
    "mouse": (("intravenous", "intraperitoneal"), 15.0),
}
_NODE_SIGNALS = (
    "firing_rate",
    "nmda_block",
    "glutamate_ambient",
    "bdnf",
    "p70s6k",
    "spine_density",
    "surface_ampa",
    "vesicle_release",
    "trapped_block",
    "homeostatic_scale",
)
_OPTIONAL = (
    "glutamate",
    "autoreceptors",
    "extrasynaptic_nmda",
    "eef2",
    "bdnf",
    "trkb",
    "mtorc1",
    "synaptic_protein",
    "surface_ampa",
    "homeostatic_scaling",
    "synaptogenesis",
)


def draw(generator: random.Random, number: int) -> dict[str, Any]:
    """Return the next valid experiment of a generator, as plain data.

    Combinations that ketasim refuses, such as recording a signal whose mechanism is off, are drawn again.
    """
    from ketasim.config import Experiment
    from ketasim.documents import DocumentError

    while True:
        data = _draw(generator) | {"name": f"soak_{number}"}
        try:
            Experiment.from_mapping(data)
        except DocumentError:
            continue
        return data


def _draw(generator: random.Random) -> dict[str, Any]:
    hours = 10.0 ** generator.uniform(-1.5, 1.6)  # 2 min to 40 h
    species = generator.choice(tuple(_ROUTES))
    data = {
        "format": 1,
        "seed": generator.randrange(2**40),
        "duration": f"{hours:.4f} h",
        "subject": {"species": species},
        "doses": [_dose(generator, species, hours) for _ in range(generator.choice((0, 1, 1, 1, 2, 3)))],
        "threads": generator.choice((1, 1, 1, 2)),
        "mechanisms": {name: "off" for name in _OPTIONAL if generator.random() < 0.12},
    }
    if generator.random() < 0.05:
        return data | {"network": "none", "schedule": {"checkpoint": "0 s"}}
    data["network"] = {"neurons": generator.randint(20, 200)}
    data["schedule"] = _schedule(generator, hours)
    data["recording"] = _recording(generator, hours)
    if generator.random() < 0.3:
        data["stimuli"] = [_stimulus(generator, hours)]
    return data


def _dose(generator: random.Random, species: str, hours: float) -> dict[str, Any]:
    start = f"{generator.choice((0.0, generator.uniform(0.0, hours / 2.0))):.4f} h"
    if generator.random() < 0.1:
        return {"drug": "saline", "route": "intravenous", "start": start}
    routes, most = _ROUTES[species]
    dose: dict[str, Any] = {
        "drug": "ketamine",
        "route": generator.choice(routes),
        "amount": f"{generator.uniform(0.05, most):.4f} mg/kg",
        "start": start,
    }
    if dose["route"] == "intravenous" and generator.random() < 0.7:
        dose["duration"] = f"{generator.uniform(1.0, 60.0):.2f} min"
    if generator.random() < 0.2:
        dose["repeat"] = {"every": f"{hours / 5.0:.4f} h", "count": generator.randint(2, 3)}
    return dose


def _schedule(generator: random.Random, hours: float) -> dict[str, Any]:
    schedule: dict[str, Any] = {
        "baseline": f"{generator.uniform(0.5, 10.0):.1f} s",
        "settle": f"{generator.uniform(0.0, 0.3):.2f} s",
        "window": f"{generator.uniform(0.05, 0.5):.2f} s",
        "checkpoint": generator.choice(("0 s", "0.05 s", "0.3 s", "1 s", "60 s")),
        "skip": generator.random() < 0.7,
    }
    if generator.random() < 0.4:
        schedule["step"] = f"{hours * 60.0 / generator.randint(3, 80):.3f} min"
    if generator.random() < 0.2:
        schedule["budget"] = generator.randint(1, 30)
    if generator.random() < 0.3:
        schedule["memory"] = f"{generator.uniform(0.0, 30.0):.1f} s"
    return schedule


def _recording(generator: random.Random, hours: float) -> dict[str, Any]:
    times = sorted(generator.uniform(0.0, hours) for _ in range(2))
    return {
        "node_signals": generator.sample(_NODE_SIGNALS, generator.randint(0, 4)),
        "spikes": generator.choice(([], [f"{times[0]:.4f} h"], [{"from": "-10 s", "to": f"{times[1]:.4f} h"}])),
        "graph": generator.choice(([], [f"{time:.4f} h" for time in times])),
        "measures": generator.random() < 0.5,
    }


def _stimulus(generator: random.Random, hours: float) -> dict[str, Any]:
    return {
        "kind": "afferents",
        "population": generator.choice(("PYR", "PV", "SST")),
        "start": f"{generator.uniform(0.0, hours / 2.0):.4f} h",
        "duration": f"{generator.uniform(0.1, 600.0):.1f} s",
        "rate": f"{generator.uniform(0.0, 300.0):.1f} Hz",
    }

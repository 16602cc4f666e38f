"""One change for each leaf of the experiment file: in which base it is made, and to what.

A base is a tiny experiment in which the leaf can matter: a parameter of spines shows within weeks, the factor of a
genotype in that genotype, the clock of windows skipped in a network at rest.
"""

from typing import Any

from ketasim.network.weights import default
from tests.drugs.drug_files import OWN_DRUG

#: Everything around a network of 24 neurons: an infusion and six windows of 50 ms.
HUMAN: dict[str, Any] = {
    "format": 1,
    "duration": "50 min",
    "subject": {"weight": "80 kg"},
    "doses": [{"drug": "ketamine", "route": "intravenous", "amount": "5 mg", "duration": "10 min"}],
    "network": {"neurons": 24},
    "schedule": {"baseline": "0.2 s", "settle": "10 ms", "window": "50 ms", "step": "10 min", "memory": "0.1 s"},
    "recording": {"measures": False},
}

#: Two cells that fire by afferents alone, so that 60 s of baseline take no time and windows are skipped.
TWO_CELLS = """\
format: 1
cells:
  cell: {status: assumed, source: me, transmitter: glutamate, capacitance: 100 pF, leak: 5 nS, rest: -70 mV,
    threshold: -50 mV, reset: -60 mV, refractory: 1 ms, nmda_2a: 0.5, nmda_2c: 0.5, afferent_rate: 500 Hz,
    afferent_ampa: 1 nS, afferent_nmda: 0.1 nS}
populations: {A: {cell: cell, neurons: 2}}
"""

#: A network as tables and as a matrix: strong edges among 16 pyramidal and 8 inhibitory cells.
_PAIRS = [(i, (i * step + step) % 24) for i in range(24) for step in (5, 7, 9) if i != (i * step + step) % 24]
_EDGES = "source,target,weight\n" + "".join(f"{i},{j},{3 + (i + j) % 7}\n" for i, j in dict.fromkeys(_PAIRS) if i < j)
_NODES = "node,population,other\n" + "".join(
    f"{i},{'A' if i < 16 else 'B'},{'A' if i % 3 else 'B'}\n" for i in range(24)
)
_MATRIX = "".join(",".join(str((1 + i % 3) * ((i, j) in _PAIRS)) for j in range(24)) + "\n" for i in range(24))
_LIST = {"file": "list.csv", "nodes": "nodes.csv", "population": "population", "classes": {"A": "PYR", "B": "PV"}}

BASES: dict[str, dict[str, Any]] = {
    "human": HUMAN,
    "one met": HUMAN | {"subject": {"genotype": {"bdnf": "Val/Met"}}},
    "two met": HUMAN | {"subject": {"genotype": {"bdnf": "Met/Met"}}},
    "two doses": HUMAN
    | {
        "duration": "30 min",
        "doses": [HUMAN["doses"][0] | {"start": "1 min", "repeat": {"every": "12 min", "count": 2}}],
        "network": "none",
    },
    "stimulus": HUMAN
    | {
        "duration": "20 min",
        "doses": [],
        "stimuli": [{"kind": "afferents", "population": "PYR", "start": "5 min", "duration": "1 min", "rate": "50 Hz"}],
    },
    "months": HUMAN
    | {"network": {"neurons": 40}, "duration": "60 d", "doses": [], "schedule": HUMAN["schedule"] | {"step": "6 d"}},
    "stressed": HUMAN
    | {
        "network": {"neurons": 40},
        "duration": "20 d",
        "doses": [],
        "schedule": HUMAN["schedule"] | {"step": "2 d"},
        "stimuli": [{"kind": "stress", "start": "0 s", "duration": "20 d"}],
    },
    "ssri": HUMAN
    | {
        "network": {"neurons": 40},
        "duration": "10 d",
        "doses": [
            {"drug": "escitalopram", "route": "oral", "amount": "10 mg", "repeat": {"every": "24 h", "count": 10}}
        ],
        "schedule": HUMAN["schedule"] | {"step": "1 d"},
    },
    "risk": HUMAN
    | {
        "mechanisms": {"tolerance": True, "liability": True},
        "network": {"neurons": 60},
        "schedule": HUMAN["schedule"] | {"baseline": "1 s", "window": "0.2 s"},
        "stimuli": [{"kind": "afferents", "population": "PYR", "start": "0 s", "duration": "30 min", "rate": "50 Hz"}],
    },
    "expecting": HUMAN | {"stimuli": [{"kind": "expectancy", "start": "0 s", "duration": "10 min"}]},
    "inflamed": HUMAN
    | {
        "duration": "12 h",
        "schedule": HUMAN["schedule"] | {"step": "2 h"},
        "stimuli": [
            {"kind": "immune_challenge", "start": "0 s", "duration": "3 h"},
            {"kind": "stress", "start": "0 s", "duration": "12 h"},
        ],
    },
    "rest": {
        "format": 1,
        "duration": "3 min",
        "network": {"file": "two.circuit.yaml"},
        "schedule": {"baseline": "60 s", "window": "1 s", "step": "1 min"},
    },
    "own drug": {
        "format": 1,
        "duration": "10 min",
        "drugs": ["own.yaml"],
        "subject": {"species": "rat"},
        "doses": [{"drug": "own_drug", "route": "intravenous", "amount": "1 mg"}],
        "network": "none",
    },
    "recorded": HUMAN
    | {
        "duration": "20 min",
        "recording": {
            "measures": False,
            "graph": ["5 min"],
            "node_signals": ["firing_rate"],
            "spikes": [{"from": "0 s", "to": "11 min"}],
        },
    },
    "list": HUMAN | {"network": _LIST},
    "matrix": HUMAN | {"network": _LIST | {"file": "matrix.csv", "rows": "sources"}},
    # PV seldom contact SST
    "more cells": HUMAN | {"duration": "10 min", "network": {"neurons": 120}},
    # a small share: rates of 24 neurons are known too badly to feed them back
    "cortex": HUMAN | {"mechanisms": {"cortical_afferents": {"share": 0.05}}},
    # what acts on AMPA receptors and mTORC1 is in the catalogue for rodents
    "antagonists": HUMAN
    | {
        "subject": {"species": "rat"},
        "doses": [
            {"drug": "nbqx", "route": "intraperitoneal", "amount": "10 mg/kg"},
            {"drug": "rapamycin", "route": "intraperitoneal", "amount": "3 mg/kg"},
        ],
    },
    "site": HUMAN | {"mechanisms": {"allosteric_site": "on"}},
    "potentiator": HUMAN
    | {"doses": [{"drug": "midazolam", "route": "intravenous", "amount": "5 mg", "duration": "10 min"}]},
    # no cell of the default circuit has GluN2C
    "2C": HUMAN | {"network": {"file": "two.circuit.yaml"}},
    "2C in PYR": HUMAN | {"network": {"neurons": 24, "nmda_subunits": {"PYR": {"GluN2C": 1.0}}}},
    "memantine": HUMAN
    | {
        "subject": {"species": "rat"},
        "doses": [{"drug": "memantine", "route": "intraperitoneal", "amount": "10 mg/kg"}],
    },
}

#: Files beside the bases.
FILES = {
    "two.circuit.yaml": TWO_CELLS,
    "other.circuit.yaml": TWO_CELLS.replace("neurons: 2", "neurons: 3"),
    "list.csv": _EDGES,
    "matrix.csv": _MATRIX,
    "nodes.csv": _NODES,
    "other_nodes.csv": _NODES.replace("3,A", "3,B"),
    "own.yaml": OWN_DRUG,
    "other.yaml": OWN_DRUG.replace("k10: 0.6", "k10: 0.7"),
}

_DOSE = {
    "drug": "ketamine",
    "route": "intramuscular",
    "amount": "36 mg",
    "start": "2 min",
    "duration": "9 min",
    "repeat.every": "11 min",
    "repeat.count": 1,
}
_STIMULUS = {"population": "PV", "start": "7 min", "duration": "2 min", "rate": "40 Hz", "intensity": 0.5}
_SCHEDULE = {
    "baseline": "0.3 s",
    "settle": "20 ms",
    "window": "60 ms",
    "step": "5 min",
    "memory": "0.2 s",
    "tolerance": 1,
    "budget": 2,
}
_WEIGHTS = {name: f"{1.1 * value:.6g} nS" for name, value in default()._asdict().items()}
_RECEPTORS = {
    "ampa_time": "2.2 ms",
    "nmda_time": "110 ms",
    "gaba_fast_time": "9 ms",
    "gaba_slow_time": "13 ms",
    "gaba_reversal": "-74 mV",
    "mg": "0.9 mM",
    "mg_half_2a": "3.9 mM",
    "mg_half_2b": "3.4 mM",
    "mg_half_2c": "22 mM",
    "mg_half_2d": "17 mM",
    "afferent_unit_rate": "3 Hz",
    "extrasynaptic_ratio": 0.4,
    "utilisation_in_vivo": 0.6,
}
_MECHANISMS: dict[str, dict[str, Any]] = {
    "allosteric_site": {"largest_cut": 0.8},
    "ampa_antagonism": {},
    "gabaa_potentiation": {"largest_gain": 1.3, "largest_time_gain": 2.5},
    "mtorc1_inhibition": {},
    "pharmacokinetics": {"disposition": "domino"},
    "nmda_blockade": {
        "open_probability_2a": 0.6,
        "open_probability_2b": 0.2,
        "open_probability_2c": 0.02,
        "open_probability_2d": 0.02,
        "superficial_factor": 0.1,
        "release_floor": 0.5,
        "cells.0": "PV",
        "receptors": "synaptic",
    },
    "glutamate": {"km": "21 uM", "vmax": "3000 uM/s", "ambient": "0.06 uM", "vesicular_share": 0.7},
    "cortical_afferents": {"share": 0.1, "time": "10 min"},
    "autoreceptors": {"glutamate_ec50": "11 uM", "resting_level": "3 uM", "largest_cut": 0.4, "afferent_share": 0.5},
    "extrasynaptic_nmda": {
        "ec50_2a": "3 uM",
        "ec50_2b": "3 uM",
        "ec50_2c": "2 uM",
        "ec50_2d": "0.6 uM",
        "hill": 1.4,
    },
    "eef2": {"dephosphorylation": "700 s"},
    "bdnf": {
        "follow_throughput": False,
        "throughput_gain": 0.9,
        "translation_gain": 8,
        "translation_half": 0.5,
        "turnover": "1.5 h",
        "val_met": 0.8,
        "met_met": 0.7,
    },
    "chronic_stress": {
        "hormone_time": "36 h",
        "formation_cut": 0.4,
        "elimination_gain": 3,
        "bdnf_cut": 0.2,
        "uptake_cut": 0.3,
    },
    "neuroinflammation": {
        "microglia_time": "12 h",
        "challenge_activation": 4,
        "il6_made": 2,
        "tnf_made": 2,
        "il1b_made": 2,
        "brain_half_life": "30 min",
        "efflux_half_life": "40 min",
        "from_blood": 0.1,
        "brain_over_plasma": 0.2,
        "il6_half_life": "30 min",
        "tnf_half_life": "30 min",
        "il1b_half_life": "30 min",
        "il6_challenge": 100,
        "tnf_challenge": 40,
        "il1b_challenge": 1,
        "il6_stress": 1,
        "tnf_stress": 1,
        "il1b_stress": 1,
        "uptake_cut": 0.2,
        "bdnf_cut": 0.2,
        "elimination_gain": 0.2,
        "tonic_gain": 0.2,
    },
    "dissociation": {
        "half_dissociation": 0.05,
        "steepness_dissociation": 2,
        "half_sedation": 0.1,
        "steepness_sedation": 3,
        "dissociation_threshold": 1e-6,
        "sedation_threshold": 1e-9,
    },
    "serotonin": {
        "largest_rise": 2,
        "held_back": 0.5,
        "desensitised": 0.5,
        "desensitisation_time": "5 d",
        "response_time": "3 d",
        "bdnf_gain": 0.3,
        "formation_gain": 0.3,
    },
    "tolerance": {"gain": 2, "turnover": "1 d"},
    "liability": {"reward_time": "1 h", "opponent_time": "5 d", "opponent_gain": 2},
    "mood": {
        "strength_gain": 10,
        "density_gain": 20,
        "mood_time": "5 h",
        "expectancy_gain": 0.3,
        "expectancy_half_life": "5 d",
        "ampa_exponent": 0.7,
        "protein_exponent": 0.7,
        "healthy_madrs": 5,
    },
    "trkb": {"activation": "1000 s", "largest": 3},
    "mtorc1": {"gain": 9, "feedback": 60, "activation": "1000 s", "adaptation": "30000 s"},
    "synaptic_protein": {"protein_gain": 19, "threshold": 0.4, "turnover": "4 d", "exponent": 0.6},
    "surface_ampa": {
        "trkb_gain": 0.2,
        "potentiator_gain": 0.5,
        "turnover": "1 h",
        "exponent": 0.9,
        "afferent_share": 0.2,
    },
    "homeostatic_scaling": {"averaging": "5 h", "scaling": "30 h", "smallest": 1, "largest": 1},
    "inhibitory_plasticity": {"proportion": 0.5, "time": "1 h", "smallest": 1, "largest": 1},
    "synaptogenesis": {
        "transient_time": "1.9 d",
        "consolidating_time": "11 d",
        "persistent_half_life": "390 d",
        "transient_share": 0.06,
        "consolidating_share": 0.11,
        "largest_density": 1.6,
        "formation_gain": 25,
        "nascent_time": "9 h",
        "young_protection": 2,
        "promotion_gain": 1.1,
        "correlation_gain": 50,
        "size_protection": 0.4,
        "weight_time": "19 d",
        "hebbian_rate": "0.2 1/d",
        "memory_time": "30 d",
        "memory_preference": 100,
        "partner_width": "20 um",
        "activity_time": "10 h",
        "afferent_spines": False,
    },
}

#: The base in which a leaf is changed where that is not `human`; a mechanism stands for its parameters.
_BASE_OF = {
    "mechanisms.synaptogenesis": "months",
    "mechanisms.cortical_afferents": "cortex",  # off by default
    "mechanisms.chronic_stress": "stressed",
    "mechanisms.neuroinflammation": "inflamed",
    "mechanisms.mood": "expecting",
    "mechanisms.mood.density_gain": "months",
    "mechanisms.serotonin": "ssri",
    "mechanisms.tolerance": "risk",  # off by default
    "mechanisms.liability": "risk",  # off by default
    "mechanisms.allosteric_site": "site",  # off by default
    "mechanisms.ampa_antagonism": "antagonists",
    "mechanisms.mtorc1_inhibition": "antagonists",
    "mechanisms.gabaa_potentiation": "potentiator",
    "mechanisms.homeostatic_scaling": "months",
    "mechanisms.inhibitory_plasticity.largest": "months",
    "mechanisms.bdnf.val_met": "one met",
    "mechanisms.bdnf.met_met": "two met",
    "mechanisms.nmda_blockade.open_probability_2c": "2C",
    "mechanisms.nmda_blockade.superficial_factor": "memantine",
    "network.receptors.mg_half_2c": "2C in PYR",
    "mechanisms.extrasynaptic_nmda.ec50_2c": "2C",
    "network.weights.gaba_PV_SST": "more cells",
    "doses.0.drug": "own drug",
    "doses.0": "two doses",
    "doses.0.repeat": "two doses",
    "stimuli.0": "stimulus",
    "stimuli.0.intensity": "stressed",
}


def _cases() -> dict[str, tuple[str, dict[str, Any]]]:
    changes: dict[str, Any] = {"duration": "40 min", "seed": 2, "network.neurons": 25, "network.weights": 1}
    changes |= {"subject.species": "rat", "subject.weight": "70 kg"}
    changes |= {"subject.genotype.cyp2b6": "*6/*6", "subject.genotype.bdnf": "Val/Met"}
    changes |= {f"doses.0.{key}": value for key, value in _DOSE.items()}
    changes |= {f"stimuli.0.{key}": value for key, value in _STIMULUS.items()}
    changes |= {f"schedule.{key}": value for key, value in _SCHEDULE.items()}
    changes |= {f"network.weights.{key}": value for key, value in ({"id": 1} | _WEIGHTS).items()}
    changes |= {f"network.receptors.{key}": value for key, value in _RECEPTORS.items()}
    cases = {}
    for path in (f"network.nmda_subunits.{name}" for name in ("PYR", "PV", "SST")):
        cases |= {f"{path}.GluN2{letter}": ("human", {path: {f"GluN2{letter}": 1.0}}) for letter in "ABCD"}
    for mechanism, parameters in _MECHANISMS.items():
        changes[f"mechanisms.{mechanism}"] = "off"
        changes |= {f"mechanisms.{mechanism}.{key}": value for key, value in parameters.items()}
    cases |= {leaf: (_base_of(leaf), {leaf: value}) for leaf, value in changes.items()}
    return cases | {
        "network": ("rest", {"network": {"neurons": 20}, "schedule.baseline": "2 s"}),
        "network.file": ("rest", {"network.file": "other.circuit.yaml"}),
        "network.scale": ("rest", {"network.scale": 2}),
        "network.population": ("list", {"network.population": "other"}),
        "network.classes": ("list", {"network.classes": {"A": "PYR", "B": "SST"}}),
        "network.nodes": ("list", {"network.nodes": "other_nodes.csv"}),
        "network.rows": ("matrix", {"network.rows": "targets"}),
        "network.directed": ("list", {"network.directed": "both"}),
        "network.normalise": ("list", {"network.normalise": "class_pair"}),
        "schedule.skip": ("rest", {"schedule.skip": False}),
        "schedule.spacing": ("months", {"schedule.spacing": "20 d"}),
        "subject.phenotype": ("months", {"subject.phenotype": "chronic_stress"}),
        "doses.0.rate": (
            "human",
            {"doses.0": {"drug": "ketamine", "route": "intravenous", "rate": "60 mg/h", "duration": "10 min"}},
        ),
        "drugs.0": ("own drug", {"drugs.0": "other.yaml"}),
    }


def _base_of(leaf: str) -> str:
    return next((_BASE_OF[start] for start in (leaf, leaf.rpartition(".")[0]) if start in _BASE_OF), "human")


_READ_BY_NOTHING = tuple(f"mechanisms.{name}" for name in ("dissociation", "mood", "liability"))

#: Leaf -> the base and what is changed in it.
CASES = {leaf: case for leaf, case in _cases().items() if leaf not in _READ_BY_NOTHING}

#: Leaves that by design change nothing that is simulated: the reason, and a change; None where one value is allowed.
WITHOUT_EFFECT: dict[str, tuple[str, Any]] = {
    "format": ("says how the file is to be read", None),
    "network.model": ("there is one model", None),
    "network.parallel": ("without it, a file with parallel edges is refused", None),
    "stimuli.0.kind": ("another kind needs other keys", None),
    **{leaf: ("scores, which nothing reads", "off") for leaf in _READ_BY_NOTHING},
    "name": ("names the run and its files", "another"),
    "threads": ("how it is computed, not what", 2),
    "schedule.checkpoint": ("how often the run can be interrupted without loss", "0 s"),
    "recording.graph.0": ("what is looked at", "10 min"),
    "recording.measures": ("what is looked at", True),
    "recording.node_signals.0": ("what is looked at", "nmda_block"),
    "recording.spikes.0": ("what is looked at", "10 min"),
    "recording.spikes.0.from": ("what is looked at", "1 min"),
    "recording.spikes.0.to": ("what is looked at", "2 min"),
}

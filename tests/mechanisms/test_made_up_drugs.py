"""Drugs that nobody has heard of, one of each kind of action: each a file, run to a dose-response."""

import numpy as np
import pytest

import ketasim

DRUG = """\
format: 1
name: {name}
title: Made up
compounds: {{it: {{moiety: it, dose_fraction: 1}}}}
molar_mass: [{{of: [it], value: 250 g/mol, status: assumed, source: made up}}]
unbound_plasma: [{{of: [it], value: 0.4, status: assumed, source: made up}}]
unbound_brain_ratio: [{{of: [it], value: 0.5, status: assumed, source: made up}}]
{acts}
species:
  rat:
    reference_weight: 0.3 kg
    default: made_up
    dispositions:
      made_up: [{{of: [it], volume: 2 L/kg, clearance: 0.1 L/h/kg, ke0: 1 1/min, status: assumed, source: made up}}]
    routes: {{intravenous: {{status: assumed, source: made up}}}}
"""
BLOCK = """\
nmda: [{of: [it], ic50_2a: 1 uM, ic50_2b: 1 uM, ic50_2c: 1 uM, ic50_2d: 1 uM, status: assumed, source: made up}]
nmda_kinetics: [{of: [it], k_on: 1e8 1/M/s, electrical_distance: 0.6, escape: 0.2, status: assumed, source: made up}]"""
TARGET = "targets: [{{target: {}, action: {}, of: [it], value: 1 uM, status: assumed, source: made up}}]"
#: What the drug does -> signal of PYR cells that shows it, and its sign.
CASES = {
    "blocker": (BLOCK, "nmda_block", 1),
    "agonist": (TARGET.format("mglu2_3", "agonist"), "autoreceptor_inhibition", 1),
    "inhibitor": (TARGET.format("mtorc1", "inhibitor"), "p70s6k", -1),
    "antagonist": (TARGET.format("ampa", "antagonist"), "ampa_throughput", -1),
    "potentiator": (TARGET.format("gaba_a", "potentiator"), "firing_rate", -1),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_made_up_drug_has_a_dose_response(kind, tmp_path):
    """Catches a kind of action that takes code, and one whose effect does not grow with the dose."""
    acts, signal, sign = CASES[kind]
    (tmp_path / "it.yaml").write_text(DRUG.format(name=kind, acts=acts))
    settings = {"baseline": "20 s", "settle": "50 ms", "window": "10 s", "step": "10 min", "skip": False}
    dose = {"drug": kind, "route": "intravenous", "amount": "0 mg"}
    experiment = ketasim.Experiment.from_mapping(
        {"format": 1, "duration": "40 min", "subject": {"species": "rat"}, "network": {"neurons": 60}}
        | {
            "drugs": [str(tmp_path / "it.yaml")],
            "doses": [dose],
            "schedule": settings,
            "recording": {"measures": False},
        }
    )
    effects = []
    for amount in ("0 mg/kg", "1.5 mg/kg", "7 mg/kg", "100 mg/kg"):  # 0, 0.6, 2.8 and 40 uM unbound in the brain
        with ketasim.run(experiment.replace(**{"doses.0.amount": amount})) as trajectory:
            effects.append(float(trajectory[signal].sel(population="PYR")[-1]))
    steps = sign * np.diff(effects)
    # from the third dose on it may be saturated; a window of 10 s of 50 neurons has an error of about 2 %
    assert np.all(steps[:2] > 0.0) and steps[2] > -0.04 * abs(effects[0]), effects
    assert steps.sum() > 0.05 * max(abs(effects[0]), 0.1)

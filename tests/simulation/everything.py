"""A small experiment in which every mechanism has something to do: drugs for their targets, what befalls a subject."""

from ketasim.mechanisms import ORDER

STRESS = {"kind": "stress", "start": "0 s", "duration": "3 h"}
CHALLENGE = {"kind": "immune_challenge", "start": "0 s", "duration": "3 h"}
HOPE = {"kind": "expectancy", "start": "0 s", "duration": "3 h", "intensity": 0.5}
DRUGS = {
    "human": {"ketamine": ("iv", "0.5 mg/kg"), "escitalopram": ("oral", "20 mg"), "midazolam": ("iv", "0.03 mg/kg")},
    "rat": {
        "ketamine": ("ip", "10 mg/kg"),
        "ly379268": ("sc", "0.1 mg/kg"),
        "nbqx": ("ip", "1 mg/kg"),
        "rapamycin": ("ip", "1 mg/kg"),
    },
}
SUBUNITS = {"PYR": {"GluN2A": 0.4, "GluN2B": 0.3, "GluN2C": 0.2, "GluN2D": 0.1}}
ALL_ON = {one.name: "on" for one in ORDER if not one.by_default}


def everything(small, species, **changes):
    """Make the experiment; `mechanisms` are added to all that are on."""
    doses = [{"drug": drug, "route": route, "amount": amount} for drug, (route, amount) in DRUGS[species].items()]
    values = {
        "subject": {"species": species},
        "doses": doses,
        "stimuli": [STRESS, CHALLENGE, HOPE],
        "network": {"neurons": 80, "nmda_subunits": SUBUNITS},
        "recording": {},
        "mechanisms": ALL_ON | changes.pop("mechanisms", {}),
    }
    return small(**values, **changes)

"""A made-up compound that acts on one target, and a step of the mechanism that reads it."""

import numpy as np

from ketasim.documents import parse_document
from ketasim.documents.validation import validate
from ketasim.drugs import Drug
from ketasim.mechanisms import Mechanism
from tests.drugs.drug_files import OWN_DRUG
from tests.mechanisms.subjects import clock, setting
from tests.reference.pharmacokinetics import Subject


def acting(target: str, action: str, half: str, hill: float = 1.0) -> Drug:
    """The made-up drug, whose product acts on a target and on nothing else."""
    head, _, tail = OWN_DRUG.partition("targets:\n")
    row = f"  - {{target: {target}, action: {action}, of: [product], value: {half}, hill: {hill}, status: assumed, "
    species = tail[tail.index("species:\n") :]
    return validate(Drug, parse_document(f"{head}targets:\n{row}source: made up}}\n{species}"))


def scaled(mechanism: Mechanism, drug: Drug, concentration: float, *ports: np.ndarray, **parameters: float):
    """Ports after a step with the product at a concentration in uM; the parent is there, too, and does nothing."""
    prepared = mechanism.prepared(mechanism.Parameters(**parameters), setting(drug, subject=Subject("rat", 0.3)))
    ports = tuple(np.array(port, dtype=float) for port in ports)
    mechanism.advance(np.array([9.0, concentration]), *ports, prepared, clock(60.0))
    return ports

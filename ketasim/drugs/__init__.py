"""Drugs as data: one YAML file each, the catalogue that loads them, and their linear system in a body."""

from ketasim.drugs.catalogue import catalogue_digest, load_catalogue, unknown_drug
from ketasim.drugs.model import PERSON, ROUTE_SYNONYMS, ROUTES, SPECIES, Action, Drug
from ketasim.drugs.numbers import describe_drug, numbers_of, redrawn
from ketasim.drugs.targets import Ligands, ligands_of

__all__ = [
    "PERSON",
    "ROUTES",
    "ROUTE_SYNONYMS",
    "SPECIES",
    "Action",
    "Drug",
    "Ligands",
    "catalogue_digest",
    "describe_drug",
    "ligands_of",
    "load_catalogue",
    "numbers_of",
    "redrawn",
    "unknown_drug",
]

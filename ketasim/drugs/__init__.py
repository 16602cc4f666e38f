"""Drugs as data: one YAML file each, the catalogue that loads them, and the linear system of them in a body."""

from ketasim.drugs.catalogue import describe_drug, load_catalogue
from ketasim.drugs.model import ROUTES, SPECIES, Drug

__all__ = ["ROUTES", "SPECIES", "Drug", "describe_drug", "load_catalogue"]

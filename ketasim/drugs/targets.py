"""Drugs at their targets: rows of drug files by target and action, and the effect of concentrations there."""

from collections.abc import Sequence
from typing import NamedTuple, get_args

import numpy as np

from ketasim.documents.validation import unknown
from ketasim.drugs.families import suppliers
from ketasim.drugs.model import Action, Drug


class Ligands(NamedTuple):
    """Compounds with one action at one target.

    Attributes
    ----------
    compound : (n_ligands,) array of int64
        Positions on the axis `compound`.
    half : (n_ligands,) array
        Half-maximal concentrations in uM.
    hill : (n_ligands,) array
        Hill coefficients.
    """

    compound: np.ndarray
    half: np.ndarray
    hill: np.ndarray

    def relative_concentration(self, concentrations: np.ndarray) -> float:
        """Return the sum y of (C / K)^hill, 0 without ligands.

        Occupancy follows from y: ``y / (1 + y)`` alone, ``y / (1 + y + z)`` beside competitors with sum z.

        Parameters
        ----------
        concentrations : (n_compounds,) array
            Unbound concentrations in uM.
        """
        relative = concentrations[self.compound] / self.half
        # rounding can make concentrations slightly negative, which only the first power allows
        np.power(np.maximum(relative, 0.0), self.hill, out=relative, where=self.hill != 1.0)
        return float(np.sum(relative))


def ligands_of(drugs: Sequence[Drug], target: str, action: Action) -> Ligands:
    """Collect the compounds of `drugs` with a row for this target and action, in the order of the axis `compound`."""
    if action not in get_args(Action):
        raise ValueError(unknown("action", action, get_args(Action)))
    compounds = suppliers(drugs)
    rows = {
        name: row
        for name, drug in compounds.items()
        for row in drug.targets
        if row.about == (target, action) and name in row.of
    }
    return Ligands(
        np.array([index for index, name in enumerate(compounds) if name in rows], dtype=np.int64),
        np.array([rows[name].value for name in compounds if name in rows], dtype=np.float64),
        np.array([rows[name].hill for name in compounds if name in rows], dtype=np.float64),
    )

"""From drug data and a subject to one linear system: ``dx/dt = A x + input``.

States are amounts in mg, except in effect compartments, which hold a concentration in mg/L and take up no mass.
Eliminated amounts collect in a separate compartment for each compound, so that mass balance can be checked.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketasim.documents import DocumentError, Problem
from ketasim.drugs.model import Disposition, Drug, Route, SpeciesData, row_of

logger = logging.getLogger("ketasim")


@dataclass(frozen=True)
class Body:
    """A subject as pharmacokinetics sees it: species, weight in kg, genotype by gene."""

    species: str
    weight: float
    genotype: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Compartments:
    """Linear system of all drugs of a run in one subject.

    Attributes
    ----------
    names : tuple of str
        Compartments, such as ``S-ketamine central``.
    compounds, moieties : tuple of str
        Compounds in order, and the moiety under which each is summed.
    matrix : (n, n) array
        Rate constants, 1/s.
    plasma : (n_compounds, n) array
        From states to total plasma concentration, ng/mL.
    brain : (n_compounds, n) array
        From states to unbound brain concentration, uM.
    molar_mass : (n,) array
        g/mol of each compartment's compound; infinite for effect compartments, which hold no mass.
    entries : dict of (drug, route) to (n,) array
        mg into each compartment per mg of dose.
    lags : dict of (drug, route) to float
        s, lag of absorption.
    """

    names: tuple[str, ...]
    compounds: tuple[str, ...]
    moieties: tuple[str, ...]
    matrix: np.ndarray
    plasma: np.ndarray
    brain: np.ndarray
    molar_mass: np.ndarray
    entries: dict[tuple[str, str], np.ndarray]
    lags: dict[tuple[str, str], float]


def compartments(drugs: Sequence[Drug], body: Body, disposition: str = "default") -> Compartments:
    """Assemble the linear system of `drugs` in a body.

    Parameters
    ----------
    drugs : sequence of Drug
        Drugs of the run.
    body : Body
        The subject.
    disposition : str
        Name of the parameter set; a drug without a set of that name uses its own default.

    Raises
    ------
    DocumentError
        Two drugs contain the same compound.
    """
    bodies = [_DrugInBody(drug, body, disposition) for drug in drugs if drug.compounds]
    compounds = [compound for part in bodies for compound in part.drug.compounds]
    twice = sorted({compound for compound in compounds if compounds.count(compound) > 1})
    if twice:
        message = f"two drugs of this experiment contain {', '.join(twice)}; give only one of them"
        raise DocumentError([Problem(None, "doses", message)])
    names = tuple(name for part in bodies for name in part.names)
    n = len(names)
    matrix, molar_mass = np.zeros((n, n)), np.full(n, np.inf)
    plasma, brain = np.zeros((len(compounds), n)), np.zeros((len(compounds), n))
    entries: dict[tuple[str, str], np.ndarray] = {
        (drug.name, route): np.zeros(n) for drug in drugs for route in drug.routes_for(body.species)
    }
    lags = {key: 0.0 for key in entries}
    first, row = 0, 0
    for part in bodies:
        here = slice(first, first + len(part.names))
        rows = slice(row, row + len(part.drug.compounds))
        matrix[here, here] = part.matrix
        molar_mass[here] = part.molar_mass
        plasma[rows, here], brain[rows, here] = part.read_out()
        for route, entry in part.entries.items():
            entries[part.drug.name, route][here] = entry
            lags[part.drug.name, route] = part.data.routes[route].lag
        first, row = here.stop, rows.stop
    moieties = tuple(item.moiety for part in bodies for item in part.drug.compounds.values())
    return Compartments(names, tuple(compounds), moieties, matrix, plasma, brain, molar_mass, entries, lags)


class _DrugInBody:
    """One drug's block of the system."""

    def __init__(self, drug: Drug, body: Body, disposition: str):
        self.drug, self.body = drug, body
        self.data: SpeciesData = drug.species[body.species]
        chosen = disposition if disposition in self.data.dispositions else self.data.default
        self.blocks = (*self.data.dispositions[chosen], *self.data.metabolites)
        self.parents = {name for block in self.data.dispositions[chosen] for name in block.of}
        # volumes scale with weight, clearances with its power 3/4, hence rate constants with its power -1/4
        self.slowing = (body.weight / self.data.reference_weight) ** -0.25
        owner: dict[str, str] = {}
        for compound in drug.compounds:
            periphery = [f"peripheral {1 + i}" for i, _ in enumerate(self._block(compound).exchanges())]
            parts = ["central", *periphery, "effect", "eliminated"]
            owner |= {f"{compound} {part}": compound for part in parts}
        for route, entry in self.data.routes.items():
            if entry.absorption is not None:
                owner |= {f"{compound} {route} depot": compound for compound in self._dosed()}
        self.names = list(owner)
        self.at = {name: index for index, name in enumerate(self.names)}
        self.matrix = np.zeros((len(self.names), len(self.names)))
        self.molar_mass = np.array([self._mass(compound) for compound in owner.values()])
        self.molar_mass[[self.at[f"{compound} effect"] for compound in drug.compounds]] = np.inf
        self._connect()
        self.entries = {route: self._entry(route, data) for route, data in self.data.routes.items()}

    def _block(self, compound: str) -> Disposition:
        block: Disposition = row_of(self.blocks, compound)
        return block

    def _mass(self, compound: str) -> float:
        return float(row_of(self.drug.molar_mass, compound).value)

    def _dosed(self) -> list[str]:
        return [name for name, item in self.drug.compounds.items() if item.dose_fraction > 0]

    def _volume(self, compound: str) -> float:
        return self._block(compound).volume * self.body.weight  # L

    def _elimination(self, compound: str) -> float:
        """Return the rate constant of elimination in this body, 1/s; genotype changes the parent's."""
        rate = self._block(compound).elimination() * self.slowing
        if compound in self.parents:
            for gene, allele in self.body.genotype:
                factors = self.data.clearance_by_genotype.get(gene, {})
                rate *= factors[allele].value if allele in factors else 1.0
        return rate

    def _flow(self, source: str, target: str, rate: float, share: float = 1.0) -> None:
        """Add a flow of `share` of the rate constant `rate`, 1/s, from `source` to `target`, conserving molecules."""
        i, j = self.at[source], self.at[target]
        self.matrix[i, i] -= rate * share
        self.matrix[j, i] += rate * share * self.molar_mass[j] / self.molar_mass[i]

    def _connect(self) -> None:
        for compound in self.drug.compounds:
            central = f"{compound} central"
            for index, (out, back) in enumerate(self._block(compound).exchanges(), start=1):
                self._flow(central, f"{compound} peripheral {index}", out * self.slowing)
                self._flow(f"{compound} peripheral {index}", central, back * self.slowing)
            self._leave(central, compound, self._elimination(compound))
            effect, ke0 = self.at[f"{compound} effect"], self._block(compound).ke0
            self.matrix[effect, effect] -= ke0
            self.matrix[effect, self.at[central]] += ke0 / self._volume(compound)
        for name, route in self.data.routes.items():
            if route.absorption is not None:
                for compound in self._dosed():
                    self._absorb(f"{compound} {name} depot", compound, route)

    def _leave(self, source: str, compound: str, rate: float) -> None:
        """Eliminate a compound at `rate`: a fraction forms the next compound, the rest leaves the body."""
        formation = row_of(self.data.formation, compound)
        fraction = formation.value if formation else 0.0
        if formation:
            self._flow(source, f"{formation.forms} central", rate, fraction)
        self._flow(source, f"{compound} eliminated", rate, 1.0 - fraction)

    def _absorb(self, depot: str, compound: str, route: Route) -> None:
        """Empty a depot: what passes gut wall and liver stays the compound, what they extract is metabolised."""
        rate = route.absorption or 0.0
        passes = route.gut * (1.0 - self.extraction(compound)) if route.first_pass else 1.0
        self._flow(depot, f"{compound} central", rate, passes)
        self._leave(depot, compound, rate * (1.0 - passes))

    def extraction(self, compound: str) -> float:
        """Return the hepatic extraction CL/Q of a compound, at most 1; both scale with weight to the power 3/4."""
        clearance = self._elimination(compound) / self.slowing * self._block(compound).volume * 3600.0  # L/h/kg
        assert self.data.hepatic_flow is not None  # a drug file with first pass has one
        extraction = clearance / self.data.hepatic_flow.value
        if extraction >= 1.0:
            logger.warning(
                "%s: clearance of %s is not below hepatic flow; none escapes the first pass", self.drug.name, compound
            )
        return min(1.0, extraction)

    def _entry(self, name: str, route: Route) -> np.ndarray:
        """Return mg that enter each compartment per mg of dose; what is not absorbed counts as eliminated."""
        entry = np.zeros(len(self.names))
        enters = route.absorbed if route.first_pass else route.bioavailability
        for compound in self._dosed():
            dose = self.drug.compounds[compound].dose_fraction
            into = "central" if route.absorption is None else f"{name} depot"
            entry[self.at[f"{compound} {into}"]] = dose * enters
            entry[self.at[f"{compound} eliminated"]] = dose * (1.0 - enters)
        return entry

    def read_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Return matrices from states to total plasma (ng/mL) and unbound brain concentrations (uM)."""
        plasma = np.zeros((len(self.drug.compounds), len(self.names)))
        brain = np.zeros_like(plasma)
        for row, compound in enumerate(self.drug.compounds):
            plasma[row, self.at[f"{compound} central"]] = 1e3 / self._volume(compound)  # mg/L to ng/mL
            unbound = row_of(self.drug.unbound_plasma, compound).value
            unbound *= row_of(self.drug.unbound_brain_ratio, compound).value
            brain[row, self.at[f"{compound} effect"]] = unbound * 1e3 / self._mass(compound)  # mg/L to uM
        return plasma, brain

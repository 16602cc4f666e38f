"""From drug data and a subject to one linear system: ``dx/dt = A x + input``.

States are amounts in mg, except in effect compartments, which hold a concentration in mg/L and take up no mass.
Eliminated amounts collect in a separate compartment for each compound, so that mass balance can be checked.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketasim.documents import DocumentError, Problem
from ketasim.drugs.families import suppliers
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
        mg into each compartment per mg of a small dose.
    overflow : dict of (drug, route) to (float, (n,) array)
        Of routes that saturate: half-saturating dose in mg, and what moves between compartments per mg of a large dose.
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
    overflow: dict[tuple[str, str], tuple[float, np.ndarray]]
    lags: dict[tuple[str, str], float]

    def entry(self, drug: str, route: str, amount: float) -> np.ndarray:
        """Return mg into each compartment (n,) per mg of a dose of so many mg."""
        entry = self.entries[drug, route]
        if (drug, route) in self.overflow:
            half_dose, moved = self.overflow[drug, route]
            return entry + amount / (half_dose + amount) * moved
        return entry


def compartments(drugs: Sequence[Drug], body: Body, disposition: str = "default") -> Compartments:
    """Assemble the linear system of `drugs` in a body; drugs of one family share their compounds.

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
        Two drugs of different families contain the same compound.
    """
    families: dict[str, list[Drug]] = {}
    for drug in drugs:
        families.setdefault(drug.family, []).append(drug)
    compounds = suppliers(drugs)
    owned = [name for name, _ in {(name, drug.family) for drug in drugs for name in drug.compounds}]
    if twice := sorted({name for name in owned if owned.count(name) > 1}):
        message = f"two drugs of this experiment contain {', '.join(twice)}; give only one of them"
        raise DocumentError([Problem(None, "doses", message)])
    bodies = [_FamilyInBody(members, body, disposition) for members in families.values() if members[0].compounds]
    names = tuple(name for part in bodies for name in part.names)
    n = len(names)
    matrix, molar_mass = np.zeros((n, n)), np.full(n, np.inf)
    plasma, brain = np.zeros((len(compounds), n)), np.zeros((len(compounds), n))
    entries: dict[tuple[str, str], np.ndarray] = {
        (drug.name, route): np.zeros(n) for drug in drugs for route in drug.routes_for(body.species)
    }
    lags, overflow = {key: 0.0 for key in entries}, {}
    order, first = {name: row for row, name in enumerate(compounds)}, 0
    for part in bodies:
        here = slice(first, first + len(part.names))
        rows = [order[name] for name in part.compounds]
        matrix[here, here] = part.matrix
        molar_mass[here] = part.molar_mass
        plasma[rows, here], brain[rows, here] = part.read_out()
        for (drug_name, route), entry in part.entries.items():
            entries[drug_name, route][here] = entry
            lags[drug_name, route] = part.data[drug_name].routes[route].lag
        for key, (half_dose, moved) in part.overflow.items():
            overflow[key] = half_dose, np.zeros(n)
            overflow[key][1][here] = moved
        first = here.stop
    moieties = tuple(drug.compounds[name].moiety for name, drug in compounds.items())
    return Compartments(names, tuple(compounds), moieties, matrix, plasma, brain, molar_mass, entries, overflow, lags)


class _FamilyInBody:
    """One family's block of the system."""

    def __init__(self, members: Sequence[Drug], body: Body, disposition: str):
        self.compounds, self.body = suppliers(members), body
        self.data: dict[str, SpeciesData] = {drug.name: drug.species[body.species] for drug in members}
        chosen = {
            name: data.dispositions[disposition if disposition in data.dispositions else data.default]
            for name, data in self.data.items()
        }
        self.parents = {name for name, drug in self.compounds.items() if row_of(chosen[drug.name], name) is not None}
        self.blocks: dict[str, Disposition] = {
            name: row_of((*chosen[drug.name], *self.data[drug.name].metabolites), name)
            for name, drug in self.compounds.items()
        }
        # volumes scale with weight, clearances with its power 3/4, hence rate constants with its power -1/4
        self.slowing = {name: (body.weight / data.reference_weight) ** -0.25 for name, data in self.data.items()}
        owner: dict[str, str] = {}
        for compound, block in self.blocks.items():
            periphery = [f"peripheral {1 + i}" for i, _ in enumerate(block.exchanges())]
            parts = ["central", *periphery, "effect", "eliminated"]
            owner |= {f"{compound} {part}": compound for part in parts}
        depots = [
            (drug, route, compound)
            for drug in members
            for route, entry in self.data[drug.name].routes.items()
            if entry.absorption is not None
            for compound in _given(drug)
        ]
        owner |= {_depot(*one): one[2] for one in depots}
        self.names = list(owner)
        self.at = {name: index for index, name in enumerate(self.names)}
        self.matrix = np.zeros((len(self.names), len(self.names)))
        self.molar_mass = np.array([self._mass(compound) for compound in owner.values()])
        self.molar_mass[[self.at[f"{compound} effect"] for compound in self.compounds]] = np.inf
        self._connect()
        for drug, route, compound in depots:
            self._absorb(_depot(drug, route, compound), compound, drug, self.data[drug.name].routes[route])
        self.entries = {
            (drug.name, route): self._entry(drug, route) for drug in members for route in self.data[drug.name].routes
        }
        self.overflow = {
            (drug.name, name): (route.half_dose, self._overflow(drug, name))
            for drug in members
            for name, route in self.data[drug.name].routes.items()
            if route.half_dose is not None
        }

    def _mass(self, compound: str) -> float:
        return float(row_of(self.compounds[compound].molar_mass, compound).value)

    def _volume(self, compound: str) -> float:
        return self.blocks[compound].volume * self.body.weight  # L

    def _elimination(self, compound: str) -> float:
        """Return the rate constant of elimination in this body, 1/s; genotype changes the parent's."""
        drug = self.compounds[compound]
        return self.blocks[compound].elimination() * self.slowing[drug.name] * self._genotype(compound)

    def _genotype(self, compound: str) -> float:
        factor, data = 1.0, self.data[self.compounds[compound].name]
        if compound in self.parents:
            for gene, allele in self.body.genotype:
                factors = data.clearance_by_genotype.get(gene, {})
                factor *= factors[allele].value if allele in factors else 1.0
        return factor

    def _flow(self, source: str, target: str, rate: float, share: float = 1.0) -> None:
        """Add a flow of `share` of the rate constant `rate`, 1/s, from `source` to `target`, conserving molecules."""
        i, j = self.at[source], self.at[target]
        self.matrix[i, i] -= rate * share
        self.matrix[j, i] += rate * share * self.molar_mass[j] / self.molar_mass[i]

    def _connect(self) -> None:
        for compound, block in self.blocks.items():
            central, slowing = f"{compound} central", self.slowing[self.compounds[compound].name]
            for index, (out, back) in enumerate(block.exchanges(), start=1):
                self._flow(central, f"{compound} peripheral {index}", out * slowing)
                self._flow(f"{compound} peripheral {index}", central, back * slowing)
            self._leave(central, compound, self._elimination(compound))
            effect, ke0 = self.at[f"{compound} effect"], block.ke0
            self.matrix[effect, effect] -= ke0
            self.matrix[effect, self.at[central]] += ke0 / self._volume(compound)

    def _leave(self, source: str, compound: str, rate: float) -> None:
        """Eliminate a compound at `rate`: a fraction forms the next compound, the rest leaves the body."""
        formation = row_of(self.data[self.compounds[compound].name].formation, compound)
        fraction = formation.value if formation else 0.0
        if formation:
            self._flow(source, f"{formation.forms} central", rate, fraction)
        self._flow(source, f"{compound} eliminated", rate, 1.0 - fraction)

    def _absorb(self, depot: str, compound: str, drug: Drug, route: Route) -> None:
        """Empty a depot: what passes gut wall and liver stays the compound, what they extract is metabolised."""
        rate, passes = route.absorption or 0.0, 1.0
        if route.first_pass:
            passes = route.bypass + (1.0 - route.bypass) * route.gut * (1.0 - self.extraction(compound, drug))
        self._flow(depot, f"{compound} central", rate, passes)
        self._leave(depot, compound, rate * (1.0 - passes))

    def extraction(self, compound: str, drug: Drug) -> float:
        """Return the hepatic extraction CL/Q of a compound, at most 1; both scale with weight to the power 3/4."""
        data = self.data[drug.name]
        assert data.hepatic_flow is not None  # a drug file with first pass has one
        clearance = self.blocks[compound].elimination() * self.blocks[compound].volume * 3600.0  # L/h/kg
        if data.hepatic_clearance is not None and compound in self.parents:
            clearance = data.hepatic_clearance.value
        extraction = clearance * self._genotype(compound) / data.hepatic_flow.value
        if extraction >= 1.0:
            logger.warning(
                "%s: clearance of %s is not below hepatic flow; none escapes the first pass", drug.name, compound
            )
        return float(min(1.0, extraction))

    def _entry(self, drug: Drug, name: str) -> np.ndarray:
        """Return mg that enter each compartment per mg of dose; what is not absorbed counts as eliminated."""
        entry, route = np.zeros(len(self.names)), self.data[drug.name].routes[name]
        for compound, fraction in _given(drug).items():
            into = f"{compound} central" if route.absorption is None else _depot(drug, name, compound)
            entry[self.at[into]] += fraction * route.enters
            lost = fraction * (1.0 - route.enters)
            if route.swallowed:
                oral = self.data[drug.name].routes["oral"]
                entry[self.at[_depot(drug, "oral", compound)]] += fraction * route.swallowed * oral.enters
                lost -= fraction * route.swallowed * oral.enters
            entry[self.at[f"{compound} eliminated"]] = lost
        return entry

    def _overflow(self, drug: Drug, name: str) -> np.ndarray:
        """Return what moves per mg if none of a dose is absorbed by the route itself and all of that is swallowed."""
        moved, routes = np.zeros(len(self.names)), self.data[drug.name].routes
        for compound, fraction in _given(drug).items():
            share = fraction * routes[name].bioavailability
            moved[self.at[_depot(drug, name, compound)]] -= share
            moved[self.at[_depot(drug, "oral", compound)]] += share * routes["oral"].enters
            moved[self.at[f"{compound} eliminated"]] += share * (1.0 - routes["oral"].enters)
        return moved

    def read_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Return matrices from states to total plasma (ng/mL) and unbound brain concentrations (uM)."""
        plasma = np.zeros((len(self.compounds), len(self.names)))
        brain = np.zeros_like(plasma)
        for row, (compound, drug) in enumerate(self.compounds.items()):
            plasma[row, self.at[f"{compound} central"]] = 1e3 / self._volume(compound)  # mg/L to ng/mL
            unbound = row_of(drug.unbound_plasma, compound).value
            unbound *= row_of(drug.unbound_brain_ratio, compound).value
            brain[row, self.at[f"{compound} effect"]] = unbound * 1e3 / self._mass(compound)  # mg/L to uM
        return plasma, brain


def _given(drug: Drug) -> dict[str, float]:
    """Return the compounds that a dose of a drug consists of, and their fractions of it."""
    return {name: one.dose_fraction for name, one in drug.compounds.items() if one.dose_fraction > 0}


def _depot(drug: Drug, route: str, compound: str) -> str:
    """Return the name of a depot; a drug of another one's compounds has its own, whether both are given or not."""
    return f"{compound} {route} depot" + (f" of {drug.name}" if drug.name != drug.family else "")

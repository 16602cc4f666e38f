"""What a drug file may say: compounds, binding, targets, disposition, routes; each number with its source."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, ValidationError, model_validator

from ketasim.documents.document import DataPath
from ketasim.documents.nearest import shown
from ketasim.documents.validation import Quantity, Record, complaint, unknown
from ketasim.sources import Status

#: What a compound may do at a target.
Action = Literal["agonist", "antagonist", "block", "inhibitor", "potentiator"]

Species = Literal["human", "rat", "mouse"]
SPECIES: tuple[Species, ...] = ("human", "rat", "mouse")
#: The one that can say how it is.
PERSON: Species = "human"

#: Routes a dose can take, each with what else clinicians call it; a drug file lists those it has data for.
_ROUTES = {
    "intravenous": ("iv",),
    "intramuscular": ("im",),
    "subcutaneous": ("sc", "sq", "subcut", "subq"),
    "intranasal": ("in", "nasal"),
    "sublingual": ("sl",),
    "oral": ("po", "per os", "by mouth", "gavage"),
    "rectal": ("pr", "per rectum"),
    "intraperitoneal": ("ip",),
}
ROUTES = tuple(_ROUTES)
ROUTE_SYNONYMS = {synonym: route for route, synonyms in _ROUTES.items() for synonym in synonyms}

_Positive = Field(gt=0)
_Fraction = Field(ge=0, le=1)
_NAME = r"^[a-z][a-z0-9_]*$"
#: Tables with a row for every compound.
_OF_ALL = ("molar_mass", "unbound_plasma", "unbound_brain_ratio")


#: Largest factor by which a number may be off.
_LARGEST = 1000.0


def _prior(value: Any) -> float | dict[str, tuple[float, float]] | None:
    """Return a prior: a factor either way for each number of a block, or from and to which for some of them."""

    def number(one: Any) -> bool:
        return isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)

    if value is None or (number(value) and 1.0 < value <= _LARGEST):
        return value if value is None else float(value)
    if not isinstance(value, Mapping):
        raise ValueError(
            f"expected a factor above 1 by which each number may be off, such as 2, or from and to which factor for "
            f"single ones, such as {{k_on: [0.5, 5]}}; got {shown(value)}"
        )
    for name, ends in value.items():
        pair = isinstance(ends, list | tuple) and len(ends) == 2 and all(map(number, ends))
        if not pair or not (1.0 / _LARGEST <= ends[0] <= 1.0 <= ends[1] <= _LARGEST and ends[0] < ends[1]):
            raise ValueError(f"{name}: expected two factors on both sides of 1, such as [0.5, 5]; got {shown(ends)}")
    return {str(name): (float(ends[0]), float(ends[1])) for name, ends in value.items()}


_Prior = Annotated[
    float | dict[str, tuple[float, float]] | None,
    PlainValidator(_prior, json_schema_input_type=float | dict[str, tuple[float, float]]),
    PlainSerializer(
        lambda prior: {name: list(ends) for name, ends in prior.items()} if isinstance(prior, Mapping) else prior
    ),
]


class Stated(Record):
    """A block of numbers with one status and one source.

    Attributes
    ----------
    prior : float or mapping, optional
        Factor by which each number of the block may be too small or too large; or, for single numbers, from and to
        which factor, such as ``{k_on: [0.5, 5]}``. Drawn log-uniformly; fractions end at 1.
    """

    status: Status
    source: str = Field(min_length=1)
    prior: _Prior = None

    @model_validator(mode="after")
    def _prior_of_numbers(self) -> "Stated":
        names = [key for key in type(self).model_fields if key in self.model_fields_set and key != "prior"]
        names = [key for key in names if isinstance(getattr(self, key), float)]
        if self.prior is not None and not names:
            raise ValueError("a `prior` is of numbers, and this block has none")
        for name in self.prior if isinstance(self.prior, Mapping) else ():
            if name not in names:
                raise ValueError(unknown("number of this block under 'prior'", name, names))
        return self


class StatedOf(Stated):
    """A block of numbers for the compounds under `of`."""

    of: tuple[str, ...]


class MolarMass(StatedOf):
    """Molar mass of some compounds."""

    value: Annotated[float, _Positive, Quantity("g/mol")]


class Ratio(StatedOf):
    """A ratio for some compounds."""

    value: Annotated[float, _Positive, Quantity("1")]


class Unbound(StatedOf):
    """Fraction of some compounds not bound to plasma proteins."""

    value: Annotated[float, Field(gt=0, le=1), Quantity("1")]


class Formation(StatedOf):
    """Molar fraction of a compound's clearance that forms another one."""

    forms: str
    value: Annotated[float, _Fraction, Quantity("1")]


class NmdaAffinity(StatedOf):
    """IC50 at the NMDA receptor without Mg and at -66 mV, by GluN2 subunit."""

    ic50_2a: Annotated[float, _Positive, Quantity("uM")]
    ic50_2b: Annotated[float, _Positive, Quantity("uM")]
    ic50_2c: Annotated[float, _Positive, Quantity("uM")]
    ic50_2d: Annotated[float, _Positive, Quantity("uM")]


class NmdaKinetics(StatedOf):
    """How a blocker enters the channel: rate, electrical distance, and fraction that escapes without agonist."""

    k_on: Annotated[float, _Positive, Quantity("1/uM/s")]
    electrical_distance: Annotated[float, _Fraction, Quantity("1")]
    escape: Annotated[float, Field(ge=0, lt=1), Quantity("1")]


class Target(StatedOf):
    """Action of compounds at any other target, with the half-maximal concentration and the Hill coefficient."""

    target: str = Field(pattern=_NAME)
    action: Action
    value: Annotated[float, _Positive, Quantity("uM")]
    hill: Annotated[float, Field(gt=0, le=10), Quantity("1")] = 1.0

    @property
    def about(self) -> tuple[str, ...]:
        """Target and action."""
        return self.target, self.action


class Disposition(StatedOf):
    """Central volume with either rate constants (k10, k12, ...) or clearance, flow and peripheral volume; and ke0."""

    volume: Annotated[float, _Positive, Quantity("L/kg")]
    ke0: Annotated[float, _Positive, Quantity("1/s")]
    k10: Annotated[float, _Positive, Quantity("1/s")] | None = None
    k12: Annotated[float, _Positive, Quantity("1/s")] | None = None
    k21: Annotated[float, _Positive, Quantity("1/s")] | None = None
    k13: Annotated[float, _Positive, Quantity("1/s")] | None = None
    k31: Annotated[float, _Positive, Quantity("1/s")] | None = None
    clearance: Annotated[float, _Positive, Quantity("L/h/kg")] | None = None
    flow: Annotated[float, _Positive, Quantity("L/h/kg")] | None = None
    peripheral: Annotated[float, _Positive, Quantity("L/kg")] | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Disposition":
        pairs = (("k12", "k21"), ("k13", "k31"), ("flow", "peripheral"))
        for one, other in pairs:
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise ValueError(f"'{one}' and '{other}' belong together; give both or neither")
        if (self.k10 is None) == (self.clearance is None):
            raise ValueError("give either 'k10' or 'clearance'")
        return self

    def elimination(self) -> float:
        """Return the rate constant of elimination from the central compartment, 1/s."""
        return self.k10 if self.k10 is not None else (self.clearance or 0.0) / 3600.0 / self.volume

    def exchanges(self) -> list[tuple[float, float]]:
        """Return rate constants to and from each peripheral compartment, 1/s."""
        found = [(out, back) for out, back in ((self.k12, self.k21), (self.k13, self.k31)) if out and back]
        if self.flow and self.peripheral:
            found.append((self.flow / 3600.0 / self.volume, self.flow / 3600.0 / self.peripheral))
        return found


class Route(Stated):
    """How a dose enters the body; without absorption it goes straight into the central compartment.

    Attributes
    ----------
    absorption : float, optional
        Rate constant of first-order absorption, 1/s.
    lag : float
        s before absorption begins.
    bioavailability : float
        Fraction of the dose that is absorbed, for a route without first pass.
    first_pass : bool
        Absorbed drug passes the liver, and bioavailability follows as ``absorbed * gut * (1 - CL/Q)``; otherwise it is
        an input.
    absorbed, gut : float
        Fraction of the dose absorbed, and fraction of that passing the gut wall, for a route with first pass.
    bypass : float
        Fraction of what a route with first pass absorbs that reaches the body past gut wall and liver.
    swallowed : float
        Fraction of the dose that is swallowed and goes on as by mouth, in addition to `bioavailability`.
    half_dose : float, optional
        mg; of a dose of d mg `bioavailability` / (1 + d / `half_dose`) is absorbed, and the rest of it swallowed.
    """

    absorption: Annotated[float, _Positive, Quantity("1/s")] | None = None
    lag: Annotated[float, Field(ge=0), Quantity("s")] = 0.0
    bioavailability: Annotated[float, _Fraction, Quantity("1")] = 1.0
    first_pass: bool = False
    absorbed: Annotated[float, _Fraction, Quantity("1")] = 1.0
    gut: Annotated[float, _Fraction, Quantity("1")] = 1.0
    bypass: Annotated[float, _Fraction, Quantity("1")] = 0.0
    swallowed: Annotated[float, _Fraction, Quantity("1")] = 0.0
    half_dose: Annotated[float, _Positive, Quantity("mg")] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Route":
        for name in ("absorbed", "gut", "bypass"):
            if name in self.model_fields_set and not self.first_pass:
                raise ValueError(f"'{name}' belongs to a route with 'first_pass'")
        if self.swallowed + self.bioavailability > 1.0 + 1e-9:
            raise ValueError("'bioavailability' and 'swallowed' are parts of a dose and add up to 1 at most")
        if self.half_dose is not None and not self.swallowed:
            raise ValueError("'half_dose' belongs to a route of which a part is 'swallowed'")
        if self.swallowed and self.first_pass:
            raise ValueError("a part that is swallowed belongs to a route without 'first_pass'")
        if self.first_pass and (self.absorption is None or "bioavailability" in self.model_fields_set):
            raise ValueError("a route with 'first_pass' needs 'absorption' and computes its own bioavailability")
        return self

    @property
    def enters(self) -> float:
        """Fraction of a dose that enters the depot or, without absorption, the central compartment."""
        return self.absorbed if self.first_pass else self.bioavailability


class StatedValue(Stated):
    """A single fraction or factor."""

    value: Annotated[float, _Positive, Quantity("1")]


class HepaticFlow(Stated):
    """Liver blood flow per body weight."""

    value: Annotated[float, _Positive, Quantity("L/h/kg")]


class HepaticClearance(Stated):
    """Clearance by the liver per body weight, from which extraction follows in place of that of a disposition."""

    value: Annotated[float, _Positive, Quantity("L/h/kg")]


class UsualDose(Stated):
    """Least and most of a dose, or of an hour of an infusion, that are in use; others are remarked on."""

    least: Annotated[float, _Positive, Quantity("mg/kg")]
    most: Annotated[float, _Positive, Quantity("mg/kg")]

    @model_validator(mode="after")
    def _in_order(self) -> "UsualDose":
        if self.least > self.most:
            raise ValueError("'least' must not be above 'most'")
        return self


class SpeciesData(Record):
    """Disposition and routes of a drug in one species, per kg at the reference weight."""

    reference_weight: Annotated[float, _Positive, Quantity("kg")]
    hepatic_flow: HepaticFlow | None = None
    hepatic_clearance: HepaticClearance | None = None
    usual_dose: UsualDose | None = None
    default: str
    dispositions: dict[str, tuple[Disposition, ...]]
    metabolites: tuple[Disposition, ...] = ()
    formation: tuple[Formation, ...] = ()
    clearance_by_genotype: dict[str, dict[str, StatedValue]] = Field(default_factory=dict)
    routes: dict[str, Route]

    @model_validator(mode="after")
    def _names(self) -> "SpeciesData":
        if self.default not in self.dispositions:
            raise ValueError(unknown("disposition", self.default, self.dispositions))
        for name, route in self.routes.items():
            if name not in ROUTES:
                meant = f"; write {ROUTE_SYNONYMS[name]}" if name in ROUTE_SYNONYMS else ""
                raise ValueError(unknown("route", name, ROUTES) + meant)
            if route.first_pass and self.hepatic_flow is None:
                raise ValueError(f"the route '{name}' has a first pass through the liver; give 'hepatic_flow'")
            oral = self.routes.get("oral")
            if route.swallowed and (name == "oral" or oral is None or oral.absorption is None):
                raise ValueError(f"what is swallowed by the route '{name}' needs another, 'oral', with 'absorption'")
        flow, clearance = self.hepatic_flow, self.hepatic_clearance
        if clearance is not None and (flow is None or clearance.value >= flow.value):
            raise ValueError("'hepatic_clearance' must be less than 'hepatic_flow'")
        return self


class Compound(Record):
    """One chemical species: the moiety under which tables sum it, and its fraction of a dose (0 for metabolites)."""

    moiety: str
    dose_fraction: Annotated[float, _Fraction, Quantity("1")] = 0.0


class Drug(Record):
    """A drug as data: adding a drug takes a file and no code.

    Attributes
    ----------
    also : tuple of str
        Other names, which an unknown name is compared with.
    base : str, optional
        Drug of whose compounds it is made, see `ketasim.drugs.families`.
    differs : bool
        Whether a compound has other numbers than in the base.
    """

    format: Literal[1]
    name: str = Field(pattern=_NAME)
    title: str
    also: tuple[str, ...] = ()
    base: str | None = None
    differs: bool = False
    compounds: dict[str, Compound]
    molar_mass: tuple[MolarMass, ...] = ()
    unbound_plasma: tuple[Unbound, ...] = ()
    unbound_brain_ratio: tuple[Ratio, ...] = ()
    nmda: tuple[NmdaAffinity, ...] = ()
    nmda_kinetics: tuple[NmdaKinetics, ...] = ()
    targets: tuple[Target, ...] = ()
    species: dict[str, SpeciesData]

    @model_validator(mode="after")
    def _complete(self) -> "Drug":
        wrong = [complaint(place, text) for place, text in self._wrong()]
        if wrong:
            raise ValidationError.from_exception_data("Drug", wrong)
        return self

    def _wrong(self) -> Iterator[tuple[DataPath, str]]:
        """Yield place and message of every inconsistency."""
        for table in ("molar_mass", "unbound_plasma", "unbound_brain_ratio", "nmda", "nmda_kinetics", "targets"):
            yield from self._wrong_rows((table,), getattr(self, table), required=table in _OF_ALL)
        if {name for row in self.nmda for name in row.of} != {name for row in self.nmda_kinetics for name in row.of}:
            yield ("nmda_kinetics",), "'nmda' and 'nmda_kinetics' must name the same compounds"
        dosed = sum(compound.dose_fraction for compound in self.compounds.values())
        if self.compounds and abs(dosed - 1.0) > 1e-9:
            yield ("compounds",), f"the dose fractions of the compounds must add up to 1, not {dosed:g}"
        for name, data in self.species.items():
            here = ("species", name)
            if name not in SPECIES:
                yield here, unknown("species", name, SPECIES)
            for key, blocks in data.dispositions.items():
                yield from self._wrong_rows((*here, "dispositions", key), (*blocks, *data.metabolites), required=True)
            yield from self._wrong_rows((*here, "formation"), data.formation)
            for row in data.formation:
                if row.forms not in self.compounds:
                    yield (*here, "formation"), unknown("compound", row.forms, self.compounds)
                if row.forms in row.of:
                    yield (*here, "formation"), f"{row.forms} cannot form itself"

    def _wrong_rows(self, place: DataPath, rows: Any, required: bool = False) -> Iterator[tuple[DataPath, str]]:
        """Check that rows name known compounds, each at most once for the same entry, and all of them if required."""
        named = [(name, *getattr(row, "about", ())) for row in rows for name in row.of]
        for name, *about in dict.fromkeys(named):
            if name not in self.compounds:
                yield place, unknown("compound", name, self.compounds)
            if named.count((name, *about)) > 1:
                yield place, f"{name} has two rows{' as ' if about else ''}{' '.join(about)}; it needs one"
        missing = [name for name in self.compounds if (name,) not in named]
        if required and missing:
            yield place, f"no row for {', '.join(missing)}"

    @property
    def family(self) -> str:
        """Name of the drug whose file has all numbers of its compounds."""
        return self.base if self.base and not self.differs else self.name

    @property
    def molar_mass_given(self) -> float:
        """Molar mass of what is given, g/mol; NaN for a drug without compounds."""
        fractions = {name: one.dose_fraction for name, one in self.compounds.items() if one.dose_fraction}
        moles = sum(fraction / row_of(self.molar_mass, name).value for name, fraction in fractions.items())
        return 1.0 / moles if moles else math.nan

    def routes_for(self, species: str) -> tuple[str, ...]:
        """Return the routes in the file for a species; every route for a drug without compounds."""
        if not self.compounds:
            return ROUTES
        return tuple(self.species[species].routes) if species in self.species else ()

    def dispositions_for(self, species: str) -> tuple[str, ...]:
        """Return the names of the parameter sets for a species, the default first."""
        if species not in self.species:
            return ()
        data = self.species[species]
        return (data.default, *(name for name in data.dispositions if name != data.default))


def row_of(rows: tuple[Any, ...], compound: str) -> Any:
    """Return the row of a table for a compound; None if there is none."""
    return next((row for row in rows if compound in row.of), None)

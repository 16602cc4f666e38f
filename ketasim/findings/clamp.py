"""Block of NMDA receptors of one GluN2 subunit in voltage clamp: potency, what is left open, and recovery."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from scipy.optimize import brentq

from ketasim.documents.validation import Quantity, Record, unknown
from ketasim.drugs import Drug, unknown_drug
from ketasim.drugs.model import row_of
from ketasim.kernels.formulas import mg_unblocked_fraction
from ketasim.mechanisms.nmda_blockade import Parameters, potency
from ketasim.network.synapses import PREFRONTAL


class Clamp(Record):
    """A receptor in voltage clamp with a blocker."""

    drug: str = Field(description="blocker, by its name")
    subunit: Literal["2A", "2B", "2C", "2D"]
    magnesium: Annotated[float, Field(ge=0), Quantity("mM")] = Field(description="extracellular Mg")
    voltage: Annotated[float, Field(ge=-200, le=200), Quantity("mV")] = Field(default=-66.0, description="held")
    concentration: Annotated[float, Field(gt=0), Quantity("uM")] | None = Field(
        default=None, description="of what is given; the share of current that is left, in place of the IC50"
    )
    recovery: bool = Field(
        default=False, description="s until block falls to 1/e in saturating agonist after the blocker is washed out"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.recovery and self.concentration is not None:
            raise ValueError("give `concentration` or `recovery`, and not both: without the blocker it has none")
        return self

    def wrong(self, drugs: Mapping[str, Drug]) -> str | None:
        """Return what is wrong with the blocker if it is none of these drugs; None if nothing is."""
        blockers = {name: drug for name, drug in drugs.items() if drug.nmda}
        if self.drug not in drugs:
            return unknown_drug(self.drug, blockers)
        if self.drug not in blockers:
            return unknown("blocker", self.drug, blockers)
        given = [name for name, one in drugs[self.drug].compounds.items() if one.dose_fraction]
        if not any(row_of(drugs[self.drug].nmda, name) for name in given):
            return f"what is given of {self.drug}, {', '.join(given)}, is no blocker"
        return None

    @property
    def unit(self) -> str:
        """Unit of `value`; empty for a share."""
        return "s" if self.recovery else "uM" if self.concentration is None else ""

    def value(self, drug: Drug) -> float:
        """Return what the model's scheme comes to: IC50 in uM, share of current left, or recovery in s."""
        if self.recovery:
            return self._recovery(drug)
        ic50 = 1.0 / math.fsum(affinity for affinity, _ in self._block(drug))
        return ic50 if self.concentration is None else 1.0 / (1.0 + self.concentration / ic50)

    def _recovery(self, drug: Drug) -> float:
        """Return when block is 1/e of what it was at steady state: a sum of exponentials."""
        block = self._block(drug)
        begin = math.fsum(affinity for affinity, _ in block)

        def left(time: float) -> float:
            return math.fsum(affinity * math.exp(-rate * time) for affinity, rate in block) / begin - math.exp(-1.0)

        rates = [rate for affinity, rate in block if affinity]
        return brentq(left, 0.5 / max(rates), 2.0 / min(rates))

    def _block(self, drug: Drug) -> list[tuple[float, float]]:
        """Return block per free receptor and uM of what is given, trapped and not, and how fast it leaves, 1/s."""
        letter = self.subunit.lower()
        free = mg_unblocked_fraction(self.voltage, self.magnesium / getattr(PREFRONTAL.receptors, f"mg_half_{letter}"))
        receptors = Parameters()
        opening = getattr(receptors, f"open_probability_{letter}")
        given = {name: one.dose_fraction for name, one in drug.compounds.items() if one.dose_fraction}
        moles = {name: fraction / row_of(drug.molar_mass, name).value for name, fraction in given.items()}
        found = []
        for name, amount in moles.items():
            affinity, kinetics = row_of(drug.nmda, name), row_of(drug.nmda_kinetics, name)
            if affinity is not None:
                ic50, escape = getattr(affinity, f"ic50_{letter}"), kinetics.escape
                share = amount / math.fsum(moles.values())
                blocking = share / potency(ic50, kinetics.electrical_distance, self.voltage, free)
                rate = kinetics.k_on * ic50
                found.append(((1.0 - escape) * blocking, opening * rate / (1.0 - escape)))
                found.append((escape * blocking, receptors.superficial_factor * rate))
        return found

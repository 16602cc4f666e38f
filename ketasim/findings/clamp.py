"""Block of NMDA receptors in voltage clamp: the concentration that blocks half of one GluN2 subunit's receptors."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ketasim.documents.validation import Quantity, Record, unknown
from ketasim.drugs import load_catalogue
from ketasim.drugs.model import row_of
from ketasim.kernels.formulas import mg_unblocked_fraction
from ketasim.mechanisms.nmda_blockade import potency
from ketasim.network.synapses import PREFRONTAL


class Clamp(Record):
    """A receptor in voltage clamp with a blocker."""

    drug: str = Field(description="blocker, by its name in the catalogue")
    subunit: Literal["2A", "2B", "2C", "2D"]
    magnesium: Annotated[float, Field(ge=0), Quantity("mM")] = Field(description="extracellular Mg")
    voltage: Annotated[float, Field(ge=-200, le=200), Quantity("mV")] = Field(default=-66.0, description="held")

    @model_validator(mode="after")
    def _known(self) -> Self:
        blockers = [name for name, drug in load_catalogue().items() if drug.nmda]
        if self.drug not in blockers:
            raise ValueError(unknown("blocker", self.drug, blockers))
        return self

    def ic50(self) -> float:
        """Return the concentration in uM of what is given that blocks half at steady state, by the model's scheme."""
        drug = load_catalogue()[self.drug]
        half = getattr(PREFRONTAL.receptors, f"mg_half_{self.subunit.lower()}")
        free = mg_unblocked_fraction(self.voltage, self.magnesium / half)
        given = {name: one.dose_fraction for name, one in drug.compounds.items() if one.dose_fraction}
        moles = {name: fraction / row_of(drug.molar_mass, name).value for name, fraction in given.items()}
        blocking = 0.0
        for name, amount in moles.items():
            affinity, kinetics = row_of(drug.nmda, name), row_of(drug.nmda_kinetics, name)
            if affinity is not None:
                half_block = getattr(affinity, f"ic50_{self.subunit.lower()}")
                share = amount / math.fsum(moles.values())
                blocking += share / potency(half_block, kinetics.electrical_distance, self.voltage, free)
        return 1.0 / blocking

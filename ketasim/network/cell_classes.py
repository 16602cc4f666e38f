"""The three cell classes of the prefrontal circuit: membranes, NMDA subunits, background afferents."""

from types import MappingProxyType
from typing import Annotated, NamedTuple

from annotated_types import Le

from ketasim.sources import Source

_MEMBRANE = Source(
    "assumed",
    "feasible values of the order of Destexhe 2009 (ModelDB 126466) and Zerlaut 2018; passive PV, SST recalled",
    1.2,
)
_POTENTIAL = Source(*_MEMBRANE[:2], 1.03)
_SHARE = Source(
    "assumed",
    "direction: adult prefrontal cortex keeps GluN2B (Wang 2008), GluN2D mRNA in PV cells, no GluN2C in cortical "
    "neurons; the fractions are guesses, that of GluN2D in SST cells entirely",
    2.0,
)
_TUNED = Source("fitted", "adjusted by hand to rates of calibration C0 and irregular firing, without any drug", 1.5)
_CHOSEN = Source(
    "fitted",
    "experiments/calibrate_network.py: solved for rates of calibration C0 without any drug; chosen among the sets "
    "so accepted by calibration C1 and robustness (docs/network_choice.md), which are its joint prior",
    2.5,
)

#: Fields of a cell class with the fractions of GluN2A, B, C, D in its NMDA conductance.
NMDA_SHARES = ("nmda_2a", "nmda_2b", "nmda_2c", "nmda_2d")


class CellClass(NamedTuple):
    """Constants of one cell class. Not validated against recordings of single cells."""

    inhibitory: bool
    share_of_nodes: Annotated[float, Le(1), "1", Source("recalled", "Rudy 2011: one neuron in five inhibitory", 1.1)]
    capacitance: Annotated[float, "pF", _MEMBRANE]
    leak: Annotated[float, "nS", _MEMBRANE]
    rest: Annotated[float, "mV", _POTENTIAL]
    threshold: Annotated[float, "mV", _POTENTIAL]
    sharpness: Annotated[float, "mV", Source("recalled", "Brette & Gerstner 2005; Destexhe 2009; Zerlaut 2018", 1.5)]
    reset: Annotated[float, "mV", _POTENTIAL]
    adaptation: Annotated[float, "nS", _MEMBRANE]
    adaptation_jump: Annotated[float, "pA", _TUNED]
    adaptation_time: Annotated[float, "ms", _MEMBRANE]
    refractory: Annotated[float, "ms", _MEMBRANE]
    afferent_rate: Annotated[float, "1/ms", _TUNED]
    afferent_ampa: Annotated[float, "nS", _CHOSEN]
    afferent_nmda: Annotated[float, "nS", _CHOSEN]
    nmda_2a: Annotated[float, Le(1), "1", _SHARE]
    nmda_2b: Annotated[float, Le(1), "1", _SHARE]
    nmda_2c: Annotated[float, Le(1), "1", _SHARE]
    nmda_2d: Annotated[float, Le(1), "1", _SHARE]

    @property
    def nmda_shares(self) -> tuple[float, float, float, float]:
        """Fractions of GluN2A, B, C, D in the NMDA conductance; they add up to 1."""
        return (self.nmda_2a, self.nmda_2b, self.nmda_2c, self.nmda_2d)

    @property
    def cutoff(self) -> float:
        """Voltage in mV at which a spike is cut: the threshold if sharpness is 0, else high on the upstroke."""
        return self.threshold + 10.0 * self.sharpness


#: Population name -> cell class, in the order of nodes.
CELL_CLASSES = MappingProxyType(
    {
        "PYR": CellClass(
            inhibitory=False, share_of_nodes=0.80,
            capacitance=200.0, leak=10.0, rest=-70.0, threshold=-50.0, sharpness=2.0, reset=-60.0,
            adaptation=2.0, adaptation_jump=15.0, adaptation_time=150.0, refractory=3.0,
            afferent_rate=1.2, afferent_ampa=1.409, afferent_nmda=0.07297,
            nmda_2a=0.55, nmda_2b=0.45, nmda_2c=0.0, nmda_2d=0.0,
        ),
        "PV": CellClass(
            inhibitory=True, share_of_nodes=0.11,
            capacitance=100.0, leak=10.0, rest=-68.0, threshold=-50.0, sharpness=0.5, reset=-60.0,
            adaptation=0.0, adaptation_jump=0.0, adaptation_time=100.0, refractory=1.0,
            afferent_rate=1.5, afferent_ampa=0.4801, afferent_nmda=0.01527,
            nmda_2a=0.50, nmda_2b=0.25, nmda_2c=0.0, nmda_2d=0.25,
        ),
        "SST": CellClass(
            inhibitory=True, share_of_nodes=0.09,
            capacitance=120.0, leak=6.0, rest=-64.0, threshold=-50.0, sharpness=2.5, reset=-55.0,
            adaptation=2.0, adaptation_jump=3.0, adaptation_time=100.0, refractory=2.0,
            afferent_rate=0.3, afferent_ampa=0.614, afferent_nmda=0.05191,
            nmda_2a=0.25, nmda_2b=0.55, nmda_2c=0.0, nmda_2d=0.20,
        ),
    }
)  # fmt: skip

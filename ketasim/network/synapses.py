"""Synapses between cell classes: conductances, time constants, short-term plasticity."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, NamedTuple

from annotated_types import Ge, Gt, Le

from ketasim.network.cell_classes import CELL_CLASSES, CellClass
from ketasim.sources import Prior, Source

_TUNED = Source(
    "fitted",
    "experiments/calibrate_network.py: published unitary sizes and rates of calibration C0 without any drug; among the "
    "sets so accepted, the most robust that agrees with calibration C1 (network_choice.md); they are its joint prior",
    2.5,
)
_PLASTICITY = Source(
    "verified",
    "public code of the Markram laboratory's prefrontal and neocortical types; assignment to classes assumed",
)
_MG_OF_SUBUNITS = Source(
    "recalled",
    "K_Mg of GluN2A times the ratio of Mg's own IC50s at -100 mV, 2.4, 2.1, 14.2, 10.2 uM for A-D: Kuner & "
    "Schoepfer 1996, who put the difference of C and D down to voltage dependence (abstract); of D at least 4 times "
    "weaker at all voltages: Qian 2005, J Physiol 562:319 (abstract)",
    1.5,
)


class Synapse(NamedTuple):
    """One class of connections. Weights of single synapses multiply its conductances."""

    ampa: Annotated[float, "nS", _TUNED] = 0.0
    nmda: Annotated[float, "nS", _TUNED] = 0.0
    gaba: Annotated[float, "nS", _TUNED] = 0.0
    utilisation: Annotated[float, "1", _PLASTICITY] = 1.0
    recovery: Annotated[float, "ms", _PLASTICITY] = 1.0
    facilitation: Annotated[float, "ms", _PLASTICITY] = 1.0


class Receptors(NamedTuple):
    """Constants of all synapses."""

    ampa_time: Annotated[float, Gt(0), "ms", Source("verified", "Brunel & Wang 2001; Wang 2002")] = 2.0
    nmda_time: Annotated[float, Gt(0), "ms", Source("verified", "Brunel & Wang 2001; Wang 2002")] = 100.0
    gaba_fast_time: Annotated[
        float, Gt(0), "ms", Source("assumed", "from PV cells; 5-10 ms in model circuits", Prior(5.0, 10.0))
    ] = 8.0
    gaba_slow_time: Annotated[
        float,
        Gt(0),
        "ms",
        Source(
            "assumed",
            "from SST cells; slower by tradition, not in the public kernels of mouse V1 circuits",
            Prior(8.0, 20.0),
        ),
    ] = 12.0
    gaba_reversal: Annotated[
        float, Ge(-120), Le(0), "mV", Source("assumed", "GABA-A in mature cortex", Prior(-80.0, -65.0, "linear"))
    ] = -75.0
    mg: Annotated[
        float, Ge(0), "mM", Source("recalled", "extracellular Mg of the brain, 1 mM in the source of K_Mg", 1.3)
    ] = 1.0
    mg_half_2a: Annotated[float, Gt(0), "mM", Source("verified", "K_Mg of Jahr & Stevens 1990, taken for GluN2A")] = (
        3.57
    )
    mg_half_2b: Annotated[float, Gt(0), "mM", _MG_OF_SUBUNITS] = 3.1
    mg_half_2c: Annotated[float, Gt(0), "mM", _MG_OF_SUBUNITS] = 21.0
    mg_half_2d: Annotated[float, Gt(0), "mM", _MG_OF_SUBUNITS] = 15.0
    afferent_unit_rate: Annotated[
        float,
        Gt(0),
        "Hz",
        Source(
            "assumed", "rate of one afferent axon; sets the number of synapses that the afferent rate represents", 3.0
        ),
    ] = 2.0
    extrasynaptic_ratio: Annotated[
        float,
        Ge(0),
        "1",
        Source("verified", "36 % of dendritic NMDA receptors lie outside synapses: Harris & Pettit 2007"),
    ] = 0.5625
    utilisation_in_vivo: Annotated[
        float, Gt(0), Le(1), "1", Source("assumed", "in-vitro U is high for in-vivo calcium", Prior(0.4, 1.0))
    ] = 0.5

    def mg_over_half(self) -> tuple[float, float, float, float]:
        """Return [Mg] relative to K_Mg of GluN2A, B, C and D."""
        return (
            self.mg / self.mg_half_2a,
            self.mg / self.mg_half_2b,
            self.mg / self.mg_half_2c,
            self.mg / self.mg_half_2d,
        )


_DEPRESSING_E2 = {"utilisation": 0.50, "recovery": 671.0, "facilitation": 17.0}
_FACILITATING_E1 = {"utilisation": 0.09, "recovery": 138.0, "facilitation": 670.0}
_DEPRESSING_I2 = {"utilisation": 0.25, "recovery": 706.0, "facilitation": 21.0}
_LINEAR_I3 = {"utilisation": 0.32, "recovery": 144.0, "facilitation": 62.0}

#: (source class, target class) -> synapse; conductances in nS for the in-degrees of 800 neurons.
SYNAPSES = MappingProxyType(
    {
        ("PYR", "PYR"): Synapse(ampa=0.3099, nmda=0.0995, **_DEPRESSING_E2),
        ("PYR", "PV"): Synapse(ampa=1.3, nmda=0.5425, **_DEPRESSING_E2),
        ("PYR", "SST"): Synapse(ampa=0.7587, nmda=0.8143, **_FACILITATING_E1),
        ("PV", "PYR"): Synapse(gaba=0.8672, **_DEPRESSING_I2),
        ("PV", "PV"): Synapse(gaba=0.592, **_DEPRESSING_I2),
        ("PV", "SST"): Synapse(gaba=0.1908, **_DEPRESSING_I2),
        ("SST", "PYR"): Synapse(gaba=0.6889, **_LINEAR_I3),
        ("SST", "PV"): Synapse(gaba=0.2168, **_LINEAR_I3),
        ("SST", "SST"): Synapse(gaba=0.06962, **_LINEAR_I3),
    }
)

#: Inhibitory classes that use the slow channel.
SLOW_INHIBITION = frozenset({"SST"})


class Tables(NamedTuple):
    """Populations of a network and their connections, by name.

    Attributes
    ----------
    cells : mapping of population to CellClass
        Constants of the cells.
    synapses : mapping of (source, target) to Synapse
        Pairs not listed are not connected.
    slow_inhibition : frozenset of str
        Inhibitory populations that use the slow channel.
    receptors : Receptors
        Constants of all synapses.
    exact_charge : bool
        A synaptic event delivers ``g tau``, as in continuous time. The kernel holds conductances during a step, so
        without this an event delivers ``1 + dt/(2 tau)`` times as much (2.5 % more for AMPA).
    origins : mapping of str to Source
        Status and source of the numbers, by place in the circuit file.
    """

    cells: Mapping[str, CellClass]
    synapses: Mapping[tuple[str, str], Synapse]
    slow_inhibition: frozenset[str]
    receptors: Receptors
    exact_charge: bool = False
    origins: Mapping[str, Source] = MappingProxyType({})


#: Cells and synapses of the default circuit, and of graphs given without their own. Its weights were fitted to the
#: charge that the kernel delivers.
PREFRONTAL = Tables(CELL_CLASSES, SYNAPSES, SLOW_INHIBITION, Receptors())

"""Slow biology, one mechanism per file. `ORDER` lists them; within a step all read the values at its start."""

from ketasim.mechanisms import (
    allosteric_site,
    ampa_antagonism,
    autoreceptors,
    bdnf,
    chronic_stress,
    cortical_afferents,
    dissociation,
    eef2,
    extrasynaptic_nmda,
    gabaa_potentiation,
    glutamate,
    homeostatic_scaling,
    inhibitory_plasticity,
    mtorc1,
    mtorc1_inhibition,
    neuroinflammation,
    nmda_blockade,
    pharmacokinetics,
    surface_ampa,
    synaptic_protein,
    synaptogenesis,
    trkb,
)
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting

ORDER: tuple[Mechanism, ...] = (
    pharmacokinetics.MECHANISM,
    nmda_blockade.MECHANISM,
    glutamate.MECHANISM,
    autoreceptors.MECHANISM,
    extrasynaptic_nmda.MECHANISM,
    allosteric_site.MECHANISM,
    ampa_antagonism.MECHANISM,
    gabaa_potentiation.MECHANISM,
    cortical_afferents.MECHANISM,
    chronic_stress.MECHANISM,
    neuroinflammation.MECHANISM,
    dissociation.MECHANISM,
    eef2.MECHANISM,
    bdnf.MECHANISM,
    trkb.MECHANISM,
    mtorc1_inhibition.MECHANISM,
    mtorc1.MECHANISM,
    synaptic_protein.MECHANISM,
    surface_ampa.MECHANISM,
    homeostatic_scaling.MECHANISM,
    inhibitory_plasticity.MECHANISM,
    synaptogenesis.MECHANISM,
)

__all__ = ["ORDER", "Clock", "Mechanism", "Setting"]

"""A drug file that nobody shipped: an NMDA blocker whose product acts on mGlu2/3 and on AMPA receptors."""

OWN_DRUG = """\
format: 1
name: own_drug
title: A made-up compound
compounds:
  parent: {moiety: parent, dose_fraction: 1}
  product: {moiety: product}
molar_mass:
  - {of: [parent], value: 200 g/mol, status: assumed, source: made up}
  - {of: [product], value: 0.3 kg/mol, status: assumed, source: made up}
unbound_plasma:
  - {of: [parent, product], value: 0.5, status: assumed, source: made up}
unbound_brain_ratio:
  - {of: [parent, product], value: 0.8, status: assumed, source: made up}
nmda:
  - {of: [parent], ic50_2a: 500 nM, ic50_2b: 1 uM, ic50_2c: 2 uM, ic50_2d: 4 uM, status: assumed, source: made up}
nmda_kinetics:
  - {of: [parent], k_on: 3e6 1/M/s, electrical_distance: 0.8, escape: 0.3, status: assumed, source: made up}
targets:
  - {target: mglu2_3, action: agonist, of: [product], value: 3 nM, status: assumed, source: made up}
  - {target: ampa, action: potentiator, of: [product], value: 2000 nM, status: assumed, source: made up}
species:
  rat:
    reference_weight: 300 g
    hepatic_flow: {value: 4 L/h/kg, status: assumed, source: made up}
    default: slow
    dispositions:
      slow:
        - {of: [parent], volume: 2 L/kg, k10: 0.6 1/h, k12: 1 1/h, k21: 0.5 1/h, ke0: 1 1/min,
           status: assumed, source: made up}
      quick:
        - {of: [parent], volume: 2 L/kg, clearance: 3 L/h/kg, ke0: 1 1/min, status: assumed, source: made up}
    metabolites:
      - {of: [product], volume: 1 L/kg, clearance: 2 L/h/kg, ke0: 1 1/min, status: assumed, source: made up}
    formation:
      - {of: [parent], forms: product, value: 0.25, status: assumed, source: made up}
    routes:
      intravenous: {status: verified, source: straight in}
      subcutaneous: {absorption: 2 1/h, lag: 5 min, bioavailability: 0.9, status: assumed, source: made up}
      oral: {absorption: 1 1/h, absorbed: 0.9, gut: 0.8, first_pass: true, status: assumed, source: made up}
"""

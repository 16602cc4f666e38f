"""The linear system that a body makes of a drug: substance is kept, sizes scale, the liver takes its share."""

from pathlib import Path

import numpy as np
import pandas
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import expm

from ketasim.documents import DocumentError, parse_document
from ketasim.documents.validation import validate
from ketasim.drugs import Drug, load_catalogue
from ketasim.drugs.compartments import Body, compartments
from tests.drugs.drug_files import OWN_DRUG

CATALOGUE = load_catalogue()
KETAMINE = CATALOGUE["ketamine"]
OWN = validate(Drug, parse_document(OWN_DRUG))
WEIGHTS = {"human": 83.0, "rat": 0.21, "mouse": 0.031}
EVERY_SET = [
    (drug, species, name)
    for drug in (*CATALOGUE.values(), OWN)
    for species in drug.species
    for name in drug.dispositions_for(species)
]


def body(species="human", weight=70.0, cyp2b6="*1/*1"):
    return Body(species, weight, (("cyp2b6", cyp2b6),) if species == "human" else ())


def parts(system, *endings):
    """Numbers of the compartments whose names end so."""
    return [index for index, name in enumerate(system.names) if name.endswith(endings)]


def exposure(system, entry):
    """Area under the plasma curve of each compound, (ng/mL) s, after one dose: ``-A^-1`` times what entered."""
    lasting = parts(system, "eliminated", "effect")
    moving = np.setdiff1d(np.arange(len(system.names)), lasting)
    area = np.linalg.solve(-system.matrix[np.ix_(moving, moving)], entry[moving])
    return system.plasma[:, moving] @ area


@pytest.mark.parametrize(("drug", "species", "disposition"), EVERY_SET)
def test_no_substance_is_made_or_lost(drug, species, disposition):
    """Catches a flow that leaves one compartment and reaches none, or metabolites formed gram for gram, not mole for
    mole: after bolus and constant input by every route all moles are somewhere."""
    system = compartments([drug], body(species, WEIGHTS[species]), disposition)
    n, per_mole = len(system.names), 1.0 / system.molar_mass
    for entry in system.entries.values():
        for hours in (0.1, 6.0, 200.0):
            augmented = np.zeros((n + 1, n + 1))
            augmented[:n, :n] = system.matrix * 3600.0 * hours
            augmented[:n, n] = 5.0 * entry * hours
            # which is right here: with exchange both ways the matrix is not triangular
            amount = (expm(augmented) @ np.append(7.0 * entry, 1.0))[:n]
            given = (7.0 + 5.0 * hours) / system.molar_mass[0]
            assert abs(per_mole @ amount / given - 1.0) < 1e-9
            assert amount.min() > -1e-12


def test_effect_compartments_hold_no_mass():
    """Catches an effect site that drains the plasma: it reads the central compartment and feeds nothing."""
    system = compartments([KETAMINE], body())
    effect = parts(system, "effect")
    assert np.isinf(system.molar_mass[effect]).all()
    others = np.setdiff1d(np.arange(len(system.names)), effect)
    assert not system.matrix[np.ix_(others, effect)].any()
    assert np.isfinite(system.molar_mass[others]).all()


def test_default_human_set_lies_in_both_intervals():
    """Catches a default that leaves calibration A1: CL 69-90 L/h, Vss 200-304 L per 70 kg."""
    system = compartments([KETAMINE], body(), "default")
    dose = system.entries["ketamine", "intravenous"]
    clearance = 0.5 / (exposure(system, dose)[0] * 1e-3) * 3600.0  # half of 1 mg over an area in (mg/L) s, in L/h
    central = system.names.index("S-ketamine central")
    periphery = [index for index, name in enumerate(system.names) if name.startswith("S-ketamine peripheral")]
    out, back = system.matrix[periphery, central], system.matrix[central, periphery]
    assert len(periphery) == 2
    assert 69.0 < clearance < 90.0
    assert 200.0 < 1e3 / system.plasma[0, central] * (1.0 + (out / back).sum()) < 304.0


def test_default_human_set_is_the_stored_fit():
    """Catches numbers in the drug file that are not those of experiments/fit_disposition.py."""
    stored = pandas.read_csv(Path(__file__).parents[2] / "experiments" / "results" / "fit_disposition.csv")
    fit = stored.set_index("set").loc["fit"]
    system = compartments([KETAMINE], body(), "mixed")
    at = {
        name.removeprefix("S-ketamine "): index for index, name in enumerate(system.names) if name.startswith("S-ket")
    }
    central, rates = at["central"], system.matrix * 3600.0
    volume = 1e3 / system.plasma[0, central]
    assert_allclose(volume, fit["V1"], rtol=1e-3)
    for number, (flow, periphery) in enumerate((("Q2", "V2"), ("Q3", "V3")), start=1):
        out, back = rates[at[f"peripheral {number}"], central], rates[central, at[f"peripheral {number}"]]
        assert_allclose([out * volume, out / back * volume], [fit[flow], fit[periphery]], rtol=1e-3)
    eliminated = rates[[at["eliminated"], system.names.index("S-norketamine central")], central]
    left = -rates[central, central] - rates[[at["peripheral 1"], at["peripheral 2"]], central].sum()
    assert eliminated.min() > 0.0
    assert_allclose(left * volume, fit["CL"], rtol=1e-3)


def test_disposition_slows_with_weight():
    """Catches another exponent: clearance grows with the power 3/4 of weight, volume in proportion."""
    system, heavier = compartments([KETAMINE], body()), compartments([KETAMINE], body(weight=140.0))
    centre = parts(system, "central", "peripheral 1", "eliminated")
    rates, slower = system.matrix[np.ix_(centre, centre)], heavier.matrix[np.ix_(centre, centre)]
    assert_allclose(slower, rates * 2.0**-0.25, rtol=1e-12)
    assert_allclose(heavier.plasma, system.plasma / 2.0, rtol=1e-12)
    assert_allclose(heavier.brain, system.brain, rtol=1e-12)
    dose = system.entries["ketamine", "intravenous"]
    assert_allclose(exposure(heavier, dose)[:2], exposure(system, dose)[:2] * 2.0**-0.75, rtol=1e-9)


@pytest.mark.parametrize(("allele", "factor"), [("*1/*1", 1.0), ("*1/*6", 0.596), ("*6/*6", 0.317)])
def test_genotype_slows_the_parent_only(allele, factor):
    """Catches a genotype that is ignored, or that slows metabolites too."""
    system, reference = compartments([KETAMINE], body(cyp2b6=allele)), compartments([KETAMINE], body())
    dose = system.entries["ketamine", "intravenous"]
    ratio = exposure(system, dose) / exposure(reference, dose)
    # all of the parent is metabolised sooner or later, so the metabolites' areas do not depend on how fast
    assert_allclose(ratio, [1 / factor, 1 / factor, 1, 1, 1, 1], rtol=1e-9)


@pytest.mark.parametrize("disposition", KETAMINE.dispositions_for("human"))
def test_oral_bioavailability_is_what_passes_gut_and_liver(disposition):
    """Catches a first pass that is not ``absorbed * gut * (1 - CL/Q)``, by areas under the curve."""
    system = compartments([KETAMINE], body(weight=55.0), disposition)
    intravenous = exposure(system, system.entries["ketamine", "intravenous"])
    oral = exposure(system, system.entries["ketamine", "oral"])
    # 79 L/h of 90.7 whatever the disposition says of the whole body, and in a body of any weight
    assert_allclose(oral[:2] / intravenous[:2], 0.74 * (1.0 - 1.129 / 1.296), rtol=1e-9)
    rat = compartments([KETAMINE], body("rat", 0.2))
    found = [exposure(rat, rat.entries["ketamine", route])[0] for route in ("oral", "intravenous")]
    assert found[0] / found[1] == pytest.approx(0.64 * (1.0 - 4.0 / 6.26))


@pytest.mark.parametrize(
    ("species", "route", "enters"),
    [("human", "oral", 1.0), ("rat", "intraperitoneal", 1.0), ("mouse", "intraperitoneal", 1.0)],
)
def test_what_gut_and_liver_take_becomes_metabolite(species, route, enters):
    """Catches first-pass drug that vanishes: metabolites see all that was absorbed, however little reached plasma."""
    system = compartments([KETAMINE], body(species, WEIGHTS[species]))
    given, injected = (exposure(system, system.entries["ketamine", name]) for name in (route, "intravenous"))
    assert (given[:2] < 0.65 * enters * injected[:2]).all()
    assert_allclose(given[2:], enters * injected[2:], rtol=1e-9)


def test_routes_with_an_input_bioavailability():
    """Catches a route's fraction that is applied twice or not at all."""
    system = compartments([KETAMINE], body())
    intravenous = exposure(system, system.entries["ketamine", "intravenous"])
    assert_allclose(exposure(system, system.entries["ketamine", "intramuscular"]), 0.93 * intravenous, rtol=1e-9)
    assert_allclose(system.entries["ketamine", "intramuscular"].sum(), 1.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("route", "amount", "total"),
    [
        *(("intranasal", amount, total) for amount, total in ((10.0, 0.171), (30.0, 0.126), (50.0, 0.114))),
        ("sublingual", 25.0, 0.29),
        ("rectal", 50.0, 0.30),
    ],
)
def test_a_swallowed_part_goes_on_as_by_mouth(route, amount, total):
    """Catches a part that is lost or counted twice: totals are those published, and metabolites see the whole dose."""
    system = compartments([KETAMINE], body())
    entry = system.entry("ketamine", route, amount)
    found, injected = exposure(system, entry), exposure(system, system.entries["ketamine", "intravenous"])
    assert_allclose(found[:2] / injected[:2], total, rtol=5e-3)
    assert_allclose(found[2:], injected[2:], rtol=1e-9)
    assert_allclose(entry.sum(), 1.0, rtol=1e-12)


def test_a_swallowed_part_without_a_first_pass():
    """Catches bioavailability by mouth that is left out for what is swallowed: 0.4 + 0.6 * 0.72 of the dose."""
    oral = "oral: {absorption: 1 1/h, bioavailability: 0.72, status: assumed, source: made up}"
    nasal = "intranasal: {absorption: 3 1/h, bioavailability: 0.4, swallowed: 0.6, status: assumed, source: made up}"
    lines = [line for line in OWN_DRUG.splitlines() if not line.lstrip().startswith("oral: ")]
    drug = validate(Drug, parse_document("\n".join([*lines, f"      {oral}", f"      {nasal}"])))
    system = compartments([drug], body("rat", 0.3))
    entry = system.entries["own_drug", "intranasal"]
    found, injected = exposure(system, entry), exposure(system, system.entries["own_drug", "intravenous"])
    assert_allclose(found / injected, 0.832, rtol=1e-9)
    assert_allclose(entry.sum(), 1.0, rtol=1e-12)


def test_what_the_nose_does_not_take_is_swallowed():
    """Catches a saturating route that loses drug, and a small dose of which less is absorbed: 0.4 / (1 + 2), the rest
    as by mouth."""
    oral = "oral: {absorption: 1 1/h, bioavailability: 0.72, status: assumed, source: made up}"
    nasal = "intranasal: {absorption: 3 1/h, bioavailability: 0.4, swallowed: 0.5, half_dose: 20 ug, status: assumed, "
    lines = [line for line in OWN_DRUG.splitlines() if not line.lstrip().startswith("oral: ")]
    drug = validate(Drug, parse_document("\n".join([*lines, f"      {oral}", f"      {nasal}source: made up}}"])))
    system = compartments([drug], body("rat", 0.3))
    injected = exposure(system, system.entry("own_drug", "intravenous", 0.04))
    for amount, nose in ((0.0, 0.4), (0.04, 0.4 / 3.0), (1e9, 0.0)):
        entry = system.entry("own_drug", "intranasal", amount)
        assert_allclose(exposure(system, entry) / injected, nose + (0.9 - nose) * 0.72, rtol=1e-9)
        assert_allclose(entry.sum(), 1.0, rtol=1e-12)


def test_a_nose_saturates_beside_a_drug_of_the_same_compounds():
    """Catches a saturating route that is found only while its drug is the one that supplies the compounds."""
    esketamine, saturated = CATALOGUE["esketamine"], []
    for drugs in ([esketamine], [KETAMINE, esketamine]):
        system = compartments(drugs, body())
        entry = system.entry("esketamine", "intranasal", 56.0)
        assert_allclose(entry.sum(), 1.0, rtol=1e-12)
        injected = exposure(system, system.entry("esketamine", "intravenous", 56.0))[0]
        saturated.append(exposure(system, entry)[0] / injected)
    assert_allclose(saturated, [0.539, 0.539], atol=5e-4)


def test_a_liver_cannot_take_more_than_it_gets():
    """Catches an extraction above one, which would make negative drug: a clearance above the liver's flow."""
    slow_blood = OWN_DRUG.replace("hepatic_flow: {value: 4 L/h/kg", "hepatic_flow: {value: 1 L/h/kg")
    drug = validate(Drug, parse_document(slow_blood))
    system = compartments([drug], body("rat", 0.3), "quick")
    oral = exposure(system, system.entries["own_drug", "oral"])
    assert_allclose(oral[0], 0.0, atol=1e-9)
    assert oral[1] > 0.0


def test_a_drug_without_a_first_pass_needs_no_liver():
    """Catches a blood flow that is asked for, or that matters, where nothing passes the liver first."""
    lines = [line for line in OWN_DRUG.splitlines() if not line.lstrip().startswith("oral: ")]
    with_flow, without = ("\n".join(line for line in lines if keep or "hepatic" not in line) for keep in (True, False))
    assert with_flow != without
    one, other = (compartments([validate(Drug, parse_document(t))], body("rat", 0.3)) for t in (with_flow, without))
    assert_array_equal(one.matrix, other.matrix)


def test_a_set_that_a_drug_lacks_falls_back_to_its_own_default():
    """Catches an experiment with two drugs that fails because only one has the named set."""
    both = compartments([KETAMINE, OWN], body("rat", 0.3), "quick")
    alone = compartments([OWN], body("rat", 0.3), "quick")
    n = len(alone.names)
    assert_array_equal(both.matrix[-n:, -n:], alone.matrix)
    assert not both.matrix[:-n, -n:].any()
    assert not both.matrix[-n:, :-n].any()
    assert both.compounds == (*KETAMINE.compounds, "parent", "product")
    assert both.plasma.shape == both.brain.shape == (8, len(both.names))
    assert not both.entries["own_drug", "oral"][:-n].any()


def test_a_lag_travels_with_its_route():
    """Catches a lag that is lost or lands on every route."""
    lags = compartments([OWN], body("rat", 0.3)).lags
    assert lags == {("own_drug", "intravenous"): 0.0, ("own_drug", "subcutaneous"): 300.0, ("own_drug", "oral"): 0.0}


def test_saline_is_an_empty_system_with_every_route():
    """Catches a vehicle that can't be given the way the drug is."""
    system = compartments([CATALOGUE["saline"]], body())
    assert system.matrix.shape == (0, 0)
    assert system.compounds == ()
    assert {route for _, route in system.entries} >= {"intravenous", "oral", "intraperitoneal"}
    assert compartments([], body()).names == ()


def test_two_drugs_with_one_compound_are_refused():
    """Catches a compound that would be counted on two rows of the same name."""
    twin = Drug.model_construct(**(dict(KETAMINE) | {"name": "other"}))
    assert twin.family != KETAMINE.family
    with pytest.raises(DocumentError, match="two drugs of this experiment contain 2R6R-hydroxynorketamine, "):
        compartments([KETAMINE, twin], body())


def test_drugs_of_a_family_share_their_compounds():
    """Catches a metabolite given as a drug beside its parent that is counted twice, or lost in the other's depot."""
    metabolite = CATALOGUE["hydroxynorketamine"]
    rat = body("rat", 0.3)
    both = compartments([metabolite, CATALOGUE["memantine"], KETAMINE], rat)
    assert both.compounds[:3] == ("2R6R-hydroxynorketamine", "memantine", "S-ketamine")
    assert len(both.compounds) == len(set(both.compounds)) == 7
    for drug, route in ((KETAMINE, "oral"), (metabolite, "oral"), (metabolite, "intraperitoneal")):
        alone = compartments([drug], rat)
        expected = dict(zip(alone.compounds, exposure(alone, alone.entries[drug.name, route]), strict=True))
        found = dict(zip(both.compounds, exposure(both, both.entries[drug.name, route]), strict=True))
        assert found == pytest.approx({name: expected.get(name, 0.0) for name in both.compounds}, rel=1e-9)


def test_an_enantiomer_alone_is_half_of_the_racemate():
    """Catches numbers that an enantiomer's file lost on the way: doses of half the amount give the same levels."""
    for name, first in (("esketamine", "S-ketamine"), ("arketamine", "R-ketamine")):
        alone, racemate = compartments([CATALOGUE[name]], body()), compartments([KETAMINE], body())
        one = dict(zip(alone.compounds, exposure(alone, alone.entries[name, "oral"]), strict=True))
        both = dict(zip(racemate.compounds, exposure(racemate, racemate.entries["ketamine", "oral"]), strict=True))
        assert next(iter(one)) == first
        assert {key: 0.5 * value for key, value in one.items()} == pytest.approx({key: both[key] for key in one})


def test_a_compound_may_have_blanks_in_its_name():
    """Catches a compartment that is matched to its compound by the first word of its name."""
    drug = validate(Drug, parse_document(OWN_DRUG.replace("parent", "the parent")))
    renamed, plain = compartments([drug], body("rat", 0.3)), compartments([OWN], body("rat", 0.3))
    assert_array_equal(renamed.matrix, plain.matrix)
    assert "the parent central" in renamed.names

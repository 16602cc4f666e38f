"""A drug file says what is wrong with it: every check of the model, once, by a file that breaks it and nothing else."""

import pytest

from ketasim.documents import DocumentError
from ketasim.drugs import load_catalogue
from tests.drugs.drug_files import OWN_DRUG

STATED = "status: assumed, source: made up}"

BROKEN = {
    # compounds and their tables
    "unknown compound in a table": (
        ("unbound_plasma:\n  - {of: [parent, product]", "unbound_plasma:\n  - {of: [parent, product, prodct]"),
        "unbound_plasma: unknown compound 'prodct'; allowed: parent, product; did you mean product?",
    ),
    "unknown blocker": (
        ("- {of: [parent], ic50_2a", "- {of: [ketamine], ic50_2a"),
        "nmda: unknown compound 'ketamine'; allowed: parent, product",
    ),
    "unknown ligand": (
        ("of: [product], value: 3 nM", "of: [prodct], value: 3 nM"),
        "targets: unknown compound 'prodct'; allowed: parent, product; did you mean product?",
    ),
    "a ligand twice": (
        ("of: [product], value: 3 nM", "of: [product, parent, product], value: 3 nM"),
        "targets: product has two rows as mglu2_3 agonist; it needs one",
    ),
    "a ligand in two rows": (
        ("{target: ampa, action: potentiator", "{target: mglu2_3, action: agonist"),
        "targets: product has two rows as mglu2_3 agonist; it needs one",
    ),
    "unknown action": (
        ("action: agonist", "action: agonst"),
        "targets.0.action: unknown value 'agonst'; allowed: agonist, antagonist, block, inhibitor, potentiator; did",
    ),
    "a target's name": (("target: ampa", "target: AMPA receptor"), "targets.1.target: 'AMPA receptor'"),
    "no slope": (("value: 3 nM", "value: 3 nM, hill: 0"), "targets.0.hill: 0 is out of range; it must be more than 0"),
    "a first pass without a liver": (
        ("    hepatic_flow: {value: 4 L/h/kg, status: assumed, source: made up}\n", ""),
        "species.rat: the route 'oral' has a first pass through the liver; give 'hepatic_flow'",
    ),
    "no molar mass": (
        ("  - {of: [product], value: 0.3 kg/mol, status: assumed, source: made up}\n", ""),
        "molar_mass: no row for product",
    ),
    "no binding": (
        ("unbound_brain_ratio:\n  - {of: [parent, product]", "unbound_brain_ratio:\n  - {of: [parent]"),
        "unbound_brain_ratio: no row for product",
    ),
    "two rows for one compound": (
        ("- {of: [product], value: 0.3", "- {of: [product, parent], value: 0.3"),
        "molar_mass: parent has two rows; it needs one",
    ),
    "affinity without kinetics": (
        ("nmda_kinetics:\n  - {of: [parent]", "nmda_kinetics:\n  - {of: [product]"),
        "'nmda' and 'nmda_kinetics' must name the same compounds",
    ),
    "dose fractions": (("dose_fraction: 1}", "dose_fraction: 0.5}"), "must add up to 1, not 0.5"),
    "no metabolite's disposition": (
        ("metabolites:\n      - {of: [product]", "metabolites:\n      - {of: []"),
        "no row for product",
    ),
    "a disposition twice": (
        ("metabolites:\n      - {of: [product]", "metabolites:\n      - {of: [product, parent]"),
        "species.rat.dispositions.slow: parent has two rows; it needs one",
    ),
    "forms the unknown": (
        ("forms: product", "forms: produce"),
        "unknown compound 'produce'; allowed: parent, product; did you mean",
    ),
    "forms from the unknown": (
        ("formation:\n      - {of: [parent]", "formation:\n      - {of: [parents]"),
        "species.rat.formation: unknown compound 'parents'; allowed: parent, product; did you mean parent?",
    ),
    # dispositions
    "k10 and clearance": (("k10: 0.6 1/h", "k10: 0.6 1/h, clearance: 2 L/h/kg"), "give either 'k10' or 'clearance'"),
    "neither": (("k10: 0.6 1/h, ", ""), "give either 'k10' or 'clearance'"),
    "out without back": ((", k21: 0.5 1/h", ""), "'k12' and 'k21' belong together; give both or neither"),
    "back without out": (
        ("k21: 0.5 1/h", "k21: 0.5 1/h, k31: 1 1/h"),
        "'k13' and 'k31' belong together; give both or neither",
    ),
    "flow without volume": (
        ("clearance: 3 L/h/kg", "clearance: 3 L/h/kg, flow: 1 L/h/kg"),
        "'flow' and 'peripheral' belong together; give both or neither",
    ),
    "no default": (
        ("default: slow", "default: slwo"),
        "unknown disposition 'slwo'; allowed: slow, quick; did you mean slow?",
    ),
    # routes
    "unknown route": (("oral: {", "ocular: {"), "unknown route 'ocular'; allowed: intravenous, intramuscular,"),
    "abbreviated route": (
        ("oral: {", "po: {"),
        "unknown route 'po'; allowed: intravenous, intramuscular, subcutaneous, intranasal, sublingual, oral, "
        "rectal, intraperitoneal; write oral",
    ),
    "first pass of a bolus": (
        ("intravenous: {", "intravenous: {first_pass: true, "),
        "a route with 'first_pass' needs 'absorption' and computes its own bioavailability",
    ),
    "first pass twice": (
        ("absorbed: 0.9, gut", "bioavailability: 0.2, gut"),
        "a route with 'first_pass' needs 'absorption' and computes its own bioavailability",
    ),
    "gut wall without first pass": (
        ("{absorption: 2 1/h, ", "{gut: 0.5, absorption: 2 1/h, "),
        "'gut' belongs to a route with 'first_pass'",
    ),
    "swallowed by mouth": (
        ("absorbed: 0.9, gut: 0.8, first_pass: true", "bioavailability: 0.4, swallowed: 0.5"),
        "what is swallowed by the route 'oral' needs another, 'oral', with 'absorption'",
    ),
    "swallowed into nothing": (
        ("oral: {absorption", "intranasal: {swallowed: 0.5, bioavailability: 0.2, absorption"),
        "intranasal",
    ),
    "forms itself": (("forms: product", "forms: parent"), "parent cannot form itself"),
    "usual dose": (
        ("    default: slow", f"    usual_dose: {{least: 2 mg/kg, most: 1 mg/kg, {STATED}\n    default: slow"),
        "'least' must not be above 'most'",
    ),
    # single values
    "status": (
        ("status: verified", "status: verifed"),
        "unknown value 'verifed'; allowed: verified, secondary, recalled",
    ),
    "no source": ((f"0.25, {STATED}", "0.25, status: assumed}"), "the key 'source' is missing"),
    "empty source": (("source: straight in", "source: ''"), "species.rat.routes.intravenous.source: ''"),
    "negative volume": (
        ("volume: 1 L/kg", "volume: -1 L/kg"),
        "'-1 L/kg' is out of range; it must be more than 0 L/kg",
    ),
    "no unit": (("k21: 0.5 1/h, ke0: 1 1/min", "k21: 0.5 1/h, ke0: 1"), "1 has no unit; expected a rate (1/s"),
    "wrong unit": (("value: 3 nM", "value: 3 mg"), "is a mass; expected a molar concentration (nM, uM, mM)"),
    "escape of one": (("escape: 0.3", "escape: 1"), "1 is out of range; it must be less than 1"),
    "fraction above one": (
        ("forms: product, value: 0.25", "forms: product, value: 1.5"),
        "1.5 is out of range; it must be at most 1",
    ),
    "unknown key": (
        ("moiety: product}", "moeity: product}"),
        "unknown key 'moeity'; allowed: moiety, dose_fraction; did you mean moiety?",
    ),
    "name": (("name: own_drug", "name: Own drug"), "name: 'Own drug'"),
    "format": (("format: 1", "format: 2"), "format: "),
    "species": (("  rat:", "  cat:"), "unknown species 'cat'; allowed: human, rat, mouse"),
    "taken name": (("name: own_drug", "name: ketamine"), "a drug named 'ketamine' already exists; choose another name"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_in_words(case, tmp_path):
    """Catches a check that was dropped, and a message that does not name the place and what is allowed."""
    (old, new), message = BROKEN[case]
    assert OWN_DRUG.count(old) == 1
    path = tmp_path / "own.yaml"
    path.write_text(OWN_DRUG.replace(old, new), encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_catalogue([path])
    assert message in str(caught.value)
    assert "own.yaml:" in str(caught.value)


def test_all_wrong_values_are_told_at_once(tmp_path):
    """Catches a reader that stops at the first mistake."""
    path = tmp_path / "own.yaml"
    text = OWN_DRUG.replace("value: 3 nM", "value: 3").replace("gut: 0.8", "gut: 8").replace("lag: 5 min", "lag: 5")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_catalogue([path])
    assert [problem.path.rpartition(".")[2] for problem in caught.value.problems] == ["value", "lag", "gut"]


def test_all_that_does_not_fit_is_told_at_once(tmp_path):
    """Catches a reader that stops at the first row that does not fit, and one that points at the top of the file."""
    path = tmp_path / "own.yaml"
    text = OWN_DRUG.replace("dose_fraction: 1}", "dose_fraction: 0.5}").replace("{of: [parent], k_on", "{of: [], k_on")
    path.write_text(text.replace("of: [product], value: 3 nM", "of: [prodct], value: 3 nM"), encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_catalogue([path])
    found = {problem.path: problem.place.line for problem in caught.value.problems}
    assert found == {"compounds": 5, "nmda_kinetics": 17, "targets": 19}


def test_a_drug_without_first_pass_needs_no_hepatic_flow(tmp_path):
    """Catches a number wanted of a drug in which nothing reads it."""
    path, text = tmp_path / "own.yaml", OWN_DRUG
    (flow,) = [line for line in text.splitlines() if "hepatic_flow" in line]
    (oral,) = [line for line in text.splitlines() if "first_pass" in line]
    path.write_text(text.replace(f"{flow}\n", "").replace(f"{oral}\n", ""), encoding="utf-8")
    assert "oral" not in load_catalogue([path])["own_drug"].routes_for("rat")
    path.write_text(text.replace(f"{flow}\n", ""), encoding="utf-8")
    with pytest.raises(DocumentError, match="the route 'oral' has a first pass through the liver; give 'hepatic_flow'"):
        load_catalogue([path])

"""Drugs made of compounds of another drug: what they take from it, what they say themselves, what is refused."""

import pytest

from ketasim.documents import DocumentError, parse_document
from ketasim.documents.validation import validate
from ketasim.drugs import Drug, load_catalogue
from ketasim.drugs.compartments import Body, compartments
from ketasim.drugs.families import suppliers, with_base
from ketasim.drugs.model import row_of
from tests.drugs.drug_files import OWN_DRUG

BASE = parse_document(OWN_DRUG)
PRODUCT = """\
format: 1
name: product_alone
title: The product
base: own_drug
compounds: {product: {dose_fraction: 1}}
species:
  rat:
    routes:
      intravenous: {status: verified, source: straight in}
"""


def made_of(text, base=BASE):
    return validate(Drug, with_base(parse_document(text), {"own_drug": base}))


def test_a_metabolite_as_a_drug_has_the_numbers_of_its_base():
    """Catches rows of other compounds that stay, those of its own that go, and a route of the parent."""
    drug, parent = made_of(PRODUCT), validate(Drug, BASE)
    assert list(drug.compounds) == ["product"]
    assert drug.compounds["product"].dose_fraction == 1.0
    assert (drug.nmda, drug.nmda_kinetics) == ((), ())
    assert [row.value for row in drug.targets] == [row.value for row in parent.targets]
    assert row_of(drug.molar_mass, "product").value == row_of(parent.molar_mass, "product").value
    rat = drug.species["rat"]
    assert list(rat.routes) == ["intravenous"]
    assert rat.formation == ()
    assert row_of(rat.metabolites, "product").volume == row_of(parent.species["rat"].metabolites, "product").volume
    assert (drug.family, parent.family) == ("own_drug", "own_drug")


def test_what_forms_from_a_compound_comes_with_it():
    """Catches an enantiomer without its metabolites, or with those of the other."""
    drug = made_of(PRODUCT.replace("product: {dose", "parent: {dose"))
    assert {name: one.dose_fraction for name, one in drug.compounds.items()} == {"parent": 1.0, "product": 0.0}
    assert drug.species["rat"].formation[0].value == 0.25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("base: own_drug", "base: own_drag"), "did you mean own_drug"),
        (("compounds: {product:", "compounds: {produkt:"), "did you mean product"),
        (("  rat:", "  rad:"), "unknown species 'rad'"),
        (("    routes:", "    dispositions: {}\n    routes:"), "dispositions"),
        (("base: own_drug", "base:"), "unknown drug"),
        (("base: own_drug", "base: [own_drug]"), "unknown drug"),
        (("{product: {dose_fraction: 1}}", "{}"), "say which compounds of own_drug are given"),
        (("{dose_fraction: 1}", "5"), "keys and values, or nothing"),
        (("compounds: {product: {dose_fraction: 1}}", "compounds: [product]"), "names, each with keys"),
        (("  rat:\n", "  rat: 5\n  rat_routes:\n"), "keys and values, or nothing"),
    ],
)
def test_what_the_base_lacks_is_refused_with_its_place(change, message):
    """Catches a name that is passed over in silence, and numbers of a compound that differ from its base's."""
    with pytest.raises(DocumentError, match=message) as error:
        made_of(PRODUCT.replace(*change))
    assert error.value.problems[0].place is not None


def test_other_numbers_make_a_family_of_its_own():
    """Catches a hypothesis whose numbers are taken for those of its base when both are given."""
    site = "targets: [{target: sert, action: inhibitor, of: [product], value: 1 uM, status: assumed, source: me}]\n"
    drug = made_of(PRODUCT.replace("species:\n", f"{site}species:\n"))
    assert [row.about for row in drug.targets] == [("sert", "inhibitor")]
    assert drug.family == "product_alone"
    with pytest.raises(DocumentError, match="two drugs of this experiment contain product"):
        compartments([drug, validate(Drug, BASE)], Body("rat", 0.3))


@pytest.mark.parametrize(
    "change",
    [
        ("    routes:", "    hepatic_flow: {value: 9 L/h/kg, status: assumed, source: me}\n    routes:"),
        ("{dose_fraction: 1}", "{dose_fraction: 1, moiety: mine}"),
    ],
)
def test_another_body_makes_a_family_of_its_own_too(change):
    """Catches a disposition of one's own that is dropped without a word when the base is given as well."""
    assert made_of(PRODUCT.replace(*change)).family == "product_alone"


def test_a_base_has_no_base():
    """Catches a chain of files of which only the last link is read."""
    catalogue = {"own_drug": BASE, "product_alone": parse_document(PRODUCT)}
    with pytest.raises(DocumentError, match="unknown drug 'product_alone'"):
        with_base(parse_document(PRODUCT.replace("base: own_drug", "base: product_alone")), catalogue)


def test_a_file_of_ones_own_may_have_a_shipped_base(tmp_path):
    """Catches a base that is only found among a user's own files."""
    path = tmp_path / "dehydro.yaml"
    path.write_text(
        "format: 1\nname: mine\ntitle: Mine\nbase: ketamine\ncompounds: {S-norketamine: {dose_fraction: 1}}\n"
        "species: {rat: {routes: {intravenous: {status: verified, source: straight in}}}}\n"
    )
    assert list(load_catalogue([path])["mine"].compounds) == ["S-norketamine", "2S6S-hydroxynorketamine"]


def test_each_compound_has_one_supplier():
    """Catches an axis of compounds with one of them twice, and rows taken from a drug that comes later."""
    catalogue = load_catalogue()
    found = suppliers([catalogue["hydroxynorketamine"], catalogue["ketamine"], catalogue["saline"]])
    assert next(iter(found)) == "2R6R-hydroxynorketamine"
    assert len(found) == 6
    assert found["2R6R-hydroxynorketamine"].name == "hydroxynorketamine"
    assert found["S-ketamine"].name == "ketamine"

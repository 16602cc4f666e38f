"""The drugs there are, and a user's own beside them."""

from importlib import resources

import pytest

from ketasim.drugs import ROUTES, SPECIES, load_catalogue
from ketasim.drugs.model import row_of
from tests.drugs.drug_files import OWN_DRUG


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN_DRUG, encoding="utf-8")
    return load_catalogue([path])["own_drug"]


def test_every_shipped_file_is_a_drug_of_its_own_name():
    """Catches a file that is not loaded, and a name that differs from the file's."""
    files = resources.files("ketasim.drugs").joinpath("data").iterdir()
    assert {entry.name.removesuffix(".yaml") for entry in files} == set(load_catalogue())


def test_a_users_own_drug_is_read(own):
    """Catches a quantity that is not converted to the internal unit."""
    assert (row_of(own.nmda, "parent").ic50_2a, row_of(own.nmda, "parent").ic50_2d) == (0.5, 4.0)
    assert row_of(own.nmda_kinetics, "parent").k_on == pytest.approx(3.0)  # 3e6 1/M/s in 1/uM/s
    assert [(row.about, row.of, row.hill) for row in own.targets] == [
        (("mglu2_3", "agonist"), ("product",), 1.0),
        (("ampa", "potentiator"), ("product",), 1.0),
    ]
    assert [row.value for row in own.targets] == pytest.approx([3e-3, 2.0])
    assert row_of(own.molar_mass, "product").value == pytest.approx(300.0)
    rat = own.species["rat"]
    assert rat.reference_weight == pytest.approx(0.3)
    assert rat.routes["subcutaneous"].lag == 300.0
    assert rat.dispositions["slow"][0].elimination() == pytest.approx(0.6 / 3600.0)
    assert rat.dispositions["quick"][0].elimination() == pytest.approx(1.5 / 3600.0)
    assert rat.dispositions["slow"][0].exchanges() == [pytest.approx((1 / 3600.0, 0.5 / 3600.0))]


def test_routes_and_sets_of_a_species(own):
    """Catches a route offered where the file has none, and a default that is not named first."""
    assert own.routes_for("rat") == ("intravenous", "subcutaneous", "oral")
    assert own.dispositions_for("rat") == ("slow", "quick")
    assert own.routes_for("human") == own.dispositions_for("human") == ()
    saline = load_catalogue()["saline"]
    assert all(saline.routes_for(species) == ROUTES for species in SPECIES)


def test_the_catalogue_cannot_be_changed():
    """Catches one experiment's drug that leaks into the next."""
    with pytest.raises(TypeError):
        load_catalogue()["saline"] = None

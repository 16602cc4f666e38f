"""What to cite: versions of the run, and sources of what it used and of nothing else."""

import re

import ketasim
from ketasim.analysis.citations import bibtex, citations


def test_entries_of_a_run(small_run):
    """Catches a library without its version, a source that is lost or has another one's identifier."""
    found = {one.key: one.fields for one in citations(small_run)}
    assert found["ketasim"]["version"] == ketasim.__version__
    assert small_run.digest() in found["ketasim"]["note"]
    assert {"numpy", "scipy", "numba", "xarray"} <= set(found)
    assert found["Dravid2008"] == {
        "author": "Dravid and others",
        "year": "2008",
        "pmcid": "PMC2614009",
        "note": "source of nmda_blockade in ketasim",
    }
    assert found["ClementsNimmo1981"]["author"] == "Clements and Nimmo"
    assert found["Li2015"]["pmid"] == "25702819"
    assert "doi" not in found["Moaddel2023"]
    text = bibtex(citations(small_run))
    assert len(re.findall(r"^@\w+\{\w+,$", text, re.M)) == len(found)
    assert text.count("{") == text.count("}")


def test_what_was_off_is_not_cited(small):
    """Catches sources of a network, a drug or a mechanism that the run did not have, or of another species."""
    with ketasim.run(small(network="none", duration="20 min", mechanisms={"eef2": "off"})) as trajectory:
        keys = {one.key for one in citations(trajectory)}
    assert "Domino1982" in keys
    assert not {"Campagnola2022", "Autry2011"} & keys
    keys = []
    for species in ("human", "rat"):
        with ketasim.run(small(doses=[], subject={"species": species})) as trajectory:
            keys.append({one.key for one in citations(trajectory)})
    assert all("Domino1982" not in one for one in keys)
    assert ["Zimmerman2004" in one for one in keys] == [True, False]  # people have scores of mood

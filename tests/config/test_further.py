# ruff: noqa: E501 - tables of messages
"""Mistakes of a file are reported together, and what follows from one of them is not another."""

import pytest

from ketasim.documents import DocumentError


def test_mistakes_of_values_and_of_their_consistency_come_together(text, read):
    """Catches five mistakes reported as three and then two: values first, what they mean together later."""
    wrong = text.replace("weight: 80 kg", "wieght: 80 kg").replace("0.5 mg/kg", "0,5 mg/kg").replace("300", "3")
    wrong = wrong.replace("ketamine", "ketamin").replace("spikes: [0 h,", "graph: [3 d], spikes: [0 h,")
    with pytest.raises(DocumentError) as caught:
        read(wrong)
    assert [(problem.path, problem.place.line) for problem in caught.value.problems] == [
        ("subject.wieght", 4), ("doses.0.drug", 6), ("doses.0.amount", 6), ("doses.0.5 mg/kg", 6), ("network.neurons", 7),
    ]  # fmt: skip
    assert "inside {...} a comma separates entries: write a decimal point" in str(caught.value)
    with pytest.raises(DocumentError) as caught:  # nothing that was measured from the network's time is made up
        read(wrong.replace("neurons: 3", "neurons: 300"))
    assert [problem.path for problem in caught.value.problems][-1] == "recording.graph.0"


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ([("24 h", "24"), ("start: 0 h", "start: 9 d")], ["duration"]),
        ([("human", "hu_man"), ("intravenous", "intraperitoneal")], ["subject.species"]),
        ([("subject", "subjcet"), ("intravenous", "intraperitoneal"), ("human", "rat")], ["subjcet"]),
        ([("amount:", "ammount:")], ["doses.0.ammount"]),
        ([("drug: ketamine, ", "")], ["doses.0.drug"]),
        ([("drug: ketamine, ", ""), ("[PV]", "[PW]"), ("auto", "1 s")], ["doses.0.drug", "schedule.step", "mechanisms.block.cells.0"]),
        ([("  - {drug: ketamine, ", "  - iv\n  - {drug: ketamin, ")], ["doses.0", "doses.1.drug"]),
        ([("duration: 40 min", "rate: 1 mg/h, duration: 40")], ["doses.0.duration"]),
        ([("amount: 0.5 mg/kg", "rate: 1 mg/h"), ("40 min}\n", "40}\n")], ["doses.0.duration"]),
        ([("{neurons: 300}", "nets.graphml"), ("[firing_rate]", "[firing_rat]")], ["network"]),
    ],
)  # fmt: skip
def test_what_follows_from_a_mistake_is_not_another(changes, paths, text, read):
    """Catches a dose of a rat measured by the human's routes because the species is misspelt, and the like."""
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong)
    with pytest.raises(DocumentError) as caught:
        read(text)
    assert [problem.path for problem in caught.value.problems] == paths

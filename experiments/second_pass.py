"""What each change of the second pass does to the findings: the chain as it was, then with one change after another.

Changes can be switched off by parameters, so all steps are run with the same code; numbers of drugs are today's in all
of them. Findings without a network are left out: of these changes only Mg touches them (B2, B3; docs/second_pass.md).
Four sets of weights that agree with calibration C1, the default first; with --quick networks of 300 neurons, the
default and two seeds.

    python experiments/second_pass.py [--quick] [--jobs N]
"""

import pandas
from common import options, store

import ketasim
from ketasim.findings.finding import Finding
from ketasim.findings.report import in_order, range_in_words

#: What a step changes, by name -> the settings that undo it, by section. Steps add up in this order.
CHANGES = {
    "autoreceptors": {"mechanisms": {"autoreceptors": {"afferent_share": 1}}},
    "potentiation": {"mechanisms": {"surface_ampa": {"afferent_share": 1}}},
    "inhibition": {"mechanisms": {"inhibitory_plasticity": False}},
    "translation": {"mechanisms": {"bdnf": {"translation_half": 0}}},
    "stages of spines": {"mechanisms": {"synaptogenesis": {"nascent_time": "0 h", "formation_gain": 30}}},
    "protection": {"mechanisms": {"synaptogenesis": {"young_protection": 0}}},
    "Mg": {"network": {"receptors": {"mg_half_2b": "3.57 mM", "mg_half_2c": "14.3 mM", "mg_half_2d": "14.3 mM"}}},
}
BEFORE = "as it was"


def main() -> None:
    """Score the findings after each step and store the table, a row for each number, a column for each step."""
    chosen = options(__file__)
    later = ("F3", "G1", "I")  # of stress, cytokines and scores, which came after the second pass
    of_chain = [one for one in ketasim.load_findings().values() if not one.id.startswith(later)]
    findings = [one for one in of_chain if one.arms and has_network(one)]
    steps, tables = [BEFORE, *CHANGES], []
    for number, step in enumerate(steps):
        undone = [CHANGES[name] for name in steps[number + 1 :]]
        changed = [without(one, undone) for one in findings]
        seeds, sets = chosen.size((1, 4), (2, 1))
        scores = ketasim.score_findings(changed, chosen.out, seeds, sets, chosen.quick, chosen.jobs)
        tables.append(scores.assign(step=step))
    last = in_order(tables[-1])  # predictions first, and of each role what fails in the end
    order = {key: place for place, key in enumerate(zip(last["finding"], last["number"], strict=True))}
    table = pandas.concat(tables)
    table["place"] = [order[key] for key in zip(table["finding"], table["number"], strict=True)]
    table = table.sort_values("place", kind="stable")
    table["range"] = [range_in_words(*ends) for ends in zip(table["least"], table["most"], strict=True)]
    store(table[["step", "finding", "role", "number", "value", "error", "range", "verdict", "unit"]], chosen)


def has_network(finding: Finding) -> bool:
    """Whether any of its experiments has a network."""
    return any(finding.experiment(arm).network is not None for arm in finding.arms)


def without(finding: Finding, undone: list[dict]) -> Finding:
    """Return a finding whose experiments have some changes undone; what the finding itself says goes first."""
    settings = dict(finding.settings)
    for section, changes in (item for change in undone for item in change.items()):
        settings[section] = dict(settings.get(section, {}))
        for name, parameters in changes.items():
            own = settings[section].get(name, {})
            if isinstance(own, dict):  # else it is switched off anyway
                settings[section][name] = parameters and parameters | own
    return Finding.model_construct(**dict(finding) | {"settings": settings})


if __name__ == "__main__":
    main()

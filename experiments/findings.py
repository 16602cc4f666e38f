"""All findings: what the model shows, with its error over circuits, and whether it is in the published range.

Five sets of weights that agree with calibration C1, the default first, and of mood five draws of its posterior, each
with its circuit; pharmacokinetics and voltage clamp are exact.

    python experiments/findings.py [--quick] [--jobs N]
"""

from common import options, store

import ketasim
from ketasim.findings.report import in_order


def main() -> None:
    """Score all findings and store the table, failures of predictions first."""
    chosen = options(__file__)
    findings, sets = [*ketasim.load_findings().values()], chosen.size(5, 1)
    store(in_order(ketasim.score_findings(findings, chosen.out, 1, sets, chosen.quick, chosen.jobs)), chosen)


if __name__ == "__main__":
    main()

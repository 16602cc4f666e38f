"""Published findings as data, and what the model says of each."""

from ketasim.findings.finding import Finding, Number, Selection, load_findings
from ketasim.findings.score import Scored, score_findings

__all__ = ["Finding", "Number", "Scored", "Selection", "load_findings", "score_findings"]

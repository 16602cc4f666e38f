"""YAML documents with line numbers, quantities with units, and error messages that say what is expected.

Knows no schema: `ketasim.drugs` and `ketasim.config` define the content of their documents.
"""

from ketasim.documents.document import Document
from ketasim.documents.nearest import did_you_mean, nearest
from ketasim.documents.overrides import from_mapping, override, with_values
from ketasim.documents.problems import DocumentError, KetasimError, Place, Problem
from ketasim.documents.units import DoseAmount, format_quantity, parse_dose_amount, parse_quantity, wanted
from ketasim.documents.yaml_text import as_yaml, parse_document, read_document

__all__ = [
    "Document",
    "DocumentError",
    "DoseAmount",
    "KetasimError",
    "Place",
    "Problem",
    "as_yaml",
    "did_you_mean",
    "format_quantity",
    "from_mapping",
    "nearest",
    "override",
    "parse_document",
    "parse_dose_amount",
    "parse_quantity",
    "read_document",
    "wanted",
    "with_values",
]

"""How Sphinx builds these pages: `make docs`, offline, without a warning."""

import sys
from pathlib import Path

from latex2mathml.converter import convert
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

import ketasim

sys.path.insert(0, str(Path(__file__).parent))

project, author, release = "ketasim", "The ketasim authors", ketasim.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme, html_title = "furo", f"ketasim {release}"
html_math_renderer = "mathml"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["formula.css"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
napoleon_use_rtype = False
autodoc_typehints = "none"


def setup(app: Sphinx) -> None:
    """Write the reference before pages are read; formulas become MathML, which browsers draw without a script."""
    from reference import write

    app.add_lexer("csv", TextLexer)
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("builder-inited", lambda app: write(Path(app.srcdir, "reference")))


def inline(writer: object, node: object) -> None:
    """Write a formula within a line."""
    written(writer, node, "inline")


def block(writer: object, node: object) -> None:
    """Write a formula of its own."""
    written(writer, node, "block")


def written(writer: object, node: object, display: str) -> None:
    """Write a formula, and skip its source."""
    from docutils.nodes import SkipNode

    formula = convert(node.astext(), display=display)
    writer.body.append(formula if display == "inline" else f'<div class="formula">{formula}</div>')
    raise SkipNode

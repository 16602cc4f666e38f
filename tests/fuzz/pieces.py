"""Pieces of text and values out of which wrong input is made."""

import math
from typing import Any

#: Fragments that mean something to a parser of YAML, XML or a table.
YAML_PIECES = [
    *"\t \n:{}[]'\"#*&!|>%@`,?-.~=\\/é",
    *[
        "- ",
        "? ",
        ": ",
        "&a ",
        "*a",
        "<<: *a",
        "!!python/object/apply:os.system ['true']",
        "!!binary aaaa",
        "!x ",
        "---\n",
    ],
    *["...\n", "%YAML 1.1\n---\n", "%TAG ! tag:x,2000:\n---\n", "\u2028", "\x85", "\ufeff", "\x00", "\x1b", "\x07"],
    *['"\\UFFFFFFFF"', '"\\ud800"', '"\\0"', '"\\x"', "0x" + "f" * 5000, "9" * 5000, "1e999", ".nan", "-.inf", "0o7"],
    *["null", "none", "off", "true", "mg", "/kg", "2001-01-01", "1_000", "=", "|\n  text\n", ">-\n"],
]
XML_PIECES = [
    *["<", ">", "&", '"', "'", "/>", "]]>", "<!--", "-->", "<?x y?>", "&amp;", "&#0;", "&#xD800;", "&#x1F;", "&e;"],
    *["<node/>", '<node id="n1"/>', '<edge source="n1" target="n2"/>', '<edge source="n1"/>', "<graph>", "</graph>"],
    *[
        '<data key="d0">',
        '<data key="zz">1</data>',
        "<data>1</data>",
        "<hyperedge/>",
        "<port/>",
        "<default>x</default>",
    ],
    *[
        '<graph edgedefault="undirected"/>',
        '<key id="d0"/>',
        '<key id="q" for="node" attr.type="int"/>',
        "<![CDATA[x]]>",
    ],
    *[
        'xmlns="http://x"',
        'xml:base="http://127.0.0.1/"',
        "\x00",
        "é",
        "\ufffe",
        'attr.type="yfiles"',
        'yfiles.type="n"',
    ],
]
DOCTYPES = [
    '<!DOCTYPE g [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>",
    '<!DOCTYPE g [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
    '<!DOCTYPE g SYSTEM "http://127.0.0.1:9/g.dtd">',
    '<!DOCTYPE g [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]>',
    "<!DOCTYPE graphml>",
]
TABLE_PIECES = [*",;\t\n\r\"' \x00\x0b\x0c\x1c\u2028\ufeffé", "\r\n", '""', ",,", "nan", "inf", "1e999", "-1", "1_0"]
TABLE_PIECES += ["0x10", "１", "9" * 5000, "=1+1", "n1", "PYR", "x" * 140_000, "source", "#", "None", "-0", "1e-320"]

#: Values that no place of a document expects.
HOSTILE: list[Any] = [
    *[None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e-320, 1e300, -1e300, 10**30, 2**63, math.nan, math.inf, -math.inf],
    *[
        "",
        " ",
        "x",
        "off",
        "on",
        "none",
        "auto",
        "default",
        "~",
        "~nobody/x",
        "/",
        "/dev/zero",
        "..",
        "a\0b",
        "nan",
        "é" * 100,
    ],
    *[
        [],
        {},
        [[]],
        [None],
        {"": None},
        {"x": {}},
        {"from": "0 s"},
        [0, 0],
        ["x"] * 3,
        {"file": 1},
        "x" * 300,
        "y" * 5000,
    ],
]
NUMBERS = [
    "0",
    "-1",
    "1e-300",
    "1e-30",
    "1e-9",
    "1e-3",
    "0.1",
    "1",
    "3",
    "1e3",
    "1e9",
    "1e15",
    "1e30",
    "1e300",
    "1e308",
]
NUMBERS += ["1e999", "nan", "inf", "-inf", "1e-400", "+1", ".5", "1.", "0x1"]
UNITS = [
    "s",
    "ms",
    "h",
    "d",
    "kg",
    "g",
    "mg",
    "mg/kg",
    "ug",
    "mM",
    "uM",
    "nM",
    "nS",
    "pF",
    "mV",
    "Hz",
    "kHz",
    "1/s",
    "1/h",
]
UNITS += ["L/kg", "L/h/kg", "g/mol", "1/uM/s", "um", "%", "furlong", "degC", "kg^2"]
WORDS = ["PYR", "PV", "SST", "ketamine", "saline", "own_drug", "one", "two", "human", "rat", "mouse", "oral", "parent"]
WORDS += ["intravenous", "excitatory", "pyramid"]
FACTORS = [0.0, -1.0, 1e-300, 1e-12, 1e-3, 0.1, 0.5, 0.9, 0.99, 1.01, 1.1, 1.5, 3.0, 10.0, 1e3, 1e12, 1e290]

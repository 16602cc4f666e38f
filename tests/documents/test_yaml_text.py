"""YAML to plain data with places; what is not allowed is one clear problem."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.documents import DocumentError, parse_document, read_document
from ketasim.documents.yaml_text import MAX_BYTES, plain_value


def problem_of(text):
    with pytest.raises(DocumentError) as caught:
        parse_document(text, "a.yaml")
    problem = caught.value.problems[0]
    return (problem.place.line, problem.place.column), problem.path, problem.message


def test_every_key_and_value_knows_its_place():
    """Catches places that are wrong in nested, flow and quoted parts."""
    document = parse_document("a: 1\nb:\n  - {c: 'x', d: [2, 3]}\n  - y\n", "a.yaml")
    assert document.data == {"a": 1, "b": [{"c": "x", "d": [2, 3]}, "y"]}
    where = {
        (("a",), "key"): (1, 1),
        (("a",), "value"): (1, 4),
        (("b", 0), "value"): (3, 5),
        (("b", 0, "c"), "value"): (3, 9),
        (("b", 0, "d", 1), "value"): (3, 21),
        (("b", 1), "value"): (4, 5),
        (("b", 0, "missing"), "parent"): (3, 5),
        (("missing", "deeper"), "value"): (1, 1),
    }
    for (path, at), expected in where.items():
        assert document.place(path, at)[1:3] == expected


def test_scalars_follow_the_core_schema_of_yaml_1_2():
    """Catches YAML 1.1 habits: off as a boolean, octal 010, sexagesimal numbers, dates as objects."""
    texts = ["off", "yes", "010", "0o10", "1:30", "2024-01-01", "1e-3", "1_000", "~", "", ".5", "+7", "True"]
    values = ["off", "yes", 10, 8, "1:30", "2024-01-01", 0.001, "1_000", None, None, 0.5, 7, True]
    assert [plain_value(text) for text in texts] == values
    assert math.isinf(plain_value("-.inf"))
    assert math.isnan(plain_value(".nan"))
    assert parse_document('a: "1"').data == {"a": "1"}


@pytest.mark.parametrize(
    ("text", "place", "path", "message"),
    [
        ("a: 1\n\tb: 2\n", (2, 1), "", "tab character; YAML is indented with spaces"),
        ("a:\n\tb: 2\n", (2, 1), "", "tab character; YAML is indented with spaces"),
        ("a: 1\nb: 2\na: 3\n", (3, 1), "a", "duplicate key 'a' (first defined on line 1)"),
        ("a: {b: 1, b: 2}", (1, 11), "a.b", "duplicate key 'b' (first defined on line 1)"),
        (
            "a: &x [1]\nb: *x\n",
            (1, 4),
            "a",
            "the anchor &x is not allowed; write the value out where it is used",
        ),
        ("a: *x\n", (1, 4), "a", "the alias *x is not allowed; write the value out"),
        (
            "a: !!python/object:os.system x",
            (1, 4),
            "a",
            "the tag tag:yaml.org,2002:python/object:os.system is not",
        ),
        (
            "a: 1\n---\nb: 2\n",
            (2, 1),
            "",
            "a second document starts here (`---`); one file holds one document",
        ),
        ("- a\n- b\n", (1, 1), "", "the file is a list; expected a mapping of `key: value` lines"),
        ("hello", (1, 1), "", "the file is a single value; expected a mapping of `key: value` lines"),
        ("", (1, 1), "", "the file is empty; expected a mapping of `key: value` lines"),
        ("# only a comment\n", (1, 1), "", "the file is empty; expected a mapping of `key: value` lines"),
        ("%YAML 1.1\n---\na: 1\n", (1, 1), "", "only YAML 1.2 is supported"),
        ("? [a]\n: 1\n", (1, 3), "", "a key must be a single word or text, not a list or a mapping"),
        (
            "a: b: c\n",
            (1, 5),
            "",
            "not YAML: mapping values are not allowed here (a second ': ' in one line, or",
        ),
        (
            "a: 'x\n",
            (2, 1),
            "",
            "not YAML: found unexpected end of stream (a quotation mark that is never closed)",
        ),
        ("a: [1\nb: 2\n", (2, 2), "", "not YAML: expected ',' or ']', but got ':'"),
        (
            "a: @b\n",
            (1, 4),
            "",
            "not YAML: found character '@' that cannot start any token (text that starts",
        ),
        ("a: b\x07c\n", (1, 5), "", "the character U+0007 is not allowed in YAML"),
        ("a: " + "9" * 5000, (1, 4), "a", "the number is too long"),
        ("a: " + "[" * 40 + "]" * 40, (1, 33), None, "nested deeper than 30 levels"),
    ],
)
def test_what_is_not_allowed_is_named_with_its_place(text, place, path, message):
    """Catches a construct that is let through, or refused at the wrong place or in the wrong words."""
    found_place, found_path, found_message = problem_of(text)
    assert found_message.startswith(message)
    assert found_place == place
    if path is not None:
        assert found_path == path


def test_all_duplicate_keys_are_reported_at_once():
    """Catches a reader that stops at the first wrong key."""
    with pytest.raises(DocumentError) as caught:
        parse_document("a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert [problem.path for problem in caught.value.problems] == ["a", "b.c"]


def test_alias_bomb_is_refused_at_once():
    """Catches a file of a few lines that would blow up to billions of values."""
    bomb = "a: &a [x, x]\n" + "".join(f"{n}: &{n} [*{m}, *{m}]\n" for m, n in zip("abcdefgh", "bcdefghi", strict=True))
    assert problem_of(bomb)[2].startswith("the anchor &a")


def test_deep_nesting_and_many_values_do_not_exhaust_the_machine():
    """Catches recursion without bound and unbounded files."""
    assert "nested deeper" in problem_of("a: " + "[" * 100_000)[2]
    assert "nested deeper" in problem_of("\n".join(" " * n + "a:" for n in range(500)))[2]
    assert "more than 20000 values" in problem_of("a: [" + "1," * 30_000 + "]")[2]


def test_files_that_cannot_be_read(tmp_path):
    """Catches tracebacks for missing, huge, misencoded files and folders."""
    cases = {"missing.yaml": "no such file", "": "cannot read"}
    (tmp_path / "huge.yaml").write_bytes(b"a: 1\n" + b"#" * MAX_BYTES)
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    cases |= {
        "huge.yaml": "is larger than 200 kB",
        "latin.yaml": "byte 0xE9 is not UTF-8",
        "nul\0": "cannot read",
    }
    for name, message in cases.items():
        with pytest.raises(DocumentError) as caught:
            read_document(f"{tmp_path}/{name}")
        assert message in str(caught.value)
    with pytest.raises(DocumentError) as caught:
        read_document(tmp_path / "latin.yaml")
    assert caught.value.problems[0].place[1:3] == (2, 7)


def test_windows_files_are_read(tmp_path):
    """Catches trouble with a byte order mark or carriage returns, and columns shifted by them."""
    file = tmp_path / "windows.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: x y\r\n")
    document = read_document(file)
    assert document.data == {"a": 1, "b": "x y"}
    assert document.place(("b",))[1:] == (2, 4, "b: x y")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_with_a_byte_order_mark_is_read(tmp_path, encoding):
    """Catches files of editors and shells of Windows that are refused; YAML allows UTF-16."""
    file, mark = tmp_path / "wide.yaml", "" if encoding == "utf-16" else "\ufeff"
    file.write_bytes(f"{mark}a: 1 µM\r\nb: x\r\n".encode(encoding))
    document = read_document(file)
    assert document.data == {"a": "1 µM", "b": "x"}
    assert document.place(("b",))[1:] == (2, 4, "b: x")


def test_nothing_after_a_colon_stands_where_the_colon_is():
    """Catches an empty value that is sought on the next line, where the parser finds that there is none."""
    document = parse_document("a:\n\nb: {c: , d: 1}\n")
    assert document.data == {"a": None, "b": {"c": None, "d": 1}}
    assert [document.place(path)[1:3] for path in (("a",), ("b", "c"))] == [(1, 1), (3, 5)]


def test_a_colon_without_a_blank_is_explained():
    """Catches `duration:1 h` answered by the parser's own words alone."""
    assert "with a blank after the colon" in problem_of("a: 1\nb:1 h\nc: 2\n")[2]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:- \n\t[]{},'\"#&*!|>%@`?0.~\\é\u2028", max_size=60))
def test_any_text_is_data_or_a_document_error(text):
    """Catches parser errors of other classes that would reach the user as tracebacks."""
    try:
        assert isinstance(parse_document(text).data, dict)
    except DocumentError as error:
        assert error.problems
        assert str(error)

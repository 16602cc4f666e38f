"""What a user sees of an error."""

import pickle

from ketasim.documents import DocumentError, Place, Problem


def test_caret_stands_under_the_column():
    """Catches a caret that is off by one or moved by tabs."""
    place = Place("a.yaml", 3, 5, "\tab: c")
    assert str(DocumentError([Problem(place, "ab", "wrong")])).split("\n") == [
        "a.yaml:3:5: ab: wrong",
        "     ab: c",
        "        ^",
    ]


def test_long_line_is_cut_around_the_column():
    """Catches a screen flooded by one long line, and a caret that does not move with the cut."""
    line = "x" * 5000 + "!" + "y" * 5000
    shown, caret = str(DocumentError([Problem(Place("a", 1, 5001, line), "", "wrong")])).split("\n")[1:]
    assert len(shown) < 200
    assert shown[caret.index("^")] == "!"


def test_problems_are_in_reading_order_and_counted():
    """Catches problems in the order in which the code found them, and more than a screen of them."""
    problems = [Problem(Place("a", line, 1, "x"), "", f"p{line}") for line in range(40, 0, -1)]
    text = str(DocumentError([Problem(Place("override", 1, 1, "y"), "", "last"), *problems]))
    assert text.startswith("a:1:1: p1\n")
    assert text.endswith("... and 21 more")


def test_problem_without_place_has_path_and_message():
    """Catches a made-up place for data that had no text."""
    assert str(DocumentError([Problem(None, "seed", "wrong")])) == "seed: wrong"


def test_errors_survive_pickling():
    """Catches errors that kill a worker process instead of reporting."""
    error = DocumentError([Problem(Place("a", 1, 1, "x"), "p", "m")])
    assert pickle.loads(pickle.dumps(error)).problems == error.problems

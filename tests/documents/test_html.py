"""What a notebook shows: text stays text."""

from html.parser import HTMLParser

from ketasim.documents.html import page, table


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def test_no_text_becomes_a_tag():
    """Catches a name in a file from a stranger that runs as a script in the notebook of who looks at it."""
    evil = "<script>alert('x')</script>"
    parser = Tags()
    parser.feed(page(evil, (evil, evil), ("table", table([(evil, (evil, 1.5)), ("x", float("nan"))], (evil, "value")))))
    assert "script" not in parser.tags
    assert parser.tags.count("td") == 4
    assert "".join(parser.text).count(evil) == 6


def test_an_empty_table_says_so():
    """Catches a heading over nothing."""
    assert table([], ("signal", "unit")) == "none"

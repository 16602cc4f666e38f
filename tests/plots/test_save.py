"""Pictures in files: every format can be told from pictures of others."""

import pytest

from ketasim.plots import page_figure, save_picture
from ketasim.plots.save import _FORMATS
from ketasim.storage.outputs import OutputError


@pytest.mark.parametrize("kind", _FORMATS)
def test_each_format_is_replaced_only_if_it_is_ours(tmp_path, kind):
    """Catches a format in which the mark is lost, so that a second `ketasim plot --force` would be refused."""
    figure = page_figure(1.0, 1.0)
    path = save_picture(figure, tmp_path / f"picture.{kind}")
    before = path.stat().st_size
    with pytest.raises(OutputError, match="--force"):
        save_picture(figure, path)
    assert save_picture(figure, path, force=True).stat().st_size == pytest.approx(before, rel=0.1)
    figure.savefig(path)
    with pytest.raises(OutputError, match="is not a picture written by ketasim"):
        save_picture(figure, path, force=True)


@pytest.mark.parametrize("name", ["picture", "picture.yaml", "picture.raw"])
def test_other_formats_are_refused(tmp_path, name):
    """Catches a picture under a name that says something else."""
    with pytest.raises(OutputError, match=r"unknown kind of picture .*; allowed: \.eps"):
        save_picture(page_figure(1.0, 1.0), tmp_path / name)

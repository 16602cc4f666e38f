"""The frame of a page: which columns are drawn, how high it is, how doses are put in words."""

import numpy as np
import pytest
import xarray

from ketasim.plots.page import doses_in_words, known_columns, make_room


def array(values, labels=None):
    values = np.array(values, float)
    coordinates = {} if labels is None else {"population": list(labels)}
    return xarray.DataArray(values, dims=("time", "population", "stage")[: values.ndim], coords=coordinates)


def test_classes_without_a_value_are_left_out():
    """Catches a line of NaN with its name in the legend, and a class with one missing value taken for one of them."""
    found = list(known_columns(array([[1, np.nan, np.nan], [2, np.nan, 3]], ("PYR", "PV", "SST"))))
    assert [label for label, _ in found] == ["PYR", "SST"]
    assert found[0][1].tolist() == [1, 2]
    assert found[1][1][1] == 3


@pytest.mark.parametrize(
    ("signal", "count"), [(array([1, 2]), 1), (array(np.ones((2, 13)), range(13)), 13), (array(np.ones((2, 3, 4))), 12)]
)
def test_columns_that_no_legend_could_name(signal, count):
    """Catches a legend of a thousand neurons, and a signal without a second axis that fails."""
    found = list(known_columns(signal))
    assert [label for label, _ in found] == [None] * count
    assert all(values.shape == (2,) for _, values in found)


@pytest.mark.parametrize(("panels", "height"), [(1, 11.0), (6, 11.0), (12, 19.0)])
def test_a_page_grows_with_its_panels(figure, panels, height):
    """Catches panels pressed together, and a page made lower than its owner wanted."""
    make_room(figure, panels)
    assert figure.get_size_inches() == pytest.approx([9.0, height])


def test_doses_in_words():
    """Catches a stimulus taken for a dose, an infusion without its length, and six doses told as one."""
    infusion = {"kind": "dose", "drug": "ketamine", "route": "intravenous", "amount_mg": 35.0, "duration_s": 2400.0}
    saline = {"kind": "dose", "drug": "saline", "route": "oral", "amount_mg": 0.0, "duration_s": 0.0}
    stimulus = {"kind": "afferent", "duration_s": 1.0}
    assert doses_in_words([stimulus]) == "no dose"
    assert doses_in_words([stimulus, saline]) == "saline oral"
    assert doses_in_words([infusion] * 6) == "ketamine 35 mg intravenous over 40 min, 6 doses"

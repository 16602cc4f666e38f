"""Weights of the default circuit in an experiment: by number, by name, or both."""

import pytest

import ketasim
from ketasim.config import Experiment
from ketasim.documents import DocumentError
from ketasim.network.weights import DEFAULT_SET, default, weight_set, weight_sets

MINIMAL = {"format": 1, "duration": "3 h"}
OTHER = next(number for number in weight_sets() if number != DEFAULT_SET)


def with_weights(weights):
    return Experiment.from_mapping(MINIMAL | {"network": {"weights": weights}})


def test_the_default_set_is_used_where_none_is_named():
    """Catches a circuit whose weights depend on whether the network has a section."""
    for network in ({}, {"network": {"neurons": 300}}, {"network": {"weights": DEFAULT_SET}}):
        weights = Experiment.from_mapping(MINIMAL | network).network.weights
        assert (weights.set, weights.values) == (DEFAULT_SET, default())


def test_a_number_a_mapping_or_both():
    """Catches named weights that are lost, or that drop the rest of their set."""
    assert with_weights(OTHER).network.weights.values == weight_set(OTHER)
    assert with_weights({"nmda_PYR_SST": "120 pS"}).network.weights.values == default()._replace(nmda_PYR_SST=0.12)
    both = with_weights({"id": OTHER, "nmda_PYR_SST": "0.12 nS"}).network.weights
    assert both.values == weight_set(OTHER)._replace(nmda_PYR_SST=0.12)
    assert both.changed == {"nmda_PYR_SST": 0.12}


@pytest.mark.parametrize(
    "weights", [OTHER, {"id": DEFAULT_SET, "nmda_PYR_SST": "0.12 nS"}, {"id": OTHER, "gaba_PV_PV": "0 nS"}]
)
def test_resolved_weights_load_to_an_equal_experiment(weights):
    """Catches a stored run that cannot be repeated with its weights."""
    experiment = with_weights(weights)
    assert experiment.resolved()["network"]["weights"] == weights
    again = Experiment.from_mapping(experiment.resolved())
    assert again == experiment
    assert again.sha256 == experiment.sha256


def test_the_digest_is_that_of_the_values():
    """Catches equal digests for different circuits, and different ones for one circuit named in two ways."""
    named = with_weights({name: f"{value!r} nS" for name, value in weight_set(OTHER)._asdict().items()})
    assert named.network.weights.values == weight_set(OTHER)
    assert named.sha256 == with_weights(OTHER).sha256 != Experiment.from_mapping(MINIMAL).sha256
    assert with_weights({"nmda_PYR_SST": "0.12 nS"}).sha256 != with_weights({"nmda_PYR_SST": "0.121 nS"}).sha256


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"nmda_PYR_SOM": "0.1 nS"}, r"network.weights.nmda_PYR_SOM: unknown key .* did you mean nmda_PYR_SST\?"),
        ({"nmda_PYR_SST": "-0.1 nS"}, "network.weights.nmda_PYR_SST: '-0.1 nS' is out of range; it must be at least 0"),
        ({"nmda_PYR_SST": "0.1 mV"}, "'0.1 mV' is a voltage; expected a conductance"),
        ({"nmda_PYR_SST": 0.1}, "0.1 has no unit; expected a conductance"),
        ("seventeen", "network.weights: expected the number of a set, or weights such as"),
        (True, "network.weights: expected the number of a set"),
        ({"id": 0}, "network.weights: there is no set of weights 0; the nearest are "),
    ],
)
def test_wrong_weights_are_refused_in_words(weights, message):
    """Catches a wrong weight that is run, and a message that does not help."""
    with pytest.raises(DocumentError, match=message):
        with_weights(weights)


def test_graphs_from_files_have_no_weights_of_sets():
    """Catches a key that is taken and does nothing."""
    with pytest.raises(DocumentError, match=r"network\.weights: unknown key 'weights'; allowed: file, scale"):
        Experiment.from_mapping(MINIMAL | {"network": {"file": "net.csv", "weights": DEFAULT_SET}})


def test_an_ensemble_is_one_line():
    """Catches numbers from `weight_sets` that an experiment does not take."""
    experiment = ketasim.load_experiment("quick")
    ensemble = [experiment.replace(**{"network.weights": number}) for number in ketasim.weight_sets()[:3]]
    assert len({one.sha256 for one in ensemble}) == 3

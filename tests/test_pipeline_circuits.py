"""A run of a network from a circuit file, with a drug and a stimulus, from the file to the picture."""

import json

import numpy as np
import pytest

import ketasim
from ketasim.config import Experiment
from ketasim.documents import DocumentError

CIRCUIT = """\
format: 1
cells:
  E: {status: assumed, source: me, transmitter: glutamate, capacitance: 200 pF, leak: 10 nS, rest: -70 mV,
    threshold: -50 mV, reset: -60 mV, refractory: 2 ms, nmda_2a: 0.5, nmda_2b: 0.5, afferent_rate: 1.5 kHz,
    afferent_ampa: 1.8 nS}
  I: {status: assumed, source: me, transmitter: gaba, capacitance: 100 pF, leak: 10 nS, rest: -68 mV,
    threshold: -50 mV, reset: -60 mV, refractory: 1 ms, nmda_2a: 1, afferent_rate: 1 kHz, afferent_ampa: 1.1 nS}
populations: {first: {cell: E, neurons: 30}, second: {cell: E, neurons: 20}, inhibitory: {cell: I, neurons: 12}}
synapses:
  drive: {status: recalled, source: a paper, delay: 1 ms, ampa: 0.2 nS, nmda: 0.2 nS}
  brake: {status: assumed, source: me, delay: 1 ms, gaba: 1 nS}
connections:
  - {from: [first, second], to: [first, second, inhibitory], synapse: drive, probability: 0.4, weight_sd_log: 0.5}
  - {from: inhibitory, to: [first, second, inhibitory], synapse: brake}
"""
STIMULUS = {"kind": "afferents", "population": "second", "start": "3 min", "duration": "1 min", "rate": "500 Hz"}


@pytest.fixture
def make(tmp_path):
    """Make the experiment with other values by key."""
    (tmp_path / "net.yaml").write_text(CIRCUIT, encoding="utf-8")
    base = {
        "format": 1,
        "duration": "6 min",
        "doses": [{"drug": "ketamine", "route": "intravenous", "amount": "2 mg/kg", "duration": "2 min"}],
        "stimuli": [STIMULUS],
        "network": {"file": str(tmp_path / "net.yaml")},
        "schedule": {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "1 min"},
        "recording": {"spikes": ["0 s"], "node_signals": ["nmda_block"]},
    }
    return lambda **changes: Experiment.from_mapping(base | changes)


def test_a_circuit_runs_from_file_to_picture(make, tmp_path):
    """Catches a part of the chain that knows only the cells of the default circuit."""
    from matplotlib.figure import Figure

    from ketasim.plots import plot_chain

    run = ketasim.run(make(), tmp_path / "run.h5")
    names = ["first", "second", "inhibitory"]
    assert list(run["firing_rate"]["population"].values) == names
    assert np.all(run["nmda_block"].isel(time=-1) > 0.05)
    graph = run.graph()
    assert sorted({name for _, name in graph.nodes(data="population")}) == sorted(names)
    assert graph.number_of_nodes() == 62 and graph.number_of_edges() > 1000
    assert all(run.spikes(name).times.size for name in names)
    dose, stimulus = run.events
    assert (dose["kind"], dose["amount_mg"]) == ("dose", 140.0)
    given = {"kind": "afferents", "population": "second", "rate_hz": 500.0, "start_s": 180.0, "duration_s": 60.0}
    assert stimulus == given
    windows, estimates = (run[name].sel(population="second") for name in ("firing_rate_window", "firing_rate"))
    assert windows.sel(time=180.0) > 1.3 * windows.sel(time=240.0)
    assert windows.sel(time=180.0) > estimates.sel(time=180.0) > estimates.sel(time=120.0)
    parameters = json.loads(run.provenance["parameters"])
    assert set(parameters["cell_classes"]) == set(names)
    assert parameters["wiring"]["first to second"]["probability"] == 0.4
    assert parameters["receptors"]["utilisation_in_vivo"] == 1.0
    assert parameters["origins"]["synapses.drive"] == {"status": "recalled", "text": "a paper"}
    figure = plot_chain(Figure(), run)
    assert "ketamine 140 mg" in figure.get_suptitle()


def test_a_stimulus_alone_is_no_dose(make, tmp_path):
    """Catches a picture of a run without doses that asks for a drug."""
    from matplotlib.figure import Figure

    from ketasim.plots import plot_chain

    run = ketasim.run(make(doses=[], duration="4 min"), tmp_path / "run.h5")
    assert "no dose" in plot_chain(Figure(), run).get_suptitle()


def test_blockers_reach_the_populations_that_are_named(make):
    """Catches `cells` that ignores the names of a circuit, and names that are not in it."""
    run = ketasim.run(make(stimuli=[], mechanisms={"nmda_blockade": {"cells": ["second"]}}))
    block = run["nmda_block"].isel(time=-1)
    assert block.sel(population="second") > 0.05 and float(block.sel(population="first")) == 0.0
    simulation = ketasim.Simulation(make())
    told = {line.split(":")[0].strip() for line in simulation.remarks()[1:]}
    assert told and told <= {"first", "second", "inhibitory"}
    with pytest.raises(DocumentError, match="unknown population 'PYR'; allowed: first, second, inhibitory"):
        make(mechanisms={"nmda_blockade": {"cells": ["PYR"]}})

"""The published working-memory network: what its file says, and what comes out of it."""

from pathlib import Path

import numpy as np
import pytest

import ketasim
from ketasim.network_files.circuit import read_circuit

CONFIG = Path(__file__).parents[1] / "configs" / "published" / "brunel_wang_2001.yaml"
PYRAMIDAL = ("nonselective", *(f"selective_{number}" for number in range(1, 6)))


def test_the_circuit_is_the_published_one():
    """Catches a slip of the pen in the file: structured weights, summed inputs, sizes."""
    circuit = read_circuit(CONFIG.with_name("brunel_wang_2001.circuit.yaml"))
    sizes, synapses = circuit.sizes, circuit.tables.synapses
    assert sizes == {"nonselective": 400} | dict.fromkeys(PYRAMIDAL[1:], 80) | {"inhibitory": 200}
    assert len(synapses) == 49
    for target in PYRAMIDAL:
        for source in PYRAMIDAL:
            weight = 1.0 if target == "nonselective" else 2.1 if source == target else 1.0 - 0.1 * 1.1 / 0.9
            assert synapses[source, target].ampa == pytest.approx(0.104 * weight, rel=1e-9)
            assert synapses[source, target].nmda == pytest.approx(0.327 * weight, rel=1e-9)
        # structure leaves the summed input as it is
        assert sum(sizes[source] * synapses[source, target].nmda for source in PYRAMIDAL) == pytest.approx(800 * 0.327)
        assert (synapses["inhibitory", target].gaba, synapses[target, "inhibitory"].nmda) == (1.25, 0.258)
    assert synapses["inhibitory", "inhibitory"].gaba == 0.973
    assert {synapse.utilisation for synapse in synapses.values()} == {1.0}
    cells = circuit.tables.cells
    for name, (capacitance, leak, refractory, ampa) in {
        "selective_3": (500.0, 25.0, 2.0, 2.08),
        "inhibitory": (200.0, 20.0, 1.0, 1.62),
    }.items():
        cell = cells[name]
        assert (cell.capacitance, cell.leak, cell.refractory, cell.afferent_ampa) == (
            capacitance,
            leak,
            refractory,
            ampa,
        )
        assert (cell.rest, cell.threshold, cell.cutoff, cell.reset, cell.afferent_rate) == (-70, -50, -50, -55, 2.4)
    times = circuit.tables.receptors
    assert (times.ampa_time, times.nmda_time, times.gaba_fast_time, times.gaba_reversal) == (2.0, 100.0, 10.0, -70.0)
    assert (times.mg, times.mg_half_2a, times.mg_half_2b, times.utilisation_in_vivo) == (1.0, 3.57, 3.57, 1.0)


def rates(seed, *changes):
    """Rates at rest (pyramidal, inhibitory), of the cued group and of another in the first second of the delay, Hz."""
    simulation = ketasim.Simulation(ketasim.load_experiment(CONFIG, [f"seed={seed}", "recording={}", *changes]))
    resting, delay = [], []
    simulation.measure_baseline(
        lambda time, window: resting.append(window.population["firing_rate"]) if time < 0 else 0
    )
    sizes = np.array(list(simulation.network.topology.sizes.values()))
    while simulation.time < 2.0:
        simulation.step()
        if simulation.time >= 1.5:
            delay.append(simulation.window.population["firing_rate"])
    rest = np.mean(resting, axis=0)
    return np.average(rest[:-1], weights=sizes[:-1]), rest[-1], *np.mean(delay, axis=0)[1:3]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_cue_starts_activity_that_outlasts_it(seed):
    """Catches resting rates outside the range of independent simulations, and a cue that leaves nothing or spreads."""
    pyramidal, inhibitory, cued, other = rates(seed)
    assert 1.5 < pyramidal < 3.0 and 7.0 < inhibitory < 9.5
    assert cued > 15.0 and other < 4.0
    without_cue = rates(seed, "stimuli=[]")
    assert without_cue[:2] == (pyramidal, inhibitory) and without_cue[2] < 5.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_less_nmda_less_persistence(seed, tmp_path):
    """Catches delay activity that does not need NMDA receptors: with a tenth less of them it is gone within 1 s."""
    text = CONFIG.with_name("brunel_wang_2001.circuit.yaml").read_text(encoding="utf-8")
    for whole, less in (("0.327", "0.2943"), ("0.258", "0.2322")):
        assert text.count(f"nmda: {whole} nS") == 1
        text = text.replace(f"nmda: {whole} nS", f"nmda: {less} nS")
    (tmp_path / "less.yaml").write_text(text, encoding="utf-8")
    less = rates(seed, f"network.file={tmp_path / 'less.yaml'}")
    assert less[2] < 0.6 * rates(seed)[2] and less[0] < 2.2 and less[1] < 8.0

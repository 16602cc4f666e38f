"""Which mechanisms take part, and declarations that do not fit."""

from types import SimpleNamespace
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from annotated_types import Gt

import ketasim
from ketasim.documents import KetasimError
from ketasim.engines import SpikingEngine
from ketasim.mechanisms import ORDER, Mechanism
from ketasim.signals import SIGNALS, Shown, Signal
from ketasim.simulation.roster import DeclarationError, active_mechanisms, owners_of
from ketasim.sources import Source


class Parameters(NamedTuple):
    """A mechanism of the user."""

    factor: Annotated[float, Gt(0), "1", Source("assumed", "a test")] = 0.8


def nothing(*arguments):
    """Advance nothing."""


def load_state(name="my_load", dims=("node",), kind="state"):
    return Signal(name, "1", dims, kind, 0.0, "load of a test", recorded=True)


WRONG = {
    "unknown signal": (
        Mechanism("mine", Parameters, nothing, reads=("glutamate_ambiant",)),
        "mine: unknown signal 'glutamate_ambiant'; did you mean glutamate_ambient?",
    ),
    "two owners": (
        Mechanism("mine", Parameters, nothing, writes=("glutamate_ambient",)),
        "mine: the state 'glutamate_ambient' already belongs to glutamate",
    ),
    "scaling a state": (
        Mechanism("mine", Parameters, nothing, scales=("glutamate_ambient",)),
        "mine: 'glutamate_ambient' is a state, not a port; see `ketasim signals --ports`",
    ),
    "scaling a state that has a port": (
        Mechanism("mine", Parameters, nothing, scales=("bdnf",)),
        "mine: 'bdnf' is a state, not a port; see `ketasim signals --ports`; did you mean bdnf_release_gain?",
    ),
    "writing what the network measures": (
        Mechanism("mine", Parameters, nothing, writes=("firing_rate",)),
        "mine: 'firing_rate' is a network, not a state",
    ),
    "writing a port": (
        Mechanism("mine", Parameters, nothing, writes=("release_gain",)),
        "mine: 'release_gain' is a port, not a state",
    ),
    "a name that is a path": (
        Mechanism("mine", Parameters, nothing, signals=(load_state("../load"),)),
        "mine: the signal '../load' cannot have this name in a file",
    ),
    "a name that the file needs": (
        Mechanism("mine", Parameters, nothing, signals=(load_state("firing_rate_window"),)),
        "mine: the signal 'firing_rate_window' cannot have this name in a file",
    ),
    "a signal that exists": (
        Mechanism("mine", Parameters, nothing, signals=(load_state("firing_rate"),)),
        "mine: the signal 'firing_rate' exists already",
    ),
    "a name that exists": (Mechanism("glutamate", Parameters, nothing), "there are two mechanisms named 'glutamate'"),
    "an unknown statistic": (
        Mechanism("mine", Parameters, nothing, signals=(load_state()._replace(summary="median"),)),
        "mine: 'my_load': 'median' is not a statistic; valid are 'peak', 'area', 'value at 4 h, 24 h', 'mean over "
        "baseline' and 'mean over 10 min to 60 min'",
    ),
    "a look that no file can carry": (
        Mechanism("mine", Parameters, nothing, signals=(load_state()._replace(shown=Shown("load", factor="many")),)),
        """mine: 'my_load': '{"panel": "load", "factor": "many"}' does not say how a signal is shown: """
        "a value has the wrong type",
    ),
    "an unknown dimension": (
        Mechanism("mine", Parameters, nothing, signals=(load_state(dims=("neuron",)),)),
        "mine: 'my_load' has the unknown dimension 'neuron'; "
        "allowed: compound, compartment, blocker, subunit, nascent_stage, stage, population, node",
    ),
    "a signal that no window measures": (
        Mechanism("mine", Parameters, nothing, signals=(load_state(kind="network"),)),
        "mine: 'my_load' is of kind 'network'; it must be a state or a port",
    ),
}


def test_a_port_that_nothing_reads_is_refused(small):
    """Catches a mechanism that runs without a word and does nothing: here what would read the port is switched off."""
    mine = Mechanism("mine", Parameters, nothing, scales=("mtorc1_gain",))
    assert "mine" in {one.name for one in ketasim.Simulation(small(), mechanisms=[mine]).mechanisms}
    with pytest.raises(DeclarationError) as caught:
        ketasim.Simulation(small(mechanisms={"mtorc1": "off"}), mechanisms=[mine])
    assert str(caught.value) == (
        "mine: nothing in this run reads the port 'mtorc1_gain'; ports that are read: "
        "afferent_ampa_gain, afferent_gain, afferent_rate_gain, afferent_release_gain, ampa_gain, bdnf_release_gain, "
        "inhibition_gain, inhibition_time_gain, membrane_current, nmda_gain, nmda_tonic_gain, release_gain, "
        "spine_elimination_gain, spine_formation_gain, trkb_gain, uptake_gain"
    )
    unknown = Signal("my_port", "1", ("node",), "port", 1.0, "port of a test")
    alone = Mechanism("mine", Parameters, nothing, scales=("my_port",), signals=(unknown,))
    with pytest.raises(DeclarationError, match="nothing in this run reads the port 'my_port'"):
        ketasim.Simulation(small(), mechanisms=[alone])


def test_own_mechanisms_that_take_no_part_are_said(small):
    """Catches an own mechanism that is left out without a word, for want of a network or of its cells."""
    mine = Mechanism("mine", Parameters, nothing, reads=("glutamate_ambient",))
    notes = ketasim.Simulation(small(network="none"), mechanisms=[mine]).notes
    assert notes == ("the mechanism 'mine' takes no part: the run has no network",)
    other = Mechanism("other", Parameters, nothing, reads=("bdnf",), population="VIP")
    assert ketasim.Simulation(small(), mechanisms=[other]).notes == (
        "the mechanism 'other' takes no part: the network lacks a population, edges or a signal that it needs",
    )


def test_exposures_that_nothing_reads_are_said(small):
    """Catches stress or a dose that does nothing, and no word of it; and a word where a mechanism reads it."""
    stress = {"stimuli": [{"kind": "stress", "start": "0 s", "duration": "10 min"}]}
    words = "'stress' has no effect: nothing in this run reads it"
    assert ketasim.Simulation(small(**stress)).notes == ()
    assert ketasim.Simulation(small(**stress, mechanisms={"chronic_stress": "off"})).notes == (words,)
    assert ketasim.Simulation(small(**stress, network="none")).notes == (words,)
    without = small(mechanisms={"pharmacokinetics": "off"})
    assert ketasim.Simulation(without).notes == ("'dose' has no effect: nothing in this run reads it",)


def test_a_mechanism_known_to_experiment_and_run_counts_once(small):
    """Catches "two mechanisms named" where the same one is given to both, as a notebook does."""
    mine = Mechanism("mine", Parameters, nothing, reads=("brain_concentration",))
    experiment = ketasim.Experiment.from_mapping({"format": 1, "duration": "1 h", "network": "none"}, [mine])
    assert [one.name for one in ketasim.Simulation(experiment, mechanisms=[mine]).mechanisms][-1] == "mine"


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_declaration_is_refused_by_name(small, case):
    """Catches a declaration that is accepted and then does nothing, overwrites another's state, or fails late."""
    mechanism, message = WRONG[case]
    with pytest.raises(DeclarationError) as caught:
        ketasim.run(small(network="none"), mechanisms=[mechanism])
    assert str(caught.value) == message


def test_own_mechanism_with_own_signals_and_a_port(small):
    """Catches own signals that are not stored, a port that is not felt, steps of the wrong length, own parameters."""

    def advance(firing_rate, my_load, my_hours, release_gain, parameters, clock):
        assert parameters.factor == 0.8
        my_load += np.mean(firing_rate) * clock.duration
        my_hours += clock.duration / 3600.0
        release_gain *= parameters.factor

    mine = Mechanism(
        "mine",
        Parameters,
        advance,
        reads=("firing_rate",),
        writes=("my_load", "my_hours"),
        scales=("release_gain",),
        signals=(
            load_state()._replace(summary="peak", shown=Shown("load")),
            Signal("my_hours", "h", (), "state", 0.0, "time that has gone by", recorded=True),
        ),
    )
    run = ketasim.run(small(), mechanisms=[mine])
    plain = ketasim.run(small())
    load = run["my_load"]
    assert load.attrs["mechanism"] == "mine"
    assert load.attrs["units"] == "1"
    assert Shown.of(load.attrs["shown"]) == Shown("load")
    peaks = run.summary[(run.summary["quantity"] == "my_load") & (run.summary["statistic"] == "peak")]
    assert peaks["value"].tolist() == load.values[-1].tolist()
    rate = run["firing_rate"].values @ [64, 9, 7] / 80  # all nodes
    assert list(run["firing_rate"]["population"]) == ["PYR", "PV", "SST"]
    after = load["time"].values >= 0
    expected = np.concatenate([[0.0], np.cumsum(300.0 * rate[after][:-1])])
    assert load.values[after, 0] == pytest.approx(expected)
    assert run["my_hours"].values == pytest.approx(np.arange(5) / 12)
    means = [one["firing_rate"].sel(population="PV").mean("time") for one in (run, plain)]  # driven by pyramidal cells
    assert means[0] < 0.9 * means[1]
    assert run["firing_rate"].sel(population="PYR").mean() > 0.1


def test_without_a_network_only_mechanisms_without_nodes_run(small):
    """Catches a mechanism of nodes that is given empty arrays, or pharmacokinetics left out."""
    chosen = active_mechanisms(small(network="none"), (), None, SIGNALS)
    assert [mechanism.name for mechanism in chosen] == ["pharmacokinetics"]
    mine = Mechanism("mine", Parameters, nothing, reads=("brain_concentration",))
    assert active_mechanisms(small(network="none"), [mine], None, SIGNALS)[-1] is mine


def test_an_own_mechanism_takes_the_place_of_one_switched_off(small):
    """Catches states that belong to a mechanism that does not run, and two owners that both do."""

    def advance(nmda_unblocked, parameters, clock):
        nmda_unblocked[:] = parameters.factor

    mine = Mechanism("mine", Parameters, advance, writes=("nmda_unblocked",))
    with pytest.raises(DeclarationError, match="the state 'nmda_unblocked' already belongs to nmda_blockade"):
        ketasim.Simulation(small(), mechanisms=[mine])
    simulation = ketasim.Simulation(small(mechanisms={"nmda_blockade": "off"}), mechanisms=[mine])
    assert set(simulation.signals["nmda_unblocked"].flat) == {0.8}


def test_switched_off_mechanisms_do_not_take_part(small):
    """Catches `off` that is read but not obeyed, also for an own mechanism named in the file."""
    mine = Mechanism("mine", Parameters, nothing)
    experiment = ketasim.Experiment.from_mapping(
        {"format": 1, "duration": "1 h", "mechanisms": {"glutamate": "off", "mine": "off"}}, [mine]
    )
    chosen = active_mechanisms(experiment, experiment.own_mechanisms, engine_of("PYR"), SIGNALS)
    assert [mechanism.name for mechanism in chosen] == [m.name for m in ORDER if m.by_default and m.name != "glutamate"]


def test_a_mechanism_of_one_species_takes_part_in_no_other(small):
    """Catches a rat with scores of people, a note that says so unasked, and none where someone gave numbers for it."""
    mine = Mechanism("mine", Parameters, nothing, species="mouse")
    rat = {"species": "rat"}
    plain = ketasim.Simulation(small(subject=rat))
    asked = ketasim.Simulation(small(subject=rat, mechanisms={"mood": {"healthy_madrs": 5}}), mechanisms=[mine])
    for simulation in (plain, asked):
        assert {"mood", "dissociation", "mine"}.isdisjoint(one.name for one in simulation.mechanisms)
    assert not [note for note in plain.notes if "takes no part" in note]
    assert [note for note in asked.notes if "takes no part" in note] == [
        "the mechanism 'mood' takes no part: it is for the human only, and the subject is a rat",
        "the mechanism 'mine' takes no part: it is for the mouse only, and the subject is a rat",
    ]
    nowhere = ketasim.Simulation(small(network="none", mechanisms={"mood": {"healthy_madrs": 5}}))
    assert "the mechanism 'mood' takes no part: the run has no network" in nowhere.notes
    for slip, words in (("mousse", "'mousse'; did you mean mouse"), (["rat"], r"\['rat'\]")):
        with pytest.raises(DeclarationError, match=f"slip: unknown species {words}"):
            ketasim.Simulation(small(), mechanisms=[Mechanism("slip", Parameters, nothing, species=slip)])


def test_a_mechanism_of_the_species_may_own_what_that_of_another_leaves_out(small):
    """Catches a rat's own score that is refused because people have one, and `on` for a rat that is not answered."""
    rats = Mechanism("rats", Parameters, lambda madrs, parameters, clock: None, writes=("madrs",), species="rat")
    rat = ketasim.Simulation(small(subject={"species": "rat"}, mechanisms={"mood": "on"}), mechanisms=[rats])
    assert rat.owners["madrs"] == "rats"
    words = "the mechanism 'mood' takes no part: it is for the human only, and the subject is a rat"
    assert words in rat.notes
    stated = ketasim.Experiment.from_mapping(small(subject={"species": "rat"}).resolved())
    assert words not in ketasim.Simulation(stated).notes  # who writes everything out has not asked for it
    human = ketasim.Simulation(small(), mechanisms=[rats])
    assert human.owners["madrs"] == "mood"


def test_a_score_that_nobody_has_is_said_to_be_unset(small):
    """Catches a user's mechanism that takes a rat's MADRS of 0, which is none, for a remission."""
    mine = Mechanism("mine", Parameters, lambda madrs, parameters, clock: None, reads=("madrs",))
    words = "the mechanism 'mine' reads 'madrs', which nothing sets in this run"
    assert words in ketasim.Simulation(small(subject={"species": "rat"}), mechanisms=[mine]).notes
    assert words not in ketasim.Simulation(small(), mechanisms=[mine]).notes


def test_a_budget_is_never_exceeded(small):
    """Catches a share of steps that rounds up to one window more: 7 of 25 steps."""
    schedule = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "10 min", "skip": False, "budget": 7}
    run = ketasim.run(small(duration="4 h", doses=[], schedule=schedule, recording={}))
    assert run.summary.set_index("quantity")["value"]["windows_run"] == 7


def engine_of(*populations, measures=SpikingEngine.measures, plastic=True):
    """What is asked of an engine before it runs."""
    topology = SimpleNamespace(population_names=populations)
    found = SimpleNamespace(topology=topology, measures=measures, reads=SpikingEngine.reads)
    if plastic:
        found.edges = found.rewire = nothing
    return found


def test_what_an_engine_lacks_leaves_mechanisms_out(small):
    """Catches a mechanism that reads what nobody measures, acts on nobody, or changes edges that are fixed."""
    everything = {mechanism.name for mechanism in ORDER if mechanism.by_default}
    own = [
        Mechanism("prune", Parameters, edges=("PV", "PYR"), evolve=nothing),
        Mechanism("late", Parameters, nothing, reads=("vesicle_release_baseline",)),
        Mechanism("inputs", Parameters, nothing, reads=("afferent_rate", "release_gain")),
    ]

    def names(engine):
        return {one.name for one in active_mechanisms(small(), own, engine, SIGNALS)}

    everything |= {"prune", "late", "inputs"}
    assert names(engine_of("PYR", "PV")) == everything
    assert names(engine_of("PYR", "PV", plastic=False)) == everything - {"prune", "synaptogenesis"}
    assert names(engine_of("PYR")) == everything - {"prune"}
    on_pyramids = {one.name for one in ORDER if "PYR" in one.populations and one.by_default}
    assert {"synaptogenesis", "bdnf"} <= on_pyramids < everything
    assert names(engine_of("PV")) == everything - {"prune"} - on_pyramids
    no_release = names(engine_of("PYR", "PV", measures=("firing_rate", "nmda_gating")))
    assert {"glutamate", "late"}.isdisjoint(no_release) and {"homeostatic_scaling", "inputs"} <= no_release


def test_owners_of_states():
    """Catches a state that is owned by what only reads it."""
    assert owners_of(ORDER)["glutamate_ambient"] == "glutamate"


def test_a_port_made_negative_is_refused_by_name(small):
    """Catches an own mechanism that silences the network without a word."""
    mine = own("mine", lambda release_gain, parameters, clock: np.multiply(release_gain, -1.0, out=release_gain))
    with pytest.raises(KetasimError, match=r"mine made 'release_gain' -1.0 at t = 0 s"):
        ketasim.run(small(), mechanisms=[mine])


def test_an_advance_with_other_arguments_is_refused_by_name(small):
    """Catches a bare TypeError from deep inside a run."""
    with pytest.raises(
        DeclarationError, match="mine: `advance` must take 3 arguments: release_gain, parameters, clock"
    ):
        ketasim.run(small(), mechanisms=[own("mine", lambda release_gain: None)])


def test_what_is_no_experiment_or_mechanism_is_refused(small):
    """Catches an AttributeError about insides for a call that is plainly wrong."""
    with pytest.raises(TypeError, match="load_experiment"):
        ketasim.run("quick")
    with pytest.raises(TypeError, match=r"ketasim.Mechanism"):
        ketasim.run(small(), mechanisms=["x"])


def own(name, advance):
    return Mechanism(name, Parameters, advance, scales=("release_gain",))

"""Random damage to a valid file: an experiment or a `DocumentError`, never anything else."""

import random

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ketasim.config import Experiment
from ketasim.documents import DocumentError, from_mapping, with_values

DAMAGE = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIECES = [
    *"\t \n:{}[]'#*1-.h~é|>\\\x00\u2028",
    '"',
    "- ",
    "&a",
    "!!x",
    "e9",
    "mg",
    "/kg",
    "null",
    "none",
    "off",
]
PIECES += ["true", ".nan", "0x", "9" * 30]


@DAMAGE
@given(st.randoms(use_true_random=False), st.integers(1, 4))
@example(random.Random(1), 1)
def test_damaged_text(text, read, generator, cuts):
    """Catches tracebacks for files with stray, missing or doubled characters."""
    for _ in range(cuts):
        start = generator.randrange(len(text) + 1)
        end = min(len(text), start + generator.choice((0, 0, 1, 3, 20)))
        text = text[:start] + generator.choice(["", *PIECES]) + text[end:]
    try:
        assert isinstance(read(text), Experiment)
    except DocumentError as error:
        assert str(error)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
SCALARS |= st.sampled_from(["1 h", "5 mg", "off", "none", "auto", "1e300 d", "0.1 ms", "ketamine", "nan s", -1, 10**30])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
PATHS = st.sampled_from(
    """format name seed duration subject subject.species subject.weight subject.genotype.cyp2b6 subject.genotype.bdnf
    doses doses.0 doses.0.drug doses.0.route doses.0.amount doses.0.start doses.0.repeat doses.0.repeat.every
    doses.0.repeat.count doses.1 network network.file network.neurons network.model schedule schedule.step
    schedule.window drugs drugs.0 mechanisms mechanisms.block mechanisms.block.ec50 mechanisms.block.cells
    mechanisms.block.limits mechanisms.pharmacokinetics.disposition recording recording.spikes
    recording.spikes.0 recording.spikes.0.from recording.node_signals recording.node_signals.0
    recording.graph recording.graph.0 unknown.key""".split()  # noqa: SIM905 - a list of one name a line
)


@DAMAGE
@given(st.dictionaries(PATHS, VALUES, min_size=1, max_size=3))
def test_damaged_values(text, read, changes):
    """Catches tracebacks for values of any type at any place."""
    experiment = read(text)
    try:
        changed = experiment.replace(**changes)
        assert Experiment.from_mapping(changed.resolved()) == changed
    except DocumentError as error:
        assert str(error)


def test_data_from_anywhere(small_world):
    """Catches a mapping whose root is nothing like an experiment."""
    for data in ({}, {"": None}, {"doses": {"0": 1}}, {"format": [1]}):
        try:
            with_values(from_mapping(data), {})
            Experiment.from_mapping(data)
        except DocumentError as error:
            assert "format" in str(error)

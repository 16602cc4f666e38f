"""What a shell completes is what there is, in time for a key press."""

import os
import subprocess
import sys

import ketasim
from ketasim.cli import completion
from ketasim.config import load_experiment
from ketasim.drugs import load_catalogue
from ketasim.mechanisms import ORDER


def test_names_are_those_of_the_package(tmp_path, monkeypatch):
    """Catches a drug, a mechanism or an example that is missing, and helpers that are offered."""
    assert completion.drugs("") == sorted(load_catalogue())
    assert completion.mechanisms("") == sorted(one.name for one in ORDER)
    assert completion.examples("") == list(ketasim.examples())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner").mkdir()
    for name in ("quiet.yaml", "other.txt", "inner/mine.yml"):
        (tmp_path / name).write_text("")
    assert completion.experiments("qui") == ["quick", "quiet.yaml"]
    assert completion.experiments("inner/") == [os.path.join("inner", "mine.yml")]


def test_every_key_can_be_set():
    """Catches a key that is offered and then refused as unknown."""
    assert {"mechanisms.mood=", "duration="} <= {*completion.keys("")}
    base = {"stimuli": [{"kind": "stress", "start": "0 h", "duration": "1 h"}]}
    resolved = load_experiment("human_infusion").replace(**base).resolved()
    optional = {"doses.0.repeat", "schedule.budget", "recording.graph"}
    for key in completion._KEYS:
        at = resolved
        for part in key.split("."):
            assert key in optional or part in at or part.isdigit(), key
            at = at[int(part)] if part.isdigit() else at.get(part, {})
    assert completion.keys("doses.0.a") == ["doses.0.amount="]


def test_a_shell_is_answered_without_heavy_imports():
    """Catches a key press that waits for numba, and completion that is not wired to arguments."""
    for words, answer in (
        ("ketasim run human_i", "human_infusion"),
        ("ketasim run quick doses.0.am", "doses.0.amount="),
        ("ketasim drugs memant", "memantine"),
        ("ketasim mechanisms nmda_", "nmda_blockade"),
        ("ketasim examples six", "six_infusions"),
    ):
        code = (
            "import sys; sys.argv = ['ketasim']\nfrom ketasim.cli import main\ntry: main()\n"
            "finally: assert not {'numba', 'pydantic', 'matplotlib'} & set(sys.modules)"
        )
        number = str(len(words.split()) - 1)
        asked = {"_KETASIM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": number}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | asked)
        assert done.stdout.split() == [answer], (words, done.stderr)

"""Rewrite what follows from a new mechanism, signal, drug or parameter, and show the difference: ``make accept``.

Written anew are the schema for editors, the digest of all defaults in CHANGELOG.md and the message that README.md
shows. What only a person can say is listed: which change of a leaf shows, which test a mechanism needs, why results
moved. Exit code 1 while any is left.
"""

import json
import subprocess
import sys
from pathlib import Path

from ketasim.config import experiment_schema
from ketasim.findings.frozen import NAME, frozen
from ketasim.recording.defaults import digests
from tests.leaves.cases import CASES, WITHOUT_EFFECT
from tests.leaves.test_leaves import leaves
from tests.test_architecture import mistake, without_tests
from tests.test_parameters import DIGEST, defaults, digest

ROOT = Path(__file__).parents[1]
WRITTEN = ("ketasim.schema.json", "CHANGELOG.md", "README.md")
#: Tests that compare the house with what stands about it elsewhere.
HOLDING = (
    "tests/test_architecture.py",
    "tests/test_parameters.py",
    "tests/test_signals.py",
    "tests/mechanisms/test_declarations.py",
    "tests/drugs/test_catalogue.py",
    "tests/config/test_schema.py",
    "tests/golden",
)


def rewrite() -> None:
    """Write what follows without a choice."""
    schema = json.dumps(experiment_schema(), indent=2) + "\n"
    (ROOT / "ketasim.schema.json").write_text(schema, encoding="utf-8")
    changelog = ROOT / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    new = DIGEST.sub(lambda found: found[0].replace(found[1], digest(defaults())), text, count=1)
    changelog.write_text(new, encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace(*mistake()), encoding="utf-8")


def freeze() -> list[str]:
    """Write the digests of defaults that `frozen.yaml` explains; return what must be said of the others."""
    place, before, now = ROOT / "ketasim" / "findings" / NAME, frozen(), digests()
    explained = before.explained(now)
    lines = [f'  {name}: "{explained.get(name, before.groups.get(name))}"' for name in now]
    text = place.read_text(encoding="utf-8")
    place.write_text(text[: text.index("\ngroups:\n")] + "\ngroups:\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return [f'groups: {{{name}: "{now[name]}"}}' for name in now if name not in explained]


def left() -> list[str]:
    """What is left to a person, a line each."""
    known = CASES.keys() | WITHOUT_EFFECT.keys()
    found = {leaf for leaf in leaves(experiment_schema()) if leaf.split(".")[0] not in ("arms", "sweep")}
    lines = [f"tests/leaves/cases.py: say what a change of {leaf} shows" for leaf in sorted(found - known)]
    lines += [f"tests/leaves/cases.py: {leaf} is no longer a key" for leaf in sorted(known - found)]
    lines += [f"ketasim/findings/{NAME}: say under `changes` why, with {groups}" for groups in freeze()]
    return lines + [f"tests/{test}: missing, tests of ketasim/{path}" for path, test in without_tests().items()]


def main() -> int:
    """Rewrite, show the difference, list what is left, run the tests that hold it."""
    rewrite()
    subprocess.run(["git", "--no-pager", "diff", "--stat", "HEAD", "--", *WRITTEN], cwd=ROOT, check=True)
    lines = left()
    print(*(lines or ["nothing is left to say"]), sep="\n", flush=True)
    tests = subprocess.run([sys.executable, "-m", "pytest", "-q", "--tb=line", *HOLDING], cwd=ROOT, check=False)
    if tests.returncode:
        print("meant? Results that moved: say why in CHANGELOG.md, then python -m tests.golden.make")
    return int(bool(lines or tests.returncode))


if __name__ == "__main__":
    sys.exit(main())

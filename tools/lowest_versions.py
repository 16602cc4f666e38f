"""Print the declared minimum versions as pip constraints: what ``make test-lowest`` installs."""

import re
import tomllib
from pathlib import Path


def main() -> None:
    """Turn every ``name>=version`` of the core and test dependencies into ``name==version``."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
        name, version = re.fullmatch(r"([A-Za-z0-9._-]+)>=([0-9.]+)", requirement).groups()
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()

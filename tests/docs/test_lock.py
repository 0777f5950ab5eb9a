"""CI's lock holds one exact version with a hash of everything the project names, and names no place to get it from."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

TOP = Path(__file__).resolve().parents[2]
LOCK = (TOP / "requirements-ci.lock").read_text("utf-8").splitlines()
LINE = re.compile(r"([a-z0-9.-]+)==(\S+) --hash=sha256:[0-9a-f]{64}")


def locked() -> dict[str, str]:
    """Version by name."""
    lines = [LINE.fullmatch(line) for line in LOCK if not line.startswith("#")]
    assert None not in lines
    return {line[1]: line[2] for line in lines if line}


def test_every_line_is_a_version_with_its_hash() -> None:
    assert len(locked()) == len([line for line in LOCK if not line.startswith("#")])
    assert "://" not in "\n".join(LOCK)


def test_the_lock_fits_what_the_project_asks_for() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))
    groups = project["dependency-groups"]
    requirements = [*project["project"]["dependencies"], *groups["dev"], *groups["docs"]]
    versions, wrong = locked(), []
    for requirement in map(Requirement, requirements):
        version = versions.get(requirement.name.lower().replace("_", "-"))
        if version is None or version not in requirement.specifier:
            wrong.append(str(requirement))
    assert wrong == []

"""ONNX Runtime's telemetry: off whatever the environment says, and reported where open_analytic comes too late."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from open_analytic.util import telemetry
from tests.process.runner import PLAIN, REPOSITORY, make

SESSION = (
    "import logging; logging.basicConfig(format='%(levelname)s %(message)s'); import open_analytic.runtime.session"
)


def files(home: Path, program: str, **variables: str) -> tuple[list[str], str]:
    """What the program leaves in a new HOME, and what it says."""
    home.mkdir()
    plain = {name: os.environ[name] for name in PLAIN if name in os.environ}  # none says that this is a CI
    environment = plain | {"HOME": str(home), "PYTHONPATH": str(REPOSITORY)} | variables
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return sorted(path.name for path in home.rglob("*") if path.is_file()), done.stderr


@pytest.mark.parametrize("value", ["", "0", "off", "1"])
def test_it_is_off_whatever_the_environment_says(tmp_path: Path, value: str) -> None:
    assert files(tmp_path / "home", SESSION, ORT_DISABLE_TELEMETRY=value) == ([], "")


def test_the_package_is_the_door_for_a_program_that_imports_onnxruntime_after_it(tmp_path: Path) -> None:
    assert files(tmp_path / "home", "import open_analytic, onnxruntime") == ([], "")


def test_a_program_that_empties_its_environment_stays_without(tmp_path: Path) -> None:
    program = f"import open_analytic, os; os.environ.pop('ORT_DISABLE_TELEMETRY'); {SESSION}"
    assert files(tmp_path / "home", program) == ([], "")


def test_a_program_that_imported_onnxruntime_before_is_told_once(tmp_path: Path) -> None:
    _, warnings = files(tmp_path / "home", f"import onnxruntime; {SESSION}; import open_analytic.app")
    assert warnings == f"WARNING {telemetry.LATE}\n"


def test_a_program_that_turned_it_off_itself_is_not_told(tmp_path: Path) -> None:
    assert files(tmp_path / "home", f"import onnxruntime; {SESSION}", ORT_DISABLE_TELEMETRY="true") == ([], "")


def test_doctor_says_which(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import onnxruntime")
    late = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY)]), "HOME": str(tmp_path)}
    privacy = {}
    for name, environment, code in (("off", {}, 0), ("late", late, 1)):
        checks = make(tmp_path, tmp_path, **environment)("doctor", "--json", code=code).json
        privacy[name] = next(check for check in checks if check["name"] == "privacy")
    assert privacy == {
        "off": {
            "name": "privacy", "state": "ok", "hint": None,
            "detail": "no telemetry: ONNX Runtime's is turned off; docs/privacy.md lists what is stored and fetched",
        },
        "late": {"name": "privacy", "state": "broken", "detail": telemetry.LATE, "hint": telemetry.ADVICE},
    }  # fmt: skip

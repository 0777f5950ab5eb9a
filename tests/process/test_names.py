"""Names are nouns: the check that refuses participles sees every way to bind one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "names.py"
PYTHON = """
found = 1
for told in []: pass
with open("x") as kept: pass
def asked(given, *, _wanted): return [made for made in given]
class Shown: taken: int = 0
self.said = 2
import os as given
if (found := 1): pass
match found:
    case [kept, *made]: pass
try: pass
except OSError as told: pass
lambda said: said
"""
BOUND = ["found", "told", "kept", "asked", "given", "_wanted", "made", "Shown", "taken", "said", "given", "found"]
BOUND += ["kept", "made", "told", "said"]
FREE = """
from hypothesis import given
row = found.told(kept=1, wanted=given)
foundation, was_found, made_of = 1, 2, 3
"""


def names(folder: Path, name: str, text: str) -> list[str]:
    """What the script refuses in a project that has this file only."""
    file, script = folder / name, folder / "scripts" / "names.py"
    for path in (file, script):
        path.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    shutil.copy(SCRIPT, script)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(f"{name}:")]
    assert done.returncode == bool(done.stdout)
    return sorted(line.split("'")[1] for line in lines)


def test_every_binding_of_python_counts(tmp_path: Path) -> None:
    assert names(tmp_path, "tests/a.py", PYTHON) == sorted(BOUND)


def test_uses_and_longer_words_are_free(tmp_path: Path) -> None:
    assert names(tmp_path, "tests/a.py", FREE) == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("open_analytic/web/static/a.js", "const found = 1;\nfunction f(a, told) {}\nasked((kept) => kept);\n", 3),
        ("open_analytic/web/static/a.js", "const { made } = rows;\nthis.taken = 1;\nlet given, row = found.told;\n", 3),
        (
            "migrations/functions/a.sql",
            "DECLARE\n    found record;\n    told CONSTANT text[] := '{}';\n    row text;\n",
            2,
        ),
        ("migrations/functions/a.sql", "    SELECT found;\n    found := 1;\n", 0),
    ],
    ids=["JavaScript", "more JavaScript", "PL/pgSQL", "uses in PL/pgSQL"],
)
def test_other_languages_are_read_too(tmp_path: Path, name: str, text: str, expected: int) -> None:
    assert len(names(tmp_path, name, text)) == expected

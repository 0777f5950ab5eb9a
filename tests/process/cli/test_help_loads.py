"""Help is quick: it loads nothing heavy."""

import json
import subprocess
import sys

HEAVY = {"numpy", "psycopg", "onnxruntime", "cv2", "sqlalchemy", "alembic", "PIL", "onnx", "httpx", "pydantic", "rich"}


def test_help_loads_nothing_heavy() -> None:
    script = "import sys, json; from open_analytic.cli import main; main"
    script += "\ntry: main()\nexcept SystemExit: pass\nprint('MODULES', json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.partition("MODULES ")[2])}
    assert "Commands:" in done.stdout
    assert loaded & HEAVY == set()

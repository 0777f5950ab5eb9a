"""A command loads what it uses: most run no model, and help does without a database too."""

import json
import subprocess
import sys
from pathlib import Path

from tests.process.runner import Cli

HEAVY = {"numpy", "psycopg", "onnxruntime", "cv2", "sqlalchemy", "alembic", "PIL", "onnx", "httpx", "pydantic", "rich"}
SCRIPT = """
import json, sys
opened = []
sys.addaudithook(lambda event, of: opened.append(str(of[0])) if event == "open" else None)
from open_analytic.cli import main
try:
    main()
except SystemExit:
    pass
print("LOADED", json.dumps([sorted({name.partition(".")[0] for name in sys.modules}), opened]))
"""


def loaded(*words: str, cli: Cli | None = None) -> tuple[str, set[str], set[str]]:
    """What a command prints, the packages it imports, and the files it opens."""
    folder, environment = (cli.folder, cli.environment) if cli else (None, None)
    command = [sys.executable, "-c", SCRIPT, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, env=environment, check=True)
    out, _, report = done.stdout.partition("LOADED ")
    packages, opened = json.loads(report)
    return out, set(packages), set(opened)


def test_help_loads_nothing_heavy() -> None:
    out, packages, _ = loaded("--help")
    assert "Commands:" in out
    assert packages & HEAVY == set()


def test_what_runs_no_model_loads_no_runtime(cli: Cli) -> None:
    out, packages, _ = loaded("pipeline", "list", cli=cli)
    assert "mean_colour" in out
    assert packages & {"onnxruntime", "cv2", "sqlalchemy", "alembic", "onnx", "httpx"} == set()


def test_where_no_plugin_is_installed_a_plan_reads_no_metadata_of_distributions(cli: Cli) -> None:
    out, _, opened = loaded("collection", "create", "planned", "--pipeline", "mean_colour", "--json", cli=cli)
    assert json.loads(out)["name"] == "planned"
    distributions = {Path(name).parent.name.partition("-")[0] for name in opened if name.endswith("METADATA")}
    assert distributions <= {"psycopg", "psycopg_binary"}  # psycopg asks for its own versions

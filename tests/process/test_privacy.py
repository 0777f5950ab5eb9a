"""Nothing leaves the machine, and nothing is written but where docs/privacy.md says: every call is traced."""

import ast
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from open_analytic.embedded.binaries import _PLACES
from tests import tiny, tracing
from tests.process.runner import REPOSITORY
from tests.tracing import Trace

# The command line, Python, SQL with the embedded database's own service, and the pages, one after the other.
PROGRAM = """
import subprocess, sys, urllib.request
from pathlib import Path
import psycopg
import open_analytic as oa

def cli(*words):
    subprocess.run([sys.executable, "-m", "open_analytic", *words], check=True, stdout=subprocess.DEVNULL)

cli("pipeline", "create", "mean_colour", "--definition", "cards/pipeline.json")
cli("collection", "create", "photos", "--pipeline", "mean_colour")
cli("import", "pictures", "--collection", "photos")
cli("search", "photos", "pictures/red.png", "--sheet", "sheet.jpg")
cli("doctor")
with oa.connect() as db:
    (hit,) = db.collection("photos").search(Path("pictures/red.png").read_bytes(), k=1)
    assert hit.name == "red.png"
    with psycopg.connect(db.dsn) as connection:
        query = "SELECT name FROM open_analytic.search('photos', %s::bytea, k => 1)"
        assert connection.execute(query, [Path("pictures/blue.png").read_bytes()]).fetchall() == [("blue.png",)]
    serve = [sys.executable, "-m", "open_analytic", "serve", "--web-tcp", "127.0.0.1:0"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as pages:
        lines = list(iter(lambda: pages.stdout.readline().strip(), "ready"))
        address = next(line for line in lines if line.startswith("http://127.0.0.1:"))
        for path in ("/collections", "/collections/photos", "/search/photos", "/health/live"):
            assert urllib.request.urlopen(address + path).status == 200
        pages.terminate()
print("done")
"""
OURS = [Path(place, "open_analytic") for place in _PLACES]  # PostgreSQL's programs, for an account that root borrows
CHILD = "import socket, contextlib\nwith contextlib.suppress(OSError): socket.getaddrinfo('a-name.invalid', 80)"


def environment(folder: Path) -> dict[str, str]:
    """A new user's: nothing in HOME, and none of the variables that say this is a machine for tests."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    (folder / "tmp").chmod(0o1777)
    return {
        "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "LANG": "C.UTF-8",
        "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1",
        "OPEN_ANALYTIC_CARDS": str(folder / "work" / "cards"),
        "OPEN_ANALYTIC_MODELS_DIR": str(folder / "models"),
    }  # fmt: skip


def traced(folder: Path, program: str) -> Trace:
    """What a Python program does as a new user."""
    variables = environment(folder)
    (folder / "work").mkdir(exist_ok=True)
    command = [sys.executable, "-c", program]
    return tracing.run(command, log=folder / "log", cwd=folder / "work", environment=variables)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name, for sockets, that the account of an embedded server can reach."""
    with tempfile.TemporaryDirectory(prefix="oa-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_session_of_every_kind_writes_only_its_own_files_and_asks_no_host(folder: Path) -> None:
    tiny.write(folder / "work" / "cards")
    (folder / "work" / "cards" / "pipeline.json").write_text(json.dumps(tiny.PIPELINE))
    (folder / "work" / "pictures").mkdir()
    for name in ("red", "green", "blue"):
        Image.new("RGB", (40, 30), name).save(folder / "work" / "pictures" / f"{name}.png")
    trace = traced(folder, PROGRAM)
    assert (trace.code, trace.out) == (0, "done\n"), trace.err
    assert elsewhere(trace, folder) == []
    assert [address for address in trace.addresses if not is_own(address)] == []
    assert list((folder / "home").rglob("*")) == []
    assert list((folder / "tmp").rglob("*")) == []


@pytest.mark.parametrize(
    ("program", "files", "asks"),
    [
        pytest.param(CHILD, [], True, id="a child looks a name up"),
        pytest.param("import pathlib; (pathlib.Path.home() / '.cache').mkdir()", ["home/.cache"], False, id="a file"),
    ],
)
def test_the_tracer_sees_what_it_has_to(folder: Path, program: str, files: list[str], asks: bool) -> None:
    trace = traced(folder, f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}])")
    assert elsewhere(trace, folder) == [str(folder / name) for name in files]
    assert bool([address for address in trace.addresses if not is_own(address)]) == asks


def elsewhere(trace: Trace, folder: Path) -> list[str]:
    """Files that were made outside of our own places: the home, the models, sockets in TMPDIR, shared memory."""
    own = (folder / "work", folder / "models", folder / "tmp", Path("/dev"), *OURS)
    return sorted(str(path) for path in trace.files if not any(path.is_relative_to(place) for place in own))


def is_own(address: str) -> bool:
    """Whether it is a service of ours on this machine; the resolver on it, at port 53, is not."""
    return address.startswith("127.0.0.1:") and not address.endswith(":53")


def test_nothing_imports_onnxruntime_before_the_package_that_turns_its_telemetry_off() -> None:
    """Tests are imported after conftest.py, which imports the package."""
    first = REPOSITORY / "open_analytic" / "runtime" / "session.py"
    folders = ("open_analytic", "migrations", "tests")
    files = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    importers = [path for path in files if not path.name.startswith("test_") and imports(path, "onnxruntime")]
    assert importers == [first]


def imports(path: Path, module: str) -> bool:
    """Whether the file imports the module at its top."""
    nodes = ast.parse(path.read_text("utf-8")).body
    named = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    named += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return any(name.partition(".")[0] == module for name in named)

"""Unit tests start no process, open no connection and load no model: a test that tries fails."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
EVENTS = {  # https://docs.python.org/3/library/audit_events.html
    "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn", "subprocess.Popen",
    "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto",
}  # fmt: skip
FIXTURES = {"db", "dsn", "empty_dsn", "engine", "server", "template"}  # of tests/conftest.py
MODULES = ("onnxruntime", *(f"open_analytic.runtime.{name}" for name in ("cache", "local", "session", "shared")))
_running: list[str] = []  # the unit test that runs now


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """A hook cannot be taken away again, so it looks whether a unit test runs."""
    if _running and event in EVENTS:
        pytest.fail(f"{event} {arguments[:2]!r:.200} in a unit test: it belongs to tests/process.")


sys.addaudithook(_audit)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse unit tests that ask for a database or a model, which C code opens without an audit event."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        arguments = getattr(getattr(item, "callspec", None), "params", {})  # of parametrize, whatever their names
        if wrong := FIXTURES & (set(getattr(item, "fixturenames", ())) - set(arguments)):
            raise pytest.UsageError(f"{item.nodeid} asks for {sorted(wrong)}: it belongs to tests/database or models.")
    for path in {item.path for item in ours}:
        if wrong := {name for name in _imported(path) if name.startswith(MODULES)}:
            raise pytest.UsageError(f"{path} imports {sorted(wrong)}: it belongs to tests/models.")


def _imported(path: Path) -> set[str]:
    """The modules that a test file imports, those of ``from a import b`` as ``a.b``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{each.name}" for each in node.names}
    return names


@pytest.fixture(autouse=True)
def _alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have the audit hook look while the test runs."""
    _running.append(request.node.nodeid)
    yield
    _running.clear()

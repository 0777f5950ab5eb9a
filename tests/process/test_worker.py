"""Where root uses the embedded database, the service decodes pictures as the server's account."""

import io
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import psycopg
import pytest
from PIL import Image

from open_analytic import embedded
from open_analytic.embedded import background_service
from open_analytic.embedded.account import Account
from open_analytic.embedded.home import Home
from open_analytic.serve import background
from tests import homes, tiny
from tests.process.runner import REPOSITORY, Cli, make
from tests.process.serving import answers, ask, companions, eventually, workers
from tests.process.test_background_service import RUN, address, create

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="NOT ROOT: only root's service has a worker of its own.")

RED = {"feature": [0.9805807, 0.0, 0.19611603]}  # (250, 0, 50) with the length 1

# Notes every import once the process is not root any more, and what it can do of what root can.
SPY = """
import os, sys

tried = set()

def note(text):
    os.write(2, f"{text}\\n".encode())

def attempt(name, act):
    try:
        act()
    except OSError as error:
        note(f"NOTE {name} {type(error).__name__}")
    else:
        note(f"NOTE {name} worked")

def hook(event, arguments):
    if os.geteuid() and event == "import":
        note(f"NOTE import {arguments[0]}")
    if os.geteuid() and event == "socket.bind" and not tried:
        tried.add(event)
        attempt("secret", lambda: os.open(os.environ["SECRET"], os.O_RDONLY))
        attempt("uid", lambda: os.setuid(0))

sys.addaudithook(hook)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose server is stopped afterwards, with nothing left."""
    folder = tmp_path / ".open_analytic"
    yield folder
    embedded.stop(folder)
    eventually("its service has ended", lambda: not companions(folder) and not workers(folder))


@pytest.fixture
def own(home: Path, cards: Path, used_home: Path) -> Cli:
    """A command line with a home of its own, with the pipeline registered."""
    homes.copy(used_home, home)
    return make(home.parent, cards)


def worker(home: Path) -> int:
    """The worker, once it takes calls."""
    eventually("it answers", lambda: answers(address(home)), 60)
    (pid,) = workers(home)
    return pid


def status(folder: Path) -> dict[str, str]:
    lines = (folder / "status").read_text().splitlines()
    return {name: " ".join(value.split()) for name, _, value in (line.partition(":") for line in lines)}


def picture(kind: str = "PNG", colour: tuple[int, int, int] = (250, 0, 50)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, kind)
    return file.getvalue()


def run_in_sql(home: Path, name: str, data: bytes) -> object:
    with psycopg.connect(embedded.status(home).dsn or "") as connection:
        row = connection.execute("SELECT open_analytic.pipeline_run(%s, %s)", [name, data]).fetchone()
    assert row
    return row[0]


def test_it_is_the_server_s_account_for_good(own: Cli, home: Path) -> None:
    with embedded.start(home):
        own("pipeline", "list")
        pid = worker(home)
        account = Home.open(home).account
        for thread in Path(f"/proc/{pid}/task").iterdir():
            fields = status(thread)
            assert {name: fields[name] for name in ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "NoNewPrivs")} == {
                "Uid": " ".join([str(account.uid)] * 4),
                "Gid": " ".join([str(account.gid)] * 4),
                "Groups": "",
                "CapPrm": "0" * 16,
                "CapEff": "0" * 16,
                "NoNewPrivs": "1",
            }


def test_it_runs_models_that_it_cannot_read_itself(own: Cli, home: Path, cards: Path) -> None:
    assert not Home.open(home).account.reaches(cards)
    (cards / "mean_colour.onnx").chmod(0o600)
    with embedded.start(home):
        own("pipeline", "list")
        worker(home)
        answer = ask(address(home), RUN, picture())
        assert (answer.status_code, answer.json()) == (200, RED)
        assert run_in_sql(home, "mean_colour", picture()) == RED


def test_a_model_whose_tensors_are_in_other_files_is_lent_in_one(home: Path, tmp_path: Path) -> None:
    cards = tiny.write(tmp_path / "cards")
    model = onnx.load(str(cards / "mean_colour.onnx"))
    scale = onnx.numpy_helper.from_array(np.full((3,), 2, np.float32), "scale")
    model.graph.initializer.append(scale)
    model.graph.node[1].output[0] = "flat"
    model.graph.node.append(onnx.helper.make_node("Mul", ["flat", "scale"], ["colour"]))
    file = str(cards / "mean_colour.onnx")
    onnx.save(model, file, save_as_external_data=True, location="scale.bin", size_threshold=0)
    (cards / "pipeline.json").write_text(json.dumps(tiny.PIPELINE))
    cli = make(home.parent, cards)
    create(cli, cards)
    with embedded.start(home):
        cli("pipeline", "list")
        worker(home)
        (cards / "scale.bin").chmod(0o600)
        assert run_in_sql(home, "mean_colour", picture()) == RED


def test_a_model_of_your_own_that_changes_is_another_one(home: Path, tmp_path: Path) -> None:
    cards = tiny.write(tmp_path / "cards")
    (cards / "pipeline.json").write_text(json.dumps(tiny.PIPELINE))
    cli = make(home.parent, cards)
    create(cli, cards)
    with embedded.start(home):
        cli("pipeline", "list")
        worker(home)
        model = onnx.load(str(cards / "mean_colour.onnx"))
        model.doc_string = "changed"
        onnx.save(model, str(cards / "mean_colour.onnx"))
        refused = ask(address(home), RUN, picture())
        assert (refused.status_code, refused.json()["type"]) == (409, "VersionMismatch")
        create(cli, cards)
        assert ask(address(home), RUN, picture()).json() == RED


def test_it_loads_nothing_late_and_reads_nothing_of_root_s(home: Path, cards: Path, tmp_path: Path) -> None:
    spy, secret = tmp_path / "spy", tmp_path / "secret"
    spy.mkdir()
    (spy / "sitecustomize.py").write_text(SPY)
    secret.write_text("root's")
    cli = make(home.parent, cards, PYTHONPATH=f"{spy}{os.pathsep}{REPOSITORY}", SECRET=str(secret))
    create(cli, cards)
    cli("collection", "create", "photos", "--pipeline", "mean_colour")
    with embedded.start(home):
        cli("import", _file(tmp_path), "--collection", "photos")
        worker(home)
        for kind in ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"):
            assert ask(address(home), RUN, picture(kind)).status_code == 200, kind
        for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json", "/api/v1/pipelines"):
            assert ask(address(home), path).status_code == 200, path
        hits = ask(address(home), "/api/v1/collections/photos/search", picture()).json()
        assert [hit["name"] for hit in hits] == ["red.png"]
        assert ask(address(home), "/api/v1/collections/photos/explain-search", picture()).status_code == 200
        assert ask(address(home), "/api/v1/collections/nowhere/search", picture()).status_code == 404
        assert ask(address(home), RUN, b"no picture").status_code == 415
        assert ask(address(home), RUN, picture()[:60]).status_code == 422
        assert run_in_sql(home, "mean_colour", picture()) == RED
    noted = [line for line in (home / "log" / "service.log").read_text().splitlines() if line.startswith("NOTE ")]
    assert set(noted) == {"NOTE secret PermissionError", "NOTE uid PermissionError"}


def test_when_it_is_killed_another_comes_with_the_same_account(own: Cli, home: Path) -> None:
    with embedded.start(home):
        own("pipeline", "list")
        first = worker(home)
        os.kill(first, signal.SIGSEGV)  # as by a picture that a decoder cannot bear
        eventually("it is gone", lambda: first not in workers(home))
        eventually("there is another", lambda: len(workers(home)) == 1, 60)
        assert status(Path(f"/proc/{worker(home)}"))["Uid"].split()[0] == str(Home.open(home).account.uid)
        assert run_in_sql(home, "mean_colour", picture()) == RED
        assert "The service ended by SIGSEGV." in (home / "log" / "service.log").read_text()


def test_the_worker_does_not_outlive_its_monitor(own: Cli, home: Path) -> None:
    with embedded.start(home):
        own("pipeline", "list")
        first = worker(home)
        (monitor,) = companions(home)
        os.kill(monitor, signal.SIGKILL)
        eventually("both are others", lambda: not {first, monitor} & {*workers(home), *companions(home)})
        eventually("another answers", lambda: answers(address(home)), 60)


def test_a_signal_to_the_monitor_ends_both(own: Cli, home: Path) -> None:
    with embedded.start(home):
        own("pipeline", "list")
        first = worker(home)
        (monitor,) = companions(home)
        os.kill(monitor, signal.SIGTERM)
        eventually("both are others", lambda: not {first, monitor} & {*workers(home), *companions(home)})
        log = (home / "log" / "service.log").read_text()
        assert "stopped" in log


def test_db_stop_ends_both(own: Cli, home: Path) -> None:
    with embedded.start(home):
        own("pipeline", "list")
        worker(home)
        own("db", "stop")
        assert not background_service.running(Home.open(home))
        eventually("both have ended", lambda: not companions(home) and not workers(home))


def test_an_account_that_postgresql_cannot_name_is_not_taken(caplog: pytest.LogCaptureFixture) -> None:
    assert not background.has_name(Account(name="54321", uid=54321, gid=54321))
    assert [record.getMessage() for record in caplog.records] == [
        "The account number 54321 has no name, so the service runs as root."
    ]


def _file(folder: Path) -> Path:
    path = folder / "red.png"
    path.write_bytes(picture())
    return path

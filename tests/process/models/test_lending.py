"""Models that the service's worker, which is not root, cannot pull or read: its monitor does."""

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.errors import ModelUnavailable, UnknownModel
from open_analytic.models.lending import Borrower, lend
from open_analytic.models.library import Library
from tests import tiny
from tests.process.models.conftest import Index, card, network
from tests.process.runner import Cli, make
from tests.process.serving import ask, companions, eventually, workers
from tests.process.test_background_service import address
from tests.process.test_worker import RED, picture, run_in_sql, worker

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="NOT ROOT: only root's service has a worker of its own.")

SOURCE = "pypi:weights==1.0#weights/m.onnx"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose server is stopped afterwards, with nothing left."""
    folder = tmp_path / ".open_analytic"
    yield folder
    embedded.stop(folder)
    eventually("its service has ended", lambda: not companions(folder) and not workers(folder))


@pytest.fixture
def own(home: Path, tmp_path: Path, index: Index) -> Cli:
    """A command line whose pip sees the index only."""
    steps = [step | ({"model": "packed"} if "model" in step else {}) for step in tiny.PIPELINE["steps"]]
    (tmp_path / "pipeline.json").write_text(json.dumps(tiny.PIPELINE | {"steps": steps}))
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return make(home.parent, tmp_path / "cards", **pip)


def test_a_model_that_is_not_there_yet_is_pulled_for_it(own: Cli, home: Path, index: Index, tmp_path: Path) -> None:
    data = network(tmp_path / "network")
    index.wheel({"weights/m.onnx": data})
    card(tmp_path / "cards", "packed", SOURCE, data)
    pulled = tmp_path / "models" / "packed.onnx"
    with embedded.start(home):
        own("pipeline", "create", "packed", "--definition", tmp_path / "pipeline.json")
        worker(home)
        pulled.unlink(missing_ok=True)
        assert run_in_sql(home, "packed", picture()) == RED
        assert pulled.read_bytes() == data
        assert pulled.stat().st_uid == 0


def test_one_that_cannot_be_had_is_the_same_error_as_anywhere(
    own: Cli, home: Path, index: Index, tmp_path: Path
) -> None:
    index.wheel({"weights/m.onnx": b"no model"})
    card(tmp_path / "cards", "packed", SOURCE, b"another")
    (tmp_path / "red.png").write_bytes(picture())
    with embedded.start(home):
        own("pipeline", "create", "packed", "--definition", tmp_path / "pipeline.json")
        worker(home)
        here = own("pipeline", "run", "packed", tmp_path / "red.png", "--json", code=None).error
        assert here["type"] == "ModelCorrupt"
        assert ask(address(home), "/api/v1/pipelines/packed/run", picture()).json() == here


@contextmanager
def lent(library: Library) -> Iterator[Borrower]:
    """A borrower whose requests are answered in another thread."""
    link, ours = socket.socketpair()

    def answer() -> None:
        while True:
            request, channels, _, _ = socket.recv_fds(ours, 4096, 1)
            if not request:
                return
            with socket.socket(fileno=channels[0]) as channel:
                lend(library, request, channel)

    with ours, ThreadPoolExecutor(1) as thread:
        answering = thread.submit(answer)
        try:
            with closing(Borrower(link)) as borrower:
                yield borrower
        finally:
            link.close()
        answering.result()


def test_files_of_a_card_are_lent_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    cards = tiny.write(tmp_path / "cards")
    (cards / "words.json").write_bytes(b"words")
    (cards / "words.json").chmod(0o600)
    text = (cards / "mean_colour.toml").read_text()
    (cards / "mean_colour.toml").write_text(f'{text}\n[files."words.json"]\nsource = "file:words.json"\n')
    (cards / "secret").write_bytes(b"secret")
    library = Library(replace(settings, cards=(cards,), models_dir=tmp_path / "models"))
    with lent(library) as borrower:
        assert borrower.file("mean_colour", "mean_colour.onnx").read_bytes() == network(tmp_path / "same")
        words = borrower.file("mean_colour", "words.json")
        assert (words.read_bytes(), words.stat().st_mode & 0o777) == (b"words", 0o444)
        with borrower.source("mean_colour", "words.json") as source:
            assert source.read() == b"words"
        for file in ("secret", "../cards/secret", str(cards / "secret"), "", "mean_colour.toml"):
            with pytest.raises(ModelUnavailable, match="is not lent"):
                borrower.file("mean_colour", file)
        with pytest.raises(UnknownModel, match="No model is named"):
            borrower.file("../secret", "secret")


@pytest.mark.parametrize("request_", [b"no JSON", b"[]", b'"words"', b"[" * 4000, b"\xff", b'["ready", "a"]'])
def test_a_request_that_is_none_gets_an_error(settings: Settings, request_: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        lend(Library(settings), request_, theirs)
        assert json.loads(ours.recv(4096))["type"] in ("ModelUnavailable", "UnknownModel")

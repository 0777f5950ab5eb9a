"""The inference service as a process: what it answers, whom it refuses, and how it ends."""

import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo
from psycopg.pq import ConnStatus, PGconn

import open_analytic
from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, OpenAnalyticError, ServiceUnavailable, Unauthorized, UnknownPipeline
from open_analytic.service.client import Client
from tests import tiny
from tests.process.runner import NAMES, REPOSITORY, Cli
from tests.process.serving import Served, answers, ask, client, eventually, served

RUN = "/api/v1/pipelines/mean_colour/run"
TOKEN = "0123456789abcdef"  # noqa: S105 - of these tests only


@pytest.fixture(scope="session")
def dsn(cli: Cli) -> str:
    """The database that all commands share, as one of the user's own."""
    address = embedded.status(cli.folder / ".open_analytic").dsn
    assert address
    return address


@pytest.fixture(scope="session")
def reader(dsn: str) -> str:
    """The same as the role of the service, which the embedded database has."""
    return make_conninfo(dsn, user="open_analytic_service")


@pytest.fixture(scope="module")
def service(cli: Cli, reader: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service for this database in a folder of its own."""
    with served(cli, "--dsn", reader, "--folder", tmp_path_factory.mktemp("s")) as server:
        yield server


@pytest.fixture(scope="module")
def red(pictures: Path) -> bytes:
    return (pictures / "red.png").read_bytes()


def loaded(address: str) -> list[str]:
    """The models it has in memory."""
    lines = ask(address, "/metrics").text.splitlines()
    return [line.split('"')[1] for line in lines if line.startswith("open_analytic_model_bytes{")]


def test_it_says_where_it_listens_as_text_and_as_json(cli: Cli, reader: str, tmp_path: Path) -> None:
    addresses = [f"unix:{tmp_path}/http.sock", f"host={tmp_path} port=5433"]
    with served(cli, "--dsn", reader, "--folder", tmp_path) as server:
        assert server.addresses == addresses
        assert (tmp_path / "http.sock").stat().st_mode & 0o777 == 0o600
        code, log = server.stopped()
    assert code == 0
    assert "0 calls under way" in log
    assert list(tmp_path.iterdir()) == []
    with cli.start("serve", "--json", "--dsn", reader, "--folder", tmp_path) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline()) == {"listening": addresses, "ready": True}
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0


def test_http_gives_what_the_command_line_gives(cli: Cli, service: Served, pictures: Path, red: bytes) -> None:
    expected = cli("pipeline", "run", "mean_colour", pictures / "red.png", "--json").json
    assert ask(service.http(), RUN, red).json() == expected
    refused = ask(service.http(), RUN, b"text")
    assert (refused.status_code, refused.json()["sqlstate"]) == (415, "OA012")
    assert ask(service.http(), "/api/v1/pipelines").json() == cli("pipeline", "list", "--json").json
    unknown = ask(service.http(), RUN.replace("mean_colour", "nothing"), red)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "UnknownPipeline")


def test_the_examples_of_the_docs_work(service: Served, filled: str, pictures: Path) -> None:
    page = (REPOSITORY / "docs" / "service.md").read_text("utf-8")
    commands = [each for each in re.findall(r"^\$ (curl .*)$", page, re.MULTILINE) if "/notes/" not in each]
    assert len(commands) == 9  # test_texts runs the example of a collection of texts
    places = {
        "/run/open_analytic/http.sock": service.http().removeprefix("unix:"),
        "general_feature_extractor": "mean_colour",
        "image_search_table": filled,
        "cat.jpg": "red.png",
    }
    for command in commands:
        for name, here in places.items():
            command = command.replace(name, here)
        done = subprocess.run(
            ["bash", "-c", f"{command} --silent --fail-with-body"],
            cwd=pictures,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout)
        assert done.stdout.startswith("#") or json.loads(done.stdout), command


def test_http_searches_a_collection(cli: Cli, service: Served, filled: str, pictures: Path, red: bytes) -> None:
    options = {"filter": "district = %(d)s", "params": json.dumps({"d": "A"}), "k": "3"}
    with client(service.http()) as http:
        hits = http.post(f"/api/v1/collections/{filled}/search", params=options, content=red).json()
    words = ("-k", 3, "--filter", "district = %(d)s", "--param", "d=A", "--json")
    assert hits == cli("search", filled, pictures / "red.png", *words).json
    assert hits[0]["name"] == "red.png"


def test_a_filter_writes_nothing(service: Served, cli: Cli, filled: str, red: bytes) -> None:
    with client(service.http()) as http:
        path = f"/api/v1/collections/{filled}/search"
        answer = http.post(path, params={"filter": f'true); DELETE FROM "{filled}"; --'}, content=red)
    assert answer.status_code == 400
    assert cli("collection", "show", filled, "--json").json["pictures"] == len(NAMES)


def test_a_new_version_of_a_pipeline_runs_at_once(cli: Cli, service: Served, red: bytes, tmp_path: Path) -> None:
    decode, *steps = tiny.PIPELINE["steps"]
    path = "/api/v1/pipelines/changing/run"
    for key in ("feature", "colour", "feature"):
        definition = tiny.PIPELINE | {"steps": [decode, *steps], "output": {key: "feature"}}
        cli("pipeline", "create", "changing", "--definition", "-", text=json.dumps(definition))
        assert list(ask(service.http(), path, red).json()) == [key]
    cli("pipeline", "drop", "changing")
    assert ask(service.http(), path, red).status_code == 404


def test_a_service_elsewhere_gives_what_models_here_give(
    cli: Cli, dsn: str, cards: Path, service: Served, pictures: Path, collection: str
) -> None:
    settings = Settings(dsn=dsn, cards=(cards,), models_dir=cli.folder / "models")
    data = [(pictures / name).read_bytes() for name in NAMES] * 9
    items = [*data, b"text", b""]

    def outputs(db: open_analytic.OpenAnalytic) -> list[Any]:
        results = db.pipeline_run_many("mean_colour", iter(items))
        return [each.as_dict() if isinstance(each, OpenAnalyticError) else each for each in results]

    with (
        open_analytic.connect(settings=settings) as here,
        open_analytic.connect(settings=settings, service=service.http()) as there,
    ):
        assert outputs(there) == outputs(here)
        assert there.pipeline_run("mean_colour", data[0]) == here.pipeline_run("mean_colour", data[0])
        report = there.collection(collection).import_files(pictures)
        assert (report.added, report.failed) == (len(NAMES), ())
        assert here.collection(collection).import_files(pictures).unchanged == len(NAMES)
        hits = [db.collection(collection).search(data[1], k=5) for db in (here, there)]
        assert hits[0] == hits[1]
        assert hits[0][0].name == NAMES[1]


def test_a_service_that_is_not_there_is_named(dsn: str, cards: Path, red: bytes, tmp_path: Path) -> None:
    settings = Settings(dsn=dsn, cards=(cards,), service=f"unix:{tmp_path}/http.sock")
    with open_analytic.connect(settings=settings) as db, pytest.raises(ServiceUnavailable, match=r"http\.sock"):
        db.pipeline_run("mean_colour", red)
    with pytest.raises(BadParameter, match="no address"):
        open_analytic.connect(settings=settings, service="localhost:80")


def test_sigterm_lets_a_call_finish_and_refuses_new_ones(cli: Cli, reader: str, red: bytes, tmp_path: Path) -> None:
    with served(cli, "--dsn", reader, "--folder", tmp_path) as server, socket.socket(socket.AF_UNIX) as under_way:
        under_way.connect(str(tmp_path / "http.sock"))
        head = f"POST {RUN} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(red)}\r\n\r\n"
        under_way.sendall(head.encode() + red[:10])
        eventually("a call is under way", lambda: "under_way 1.0" in ask(server.http(), "/metrics").text)
        server.process.terminate()
        eventually("it is not ready", lambda: not answers(server.http()))
        refused = ask(server.http(), RUN, red)
        assert (refused.status_code, refused.json()["sqlstate"]) == (503, "OA071")
        assert "Retry-After" in refused.headers
        under_way.sendall(red[10:])
        under_way.settimeout(20)
        assert under_way.recv(1000).startswith(b"HTTP/1.1 200 OK")
        _, log = server.process.communicate(timeout=20)
        assert server.process.returncode == 0
        assert "1 calls under way" in log


def test_a_call_that_does_not_end_is_given_up(cli: Cli, reader: str, red: bytes, tmp_path: Path) -> None:
    words = ("--dsn", reader, "--folder", tmp_path, "--drain-s", 1)
    with served(cli, *words) as server, socket.socket(socket.AF_UNIX) as under_way:
        under_way.connect(str(tmp_path / "http.sock"))
        under_way.sendall(f"POST {RUN} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(red)}\r\n\r\n".encode())
        eventually("a call is under way", lambda: "under_way 1.0" in ask(server.http(), "/metrics").text)
        code, log = server.stopped(20)  # less than the default of --drain-s
        assert (code, "gave up waiting for 1 calls" in log) == (0, True)


def test_over_tcp_only_who_shows_the_token_is_served(cli: Cli, reader: str, red: bytes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o640)
    tcp = ("--tcp", "127.0.0.1:0", "--wire-tcp", "127.0.0.1:0", "--token-file", file)
    with served(cli, "--dsn", reader, "--folder", tmp_path, *tcp) as server:
        address = server.http("http")
        for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            answer = ask(address, RUN, red, headers=wrong)
            assert (answer.status_code, answer.json()["sqlstate"]) == (401, "OA074")
        assert ask(address, "/metrics").status_code == 401
        assert ask(address, "/health/ready").status_code == 200
        right = ask(address, RUN, red, headers={"Authorization": f"Bearer {TOKEN}"})
        assert right.json() == ask(server.http(), RUN, red).json()
        with contextlib.closing(Client(address)) as stranger, pytest.raises(Unauthorized):
            stranger.run("0" * 64, [red], give="output", parameters="{}", pause=lambda: None)
        states = {word: PGconn.connect(f"{server.wire()} password={word}".encode()).status for word in ("wrong", TOKEN)}
        assert states == {"wrong": ConnStatus.BAD, TOKEN: ConnStatus.OK}
        assert PGconn.connect(f"host={tmp_path} port=5433".encode()).status == ConnStatus.OK
        assert TOKEN not in server.stopped()[1]


def test_https_with_a_certificate_of_ones_own(cli: Cli, dsn: str, reader: str, red: bytes, tmp_path: Path) -> None:
    result = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=service", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
         "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    words = ("--tcp", "127.0.0.1:0", "--ssl-certfile", tmp_path / "cert.pem", "--ssl-keyfile", tmp_path / "key.pem")
    secret = Cli(cli.folder, {**cli.environment, "OPEN_ANALYTIC_SERVICE_TOKEN": TOKEN})
    with served(secret, "--dsn", reader, "--folder", tmp_path, *words) as server:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        over_tls = ask(server.http("https"), RUN, red, headers=headers, verify=trusting)
        assert over_tls.json() == ask(server.http(), RUN, red).json()
        environment = {
            "OPEN_ANALYTIC_DSN": dsn,
            "OPEN_ANALYTIC_SERVICE": server.http("https"),
            "SSL_CERT_FILE": str(tmp_path / "cert.pem"),
        }
        remote = Cli(cli.folder, {**secret.environment, **environment})
        assert remote("pipeline", "run", "mean_colour", "-", "--json", text=red).json == over_tls.json()
        distrusting = Cli(cli.folder, {**remote.environment, "SSL_CERT_FILE": "/dev/null"})
        error = distrusting("pipeline", "run", "mean_colour", "-", "--json", text=red, code=10).error
        assert error["sqlstate"] == "OA071"
        assert "certificate" in error["message"].lower()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--tcp", "127.0.0.1:0"], "token"),
        (["--tcp", "8000", "--folder", "."], "HOST:PORT"),
        (["--tcp", "127.0.0.1:0", "--token-file", "open"], "Everybody"),
        (["--tcp", "127.0.0.1:0", "--token-file", "short"], "can be guessed"),
        (["--wire-tcp", "127.0.0.1:0", "--token-file", "same"], "can be guessed"),
        (["--web", "--folder", ".", "--token-file", "short"], "can be guessed"),
        (["--tcp", "127.0.0.1:0", "--token-file", "empty"], "holds no token"),
        (["--tcp", "127.0.0.1:0", "--token-file", "missing"], "cannot be read"),
        (["--folder", ".", "--ssl-certfile", "empty"], "--tcp"),
        (["--tcp", "127.0.0.1:0", "--ssl-certfile", "empty"], "TLS"),
        (["--folder", ".", "--group", "no such group"], "cannot listen"),
        (["--folder", "x" * 120], "cannot listen"),
        (["--folder", "empty/below"], "cannot be made"),
        (["--folder", ".", "--preload", "nothing"], "Presets: dna_feature_extractor"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_what_it_cannot_serve_with_is_refused(
    cli: Cli, reader: str, tmp_path: Path, words: list[str], says: str
) -> None:
    (tmp_path / "open").write_text(TOKEN)
    (tmp_path / "open").chmod(0o644)
    for name, token in (("short", TOKEN[:15]), ("same", "abc" * 20)):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(token)
    (tmp_path / "empty").touch(0o600)
    (tmp_path / "empty").chmod(0o600)
    other = Cli(tmp_path, cli.environment)
    done = other("serve", "--dsn", reader, *words, code=None)
    assert done.code in (3, UnknownPipeline.exit_code, 10)
    assert says in done.err
    assert "ready" not in done.out


def test_a_superuser_s_rights_are_not_given_to_who_searches(cli: Cli, dsn: str, tmp_path: Path) -> None:
    error = cli("serve", "--dsn", dsn, "--folder", tmp_path, "--json", code=7).error
    assert (error["sqlstate"], "superuser" in error["message"]) == ("OA055", True)
    assert "GRANT open_analytic_user TO open_analytic_service" in error["hint"]
    assert list(tmp_path.iterdir()) == []


def test_a_second_service_in_one_folder_is_refused_and_a_dead_one_s_sockets_are_replaced(
    cli: Cli, reader: str, tmp_path: Path
) -> None:
    words = ("--dsn", reader, "--folder", tmp_path)
    with served(cli, *words) as first:
        assert "already" in cli("serve", *words, code=10).err
        assert answers(first.http())
        first.process.kill()
        first.process.wait()
    assert (tmp_path / "http.sock").is_socket()
    with served(cli, *words) as second:
        assert answers(second.http())


def test_models_are_loaded_before_and_unloaded_when_nobody_asks(cli: Cli, reader: str, tmp_path: Path) -> None:
    with served(cli, "--dsn", reader, "--folder", tmp_path, "--preload", "all", "--idle-unload-s", 1) as server:
        assert loaded(server.http()) == ["mean_colour"]
        eventually("the model is unloaded", lambda: not loaded(server.http()))
        assert "unloaded the model mean_colour" in server.stopped()[1]


def test_models_are_loaded_when_first_asked_for(cli: Cli, reader: str, red: bytes, tmp_path: Path) -> None:
    with served(cli, "--dsn", reader, "--folder", tmp_path) as server:
        assert loaded(server.http()) == []
        ask(server.http(), RUN, red)
        assert loaded(server.http()) == ["mean_colour"]

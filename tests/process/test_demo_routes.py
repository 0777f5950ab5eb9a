"""The original demo's routes as its clients call them: on real sockets, with a real database."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette

import open_analytic
from open_analytic import errors
from open_analytic.analyticdb.demo_routes import DEMOS, routes
from open_analytic.config import Settings
from open_analytic.errors import CollectionExists, NotFound
from open_analytic.service import listener
from tests import tiny
from tests.databases import database

if TYPE_CHECKING:
    from pathlib import Path

    from open_analytic import OpenAnalytic, embedded
    from open_analytic.collection import Collection

T = TypeVar("T")

MAX_BYTES = 100_000
URL = "https://example.org/red.png"
DONE = {"code": 200, "msg": "", "result": []}


def picture(red: int, green: int, blue: int, size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (red, green, blue)).save(file, kind)
    return file.getvalue()


RED, GREEN, BLUE = picture(255, 0, 0), picture(0, 255, 0), picture(0, 0, 255)


def text64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def data_url(data: bytes) -> str:
    """What the original's page sends: a FileReader's result."""
    return f"data:image/png;base64,{text64(data)}"


@dataclass(frozen=True)
class Doors:
    """What the site gives the routes; both pipelines are the mean colour."""

    db: OpenAnalytic
    max_bytes: int = MAX_BYTES

    def collection(self, name: str) -> Collection:
        return self.db.collection(name)

    def prepare(self, name: str, pipeline: str) -> None:
        self.db.pipeline_create(pipeline, tiny.PIPELINE)
        with contextlib.suppress(CollectionExists):
            self.db.create_collection(name, pipeline=pipeline)

    def fetch(self, url: str) -> bytes:
        if url != URL:
            raise NotFound(f"There is nothing at {url}.")
        return RED

    def admitted(self, size: int) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    async def busy(self, work: Callable[[], T], *, timeout_s: float | None = None) -> T:
        return await asyncio.to_thread(work)


@pytest.fixture(scope="module")
def shared_db(
    server: embedded.Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OpenAnalytic]:
    folder: Path = tmp_path_factory.mktemp("demo")
    settings = Settings.read({}, cards=(tiny.write(folder),), models_dir=folder, max_bytes=MAX_BYTES)
    with open_analytic.connect(database(server, template), settings=settings) as db:
        yield db


@pytest.fixture(scope="module")
def http(shared_db: OpenAnalytic) -> Iterator[httpx.Client]:
    """A client of a server in a thread."""
    sock = socket.create_server(("127.0.0.1", 0))
    it = listener.Server(Starlette(routes=list(routes(Doors(shared_db)))), tcp=True, connections=20)
    thread = threading.Thread(target=asyncio.run, args=(it.serve(sock),))
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}", timeout=60) as client:
        yield client
    it.stop()
    thread.join()
    sock.close()


@pytest.fixture(params=list(DEMOS))
def demo(request: pytest.FixtureRequest, shared_db: OpenAnalytic) -> Iterator[str]:
    """The demo's name; its collection is gone before and after."""
    demo_name = str(request.param)
    yield demo_name
    with contextlib.suppress(NotFound):
        shared_db.drop_collection(DEMOS[demo_name].collection)


@pytest.fixture
def images(http: httpx.Client, shared_db: OpenAnalytic) -> Iterator[Collection]:
    """The image search's collection, with one red and one green picture."""
    for name, data in (("red.png", RED), ("green.png", GREEN)):
        assert http.post("/image_search/insert", files=form(data_url(data), image_name=name)).json() == DONE
    yield shared_db.collection("image_search_table")
    shared_db.drop_collection("image_search_table")


def form(image: str | None, **fields: str) -> Any:
    """A multipart form of fields only, as FormData sends it."""
    parts = ({} if image is None else {"image": image}) | fields
    return {name: (None, value) for name, value in parts.items()}


def hits(answer: httpx.Response) -> list[tuple[str, float]]:
    """Names and distances."""
    body = answer.json()
    assert (answer.status_code, body["code"], body["msg"]) == (200, 200, "")
    return [(name, distance) for name, _, distance in body["result"]]


# As the original's page goes


def test_the_walk_of_the_originals_page(http: httpx.Client, demo: str) -> None:
    assert http.get(f"/{demo}/count").json() == {"code": 200, "msg": "", "result": [0]}
    assert http.get(f"/{demo}/init").json() == {"code": 200, "msg": ""}
    assert http.get(f"/{demo}/init").json() == {"code": 200, "msg": ""}
    for name, data in (("red.png", RED), ("green.png", GREEN), ("blue.png", BLUE)):
        sent = form(data_url(data), top_k="10", image_name=name)
        assert http.post(f"/{demo}/insert", files=sent).json() == DONE
    assert http.get(f"/{demo}/count").json() == {"code": 200, "msg": "", "result": [3]}
    answer = http.post(f"/{demo}/search", files=form(data_url(picture(255, 0, 0)), top_k="2"))
    assert hits(answer) == [("red.png", 0.0), ("blue.png", 1.414)]
    assert answer.headers["content-type"] == "application/json"


def test_a_search_before_all_else_finds_nothing(http: httpx.Client, demo: str) -> None:
    assert http.post(f"/{demo}/search", files=form(data_url(RED))).json() == DONE


def test_a_hits_picture_is_a_small_jpeg(http: httpx.Client, images: Collection) -> None:
    images.import_pictures([("large.gif", picture(9, 9, 250, (900, 300), "GIF"))])
    ((_, url, _),) = http.post("/image_search/search", files=form(data_url(BLUE), top_k="1")).json()["result"]
    kind, _, text = url.partition(",")
    thumbnail = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
    assert (kind, thumbnail.format, thumbnail.size) == ("data:image/jpeg;base64", "JPEG", (224, 75))


def test_a_hit_without_a_picture_has_an_empty_place(http: httpx.Client, images: Collection) -> None:
    images.import_vectors([("vector only", [0, 0, 1], None)])
    answer = http.post("/image_search/search", files=form(data_url(BLUE), top_k="1"))
    assert answer.json()["result"] == [["vector only", "", 0.0]]


def test_ten_hits_unless_told_otherwise(http: httpx.Client, images: Collection) -> None:
    images.import_vectors([(f"{number}", [0, 0, 1], None) for number in range(300)])
    sent = data_url(BLUE)
    assert len(hits(http.post("/image_search/search", files=form(sent)))) == 10
    assert len(hits(http.post("/image_search/search", files=form(sent, top_k="200")))) == 200


# How a picture can be sent

NAMELESS = b'--x\r\nContent-Disposition: form-data; name="image"; filename=""\r\n\r\n' + RED + b"\r\n--x--\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        {"files": form(data_url(RED))},
        {"files": form(text64(RED))},
        {"files": {"image": ("red.png", RED, "image/png")}},
        {"content": NAMELESS, "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"files": form(URL)},
        {"data": {"image": data_url(RED), "top_k": "2"}},
        {"data": {"image": text64(RED)}},
        {"data": {"image": base64.encodebytes(RED).decode()}},
    ],
    ids=["data URL", "Base64", "file", "file without a name", "URL", "urlencoded", "urlencoded Base64", "broken lines"],
)
def test_every_way_to_send_a_picture_finds_the_same(
    http: httpx.Client, images: Collection, sent: dict[str, Any]
) -> None:
    assert hits(http.post("/image_search/search", **sent)) == [("red.png", 0.0), ("green.png", 1.414)]
    assert hits(http.request("GET", "/image_search/search", **sent)) == [("red.png", 0.0), ("green.png", 1.414)]


# Names


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("猫 1.png", "猫 1.png"),
        ("a/b/c.png", "c.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\cat.png", "cat.png"),
        ("a\x00b\x1b[31m\nc\u2028.png", "ab[31mc.png"),
        ("'; DROP TABLE x; --%s", "'; DROP TABLE x; --%s"),
    ],
)
def test_of_a_name_the_last_part_is_kept(http: httpx.Client, images: Collection, sent: str, stored: str) -> None:
    assert http.post("/image_search/insert", data={"image": text64(BLUE), "image_name": sent}).json() == DONE
    assert images.image(stored) == BLUE


def test_without_a_name_a_file_is_called_as_its_own_and_others_get_a_new_one(
    http: httpx.Client, images: Collection
) -> None:
    assert http.post("/image_search/insert", files={"image": ("x/blue.png", BLUE)}).json() == DONE
    assert images.image("blue.png") == BLUE
    images.delete(["red.png", "green.png", "blue.png"])
    assert http.post("/image_search/insert", files=form(data_url(BLUE))).json() == DONE
    ((name, _),) = hits(http.post("/image_search/search", files=form(data_url(BLUE))))
    assert uuid.UUID(name).version == 4


def test_the_same_picture_again_is_fine_and_another_of_its_name_is_refused(
    http: httpx.Client, images: Collection
) -> None:
    assert http.post("/image_search/insert", files=form(data_url(RED), image_name="red.png")).json() == DONE
    refused = http.post("/image_search/insert", files=form(data_url(BLUE), image_name="red.png"))
    assert problem(refused) == (409, "Conflict")
    assert (images.image("red.png"), images.count()) == (RED, 2)


# Errors


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and class of an error that has the original's form and ours."""
    body = answer.json()
    assert list(body) == ["code", "msg", "type", "sqlstate", "message", "hint"]
    assert (body["code"], body["msg"]) == (answer.status_code, body["message"])
    assert getattr(errors, body["type"]).sqlstate == body["sqlstate"]
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, body["type"]


MULTIPART = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n\xff\r\n--x--\r\n'
URLENCODED = "application/x-www-form-urlencoded"
PIECES = [b"image="] + [bytes(60_000)] * 50
BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "nothing": ({}, 400, "InvalidInput"),
    "no picture": ({"files": form(None, top_k="3")}, 400, "InvalidInput"),
    "an empty text": ({"files": form("")}, 400, "InvalidInput"),
    "an empty file": ({"files": {"image": ("", b"")}}, 400, "InvalidInput"),
    "JSON": ({"json": {"image": text64(RED)}}, 400, "InvalidInput"),
    "not Base64": ({"files": form("data:image/png;base64,#!")}, 400, "InvalidInput"),
    "half of Base64": ({"files": form(text64(RED)[:-3])}, 400, "InvalidInput"),
    "half of a pair": ({"data": {"image": "\\ud800"}}, 400, "InvalidInput"),
    "not a picture": ({"files": form(text64(b"words"))}, 415, "UnsupportedImage"),
    "a broken picture": ({"files": form(data_url(RED[:60]))}, 422, "BadImage"),
    "nowhere": ({"files": form("http://example.org/none")}, 404, "NotFound"),
    "another field": ({"files": form(data_url(RED), other="1")}, 400, "BadParameter"),
    "twice": ({"data": {"image": [text64(RED), text64(RED)]}}, 400, "BadParameter"),
    "many fields": ({"data": {f"f{number}": "" for number in range(2000)}}, 400, "InvalidInput"),
    "many parts": ({"files": form(None, **{f"f{number}": "" for number in range(2000)})}, 400, "InvalidInput"),
    "many files": ({"files": [("image", ("a", RED))] * 2}, 400, "InvalidInput"),
    "no boundary": ({"content": PART, "headers": {"content-type": "multipart/form-data"}}, 400, "InvalidInput"),
    "a strange charset": (
        {"content": PART, "headers": {"content-type": f"{MULTIPART}; charset=undefined"}}, 400, "InvalidInput"),
    "not a form": ({"content": b"--y\r\nwords", "headers": {"content-type": MULTIPART}}, 400, "InvalidInput"),
    "too large": ({"files": {"image": ("a", bytes(MAX_BYTES + 1))}}, 413, "ImageTooLarge"),
    "too large a form": ({"files": {"image": ("a", bytes(3 * MAX_BYTES))}}, 413, "ImageTooLarge"),
    "too large in pieces": ({"content": PIECES, "headers": {"content-type": URLENCODED}}, 413, "ImageTooLarge"),
}  # fmt: skip


@pytest.mark.parametrize("route", ["search", "insert"])
@pytest.mark.parametrize("case", list(BAD))
def test_a_bad_picture_has_its_error(http: httpx.Client, images: Collection, case: str, route: str) -> None:
    sent, status, kind = BAD[case]
    if sent.get("content") is PIECES:
        sent = sent | {"content": iter(PIECES)}
    assert problem(http.post(f"/image_search/{route}", **sent)) == (status, kind)
    assert images.count() == 2


@pytest.mark.parametrize("top_k", ["0", "201", "-1", "ten", "", "1.5", "1" * 5000, "٣٠٠"])
def test_a_search_gives_one_to_two_hundred(http: httpx.Client, images: Collection, top_k: str) -> None:
    answer = http.post("/image_search/search", files=form(data_url(RED), top_k=top_k))
    assert problem(answer) == (400, "BadParameter")


def test_a_count_that_is_a_file_is_refused(http: httpx.Client) -> None:
    sent = form(data_url(RED)) | {"top_k": ("k", b"3")}
    assert problem(http.post("/image_search/search", files=sent)) == (400, "BadParameter")


@pytest.mark.parametrize("name", ["", " ", "..", "a/", "\x00", "x" * 3000])
def test_a_name_that_names_nothing_is_refused(http: httpx.Client, images: Collection, name: str) -> None:
    answer = http.post("/image_search/insert", data={"image": text64(BLUE), "image_name": name})
    assert problem(answer) == (400, "InvalidName")
    assert images.count() == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "insert"), ("POST", "count"), ("DELETE", "search"), ("PUT", "insert"), ("DELETE", "init")],
)
def test_other_methods_are_refused(http: httpx.Client, method: str, path: str) -> None:
    assert http.request(method, f"/image_search/{path}").status_code == 405


@pytest.mark.models
@pytest.mark.parametrize("face", ["largest", "all"])
def test_a_picture_without_a_face_says_so(settings: Settings, dsn: str, face: str) -> None:
    with open_analytic.connect(dsn, settings=settings) as db:
        db.pipeline_create("face_feature_extractor")
        db.create_collection("face_search_table", pipeline="face_feature_extractor", parameters={"face": face})
        app = Starlette(routes=list(routes(Doors(db))))
        transport = httpx.ASGITransport(app)

        async def ask() -> list[tuple[int, str]]:
            async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
                return [
                    problem(await client.post(f"/face_search/{route}", files=form(data_url(GREEN))))
                    for route in ("search", "insert")
                ]

        assert asyncio.run(ask()) == [(422, "NoFace")] * 2
        assert db.collection("face_search_table").count() == 0

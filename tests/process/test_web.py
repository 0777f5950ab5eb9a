"""``open-analytic serve --web-tcp`` as a process: searches, pictures, names, and what errors tell."""

import json
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from PIL import Image

from open_analytic.importer.folder import UNREAD
from open_analytic.kinds.image import HEIF, SUFFIXES
from tests import tiny_faces
from tests.process import site
from tests.process.serving import Served
from tests.process.site import COLOURS, COLUMNS, HOSTILE, LEAKS, Album, Home, picture, problem, thumbnail

SHADES = {"red": (230, 20, 20), "rose": (230, 60, 60), "green": (20, 200, 20), "blue": (30, 30, 230)}
ODD = ['a/b "c".png', "..", "100%&name=x", "猫?#.png", "a\nb", "%2F", "' OR 1=1 --"]
POLICY = "content-security-policy"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Four colours, and two people in one picture."""
    with site.home(tmp_path_factory.mktemp("web")) as home:
        with home.database() as db:
            colours = db.create_collection(COLOURS, pipeline="mean_colour", columns=COLUMNS)
            pictures = {f"{name}.png": picture(*shade) for name, shade in SHADES.items()}
            values = {f"{name}.png": {"city": name[0], "stars": at} for at, name in enumerate(SHADES)}
            colours.import_pictures(list(pictures.items()), values=values)
            db.create_collection(HOSTILE, pipeline="mean_colour")
            faces = db.create_collection("faces", pipeline="tiny_faces", parameters={"face": "all"})
            faces.import_pictures([
                ("two.png", tiny_faces.paint([SHADES["red"], SHADES["green"]])), ("none.png", picture(9, 9, 9)),
            ])  # fmt: skip
        yield home


@pytest.fixture(scope="module")
def running(home: Home) -> Iterator[tuple[Served, httpx.Client]]:
    with site.site(home) as server:
        yield server


@pytest.fixture
def http(running: tuple[Served, httpx.Client]) -> httpx.Client:
    return running[1]


@pytest.fixture
def colours(http: httpx.Client) -> Album:
    return Album(client=http, name=COLOURS)


@pytest.fixture
def odd(http: httpx.Client, home: Home) -> Iterator[Album]:
    """The collection with a hostile name, empty before and after."""
    album = Album(client=http, name=HOSTILE)
    yield album
    with home.database() as db:
        db.collection(HOSTILE).delete(album.listed())


# Searches


def test_what_there_is(http: httpx.Client, colours: Album) -> None:
    assert http.get("/api/v1/site").json() == {
        "version": http.get("/openapi.json").json()["info"]["version"], "login": False, "url_queries": False,
        "max_bytes": 50_000_000, "more_suffixes": [suffix for suffix in HEIF if suffix in SUFFIXES],
        "left_out": {name: list(kind.suffixes) for name, kind in UNREAD.items()},
    }  # fmt: skip
    assert [one["name"] for one in http.get("/api/v1/collections").json()] == sorted([COLOURS, "faces", HOSTILE])
    details = colours.get().json()
    expected = {
        "pictures": 4,
        "rows": 4,
        "vectors": 4,
        "index": "ready",
        "calibration": None,
        "rates": [],
        "columns": details["columns"],
    }
    assert {name: details[name] for name in expected} == expected
    assert [(one["column"], one["type"], one["values"]) for one in details["filters"]] == [
        ("city", "text", ["b", "g", "r"]), ("stars", "number", ["0", "1", "2", "3"]), ("taken", "date", None),
        ("indoor", "boolean", []),
    ]  # fmt: skip
    assert problem(colours.get("/curve.svg")) == (404, "NotFound")
    assert Album(client=http, name=HOSTILE).get().json()["pictures"] == 0


def test_a_picture_without_a_face_is_no_face(http: httpx.Client) -> None:
    details = Album(client=http, name="faces").get().json()
    assert (details["pictures"], details["rows"], details["vectors"]) == (2, 3, 2)


@pytest.mark.parametrize("path", ["/nothing", "/nothing/at/all", "/api/v1/nothing", "/collections/a/b%2Fc/?x=1"])
def test_who_reads_pages_gets_one_where_there_is_none(http: httpx.Client, path: str) -> None:
    page = http.get(path, headers={"accept": "text/html,*/*;q=0.8", "accept-language": "zh"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'lang="zh-Hans"' in page.text
    if not path.startswith("/collections"):
        assert problem(http.get(path)) == (404, "NotFound")


def test_a_page_does_not_hide_that_a_method_is_wrong(http: httpx.Client) -> None:
    answer = http.get("/api/v1/plans", headers={"accept": "text/html"})
    assert (answer.status_code, answer.json()["type"]) == (405, "InvalidInput")
    assert http.post("/nothing", headers={"accept": "text/html"}).json()["type"] == "NotFound"


def test_a_search_by_a_picture(http: httpx.Client, colours: Album) -> None:
    query = colours.query(picture(225, 20, 20, size=(1500, 3000)))
    assert (query["width"], query["height"], query["faces"]) == (1500, 3000, [])
    answer = colours.hits(query=query["id"], k=2)
    assert [hit["name"] for hit in answer["hits"]] == ["red.png", "rose.png"]
    first = answer["hits"][0]
    assert (first["part"], first["box"], first["row"]) == (
        None, None, {"city": "r", "stars": 0, "taken": None, "indoor": None})  # fmt: skip
    assert answer["limit"] == {"max_distance": None, "false_accept_rate": None}
    assert set(answer) == {"hits", "limit", "milliseconds", "sql"}
    assert thumbnail(http.get(f"/api/v1/queries/{query['id']}/picture")).size == (512, 1024)
    assert colours.names(query=query["id"], max_distance=0.05) == ["red.png"]
    assert len(colours.names(query=query["id"], k=200)) == 4
    assert "explained" in colours.hits(query=query["id"], explain=1)


def test_the_sql_gives_the_same(home: Home, colours: Album) -> None:
    parameters = {"like": "red.png", "filter": json.dumps([{"column": "city", "operator": "<>", "value": "'%s"}])}
    answer = colours.hits(**parameters)
    with psycopg.connect(home.dsn) as connection:
        rows = connection.execute(answer["sql"].encode()).fetchall()
    assert [(name, distance) for name, distance, _ in rows] == [
        (hit["name"], hit["distance"]) for hit in answer["hits"]
    ]
    assert len(rows) == 3


def test_faces_regions_and_kept_pictures(http: httpx.Client, colours: Album) -> None:
    faces = Album(client=http, name="faces")
    query = faces.query(tiny_faces.paint([SHADES["green"], SHADES["blue"]]))
    assert [face["part"] for face in query["faces"]] == [0, 1]
    hits = {face["part"]: faces.hits(query=query["id"], face=face["part"], k=1)["hits"][0] for face in query["faces"]}
    assert min(hit["distance"] for hit in hits.values()) < 0.05
    assert {tuple(sorted(hit["box"])) for hit in hits.values()} == {("height", "width", "x", "y")}
    again = colours.get(f"/queries/{query['id']}").json()
    assert again == query | {"faces": [], "regions": []}
    assert faces.get(f"/queries/{query['id']}").json() == query
    box = query["faces"][0]["box"]
    region = ",".join(str(box[side]) for side in ("x", "y", "width", "height"))
    assert len(colours.names(query=query["id"], region=region)) == 4


REFUSED: dict[str, tuple[dict[str, str], int, str]] = {
    "an unknown picture": ({"query": "0" * 32}, 404, "UnknownQuery"),
    "an unknown row": ({"like": "nothing"}, 404, "UnknownImage"),
    "a row with a NUL": ({"like": "a\0"}, 404, "UnknownImage"),
    "a condition in SQL": ({"like": "red.png", "where": "true"}, 400, "BadParameter"),
    "another column": (
        {"like": "red.png", "filter": '[{"column":"feature","operator":"is null"}]'}, 400, "BadParameter"),
    "a wrong value": (
        {"like": "red.png", "filter": '[{"column":"stars","operator":"=","value":"x"}]'}, 400, "InvalidFilter"),
    "half a pair": (
        {"like": "red.png", "filter": '[{"column":"city","operator":"=","value":"\\ud800"}]'}, 400, "InvalidFilter"),
    "too many": ({"like": "red.png", "k": "201"}, 400, "BadParameter"),
    "no rates": ({"like": "red.png", "rate": "0.1"}, 400, "BadParameter"),
    "beyond numbers": ({"like": "red.png", "region": "1e308,0,1e308,5"}, 400, "BadParameter"),
    "deep JSON": ({"like": "red.png", "filter": "[" * 5000}, 400, "BadParameter"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_search_can_be(colours: Album, case: str) -> None:
    parameters, *expected = REFUSED[case]
    assert problem(colours.get("/hits", params=parameters)) == tuple(expected)


@pytest.mark.parametrize(
    ("content", "type_", "expected"),
    [
        (b"", "image/png", (422, "BadImage")),
        (b"words", "image/png", (415, "UnsupportedImage")),
        (picture(1, 2, 3)[:60], "", (422, "BadImage")),
        (b"{}", "application/json", (400, "InvalidInput")),
        (b'{"url": 1}', "application/json; charset=x", (400, "InvalidInput")),
        (b"[", "application/json", (400, "InvalidInput")),
        (b'{"url": "http://127.0.0.1/x.png"}', "application/json", (403, "AddressRefused")),
        (b'{"url": "https://example.org/x.png"}', "application/json", (403, "AddressRefused")),
    ],
)
def test_what_no_picture_can_be(colours: Album, content: bytes, type_: str, expected: tuple[int, str]) -> None:
    answer = colours.client.post(colours.at("/queries"), content=content, headers={"content-type": type_})
    assert problem(answer) == expected


def test_sql_is_not_taken_here(colours: Album) -> None:
    for path in ("/search", "/explain-search"):
        body = {"vector": [1, 0, 0], "where": "city = 'r'"}
        assert problem(colours.client.post(colours.at(path), json=body)) == (403, "PermissionDenied")
        params = {"where": "true"}
        answer = colours.client.post(colours.at(path), params=params, content=picture(1, 2, 3))
        assert problem(answer) == (403, "PermissionDenied")
    assert colours.client.post(colours.at("/search"), json={"vector": [1, 0, 0], "k": 1}).json()[0]["name"] == "red.png"


# Pictures


def test_pictures_are_encoded_anew_and_upright(odd: Album) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    sent = picture(9, 9, 200, size=(3000, 1500), kind="JPEG", exif=exif)
    assert odd.imported({"a": sent})["added"] == 1
    for path, size in (("/thumbnail", (160, 320)), ("/picture", (1024, 2048))):
        answer = odd.get(path, params={"name": "a"})
        assert thumbnail(answer).size == size
        assert b"where I live" not in answer.content
        assert b"Exif" not in answer.content


def test_a_browser_keeps_pictures_until_they_change(odd: Album) -> None:
    odd.imported({"a": picture(200, 0, 0), "b": picture(0, 200, 0)})
    first = odd.get("/thumbnail", params={"name": "a"})
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for header in (tag, f"W/{tag}", f'"x", {tag}'):
        same = odd.get("/thumbnail", params={"name": "a"}, headers={"if-none-match": header})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        assert same.headers["cache-control"] == "private, no-cache"
    for path, params in (
        ("/picture", {"name": "a"}),
        ("/thumbnail", {"name": "b"}),
        ("/thumbnail", {"name": "a", "part": "0"}),
    ):
        other = odd.get(path, params=params, headers={"if-none-match": tag})
        assert (other.status_code, other.headers["etag"] != tag) == (200, True)
    assert odd.imported({"a": picture(0, 0, 200)}, on_conflict="replace")["updated"] == 1
    changed = odd.get("/thumbnail", params={"name": "a"}, headers={"if-none-match": tag})
    assert changed.headers["etag"] != tag
    assert thumbnail(changed).getpixel((5, 5))[2] > 150  # type: ignore[index]
    odd.client.delete(odd.at("/picture"), params={"name": "a"})
    for known in (tag, changed.headers["etag"], "*"):
        gone = odd.get("/thumbnail", params={"name": "a"}, headers={"if-none-match": known})
        assert problem(gone) == (404, "UnknownImage")
    odd.client.patch(odd.at("/picture"), params={"name": "b"}, json={"name": "a"})
    assert thumbnail(odd.get("/thumbnail", params={"name": "a"}, headers={"if-none-match": tag})).size == (40, 30)


def test_a_face_is_framed(http: httpx.Client) -> None:
    faces = Album(client=http, name="faces")
    plain, framed = (faces.get("/picture", params={"name": "two.png"} | part) for part in ({}, {"part": "1"}))
    assert thumbnail(plain).size == thumbnail(framed).size
    assert plain.content != framed.content
    assert thumbnail(faces.get("/thumbnail", params={"name": "two.png", "part": "1"})).size <= (320, 320)
    for part in ("-1", "x", "", "1" * 10, "1.5", "٣"):
        answer = faces.get("/picture", params={"name": "two.png", "part": part})
        assert problem(answer) == (400, "BadParameter")


def test_names_of_any_kind(odd: Album) -> None:
    """Every character comes back as it was sent."""
    assert odd.imported({name: picture(at, 0, 99) for at, name in enumerate(ODD)})["added"] == len(ODD)
    assert sorted(odd.listed()) == sorted(ODD)
    for name in ODD:
        assert thumbnail(odd.get("/picture", params={"name": name})).size == (40, 30)
        assert len(odd.names(like=name)) == len(ODD) - 1
        renamed = odd.client.patch(odd.at("/picture"), params={"name": name}, json={"name": f"{name} 2"})
        assert (renamed.status_code, renamed.json()) == (200, {"name": f"{name} 2"})
    for name in ODD:
        assert odd.client.delete(odd.at("/picture"), params={"name": f"{name} 2"}).json() == {"deleted": 1}
        assert odd.client.delete(odd.at("/picture"), params={"name": f"{name} 2"}).json() == {"deleted": 0}
    assert odd.listed() == []


@pytest.mark.parametrize(
    ("name", "sent", "expected"),
    [
        ("a", b'{"name": "b"}', (409, "Conflict")),
        ("x", b'{"name": "c"}', (404, "UnknownImage")),
        ("a", b'{"name": ""}', (400, "InvalidName")),
        ("a", b'{"name": "a\\u0000"}', (400, "InvalidName")),
        ("a", b'{"name": "\\ud800"}', (400, "InvalidName")),
        ("a", b'{"name": "' + b"x" * 2001 + b'"}', (400, "InvalidName")),
        ("a", b'{"name": 1}', (400, "BadParameter")),
        ("a", b"{}", (400, "BadParameter")),
        ("a", b"[]", (400, "InvalidInput")),
        ("a", b"", (400, "InvalidInput")),
        ("", b'{"name": "c"}', (400, "BadParameter")),
        ("a", b'"' + b"x" * 1_000_001, (413, "ImageTooLarge")),
    ],
    ids=lambda value: str(value)[:30],
)
def test_new_names_that_cannot_be(odd: Album, name: str, sent: bytes, expected: tuple[int, str]) -> None:
    odd.imported({"a": picture(1, 1, 1), "b": picture(2, 2, 2)})
    assert problem(odd.client.patch(odd.at("/picture"), params={"name": name}, content=sent)) == expected
    assert odd.listed() == ["a", "b"]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1" * 30, "٣"])
def test_pages_of_names_have_a_size(colours: Album, limit: str) -> None:
    assert problem(colours.get("/pictures", params={"limit": limit})) == (400, "BadParameter")
    first = colours.get("/pictures", params={"limit": "3"}).json()
    assert first == {"pictures": [{"name": f"{name}.png", "parts": 1} for name in ("blue", "green", "red")],
                     "next": "red.png"}  # fmt: skip


# Errors tell nothing of what is within


@pytest.mark.parametrize("name", ["nothing", "no%00pe", "a.b.c", "%2e%2e", "x" * 300, "pg_catalog.pg_class", "'; --"])
@pytest.mark.parametrize(
    "path", ["", "/hits?like=a", "/pictures", "/picture?name=a", "/thumbnail?name=a", "/curve.svg"]
)
def test_collections_that_are_none(http: httpx.Client, name: str, path: str) -> None:
    status, kind = problem(http.get(f"/api/v1/collections/{name}{path}"))
    assert (status, kind) in {(404, "UnknownCollection"), (400, "InvalidName"), (404, "NotFound")}


def test_internal_errors_tell_nothing(home: Home, http: httpx.Client) -> None:
    """A table that somebody spoilt behind our back."""
    with home.database() as db:
        db.create_collection("spoilt", pipeline="mean_colour", columns={"city": "text"})
        db.collection("spoilt").import_pictures([("a", picture(1, 2, 3))])
    spoilt = Album(client=http, name="spoilt")
    id_ = spoilt.query(picture(3, 2, 1))["id"]
    paths = [f"/hits?query={id_}", "/hits?like=a", "", "/pictures", "/picture?name=a", "/thumbnail?name=a"]
    statements = [
        "ALTER TABLE spoilt DROP COLUMN city", "ALTER TABLE spoilt RENAME COLUMN image_name TO other",
        "ALTER TABLE spoilt RENAME COLUMN other TO image_name", "ALTER TABLE spoilt DROP COLUMN image_data",
        "DROP TABLE spoilt CASCADE", "CREATE VIEW spoilt AS SELECT 1 / 0 AS feature",
    ]  # fmt: skip
    seen = []
    with psycopg.connect(home.dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
            for path in paths:
                with httpx.Client(base_url=http.base_url) as client:  # an internal error ends its connection
                    answer = client.get(spoilt.at(path))
                assert POLICY in answer.headers
                if answer.status_code != 200:
                    seen.append(problem(answer))
        connection.execute("DROP VIEW spoilt")
    assert len(seen) > len(statements)
    assert 500 not in {status for status, _ in seen}, seen


def test_a_database_that_closes_its_connections_is_asked_again(home: Home, colours: Album) -> None:
    ours = "pid <> pg_backend_pid() AND application_name = 'open_analytic' AND datname = current_database()"
    for _ in range(3):
        with psycopg.connect(home.dsn, autocommit=True) as connection:
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}".encode())
        assert len(colours.names(like="red.png")) == 3
        assert colours.get().json()["pictures"] == 4


def test_a_name_may_have_line_ends(http: httpx.Client) -> None:
    for kind in ("search", "collections", "pipelines"):
        page = http.get(f"/{kind}/a%0Ab")
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert problem(http.get("/api/v1/collections/a%0Ab/hits?like=c")) == (404, "UnknownCollection")


# Which clients are served, and the headers for browsers


def test_every_answer_has_the_headers(http: httpx.Client, colours: Album) -> None:
    tag = colours.get("/thumbnail", params={"name": "red.png"}).headers["etag"]
    answers = [
        http.get("/"), http.get("/search/colours"), http.get("/nothing"), http.get("/api/v1/nothing"),
        http.get("/metrics"),
        http.get("/openapi.json"), http.get("/health/live"), http.post("/"), http.get("/static/nothing"),
        http.get("/", headers={"host": "evil.example"}), http.post("/logout"), http.get("/search/x?lang=zh"),
        http.post("/logout", headers={"sec-fetch-site": "cross-site"}), http.get("/", headers={"origin": "http://["}),
        colours.get("/thumbnail", params={"name": "red.png"}), colours.get("/hits"), http.put("/api/v1/site"),
        colours.get("/thumbnail", params={"name": "red.png"}, headers={"if-none-match": tag}),
    ]  # fmt: skip
    for answer in answers:
        assert answer.headers[POLICY].startswith("default-src 'none'"), answer.url
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "cache-control" in answer.headers
        assert not LEAKS.search(answer.text) or answer.url.path in ("/openapi.json", "/metrics"), answer.text
    assert {answer.status_code for answer in answers} >= {200, 303, 304, 400, 403, 404, 405}

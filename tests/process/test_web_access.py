"""Who is shown the site: without a token only this machine, with one who knows it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from open_analytic.web.guard import COOKIE
from tests.process import site
from tests.process.site import Home, problem

TOKEN = "a-long-random-text"  # noqa: S105


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with site.home(tmp_path_factory.mktemp("access")) as home:
        with home.database() as db:
            db.create_collection("colours", pipeline="mean_colour")
        yield home


def test_without_a_token_only_this_machine_is_served(home: Home) -> None:
    for place in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0", "localhost.evil.example:0"):
        done = home.cli("serve", "--web-tcp", place, code=3)
        assert "need a token" in done.err
        assert "--token-file" in done.err


@pytest.fixture(scope="module")
def closed(home: Home) -> Iterator[httpx.Client]:
    """With a token."""
    (file := home.cli.folder / "token").write_text(TOKEN)
    file.chmod(0o600)
    with site.site(home, "--token-file", file) as (_, client):
        yield client


def test_with_a_token_nothing_is_shown_before(closed: httpx.Client) -> None:
    browser = {"accept": "text/html"}
    for path in ("/", "/search/colours", "/collections", "/api", "/pipelines"):
        assert problem(closed.get(path)) == (401, "Unauthorized")
        assert closed.get(path, headers=browser).headers["location"] == f"/login?next={path}"
    for path in ("/api/v1/site", "/api/v1/collections", "/metrics", "/openapi.json", "/image_search/count"):
        assert problem(closed.get(path)) == (401, "Unauthorized")
    page = closed.get("/login?next=/search/colours")
    assert (page.status_code, 'name="token"' in page.text) == (200, True)
    assert "colours" not in page.text.replace("/search/colours", "").replace("%2Fsearch%2Fcolours", "")
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert closed.get("/api/v1/site", headers=bearer).json()["login"] is True


def login(closed: httpx.Client, **form: Any) -> httpx.Response:
    with httpx.Client(base_url=closed.base_url) as client:
        return client.post("/login", data=form)


def test_the_token_opens_the_door(closed: httpx.Client) -> None:
    answer = login(closed, token=f" {TOKEN}\n", next="/search/colours?k=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/search/colours?k=3")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age="))
    with httpx.Client(base_url=closed.base_url, cookies=answer.cookies) as client:
        assert client.get("/search/colours").status_code == 200
        assert client.get("/api/v1/collections").status_code == 200
        assert client.get("/api/v1/site", headers={"sec-fetch-site": "cross-site"}).status_code == 403
        copy = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
        assert httpx.get(client.base_url.join("/api/v1/collections"), headers=copy).status_code == 200
        out = client.post("/logout")
        assert (out.status_code, out.headers["location"]) == (303, "/login")
        assert client.get("/api/v1/collections").status_code == 401
        assert httpx.get(client.base_url.join("/api/v1/collections"), headers=copy).status_code == 401


@pytest.mark.parametrize("next_", [
    "//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "/\t/evil.example",
    "/\r\nSet-Cookie: a=b", "evil", "\\\\evil", " //evil",
])  # fmt: skip
def test_nobody_is_led_elsewhere(closed: httpx.Client, next_: str) -> None:
    answer = login(closed, token=TOKEN, next=next_)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert len(answer.headers.get_list("set-cookie")) == 1


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + "x", "ä", "\0", "x" * 5000])
def test_a_wrong_token_gets_the_form_again(closed: httpx.Client, token: str) -> None:
    answer = login(closed, token=token, next='/search/colours?"><script>')
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "<script>" not in answer.text.replace("<script type", "")
    assert 'name="next" value="/search/colours?&#34;&gt;&lt;script&gt;"' in answer.text
    assert login(closed, token=TOKEN[:-1]).status_code == 401


def test_a_form_has_an_end(closed: httpx.Client) -> None:
    assert problem(login(closed, token="x" * 20_000)) == (413, "ImageTooLarge")

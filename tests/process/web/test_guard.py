"""The guard: names it answers to, pages of other sites, the token and its cookies, and what browsers are told."""

import contextlib
import time
from collections.abc import Iterator

import httpx
import pytest

from open_analytic.service import limits
from open_analytic.web import guard
from open_analytic.web.guard import COOKIE, COOKIE_S, HEADERS
from tests.process.web.guarded import EVERY, Guarded, guarded

TOKEN = "a long random text"  # noqa: S105
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.fixture(scope="module")
def open_site() -> Iterator[Guarded]:
    with guarded(None) as site:
        yield site


@pytest.fixture(scope="module")
def closed_site() -> Iterator[Guarded]:
    with guarded(TOKEN) as site:
        yield site


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


# Names


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "LocalHost:8000", "localhost.", "localhost.:8000", "127.0.0.1", "127.0.0.1:1",
     "[::1]", "[::1]:8000", "photos.example", "Photos.Example:80"],
)  # fmt: skip
def test_names_it_answers_to(open_site: Guarded, host: str) -> None:
    assert open_site.client.get("/hello", headers={"host": host}).text == "hello"


FOREIGN_HOSTS = [
    "evil.example", "evil.example:8000", "localhost.evil.example", "evil.example.localhost.", "127.0.0.1.evil.example",
    "127.0.0.2", "127.1", "2130706433", "0x7f.1", "0.0.0.1", "[::]", "[::1", "::1]", "[::1]x", "[::ffff:127.0.0.1]",
    "[fe80::1%25lo]", "localhost..", ".localhost", "local host", "evil@", "localhost#evil.example:1.evil", ":8000",
    "[", "localhost,evil.example", "ｌocalhost", "localhost%00", "127.0.0.1%2eevil", "*", "photos.example.evil",
]  # fmt: skip


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_names_it_does_not_answer_to(open_site: Guarded, host: str) -> None:
    answer = open_site.client.get("/hello", headers={b"host": host.encode()})
    assert refused(answer) == (403, "PermissionDenied")
    assert host not in answer.text or host == "*"


@pytest.mark.parametrize("host", ["localhost:8000@evil.example", "evil.example/localhost", "evil.example?localhost"])
def test_a_name_with_something_around_it_is_foreign(open_site: Guarded, host: str) -> None:
    assert open_site.client.get("/hello", headers={"host": host}).status_code == 403


def test_a_request_without_a_name_is_refused(open_site: Guarded) -> None:
    assert open_site.raw(b"GET /hello HTTP/1.0\r\n\r\n").startswith("HTTP/1.1 403")
    assert open_site.raw(b"GET /hello HTTP/1.1\r\nHost:\r\n\r\n").startswith("HTTP/1.1 403")


def test_with_a_token_any_name_is_its_own(closed_site: Guarded) -> None:
    headers = {"host": "whatever.example:99", "authorization": f"Bearer {TOKEN}"}
    assert closed_site.client.get("/hello", headers=headers).text == "hello"


# Other sites


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_its_own_pages_may_ask_for_everything(open_site: Guarded, method: str, site: str) -> None:
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
    assert open_site.client.request(method, "/api/v1/site", headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin", "same-origin, none", "rubbish"])
@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("/api/v1/collections/a/picture", {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}),
        ("/api/v1/collections/a/thumbnail", {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}),
        ("/api/v1/collections", LINK),
        ("/search/a", {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}),
        ("/search/a", {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}),
        ("/image_search/init", LINK),
        ("/face_search/search", LINK),
        ("/static/base.css", {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "style"}),
        ("/login", {}),
    ],
    ids=["fetch", "img", "link to JSON", "script", "frame", "link to the demo", "link to a search", "css", "nothing"],
)
def test_pages_of_others_may_ask_for_nothing(
    open_site: Guarded, path: str, how: dict[str, str], method: str, site: str
) -> None:
    answer = open_site.client.request(method, path, headers={"sec-fetch-site": site} | how)
    assert refused(answer) == (403, "PermissionDenied")


@pytest.mark.parametrize("path", ["/", "/search/a", "/collections/a", "/login", "/api"])
def test_a_link_of_another_site_may_be_followed(open_site: Guarded, path: str) -> None:
    headers = {"sec-fetch-site": "cross-site"} | LINK
    assert open_site.client.get(path, headers=headers).text == "hello"
    for method in EVERY[1:]:
        assert open_site.client.request(method, path, headers=headers).status_code == 403


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8000", 200),
        ("https://localhost:8000", 200),
        ("http://localhost", 403),
        ("http://localhost:8001", 403),
        ("http://127.0.0.1:8000", 403),
        ("http://evil.example", 403),
        ("http://localhost:8000.evil.example", 403),
        ("http://evil@localhost:8000", 403),
        ("null", 403),
        ("", 403),
        ("localhost:8000", 403),
        ("http://[", 403),
        ("http://[::1", 403),
        ("http://[x]", 403),
    ],
)
def test_an_old_browser_is_known_by_origin(open_site: Guarded, method: str, origin: str, status: int) -> None:
    answer = open_site.client.request(method, "/x", headers={"host": "localhost:8000", "origin": origin})
    assert answer.status_code == status


def test_what_is_no_browser_says_neither(open_site: Guarded) -> None:
    assert [open_site.client.request(method, "/api/v1/site").status_code for method in EVERY] == [200] * 5


# The token


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/login", "/static/base.css"])
def test_what_is_shown_without_the_token(closed_site: Guarded, path: str) -> None:
    assert closed_site.client.get(path).text == "hello"


@pytest.mark.parametrize(
    "path", ["/api/v1/site", "/metrics", "/openapi.json", "/logout", "/health", "/login/", "/Login", "/static",
             "/staticx", "/health/live/", "//login", "/%2e%2e/health/live"],
)  # fmt: skip
def test_what_is_not(closed_site: Guarded, path: str) -> None:
    answer = closed_site.client.get(path)
    assert refused(answer) == (401, "Unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 401),
        (f"Bearer  {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        ("Bearer", 401),
        ("Bearer ä", 401),
        ("", 401),
    ],
)
def test_the_token_by_header(closed_site: Guarded, header: str, status: int) -> None:
    answer = closed_site.client.get("/api/v1/site", headers={b"authorization": header.encode()})
    assert answer.status_code == status


def test_a_browser_is_led_to_the_login_and_back(closed_site: Guarded) -> None:
    client = closed_site.client
    assert client.get("/", headers=BROWSER).headers["location"] == "/login?next=/"
    answer = client.get("/search/%E7%9B%B8%2F%22%3F?k=3&filter=%5B%5D&like=a%26b%23c", headers=BROWSER)
    assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)
    back = httpx.URL(answer.headers["location"])
    assert (back.path, back.params["next"]) == (
        "/login", '/search/相/"??k=3&filter=%5B%5D&like=a%26b%23c')  # fmt: skip
    assert client.head("/search/a", headers=BROWSER).headers["location"] == "/login?next=/search/a"
    assert client.post("/search/a", headers=BROWSER).status_code == 401
    assert client.get("/a%0d%0aSet-Cookie:%20x=y", headers=BROWSER).headers.get("set-cookie") is None


# Cookies


def with_cookie(site: Guarded, value: str) -> int:
    return site.client.get("/api/v1/site", headers={b"cookie": value.encode("latin-1")}).status_code


def test_an_issued_cookie_opens(closed_site: Guarded) -> None:
    assert with_cookie(closed_site, f"{COOKIE}={closed_site.entry.issue()}") == 200


@pytest.mark.parametrize(
    "around",
    ["lang=zh; {}", "{}; lang=zh", 'other={{"a":1}}; {}', "a[b]=c; {}", "nothing; {}", "=; {}", "ä=ö; {}", "a=b c; {}",
     '"; {}', "{};", "a=b;{}", "a=b,c=d; {}"],
)  # fmt: skip
def test_cookies_of_others_do_not_hide_it(closed_site: Guarded, around: str) -> None:
    """Servers at other ports of the same machine set cookies of all kinds for it."""
    assert with_cookie(closed_site, around.format(f"{COOKIE}={closed_site.entry.issue()}")) == 200


def forgeries(site: Guarded) -> list[str]:
    good = site.entry.issue()
    with guarded(TOKEN) as another:
        others = another.entry.issue()
    return ["", ".", "1", TOKEN, good[:-1], f"{good}0", good.swapcase(), f"{good}.", f"{good}é", f"é{good}", others]


def test_no_other_cookie_does(closed_site: Guarded) -> None:
    statuses = {value: with_cookie(closed_site, f"{COOKIE}={value}") for value in forgeries(closed_site)}
    assert set(statuses.values()) == {401}, statuses
    assert with_cookie(closed_site, f"other={closed_site.entry.issue()}") == 401
    assert with_cookie(closed_site, closed_site.entry.issue()) == 401


def test_a_cookie_ends(closed_site: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = f"{COOKIE}={closed_site.entry.issue()}"
    now = time.monotonic()
    monkeypatch.setattr("open_analytic.web.guard.time.monotonic", lambda: now + COOKIE_S - 5)
    assert with_cookie(closed_site, cookie) == 200
    monkeypatch.setattr("open_analytic.web.guard.time.monotonic", lambda: now + COOKIE_S + 1)
    assert with_cookie(closed_site, cookie) == 401


def test_a_session_that_ended_is_over_for_every_copy_of_its_cookie(closed_site: Guarded) -> None:
    ended, other = (f"{COOKIE}={closed_site.entry.issue()}" for _ in range(2))
    assert (with_cookie(closed_site, ended), with_cookie(closed_site, other)) == (200, 200)
    closed_site.entry.end({"type": "http", "headers": [(b"cookie", ended.encode())]})
    assert (with_cookie(closed_site, ended), with_cookie(closed_site, other)) == (401, 200)


def test_sessions_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("open_analytic.web.guard.MOST_SESSIONS", 2)
    with guarded(TOKEN) as site:
        cookies = [f"{COOKIE}={site.entry.issue()}" for _ in range(3)]
        assert [with_cookie(site, cookie) for cookie in cookies] == [401, 200, 200]


def test_a_wrong_token_is_answered_late_and_holds_up_nobody(
    closed_site: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WRONG_TOKEN_S", 3600.0)
    with contextlib.suppress(httpx.ReadTimeout):
        httpx.get(f"http://127.0.0.1:{closed_site.port}/", headers={"Authorization": "Bearer wrong"}, timeout=0.5)
        pytest.fail("it was answered")
    cookie = f"{COOKIE}={closed_site.entry.issue()}"
    assert with_cookie(closed_site, cookie) == 200


def test_without_a_token_nobody_can_log_in(open_site: Guarded) -> None:
    assert not open_site.entry.opens("")
    assert not open_site.entry.opens("None")


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + " ", TOKEN.upper(), "ä", "\ufffd"])
def test_a_wrong_token_opens_nothing(closed_site: Guarded, token: str) -> None:
    assert not closed_site.entry.opens(token)
    assert closed_site.entry.opens(TOKEN)


def test_a_cookie_of_a_site_does_not_show_a_page_of_another(closed_site: Guarded) -> None:
    headers = {"cookie": f"{COOKIE}={closed_site.entry.issue()}", "sec-fetch-site": "cross-site"}
    assert refused(closed_site.client.post("/api/v1/x", headers=headers)) == (403, "PermissionDenied")


# The headers for browsers


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/hello", {}, 200),
        ("/elsewhere", {}, 303),
        ("/unchanged", {}, 304),
        ("/broken", {}, 500),
        ("/hello", {"host": "evil.example"}, 403),
        ("/hello", {"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_every_answer_has_the_headers(open_site: Guarded, path: str, headers: dict[str, str], status: int) -> None:
    with httpx.Client(base_url=open_site.client.base_url) as client:  # an internal error ends its connection
        answer = client.get(path, headers=headers)
    caching = "private, no-cache" if status == 304 else "no-store"
    expected = {name.lower(): value for name, value in HEADERS.items()} | {"cache-control": caching}
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in expected} == expected
    assert all(len(answer.headers.get_list(name)) == 1 for name in expected)


def test_so_have_refusals_of_the_token(closed_site: Guarded) -> None:
    for headers in ({}, BROWSER):
        answer = closed_site.client.get("/search/a", headers=headers)
        assert answer.status_code in (401, 303)
        assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
        assert answer.headers["cache-control"] == "no-store"


def test_the_policy_allows_no_inline_script() -> None:
    parts = dict(part.strip().split(" ", 1) for part in guard.POLICY.split(";"))
    assert parts["default-src"] == "'none'"
    assert {parts[name] for name in ("script-src", "style-src", "connect-src", "form-action")} == {"'self'"}
    assert parts["base-uri"] == parts["frame-ancestors"] == "'none'"
    assert "unsafe" not in guard.POLICY

"""Pages come in the browser's language, say every name as text, and are not kept where they change."""

import asyncio
import dataclasses
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from open_analytic.errors import ServiceUnavailable
from open_analytic.kinds import ALL_KINDS
from open_analytic.kinds.audio import AUDIO
from open_analytic.kinds.general import BYTES
from open_analytic.kinds.image import FACE
from open_analytic.kinds.text import TEXT
from open_analytic.types import CollectionInfo, PipelineInfo
from open_analytic.web import pages
from open_analytic.web.assets import FOLDER, assets
from open_analytic.web.contents import Contents

HOSTILE = """a/b & </script><img src=x onerror="alert('王')">?#"""
NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
PHOTOS = CollectionInfo(
    name="photos", schema="public", pipeline="whole", version=2, dim=1024, metric="l2", many=False, parameters={},
    columns={"year": "integer", "city": "text"}, created_at=NOW,
)  # fmt: skip
WHOLE = PipelineInfo(
    name="whole", version=2, input="bytes", output=("feature",), dim=1024, hash="ab" * 32, created_at=NOW,
    definition={"description": "Looks at <all> of it."},
)  # fmt: skip


def named(name: str) -> CollectionInfo:
    return dataclasses.replace(PHOTOS, name=name)


class Data:
    """A site of a few collections."""

    version = "1.2.3"

    def __init__(self, *names: str, login: bool = False) -> None:
        self._names, self._login = names, login

    def collections(self) -> Sequence[CollectionInfo]:
        return [named(name) for name in self._names]

    def contents(self, name: str) -> Contents:
        return Contents(item={"notes": TEXT, "songs": AUDIO}.get(name, BYTES))

    def pipeline_contents(self, info: PipelineInfo) -> Contents:
        return Contents(item=ALL_KINDS[info.input], region=FACE)

    def pipelines(self) -> Sequence[PipelineInfo]:
        return [WHOLE]

    def site(self) -> dict[str, Any]:
        return {"version": self.version, "url_queries": False, "login": self._login, "max_bytes": 1000}


class Browser:
    """Asks the pages, with cookies; redirects are not followed."""

    def __init__(self, app: Starlette) -> None:
        self._app, self.cookies = app, httpx.Cookies()

    def get(
        self, path: str, *, headers: dict[str, str] | None = None, params: dict[str, str] | None = None
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost", cookies=self.cookies
            ) as asking:
                answer = await asking.get(path, headers=headers, params=params)
                self.cookies = asking.cookies
                return answer

        return asyncio.run(ask())


def client(*names: str, data: pages.PageData | None = None) -> Browser:
    return Browser(Starlette(routes=pages.routes(data or Data(*names))))


def block(html: str, id_: str) -> Any:
    match = re.search(rf'<script type="application/json" id="{id_}">(.*?)</script>', html)
    assert match
    return json.loads(match[1])


@pytest.mark.parametrize(
    ("header", "cookie", "tag"),
    [
        (None, None, "en"),
        ("", None, "en"),
        ("zh", None, "zh-Hans"),
        ("zh-CN,zh;q=0.9,en;q=0.8", None, "zh-Hans"),
        ("ZH-tw", None, "zh-Hans"),
        ("en-GB,zh;q=0.9", None, "en"),
        ("zh;q=0.3,en;q=0.7", None, "en"),
        ("fr,zh;q=0.5", None, "zh-Hans"),
        ("fr,de", None, "en"),
        ("*", None, "en"),
        ("zh;q=0", None, "en"),
        ("zh;q=nan,;;=,en;q=x", None, "en"),
        ("zh", "en", "en"),
        ("en", "zh", "zh-Hans"),
        ("zh", "fr", "zh-Hans"),
    ],
)
def test_language(header: str | None, cookie: str | None, tag: str) -> None:
    asking = client("photos")
    if cookie:
        asking.cookies.set("lang", cookie)
    answer = asking.get("/collections", headers={"accept-language": header} if header is not None else {})
    assert f'<html lang="{tag}">' in answer.text
    assert answer.headers["vary"] == "Cookie, Accept-Language"


@pytest.mark.parametrize("tongue", ["en", "zh"])
def test_a_choice_of_language_is_kept_and_leaves_the_address(tongue: str) -> None:
    asking = client("photos")
    answer = asking.get(f"/search/photos?k=20&lang={tongue}&filter=%5B%7B%22a%22%3A%20%221%26%22%7D%5D")
    assert (answer.status_code, answer.headers["location"]) == (
        303, "/search/photos?k=20&filter=%5B%7B%22a%22%3A+%221%26%22%7D%5D",
    )  # fmt: skip
    assert answer.headers["set-cookie"] == f"lang={tongue}; Max-Age=31536000; Path=/; SameSite=lax"
    assert f'lang="{tongue}' in asking.get("/search/photos").text


def test_an_unknown_language_is_left_out_of_the_address_and_not_kept() -> None:
    answer = client("photos").get("/search/photos?lang=%3Cb%3E")
    assert (answer.headers["location"], "set-cookie" in answer.headers) == ("/search/photos", False)


def test_a_name_that_looks_like_a_host_stays_a_name() -> None:
    answer = client("photos").get("/search//evil.example/?lang=en")
    assert answer.headers["location"] == "/search//evil.example/"


@pytest.mark.parametrize(
    ("names", "place"),
    [
        ((), "/collections"),
        (("b", "a"), "/search/a"),
        (("a", "face_search_table"), "/search/face_search_table"),
        (("a", "face_search_table", "image_search_table"), "/search/image_search_table"),
        (("a/b ?",), "/search/a%2Fb%20%3F"),
    ],
)
def test_the_first_page_is_the_search_of_the_first_collection(names: tuple[str, ...], place: str) -> None:
    answer = client(*names).get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, place)


def test_the_demo_collections_have_titles_in_both_languages() -> None:
    asking = client("image_search_table", "face_search_table", "photos")
    english = asking.get("/search/face_search_table").text
    chinese = asking.get("/search/face_search_table", headers={"accept-language": "zh"}).text
    titles = [re.findall(r"<h1>(.*?)</h1>", page) for page in (english, chinese)]
    assert titles == [["Face search"], ["人脸检索"]]
    links = re.findall(r'<li( class="own" title="\w+")?><a href="/search/(\w+)"( aria-current="page")?>', english)
    assert links == [
        ("", "image_search_table", ""), ("", "face_search_table", ' aria-current="page"'),
        (' class="own" title="photos"', "photos", ""),
    ]  # fmt: skip


def test_many_collections_are_in_a_menu() -> None:
    page = client(*"abcdef").get("/collections").text
    before, after = page.split("<details>")
    assert (re.findall(r'href="/search/(\w)"', before), re.findall(r'<li><a href="/search/(\w)"', after)) == (
        ["a", "b", "c", "d"], ["e", "f"],
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["search", "collections"])
def test_a_hostile_name_is_text(kind: str) -> None:
    asking = client(HOSTILE)
    (place,) = set(re.findall(rf'href="(/{kind}/[^"]+)"', asking.get("/collections").text))
    page = asking.get(place)
    assert page.status_code == 200
    assert "<img src=x" not in page.text
    assert "&lt;/script&gt;&lt;img src=x onerror=" in page.text
    assert block(page.text, "page")["collection"]["name"] == HOSTILE


@pytest.mark.parametrize("place", ["/collections/", "/search/"])
def test_a_missing_collection_is_a_page(place: str) -> None:
    answer = client("photos").get(place + "%3Cb%3Ex")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no collection named “&lt;b&gt;x”." in answer.text


def test_a_missing_pipeline_is_a_page() -> None:
    answer = client("photos").get("/pipelines/none")
    assert (answer.status_code, "“none”" in answer.text) == (404, True)


def test_a_pipeline_shows_what_it_is() -> None:
    page = client("photos").get("/pipelines/whole").text
    assert "Looks at &lt;all&gt; of it." in page
    assert '<img src="/api/v1/pipelines/whole/graph.svg"' in page
    assert block(page, "page")["pipeline"]["definition"] == {"description": "Looks at <all> of it."}


def test_columns_keep_their_order() -> None:
    page = client("photos").get("/search/photos").text
    assert list(block(page, "page")["collection"]["columns"]) == ["year", "city"]


def test_the_words_of_scripts_are_in_the_page() -> None:
    words = block(client("photos").get("/search/photos", headers={"accept-language": "zh"}).text, "words")
    assert (words["item.picture.choose"], "login.title" in words) == ("选择图片", False)


def test_a_collection_of_texts_names_texts_and_the_command_that_imports_them() -> None:
    asking = client("notes")
    search, collection = asking.get("/search/notes").text, asking.get("/collections/notes").text
    for page in (search, collection):
        assert "<code>open-analytic import notes.csv --collection notes</code>" in page
        assert "picture" not in re.sub(r"<script.*?</script>|<footer.*?</footer>|<[^>]+>", "", page, flags=re.S)
        assert block(page, "page")["contents"] == {
            "noun": "text", "modality": "text", "texts": True, "suffixes": sorted(TEXT.suffixes),
            "region_noun": None, "caption": None,
        }  # fmt: skip


def test_a_collection_of_sounds_names_sounds() -> None:
    asking = client("songs")
    for place, tongue, words in (
        ("search", "en", "Choose a sound, and hear"), ("search", "zh", "给出一段声音"),
        ("collections", "en", "Add sounds"), ("collections", "zh", "添加声音"),
    ):  # fmt: skip
        page = asking.get(f"/{place}/songs", headers={"accept-language": tongue}).text
        text = re.sub(r"<script.*?</script>|<footer.*?</footer>|<[^>]+>", "", page, flags=re.S)
        assert words in text
        assert not re.search("picture|image|图片", text)
        table = block(page, "words")
        assert ("item.sound.choose" in table, "item.item.choose" in table, "item.text.again" in table) == (
            True, True, False,
        )  # fmt: skip


def test_the_page_of_a_pipeline_knows_what_it_takes_and_detects() -> None:
    contents = block(client("photos").get("/pipelines/whole").text, "page")["contents"]
    assert (contents["noun"], contents["modality"], contents["region_noun"]) == ("picture", "image", "face")


def test_an_error_is_a_page_with_its_status() -> None:
    class Down(Data):
        def collections(self) -> Sequence[CollectionInfo]:
            raise ServiceUnavailable("The <database> is away.", hint="Start it.")

    answer = client(data=Down()).get("/search/photos")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert "The &lt;database&gt; is away. <span>Start it.</span>" in answer.text


@pytest.mark.parametrize(
    ("target", "place"),
    [
        (None, "/"),
        ("/search/photos?k=3&lang=zh", "/search/photos?k=3&amp;lang=zh"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_the_login_goes_on_to_a_place_of_this_site(target: str | None, place: str) -> None:
    page = client(data=Data("photos", login=True)).get("/login", params={"next": target} if target else {}).text
    assert re.findall(r'name="next" value="([^"]*)"', page) == [place]
    assert '<a href="/search' not in page


def test_there_is_no_login_without_a_token() -> None:
    answer = client("photos").get("/login")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_no_page_has_script_or_style_of_its_own() -> None:
    """The policy of the site would refuse it."""
    asking = client("photos", "image_search_table")
    places = [
        "/search/photos",
        "/collections",
        "/collections/photos",
        "/pipelines",
        "/pipelines/whole",
        "/api",
        "/search/x",
    ]
    html = "".join(asking.get(place).text for place in places)
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*(?:src=|application/json))[^>]*>", html) == []


@pytest.mark.parametrize("name", sorted(file.name for file in FOLDER.iterdir()))
def test_a_file_is_kept_for_ever_under_its_stamp_only(name: str) -> None:
    asking, stamp = client("photos"), assets("1.2.3").stamp
    plain, stamped, old = (asking.get(f"/static/{name}{query}") for query in ("", f"?v={stamp}", "?v=1.2.2"))
    assert [one.headers["cache-control"] for one in (plain, stamped, old)] == [
        "no-cache", "public, max-age=31536000, immutable", "no-cache",
    ]  # fmt: skip
    assert plain.content == stamped.content == old.content
    again = asking.get(f"/static/{name}", headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_scripts_import_each_other_under_the_stamp() -> None:
    stamp = assets("1.2.3").stamp
    script = client("photos").get(f"/static/search.js?v={stamp}").text
    imports = re.findall(r'(?:from|import) ?\(?"(\./[^"]+)"', script)
    assert len(imports) > 8
    assert {place.partition("?")[2] for place in imports} == {f"v={stamp}"}


def test_a_page_asks_for_files_that_are_there() -> None:
    asking = client("photos")
    for place in re.findall(r'"(/static/[^"]+)"', asking.get("/search/photos").text):
        assert asking.get(place).headers["cache-control"].endswith("immutable")


@pytest.mark.parametrize("name", ["none.js", "..%2Fpages.py", "%2e%2e%2fpages.py", "style.css%00"])
def test_no_other_file_is_served(name: str) -> None:
    assert client("photos").get(f"/static/{name}").status_code == 404

"""Texts on the command line and over HTTP: as an option, a file, standard input, a body."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tiny_texts
from tests.process import site
from tests.process.runner import REPOSITORY, Cli

JSON = {"content-type": "application/json"}
HOUSE = {"vector": [4.25, 21.75]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[site.Home]:
    with site.home(tmp_path_factory.mktemp("texts")) as home:
        with home.database() as db:
            tiny_texts.write(home.settings.cards[0])
        with home.database() as db:
            db.pipeline_create("texts", tiny_texts.PIPELINE)
            db.pipeline_create("passages", tiny_texts.PASSAGES)
        yield home


def test_the_command_line_takes_a_text_a_file_and_standard_input(home: site.Home, tmp_path: Path) -> None:
    run: Cli = home.cli
    file = tmp_path / "text"
    file.write_bytes(b"red house")
    assert run("--json", "pipeline", "run", "texts", "--text", "red house").json == HOUSE
    assert run("--json", "pipeline", "run", "texts", file).json == HOUSE
    assert run("--json", "pipeline", "run", "texts", "-", text="red house").json == HOUSE
    both = run("--json", "pipeline", "run", "texts", file, file).json
    assert [each["output"] for each in both] == [HOUSE, HOUSE]


@pytest.mark.parametrize(
    ("words", "code", "sqlstate"),
    [
        (["texts", "--text", ""], 3, "OA026"),
        (["texts"], 3, "OA019"),
        (["texts", "file", "--text", "red"], 3, "OA019"),
        (["mean_colour", "--text", "red"], 3, "OA019"),
    ],
)
def test_what_the_command_line_refuses(home: site.Home, words: list[str], code: int, sqlstate: str) -> None:
    assert home.cli("--json", "pipeline", "run", *words, code=code).error["sqlstate"] == sqlstate


def test_a_body_is_a_text(home: site.Home) -> None:
    with site.site(home) as (_, http):
        headers = {"content-type": "text/plain; charset=utf-8"}
        answer = http.post("/api/v1/pipelines/texts/run", content="red house", headers=headers)
        assert (answer.status_code, answer.json()) == (200, HOUSE)
        empty = http.post("/api/v1/pipelines/texts/run", content=" ", headers=headers)
        assert (empty.status_code, empty.json()["sqlstate"]) == (422, "OA026")


def test_the_command_line_imports_a_table(home: site.Home, tmp_path: Path) -> None:
    run: Cli = home.cli
    file = tmp_path / "notes.csv"
    file.write_text("id,body,lang,author\n1,red house,en,ann\n2,blue,,bob\n3,,de,ann\n4,red\n")
    run("collection", "create", "notes", "--pipeline", "texts", "--column", "lang:text")
    words = ["import", file, "--collection", "notes", "--text-column", "body", "--name-column", "id"]
    report = run("--json", *words, "--set", "lang=fr", code=9).json
    assert [report[key] for key in ("added", "updated", "unchanged", "ignored_columns")] == [2, 0, 0, ["author"]]
    assert [(each["name"], each["error"]["sqlstate"], each["error"]["message"]) for each in report["failed"]] == [
        ("3", "OA026", f"{file}, line 4: The text is empty."),
        ("notes.csv:5", "OA019", f"{file}, line 5: The row has 2 cells, and the header 4."),
    ]
    assert run(*words, code=9).out.split("\n", 1)[1] == (
        "Columns that the collection does not have were ignored: author\n"
        "1 failed with BadText: The text is empty. Give a text with at least one character that is no space.\n"
        f"  3 ({file}, line 4)\n"
        "1 failed with BadParameter: The row has 2 cells, and the header 4. Quote cells with a separator.\n"
        f"  notes.csv:5 ({file}, line 5)\n"
    )
    assert run(*words[:-2], code=3).err.startswith(f"Error: {file} has no column 'name'.")
    assert "There was no text: of a folder" in run("import", tmp_path, "--collection", "notes").out


def test_a_text_searches_on_the_command_line_and_over_http(home: site.Home, tmp_path: Path) -> None:
    run: Cli = home.cli
    table = tmp_path / "texts.jsonl"
    table.write_text('{"name": "a", "text": "red\\nhouse"}\n{"name": "b", "text": "blue"}\n')
    run("collection", "create", "words", "--pipeline", "texts")
    run("collection", "create", "photos", "--pipeline", "mean_colour")
    run("import", table, "--collection", "words")
    file = tmp_path / "query"
    file.write_text("red house")
    (hit,) = run("--json", "search", "words", "--text", "red house", "-k", "1").json
    assert (hit["name"], hit["distance"]) == ("a", 0.0)
    assert run("--json", "search", "words", file, "-k", "1").json == [hit]
    assert run("--json", "search", "words", "-", "-k", "1", text="red house").json == [hit]
    assert run("--json", "search", "words", "--like", "a", "-k", "1").json == [hit]
    assert [line.split() for line in run("search", "words", "--text", "red house", "-k", "1").out.splitlines()] == [
        ["distance", "name", "text"], ["0.0000", "a", "red", "house"]
    ]  # fmt: skip
    for words, message in (
        (["photos", "--text", "red"], "The collection's pipeline takes no text."),
        (["words", file, "--text", "red"], "There is no query."),
        (["words", "--text", "red", "--sheet", "a.png"], "A contact sheet shows pictures."),
    ):
        assert run("--json", "search", *words, code=3).error["message"] == message
    with site.site(home) as (_, http):
        search = "/api/v1/collections/{}/search"
        assert http.post(search.format("words"), json={"text": "red house", "k": 1}).json() == [hit]
        plain = http.post(search.format("words"), content="red house", headers={"content-type": "text/plain"})
        assert plain.json()[0] == hit
        page = (REPOSITORY / "docs" / "service.md").read_text("utf-8")
        (example,) = re.findall(r"collections/notes/search .* -d '(.*)'$", page, re.MULTILINE)
        hits = http.post(search.format("words"), content=example, headers=JSON).json()
        assert {each["name"] for each in hits} == {"a", "b"}
        refused = http.post(search.format("photos"), json={"text": str(file)})
        assert (refused.status_code, refused.json()["sqlstate"]) == (400, "OA019")


def test_passages_have_their_characters_on_the_command_line_and_over_http(home: site.Home, tmp_path: Path) -> None:
    run: Cli = home.cli
    (tmp_path / "story.txt").write_text("A red house. A blue one.\n\nThe end comes soon, with a tree.")
    run("collection", "create", "stories", "--pipeline", "passages", "--column", "lang:text")
    assert run("--json", "import", tmp_path, "--collection", "stories").json["rows"] == 3
    (hit,) = run("--json", "search", "stories", "--text", "a tree.", "-k", "1").json
    assert hit == {
        "name": "story.txt", "distance": 0.0, "row": {"lang": None}, "box": None, "region": {"start": 51, "end": 58},
        "part": 2,
    }  # fmt: skip
    assert [line.split() for line in run("search", "stories", "--text", "a tree.", "-k", "1").out.splitlines()] == [
        ["distance", "name", "lang", "text_span", "text"], ["0.0000", "story.txt", "51-58", "a", "tree."]
    ]  # fmt: skip
    lines = run("collection", "rows", "stories").out.splitlines()
    assert lines[0].split() == ["name", "part", "text_span", "lang", "source", "imported_at"]
    assert [line.split()[1:3] for line in lines[1:]] == [["0", "0-24"], ["1", "26-50"], ["2", "51-58"]]
    row = run("--json", "collection", "get", "stories", "story.txt", "--part", "1").json
    assert (row["box"], row["region"]) == (None, {"start": 26, "end": 50})
    with site.site(home) as (_, http):
        search = "/api/v1/collections/stories/search"
        assert http.post(search, json={"text": "a tree.", "k": 1}).json() == [hit]
        (about,) = [each for each in http.get("/api/v1/collections").json() if each["name"] == "stories"]
        assert (about["many"], about["region"]) == (True, "text_span")
        excerpt = http.get("/api/v1/collections/stories/text", params={"name": "story.txt", "part": 2}).json()
        assert excerpt["marked"] == "a tree."


def test_an_export_of_passages_is_imported_again(home: site.Home, tmp_path: Path) -> None:
    run: Cli = home.cli
    (tmp_path / "story.txt").write_text("A red house. A blue one.\n\nThe end comes soon, with a tree.")
    columns = ["--column", "lang:text", "--column", "start:integer"]
    for name in ("first", "second"):
        run("collection", "create", name, "--pipeline", "passages", *columns)
    run("import", tmp_path / "story.txt", "--collection", "first", "--set", "lang=en")
    run("collection", "export", "first", "--pictures", tmp_path / "out", "--values", tmp_path / "values.csv")
    again = run("import", tmp_path / "out", "--collection", "second", "--values", tmp_path / "values.csv")
    assert "Values that differ between the regions of an input are left to its pipeline: start." in again.err
    rows = [run("--json", "collection", "rows", name).json for name in ("first", "second")]
    seen = [[(row["name"], row["part"], row["region"], row["row"]) for row in each] for each in rows]
    assert seen[0] == seen[1]
    assert [row[3] for row in seen[1]] == [{"lang": "en", "start": start} for start in (0, 26, 51)]

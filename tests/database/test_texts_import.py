"""Texts of CSV and JSON Lines files, of folders and iterables in a collection: stored, counted, refused."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import open_analytic
from open_analytic import Collection, OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import (
    BadParameter,
    BadText,
    Conflict,
    ImageTooLarge,
    InputTooLarge,
    InvalidName,
    UnreadableFile,
    from_dict,
    of_sqlstate,
)
from open_analytic.importer import Defaults, table
from open_analytic.types import ImportReport
from tests import tiny, tiny_texts

BAD_ROWS = [
    (4, "BadParameter", "The row has 2 cells, and the header 3."),
    (5, "BadText", "Column 'text' is not text in UTF-8."),
    (6, "BadText", "The text is empty."),
    (7, "InvalidName", "The name 'a' is that of line 2, too."),
    (8, "InvalidName", "Column 'name' has no name."),
    (9, "BadParameter", 'The database does not accept a value: invalid input syntax for type integer: "x"'),
    (10, "BadParameter", "The row is not CSV: ',' expected after '\"'."),
    (11, "BadText", "The text has 100,001 characters; at most 100,000 are read."),
    (12, "BadText", "The text has a NUL at character 1."),
    (14, "BadParameter", "The row is not CSV: unexpected end of data."),
]
BAD_LINES = [
    (3, "BadParameter", "The line is not JSON: Expecting property name enclosed in double quotes at column 14."),
    (4, "BadParameter", "The line is no JSON object."),
    (5, "BadText", "The text is empty."),
    (6, "InvalidName", "Column 'name' has no name."),
    (7, "InvalidName", "Column 'name' has no name."),
    (8, "BadText", "Column 'text' holds int, not text."),
    (9, "BadText", "The line is not text in UTF-8."),
    (10, "BadText", "The text has half of a surrogate pair at character 0."),
    (11, "BadParameter", "The line has lists or objects that are nested too deeply."),
    (12, "BadText", "The row has more than 200,000 characters."),
]
COLUMNS: dict[str, str] = {"lang": "text", "year": "integer"}


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny_texts.write(tiny.write(tmp_path / "cards"))
    settings = Settings.read({}, cards=(cards,), models_dir=tmp_path / "models", max_bytes=200_000)
    with open_analytic.connect(dsn, settings=settings) as db:
        db.pipeline_create("texts", tiny_texts.PIPELINE)
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        yield db


@pytest.fixture(params=["text_name", "image_name"])
def notes(db: OpenAnalytic, request: pytest.FixtureRequest) -> Collection:
    """As collections of texts are made, and as versions before 0015 made them."""
    if request.param == "image_name":
        return tiny_texts.image_layout(db, "notes", COLUMNS)
    return db.create_collection("notes", pipeline="texts", columns=COLUMNS)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_file_can_have_the_columns_of_the_collection(notes: Collection, tmp_path: Path, form: str) -> None:
    """As COPY and an export write them. A row without one of them is that row's error."""
    inputs = notes.info.inputs
    head = (inputs.name, inputs.data, "lang", "more")
    cells: list[tuple[str | None, ...]] = [
        ("1", "red house", "en", "x"), ("2", "blue", None, "x"), ("1", "red", "en", "x"), (None, "red", "en", "x"),
    ]  # fmt: skip
    records = [dict(zip(head, row, strict=True)) for row in cells]
    file = tmp_path / f"notes.{form}"
    if form == "jsonl":
        lines(file, *records)
    else:
        with file.open("w", newline="") as opened:
            writer = csv.DictWriter(opened, head)
            writer.writeheader()
            writer.writerows(records)
    report = notes.import_files(file)
    assert (report.added, report.ignored_columns) == (2, ("more",))
    assert [type(each.error) for each in report.failed] == [InvalidName, InvalidName]
    assert stored(notes) == {
        "1": ("red house", {"lang": "en", "year": None}),
        "2": ("blue", {"lang": None, "year": None}),
    }


def test_too_many_bytes_are_the_error_of_the_input(db: OpenAnalytic, tmp_path: Path) -> None:
    """Of a picture it is the narrower class, so that ``except ImageTooLarge`` holds for pictures as before."""
    (tmp_path / "large").write_bytes(b"a" * 200_001)
    texts, photos = (db.create_collection(name, pipeline=name) for name in ("texts", "mean_colour"))
    calls: dict[Callable[[], object], type[InputTooLarge]] = {
        lambda: db.pipeline_run("texts", "a" * 200_001): InputTooLarge,
        lambda: texts.search(tmp_path / "large"): InputTooLarge,
        lambda: db.pipeline_run("mean_colour", b"a" * 200_001): ImageTooLarge,
        lambda: photos.search(tmp_path / "large"): ImageTooLarge,
    }
    for call, kind in calls.items():
        with pytest.raises(InputTooLarge, match="200,001 bytes; at most 200,000 are read") as caught:
            call()
        assert (type(caught.value), caught.value.sqlstate, caught.value.http_status) == (kind, "OA013", 413)
        assert type(from_dict(caught.value.as_dict())) is kind
    assert of_sqlstate("OA013") is ImageTooLarge


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    return report.added, report.updated, report.unchanged, report.skipped, len(report.failed)


def failures(report: ImportReport) -> list[tuple[str, str, str]]:
    return [(each.name, type(each.error).__name__, str(each.error.message)) for each in report.failed]  # type: ignore[attr-defined]


def stored(collection: Collection) -> dict[str, tuple[str, dict[str, Any]]]:
    return {row.name: (collection.image(row.name).decode(), dict(row.row)) for row in collection}


def lines(file: Path, *rows: object) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def test_a_csv_file_is_imported_with_the_columns_that_the_collection_has(notes: Collection, tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text('\ufeffid,lang,body,extra\n1,en,"red\nhouse, old",x\n\n2,,blau,y\n', encoding="utf-8")
    report = notes.import_files(file, name_column="id", text_column="body", values=Defaults(every={"year": "1999"}))
    assert (counts(report), report.rows, report.ignored_columns) == ((2, 0, 0, 0, 0), 2, ("extra",))
    assert stored(notes) == {
        "1": ("red\nhouse, old", {"lang": "en", "year": 1999}),
        "2": ("blau", {"lang": None, "year": 1999}),
    }
    assert notes.get("1").source == str(file)
    assert [hit.name for hit in notes.search("red\nhouse, old", k=1)] == ["1"]


def test_json_lines_are_imported_with_their_types(notes: Collection, tmp_path: Path) -> None:
    file = lines(tmp_path / "notes.jsonl", {"name": 7, "text": "red", "year": 2001}, {"name": "b", "text": "blue"})
    assert counts(notes.import_files(file)) == (2, 0, 0, 0, 0)
    assert stored(notes) == {"7": ("red", {"lang": None, "year": 2001}), "b": ("blue", {"lang": None, "year": None})}


def test_the_same_call_goes_on_where_it_was(notes: Collection, tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text("name,text,lang\na,red,en\nb,blue,en\n")
    assert counts(notes.import_files(file)) == (2, 0, 0, 0, 0)
    assert counts(notes.import_files(file)) == (0, 0, 2, 0, 0)
    file.write_text("name,text,lang\na,red house,en\nb,blue,de\nc,a,en\n")
    assert counts(notes.import_files(file)) == (1, 2, 0, 0, 0)
    assert counts(notes.import_files(file)) == (0, 0, 3, 0, 0)
    assert stored(notes) == {
        "a": ("red house", {"lang": "en", "year": None}),
        "b": ("blue", {"lang": "de", "year": None}),
        "c": ("a", {"lang": "en", "year": None}),
    }


def test_names_of_another_file_are_conflicts(notes: Collection, tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("name,text\na,red\nb,blue\n")
    other.write_text("name,text\na,house\nb,blue\nc,a\n")
    notes.import_files(one)
    with pytest.raises(
        Conflict, match=r"1 of 3 names is taken .* \(first: 'a' from .*one\.csv\); nothing was imported"
    ):
        notes.import_files(other)
    assert counts(notes.import_files(other, on_conflict="skip")) == (1, 0, 1, 1, 0)
    assert counts(notes.import_files(other, on_conflict="keep_both")) == (1, 0, 2, 0, 0)
    assert notes.image("a (2)") == b"house"
    assert counts(notes.import_files(other, on_conflict="replace")) == (0, 1, 2, 0, 0)
    assert notes.image("a") == b"house"


def test_a_bad_row_of_csv_names_its_line_and_the_others_go_on(notes: Collection, tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    rows = [
        b"name,text,year", b'a,"red\nhouse",1', b"b,blue", b"c,r\xe4d,1", b"d,,1", b"a,blue,1", b",red,1", b"e,red,x",
        b'f,"re"d,1', b"g," + b"a" * 100_001 + b",1", b"h,a\0b,1", b"i,red,1", b'j,"red,1', b"k,red,1",
    ]  # fmt: skip
    file.write_bytes(b"\n".join(rows) + b"\n")
    report = notes.import_files(file)
    assert counts(report) == (2, 0, 0, 0, 10)
    assert {each.place: failure[1:] for each, failure in zip(report.failed, failures(report), strict=True)} == {
        f"{file}, line {line}": (kind, f"{file}, line {line}: {message}") for line, kind, message in BAD_ROWS
    }
    assert [each.name for each in report.failed][:5] == ["a", "d", "e", "g", "h"]
    assert stored(notes) == {"a": ("red\nhouse", {"lang": None, "year": 1}), "i": ("red", {"lang": None, "year": 1})}


def test_a_repeated_name_is_decided_on_by_on_conflict(notes: Collection, tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text("name,text\na,red\na,blue\na,blue\n")
    assert counts(notes.import_files(file)) == (1, 0, 0, 0, 2)
    assert counts(notes.import_files(file)) == (0, 0, 1, 0, 2)
    assert counts(notes.import_files(file, on_conflict="skip")) == (0, 0, 1, 2, 0)
    assert counts(notes.import_files(file, on_conflict="keep_both")) == (1, 0, 2, 0, 0)
    assert counts(notes.import_files(file, on_conflict="keep_both")) == (0, 0, 3, 0, 0)
    assert {name: text for name, (text, _) in stored(notes).items()} == {"a": "red", "a (2)": "blue"}
    notes.import_files(file, on_conflict="replace")
    assert notes.image("a") == b"blue"


def test_a_bad_line_of_json_names_its_line_and_the_others_go_on(notes: Collection, tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    rows = [
        b'{"name": "a", "text": "red"}', b"", b'{"name": "b", ', b'["c", "red"]', b'{"name": "d"}', b'{"text": "red"}',
        b'{"name": true, "text": "red"}', b'{"name": "e", "text": 5}', b'{"name": "f", "text": "\xff"}',
        b'{"name": "g", "text": "\\ud800"}', b"[" * 100_000, b'{"name": "h", "text": "' + b"a" * 300_000 + b'"}',
        b'{"name": "i", "text": "blue"}',
    ]  # fmt: skip
    file.write_bytes(b"\n".join(rows))
    report = notes.import_files(file)
    assert counts(report) == (2, 0, 0, 0, 10)
    assert {each.place: failure[1:] for each, failure in zip(report.failed, failures(report), strict=True)} == {
        f"{file}, line {line}": (kind, f"{file}, line {line}: {message}") for line, kind, message in BAD_LINES
    }
    assert sorted(stored(notes)) == ["a", "i"]


@pytest.mark.parametrize(
    ("words", "options", "message", "hint"),
    [
        ("name,body\na,red\n", {}, "notes.csv has no column 'text'.", "choose one with text_column"),
        ("id,text\na,red\n", {}, "notes.csv has no column 'name'.", "Its columns are 'id', 'text'"),
        ("id;body\na;red\n", {}, "notes.csv has no column 'name'.", "Its columns are 'id;body'"),
        ("name,text,text\na,red,b\n", {}, "notes.csv, line 1: there are two columns 'text'.", "Rename"),
        ("", {}, "notes.csv has no header.", "first line"),
        ("name,text\na,red\n", {"text_column": "name"}, "Column 'name' is given both for names and for texts.", "two"),
        ("name,text\na,red\n", {"values": {"b": {"lang": "en"}}}, "None of the 1 rows of values names", "such as 'a'"),
        ("name,text\na,red\n", {"values": {"a": {"no": "en"}}}, "no", "lang"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_writes_nothing(
    notes: Collection, tmp_path: Path, words: str, options: dict[str, Any], message: str, hint: str
) -> None:
    file = tmp_path / "notes.csv"
    file.write_text(words)
    with pytest.raises(BadParameter) as caught:
        notes.import_files(file, **options)
    assert (message in caught.value.message, hint in (caught.value.hint or "")) == (True, True), str(caught.value)
    assert notes.count() == 0


def test_a_file_in_utf_16_is_refused(notes: Collection, tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text("name,text\na,red\n", encoding="utf-16")
    with pytest.raises(UnreadableFile, match=r"notes\.csv is in UTF-16\. Save it in UTF-8\."):
        notes.import_files(file)


def test_a_folder_gives_its_text_files(notes: Collection, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"red house")
    (folder / "sub" / "b.md").write_bytes(b"blue")
    for name in ("c.csv", "d.jpg", "e.pdf", ".f"):
        (folder / name).write_bytes(b"name,text\n1,red\n")
    report = notes.import_files(folder)
    assert counts(report) == (2, 0, 0, 0, 0)
    assert {each.type: each.hint for each in report.left_out} == {
        ".csv": "Give such a file itself to import its rows.", ".jpg": None, ".pdf": None,
        "hidden": "Names that begin with a dot are hidden: give such a file itself to import it.",
    }  # fmt: skip
    assert sorted(stored(notes)) == ["a.txt", "sub/b.md"]


def test_items_are_imported_with_their_values(db: OpenAnalytic, notes: Collection) -> None:
    report = notes.import_items(
        [("a", "red house"), ("b", b"blue", "https://example.org/b"), ("c", "a", None, {"lang": "en"}), ("d", "\ud800")]
    )
    assert counts(report) == (3, 0, 0, 0, 1)
    assert failures(report) == [("d", "BadText", "The text has half of a surrogate pair at character 0.")]
    assert notes.get("b").source == "https://example.org/b"
    assert stored(notes)["c"] == ("a", {"lang": "en", "year": None})
    assert counts(notes.add("e", "house")) == (1, 0, 0, 0, 0)
    with pytest.raises(BadText, match="empty"):
        notes.add("f", " ")


def test_a_collection_of_pictures_takes_no_table(db: OpenAnalytic, tmp_path: Path) -> None:
    album = db.create_collection("album", pipeline="mean_colour")
    with pytest.raises(BadParameter, match=r"takes no texts, so there is no table to import\."):
        album.import_files(tmp_path, text_column="text")
    assert failures(album.import_items([("a", "red")])) == [
        ("a", "BadParameter", "The picture 'a' is given as str, not as bytes.")
    ]


def test_rows_are_read_one_at_a_time(tmp_path: Path) -> None:
    """A row without an end is cut off after max_characters, whatever the file's size."""
    file = tmp_path / "notes.csv"
    file.write_text('name,text\na,"' + "red\n" * 100_000)
    *_, last = table.rows(file, 1_000)
    assert (last.line, type(last.cells)) == (2, BadText)
    assert str(last.cells).startswith("The row has more than 1,000 characters. The rest of the file is not read.")


def test_a_row_of_csv_is_as_long_as_the_csv_module_reads(tmp_path: Path) -> None:
    """Its limit is one of the process, which an import leaves alone."""
    limit, file = csv.field_size_limit(), tmp_path / "notes.csv"
    file.write_text(f"name,text\na,{'x' * (limit - 3)}\nb,{'x' * (limit - 2)}\n")
    first, last = table.rows(file, 10 * limit)
    assert first == table.TableRow(line=2, cells={"name": "a", "text": "x" * (limit - 3)})
    assert str(last.cells).startswith(f"The row has more than {limit:,} characters.")
    assert csv.field_size_limit() == limit

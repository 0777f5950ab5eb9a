"""Words of the command line as values."""

from pathlib import Path

import pytest

from open_analytic.cli import cli_args
from open_analytic.errors import BadParameter, OpenAnalyticError, UnreadableFile


def test_parameters_are_json_where_they_can_be() -> None:
    words = ["face=all", "threshold=0.5", "n=3", "flag=true", "sizes=[1, 2]", "empty=", "text=a=b"]
    assert cli_args.parameters(words) == {
        "face": "all", "threshold": 0.5, "n": 3, "flag": True, "sizes": [1, 2], "empty": "", "text": "a=b",
    }  # fmt: skip


def test_texts_stay_text() -> None:
    assert cli_args.texts(["d=7", "e= x "], "--set") == {"d": "7", "e": " x "}


def test_columns_are_name_and_type() -> None:
    assert cli_args.columns(["district:text", "price: numeric(10,2)", "at:time(0) with time zone"]) == {
        "district": "text", "price": "numeric(10,2)", "at": "time(0) with time zone",
    }  # fmt: skip


@pytest.mark.parametrize("word", ["", "face", "=all"])
def test_a_word_without_a_name_is_refused(word: str) -> None:
    with pytest.raises(BadParameter, match="name=value"):
        cli_args.parameters([word])


@pytest.mark.parametrize("word", ["district", "district:", ":text"])
def test_a_column_without_a_type_is_refused(word: str) -> None:
    with pytest.raises(BadParameter, match="name:type"):
        cli_args.columns([word])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("v.csv", 'image_name,district,n\na.jpg,A,1\n"b ""2"",\n中.jpg",,2\n'),
        ("v.csv", '\ufeffimage_name,district,n\r\na.jpg,A,1\r\n"b ""2"",\n中.jpg",,2\r\n'),
        ("v.json", '{"a.jpg": {"district": "A", "n": "1"}, "b \\"2\\",\\n中.jpg": {"district": null, "n": "2"}}'),
        (
            "v.json",
            '[{"image_name": "a.jpg", "district": "A", "n": "1"},'
            ' {"image_name": "b \\"2\\",\\n中.jpg", "district": null, "n": "2"}]',
        ),
    ],
    ids=["csv", "csv of a spreadsheet", "json object", "json list"],
)
def test_values_by_picture(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode())
    assert cli_args.values(tmp_path / name) == {
        "a.jpg": {"district": "A", "n": "1"},
        'b "2",\n中.jpg': {"district": None, "n": "2"},
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("v.csv", b"name,district\na,b\n", "no column 'image_name'"),
        ("v.csv", b"", "no column 'image_name'"),
        ("v.csv", b"image_name,district\na\n", "Row 2"),
        ("v.csv", b"image_name,district\na,b,c\n", "Row 2"),
        ("v.csv", b'image_name,district\n"a,b\n', "not CSV"),
        ("v.json", b"{", "not JSON"),
        ("v.json", b"3", "values by picture"),
        ("v.json", b'[{"name": "a"}]', "values by picture"),
        ("v.csv", b"image_name,n\na,1\na,2\n", "two rows with different values for 'a'"),
        ("v.csv", b"image_name,n,n\na,1,2\n", "two columns 'n'"),
        ("v.json", b'[{"image_name": "a", "n": 1}, {"image_name": "a"}]', "two rows with different values for 'a'"),
        ("v.json", b'{"a": {"n": 1}, "a": {"n": 2}}', "two values for 'a'"),
        ("v.jsonl", b'{"image_name": "a", "n": 1}\n{"image_name": "a", "n": 2}\n', "two rows with different values"),
    ],
)
def test_a_file_of_values_says_what_is_wrong(tmp_path: Path, name: str, text: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(text)
    with pytest.raises(BadParameter, match=message):
        cli_args.values(tmp_path / name)


@pytest.mark.parametrize("key", ["image_name", "text_name", "audio_name", "title"])
@pytest.mark.parametrize("form", ["v.csv", "v.json", "v.jsonl"])
def test_the_names_stand_in_the_column_of_the_collection_or_in_image_name(tmp_path: Path, key: str, form: str) -> None:
    """Two rows of a picture that say the same, as an export of its regions has them, are one."""
    rows = {"v.csv": "{0},n\na,1\nb,2\na,1\n", "v.json": '[{{"{0}": "a", "n": "1"}}, {{"{0}": "b", "n": "2"}}]',
            "v.jsonl": '{{"{0}": "a", "n": "1"}}\n{{"{0}": "b", "n": "2"}}\n'}[form]  # fmt: skip
    for written in (key, "image_name"):
        (tmp_path / form).write_text(rows.format(written))
        assert cli_args.values(tmp_path / form, key) == {"a": {"n": "1"}, "b": {"n": "2"}}


@pytest.mark.parametrize("content", [None, b"image_name\n\xff\n"], ids=["missing", "not UTF-8"])
def test_an_unreadable_file_of_values(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "v.csv").write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        cli_args.values(tmp_path / "v.csv")
    assert isinstance(caught.value, OpenAnalyticError)

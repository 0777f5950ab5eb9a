"""Folders on this machine: what is taken, what is left out, what cannot be listed."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from open_analytic.errors import BadParameter, UnreadableFile
from open_analytic.importer import folder
from open_analytic.kinds.image import HEIF, HEIF_INSTALLED
from open_analytic.types import LeftOut

NOBODY = 65534


def test_a_folder_that_cannot_be_listed_is_named() -> None:
    top = Path(tempfile.mkdtemp())
    try:
        top.chmod(0o755)
        (top / "a" / "closed").mkdir(parents=True)
        (top / "a" / "b.jpg").touch()
        (top / "a" / "closed").chmod(0)
        program = "import os; from pathlib import Path; from open_analytic.importer import folder"
        program += f"; os.geteuid() or os.seteuid({NOBODY})"
        program += f"; found = folder.survey([Path({str(top)!r})], named=True)"
        program += "; print(found.names, [(name, type(error).__name__) for name, error in found.unlisted])"
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    finally:
        (top / "a" / "closed").chmod(0o755)
        shutil.rmtree(top)
    assert done.stdout == "{'a/b.jpg'} [('a/closed/', 'UnreadableFile')]\n"


def test_types_that_are_left_out_come_the_most_frequent_first(tmp_path: Path) -> None:
    for name in ("a.txt", "b.TXT", "c.nef", "d.jpg", ".e"):
        (tmp_path / name).touch()
    survey = folder.survey([tmp_path], named=False)
    assert (survey.files, survey.names) == (1, set())
    assert survey.left_out[0] == LeftOut(type=".txt", count=2)
    assert {each.type for each in survey.left_out} == {".txt", ".nef", "hidden"}


def test_a_source_is_an_absolute_path_or_a_url(tmp_path: Path) -> None:
    assert folder.File("a", tmp_path / "x" / ".." / "a.jpg").source == str(tmp_path / "a.jpg")
    odd = Path(os.fsdecode(b"/tmp/\xff/a b.jpg"))
    assert folder.File("a", odd).source == "file:///tmp/%FF/a%20b.jpg"


def test_a_digest_waits_for_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert folder.File("pipe.jpg", tmp_path / "pipe.jpg").digest() is None
    assert folder.File("gone.jpg", tmp_path / "gone.jpg").digest() is None


def test_heic_is_taken_where_it_can_be_read(tmp_path: Path) -> None:
    for suffix in HEIF:
        (tmp_path / f"a{suffix}").touch()
    survey = folder.survey([tmp_path], named=False)
    assert survey.files == (3 if HEIF_INSTALLED else 0)
    assert [bool(each.hint) for each in survey.left_out] == ([] if HEIF_INSTALLED else [True] * 3)


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("https://example.org/a.jpg", "fetch"),
        ("s3://bucket/album", "fetch"),
        ("no such folder/*.jpg", "Patterns"),
        ("no such folder", "spelling"),
    ],
)
def test_the_hint_of_a_path_that_leads_nowhere_names_the_next_step(path: str, word: str) -> None:
    with pytest.raises(BadParameter) as caught:
        folder.places(path)
    assert (path in caught.value.message, word in (caught.value.hint or "")) == (True, True)
    with pytest.raises(UnreadableFile) as unread:
        folder.read(Path(path), 1000)
    assert word in (unread.value.hint or "")

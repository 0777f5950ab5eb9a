"""What a command writes is there whole, or the file before stays."""

import os
from pathlib import Path

import pytest

from open_analytic.errors import BadParameter, StorageFull
from open_analytic.util import files


def test_a_file_is_written_in_place_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "curve.svg").write_text("before")
    files.write(tmp_path / "curve.svg", b"after", what="plot")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("curve.svg", "after")]


@pytest.mark.parametrize(
    "name", ["missing/curve.svg", "file/curve.svg", "folder", "x" * 300], ids=["none", "file", "folder", "long"]
)
def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadParameter, match=r"^The plot .* cannot be written: .+\.") as caught:
        files.write(tmp_path / name, b"data", what="plot")
    assert caught.value.hint == "Name a file in a folder you can write to."
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    (tmp_path / f".curve.svg.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(StorageFull, match="no space left"):
        files.write(tmp_path / "curve.svg", b"data", what="plot")
    assert list(tmp_path.iterdir()) == []

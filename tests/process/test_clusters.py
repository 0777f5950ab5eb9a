"""Duplicates and clusters from the shell: the same as in Python and SQL, ids that stay, errors with exit codes."""

from pathlib import Path

import pytest
from PIL import Image

import open_analytic
from open_analytic.errors import BadParameter, InvalidFilter, UnknownCollection
from tests.process.runner import Cli

PAIR = {"name": "a\nb/dark red.png", "other": "red.png", "part": None, "other_part": None}


def test_pairs_are_listed_nearest_first(cli: Cli, filled: str) -> None:
    (pair,) = cli("collection", "duplicates", filled, "--max-distance", "0.1", "--json").json
    assert 0 < pair.pop("distance") < 0.1
    assert pair == PAIR
    header, line = cli("collection", "duplicates", filled, "--max-distance", "0.1").out.splitlines()
    assert (header.split(), line.split()[-1]) == (["distance", "name", "other"], "red.png")
    assert len(cli("collection", "duplicates", filled, "--max-distance", "9", "--json").json) == 10
    words = ("--filter", "image_name <> %(n)s", "--param", "n=red.png")
    assert cli("collection", "duplicates", filled, "--max-distance", "0.1", *words, "--json").json == []
    assert "No two rows" in cli("collection", "duplicates", filled, "--max-distance", "0.1", *words).out


def test_clusters_keep_their_ids_between_commands(cli: Cli, filled: str, tmp_path: Path) -> None:
    words = ("collection", "cluster", filled, "--max-distance", "0.1")
    first = cli(*words, "--json").json
    members = [{"name": "a\nb/dark red.png", "part": None}, {"name": "red.png", "part": None}]
    assert first["clusters"] == [{"id": 1, "members": members}]
    assert [change["kind"] for change in first["changes"]] == ["new"]
    Image.new("RGB", (40, 30), (240, 12, 12)).save(tmp_path / "redder.png")
    cli("import", tmp_path, "--collection", filled)
    second = cli(*words)
    assert [line.split()[0] for line in second.out.splitlines()] == ["cluster", "1", "1", "1"]
    assert second.err.splitlines()[-1] == "1 joined"
    assert cli(*words).err.splitlines()[-1] == "Nothing has changed."
    third = cli(*words, "--min-size", "4")
    assert (third.out, third.err.splitlines()[-1]) == ("There are no clusters.\n", "Nothing has changed.")


def test_what_merges_is_told(cli: Cli, filled: str) -> None:
    cli("collection", "cluster", filled, "--max-distance", "0.1", "--min-size", "1")
    lines = cli("collection", "cluster", filled, "--max-distance", "9", "--min-size", "1").err.splitlines()
    assert lines == [*(f"Cluster {number} merged into 1." for number in (2, 3, 4)), "3 merged"]


def test_what_is_wrong_has_its_exit_code(cli: Cli, filled: str) -> None:
    duplicates = ("collection", "duplicates")
    assert "Missing option" in cli(*duplicates, filled, code=2).err
    assert cli(*duplicates, filled, "--max-distance", "nan", "--json", code=BadParameter.exit_code).error
    assert cli(*duplicates, "nothing", "--max-distance", "1", code=UnknownCollection.exit_code).err
    words = ("--max-distance", "1", "--filter", "nothing = 1")
    assert cli(*duplicates, filled, *words, "--json", code=InvalidFilter.exit_code).error["sqlstate"] == "OA018"
    error = cli("collection", "cluster", filled, "--max-distance", "-1", "--json", code=BadParameter.exit_code).error
    assert (error["type"], "max_distance" in error["message"]) == ("BadParameter", True)
    cli("collection", "cluster", filled, "--max-distance", "1", "--min-size", "0", code=2)


@pytest.mark.models
@pytest.mark.photos
def test_an_album_has_its_people_and_new_photos_join_them(
    db: open_analytic.OpenAnalytic, people: dict[str, list[Path]]
) -> None:
    """Five people, eleven photos each: five clusters, each of one person; 0.5 is a distance beyond doubt."""
    db.pipeline_create("face_feature_extractor")
    album = db.create_collection("album", pipeline="face_feature_extractor")
    album.import_files([photo for photos in people.values() for photo in photos[1:]])
    first = album.cluster(max_distance=0.5)
    who = {photo.name: person for person, photos in people.items() for photo in photos}
    assert [(len(one.members), len({who[member.name] for member in one.members})) for one in first.clusters] == [
        (10, 1)
    ] * 5
    album.import_files([photos[0] for photos in people.values()])
    second = album.cluster(max_distance=0.5)
    assert sorted(change.kind for change in second.changes) == ["joined"] * 5
    assert [one.id for one in second.clusters] == [one.id for one in first.clusters]
    assert {(len(one.members), len({who[member.name] for member in one.members})) for one in second.clusters} == {
        (11, 1)
    }

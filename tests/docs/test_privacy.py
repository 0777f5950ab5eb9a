"""docs/privacy.md names every table of ours, and its commands leave nothing of a person in the database's files."""

import json
import re
from pathlib import Path

import numpy as np
import psycopg
import pytest
from PIL import Image

from open_analytic import embedded
from tests import tiny
from tests.process.runner import Cli, make

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "privacy.md").read_text("utf-8")


def test_the_page_names_every_table_and_view(dsn: str) -> None:
    statement = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'open_analytic'::regnamespace AND relkind IN ('r', 'v')"
    )
    with psycopg.connect(dsn) as connection:
        tables = sorted(name for (name,) in connection.execute(statement))
    assert [name for name in tables if f"`{name}`" not in PAGE and f"`open_analytic.{name}`" not in PAGE] == []
    assert len(tables) > 10


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A home with a clustered collection: four pictures of anna, who is noisy red, and two others."""
    folder = tiny.write(tmp_path / "cards")
    (folder / "pipeline.json").write_text(json.dumps(tiny.PIPELINE))
    cli = make(tmp_path, folder)
    random = np.random.default_rng(1)
    (tmp_path / "pictures").mkdir()
    for number, name in enumerate(
        ["anna.jpg", "anna-beach.jpg", "anna-home.jpg", "anna-work.jpg", "bob.jpg", "bob2.jpg"]
    ):
        noise = random.integers(0, 60, (64, 64, 3))
        colour = np.array([190, 0, 0] if name.startswith("anna") else [0, 190, 0])
        Image.fromarray((noise + colour + number).astype(np.uint8)).save(tmp_path / "pictures" / name, quality=90)
    return cli


def test_its_commands_leave_nothing_of_a_person(cli: Cli) -> None:
    home = cli.folder / ".open_analytic"
    with embedded.start(home) as server:
        cli("pipeline", "create", "mean_colour", "--definition", cli.folder / "cards" / "pipeline.json")
        cli("collection", "create", "people", "--pipeline", "mean_colour")
        cli("import", "pictures", "--collection", "people")
        cli("collection", "index", "people")
        for _ in range(2):
            cli("collection", "cluster", "people", "--max-distance", "0.6")
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE) people, open_analytic.cluster_members")
            rows = connection.execute(
                "SELECT image_name, halfvec_send(feature) FROM people ORDER BY image_name"
            ).fetchall()
            connection.execute("CHECKPOINT")
        # halfvec_send is in the order of the network, the files in that of the processor.
        features = {name: np.frombuffer(data[4:], ">f2").astype("<f2").tobytes() for name, data in rows}
        anna = traces(cli.folder, [name for name in features if name.startswith("anna")], features)
        others = traces(cli.folder, ["bob.jpg"], features)
        assert missing(home / "data", anna) == []  # so that looking for them proves something
        blocks = re.findall(r"^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        cli("db", "psql", "--", "-v", "ON_ERROR_STOP=1", "-f", "-", text="".join(blocks))
    embedded.stop(home)
    assert missing(home / "data", anna) == sorted(anna)
    assert missing(home / "data", others) == []


def traces(folder: Path, names: list[str], features: dict[str, bytes]) -> dict[str, bytes]:
    """By a word for each: what of these pictures a file could hold."""
    pictures = {f"{name} bytes": (folder / "pictures" / name).read_bytes()[600:680] for name in names}
    return (
        pictures
        | {f"{name} name": name.encode() for name in names}
        | {f"{name} feature": features[name] for name in names}
    )


def missing(data: Path, expected: dict[str, bytes]) -> list[str]:
    """The words of what no file below the folder holds."""
    left = dict(expected)
    for path in data.rglob("*"):
        if path.is_file() and left:
            content = path.read_bytes()
            left = {word: part for word, part in left.items() if part not in content}
    return sorted(left)

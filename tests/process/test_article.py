"""The article's transcripts run as they stand, on the embedded server with its service and the real models."""

import json
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from open_analytic.config import Settings
from tests.process.runner import REPOSITORY, Cli, make

pytestmark = pytest.mark.models

IMAGES = REPOSITORY / "tests" / "data" / "image_search.sql"
FACES = REPOSITORY / "tests" / "data" / "face_search.sql"
CATALOGUE = "SELECT (SELECT count(*) FROM open_analytic.pipelines), to_regclass('image_search_table')"
INSERT = """
INSERT INTO image_search_table (image_name, image_data, feature)
SELECT name, data, open_analytic.embed('general_feature_extractor', data)
FROM (VALUES ('coffee.jpg', pg_read_binary_file('coffee.jpg')), ('astronaut.jpg', pg_read_binary_file('astronaut.jpg')))
     AS files (name, data);
"""
PICTURES = """
CREATE TABLE image_search_table (image_name text PRIMARY KEY, image_data bytea NOT NULL);
INSERT INTO image_search_table
SELECT name, pg_read_binary_file(name) FROM unnest('{one.jpg,mirrored.jpg,stranger.jpg}'::text[]) AS name;
"""


@pytest.fixture
def cli(tmp_path: Path, settings: Settings) -> Cli:
    """A newcomer's command line, with the models that were pulled already."""
    cli = make(tmp_path, tmp_path, OPEN_ANALYTIC_MODELS_DIR=str(settings.models_dir.resolve()))
    cli("pipeline", "list")
    return cli


def give(cli: Cli, name: str, picture: Image.Image) -> None:
    """Put a picture where the server reads a file without a folder: its data folder, open to the server's account."""
    file = cli.folder / ".open_analytic" / "data" / name
    picture.save(file)
    file.chmod(0o644)


def psql(cli: Cli, statement: str) -> str:
    return cli("db", "psql", "--", "-X", "-At", "-c", statement).out.strip()


def rows(out: str) -> list[tuple[str, float]]:
    """Name and distance of what the last statement gave."""
    return [(row["image_name"], row["distance"]) for row in json.loads(out.splitlines()[-1])]


def stranger() -> Image.Image:
    """The first face of skimage's sample of LFW, 25 pixels wide, enlarged so that it is found."""
    face = Image.fromarray((data.lfw_subset()[0] * 255).astype("uint8"))
    return face.resize((200, 200), Image.Resampling.BICUBIC).convert("RGB")


def test_image_search_finds_the_picture(cli: Cli) -> None:
    cat = Image.fromarray(data.chelsea())
    give(cli, "one.jpg", cat)
    give(cli, "query.jpg", cat.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    give(cli, "coffee.jpg", Image.fromarray(data.coffee()))
    give(cli, "astronaut.jpg", Image.fromarray(data.astronaut()))

    text = cli("sql", IMAGES, "--explain").out
    assert "CREATE INDEX ON image_search_table USING hnsw (feature vector_l2_ops) WITH (ef_construction = 200);" in text
    assert psql(cli, CATALOGUE) == "0|"

    ((name, distance),) = rows(cli("sql", IMAGES, "--json").out)
    assert (name, distance < 0.5) == ("one.jpg", True)
    search = IMAGES.read_text("utf-8").rpartition("\n\n")[2]
    assert search.startswith("SELECT image_name")
    hits = rows(cli("sql", "-", "--json", text=INSERT + search).out)
    assert hits[0] == (name, distance)
    assert hits[1][1] > 1
    assert {name for name, _ in hits} == {"one.jpg", "coffee.jpg", "astronaut.jpg"}


def test_face_search_finds_the_person_once_its_dim_is_the_pipelines(cli: Cli) -> None:
    person = Image.fromarray(data.astronaut())
    give(cli, "one.jpg", person)
    give(cli, "mirrored.jpg", person.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    give(cli, "stranger.jpg", stranger())
    cli("sql", "-", text=PICTURES)

    refused = cli("sql", FACES, "--json", code=3).error
    assert refused == {
        "type": "UntranslatableStatement",
        "sqlstate": "OA021",
        "message": "Statement 6 (line 15, CREATE INDEX face_feature_index ON ...): face_search_table.feature would have"
        " dim 512, but the pipeline face_feature_extractor gives 128 numbers.",
        "hint": "Write WITH (dim = 128).",
    }
    assert psql(cli, CATALOGUE) == "0|image_search_table"

    script = FACES.read_text("utf-8").replace("dim = 512", "dim = 128")
    assert "dim = 128" in cli("sql", "-", "--explain", text=script).out
    assert psql(cli, CATALOGUE) == "0|image_search_table"
    hits = rows(cli("sql", "-", "--json", text=script).out)
    assert [name for name, _ in hits] == ["one.jpg", "mirrored.jpg", "stranger.jpg"]
    itself, same, other = (distance for _, distance in hits)
    assert (itself, same < 0.6 < other) == (0, True)  # dlib calls two faces one person up to 0.6

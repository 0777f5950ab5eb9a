"""Databases of every delivered state open, upgrade and answer as before: dumps of them stand beside this file.

Each holds one pipeline, a collection of three pictures with an index, and, from the version on that had them, a
calibration and clusters. The name of a file is the commit it was made with.
"""

import hashlib
import io
import subprocess
from pathlib import Path

import psycopg
import pytest
from PIL import Image
from psycopg.conninfo import make_conninfo

import open_analytic
from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.store import schema
from tests.database.test_schema import EXPECTED, dump

HERE = Path(__file__).parent
STATES = {"f7b69ca": "0001", "05813da": "0006", "8387894": "0012", "ca31806": "0012", "666c055": "0012"}
WITH_CLUSTERS = ("8387894", "ca31806", "666c055")

# Distances to 1.jpg, by the vectors that are stored.
HITS = [("1.jpg", 0.0), ("2.jpg", 0.4551), ("0.jpg", 0.6572)]
SEARCH = """
SELECT name, round(distance::numeric, 4)::float8
FROM open_analytic.search('photos', (SELECT feature::vector FROM photos WHERE image_name = '1.jpg'), 3)
"""

states = pytest.mark.parametrize("commit", STATES)


def picture() -> bytes:
    """A picture that is in none of the dumps."""
    stripes = Image.new("RGB", (64, 48), "white")
    for x in range(0, 64, 8):
        stripes.paste((10, 120, 60), (x, 0, x + 4, 48))
    stripes.save(data := io.BytesIO(), "PNG")
    return data.getvalue()


# Roles belong to the server: a dump of a database does not have them.
ROLES = """
DO $$
BEGIN
    CREATE ROLE open_analytic_user;
    CREATE ROLE open_analytic_admin IN ROLE open_analytic_user;
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$
"""


def restore(server: embedded.Server, dsn: str, commit: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(ROLES)
    command = [str(server.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn]
    subprocess.run([*command, "-f", str(HERE / f"{commit}.sql")], check=True, capture_output=True)


@states
def test_upgrades_to_the_schema_written_down(server: embedded.Server, empty_dsn: str, commit: str) -> None:
    restore(server, empty_dsn, commit)
    assert schema.current(empty_dsn) == STATES[commit]
    schema.upgrade(empty_dsn)
    schema.check(empty_dsn)
    assert dump(server, empty_dsn) == EXPECTED.read_text(encoding="utf-8")


@states
def test_searches_clusters_and_calibrations_answer_as_before(
    server: embedded.Server, empty_dsn: str, settings: Settings, commit: str
) -> None:
    restore(server, empty_dsn, commit)
    schema.upgrade(empty_dsn)
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute(SEARCH).fetchall() == HITS
        clusters = connection.execute("SELECT cluster_id, name FROM open_analytic.clusters('photos')").fetchall()
    assert clusters == ([(1, "1.jpg"), (1, "2.jpg")] if commit in WITH_CLUSTERS else [])
    with open_analytic.connect(empty_dsn, settings=settings) as db:
        photos = db.collection("photos")
        assert (photos.recall_curve() is not None) == (commit in WITH_CLUSTERS)
        assert photos.values("district") == ["A", "B"]


@states
@pytest.mark.models
def test_an_import_adds_and_finds(
    server: embedded.Server, empty_dsn: str, settings: Settings, tmp_path: Path, commit: str
) -> None:
    restore(server, empty_dsn, commit)
    schema.upgrade(empty_dsn)
    with psycopg.connect(empty_dsn) as connection:
        rows = connection.execute("SELECT image_name, image_data FROM photos").fetchall()
    (tmp_path / "new.png").write_bytes(picture())
    for name, data in rows:
        (tmp_path / name).write_bytes(data)
    with open_analytic.connect(empty_dsn, settings=settings) as db:
        photos = db.collection("photos")
        report = photos.import_files(tmp_path)
        hits = photos.search(picture(), k=1)
    assert (report.added, report.updated, report.unchanged) == (1, 0, 3)
    assert [hit.name for hit in hits] == ["new.png"]


@states
def test_an_embedded_database_upgrades_when_it_is_opened(tmp_path: Path, settings: Settings, commit: str) -> None:
    home = tmp_path / "home"
    with embedded.start(home) as server:
        restore(server, server.dsn, commit)
    with open_analytic.connect(home=home) as db, psycopg.connect(db.dsn) as connection:
        assert connection.execute(SEARCH).fetchall() == HITS


@states
def test_a_view_of_a_user_is_kept_or_named(server: embedded.Server, empty_dsn: str, commit: str) -> None:
    """One over the collection is kept in every case, with what it gives."""
    restore(server, empty_dsn, commit)
    view = "CREATE VIEW names AS SELECT image_name, pipeline_version FROM photos"
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute(view)
        before = connection.execute("SELECT * FROM names ORDER BY image_name").fetchall()
        schema.upgrade(empty_dsn)
        assert connection.execute("SELECT * FROM names ORDER BY image_name").fetchall() == before


def test_a_view_over_create_collection_does_not_block(server: embedded.Server, empty_dsn: str) -> None:
    """The form with ``exist_ok`` is a function beside the first one, which stays."""
    restore(server, empty_dsn, "666c055")
    view = "CREATE VIEW makes AS SELECT open_analytic.create_collection('more', 'mean_colour') AS made"
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute(view)
        before = connection.execute("SELECT pg_get_viewdef('makes'::regclass)").fetchall()
        schema.upgrade(empty_dsn)
        schema.check(empty_dsn)
        assert connection.execute("SELECT pg_get_viewdef('makes'::regclass)").fetchall() == before


def test_dumps_are_as_they_were_made() -> None:
    """Their hashes: a dump that is edited no longer shows what was delivered."""
    listed = dict(line.split()[::-1] for line in (HERE / "dumps.txt").read_text(encoding="utf-8").splitlines())
    assert {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in HERE.glob("*.sql")} == listed


def test_two_databases_of_different_states_upgrade_on_one_server(server: embedded.Server) -> None:
    names = {"05813da": "delivered_2", "8387894": "delivered_3"}
    for commit, name in names.items():
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        dsn = make_conninfo(server.dsn, dbname=name)
        restore(server, dsn, commit)
        schema.upgrade(dsn)
        schema.check(dsn)

"""The commands of docs/backup.md run as they stand, and what they restore answers as the original."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import open_analytic
from open_analytic import embedded
from open_analytic.config import Settings
from tests import homes
from tests.databases import clone, database

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "backup.md").read_text("utf-8")
EMBEDDED, OWN = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
VECTORS = [("anna1", [1.0, 0, 0, 0]), ("anna2", [1.0, 0.1, 0, 0]), ("bob1", [0, 1.0, 0, 0]), ("bob2", [0, 1.0, 0.1, 0])]

MAKE = """
SELECT open_analytic._make_collection(
    'people', 4, 'l2', false, '{"place": "text"}', NULL, NULL, '{}', false, 'public')
"""

# What the answers of a database are: clusters with their ids, hits, the index that was measured, rights.
ANSWERS = """
SELECT (SELECT json_agg(c ORDER BY c.cluster_id, c.name) FROM open_analytic.clusters('people') AS c),
       (SELECT json_agg(s.name ORDER BY s.distance) FROM open_analytic.search('people', '[1,0,0,0]'::vector, 4) AS s),
       (SELECT index_name FROM open_analytic.calibrations),
       (SELECT json_agg(json_build_object('name', table_name, 'id', id)) FROM open_analytic.current_collections),
       has_table_privilege('open_analytic_user', 'people', 'INSERT'),
       (SELECT count(*) FROM pg_indexes WHERE tablename = 'people' AND indexdef LIKE '%WHERE%')
"""


def fill(db: open_analytic.OpenAnalytic) -> None:
    with psycopg.connect(db.dsn) as connection:
        connection.execute(MAKE)
    people = db.collection("people")
    people.import_vectors([(name, vector, {"place": "A"}) for name, vector in VECTORS])
    people.create_index()
    people.measure_index()
    people.cluster(max_distance=0.5)
    people.delete(["anna1", "anna2"])  # Anna's id is given to nobody else, also not after a restore
    people.cluster(max_distance=0.5)
    with psycopg.connect(db.dsn) as connection:
        connection.execute(
            "CREATE INDEX ON people USING hnsw (feature halfvec_l2_ops) WHERE place OPERATOR(pg_catalog.=) 'A'"
        )


@pytest.fixture(scope="module")
def people(server: embedded.Server, template: str, settings: Settings) -> str:
    """The DSN of a filled database, to copy."""
    dsn = database(server, template)
    with open_analytic.connect(dsn, settings=settings) as db:
        fill(db)
    return dsn


@pytest.fixture
def dsn(server: embedded.Server, people: str) -> Iterator[str]:
    with clone(server, people) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled home in which nothing runs, to copy."""
    home = homes.copy(homes.migrated(tmp_path_factory.getbasetemp()), tmp_path_factory.mktemp("people") / "home")
    with open_analytic.connect(home=home) as db:
        fill(db)
    embedded.stop(home)
    return home


@pytest.fixture
def before(filled_home: Path, tmp_path: Path) -> object:
    """A copy of it in the folder of the test, and what it answers."""
    with open_analytic.connect(home=homes.copy(filled_home, tmp_path / ".open_analytic")) as db:
        return answers(db.dsn)


def answers(dsn: str) -> object:
    with psycopg.connect(dsn) as connection:
        return connection.execute(ANSWERS).fetchone()


def next_cluster(dsn: str, settings: Settings) -> list[int]:
    with open_analytic.connect(dsn, settings=settings) as db:
        people = db.collection("people")
        people.import_vectors([("carl1", [0, 0, 1.0, 0], None), ("carl2", [0, 0, 1.0, 0.1], None)])
        return [cluster.id for cluster in people.cluster(max_distance=0.5).clusters]


def shell(commands: str, folder: Path, server: embedded.Server, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPEN_ANALYTIC_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), str(server.bin), environment["PATH"]])
    environment |= {"PATH": path, "OPEN_ANALYTIC_SERVICE_START": "0"} | variables
    done = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_embedded_database_is_restored_into_a_new_home(
    server: embedded.Server, tmp_path: Path, settings: Settings, before: object
) -> None:
    assert "people" in shell(EMBEDDED, tmp_path, server)
    with embedded.start(tmp_path / "restored") as restored:
        assert answers(restored.dsn) == before
        assert next_cluster(restored.dsn, settings) == [2, 3]


def test_a_backup_overwrites_nothing(server: embedded.Server, tmp_path: Path, before: object) -> None:
    shell("open-analytic db backup album.dump", tmp_path, server)
    with pytest.raises(AssertionError, match="is there already"):
        shell("open-analytic db backup album.dump", tmp_path, server)
    with pytest.raises(AssertionError, match="has collections: people"):
        shell("open-analytic db restore album.dump", tmp_path, server)
    with embedded.start(tmp_path / ".open_analytic") as there:
        assert answers(there.dsn) == before


PLAIN = """
pg_dump --file=pictures.sql "$OPEN_ANALYTIC_DSN"
psql -X -v ON_ERROR_STOP=1 "$RESTORED_DSN" --file=pictures.sql
open-analytic --dsn "$RESTORED_DSN" db check
"""
DIRECTORY = """
pg_dump --format=directory --file=pictures "$OPEN_ANALYTIC_DSN"
pg_restore --exit-on-error --dbname="$RESTORED_DSN" pictures
open-analytic --dsn "$RESTORED_DSN" db check
"""


@pytest.mark.parametrize("commands", [OWN, PLAIN, DIRECTORY], ids=["custom", "plain", "directory"])
def test_a_server_of_ones_own(
    dsn: str, server: embedded.Server, tmp_path: Path, settings: Settings, commands: str
) -> None:
    restored = make_conninfo(database(server))
    roles = re.compile(r'psql "\$RESTORED_DSN" -c "CREATE ROLE.*?\n(?=pg_restore)', re.DOTALL)  # they are there
    shell(roles.sub("", commands), tmp_path, server, OPEN_ANALYTIC_DSN=dsn, RESTORED_DSN=restored)
    assert answers(restored) == answers(dsn)
    assert next_cluster(restored, settings) == [2, 3]


def test_another_server_without_our_roles(dsn: str, server: embedded.Server, tmp_path: Path) -> None:
    with embedded.start(tmp_path / "another") as another:  # PostgreSQL alone: no schema, no roles
        shell(OWN, tmp_path, server, OPEN_ANALYTIC_DSN=dsn, RESTORED_DSN=another.dsn)
        assert answers(another.dsn) == answers(dsn)

"""A collection is known by what its table carries: it stays one when the table is renamed, moved or copied."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from open_analytic import OpenAnalytic
from open_analytic.errors import UnknownCollection
from open_analytic.store import schema
from tests.database.test_schema import execute

MAKE = "SELECT open_analytic._make_collection(%s, 4, 'l2', false, '{}', NULL, NULL, '{}', false, 'public')"
VECTORS = [("a", [1.0, 0, 0, 0], None), ("b", [1.0, 0.1, 0, 0], None), ("c", [0, 1.0, 0, 0], None)]


def make(db: OpenAnalytic, name: str) -> None:
    with psycopg.connect(db.dsn) as connection:
        connection.execute(MAKE, [name])


@pytest.fixture
def people(db: OpenAnalytic) -> OpenAnalytic:
    """A database with one collection: three rows, an index, a calibration, clusters."""
    make(db, "people")
    people = db.collection("people")
    people.import_vectors(VECTORS)
    people.create_index()
    people.measure_index()
    people.cluster(max_distance=0.5)
    return db


def names(db: OpenAnalytic) -> list[str]:
    return [info.name for info in db.collections()]


def clusters(db: OpenAnalytic, name: str) -> list[list[str]]:
    statement = """
        SELECT array_agg(name ORDER BY name) FROM open_analytic.clusters(%s::regclass)
        GROUP BY cluster_id ORDER BY cluster_id
    """
    schema_name, _, table = name.rpartition(".")
    with psycopg.connect(db.dsn) as connection:
        place = sql.Identifier(*filter(None, (schema_name, table))).as_string(connection)
        return [row[0] for row in connection.execute(statement, [place])]


@pytest.fixture
def impostor(people: OpenAnalytic) -> Iterator[str]:
    """A role that can run pipelines and create tables in a schema of its own, and can do nothing else."""
    execute(
        people.dsn, "CREATE ROLE impostor LOGIN IN ROLE open_analytic_user; CREATE SCHEMA theirs AUTHORIZATION impostor"
    )
    yield "impostor"
    execute(people.dsn, "DROP OWNED BY impostor CASCADE; DROP ROLE impostor")


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("ALTER TABLE people RENAME TO friends", "friends"),
        ("CREATE SCHEMA archive; ALTER TABLE people SET SCHEMA archive", "archive.people"),
        ('ALTER TABLE people RENAME TO "Odd %I name"', "Odd %I name"),
        ("ALTER TABLE people RENAME TO friends; CREATE TABLE people (image_name text)", "friends"),
    ],
    ids=["renamed", "moved", "odd", "old name taken"],
)
def test_a_table_under_another_name_is_the_same_collection(people: OpenAnalytic, statement: str, name: str) -> None:
    execute(people.dsn, statement)
    assert names(people) == [name]
    collection = people.collection(name)
    assert [hit.name for hit in collection.search([1.0, 0, 0, 0], k=2)] == ["a", "b"]
    assert clusters(people, name) == [["a", "b"]]
    assert collection.recall_curve() is not None
    collection.import_vectors([("d", [1.0, 0.2, 0, 0], None)])
    collection.measure_index()
    collection.cluster(max_distance=0.5)
    assert clusters(people, name) == [["a", "b", "d"]]
    with pytest.raises(UnknownCollection):
        people.collection("people")


def test_the_old_name_is_free(people: OpenAnalytic) -> None:
    execute(people.dsn, "ALTER TABLE people RENAME TO friends")
    make(people, "people")
    assert sorted(names(people)) == ["friends", "people"]
    assert clusters(people, "people") == []
    assert clusters(people, "friends") == [["a", "b"]]


def test_two_collections_change_names(people: OpenAnalytic) -> None:
    make(people, "others")
    for old, new in (("people", "passing"), ("others", "people"), ("passing", "others")):
        execute(people.dsn, f"ALTER TABLE {old} RENAME TO {new}")
    make(people, "third")  # records the names
    assert sorted(names(people)) == ["others", "people", "third"]
    assert clusters(people, "others") == [["a", "b"]]
    assert clusters(people, "people") == []


def test_a_renamed_collection_is_dropped_whole(people: OpenAnalytic) -> None:
    execute(people.dsn, "ALTER TABLE people RENAME TO friends")
    people.drop_collection("friends")
    assert names(people) == []
    with psycopg.connect(people.dsn) as connection:
        left = connection.execute(
            "SELECT (SELECT count(*) FROM open_analytic.collections), (SELECT count(*) FROM open_analytic.clusterings)"
        ).fetchone()
    assert left == (0, 0)


def test_a_copy_of_the_table_is_no_collection(people: OpenAnalytic) -> None:
    """LIKE copies constraints: the table under the recorded name is the one that counts."""
    execute(people.dsn, "CREATE TABLE copy (LIKE people INCLUDING ALL)")
    assert names(people) == ["people"]
    with psycopg.connect(people.dsn) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute("SELECT open_analytic.clusters('copy')")
    assert caught.value.sqlstate == "OA006"


def test_a_table_rewritten_by_hand_is_known_by_its_name(people: OpenAnalytic) -> None:
    execute(
        people.dsn, "CREATE TABLE rewritten AS TABLE people; DROP TABLE people; ALTER TABLE rewritten RENAME TO people"
    )
    assert names(people) == ["people"]


def test_no_other_role_takes_the_place_of_a_dropped_table(people: OpenAnalytic, impostor: str) -> None:
    """The constraint can be read and written by any role: on a table of such a role it counts for nothing."""
    with psycopg.connect(people.dsn, autocommit=True) as connection:
        (mark,) = connection.execute("SELECT open_analytic._mark(id) FROM open_analytic.collections").fetchone() or (
            "",
        )
        connection.execute("DROP TABLE people")
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(impostor)))
        statement = (
            "CREATE TABLE theirs.people (image_name text, feature halfvec(4), CONSTRAINT {} CHECK (true));"
            "GRANT ALL ON SCHEMA theirs TO PUBLIC; GRANT ALL ON theirs.people TO PUBLIC"
        )
        connection.execute(sql.SQL(statement).format(sql.Identifier(mark)))
        seen = connection.execute("SELECT count(*) FROM open_analytic.cluster_members").fetchone()
        connection.execute("RESET ROLE")
    assert (names(people), seen) == ([], (0,))


def test_an_upgrade_marks_the_tables_that_were_made_before(people: OpenAnalytic) -> None:
    schema.downgrade(people.dsn, "0012")
    with psycopg.connect(people.dsn) as connection:
        marks = r"SELECT count(*) FROM pg_constraint WHERE conname ~ '^open_analytic_[0-9a-f]{32}$'"
        before = connection.execute(marks).fetchone()
    schema.upgrade(people.dsn)
    execute(people.dsn, "ALTER TABLE people RENAME TO friends")
    assert before == (0,)
    assert names(people) == ["friends"]
    assert clusters(people, "friends") == [["a", "b"]]

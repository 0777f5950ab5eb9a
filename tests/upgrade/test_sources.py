"""Collections of earlier versions get the column source, where that is possible; all of them go on as before."""

from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

import open_analytic
from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.store import schema
from tests.upgrade.test_delivered import restore


def catalogue(dsn: str) -> dict[str, bool]:
    with psycopg.connect(dsn) as connection:
        return dict(connection.execute("SELECT table_name, has_source FROM open_analytic.collections").fetchall())


def test_old_rows_have_an_unknown_source(server: embedded.Server, empty_dsn: str, settings: Settings) -> None:
    restore(server, empty_dsn, "666c055")
    schema.upgrade(empty_dsn)
    assert catalogue(empty_dsn) == {"photos": True}
    with open_analytic.connect(empty_dsn, settings=settings) as db:
        photos = db.collection("photos")
        assert photos.info.has_source
        assert {row.source for row in photos} == {None}


def test_a_users_column_stays_the_users(server: embedded.Server, empty_dsn: str, settings: Settings) -> None:
    restore(server, empty_dsn, "666c055")
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE photos ADD source text DEFAULT 'mine'")
    schema.upgrade(empty_dsn)
    assert catalogue(empty_dsn) == {"photos": False}
    with open_analytic.connect(empty_dsn, settings=settings) as db:
        photos = db.collection("photos")
        assert "source" in photos.info.columns
        assert {row.row["source"] for row in photos} == {"mine"}


def test_a_column_of_ours_is_known_again_after_a_downgrade(server: embedded.Server, empty_dsn: str) -> None:
    restore(server, empty_dsn, "666c055")
    schema.upgrade(empty_dsn)
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("UPDATE photos SET source = '/a'")
    schema.downgrade(empty_dsn, "0013")
    schema.upgrade(empty_dsn)
    assert catalogue(empty_dsn) == {"photos": True}
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT DISTINCT source FROM photos").fetchall() == [("/a",)]


def test_a_table_that_may_not_be_altered_works_as_before(server: embedded.Server, empty_dsn: str) -> None:
    """The role that upgrades owns the schema, and is not a member of the role that owns the table."""
    restore(server, empty_dsn, "666c055")
    name = "upgrades_only"
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")
    try:
        revision = Path(schema.__file__).parents[2] / "migrations" / "sql" / "0014_source.up.sql"
        schema.upgrade(empty_dsn, "0013")
        with psycopg.connect(empty_dsn, autocommit=True) as connection:
            connection.execute(f"GRANT USAGE ON SCHEMA open_analytic TO {name}")
            connection.execute(f"ALTER TABLE open_analytic.collections OWNER TO {name}")
        with psycopg.connect(make_conninfo(empty_dsn, user=name), autocommit=True) as connection:
            notices: list[str] = []
            connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
            connection.execute(revision.read_text(encoding="utf-8"))
        assert notices == [message for message in notices if "cannot get the column source" in message] != []
        assert catalogue(empty_dsn) == {"photos": False}
    finally:
        with psycopg.connect(empty_dsn, autocommit=True) as connection:
            connection.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}")

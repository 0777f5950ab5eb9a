"""The index: built beside other work, told of, built anew, and never left half made."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psycopg
import pytest

from open_analytic.config import Settings
from open_analytic.embedded import Server
from open_analytic.errors import BadParameter, DatabaseError, PermissionDenied, UnknownCollection
from open_analytic.store import collections, indexes, rows, tables
from open_analytic.store.connection import Connection, Database, connect
from open_analytic.types import CollectionInfo, Feature, Metric, Progress, Row
from tests.database.conftest import OpenDatabase
from tests.database.filled import Original
from tests.databases import clone
from tests.databases import database as new_database

ROWS = 3000


def definitions(database: Database, table: str = "photos") -> list[str]:
    with database.transaction() as connection:
        cursor = connection.execute(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass AND NOT indisprimary",
            [table],
        )
        return [definition for (definition,) in cursor]


@pytest.fixture(scope="module")
def originals(server: Server, template: str, settings: Settings) -> tuple[Original, Original]:
    """A collection, empty and with rows, in databases that every test gets a copy of."""
    database = OpenDatabase(new_database(server, template), settings)
    with database.transaction() as connection:
        info = collections.make(connection, tables.Shape(name="photos", dim=64))
    database.close()
    full = OpenDatabase(new_database(server, database.dsn), settings)
    write(full, info)
    full.close()
    return Original(database.dsn, info), Original(full.dsn, info)


@pytest.fixture
def dsn(server: Server, originals: tuple[Original, Original], request: pytest.FixtureRequest) -> Iterator[str]:
    with clone(server, originals["filled" in request.fixturenames].dsn) as dsn:
        yield dsn


@pytest.fixture
def empty(originals: tuple[Original, Original]) -> CollectionInfo:
    return originals[0].info


@pytest.fixture
def filled(originals: tuple[Original, Original]) -> CollectionInfo:
    return originals[1].info


def write(database: Database, info: CollectionInfo) -> None:
    vectors = np.random.default_rng(3).standard_normal((ROWS, 64)).astype(np.float32)
    with database.transaction() as connection:
        rows.write(connection, info, [Row(name=str(n), features=(Feature(vector=v),)) for n, v in enumerate(vectors)])


def state(database: Database, info: CollectionInfo) -> str:
    with database.transaction() as connection:
        return indexes.state(connection, info)


def test_an_index_is_made_used_and_dropped(database: Database, filled: CollectionInfo) -> None:
    assert state(database, filled) == "absent"
    indexes.create(database, filled, m=8, ef_construction=32)
    assert state(database, filled) == "ready"
    assert definitions(database) == [
        "CREATE INDEX photos_feature_idx ON public.photos USING hnsw (feature halfvec_l2_ops)"
        " WITH (m='8', ef_construction='32')"
    ]
    indexes.drop(database, filled)
    assert state(database, filled) == "absent"
    indexes.drop(database, filled)


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
def test_the_operators_fit_the_metric(database: Database, metric: Metric) -> None:
    with database.transaction() as connection:
        info = collections.make(connection, tables.Shape(name='Odd "%s" 名', dim=3, metric=metric))
    indexes.create(database.dsn, info)
    (definition,) = definitions(database, '"Odd ""%s"" 名"')
    assert f"halfvec_{metric}_ops" in definition
    assert state(database, info) == "ready"


def test_an_index_again_is_built_anew(database: Database, filled: CollectionInfo) -> None:
    indexes.create(database, filled)
    indexes.create(database, filled, m=4, ef_construction=16)
    (definition,) = definitions(database)
    assert "m='4'" in definition


def test_progress_is_told(database: Database, filled: CollectionInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "POLL_S", 0.005)
    steps: list[Progress] = []
    indexes.create(database, filled, ef_construction=200, progress=steps.append)
    assert steps
    assert {(step.what, step.total) for step in steps} == {("index", ROWS)}
    assert [step.done for step in steps] == sorted(step.done for step in steps)


def test_a_left_over_is_replaced(database: Database, filled: CollectionInfo) -> None:
    with database.transaction() as connection:
        connection.execute("CREATE INDEX left_over ON photos USING hnsw (feature halfvec_l2_ops)")
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'left_over'::regclass")
    assert state(database, filled) == "invalid"
    indexes.create(database, filled)
    assert state(database, filled) == "ready"
    assert ["left_over" in definition for definition in definitions(database)] == [False]


class Interrupted(BaseException):
    """What Ctrl-C is to a program."""


@pytest.mark.parametrize("kind", [Interrupted, KeyError])
def test_an_interrupted_build_leaves_nothing(
    database: Database, filled: CollectionInfo, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "POLL_S", 0.005)

    def interrupt(_: Progress) -> None:
        raise kind

    with pytest.raises(kind):
        indexes.create(database, filled, m=48, ef_construction=400, progress=interrupt)
    assert (state(database, filled), definitions(database)) == ("absent", [])


def test_a_build_that_is_killed_can_be_run_again(database: Database, filled: CollectionInfo) -> None:
    def kill(_: Progress) -> None:
        with connect(database.dsn, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index")

    with pytest.raises(DatabaseError):
        indexes.create(database, filled, m=48, ef_construction=800, progress=kill)
    indexes.create(database, filled)
    assert (state(database, filled), len(definitions(database))) == ("ready", 1)


def test_who_build_at_once_build_one(database: Database, filled: CollectionInfo) -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: indexes.create(database, filled), range(3)))
    assert (state(database, filled), len(definitions(database))) == ("ready", 1)


BUILDER = """
import sys
from open_analytic.store import collections, indexes
from open_analytic.store.connection import connect
with connect(sys.argv[1]) as connection:
    info = collections.get(connection, "photos")
indexes.create(sys.argv[1], info, m=48, ef_construction=1000)
"""


def builds(database: Database) -> int:
    with database.transaction() as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_progress_create_index").fetchone()
    assert row
    return int(row[0])


def eventually(holds: Callable[[], bool], patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_build_of_a_client_that_was_killed_ends(database: Database, filled: CollectionInfo) -> None:
    indexes.create(database, filled, m=8, ef_construction=32)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO public.photos (image_name, feature) SELECT 'more ' || n || image_name, feature"
            " FROM public.photos, generate_series(1, 5) AS n"
        )
    with subprocess.Popen([sys.executable, "-c", BUILDER, database.dsn]) as builder:
        eventually(lambda: builds(database) == 1)
        builder.kill()
    eventually(lambda: builds(database) == 0)
    with database.transaction() as connection:
        valid = connection.execute(
            "SELECT c.reloptions FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid"
            " WHERE indrelid = 'public.photos'::regclass AND indisvalid AND NOT indisprimary"
        ).fetchall()
    assert valid == [(["m=8", "ef_construction=32"],)]
    indexes.create(database, filled, m=8, ef_construction=32)
    assert (state(database, filled), len(definitions(database))) == ("ready", 1)


def test_who_waits_drops_exact_copies_and_nothing_else(database: Database, filled: CollectionInfo) -> None:
    statement = "CREATE INDEX {} ON public.photos USING hnsw (feature {}) WITH (m = {}, ef_construction = 32)"
    opclass = indexes.OPCLASSES[filled.metric]
    with connect(database.dsn, autocommit=True) as connection:
        connection.execute(f"SET search_path = public, {connection.extension}")
        for name, m in (("", 8), ("", 8), ("", 16), ("of_a_user", 8), ("photos_feature_idx_old", 8)):
            connection.execute(statement.format(name, opclass, m))
        assert indexes.lock(connection, filled)
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(indexes.create, database, filled, progress=lambda _: release(connection))
            waiting.result(60)
    with database.transaction() as reading:
        names = reading.execute("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%hnsw%' ORDER BY 1").fetchall()
    assert names == [("of_a_user",), ("photos_feature_idx",), ("photos_feature_idx2",), ("photos_feature_idx_old",)]


def release(connection: Connection) -> None:
    """Stop being the one who builds, once."""
    if not connection.closed:
        connection.close()


def test_searches_and_imports_go_on_meanwhile(
    database: Database, filled: CollectionInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "POLL_S", 0.005)
    seen: set[str] = set()
    written = threading.Event()

    def meanwhile(_: Progress) -> None:
        seen.add(state(database, filled))
        if not written.is_set():
            written.set()
            with database.transaction() as connection:
                rows.write(connection, filled, [Row(name="new", features=(Feature(vector=np.ones(64, np.float32)),))])

    indexes.create(database, filled, ef_construction=200, progress=meanwhile)
    assert "building" in seen
    with database.transaction() as connection:
        assert collections.count(connection, filled) == (ROWS + 1, ROWS + 1)


def test_without_shared_memory_it_is_built_alone(
    database: Database, filled: CollectionInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = indexes._run, []

    def full_at_first(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise psycopg.errors.DiskFull("could not resize shared memory segment")
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(indexes, "_run", full_at_first)
    indexes.create(database, filled)
    assert (len(calls), state(database, filled)) == (2, "ready")


def test_a_graph_that_dev_shm_cannot_hold_is_built_alone(
    database: Database, filled: CollectionInfo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with database.transaction() as connection:
        connection.execute("ALTER TABLE photos SET (parallel_workers = 1)")
        if connection.execute("SHOW dynamic_shared_memory_type").fetchone() != ("posix",):
            pytest.skip("the server uses files for shared memory; filling the disk is no test")
    room = os.statvfs("/dev/shm")  # noqa: S108 - only asked for its size
    for bound in ("LEAST_BYTES", "MOST_BYTES"):
        monkeypatch.setattr(indexes, bound, 2 * room.f_blocks * room.f_frsize)
    caplog.set_level(logging.INFO)
    indexes.create(database, filled)
    assert "no shared memory for parallel workers" in caplog.text
    assert (state(database, filled), len(definitions(database))) == ("ready", 1)


@pytest.mark.parametrize(("m", "ef_construction"), [(1, 64), (101, 500), (16, 31), (16, 1001)])
def test_sizes_pgvector_does_not_take_are_named(
    database: Database, empty: CollectionInfo, m: int, ef_construction: int
) -> None:
    with pytest.raises(BadParameter, match=f"{m}|{ef_construction}"):
        indexes.create(database, empty, m=m, ef_construction=ef_construction)


def test_a_table_that_is_gone_is_said_to_be(database: Database, empty: CollectionInfo) -> None:
    with database.transaction() as connection:
        connection.execute("DROP TABLE photos")
    calls: list[Callable[[], object]] = [lambda: state(database, empty), lambda: indexes.create(database, empty)]
    for call in calls:
        with pytest.raises(UnknownCollection):
            call()


def test_only_the_owner_builds(database: Database, empty: CollectionInfo) -> None:
    with database.transaction() as connection:
        connection.execute("CREATE ROLE mere_user LOGIN IN ROLE open_analytic_user")
    try:
        with pytest.raises(PermissionDenied):
            indexes.create(psycopg.conninfo.make_conninfo(database.dsn, user="mere_user"), empty)
    finally:
        with database.transaction() as connection:
            connection.execute("DROP ROLE mere_user")

"""Imports of many rows: the index is dropped on the way and comes back as it was, whatever happens meanwhile."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import psycopg
import pytest

import open_analytic
from open_analytic import Collection
from open_analytic.config import Settings
from open_analytic.embedded import Server
from open_analytic.importer import VectorRow, run
from open_analytic.store import collections, indexes, loading, tables
from open_analytic.store.connection import connect
from open_analytic.types import Progress
from tests.databases import clone, database

LEAST, CHUNK, DIM = 200, 50, 16
ROWS, MORE = 300, 1000  # there before, and of an import that is worth it
INDEXES = (
    "CREATE INDEX mine ON public.photos USING hnsw (feature halfvec_l2_ops) WITH (m='8', ef_construction='200')",
    "CREATE INDEX of_a ON public.photos USING hnsw (feature halfvec_l2_ops) WHERE (district = 'A'::text)",
)
VECTORS = np.random.default_rng(5).standard_normal((10_000, DIM)).astype(np.float32)


def vectors(begin: int, end: int) -> Iterator[VectorRow]:
    return ((str(number), VECTORS[number], None) for number in range(begin, end))


@dataclass(frozen=True)
class Photos:
    """A collection of some rows with an index that is not the usual one, and a partial one beside it."""

    dsn: str
    collection: Collection

    def run(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def indexes(self) -> tuple[str, ...]:
        definitions = self.run(
            "SELECT indexdef FROM pg_indexes WHERE tablename = 'photos' AND indexdef ~ 'hnsw' ORDER BY 1"
        )
        return tuple(str(definition) for (definition,) in definitions)

    def number(self) -> object:
        """What tells an index that stayed from one of the same name."""
        return self.run("SELECT 'mine'::regclass::oid")[0][0]

    def now(self) -> tuple[str, tuple[str, ...], int]:
        return self.collection.index(), self.indexes(), self.collection.count_rows()


@pytest.fixture(scope="module")
def original(server: Server, template: str, settings: Settings) -> str:
    """The DSN of a database with the collection, to copy."""
    dsn = database(server, template)
    with connect(dsn) as connection:
        collections.make(connection, tables.Shape(name="photos", dim=DIM, columns={"district": "text"}))
    with open_analytic.connect(dsn, settings=settings) as db:
        photos = Photos(dsn, db.collection("photos"))
        for statement in reversed(INDEXES):
            photos.run(statement)
        photos.collection.import_vectors(list(vectors(0, ROWS)))
    return dsn


@pytest.fixture
def dsn(server: Server, original: str) -> Iterator[str]:
    with clone(server, original) as dsn:
        yield dsn


@pytest.fixture
def photos(dsn: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Photos]:
    monkeypatch.setattr(loading, "LEAST", LEAST)
    monkeypatch.setattr(run, "CHUNK_VECTORS", CHUNK)
    monkeypatch.setattr(indexes, "POLL_S", 0.01)
    with open_analytic.connect(dsn, settings=settings) as db:
        photos = Photos(dsn, db.collection("photos"))
        assert photos.now() == ("ready", INDEXES, ROWS)
        yield photos


def wait_for(true: Callable[[], bool]) -> None:
    """The writer is one chunk behind who reads the rows."""
    pause = threading.Event()
    for _ in range(1000):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError("It never came true.")


def dropped(photos: Photos) -> bool:
    return photos.indexes() == INDEXES[1:]


def test_many_rows_drop_the_index_and_it_comes_back_as_it_was(photos: Photos) -> None:
    before, progress, seen = photos.number(), list[Progress](), []

    def rows() -> Iterator[VectorRow]:
        yield from vectors(ROWS, ROWS + LEAST + 2 * CHUNK)
        wait_for(lambda: dropped(photos))
        hits = photos.collection.search(VECTORS[ROWS], k=1, target_recall=1)
        seen.append((photos.collection.index(), [hit.name for hit in hits]))
        yield from vectors(ROWS + LEAST + 2 * CHUNK, ROWS + MORE)

    report = photos.collection.import_vectors(rows(), progress=progress.append)
    assert (report.added, seen) == (MORE, [("building", [str(ROWS)])])
    assert photos.now() == ("ready", INDEXES, ROWS + MORE)
    assert photos.number() != before
    assert progress[-1].what == "index"


def test_a_first_import_of_many_rows_builds_the_index(photos: Photos) -> None:
    photos.run("DROP INDEX mine")
    for begin in range(ROWS, ROWS + 5 * LEAST, LEAST):  # its last chunk looks for an index to drop, and is gone
        photos.collection.import_vectors(vectors(begin, begin + LEAST))
        assert photos.collection.index() == "ready"
        photos.run("DROP INDEX photos_feature_idx")


def too_few(photos: Photos) -> Iterator[VectorRow]:
    return vectors(ROWS, ROWS + LEAST - 1)


def no_more_to_come(photos: Photos) -> list[VectorRow]:
    return list(vectors(ROWS, ROWS + 2 * LEAST - 1))


def less_than_a_tenth(photos: Photos) -> Iterator[VectorRow]:
    photos.run("DROP INDEX mine")
    photos.run(
        "INSERT INTO photos (image_name, feature) SELECT 'x' || n, array_fill(n % 100, ARRAY[16])::vector::halfvec"
        f" FROM generate_series(1, {20 * LEAST}) AS n"
    )
    photos.run(INDEXES[0])
    return vectors(ROWS, ROWS + LEAST + CHUNK)


def too_large_for_memory(photos: Photos) -> Iterator[VectorRow]:
    indexes.MOST_BYTES = indexes.graph_bytes(photos.collection.info, ROWS, 8)
    return vectors(ROWS, ROWS + MORE)


def one_of_two(photos: Photos) -> Iterator[VectorRow]:
    photos.run("CREATE INDEX another ON photos USING hnsw (feature halfvec_l2_ops)")
    return vectors(ROWS, ROWS + MORE)


def another_builds(photos: Photos) -> Iterator[VectorRow]:
    with connect(photos.dsn, autocommit=True) as other:
        assert indexes.lock(other, photos.collection.info)
        yield from vectors(ROWS, ROWS + MORE)


@pytest.mark.parametrize(
    "make", [too_few, no_more_to_come, less_than_a_tenth, too_large_for_memory, one_of_two, another_builds]
)
def test_where_it_is_not_worth_it_or_not_ours_the_index_stays(
    photos: Photos, make: Callable[[Photos], Iterator[VectorRow]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "MOST_BYTES", indexes.MOST_BYTES)  # given back after the test
    rows = make(photos)
    before = photos.number()
    report = photos.collection.import_vectors(rows)
    assert (report.failed, photos.number()) == ((), before)


class Interrupted(BaseException):
    """What Ctrl-C is to a program."""


@pytest.mark.parametrize("kind", [Interrupted, KeyError])
def test_an_import_that_ends_early_keeps_its_rows_and_the_next_builds(
    photos: Photos, kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    def rows() -> Iterator[VectorRow]:
        yield from vectors(ROWS, ROWS + MORE)
        wait_for(lambda: dropped(photos))
        raise kind

    with pytest.raises(kind):
        photos.collection.import_vectors(rows())
    state, indexes, count = photos.now()
    assert (state, indexes) == ("absent", INDEXES[1:])
    assert ROWS + MORE - 2 * CHUNK <= count <= ROWS + MORE
    assert "`open-analytic collection index photos --m 8 --ef-construction 200`" in caplog.text

    photos.collection.import_vectors(vectors(ROWS, ROWS + 1))
    assert (photos.collection.index(), len(photos.indexes())) == ("ready", 2)


def test_an_interrupted_build_leaves_the_rows_and_the_next_import_builds(
    photos: Photos, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.what == "index":
            raise Interrupted

    with pytest.raises(Interrupted):
        photos.collection.import_vectors(vectors(ROWS, ROWS + MORE), progress=interrupt)
    assert photos.now() == ("absent", INDEXES[1:], ROWS + MORE)
    assert "was dropped to import faster" in caplog.text
    photos.collection.import_vectors(vectors(0, 1))
    assert (photos.collection.index(), len(photos.indexes())) == ("ready", 2)


@pytest.mark.parametrize("who", ["building", "all of the import"])
def test_lost_connections_lose_no_index(photos: Photos, who: str) -> None:
    """The one that keeps others from building is idle most of the time. Or all of them, as when a server restarts."""
    which = "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')" if who == "building" else "true"

    def rows() -> Iterator[VectorRow]:
        yield from vectors(ROWS, ROWS + LEAST + 2 * CHUNK)
        wait_for(lambda: dropped(photos))
        photos.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
        )
        yield from vectors(ROWS + LEAST + 2 * CHUNK, ROWS + MORE)

    try:
        photos.collection.import_vectors(rows())
    except open_analytic.errors.ConnectionLost:  # the writer was at it
        photos.collection.import_vectors(vectors(ROWS, ROWS + MORE))
        assert photos.collection.index() == "ready"
    else:
        assert photos.indexes() == INDEXES
    assert photos.collection.count_rows() == ROWS + MORE


def test_who_reads_for_long_is_not_waited_for(photos: Photos) -> None:
    """A cursor over the collection, say the one the rows come from, would wait for the import as that waits for it."""
    before, seen = photos.number(), []

    def rows() -> Iterator[VectorRow]:
        with psycopg.connect(photos.dsn) as reader:
            reader.execute("SELECT count(*) FROM photos")
            yield from vectors(ROWS, ROWS + LEAST + 2 * CHUNK)
            seen.append(photos.number())
        yield from vectors(ROWS + LEAST + 2 * CHUNK, ROWS + 3 * LEAST + 2 * CHUNK)
        wait_for(lambda: dropped(photos))

    photos.collection.import_vectors(rows())
    assert seen == [before]
    assert photos.now() == ("ready", INDEXES, ROWS + 3 * LEAST + 2 * CHUNK)


def test_an_import_during_another_one_leaves_the_index_to_it(photos: Photos) -> None:
    seen = []

    def rows() -> Iterator[VectorRow]:
        yield from vectors(ROWS, ROWS + LEAST + 2 * CHUNK)
        wait_for(lambda: dropped(photos))
        report = photos.collection.import_vectors(vectors(5000, 5000 + MORE))
        seen.append((report.added, photos.collection.index(), photos.indexes()))

    photos.collection.import_vectors(rows())
    assert seen == [(MORE, "building", INDEXES[1:])]
    assert photos.now() == ("ready", INDEXES, ROWS + LEAST + 2 * CHUNK + MORE)


def test_imports_at_once_end_with_one_index(photos: Photos) -> None:
    with ThreadPoolExecutor(3) as threads:
        list(
            threads.map(
                lambda begin: photos.collection.import_vectors(vectors(begin, begin + MORE)), (1000, 3000, 5000)
            )
        )
    assert photos.now() == ("ready", INDEXES, ROWS + 3 * MORE)


def test_who_may_only_insert_inserts(photos: Photos, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    before = photos.number()
    photos.run("CREATE ROLE mere_importer LOGIN IN ROLE open_analytic_user")
    photos.run("GRANT SELECT, INSERT, UPDATE, DELETE ON photos TO mere_importer")
    try:
        dsn = psycopg.conninfo.make_conninfo(photos.dsn, user="mere_importer")
        with open_analytic.connect(dsn, settings=settings) as db:
            mere = db.collection("photos")
            assert mere.import_vectors(vectors(ROWS, ROWS + MORE)).added == MORE
            assert (photos.number(), caplog.text) == (before, "")

            photos.run("DROP INDEX mine")
            assert mere.import_vectors(vectors(5000, 5001)).added == 1
            assert "photos has no index, so searches measure every row" in caplog.text
        assert photos.now() == ("absent", INDEXES[1:], ROWS + MORE + 1)
    finally:
        photos.run("DROP OWNED BY mere_importer; DROP ROLE mere_importer")

"""What the tests of the store share: connections, small plans, and collections of four numbers."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.errors import InvalidPipeline
from open_analytic.store import collections, pipelines, planner
from open_analytic.store.connection import Connection, Database, connect
from open_analytic.types import CollectionInfo, InputColumns, Metric
from tests.database.filled import Filled, Original, costs, fill
from tests.databases import clone
from tests.databases import database as new_database


@dataclass(frozen=True)
class Definition:
    text: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return dict(self.text)


@dataclass(frozen=True, kw_only=True)
class SmallPlan:
    """What the store reads of a plan, without models."""

    name: str = "colours"
    hash: str = "a" * 64
    input: str = "bytes"
    output: tuple[str, ...] = ("feature",)
    dim: int | None = 4
    many: bool = False
    unstorable: InvalidPipeline | None = None
    region_type: str = "box"
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"scale": 0.5})
    spec: Definition = Definition({"name": "colours", "scale": 1e20})
    input_columns: InputColumns = field(default_factory=InputColumns)


@contextmanager
def reading(connection: Connection) -> Iterator[None]:
    """As ``Database.reading``, within the transaction that made the collection."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL transaction_read_only = on")
        yield


MakeCollection: TypeAlias = Callable[..., CollectionInfo]


# Statements of tests name tables without a schema; those of the store never need it.
PUBLIC = "SET search_path = pg_catalog, public, pg_temp"


class OpenDatabase(Database):
    """Its transactions see the tables of public by their names alone."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            connection.execute(PUBLIC.replace("SET", "SET LOCAL"))
            yield connection


@pytest.fixture
def database(dsn: str, settings: Settings) -> Iterator[Database]:
    database = OpenDatabase(dsn, settings)
    yield database
    database.close()


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    """A connection in a transaction that is never committed, unless the test does."""
    connection = connect(dsn)
    connection.execute(PUBLIC)
    connection.commit()
    yield connection
    connection.close()


@pytest.fixture
def make(connection: Connection) -> MakeCollection:
    """Makes a collection of four numbers in the connection's transaction."""

    def make(
        name: str = "photos",
        *,
        columns: Mapping[str, str] | None = None,
        metric: Metric = "l2",
        dim: int = 4,
        many: bool = False,
        region: str = "box",
    ) -> CollectionInfo:
        plan: Any = SmallPlan(dim=dim, many=many, region_type=region, hash=f"{dim:060d}{int(many):04d}")
        info = pipelines.register(connection, plan)
        return collections.create(connection, name=name, plan=plan, pipeline=info, columns=columns or {}, metric=metric)

    return make


@pytest.fixture
def photos_table(make: MakeCollection) -> CollectionInfo:
    return make(columns={"district": "text", "year": "integer"})


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a home whose server has stopped: a copy of it spares another home the work of initdb."""
    home = tmp_path_factory.mktemp("seed") / "home"
    embedded.start(home).close()
    embedded.stop(home)
    return home / "data"


@pytest.fixture(scope="session")
def filled_original(server: embedded.Server, template: str, settings: Settings) -> Original:
    database = OpenDatabase(new_database(server, template), settings)
    filled = fill(database)
    database.close()
    return Original(database.dsn, filled.info)


@pytest.fixture(scope="session")
def measured_original(server: embedded.Server, filled_original: Original, settings: Settings) -> Original:
    """Calibrated, and told that measuring rows is dear, so that the index is taken wherever it can be."""
    database = OpenDatabase(new_database(server, filled_original.dsn), settings)
    planner.measure_index(database, filled_original.info, queries=150)
    costs(Filled(database, filled_original.info), 1e7)
    database.close()
    return Original(database.dsn, filled_original.info)


@pytest.fixture
def filled(server: embedded.Server, filled_original: Original, settings: Settings) -> Iterator[Filled]:
    with clone(server, filled_original.dsn) as dsn:
        database = OpenDatabase(dsn, settings)
        yield Filled(database, filled_original.info)
        database.close()


@pytest.fixture
def measured(server: embedded.Server, measured_original: Original, settings: Settings) -> Iterator[Filled]:
    with clone(server, measured_original.dsn) as dsn:
        database = OpenDatabase(dsn, settings)
        yield Filled(database, measured_original.info)
        database.close()

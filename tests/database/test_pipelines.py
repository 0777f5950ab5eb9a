"""The catalogue of pipelines: a name with a version means one thing, forever."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from open_analytic.errors import InvalidPipeline, PermissionDenied, PipelineInUse, UnknownPipeline
from open_analytic.pipeline.spec import presets
from open_analytic.store import collections, pipelines
from open_analytic.store.connection import Connection, Database
from tests.database.conftest import MakeCollection, SmallPlan

FIRST: Any = SmallPlan()
SECOND: Any = SmallPlan(hash="b" * 64)


def test_a_pipeline_is_listed_as_it_was_given(connection: Connection) -> None:
    info = pipelines.register(connection, FIRST)
    assert dataclasses.asdict(info) | {"created_at": None} == {
        "name": "colours",
        "version": 1,
        "input": "bytes",
        "output": ("feature",),
        "dim": 4,
        "hash": "a" * 64,
        "created_at": None,
        "definition": {"name": "colours", "scale": 1e20},
    }
    assert isinstance(info.definition["scale"], float)
    assert pipelines.all(connection) == [info] == [pipelines.get(connection, "colours")]


def test_the_same_again_changes_nothing_and_another_is_a_new_version(connection: Connection) -> None:
    first = pipelines.register(connection, FIRST)
    assert pipelines.register(connection, FIRST) == first
    second = pipelines.register(connection, SECOND)
    assert second.version == 2
    assert pipelines.all(connection) == [second]
    assert pipelines.get(connection, "colours", 1) == first


def test_a_dropped_pipeline_comes_back_under_its_version(connection: Connection) -> None:
    first = pipelines.register(connection, FIRST)
    pipelines.drop(connection, "colours")
    assert pipelines.all(connection) == []
    with pytest.raises(UnknownPipeline, match="colours") as caught:
        pipelines.get(connection, "colours")
    names = ", ".join(presets())
    assert caught.value.hint == f"Presets: {names}; others need a definition. Registered: none."
    assert pipelines.get(connection, "colours", 1) == first
    assert pipelines.register(connection, FIRST) == first
    pipelines.drop(connection, "colours")
    assert pipelines.register(connection, SECOND).version == 2


def test_a_pipeline_in_use_stays(connection: Connection, make: MakeCollection) -> None:
    info = make("in_use")
    with pytest.raises(PipelineInUse, match="in_use"):
        pipelines.drop(connection, "colours")
    collections.drop(connection, info.name)
    pipelines.drop(connection, "colours")
    with pytest.raises(UnknownPipeline):
        pipelines.drop(connection, "colours")


def test_a_table_dropped_by_plain_sql_uses_nothing(connection: Connection, make: MakeCollection) -> None:
    make("gone")
    connection.execute("DROP TABLE gone")
    pipelines.drop(connection, "colours")


def test_who_register_at_once_get_one_version(database: Database) -> None:
    def register(_: int) -> int:
        with database.transaction() as connection:
            return pipelines.register(connection, FIRST).version

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(register, range(16))) == {1}


def test_a_mere_user_reads_pipelines_and_registers_none(connection: Connection) -> None:
    first = pipelines.register(connection, FIRST)
    connection.execute("SET ROLE open_analytic_user")
    assert pipelines.register(connection, FIRST) == first
    with pytest.raises(PermissionDenied) as caught:
        pipelines.register(connection, SECOND)
    assert "open_analytic_admin" in (caught.value.hint or "")


def test_an_admin_registers_and_drops(connection: Connection) -> None:
    connection.execute("SET ROLE open_analytic_admin")
    pipelines.register(connection, FIRST)
    pipelines.drop(connection, "colours")


@pytest.mark.parametrize("depth", [90, 900, 3_000])
def test_a_definition_nested_too_deep_hides_no_other(connection: Connection, depth: int) -> None:
    good = pipelines.register(connection, FIRST)
    text = f'{{"name": {"[" * depth}"secret"{"]" * depth}}}'
    statement = "SELECT open_analytic._register_pipeline('deep', 'bytes', '{feature}', 4, false, %s, %s::text::json)"
    connection.execute(statement, ["c" * 64, text])
    readable = depth < pipelines.DEEPEST
    assert [info.name for info in pipelines.all(connection)] == ["colours", *(["deep"] if readable else [])]
    assert pipelines.get(connection, "colours") == good
    if not readable:
        with pytest.raises(InvalidPipeline, match="'deep'") as caught:
            pipelines.get(connection, "deep")
        assert "secret" not in str(caught.value)

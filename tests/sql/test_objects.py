"""Objects in SQL: the JSON of Python, and rows with boxes."""

import psycopg
import pytest

from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.spec import load
from open_analytic.runtime.local import LocalEngine
from tests import tiny_objects
from tests.sql.conftest import create, value


@pytest.fixture
def things(sql: psycopg.Connection[tuple[object, ...]]) -> str:
    create(sql, "things", tiny_objects.EMBEDDER)
    return "things"


def test_sql_gives_the_objects_of_python(
    sql: psycopg.Connection[tuple[object, ...]], things: str, local: LocalEngine, here: Settings
) -> None:
    data = tiny_objects.paint([(255, 0, 0), (0, 204, 0)])
    (result,) = local.run(plan(load(tiny_objects.EMBEDDER, things), Library(here).cards), [data])
    assert not isinstance(result, OpenAnalyticError)
    assert value(sql, "SELECT open_analytic.pipeline_run(%s, %s::bytea)", things, data) == result.output
    labels = "SELECT jsonb_path_query_array(open_analytic.pipeline_run(%s, %s::bytea), '$.objects[*].label')"
    assert value(sql, labels, things, data) == ["tomato", "leaf"]


def test_a_picture_without_objects_says_so(sql: psycopg.Connection[tuple[object, ...]], things: str) -> None:
    sql.execute("SELECT open_analytic.create_collection('table_of_things', %s)", [things])
    with pytest.raises(psycopg.Error, match=r"No object was found in the picture\.") as caught:
        sql.execute("SELECT * FROM open_analytic.search('table_of_things', %s::bytea)", [tiny_objects.paint([])])
    assert caught.value.sqlstate == "OA014"

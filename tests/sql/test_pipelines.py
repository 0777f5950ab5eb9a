"""Pipelines in SQL: the same JSON as Python, typed errors, transactions."""

import io
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pgvector.psycopg import register_vector
from PIL import Image
from psycopg.types.json import Jsonb

from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.spec import load
from open_analytic.runtime.local import LocalEngine
from open_analytic.store import schema
from tests import tiny, tiny_texts
from tests.databases import database_of
from tests.sql.conftest import BLUE, GREEN, RED, Service, column, create, know, picture, value

Sql = psycopg.Connection[Any]
RUN = "SELECT open_analytic.pipeline_run(%s, %s::bytea)"
BATCH = "SELECT open_analytic.pipeline_run_batch('mean_colour', %s::bytea[])"


def test_the_body_is_the_one_the_server_offers(sql: Sql, body: str) -> None:
    language = "SELECT l.lanname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.proname = '_request'"
    assert value(sql, language) == {"dblink": "plpgsql", "plpython3u": "plpython3u"}[body]
    assert value(sql, "SELECT open_analytic.use_body()") == body


def test_sql_gives_the_json_of_python(sql: Sql, local: LocalEngine, here: Settings) -> None:
    colours = plan(load(tiny.PIPELINE, "mean_colour"), Library(here).cards)
    (result,) = local.run(colours, [picture()])
    assert not isinstance(result, OpenAnalyticError)
    assert value(sql, RUN, "mean_colour", picture()) == result.output
    statement = "SELECT open_analytic.pipeline_run_dist_random('mean_colour', %s::bytea)"
    assert value(sql, statement, picture()) == result.output


def test_creating_says_what_python_says(sql: Sql) -> None:
    info = create(sql, "mean_colour", tiny.PIPELINE)
    listed = sql.execute("SELECT name, version, input, output, dim FROM open_analytic.current_pipelines ORDER BY name")
    assert listed.fetchall() == [
        ("mean_colour", 1, "bytes", ["feature"], 3),
        ("slow_colour", 1, "bytes", ["feature"], 3),
    ]
    assert {key: info[key] for key in ("name", "version", "input", "output", "dim")} == {
        "name": "mean_colour",
        "version": 1,
        "input": "bytes",
        "output": ["feature"],
        "dim": 3,
    }
    assert info["definition"]["steps"] == tiny.PIPELINE["steps"]


def test_a_preset_is_created_by_its_name(sql: Sql) -> None:
    info = value(sql, "SELECT open_analytic.pipeline_create('face_feature_extractor')")
    assert (info["output"], info["dim"], info["version"]) == (["face_emb"], 128, 1)
    assert value(sql, "SELECT open_analytic.pipeline_create('face_feature_extractor')") == info


def test_the_extraction_idiom_of_analyticdb_works(sql: Sql) -> None:
    idiom = """
        SELECT translate((open_analytic.pipeline_run_dist_random('mean_colour', %s::bytea)::json->'feature')::text,
                         '[]', '{}')::real[] = open_analytic.embed('mean_colour', %s::bytea)::real[]
    """
    assert value(sql, idiom, picture(), picture())


def test_a_literal_without_a_type_is_read_as_bytes(sql: Sql) -> None:
    literal = "\\x" + picture().hex()
    statement = psycopg.sql.SQL("SELECT open_analytic.pipeline_run('mean_colour', {})").format(literal)
    output = value(sql, statement.as_string(sql))
    assert output == value(sql, RUN, "mean_colour", picture())


def test_embed_gives_a_vector(sql: Sql) -> None:
    register_vector(sql)
    vector = value(sql, "SELECT open_analytic.embed('mean_colour', %s::bytea)", picture((255, 0, 0)))
    assert vector.to_list() == [1, 0, 0]


ERRORS = {
    "unknown pipeline": ("pipeline_run('nothing', %s::bytea)", "OA003", "pipeline_create('nothing')"),
    "no picture": ("pipeline_run('mean_colour', 'words'::bytea)", "OA012", "Formats that are read: JPEG"),
    "text": ("pipeline_run('mean_colour', 'words')", "OA019", "::bytea"),
    "odd hexadecimal": ("pipeline_run('mean_colour', '\\xabc')", "OA019", "::bytea"),
    "unknown parameter": ("pipeline_run('mean_colour', %s::bytea, '{\"size\": 3}')", "OA019", ""),
    "parameters that are no object": ("pipeline_run('mean_colour', %s::bytea, '[]')", "OA019", ""),
    "unknown preset": ("pipeline_create('nothing')", "OA003", "Those that do"),
    "a definition without steps": ("pipeline_create('own', '{}')", "OA016", "docs/pipelines.md"),
    "a definition that is text": ("pipeline_create('own', '\"steps\"')", "OA016", "docs/pipelines.md"),
    "an unknown operator": (
        'pipeline_create(\'own\', \'{"steps": [{"operator": "x", "output": "y"}], "output": {"y": "y"}}\')',
        "OA005",
        "Known",
    ),
    "dropping nothing": ("pipeline_drop('nothing')", "OA003", "mean_colour"),
}


@pytest.mark.parametrize(("call", "sqlstate", "hint"), ERRORS.values(), ids=ERRORS)
def test_what_is_wrong_is_a_typed_error(sql: Sql, call: str, sqlstate: str, hint: str) -> None:
    values = [picture()] if "%s" in call else None
    with pytest.raises(psycopg.Error) as caught:
        sql.execute(f"SELECT open_analytic.{call}", values)
    assert (caught.value.sqlstate, hint in (caught.value.diag.message_hint or "")) == (sqlstate, True)
    assert value(sql, RUN, "mean_colour", picture())  # the session goes on


def test_a_batch_keeps_its_order_and_a_poisonous_picture_is_its_own_error(sql: Sql) -> None:
    poison = picture()[:40]
    pictures = [picture(RED), poison, None, picture(GREEN), b"", picture(BLUE)]
    outputs = column(sql, BATCH, pictures)
    alone = [value(sql, RUN, "mean_colour", picture(colour)) for colour in (RED, GREEN, BLUE)]
    assert [outputs[0], outputs[3], outputs[5]] == alone
    assert outputs[2] is None
    assert [sorted(outputs[place]["error"]) for place in (1, 4)] == [["hint", "message", "sqlstate", "type"]] * 2
    assert outputs[1]["error"]["sqlstate"].startswith("OA01")


def test_a_batch_larger_than_one_message_is_whole(sql: Sql) -> None:
    pictures = [picture((number % 250 + 1, 0, 0), (20, 20)) for number in range(150)]
    assert column(sql, BATCH, pictures) == [{"feature": [1.0, 0.0, 0.0]}] * 150
    assert column(sql, BATCH, []) == []


NULLS = [
    "pipeline_run(NULL, 'x'::bytea)",
    "pipeline_run('mean_colour', NULL::bytea)",
    "pipeline_run('mean_colour', NULL::text)",
    "pipeline_run_dist_random('mean_colour', NULL::bytea)",
    "embed('mean_colour', NULL::bytea)",
    "pipeline_create(NULL)",
]


@pytest.mark.parametrize("call", NULLS)
def test_null_gives_null(sql: Sql, call: str) -> None:
    assert value(sql, f"SELECT open_analytic.{call}") is None


def test_an_input_beyond_the_limit_is_refused(sql: Sql) -> None:
    with pytest.raises(psycopg.Error) as caught:
        sql.execute("SELECT open_analytic.pipeline_run('mean_colour', decode(repeat('00', 52428800), 'hex'))")
    assert caught.value.sqlstate == "OA013"
    sql.execute("INSERT INTO open_analytic.settings VALUES ('max_bytes', '10')")
    outputs = column(sql, BATCH, [picture(), b"0123456789"])
    assert [each["error"]["sqlstate"] for each in outputs] == ["OA013", "OA012"]


def test_the_service_has_a_limit_of_its_own(sql: Sql) -> None:
    sql.execute("INSERT INTO open_analytic.settings VALUES ('max_bytes', '900000000')")
    with pytest.raises(psycopg.Error) as caught:
        sql.execute("SELECT open_analytic.pipeline_run('mean_colour', decode(repeat('00', 52428800), 'hex'))")
    assert caught.value.sqlstate == "OA013"
    assert value(sql, RUN, "mean_colour", picture())


def test_what_is_not_committed_runs_and_is_gone_after_rollback(sql: Sql) -> None:
    with sql.transaction(force_rollback=True):
        create(sql, "own", tiny.PIPELINE)
        assert value(sql, RUN, "own", picture(BLUE))["feature"][2] > 0.9
    with pytest.raises(psycopg.Error) as caught:
        value(sql, RUN, "own", picture())
    assert caught.value.sqlstate == "OA003"


def test_repeatable_read_works_and_keeps_its_version(sql: Sql, dsn: str) -> None:
    whole = tiny.PIPELINE | {"output": {"feature": "feature", "colours": "colours"}}
    with psycopg.connect(dsn) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert list(value(reader, RUN, "mean_colour", picture())) == ["feature"]
        assert create(sql, "mean_colour", whole)["version"] == 2
        assert sorted(value(sql, RUN, "mean_colour", picture())) == ["colours", "feature"]
        assert list(value(reader, RUN, "mean_colour", picture())) == ["feature"]
        reader.commit()
        assert sorted(value(reader, RUN, "mean_colour", picture())) == ["colours", "feature"]


def test_a_pipeline_with_two_vectors_is_not_embedded(sql: Sql) -> None:
    create(sql, "two", tiny.PIPELINE | {"output": {"feature": "feature", "colours": "colours"}})
    with pytest.raises(psycopg.Error) as caught:
        value(sql, "SELECT open_analytic.embed('two', %s::bytea)", picture())
    assert (caught.value.sqlstate, "not one" in (caught.value.diag.message_primary or "")) == ("OA016", True)


def test_a_dropped_pipeline_comes_back_under_its_version(sql: Sql) -> None:
    sql.execute("SELECT open_analytic.pipeline_drop('mean_colour')")
    with pytest.raises(psycopg.Error, match="mean_colour"):
        value(sql, RUN, "mean_colour", picture())
    assert create(sql, "mean_colour", tiny.PIPELINE)["version"] == 1


def test_a_procedure_runs_a_pipeline_on_every_row(sql: Sql) -> None:
    sql.execute("CREATE TABLE pictures (name text, data bytea)")
    for name, colour in {"r": RED, "g": GREEN, "b": BLUE}.items():
        sql.execute("INSERT INTO pictures VALUES (%s, %s)", [name, picture(colour)])
    rows = sql.execute(
        "SELECT name, (open_analytic.pipeline_run('mean_colour', data)->'feature'->>1)::real > 0.9 FROM pictures"
    )
    assert sorted(rows.fetchall()) == [("b", False), ("g", True), ("r", False)]


ENCODINGS = {"LATIN1": "été", "EUC_CN": "猫", "SQL_ASCII": "cat"}


@pytest.fixture(params=ENCODINGS)
def encoded(sql_server: tuple[embedded.Server, str], request: pytest.FixtureRequest) -> Iterator[Sql]:
    """A database whose texts are not UTF-8."""
    dsn = database_of(sql_server[0], str(request.param))
    with psycopg.connect(dsn, client_encoding="UTF8", autocommit=True) as connection:
        yield connection


def test_a_database_in_another_encoding_works_too(encoded: Sql, sql: Sql, service: Service) -> None:
    word = ENCODINGS[value(encoded, "SELECT getdatabaseencoding()")]
    schema.upgrade(encoded.info.dsn)
    know(encoded, service)
    path = value(sql, "SELECT value FROM open_analytic.settings WHERE name = 'python_path'")
    encoded.execute("INSERT INTO open_analytic.settings VALUES ('python_path', %s)", [path])
    create(encoded, f"colour {word}", tiny.PIPELINE)
    assert value(encoded, RUN, f"colour {word}", picture()) == value(sql, RUN, "mean_colour", picture())
    with pytest.raises(psycopg.Error) as caught:
        value(encoded, "SELECT open_analytic.pipeline_create(%s, %s)", word, Jsonb({"steps": word}))
    assert caught.value.sqlstate == "OA016"
    create(encoded, "texts", tiny_texts.PIPELINE)
    create(sql, "texts", tiny_texts.PIPELINE)
    text = f"red house {word}"
    run = "SELECT open_analytic.pipeline_run('texts', %s::text)"
    assert value(encoded, run, text) == value(sql, run, text)
    value(encoded, "SELECT open_analytic.create_collection('notes', 'texts')")
    encoded.execute(
        "INSERT INTO notes (text_name, text_data, feature) VALUES"
        " (%(word)s, convert_to(%(text)s, 'UTF8'), open_analytic.embed('texts', %(text)s::text))",
        {"word": word, "text": text},
    )
    search = "SELECT name FROM open_analytic.search('notes', %s::text, 1, filter => %s)"
    assert column(encoded, search, text, f"text_name = '{word}'") == [word]


ARRAYS = {"from zero": "[0:1]={%s,%s}", "from five": "[5:6]={%s,%s}", "two by one": "{{%s},{%s}}"}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_an_array_of_any_shape_gives_its_elements_in_order(sql: Sql, array: str) -> None:
    text = array % tuple('"\\\\x' + picture(colour).hex() + '"' for colour in (RED, GREEN))
    expected = [value(sql, RUN, "mean_colour", picture(colour)) for colour in (RED, GREEN)]
    assert column(sql, BATCH, text) == expected


def test_strings_may_be_read_as_they_were_long_ago(sql: Sql) -> None:
    sql.execute("SET standard_conforming_strings = off; SET escape_string_warning = off")
    assert value(sql, RUN, "mean_colour", picture())["feature"][0] > 0.9
    assert value(sql, "SELECT open_analytic.pipeline_run('mean_colour', %s::text)", "\\x" + picture().hex())


def test_a_definition_whose_models_changed_is_a_typed_error(sql: Sql) -> None:
    sql.execute("UPDATE open_analytic.pipelines SET hash = repeat('a', 64)")
    with pytest.raises(psycopg.Error) as caught:
        value(sql, RUN, "mean_colour", picture())
    assert caught.value.sqlstate == "OA033"


def test_a_large_picture_is_sent_in_pieces(sql: Sql) -> None:
    noise = Image.effect_noise((700, 700), 100).convert("RGB")
    file = io.BytesIO()
    noise.save(file, "PNG")
    assert len(file.getvalue()) > 500_000
    assert value(sql, RUN, "mean_colour", file.getvalue())["feature"][0] == pytest.approx(0.577, abs=0.01)

"""Collections and searches in SQL: k rows under any filter, with the caller's rights; no filter leaves its place."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import tiny
from tests.databases import Fill
from tests.sql.conftest import BLUE, GREEN, RED, column, create, picture, value

Sql = psycopg.Connection[Any]
COLOURS = {"red": RED, "green": GREEN, "blue": BLUE, "dark red": (120, 5, 5)}


def fill(sql: Sql) -> None:
    """A collection of four pictures with two columns."""
    columns = '{"district": "text", "price": "numeric(10,2)"}'
    value(sql, "SELECT open_analytic.create_collection('photos', 'mean_colour', %s)", columns)
    for number, (name, colour) in enumerate(COLOURS.items()):
        sql.execute(
            "INSERT INTO photos (image_name, image_data, feature, district, price)"
            " VALUES (%(name)s, %(data)s, open_analytic.embed('mean_colour', %(data)s::bytea),"
            " %(district)s, %(price)s)",
            {"name": name, "data": picture(colour), "district": "AB"[number % 2], "price": number + 0.5},
        )


def fill_and_create(sql: Sql) -> None:
    """A pipeline of two vectors beside it."""
    fill(sql)
    create(sql, "two", tiny.PIPELINE | {"output": {"feature": "feature", "colours": "colours"}})


@pytest.fixture
def photos(copied: Callable[[Fill], Sql]) -> Sql:
    return copied(fill)


def names(sql: Sql, arguments: str, *values: object) -> list[str]:
    return column(sql, f"SELECT name FROM open_analytic.search({arguments})", *values)


def test_creating_says_what_python_says(sql: Sql) -> None:
    info = value(sql, "SELECT open_analytic.create_collection('photos', 'mean_colour', '{\"x\": \"int\"}', 'cosine')")
    created_at = info.pop("created_at")
    assert created_at
    assert info == {
        "name": "photos",
        "schema": "public",
        "pipeline": "mean_colour",
        "version": 1,
        "dim": 3,
        "metric": "cosine",
        "many": False,
        "parameters": {},
        "columns": {"x": "int"},
    }


def test_a_picture_finds_the_nearest(photos: Sql) -> None:
    rows = photos.execute("SELECT * FROM open_analytic.search('photos', %s::bytea, 2)", [picture(RED)]).fetchall()
    assert [(name, row, box) for name, _, row, box, _ in rows] == [
        ("red", {"district": "A", "price": 0.5}, None),
        ("dark red", {"district": "B", "price": 3.5}, None),
    ]
    assert rows[0][1] == 0


def test_every_form_of_a_query_finds_the_same(photos: Sql) -> None:
    vector = value(photos, "SELECT open_analytic.embed('mean_colour', %s::bytea)::text", picture(GREEN))
    numbers = [float(number) for number in vector.strip("[]").split(",")]
    answers = [
        names(photos, "'photos', %s::bytea, k => 3", picture(GREEN)),
        names(photos, "'photos', %s::vector, k => 3", vector),
        names(photos, "'photos', %s::real[], k => 3", numbers),
        names(photos, "'photos', %s::text, k => 3", vector),
        names(photos, "'photos', %s::text, k => 3", "\\x" + picture(GREEN).hex()),
    ]
    assert answers == [answers[0]] * 5
    assert answers[0][0] == "green"


def test_a_filter_never_costs_a_row(photos: Sql) -> None:
    assert names(photos, "'photos', %s::bytea, filter => 'district = ''B'''", picture(RED)) == ["dark red", "green"]
    assert names(photos, "'photos', %s::bytea, filter => 'price > 100'", picture(RED)) == []
    assert names(photos, "'photos', %s::bytea, max_distance => 0.01", picture(RED)) == ["red", "dark red"]
    assert names(photos, "'photos', %s::bytea, k => 0", picture(RED)) == []
    assert len(names(photos, "'photos', %s::bytea, k => 1000000", picture(RED))) == 4


def test_null_finds_nothing(photos: Sql) -> None:
    for kind in ("bytea", "vector", "real[]", "text"):
        assert names(photos, f"'photos', NULL::{kind}") == []


QUERY = "'[1,0,0]'::vector"
ERRORS = {
    "no collection": (f"'open_analytic.pipelines', {QUERY}", "OA006", "photos"),
    "too few numbers": ("'photos', '[1,0]'::vector", "OA015", "mean_colour"),
    "not a number": ("'photos', '{NaN,0,0}'::real[]", "OA015", "finite"),
    "no numbers": ("'photos', '{}'::real[]", "OA015", "finite"),
    "words": ("'photos', 'words'::text", "OA019", "bytea"),
    "too large for halfvec": ("'photos', '[70000,0,0]'::vector", "OA015", "Normalise"),
    "no picture": ("'photos', 'words'::bytea", "OA012", "Formats that are read"),
    "negative k": (f"'photos', {QUERY}, -1", "OA019", "0 or more"),
    "no k": (f"'photos', {QUERY}, NULL", "OA019", "0 or more"),
    "no distance": (f"'photos', {QUERY}, max_distance => 'NaN'", "OA019", "a number"),
}


@pytest.mark.parametrize(("arguments", "sqlstate", "hint"), ERRORS.values(), ids=ERRORS)
def test_what_is_wrong_is_a_typed_error(photos: Sql, arguments: str, sqlstate: str, hint: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        names(photos, arguments)
    assert (caught.value.sqlstate, hint in (caught.value.diag.message_hint or "")) == (sqlstate, True)


FILTERS = [
    "true) OR (true",
    "true; DROP TABLE photos",
    "true; SELECT 1",
    "true)",
    "(true",
    "'",
    '"',
    "/*",
    "$$",
    "true UNION SELECT NULL",
    "true ORDER BY image_name",
    "true LIMIT 1",
    "nothing = 1",
    "district = 1 / 0",
    "1 / (price - price) > 0",
    "district",
    "",
    "--",
    "lower(nothing)",
    "district = $1",
]


@pytest.mark.parametrize("filter_", FILTERS)
def test_a_filter_that_is_no_condition_is_refused_by_name(photos: Sql, filter_: str) -> None:
    with pytest.raises(psycopg.Error, match="filter") as caught:
        names(photos, f"'photos', {QUERY}, filter => %s", filter_)
    assert (caught.value.sqlstate, "district" in (caught.value.diag.message_hint or "")) == ("OA018", True)
    assert value(photos, "SELECT count(*) FROM photos") == 4


def test_a_filter_of_two_statements_says_so(photos: Sql) -> None:
    with pytest.raises(psycopg.Error, match="more than one statement"):
        names(photos, f"'photos', {QUERY}, filter => %s", "true; SELECT 1")


PIECES = st.sampled_from(
    ["true", "false", "(", ")", "'", '"', "--", "/*", "*/", ";", "$$", "$a$", "\n", "\\", "E'", "OR", "AND", "district",
     "=", "'A'", "UNION", "SELECT", "1", ",", "::", "%", "DROP TABLE photos", "LIMIT 0", "$1", "{", "\u2028"]
)  # fmt: skip


def test_hostile_filters_never_leave_their_place(photos: Sql) -> None:
    """Whatever it is made of: it is refused, or it only takes rows away."""
    everything = set(names(photos, f"'photos', {QUERY}"))

    def answer(filter_: str) -> tuple[set[str], psycopg.Error | None]:
        try:
            return set(names(photos, f"'photos', {QUERY}, filter => %s", filter_)), None
        except psycopg.Error as error:
            return set(), error

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(PIECES, min_size=1, max_size=8))
    def check(pieces: list[str]) -> None:
        filter_ = " ".join(pieces)
        hits, refused = answer(filter_)
        if refused:
            assert refused.sqlstate == "OA018", (filter_, refused)
            return
        expected = set(column(photos, f"SELECT image_name FROM photos WHERE\n{filter_}\n".replace("%", "%%")))
        assert hits == expected <= everything, filter_

    check()
    assert value(photos, "SELECT count(*) FROM photos") == 4


def test_a_search_goes_through_the_index_where_there_is_enough(sql: Sql) -> None:
    sql.execute("SELECT open_analytic._make_collection('many', 64, 'l2', false, '{}', NULL, NULL, '{}', false, '')")
    sql.execute("SELECT setseed(0.5)")
    sql.execute(
        "INSERT INTO many (image_name, feature) SELECT 'p' || i,"
        " (SELECT array_agg(random()) FROM generate_series(1, 64 + 0 * i))::real[] FROM generate_series(1, 3000) AS i"
    )
    assert value(sql, "SELECT open_analytic.create_ann_index('many')") == "public.many_feature_idx"
    sql.execute("ANALYZE many")
    query = value(sql, "SELECT feature::vector::text FROM many WHERE image_name = 'p7'")
    few = names(sql, "'many', %s::vector, 5", query)
    sql.execute("UPDATE pg_class SET reltuples = 1e6 WHERE relname = 'many'")
    explanation = value(sql, "SELECT open_analytic.explain_search('many', %s::vector, 5)", query)
    assert (explanation["plan"], explanation["done"]["plan"]) == ("index", "index")
    sql.execute("SELECT pg_stat_force_next_flush()")
    before = value(sql, "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'many_feature_idx'")
    assert names(sql, "'many', %s::vector, 5", query) == few
    sql.execute("SELECT pg_stat_force_next_flush()")
    after = value(sql, "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'many_feature_idx'")
    assert (after - before, few[0]) == (1, "p7")


def test_settings_of_the_session_stay_what_they_were(photos: Sql) -> None:
    photos.execute("LOAD 'vector'")
    photos.execute("SET hnsw.ef_search = 77")
    names(photos, f"'photos', {QUERY}")
    assert value(photos, "SHOW hnsw.ef_search") == "77"
    assert value(photos, "SHOW hnsw.iterative_scan") == "off"


def test_faces_have_their_box(sql: Sql) -> None:
    sql.execute("SELECT open_analytic._make_collection('faces', 3, 'l2', true, '{}', NULL, NULL, '{}', false, '')")
    sql.execute(
        "INSERT INTO faces (image_name, part, box, feature)"
        " VALUES ('a', 0, '{1,2,3,4}', '[1,0,0]'), ('a', 1, NULL, '[0,1,0]')"
    )
    rows = sql.execute("SELECT * FROM open_analytic.search('faces', '[1,0,0]'::vector)").fetchall()
    assert [row[3] for row in rows] == [{"x": 1, "y": 2, "width": 3, "height": 4}, None]
    assert [row[2] for row in rows] == [{}, {}]


INDEXES = {
    "another dim": ("'photos', dim => 512", "OA015", "dim => 3"),
    "no metric": ("'photos', metric => 'nearness'", "OA019", "cosine"),
    "m": ("'photos', m => 1", "OA019", "2 to 100"),
    "ef_construction": ("'photos', m => 16, ef_construction => 5", "OA019", "32 to 1000"),
    "no feature": ("'open_analytic.pipelines'", "OA019", "create_collection"),
}


@pytest.mark.parametrize(("arguments", "sqlstate", "hint"), INDEXES.values(), ids=INDEXES)
def test_an_index_that_cannot_be_is_a_typed_error(photos: Sql, arguments: str, sqlstate: str, hint: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        photos.execute(f"SELECT open_analytic.create_ann_index({arguments})")
    assert (caught.value.sqlstate, hint in (caught.value.diag.message_hint or "")) == (sqlstate, True)


def test_an_index_is_made_once(photos: Sql) -> None:
    first = value(photos, "SELECT open_analytic.create_ann_index('photos', dim => 3, metric => 'l2', m => 8)")
    assert value(photos, "SELECT open_analytic.create_ann_index('photos')") == first
    definition = value(photos, "SELECT indexdef FROM pg_indexes WHERE indexname = 'photos_feature_idx'")
    assert "USING hnsw (feature halfvec_l2_ops) WITH (m='8'" in definition


COLLECTIONS = {
    "a name with two dots": ("'a.b.c', 'mean_colour'", "OA017"),
    "no name": ("'', 'mean_colour'", "OA017"),
    "no pipeline": ("'x', 'nothing'", "OA003"),
    "no metric": ("'x', 'mean_colour', metric => 'near'", "OA019"),
    "no type": ("'x', 'mean_colour', '{\"a\": \"nonsense\"}'", "OA019"),
    "more than a type": ("'x', 'mean_colour', '{\"a\": \"text); DROP TABLE photos; --\"}'", "OA019"),
    "a column of ours": ("'x', 'mean_colour', '{\"feature\": \"text\"}'", "OA017"),
    "columns that are a list": ("'x', 'mean_colour', '[]'", "OA019"),
    "no schema": ("'nowhere.x', 'mean_colour'", "OA017"),
    "there already": ("'photos', 'mean_colour'", "OA031"),
    "an unknown parameter": ("'x', 'mean_colour', parameters => '{\"face\": \"all\"}'", "OA019"),
    "a pipeline without a vector": ("'x', 'two'", "OA016"),
}


@pytest.mark.parametrize(("arguments", "sqlstate"), COLLECTIONS.values(), ids=COLLECTIONS)
def test_a_collection_that_cannot_be_is_a_typed_error(
    copied: Callable[[Fill], Sql], arguments: str, sqlstate: str
) -> None:
    sql = copied(fill_and_create)
    with pytest.raises(psycopg.Error) as caught:
        sql.execute(f"SELECT open_analytic.create_collection({arguments})")
    assert (caught.value.sqlstate, value(sql, "SELECT count(*) FROM open_analytic.collections")) == (sqlstate, 1)


HOSTILE = ["x; DROP TABLE photos", 'x"; DROP TABLE photos; --', "Robert'); --", "猫 %s %I {x}", "a b"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(photos: Sql, name: str) -> None:
    value(photos, "SELECT open_analytic.create_collection(%s, 'mean_colour', %s)", name, '{"it\'s; --": "text"}')
    quoted = value(photos, "SELECT format('public.%%I', %s::text)", name)
    data = picture()
    photos.execute(
        psycopg.sql.SQL(
            "INSERT INTO {} (image_name, feature) SELECT 'a', open_analytic.embed('mean_colour', {}::bytea)"
        ).format(psycopg.sql.Identifier(name), psycopg.sql.Literal(data))
    )
    assert names(photos, "%s::regclass, %s::bytea", quoted, data) == ["a"]
    value(photos, "SELECT open_analytic.create_ann_index(%s::regclass)", quoted)
    photos.execute("SELECT open_analytic.drop_collection(%s)", [name])
    assert value(photos, "SELECT count(*) FROM photos") == 4
    with pytest.raises(psycopg.Error) as caught:
        photos.execute("SELECT open_analytic.drop_collection(%s)", [name])
    assert caught.value.sqlstate == "OA006"


def test_a_pipeline_in_use_stays(photos: Sql) -> None:
    with pytest.raises(psycopg.Error, match="photos") as caught:
        photos.execute("SELECT open_analytic.pipeline_drop('mean_colour')")
    assert caught.value.sqlstate == "OA032"


def test_versions_never_mix_in_a_collection(photos: Sql) -> None:
    """After a new version an INSERT has to say of which its feature is; embed_for gives the collection's own."""
    insert = "INSERT INTO photos (image_name, feature) SELECT 'new', open_analytic.embed('mean_colour', %s::bytea)"
    own = value(photos, "SELECT open_analytic.embed_for('photos', %s::bytea)::text", picture(GREEN))
    create(
        photos, "mean_colour", tiny.PIPELINE | {"steps": tiny.PIPELINE["steps"][:2], "output": {"feature": "colours"}}
    )
    assert value(photos, "SELECT open_analytic.embed('mean_colour', %s::bytea)::text", picture(GREEN)) != own
    with pytest.raises(psycopg.Error) as caught:
        photos.execute(insert, [picture(GREEN)])
    assert (caught.value.sqlstate, "embed_for" in (caught.value.diag.message_hint or "")) == ("OA033", True)
    photos.execute(
        "INSERT INTO photos (image_name, feature, pipeline_version)"
        " SELECT 'new', open_analytic.embed_for('photos', %s::bytea), 1",
        [picture(GREEN)],
    )
    cursor = photos.execute("SELECT name, distance FROM open_analytic.search('photos', %s::bytea, 2)", [picture(GREEN)])
    assert cursor.fetchall() == [("green", 0), ("new", 0)]
    with pytest.raises(psycopg.errors.CheckViolation, match="open_analytic_version"):
        photos.execute("UPDATE photos SET pipeline_version = 2")


def test_an_answer_through_the_index_is_in_order(sql: Sql) -> None:
    """PostgreSQL 17 takes a CTE for sorted that relaxed order only nearly sorts."""
    sql.execute("SELECT open_analytic._make_collection('many', 24, 'cosine', false, '{}', NULL, NULL, '{}', false, '')")
    sql.execute("SELECT setseed(0.1)")
    sql.execute(
        "INSERT INTO many (image_name, feature) SELECT 'p' || i,"
        " (SELECT array_agg(random() - 0.5) FROM generate_series(1, 24 + 0 * i))::real[]"
        " FROM generate_series(1, 4000) AS i"
    )
    sql.execute("SELECT open_analytic.create_ann_index('many')")
    sql.execute("ANALYZE many")
    sql.execute("UPDATE pg_class SET reltuples = 1e7 WHERE relname = 'many'")
    queries = column(sql, "SELECT feature::vector::text FROM many LIMIT 10")
    for query in queries:
        distances = column(sql, "SELECT distance FROM open_analytic.search('many', %s::vector, 300)", query)
        assert (len(distances), distances) == (300, sorted(distances))


def test_only_an_hnsw_index_of_the_feature_counts(photos: Sql) -> None:
    photos.execute("ALTER TABLE photos ADD COLUMN other halfvec(3)")
    photos.execute("CREATE INDEX ON photos USING ivfflat (feature halfvec_l2_ops) WITH (lists = 1)")
    photos.execute("CREATE INDEX ON photos USING hnsw (other halfvec_l2_ops)")
    index = value(photos, "SELECT open_analytic.create_ann_index('photos')")
    definition = value(photos, "SELECT pg_get_indexdef(%s::regclass)", index)
    assert "USING hnsw (feature halfvec_l2_ops)" in definition


def test_a_column_of_any_name_is_a_part_of_the_row(sql: Sql) -> None:
    value(
        sql,
        'SELECT open_analytic.create_collection(\'x\', \'mean_colour\', \'{"r": "text", "row": "int", "t": "text"}\')',
    )
    sql.execute("INSERT INTO x (image_name, feature, r, row, t) VALUES ('a', '[1,0,0]', 'R', 1, 'T')")
    assert column(sql, f"SELECT \"row\" FROM open_analytic.search('x', {QUERY})") == [{"r": "R", "row": 1, "t": "T"}]

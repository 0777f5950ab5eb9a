"""A table of the user's becomes a collection: what is there stays, and the error holds the missing statements."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from PIL import Image
from psycopg import sql

import open_analytic
from open_analytic import OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import (
    BadParameter,
    CollectionExists,
    InvalidName,
    PermissionDenied,
    UnknownCollection,
    UnsuitableTable,
    VersionMismatch,
)
from tests import tiny, tiny_objects

RED, GREEN, BLUE = (250, 10, 10), (10, 250, 10), (10, 10, 250)
LIKE_OURS = "CREATE TABLE photos (image_name text PRIMARY KEY, image_data bytea NOT NULL, feature halfvec(3))"


def picture(colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (24, 20), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny_objects.write(tiny.write(tmp_path / "cards"))
    with open_analytic.connect(dsn, settings=Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        yield db


@pytest.fixture
def owner(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def fill(owner: psycopg.Connection[Any], statement: str) -> None:
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        owner.execute(statement.encode(), [name, picture(colour)])


def node(owner: psycopg.Connection[Any], table: str = "photos") -> object:
    """The file of the table: another one when its rows were written again."""
    return owner.execute("SELECT pg_relation_filenode(%s::regclass)", [table]).fetchone()


def repaired(owner: psycopg.Connection[Any], adopt: Callable[[], Any]) -> str:
    """The statements of the error's hint, after they were run."""
    with pytest.raises(UnsuitableTable) as caught:
        adopt()
    assert caught.value.hint
    owner.execute(caught.value.hint.encode())
    return caught.value.hint


def test_an_adopted_table_does_all_that_a_collection_does(
    db: OpenAnalytic, owner: psycopg.Connection[Any], tmp_path: Path
) -> None:
    owner.execute(LIKE_OURS.replace("image_data", "note text DEFAULT 'mine', image_data"))
    fill(owner, "INSERT INTO photos (image_name, image_data) VALUES (%s, %s)")
    before = node(owner)
    photos = db.adopt("photos", pipeline="mean_colour")
    assert node(owner) == before
    assert (photos.info.pipeline, photos.info.version, photos.info.dim) == ("mean_colour", 1, 3)
    assert photos.info.columns == {"note": "text"}

    report = db.compute_features("photos")
    assert (report.added, report.updated, report.rows, report.failed) == (0, 3, 3, ())
    again = db.compute_features("photos")
    assert (again.updated, again.rows) == (0, 0)
    assert [hit.name for hit in photos.search(picture(RED), k=1)] == ["red"]
    assert next(hit.name for hit in photos.search(picture(BLUE), k=3, filter="note = 'mine'")) == "blue"

    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "dark.png").write_bytes(picture((90, 0, 0)))
    (tmp_path / "new" / "red").write_bytes(picture(RED))
    assert photos.import_files(tmp_path / "new" / "dark.png", values={"dark.png": {"note": "new"}}).added == 1
    assert [(row.name, dict(row.row)) for row in photos.rows()] == [
        ("blue", {"note": "mine"}),
        ("dark.png", {"note": "new"}),
        ("green", {"note": "mine"}),
        ("red", {"note": "mine"}),
    ]
    assert photos.image("green") == picture(GREEN)
    photos.create_index()
    assert photos.index() == "ready"
    assert [name for name, _, _ in photos.texts()] == ["blue", "dark.png", "green", "red"]
    assert photos.delete("dark.png") == 1
    owner.execute("INSERT INTO photos (image_name, image_data) VALUES ('late', %s)", [picture(RED)])
    assert db.compute_features("photos").updated == 1


def test_features_of_this_version_stay(db: OpenAnalytic, owner: psycopg.Connection[Any]) -> None:
    owner.execute(LIKE_OURS)
    owner.execute("INSERT INTO photos VALUES ('a', 'x', '[1,0,0]'), ('b', 'y', '[0,1,0]')")
    with pytest.raises(VersionMismatch, match="a version that is not given") as caught:
        db.adopt("photos", pipeline="mean_colour")
    assert caught.value.hint == (
        "When version 1 made them give feature_version = 1; else set them to NULL first: "
        "UPDATE public.photos SET feature = NULL."
    )
    with pytest.raises(VersionMismatch, match="features of version 2, and the pipeline has version 1"):
        db.adopt("photos", pipeline="mean_colour", feature_version=2)
    before = owner.execute("SELECT ctid, xmin, feature::text FROM photos ORDER BY 1").fetchall()
    photos = db.adopt("photos", pipeline="mean_colour", feature_version=1)
    assert owner.execute("SELECT ctid, xmin, feature::text FROM photos ORDER BY 1").fetchall() == before
    assert [(hit.name, hit.distance) for hit in photos.search([1, 0, 0], k=1)] == [("a", 0.0)]
    assert db.compute_features("photos").rows == 0


ARTICLE = """CREATE TABLE image_search_table (
    image_name text PRIMARY KEY, image_data bytea NOT NULL, feature {type} NOT NULL)"""


@pytest.mark.parametrize("type_", ["real[]", "vector(3)", "halfvec(3)", "double precision[]", "vector"])
def test_a_table_of_the_articles_script_is_adopted(
    db: OpenAnalytic, owner: psycopg.Connection[Any], type_: str
) -> None:
    owner.execute(ARTICLE.format(type=type_).encode())
    if type_ == "vector(3)":
        owner.execute("CREATE INDEX by_feature ON image_search_table USING hnsw (feature vector_l2_ops)")
    literal = "{1,0,0}" if type_.endswith("[]") else "[1,0,0]"
    owner.execute("INSERT INTO image_search_table VALUES ('a', %s, %s)", [picture(RED), literal])

    def adopt() -> open_analytic.collection.Collection:
        return db.adopt("image_search_table", pipeline="mean_colour", feature_version=1)

    hint = repaired(owner, adopt)
    lines = {
        "vector(3)": ["DROP INDEX public.by_feature;"],
        "halfvec(3)": [],
    }.get(type_, [])
    if type_ != "halfvec(3)":
        lines += [
            "ALTER TABLE public.image_search_table ALTER COLUMN feature TYPE public.halfvec(3)"
            " USING feature::public.halfvec(3);"
        ]
    assert hint.splitlines() == [*lines, "ALTER TABLE public.image_search_table ALTER COLUMN feature DROP NOT NULL;"]
    table = adopt()
    assert [(hit.name, hit.distance) for hit in table.search([1, 0, 0])] == [("a", 0.0)]
    table.create_index()
    assert table.index() == "ready"


WORSE = {
    "other names": (
        "CREATE TABLE photos (title varchar(40), photo bytea, embedding vector(3), box text)",
        ("title", "photo", "embedding"),
    ),
    "an integer key": ("CREATE TABLE photos (id bigserial PRIMARY KEY, photo bytea)", ("id", "photo", "feature")),
    "nothing": ("CREATE TABLE photos (note text)", ("image_name", "image_data", "feature")),
    "names in the way": (
        "CREATE TABLE photos (image_name integer, image_data text, feature json, source integer, imported_at date,"
        " pipeline_version text, image_sha256 text)",
        ("image_name", "image_data", "feature"),
    ),
    "a name that is no text": (
        "CREATE TABLE photos (title integer UNIQUE, image_name integer, picture integer)",
        ("title", "picture", "feature"),
    ),
    "computed": (
        "CREATE TABLE photos (n integer, image_name text GENERATED ALWAYS AS (n::text) STORED)",
        ("image_name", "image_data", "feature"),
    ),
    "another length": (
        "CREATE TABLE photos (image_name text PRIMARY KEY, feature halfvec(512))",
        ("image_name", "image_data", "feature"),
    ),
    "a partial key": (
        "CREATE TABLE photos (image_name text NOT NULL, n integer); CREATE UNIQUE INDEX ON photos (image_name)"
        " WHERE n > 1; CREATE UNIQUE INDEX ON photos (image_name, n); CREATE INDEX ON photos (lower(image_name))",
        ("image_name", "image_data", "feature"),
    ),
}


@pytest.mark.parametrize(("table", "columns"), WORSE.values(), ids=WORSE)
@pytest.mark.parametrize("pipeline", ["mean_colour", "objects"])
def test_one_error_lists_all_that_is_missing_and_its_statements_are_enough(
    db: OpenAnalytic, owner: psycopg.Connection[Any], table: str, columns: tuple[str, str, str], pipeline: str
) -> None:
    db.pipeline_create("objects", tiny_objects.EMBEDDER)
    owner.execute(table.encode())
    names: dict[str, Any] = dict(zip(("name_column", "data_column", "feature_column"), columns, strict=True))
    repaired(owner, lambda: db.adopt("photos", pipeline=pipeline, **names))
    adopted = db.adopt("photos", pipeline=pipeline, **names)
    assert adopted.info.many is (pipeline == "objects")
    adopted.add("a", picture(RED))
    assert adopted.count() == 1


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("title", ["title", 'a "b" %s {c} .', "source", "Distance"])
def test_columns_that_the_caller_names_keep_their_names(
    db: OpenAnalytic, owner: psycopg.Connection[Any], title: str, many: bool
) -> None:
    """And image_name can then be a column of the user's."""
    pipeline = db.pipeline_create("objects", tiny_objects.EMBEDDER).name if many else "mean_colour"
    name, key = sql.Identifier(title), sql.SQL(", part integer NOT NULL DEFAULT 0, UNIQUE ({}, part)" if many else "")
    owner.execute(
        sql.SQL("CREATE TABLE photos ({} text {}, image_name integer, picture bytea {})").format(
            name, sql.SQL("NOT NULL" if many else "PRIMARY KEY"), key.format(name)
        )
    )
    owner.execute("INSERT INTO photos VALUES ('red', 1, %s), ('green', 2, %s)", [picture(RED), picture(GREEN)])
    photos = db.adopt("photos", pipeline=pipeline, name_column=title, data_column="picture")
    inputs = photos.info.inputs
    assert (inputs.name, inputs.data, inputs.sha256, inputs.data_type) == (title, "picture", "image_sha256", "bytea")
    assert photos.info.columns == {"image_name": "integer"}
    assert db.compute_features("photos").updated == 2
    assert next(hit.row for hit in photos.search(picture(RED), k=1, filter="image_name < 3")) == {"image_name": 1}
    photos.rename("red", "crimson")
    assert [(row.name, row.row) for row in photos.rows() if not row.part] == [
        ("crimson", {"image_name": 1}), ("green", {"image_name": 2}),
    ]  # fmt: skip
    assert photos.update("green", {"image_name": 5}) > 0
    photos.create_index()
    photos.measure_index(queries=1)
    assert photos.near_duplicates(max_distance=0) == []
    assert {each.name for each in photos.knn_join(photos, k=1)} <= {"crimson", "green"}
    assert photos.cluster(max_distance=100).clusters
    assert photos.delete("green") == 1
    db.drop_collection("photos")
    assert owner.execute(sql.SQL("SELECT DISTINCT {} FROM photos").format(name)).fetchall() == [("crimson",)]


def test_one_column_cannot_hold_two_things(db: OpenAnalytic, owner: psycopg.Connection[Any]) -> None:
    owner.execute("CREATE TABLE photos (feature text PRIMARY KEY, picture bytea)")
    with pytest.raises(InvalidName, match="Column 'feature' cannot hold two things of a collection"):
        db.adopt("photos", pipeline="mean_colour", name_column="feature", data_column="picture")


def test_a_name_column_that_is_not_there_is_named(db: OpenAnalytic, owner: psycopg.Connection[Any]) -> None:
    owner.execute("CREATE TABLE photos (note text)")
    with pytest.raises(UnsuitableTable) as caught:
        db.adopt("photos", pipeline="mean_colour", name_column="heading", data_column="bild")
    assert caught.value.message == (
        "Table public.photos cannot be a collection as it is: it has no column heading; it has no column bild; "
        "(heading) is not unique; column heading allows NULL."
    )


def test_a_key_of_one_row_a_name_makes_room_for_regions(db: OpenAnalytic, owner: psycopg.Connection[Any]) -> None:
    db.pipeline_create("objects", tiny_objects.EMBEDDER)
    owner.execute(LIKE_OURS)
    hint = repaired(owner, lambda: db.adopt("photos", pipeline="objects"))
    assert hint.splitlines()[0] == "ALTER TABLE public.photos DROP CONSTRAINT photos_pkey;"
    assert hint.splitlines()[-2:] == [
        "ALTER TABLE public.photos ADD COLUMN part integer NOT NULL DEFAULT 0;",
        "ALTER TABLE public.photos ADD UNIQUE (image_name, part);",
    ]
    db.adopt("photos", pipeline="objects")


NO_TABLES = {
    "view": "CREATE VIEW photos AS SELECT 1",
    "materialized": "CREATE MATERIALIZED VIEW photos AS SELECT 1",
    "sequence": "CREATE SEQUENCE photos",
    "partitioned": "CREATE TABLE photos (image_name text PRIMARY KEY) PARTITION BY HASH (image_name)",
    "partition": "CREATE TABLE p (image_name text) PARTITION BY HASH (image_name);"
    " CREATE TABLE photos PARTITION OF p FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
    "parent": f"{LIKE_OURS}; CREATE TABLE child () INHERITS (photos)",
    "child": f"{LIKE_OURS.replace('photos', 'p')}; CREATE TABLE photos () INHERITS (p)",
    "unlogged": LIKE_OURS.replace("TABLE", "UNLOGGED TABLE"),
    "typed": "CREATE TYPE t AS (image_name text); CREATE TABLE photos OF t",
    "ruled": f"{LIKE_OURS}; CREATE RULE r AS ON INSERT TO photos DO INSTEAD NOTHING",
}


@pytest.mark.parametrize("statement", NO_TABLES.values(), ids=NO_TABLES)
def test_what_is_no_ordinary_table_is_refused(db: OpenAnalytic, owner: psycopg.Connection[Any], statement: str) -> None:
    owner.execute(statement.encode())
    with pytest.raises(UnsuitableTable, match="'photos' cannot be a collection: it is not an ordinary table"):
        db.adopt("photos", pipeline="mean_colour")
    assert db.collections() == []


def test_other_refusals_name_what_is_wrong(db: OpenAnalytic, owner: psycopg.Connection[Any]) -> None:
    with pytest.raises(UnknownCollection, match="no table 'photos'"):
        db.adopt("photos", pipeline="mean_colour")
    with pytest.raises(InvalidName, match="pg_catalog"):
        db.adopt("pg_catalog.pg_class", pipeline="mean_colour")
    with pytest.raises(BadParameter, match="metric"):
        db.adopt("photos", pipeline="mean_colour", metric="l3")  # type: ignore[arg-type]
    db.create_collection("photos", pipeline="mean_colour")
    with pytest.raises(CollectionExists, match="a collection 'photos' already"):
        db.adopt("photos", pipeline="mean_colour")


STAYS = """
SELECT (SELECT array_agg(indexrelid::regclass::text ORDER BY 1) FROM pg_index WHERE indrelid = t.oid),
       (SELECT array_agg(tgname::text ORDER BY 1) FROM pg_trigger WHERE tgrelid = t.oid),
       t.relowner, t.relacl::text, t.reloptions, obj_description(t.oid),
       (SELECT jsonb_agg(jsonb_build_array(attname, atttypid, atttypmod, attstorage, attnotnull) ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = t.oid AND attnum BETWEEN 1 AND 5)
FROM pg_class AS t WHERE t.oid = 'photos'::regclass
"""


def test_indexes_triggers_comments_and_rights_stay_also_after_a_drop(
    db: OpenAnalytic, owner: psycopg.Connection[Any]
) -> None:
    owner.execute(
        LIKE_OURS.replace("image_data", "n integer DEFAULT 7, tag text, image_data") + " WITH (fillfactor=70)"
    )
    owner.execute(
        "COMMENT ON TABLE photos IS 'mine'; CREATE INDEX ON photos (n);"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.tag = TG_OP; RETURN NEW; END';"
        "CREATE TRIGGER mine BEFORE INSERT ON photos FOR EACH ROW EXECUTE FUNCTION f();"
    )
    fill(owner, "INSERT INTO photos (image_name, image_data) VALUES (%s, %s)")
    before = owner.execute(STAYS).fetchone()
    db.adopt("photos", pipeline="mean_colour")
    assert owner.execute(STAYS).fetchone() == before
    db.compute_features("photos")
    owner.execute("DROP INDEX photos_feature_idx")  # the import built it
    rows = owner.execute("SELECT image_name, n, tag, feature::text FROM photos ORDER BY 1").fetchall()
    for (name,) in owner.execute("SELECT conname FROM pg_constraint WHERE conrelid = 'photos'::regclass").fetchall():
        owner.execute(
            sql.SQL("COMMENT ON CONSTRAINT {} ON photos IS NULL").format(sql.Identifier(name))
        )  # as in a dump without them

    db.drop_collection("photos")
    assert owner.execute(STAYS).fetchone() == before
    assert owner.execute("SELECT image_name, n, tag, feature::text FROM photos ORDER BY 1").fetchall() == rows
    assert db.collections() == []
    assert owner.execute("SELECT conname FROM pg_constraint WHERE conname ~ '^open_analytic'").fetchall() == []
    owner.execute("INSERT INTO photos (image_name, image_data) VALUES ('more', 'x')")

    owner.execute("UPDATE photos SET pipeline_version = 1")
    db.adopt("photos", pipeline="mean_colour", feature_version=1)  # and once more
    assert len(db.collection("photos").search(picture(RED), k=9)) == 3


def test_a_renamed_adopted_table_stays_its_collection(db: OpenAnalytic, owner: psycopg.Connection[Any]) -> None:
    owner.execute(f"CREATE SCHEMA s; {LIKE_OURS.replace('photos', 's.photos')}")
    db.adopt("s.photos", pipeline="mean_colour")
    owner.execute("ALTER TABLE s.photos RENAME TO pictures")
    assert [each.name for each in db.collections()] == ["s.pictures"]
    db.drop_collection("s.pictures")
    assert owner.execute("SELECT count(*) FROM s.pictures").fetchone() == (0,)


def test_only_its_owner_adopts_a_table(db: OpenAnalytic, owner: psycopg.Connection[Any], dsn: str) -> None:
    database = owner.info.dbname
    admin = f"adopter_{database}"
    owner.execute(f"{LIKE_OURS}; CREATE ROLE {admin} LOGIN; GRANT open_analytic_admin TO {admin}".encode())
    owner.execute(f"GRANT ALL ON photos TO {admin}; GRANT CREATE ON SCHEMA public TO {admin}".encode())
    try:
        hers = psycopg.conninfo.make_conninfo(dsn, options=f"-c role={admin}")
        with open_analytic.connect(hers, settings=db.settings) as other:
            with pytest.raises(PermissionDenied, match="Table 'photos' belongs to another role"):
                other.adopt("photos", pipeline="mean_colour")
            owner.execute(f"ALTER TABLE photos OWNER TO {admin}".encode())
            other.adopt("photos", pipeline="mean_colour").add("a", picture(RED))
            assert owner.execute("SELECT has_table_privilege('open_analytic_user', 'photos', 'SELECT')").fetchone() == (
                False,
            )
    finally:
        owner.execute(f"DROP OWNED BY {admin} CASCADE; DROP ROLE {admin}".encode())

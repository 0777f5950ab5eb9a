"""A user's own Alembic project: collections are written, run, taken back, and never reported as foreign."""

import io
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from alembic import command
from alembic.config import Config

from open_analytic.embedded import Server
from open_analytic.search_options import SearchOptions
from open_analytic.store import collections, indexes, rows, search
from open_analytic.store.connection import Connection, connect
from open_analytic.types import Feature, Row
from tests.database.conftest import MakeCollection

ENV = """
import psycopg
import sqlalchemy
from alembic import context

import open_analytic.alembic
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text

metadata = MetaData()
{models}

dsn = context.config.attributes["dsn"]
options = dict(target_metadata=metadata, include_schemas={include_schemas}, transaction_per_migration=True)
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=sqlalchemy.NullPool
    )
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
"""

PHOTOS = """
Table("visits", metadata, Column("id", Integer, primary_key=True), Column("image_name", Text))
open_analytic.alembic.collection(
    "photos", metadata, dim=4, columns={"district": "text", "price": "numeric(10,2)"}, ann_index=True
)
open_analytic.alembic.collection("faces", metadata, dim=8, metric="cosine", many=True)
"""


class Project:
    """A folder with alembic's files; ``models`` is what its env.py declares."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.folder, self.dsn = folder, dsn
        self.printed = io.StringIO()
        (folder / "versions").mkdir()
        (folder / "script.py.mako").write_text(
            '"""${message}"""\nfrom alembic import op\nimport sqlalchemy as sa\n'
            "revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n"
            "def upgrade() -> None:\n    ${upgrades}\ndef downgrade() -> None:\n    ${downgrades}\n",
            encoding="utf-8",
        )

    def declare(self, models: str, *, include_schemas: bool = False) -> None:
        text = ENV.format(models=models, include_schemas=include_schemas)
        (self.folder / "env.py").write_text(text, encoding="utf-8")

    @property
    def config(self) -> Config:
        config = Config(stdout=io.StringIO(), output_buffer=self.printed)
        config.set_main_option("script_location", str(self.folder))
        config.set_main_option("path_separator", "os")
        config.attributes["dsn"] = self.dsn
        return config

    def autogenerate(self, name: str) -> str:
        """The text of the revision, only what it does."""
        command.revision(self.config, message=name, rev_id=name, autogenerate=True)
        text = (self.folder / "versions" / f"{name}_{name}.py").read_text(encoding="utf-8")
        return text[text.index("def upgrade") :]

    def upgrade(self) -> None:
        command.upgrade(self.config, "head")

    def downgrade(self, revision: str = "base") -> None:
        command.downgrade(self.config, revision)


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    """One that leaves no transaction open: CONCURRENTLY waits for those."""
    connection = connect(dsn, autocommit=True)
    connection.execute("SET search_path = public")
    yield connection
    connection.close()


@pytest.fixture
def project(tmp_path: Path, dsn: str) -> Project:
    return Project(tmp_path, dsn)


def names(connection: Connection) -> list[str]:
    return [info.name for info in collections.all(connection)]


def body(text: str) -> tuple[list[str], list[str]]:
    """The statements of upgrade and of downgrade, a line each."""
    up, down = text.split("def downgrade")
    return statements(up), statements(down)


def statements(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith("op.")]


def test_declared_collections_are_written_run_and_then_nothing_is_left_to_do(
    project: Project, connection: Connection
) -> None:
    project.declare(PHOTOS)
    up, down = body(project.autogenerate("first"))
    assert [line for line in up if "visits" not in line] == [
        "op.create_collection('faces', dim=8, metric='cosine', many=True)",
        "op.create_collection('photos', dim=4, metric='l2', columns={'district': 'text', 'price': 'numeric(10,2)'})",
        "op.create_ann_index('photos', metric='l2', m=16, ef_construction=200)",
    ]
    assert [line for line in down if "visits" not in line] == [
        "op.drop_ann_index('photos', metric='l2', m=16, ef_construction=200)",
        "op.drop_collection('photos')",
        "op.drop_collection('faces')",
    ]
    project.upgrade()
    photos = collections.get(connection, "photos")
    assert (photos.columns, photos.pipeline, photos.dim) == ({"district": "text", "price": "numeric(10,2)"}, None, 4)
    assert indexes.state(connection, photos) == "ready"
    command.check(project.config)
    project.downgrade()
    assert names(connection) == []
    project.upgrade()
    assert names(connection) == ["faces", "photos"]


def test_a_collection_of_regions_is_declared_with_their_type(
    project: Project, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    declared = 'open_analytic.alembic.collection("notes", metadata, dim=4, many=True, input="text", region="text_span")'
    written = "op.create_collection('notes', dim=4, metric='l2', many=True, region='text_span', input='text')"
    project.declare(declared)
    assert body(project.autogenerate("first")) == ([written], ["op.drop_collection('notes')"])
    project.upgrade()
    assert collections.get(connection, "notes").region == "text_span"
    command.check(project.config)
    with caplog.at_level(logging.WARNING, "open_analytic"):
        project.declare(declared.replace("text_span", "span"))
        command.check(project.config)
    assert "is declared with region 'span' but has 'text_span'" in caplog.text
    project.declare("")
    assert body(project.autogenerate("second")) == (["op.drop_collection('notes')"], [written])


INPUTS = {"text": ("text_name", "text_data", "text"), "audio": ("audio_name", "audio_data", "bytea")}


@pytest.mark.parametrize("input_", INPUTS)
def test_a_collection_of_other_inputs_goes_up_and_down(project: Project, connection: Connection, input_: str) -> None:
    project.declare(
        f'open_analytic.alembic.collection("notes", metadata, dim=4, columns={{"lang": "text"}}, input="{input_}")'
    )
    created = f"op.create_collection('notes', dim=4, metric='l2', columns={{'lang': 'text'}}, input='{input_}')"
    assert body(project.autogenerate("first")) == ([created], ["op.drop_collection('notes')"])
    project.upgrade()
    notes = collections.get(connection, "notes")
    assert (notes.inputs.name, notes.inputs.data, notes.inputs.data_type) == INPUTS[input_]
    assert notes.columns == {"lang": "text"}
    command.check(project.config)
    rows.write(connection, notes, [Row(name="a", data=b"red", features=(Feature(vector=np.ones(4, np.float32)),))])
    assert [hit.name for hit in search.search(connection, notes, np.ones(4, np.float32), SearchOptions(k=3))] == ["a"]

    project.declare("")
    assert body(project.autogenerate("second")) == (["op.drop_collection('notes')"], [created])
    project.upgrade()
    assert names(connection) == []
    project.downgrade("first")
    notes = collections.get(connection, "notes")
    assert (notes.inputs.name, notes.inputs.data, notes.inputs.data_type) == INPUTS[input_]
    project.downgrade()
    assert names(connection) == []


def test_another_input_is_said_and_not_written(
    project: Project, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    project.declare('open_analytic.alembic.collection("notes", metadata, dim=4, input="text")')
    project.autogenerate("first")
    project.upgrade()
    project.declare('open_analytic.alembic.collection("notes", metadata, dim=4)')
    assert body(project.autogenerate("second")) == ([], [])
    assert "Collection notes is declared with input 'image' but has 'text'" in caplog.text
    assert names(connection) == ["notes"]


def test_a_table_of_texts_is_adopted_and_left_by_migrations(project: Project, connection: Connection) -> None:
    project.declare("")
    connection.execute("CREATE TABLE notes (title text PRIMARY KEY, body text, lang text)")
    connection.execute("INSERT INTO notes VALUES ('a', 'red', 'en')")
    (project.folder / "versions" / "first.py").write_text(
        "from alembic import op\nrevision, down_revision = 'first', None\n"
        "def upgrade() -> None:\n    op.adopt_collection('notes', dim=4, input='text', name_column='title',"
        " data_column='body')\n"
        "def downgrade() -> None:\n    op.drop_collection('notes')\n"
    )
    project.upgrade()
    inputs = collections.get(connection, "notes").inputs
    assert (inputs.name, inputs.data, inputs.sha256, inputs.data_type) == ("title", "body", "text_sha256", "text")
    project.downgrade()
    assert connection.execute("SELECT title, body, lang FROM notes").fetchall() == [("a", "red", "en")]


def test_a_migrated_collection_is_filled_and_searched(project: Project, connection: Connection) -> None:
    project.declare(PHOTOS)
    project.autogenerate("first")
    project.upgrade()
    photos = collections.get(connection, "photos")
    row = Row(name="a", features=(Feature(vector=np.ones(4, np.float32)),), values={"district": "A", "price": "9.5"})
    rows.write(connection, photos, [row])
    (hit,) = search.search(connection, photos, np.ones(4, np.float32), SearchOptions(k=3, filter="district = 'A'"))
    assert (hit.name, hit.distance, str(hit.row["price"])) == ("a", 0.0, "9.50")


def test_a_collection_taken_from_the_declarations_is_dropped_and_comes_back(
    project: Project, connection: Connection
) -> None:
    project.declare(PHOTOS)
    project.autogenerate("first")
    project.upgrade()
    project.declare("")
    up, down = body(project.autogenerate("second"))
    assert [line for line in up if "collection" in line] == [
        "op.drop_collection('faces')",
        "op.drop_collection('photos')",
    ]
    assert [line for line in down if "collection" in line] == [
        "op.create_collection('photos', dim=4, metric='l2', columns={'district': 'text', 'price': 'numeric(10,2)'})",
        "op.create_collection('faces', dim=8, metric='cosine', many=True)",
    ]
    project.upgrade()
    assert names(connection) == []
    project.downgrade("first")
    assert names(connection) == ["faces", "photos"]


@pytest.mark.parametrize("include_schemas", [False, True])
def test_our_tables_are_not_foreign(
    project: Project, connection: Connection, make: MakeCollection, include_schemas: bool
) -> None:
    connection.execute("CREATE SCHEMA elsewhere")
    make("made_by_the_app", columns={"district": "text"})
    make("elsewhere.too")
    connection.execute("CREATE INDEX ON made_by_the_app USING hnsw (feature halfvec_l2_ops)")
    connection.execute("CREATE INDEX ON made_by_the_app (district)")
    project.declare("", include_schemas=include_schemas)
    command.upgrade(project.config, "head")
    command.check(project.config)


def test_a_collection_may_be_modelled_as_a_table_to_query_it(project: Project) -> None:
    project.declare(PHOTOS)
    project.autogenerate("first")
    project.upgrade()
    model = 'Table("photos", metadata, Column("image_name", Text, primary_key=True), Column("district", Text), '
    price = 'Column("price", sqlalchemy.Numeric(10, 2)))'
    project.declare(PHOTOS + model + price)
    command.check(project.config)
    project.declare(PHOTOS + model + price[:-1] + ', Column("year", Integer))')
    up, _ = body(project.autogenerate("second"))
    assert up == ["op.add_column('photos', sa.Column('year', sa.Integer(), nullable=True))"]


def test_another_shape_is_said_and_not_written(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    project.declare(PHOTOS)
    project.autogenerate("first")
    project.upgrade()
    changed = PHOTOS.replace("dim=4", "dim=5").replace('"district": "text", ', '"year": "integer", ')
    project.declare(changed)
    with caplog.at_level(logging.WARNING, "open_analytic"):
        command.check(project.config)
    messages = [record.getMessage() for record in caplog.records]
    assert ["dim 5" in messages[0], "year" in messages[2], "district" in messages[1]] == [True] * 3


def test_a_collection_may_be_bound_to_a_pipeline(
    project: Project, connection: Connection, make: MakeCollection
) -> None:
    make("other")  # registers the pipeline
    project.declare(
        """open_analytic.alembic.collection(
            "bound", metadata, dim=4, pipeline="colours", version=1, parameters={"scale": 0.5})"""
    )
    up, _ = body(project.autogenerate("first"))
    assert up == [
        "op.create_collection('bound', dim=4, metric='l2', pipeline='colours', version=1, parameters={'scale': 0.5})"
    ]
    project.upgrade()
    bound = collections.get(connection, "bound")
    assert (bound.pipeline, bound.version, bound.parameters) == ("colours", 1, {"scale": 0.5})
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("INSERT INTO bound (image_name, pipeline_version) VALUES ('a', 2)")


def test_a_table_is_adopted_and_left_by_migrations(project: Project, connection: Connection) -> None:
    connection.execute("CREATE TABLE mine (image_name text PRIMARY KEY, image_data bytea, feature halfvec(4), n int)")
    connection.execute("INSERT INTO mine VALUES ('a', 'x', '[1,0,0,0]', 7)")
    project.declare("""Table("mine", metadata, Column("image_name", Text, primary_key=True), Column("n", Integer))""")
    (project.folder / "versions" / "adopt.py").write_text(
        "from alembic import op\nrevision = 'adopt'\ndown_revision = None\n"
        "def upgrade() -> None:\n    op.adopt_collection('mine', dim=4, metric='cosine')\n"
        "def downgrade() -> None:\n    op.drop_collection('mine')\n",
        encoding="utf-8",
    )
    project.upgrade()
    mine = collections.get(connection, "mine")
    assert (mine.dim, mine.metric, mine.pipeline, dict(mine.columns)) == (4, "cosine", None, {"n": "integer"})
    assert body(project.autogenerate("second")) == ([], [])
    project.downgrade()
    assert names(connection) == []
    assert connection.execute("SELECT image_name, n, feature::text FROM mine").fetchall() == [("a", 7, "[1,0,0,0]")]


def test_the_printed_script_does_the_same(
    project: Project, connection: Connection, server: Server, tmp_path: Path
) -> None:
    project.declare(PHOTOS.replace('"district"', '"dis:trict %s\\\\"'))
    project.autogenerate("first")
    command.upgrade(project.config, "head", sql=True)
    script = tmp_path / "script.sql"
    script.write_text(project.printed.getvalue(), encoding="utf-8")
    psql = [str(server.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", project.dsn, "-f", str(script)]
    subprocess.run(psql, check=True, capture_output=True)
    photos = collections.get(connection, "photos")
    assert list(photos.columns) == ["dis:trict %s\\", "price"]
    assert indexes.state(connection, photos) == "ready"


def test_without_our_schema_nothing_is_reported(tmp_path: Path, empty_dsn: str) -> None:
    project = Project(tmp_path, empty_dsn)
    project.declare("")
    command.upgrade(project.config, "head")
    command.check(project.config)


def test_an_index_of_some_rows_is_not_the_index(project: Project, connection: Connection) -> None:
    project.declare(PHOTOS)
    project.autogenerate("first")
    project.upgrade()
    connection.execute("DROP INDEX photos_feature_idx")
    connection.execute("CREATE INDEX ON photos USING hnsw (feature halfvec_l2_ops) WHERE price > 1")
    up, _ = body(project.autogenerate("second"))
    assert [line.partition("(")[0] for line in up] == ["op.create_ann_index"]


def test_an_interrupted_index_is_built_again(project: Project, connection: Connection) -> None:
    project.declare(PHOTOS)
    project.autogenerate("first")
    project.upgrade()
    connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'photos_feature_idx'::regclass")
    (project.folder / "versions" / "again_again.py").write_text(
        "from alembic import op\nrevision, down_revision = 'again', 'first'\n"
        "def upgrade() -> None:\n    op.create_ann_index('photos', m=8, ef_construction=32)\n"
        "def downgrade() -> None:\n    op.drop_ann_index('photos')\n",
        encoding="utf-8",
    )
    project.upgrade()
    photos = collections.get(connection, "photos")
    assert indexes.state(connection, photos) == "ready"
    project.downgrade("first")
    assert indexes.state(connection, photos) == "absent"

"""The statements of the article, in our words: what its two demos become."""

from pathlib import Path

import pytest

from open_analytic.analyticdb.translation import translate
from open_analytic.errors import UntranslatableStatement

DATA = Path(__file__).resolve().parents[2] / "data"
DIMS = {"general_feature_extractor": 1024, "face_feature_extractor": 128}


def changed(script: str) -> list[tuple[int, tuple[str, ...]]]:
    """The statements that do not stay as they are, by line."""
    statements = translate(script, pipeline_dim=DIMS.get, table_type=lambda table, column: None)
    return [(statement.line, statement.becomes) for statement in statements if not statement.unchanged]


def test_image_search() -> None:
    assert changed((DATA / "image_search.sql").read_text()) == [
        (2, ()),
        (3, ("CREATE EXTENSION IF NOT EXISTS vector",)),
        (8, ("""\
CREATE TABLE image_search_table (
    image_name text PRIMARY KEY,
    image_data bytea NOT NULL,
    feature vector(1024) NOT NULL
)""",)),
        (14, ("CREATE INDEX ON image_search_table USING hnsw (feature vector_l2_ops) WITH (ef_construction = 200)",)),
    ]  # fmt: skip


def test_face_search_says_that_our_faces_have_other_numbers() -> None:
    with pytest.raises(UntranslatableStatement, match=r"dim 512, but the pipeline face_feature_extractor gives 128"):
        changed((DATA / "face_search.sql").read_text())


def test_face_search_with_our_numbers() -> None:
    assert changed((DATA / "face_search.sql").read_text().replace("dim = 512", "dim = 128")) == [
        (2, ()),
        (3, ("CREATE EXTENSION IF NOT EXISTS vector",)),
        (9, ("""\
CREATE TABLE face_search_table (
    image_name text PRIMARY KEY,
    image_data bytea NOT NULL,
    feature vector(128) NOT NULL
)""",)),
        (15, ("""\
CREATE INDEX face_feature_index ON face_search_table
    USING hnsw (feature vector_l2_ops) WITH (m = 32, ef_construction = 200)""",)),
    ]  # fmt: skip

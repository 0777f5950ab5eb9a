"""A database with the tiny pipelines, for the parts of the site that ask one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

import open_analytic
from open_analytic.config import Settings
from tests import tiny, tiny_faces
from tests.databases import database

if TYPE_CHECKING:
    from open_analytic import OpenAnalytic, embedded


@pytest.fixture(scope="module")
def tiny_db(server: embedded.Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAnalytic]:
    """One for a whole file of tests."""
    folder = tmp_path_factory.mktemp("cards")
    settings = Settings.read({}, cards=(tiny_faces.write(tiny.write(folder)),), models_dir=folder, audit_percent=0)
    with open_analytic.connect(database(server, template), settings=settings) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        db.pipeline_create("tiny_faces", tiny_faces.EXTRACTOR)
        yield db

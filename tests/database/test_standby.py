"""On a streaming standby everything that reads works, and what would change something is one typed error."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import open_analytic
from open_analytic.config import Settings
from open_analytic.errors import PermissionDenied
from open_analytic.store import planner, schema
from open_analytic.types import Vector
from tests import standby, tiny
from tests.conftest import REPOSITORY

ROWS = 2000


@dataclass(frozen=True, kw_only=True)
class Replicated:
    """The database of both servers, and settings with the small model."""

    primary: str
    standby: str
    settings: Settings
    vectors: list[Vector]


def count(replicated: Replicated, statement: str) -> Any:
    with psycopg.connect(replicated.standby, autocommit=True) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    """A collection of 2,000 rows with an index, calibrated so that searches take the index."""
    cards = tiny.write(tmp_path_factory.mktemp("cards"))
    settings = Settings.read({}, cards=(cards,), models_dir=tmp_path_factory.mktemp("models"), audit_percent=100)
    vectors = list(np.random.default_rng(5).standard_normal((ROWS, 3)).astype(np.float32))
    with standby.started() as pair:
        primary, copy = (make_conninfo(dsn, dbname="postgres") for dsn in (pair.primary, pair.standby))
        schema.upgrade(primary)
        with open_analytic.connect(primary, settings=settings) as db:
            db.pipeline_create("mean_colour", tiny.PIPELINE)
            points = db.create_collection("points", pipeline="mean_colour", columns={"number": "integer"})
            points.import_vectors((f"{n:04d}", vector, {"number": n}) for n, vector in enumerate(vectors))
            points.create_index()
            planner.measure_index(db._database, points.info, queries=20)
        with psycopg.connect(primary, autocommit=True) as connection:
            dear = "UPDATE open_analytic.calibrations SET exact_ms = 1e7, scan_ms = 1e6"
            connection.execute(dear)
        pair.catch_up()
        yield Replicated(primary=primary, standby=copy, settings=settings, vectors=vectors)


@pytest.fixture
def db(replicated: Replicated) -> Iterator[open_analytic.OpenAnalytic]:
    with open_analytic.connect(replicated.standby, settings=replicated.settings) as db:
        yield db


def command(replicated: Replicated, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on the standby."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("OPEN_ANALYTIC_")}
    environment |= {"OPEN_ANALYTIC_CARDS": str(replicated.settings.cards[0]), "PYTHONPATH": str(REPOSITORY)}
    line = [sys.executable, "-m", "open_analytic", "--dsn", replicated.standby, *words]
    return subprocess.run(line, capture_output=True, text=True, env=environment, check=False)


def test_the_server_is_a_standby(replicated: Replicated) -> None:
    assert count(replicated, "SELECT pg_is_in_recovery()") == [(True,)]


def test_searches_answer_and_their_audits_keep_quiet(
    db: open_analytic.OpenAnalytic, replicated: Replicated, caplog: pytest.LogCaptureFixture
) -> None:
    points = db.collection("points")
    with caplog.at_level(logging.INFO, "open_analytic"):
        for number in range(30):
            (hit,) = points.search(replicated.vectors[number], k=1)
            assert (hit.name, hit.row) == (f"{number:04d}", {"number": number})
        db._auditor.settle()
    assert caplog.messages == []
    assert points.explain_search(replicated.vectors[0])["plan"] == "index"
    assert [hit.name for hit in points.search(replicated.vectors[7], k=1, filter="number = 7")] == ["0007"]
    assert len(points.near_duplicates(max_distance=0.0)) == 0


def test_an_evaluation_reports_and_records_nothing(db: open_analytic.OpenAnalytic, replicated: Replicated) -> None:
    report = db.collection("points").evaluate(queries=10, k=5)
    assert (report.queries, report.plans) == (10, {"index": 10})
    assert report.recall >= 0.9
    assert count(replicated, "SELECT count(*) FROM open_analytic.search_audits") == [(0,)]


def test_pipelines_run(db: open_analytic.OpenAnalytic, tmp_path: Path) -> None:
    from tests.sql.conftest import BLUE, picture

    assert db.pipeline_run("mean_colour", picture(BLUE))["feature"][2] > 0.99
    assert db.plan("mean_colour").hash == db.pipeline("mean_colour").hash


CHANGES: dict[str, Callable[[open_analytic.OpenAnalytic], object]] = {
    "import": lambda db: db.collection("points").import_vectors([("new", [1, 0, 0], None)]),
    "update": lambda db: db.collection("points").update("0001", values={"number": 3}),
    "rename": lambda db: db.collection("points").rename("0001", "other"),
    "delete": lambda db: db.collection("points").delete(["0001"]),
    "index": lambda db: db.collection("points").create_index(),
    "measure_index": lambda db: db.collection("points").measure_index(),
    "cluster": lambda db: db.collection("points").cluster(max_distance=0.1),
    "create": lambda db: db.create_collection("more", pipeline="mean_colour"),
    "register": lambda db: db.pipeline_create("other", tiny.PIPELINE),
    "drop": lambda db: db.drop_collection("points"),
    "upgrade": lambda db: schema.upgrade(db.dsn),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_refused_and_names_the_primary(
    db: open_analytic.OpenAnalytic, change: Callable[[open_analytic.OpenAnalytic], object]
) -> None:
    with pytest.raises(
        PermissionDenied, match=r"^The database takes no changes: cannot execute [A-Z ]+ in a read-only"
    ) as info:
        change(db)
    assert info.value.hint == "Connect to the primary server, as a role without default_transaction_read_only."


def test_doctor_says_what_a_standby_can_do(replicated: Replicated) -> None:
    ran = command(replicated, "doctor")
    assert ran.returncode == 0, ran.stdout
    assert "can run and search; a standby takes no changes" in ran.stdout


def test_the_command_line_evaluates(replicated: Replicated) -> None:
    ran = command(replicated, "collection", "evaluate", "points", "--queries", "5")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "5 searches (5 index)" in ran.stdout

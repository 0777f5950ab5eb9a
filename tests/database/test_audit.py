"""The recall of searches is measured again exactly: a share of them in the background, or many at once."""

import logging
from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from open_analytic.config import Settings
from open_analytic.errors import BadParameter, PermissionDenied
from open_analytic.search_options import SearchOptions
from open_analytic.store import audit
from open_analytic.store.audit import Auditor
from open_analytic.store.connection import Database
from open_analytic.types import Hit
from tests.database.filled import Filled, queries

OPTIONS = SearchOptions(k=10)


def quality(filled: Filled) -> list[tuple[object, ...]]:
    return filled.run("SELECT plan, searches, recall, target_recall, under_target FROM open_analytic.search_quality")


def test_one_search_in_so_many_is_done_again(measured: Filled) -> None:
    auditor = Auditor(measured.database, percent=50, rest=0)
    for vector in queries(7):
        auditor.saw(measured.info, vector, measured.find(vector), OPTIONS)
    auditor.settle()
    auditor.close()
    ((plan, searches, recall, target, _),) = quality(measured)
    assert (plan, searches, target) == ("index", 3, pytest.approx(0.95))
    assert 0.9 <= float(str(recall)) <= 1


def test_after_an_audit_there_is_a_rest(measured: Filled) -> None:
    auditor = Auditor(measured.database, percent=100, rest=1e9)
    for vector in queries(5):
        auditor.saw(measured.info, vector, measured.find(vector), OPTIONS)
        auditor.settle()
    auditor.close()
    assert [row[1] for row in quality(measured)] == [1]


def test_what_was_lost_is_seen_and_said(measured: Filled, caplog: pytest.LogCaptureFixture) -> None:
    auditor = Auditor(measured.database, percent=100, rest=0)
    wrong = [Hit(name="x", distance=1e9, row={}) for _ in range(10)]
    with caplog.at_level(logging.WARNING, "open_analytic"):
        for vector in queries(audit.ENOUGH + 5):
            auditor.saw(measured.info, vector, wrong, OPTIONS)
            auditor.settle()
    auditor.close()
    assert quality(measured)[0][1:] == (audit.ENOUGH + 5, 0.0, pytest.approx(0.95), True)
    (message,) = caplog.messages
    assert "find 0.000" in message
    assert "open-analytic collection measure-index points" in message


def test_an_audit_has_a_time_limit_of_its_own(
    measured: Filled, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "AUDIT_S", 0.2)
    auditor = Auditor(measured.database, percent=100, rest=0)
    (vector,) = queries(1)
    with caplog.at_level(logging.INFO, "open_analytic"):
        auditor.saw(measured.info, vector, measured.find(vector), replace(OPTIONS, filter="pg_sleep(30) IS NOT NULL"))
        auditor.settle()
    auditor.close()
    assert [line.partition(":")[0] for line in caplog.messages] == ["a search of points was not audited"]
    assert quality(measured) == []


@pytest.mark.parametrize("percent", [0, 100])
def test_exact_searches_and_no_percentage_are_not_audited(filled: Filled, percent: int) -> None:
    auditor = Auditor(filled.database, percent=percent, rest=0)
    for vector in queries(3):
        auditor.saw(filled.info, vector, filled.find(vector), OPTIONS)  # never measured: exact
        auditor.saw(filled.info, vector, filled.find(vector), replace(OPTIONS, target_recall=1.0))
    auditor.settle()
    auditor.close()
    assert quality(filled) == []


def test_an_evaluation_says_what_was_found_and_how(measured: Filled) -> None:
    report = audit.evaluate(
        measured.database, measured.info, queries=40, options=SearchOptions(k=5, filter="number % 3 = 0")
    )
    assert (report.queries, report.k, report.target_recall) == (40, 5, 0.95)
    assert report.worst <= report.recall <= 1
    assert report.recall >= 0.95
    assert sum(report.plans.values()) == 40
    assert report.ms > 0
    assert report.exact_ms > 0
    assert sum(int(str(row[1])) for row in quality(measured)) == 40 - report.plans.get("exact", 0)


def test_an_evaluation_of_nothing_is_a_typed_error(filled: Filled) -> None:
    with pytest.raises(BadParameter):
        audit.evaluate(filled.database, filled.info, queries=0)
    filled.run("DELETE FROM points")
    with pytest.raises(BadParameter, match="no rows"):
        audit.evaluate(filled.database, filled.info)


def test_who_may_not_read_a_collection_records_nothing_of_it(filled: Filled, settings: Settings) -> None:
    filled.run("CREATE ROLE audit_reader LOGIN IN ROLE open_analytic_user")
    database = Database(make_conninfo(filled.database.dsn, user="audit_reader"), settings)
    try:
        audit.record(database, filled.info, "index", OPTIONS, 0.5)
        assert len(quality(filled)) == 1
        filled.run("REVOKE SELECT ON points FROM open_analytic_user")
        with pytest.raises(PermissionDenied):
            audit.record(database, filled.info, "index", OPTIONS, 0.5)
        with psycopg.connect(database.dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO open_analytic.search_audits SELECT * FROM open_analytic.search_audits")
    finally:
        database.close()
        filled.run("DROP ROLE audit_reader")


def test_a_role_that_reads_by_default_records_too(filled: Filled, settings: Settings) -> None:
    filled.run("CREATE ROLE audit_service LOGIN IN ROLE open_analytic_user")
    filled.run("ALTER ROLE audit_service SET default_transaction_read_only = on")
    database = Database(make_conninfo(filled.database.dsn, user="audit_service"), settings)
    try:
        audit.record(database, filled.info, "index", OPTIONS, 0.5)
        assert quality(filled)[0][:3] == ("index", 1, 0.5)
    finally:
        database.close()
        filled.run("DROP ROLE audit_service")


def test_recall_counts_what_is_equally_near() -> None:
    def at(*distances: float) -> list[Hit]:
        return [Hit(name=str(number), distance=distance, row={}) for number, distance in enumerate(distances)]

    assert audit.recall(at(1, 2, 3), at(1, 2, 2.5)) == pytest.approx(2 / 3)
    assert audit.recall(at(1, 2, 2), at(1, 2, 2)) == 1
    assert audit.recall([], []) == 1
    assert audit.recall([], at(1)) == 0

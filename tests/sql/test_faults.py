"""The service and the server fail as they please: a typed error or one silent retry, never NULL, never a hang."""

import io
import os
import signal
import threading
import time
import urllib.parse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest
from PIL import Image

from open_analytic import embedded
from tests import plpython
from tests.sql.conftest import BLUE, GREEN, RED, Service, column, create, know, picture, value

Sql = psycopg.Connection[Any]
RUN = "SELECT open_analytic.pipeline_run('mean_colour', %s::bytea)"
SLOW = "SELECT open_analytic.pipeline_run('slow_colour', %s::bytea)"
MANY = "SELECT open_analytic.pipeline_run_batch('slow_colour', %s::bytea[])"
EIGHT = [picture((10, 10, number + 1)) for number in range(60)]  # a minute of work


def metric(service: Service, name: str) -> float:
    """A counter of the service."""
    path = urllib.parse.urlsplit(service.http).path
    with httpx.Client(transport=httpx.HTTPTransport(uds=path)) as client:
        lines = client.get("http://localhost/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name) and line[len(name)] in " {")


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes soon, or fail."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def idle(service: Service) -> None:
    """The service has nothing more to do, long before the work would have been done."""
    until(lambda: metric(service, "open_analytic_calls_under_way") == 0)


def failure(session: Sql, statement: str, *values: object) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        session.execute(statement, values)
    return caught.value


@pytest.mark.parametrize(("statement", "data"), [(SLOW, picture()), (MANY, EIGHT)], ids=["one", "batch"])
def test_a_statement_timeout_ends_the_call_and_the_work(sql: Sql, service: Service, statement: str, data: Any) -> None:
    sql.execute("SET statement_timeout = '200ms'")
    assert failure(sql, statement, data).sqlstate == "57014"
    idle(service)
    sql.execute("SET statement_timeout = 0")
    assert value(sql, RUN, picture(BLUE))["feature"][2] > 0.9  # not the answer of the call before


@pytest.mark.parametrize(("statement", "data"), [(SLOW, picture()), (MANY, EIGHT)], ids=["one", "batch"])
def test_a_cancelled_statement_ends_the_work(sql: Sql, service: Service, statement: str, data: Any) -> None:
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(failure, sql, statement, data)
        until(lambda: metric(service, "open_analytic_calls_under_way") > 0)
        sql.cancel_safe()
        assert call.result().sqlstate == "57014"
    idle(service)
    assert value(sql, RUN, picture(GREEN))["feature"][1] > 0.9


def test_a_terminated_backend_ends_the_work(sql: Sql, dsn: str, service: Service) -> None:
    with psycopg.connect(dsn, autocommit=True) as victim, ThreadPoolExecutor(1) as thread:
        call = thread.submit(failure, victim, MANY, EIGHT)
        until(lambda: metric(service, "open_analytic_calls_under_way") > 0)
        sql.execute("SELECT pg_terminate_backend(%s)", [victim.info.backend_pid])
        assert call.result().sqlstate in ("57P01", None)
    idle(service)


def test_the_client_that_vanishes_ends_the_work_when_postgresql_notices(sql: Sql, dsn: str, service: Service) -> None:
    victim = psycopg.connect(dsn, autocommit=True)
    victim.execute("SET client_connection_check_interval = '100ms'")
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(failure, victim, MANY, EIGHT)
        until(lambda: metric(service, "open_analytic_calls_under_way") > 0)
        os.close(os.dup(victim.fileno()))
        import socket

        with socket.socket(fileno=os.dup(victim.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        call.result()
    idle(service)


def test_a_deadline_is_a_typed_error(sql: Sql, service: Service) -> None:
    know(sql, service, timeout_ms=200)
    assert failure(sql, SLOW, picture()).sqlstate == "OA073"
    idle(service)
    know(sql, service)
    assert value(sql, RUN, picture())["feature"][0] > 0.9


def test_a_service_that_is_down_is_a_typed_error(sql: Sql, own: Service) -> None:
    know(sql, own)
    assert own.stop() == 0
    error = failure(sql, RUN, picture())
    assert (error.sqlstate, "open-analytic serve" in (error.diag.message_hint or "")) == ("OA071", True)
    error = failure(sql, "SELECT * FROM open_analytic.pipeline_run_batch('mean_colour', %s::bytea[])", [picture()])
    assert error.sqlstate == "OA071"


def test_a_service_that_restarts_between_calls_is_not_noticed(sql: Sql, own: Service) -> None:
    know(sql, own)
    expected = value(sql, RUN, picture())
    for kill in (False, True):
        own.stop(kill=kill)
        own.start()
        assert value(sql, RUN, picture()) == expected


def test_waiting_for_a_service_can_be_cancelled(sql: Sql, stopped: Service) -> None:
    know(sql, stopped, wait_ms=60_000)
    sql.execute("SET statement_timeout = '300ms'")
    assert failure(sql, RUN, picture()).sqlstate == "57014"


def test_a_service_that_is_starting_is_waited_for(sql: Sql, stopped: Service) -> None:
    know(sql, stopped, wait_ms=30_000)
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(value, sql, RUN, picture())
        stopped.start()
        assert call.result()["feature"][0] > 0.9


@pytest.mark.parametrize("statement", [SLOW, MANY], ids=["one", "batch"])
def test_a_service_that_dies_in_mid_call_is_a_typed_error(sql: Sql, own: Service, statement: str) -> None:
    know(sql, own)
    value(sql, RUN, picture())  # a kept connection
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(failure, sql, statement, EIGHT if statement == MANY else picture())
        until(lambda: metric(own, "open_analytic_calls_under_way") > 0)
        own.stop(kill=True)
        assert call.result().sqlstate == "OA071"
    own.start()
    assert value(sql, RUN, picture())["feature"][0] > 0.9


def test_a_service_told_to_stop_finishes_what_it_has(sql: Sql, own: Service) -> None:
    know(sql, own)
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(value, sql, SLOW, picture())
        until(lambda: metric(own, "open_analytic_calls_under_way") > 0)
        assert own.stop() == 0
        assert call.result()["feature"][0] > 0.9
    assert failure(sql, RUN, picture()).sqlstate == "OA071"


def test_sixty_four_sessions_at_once_all_get_their_own_answer(sql: Sql, dsn: str) -> None:
    colours = [RED, GREEN, BLUE]
    expected = [value(sql, RUN, picture(colour)) for colour in colours]
    together = threading.Barrier(64)

    def session(number: int) -> list[Any]:
        with psycopg.connect(dsn, autocommit=True) as connection:
            together.wait(60)
            return [value(connection, RUN, picture(colours[(number + each) % 3])) for each in range(3)]

    with ThreadPoolExecutor(64) as threads:
        for number, answers in enumerate(threads.map(session, range(64))):
            assert answers == [expected[(number + each) % 3] for each in range(3)]


def test_a_picture_that_is_a_bomb_harms_nobody(sql: Sql) -> None:
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    assert failure(sql, RUN, file.getvalue()).sqlstate == "OA013"
    assert value(sql, RUN, picture())["feature"][0] > 0.9


def test_postgresql_restarts(
    body: str, service: Service, template: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A crash of the server in mid-call: the service stops working on it, and serves the server that comes back."""
    from open_analytic.store import schema
    from tests import tiny

    binaries = plpython.require() if body == "plpython3u" else None
    home = tmp_path_factory.mktemp("restarts")
    with embedded.start(home, pg_bin=binaries) as server, plpython.code_folder(server.home) as code:
        schema.upgrade(server.dsn)
        with psycopg.connect(server.dsn, autocommit=True) as sql:
            know(sql, service)
            sql.execute("INSERT INTO open_analytic.settings VALUES ('python_path', %s)", [str(code)])
            create(sql, "mean_colour", tiny.PIPELINE)
            create(sql, "slow_colour", tiny.slow_pipeline())
            with ThreadPoolExecutor(1) as thread:
                call = thread.submit(failure, sql, MANY, EIGHT)
                until(lambda: metric(service, "open_analytic_calls_under_way") > 0)
                os.kill(sql.info.backend_pid, signal.SIGKILL)
                call.result()
        idle(service)

        def back() -> bool:
            try:
                with psycopg.connect(server.dsn, autocommit=True) as sql:
                    return bool(value(sql, RUN, picture())["feature"][0] > 0.9)
            except psycopg.OperationalError:
                return False

        until(back)


def test_the_owner_chooses_the_body(sql: Sql, body: str) -> None:
    expected = value(sql, RUN, picture())
    assert value(sql, "SELECT open_analytic.use_body('dblink')") == "dblink"
    assert value(sql, RUN, picture()) == expected
    assert failure(sql, "SELECT open_analytic.use_body('nonsense')").sqlstate == "OA019"
    if body == "dblink":
        assert failure(sql, "SELECT open_analytic.use_body('plpython3u')").sqlstate == "OA054"
        return
    assert value(sql, "SELECT open_analytic.use_body()") == "plpython3u"
    assert value(sql, RUN, picture()) == expected


def test_a_database_that_knows_no_service_says_so(sql: Sql) -> None:
    sql.execute("DELETE FROM open_analytic.nodes")
    error = failure(sql, RUN, picture())
    assert (error.sqlstate, "INSERT INTO open_analytic.nodes" in (error.diag.message_hint or "")) == ("OA071", True)


def test_any_node_is_asked_at_random(sql: Sql, service: Service, own: Service) -> None:
    sql.execute(
        "INSERT INTO open_analytic.nodes (name, position, http, wire) VALUES ('second', 1, %s, %s)",
        [own.http, own.wire],
    )
    before = metric(own, "open_analytic_inputs_total")
    column(sql, "SELECT open_analytic.pipeline_run('mean_colour', %s::bytea) FROM generate_series(1, 3)", picture())
    assert metric(own, "open_analytic_inputs_total") == before
    for _ in range(40):
        value(sql, "SELECT open_analytic.pipeline_run_dist_random('mean_colour', %s::bytea)", picture())
    assert 0 < metric(own, "open_analytic_inputs_total") - before < 40


def test_python_that_cannot_import_us_is_told(sql: Sql, body: str) -> None:
    if body == "dblink":
        assert value(sql, "SELECT count(*) FROM pg_language WHERE lanname = 'plpython3u'") == 0
        return
    sql.execute("UPDATE open_analytic.settings SET value = '/nowhere' WHERE name = 'python_path'")
    error = failure(sql, RUN, picture())
    assert (error.sqlstate, "python_path" in (error.diag.message_hint or "")) == ("OA054", True)


def test_a_node_that_was_moved_is_asked_at_its_new_place(sql: Sql, own: Service) -> None:
    """In a session that has a connection to the old place, under a name longer than dblink's own names."""
    value(sql, RUN, picture())
    sql.execute("UPDATE open_analytic.nodes SET name = repeat('n', 60)")
    for _ in range(2):
        value(sql, RUN, picture())
    sql.execute("UPDATE open_analytic.nodes SET http = %s, wire = %s", [own.http, own.wire])
    before = metric(own, "open_analytic_inputs_total")
    value(sql, RUN, picture())
    assert metric(own, "open_analytic_inputs_total") == before + 1


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_service_that_hangs_can_be_left(sql: Sql, own: Service, size: int) -> None:
    """It is frozen: it neither reads nor answers."""
    know(sql, own)
    value(sql, RUN, picture())
    assert own.process
    os.kill(own.process.pid, signal.SIGSTOP)
    try:
        sql.execute("SET statement_timeout = '500ms'")
        assert failure(sql, RUN, b"x" * size).sqlstate == "57014"
    finally:
        os.kill(own.process.pid, signal.SIGCONT)
    sql.execute("SET statement_timeout = 0")
    assert value(sql, RUN, picture())["feature"][0] > 0.9

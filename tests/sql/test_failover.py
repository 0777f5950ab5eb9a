"""Two nodes of the service, one of which is dead, dies during calls, or shuts down: no call is lost."""

import json
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeAlias

import psycopg
import pytest
from psycopg.types.json import Jsonb

from open_analytic import embedded
from open_analytic.config import Settings
from tests.databases import database
from tests.sql.conftest import BLUE, GREEN, RED, Service, column, know, new_service, picture, value
from tests.sql.test_faults import SLOW, failure, idle, metric, until

Sql = psycopg.Connection[Any]
Episode: TypeAlias = Callable[[Sql, Service, Service], None]
CALLS = 40
RUN = "SELECT open_analytic.pipeline_run('mean_colour', %s::bytea)"
RANDOM = "SELECT open_analytic.pipeline_run_dist_random('mean_colour', %s::bytea)"
BATCH = "SELECT open_analytic.pipeline_run_batch('mean_colour', %s::bytea[])::text"
EMBED = "SELECT open_analytic.embed('mean_colour', %s::bytea)::text"


def know_both(sql: Sql, first: Service, second: Service, **options: int) -> None:
    """Tell the database of two nodes."""
    know(sql, first, **options)
    sql.execute(
        "INSERT INTO open_analytic.nodes (name, position, http, wire) VALUES ('second', 1, %s, %s)",
        [second.http, second.wire],
    )


@pytest.fixture(params=["first", "second"])
def one_dead(request: pytest.FixtureRequest, sql: Sql, service: Service, stopped: Service) -> str:
    """Which of two nodes is dead."""
    know_both(sql, *((stopped, service) if request.param == "first" else (service, stopped)))
    return str(request.param)


@pytest.mark.parametrize(
    ("statement", "data"),
    [(RUN, picture()), (RANDOM, picture()), (BATCH, [picture()] * 3), (EMBED, picture())],
    ids=["run", "random", "batch", "embed"],
)
def test_with_one_of_two_nodes_dead_all_calls_succeed(sql: Sql, one_dead: str, statement: str, data: Any) -> None:
    expected = column(sql, statement, data)
    assert [column(sql, statement, data) for _ in range(CALLS)] == [expected] * CALLS


def test_searches_by_picture_and_verifications_succeed_too(sql: Sql, one_dead: str) -> None:
    value(sql, "SELECT open_analytic.create_collection('photos', 'mean_colour')")
    insert = "INSERT INTO photos (image_name, feature) SELECT %s, open_analytic.embed('mean_colour', %s::bytea)"
    for name, colour in (("red", RED), ("green", GREEN)):
        sql.execute(insert, [name, picture(colour)])
    sql.execute(
        "INSERT INTO open_analytic.distance_rates"
        " (pipeline, version, metric, same_pairs, different_pairs, source, rates)"
        " VALUES ('mean_colour', 1, 'l2', 40, 250, 'shades', %s)",
        [
            Jsonb(
                [
                    {
                        "false_accept_rate": 0.01,
                        "distance": 0.02,
                        "true_accept_rate": 0.9,
                        "false_accepts": 1,
                        "upper_bound": 0.01,
                    }
                ]
            )
        ],
    )
    search = "SELECT name FROM open_analytic.search('photos', %s::bytea, 1)"
    assert [column(sql, search, picture(GREEN)) for _ in range(CALLS)] == [["green"]] * CALLS
    verify = "SELECT same FROM open_analytic.verify(%s::bytea, %s::bytea, 'mean_colour')"
    assert [value(sql, verify, picture(RED), picture(GREEN)) for _ in range(CALLS)] == [False] * CALLS


def test_new_sessions_succeed_too(sql: Sql, dsn: str, one_dead: str) -> None:
    expected = value(sql, RUN, picture())

    def session(_: int) -> Any:
        with psycopg.connect(dsn, autocommit=True) as connection:
            return value(connection, RANDOM, picture())

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(session, range(CALLS))) == [expected] * CALLS


def test_a_node_that_is_killed_during_a_call(sql: Sql, service: Service, own: Service) -> None:
    know_both(sql, own, service)
    expected = value(sql, SLOW, picture())
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(value, sql, SLOW, picture())
        until(lambda: metric(own, "open_analytic_calls_under_way") > 0)
        own.stop(kill=True)
        assert call.result() == expected
    features = [value(sql, RUN, picture(colour))["feature"] for colour in (RED, GREEN, BLUE)]
    assert [feature.index(max(feature)) for feature in features] == [0, 1, 2]


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
def test_a_node_that_ends_and_comes_back_during_many_calls(
    sql: Sql, service: Service, own: Service, kill: bool
) -> None:
    know_both(sql, own, service)
    expected = value(sql, RUN, picture())
    with ThreadPoolExecutor(1) as thread:
        calls = thread.submit(lambda: [value(sql, statement, picture()) for statement in (RUN, RANDOM) * CALLS])
        own.stop(kill=kill)
        own.start()
        assert calls.result() == [expected] * 2 * CALLS


def test_the_picture_s_error_is_the_same_with_a_dead_node(sql: Sql, one_dead: str) -> None:
    assert failure(sql, RUN, b"words").sqlstate == "OA012"
    wrong, right = map(json.loads, column(sql, BATCH, [b"words", picture()]))
    assert (wrong["error"]["sqlstate"], right) == ("OA012", value(sql, RUN, picture()))


def test_a_statement_timeout_ends_a_call_that_went_to_the_next_node(
    sql: Sql, service: Service, stopped: Service
) -> None:
    know_both(sql, stopped, service)
    sql.execute("SET statement_timeout = '300ms'")
    assert failure(sql, SLOW, picture()).sqlstate == "57014"
    idle(service)
    sql.execute("SET statement_timeout = 0")
    assert value(sql, RUN, picture(GREEN))["feature"][1] > 0.9


def test_a_deadline_is_the_whole_call_s(sql: Sql, service: Service, stopped: Service) -> None:
    know_both(sql, stopped, service, timeout_ms=200)
    assert failure(sql, SLOW, picture()).sqlstate == "OA073"
    idle(service)


def test_all_nodes_are_dead(sql: Sql, stopped: Service) -> None:
    know_both(sql, stopped, stopped)
    error = failure(sql, RUN, picture())
    assert (error.sqlstate, "open-analytic serve" in (error.diag.message_hint or "")) == ("OA071", True)


def test_nodes_that_are_starting_are_waited_for(sql: Sql, stopped: Service) -> None:
    know_both(sql, stopped, stopped, wait_ms=30_000)
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(value, sql, RUN, picture())
        stopped.start()
        assert call.result()["feature"][0] > 0.9


def until_used(sql: Sql, node: Service) -> None:
    before = metric(node, "open_analytic_inputs_total")

    def used() -> bool:
        value(sql, RUN, picture())
        return metric(node, "open_analytic_inputs_total") > before

    until(used)


def ends(sql: Sql, service: Service, second: Service) -> None:
    """It is dead at first."""
    know_both(sql, second, service)
    value(sql, RUN, picture())
    second.start()
    for _ in range(5):
        value(sql, RUN, picture())
    assert metric(second, "open_analytic_inputs_total") == 0
    until_used(sql, second)


def hangs(sql: Sql, service: Service, second: Service, *, connected: bool) -> None:
    """It costs one call."""
    know_both(sql, second, service, timeout_ms=1000)
    expected = value(sql, RUN, picture()) if connected else None
    assert second.process
    second.process.send_signal(signal.SIGSTOP)
    if not connected:  # dblink can wait without an end for a connection to a process that hangs
        sql.execute("SET statement_timeout = '5s'")
    assert failure(sql, RUN, picture()).sqlstate in ("OA073", "57014")
    answers = [value(sql, RUN, picture()) for _ in range(5)]
    assert answers == [expected or answers[0]] * 5
    second.process.send_signal(signal.SIGCONT)
    until_used(sql, second)


EPISODES: dict[str, Episode] = {
    "ends": ends,
    "hangs under a connection": partial(hangs, connected=True),
    "hangs before there is one": partial(hangs, connected=False),
}


@pytest.fixture(scope="module")
def episodes(
    sql_server: tuple[embedded.Server, str],
    original: str,
    service: Service,
    server: embedded.Server,
    template: str,
    here: Settings,
    group: str,
) -> Iterator[dict[str, Future[None]]]:
    """All at once, each with a session and a node of its own: each waits ten seconds, until its node is used again."""

    def run(episode: Episode, dsn: str, second: Service) -> None:
        with psycopg.connect(dsn, autocommit=True) as sql:
            episode(sql, service, second)

    with ExitStack() as stack:
        calls: list[tuple[str, Episode, str, Service]] = []
        for name, episode in EPISODES.items():
            second = stack.enter_context(new_service(server, template, here, group))
            if name != "ends":  # here, so that none starts while another has a second for its answer
                second.start()
            calls.append((name, episode, database(sql_server[0], original), second))
        threads = stack.enter_context(ThreadPoolExecutor(len(calls)))
        yield {name: threads.submit(run, episode, dsn, second) for name, episode, dsn, second in calls}


@pytest.mark.parametrize("name", EPISODES)
def test_a_node_that_fails_is_left_alone_and_used_again_later(episodes: dict[str, Future[None]], name: str) -> None:
    episodes[name].result()


def test_a_dead_node_is_no_error_where_nothing_can_be_remembered(sql: Sql, one_dead: str) -> None:
    sql.execute("CREATE TABLE pictures AS SELECT %s::bytea AS data", [picture()])
    run = "SELECT open_analytic.pipeline_run('mean_colour', data) AS colour FROM pictures"
    sql.execute(f"CREATE MATERIALIZED VIEW colours AS {run}")
    sql.execute("REFRESH MATERIALIZED VIEW colours")
    assert value(sql, "SELECT colour FROM colours") == value(sql, RUN, picture())

"""Whether the service is ready: its database answers. And what of the database's errors is told to clients."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from open_analytic import errors
from open_analytic.errors import CannotConnect, ConnectionLost, DatabaseError, PermissionDenied, StorageFull
from open_analytic.service import limits, readiness
from tests.process.service.gated import GREEN
from tests.process.service.serving import RUN, TOKEN, Service, form

SOCKET = 'connection to server on socket "/tmp/open_analytic-x/.s.PGSQL.5432" failed'


def test_without_its_database_it_is_not_ready(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "FRESH_S", 0.0)
    with own.http() as client:
        assert client.get("/health/ready").json() == {"status": "ready"}
        own.catalogue.fault = CannotConnect(SOCKET)
        for _ in range(2):
            refused = client.get("/health/ready")
            assert form(refused) == (503, "CannotConnect")
        assert client.get("/health/live").status_code == 200
        own.catalogue.fault = None
        assert client.get("/health/ready").status_code == 200


def test_a_database_that_says_nothing_is_asked_once(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "ANSWER_S", 0.1)
    own.catalogue.answering.clear()
    with ThreadPoolExecutor(4) as threads, own.http() as client:
        answers = list(threads.map(lambda _: client.get("/health/ready"), range(12)))
        assert {form(each) for each in answers} == {(503, "ServiceUnavailable")}
        assert own.catalogue.calls == 1
        own.catalogue.answering.set()
        while client.get("/health/ready").status_code != 200:
            pass


def test_many_who_ask_share_an_answer(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "FRESH_S", 3600.0)
    with own.http() as client:
        assert {client.get("/health/ready").status_code for _ in range(20)} == {200}
    assert own.catalogue.calls == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CannotConnect(SOCKET, hint="Check /etc/x."), "The database cannot be reached."),
        (ConnectionLost(SOCKET), "The connection to the database broke."),
        (DatabaseError(SOCKET), "The database refused or failed."),
        (StorageFull("/var/lib/x is full."), "There is no space left to write to."),
    ],
)
def test_what_fails_behind_the_service_is_in_its_log(
    own: Service, error: errors.OpenAnalyticError, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    own.catalogue.fault = error
    with own.http() as client, caplog.at_level(logging.WARNING, "open_analytic"):
        answer = client.get("/api/v1/pipelines")
    assert answer.status_code == error.http_status
    assert answer.json() == {
        "type": type(error).__name__,
        "sqlstate": error.sqlstate,
        "message": message,
        "hint": "The service's log says more.",
    }
    assert caplog.messages == [f"answered with {type(error).__name__}: {error.message}"]


def test_what_a_client_can_change_is_told_to_it(own: Service) -> None:
    own.catalogue.fault = PermissionDenied("The role may not do this.", hint="Ask for a grant.")
    with own.http() as client:
        error = client.get("/api/v1/pipelines").json()
    assert (error["message"], error["hint"]) == ("The role may not do this.", "Ask for a grant.")


def test_a_wrong_token_is_answered_late_and_holds_up_nobody(shared: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WRONG_TOKEN_S", 3600.0)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{shared.tcp}/api/v1/pipelines", headers={"Authorization": "Bearer wrong"}, timeout=0.5)
    assert form(httpx.get(f"{shared.tcp}/api/v1/pipelines")) == (401, "Unauthorized")  # who guesses nothing
    right = {b"authorization": f"Bearer {TOKEN}".encode()}
    assert httpx.post(shared.tcp + RUN, content=GREEN, headers=right).status_code == 200

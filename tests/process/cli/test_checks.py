"""Doctor's verdicts on what a server answers."""

from typing import Any

import pytest

from open_analytic.cli import checks, service_checks
from open_analytic.store.server_info import Facts, Node, SqlFacts


def facts(
    *, vector: str | None = "0.8.6", offered: str | None = "0.8.6", superuser: bool = False,
    user: bool | None = True, admin: bool | None = True, creates: bool = True, owner: bool = False,
    standby: bool = False,
) -> Facts:  # fmt: skip
    return Facts(
        version="18.6", vector=vector, vector_offered=offered, role="me", superuser=superuser, user=user, admin=admin,
        creates=creates, owner=owner, standby=standby,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("vector", "offered", "state"),
    [
        ("0.8.6", "0.8.6", "ok"),
        ("0.10.0", "0.10.0", "ok"),
        (None, "0.8.4", "ok"),
        ("0.8.0", "0.8.6", "note"),
        ("0.7.4", "0.8.6", "broken"),
        (None, None, "broken"),
    ],
)
def test_pgvector_has_to_be_new_enough(vector: str | None, offered: str | None, state: str) -> None:
    check = checks._vector(facts(vector=vector, offered=offered))
    assert check.state == state
    assert (check.hint is None) == (state == "ok")


@pytest.mark.parametrize(
    ("server", "state", "says"),
    [
        (facts(), "ok", "create"),
        (facts(superuser=True, user=None, admin=None), "ok", "create"),
        (facts(admin=False), "note", "GRANT open_analytic_admin TO me"),
        (facts(creates=False), "note", "GRANT CREATE ON SCHEMA public TO me"),
        (facts(user=None, admin=None), "note", "not made yet"),
        (facts(user=False, admin=False, owner=True), "ok", "create"),
        (facts(user=False, admin=False, owner=True, creates=False), "note", "GRANT CREATE ON SCHEMA public"),
        (facts(superuser=True, standby=True), "note", "a standby takes no changes"),
        (facts(user=False, admin=False), "broken", "GRANT open_analytic_user TO me"),
    ],
)
def test_rights_say_what_to_grant(server: Facts, state: str, says: str) -> None:
    check = checks._rights(server)
    assert check.state == state
    assert says in f"{check.detail} {check.hint}"


def sql_facts(**facts: Any) -> SqlFacts:
    defaults: dict[str, Any] = {
        "body": "dblink", "plpython_offered": False, "dblink": "1.2", "python_path": None, "nodes": (),
    }  # fmt: skip
    return SqlFacts(**(defaults | facts))


@pytest.mark.parametrize(
    ("facts", "state", "says"),
    [
        (sql_facts(), "ok", "does not have plpython3u"),
        (sql_facts(plpython_offered=True), "note", "use_body()"),
        (sql_facts(body="plpython3u", python_path="/opt/x"), "ok", "/opt/x"),
        (sql_facts(body=None), "broken", "use_body()"),
    ],
)
def test_doctor_names_the_body_and_why(facts: SqlFacts, state: str, says: str) -> None:
    check = service_checks.body(facts)
    assert (check.state, says in f"{check.detail} {check.hint}") == (state, True)


def node(**columns: str | None) -> Node:
    return Node(**({"name": "main", "http": None, "wire": None, "token": None} | columns))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "state", "says"),
    [
        (sql_facts(nodes=None), "note", "only the owner"),
        (sql_facts(), "note", "open-analytic serve"),
        (sql_facts(nodes=(node(http="unix:/nowhere/x"),)), "broken", "sets wire"),
        (sql_facts(body="plpython3u", nodes=(node(wire="host=/nowhere"),)), "broken", "sets http"),
        (sql_facts(body="plpython3u", nodes=(node(http="unix:/nowhere/x"),)), "note", "does not answer"),
        (sql_facts(body="plpython3u", nodes=(node(http="gopher://x"),)), "broken", "no address"),
        (sql_facts(nodes=(node(wire="host=/nowhere"),)), "ok", "not asked"),
    ],
)
def test_doctor_asks_every_node(facts: SqlFacts, state: str, says: str) -> None:
    _, check = service_checks.look(facts)
    assert (check.state, says in f"{check.detail} {check.hint}") == (state, True)

"""What doctor says of pipelines in SQL: the body of the functions, and whether the service answers at each node."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from open_analytic.cli.checks_types import Check
from open_analytic.errors import OpenAnalyticError

if TYPE_CHECKING:
    from open_analytic.store.server_info import Node, SqlFacts

USE_BODY = "SELECT open_analytic.use_body()"


def look(facts: "SqlFacts") -> Iterator[Check]:
    """The body, then each node."""
    yield body(facts)
    if facts.nodes is None:
        yield Check(name="service", state="note", detail="only the owner of open_analytic.nodes sees where it is")
        return
    if not facts.nodes:
        yield Check(
            name="service",
            state="note",
            detail="the database knows no inference service: SQL cannot run pipelines",
            hint="Start one with `open-analytic serve`, then INSERT INTO open_analytic.nodes as docs/service.md shows.",
        )
    for node in facts.nodes:
        yield _answers(node, facts)


def body(facts: "SqlFacts") -> Check:
    """How the SQL functions reach the service, and why so."""
    if facts.body is None:
        return Check(
            name="sql functions",
            state="broken",
            detail="there is neither plpython3u nor dblink on the server",
            hint=f"Install one of PostgreSQL's packages for them, then, as a superuser: {USE_BODY}.",
        )
    if facts.body == "plpython3u":
        where = f", which finds open_analytic in {facts.python_path}" if facts.python_path else ""
        return Check(name="sql functions", state="ok", detail=f"through plpython3u{where}")
    if facts.plpython_offered:
        return Check(
            name="sql functions",
            state="note",
            detail=f"through dblink {facts.dblink}; the server has plpython3u too",
            hint=f"plpython3u is a little faster; as a superuser: {USE_BODY}.",
        )
    return Check(
        name="sql functions", state="ok", detail=f"through dblink {facts.dblink}: the server does not have plpython3u"
    )


def _answers(node: "Node", facts: "SqlFacts") -> Check:
    """Whether a node answers from here, which need not be the database's machine."""
    from open_analytic.service.client import Client

    missing = {"plpython3u": "http", "dblink": "wire"}.get(facts.body or "")
    if missing and getattr(node, missing) is None:
        return Check(
            name=f"service {node.name}",
            state="broken",
            detail=f"{facts.body} needs the column {missing} of its node",
            hint=f"Its owner sets {missing} in open_analytic.nodes; docs/service.md shows the row.",
        )
    if node.http is None:
        return Check(name=f"service {node.name}", state="ok", detail=f"at {node.wire}; not asked from here")
    try:
        ready = Client(node.http, token=node.token, timeout_s=5).ready()
    except OpenAnalyticError as error:
        return Check(name=f"service {node.name}", state="broken", detail=error.message, hint=error.hint)
    detail = f"{'ready' if ready else 'does not answer from here'} at {node.http}"
    return Check(
        name=f"service {node.name}",
        state="ok" if ready else "note",
        detail=detail,
        hint=None if ready else "It takes a second to start. If none is starting: `open-analytic serve`.",
    )

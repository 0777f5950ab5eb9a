"""What the plpython3u functions call inside a PostgreSQL backend: no model, no numpy, only a call of the service."""

from __future__ import annotations

from open_analytic.errors import OpenAnalyticError, ServiceUnavailable, UnknownPlan
from open_analytic.service.client import Client
from open_analytic.service.failover import Breaker, first_answer

TYPE_CHECKING = False  # as in typing, which a PostgreSQL backend is spared
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

NODES = """
SELECT http, token, timeout_ms, wait_ms FROM open_analytic.nodes WHERE http IS NOT NULL
ORDER BY CASE WHEN $1 THEN random() END, position, name LIMIT 16
"""
CLIENTS = 16
_statements: dict[str, Any] = {}  # prepared in this backend
_clients: dict[tuple[str, str | None], Client] = {}  # of this backend: connections are kept from call to call
_breaker = Breaker()  # of this backend


def request(
    plpy: Any,
    operation: str,
    name: str,
    hash: str | None,  # noqa: A002 - the catalogue's word
    definition: str | None,
    parameters: str,
    inputs: list[bytes],
    any_node: bool,
) -> list[tuple[str | None, str | None]]:
    """Rows of (output, error), JSON both: one for each input, or one for them all when the call failed.

    Called by ``open_analytic._request``, which cannot raise itself: PL/Python would put its own words before ours.
    """

    def pause() -> None:
        plpy.execute("SELECT")  # where PostgreSQL looks for a cancelled statement, a timeout, the end of the backend

    def ask(node: tuple[str, str | None], deadline: float) -> list[tuple[str | None, OpenAnalyticError | None]]:
        client = _client(*node)
        if operation == "describe":
            return [(client.describe(inputs[0].decode("utf-8"), pause=pause, deadline=deadline), None)]

        def run() -> list[tuple[str | None, OpenAnalyticError | None]]:
            return client.run(hash or "", inputs, give=operation, parameters=parameters, pause=pause, deadline=deadline)

        try:
            return run()
        except UnknownPlan:
            import json

            client.define(hash or "", name, json.loads(definition or "{}"), pause=pause, deadline=deadline)
            return run()

    try:
        answers = _ask_nodes(plpy, any_node, ask, pause)
    except OpenAnalyticError as error:
        return [(None, _error_json(error))]
    return [(text, _error_json(error) if error else None) for text, error in answers]


def _ask_nodes(plpy: Any, any_node: bool, ask: Callable[..., Any], pause: Callable[[], object]) -> Any:
    """The first answer; the first node says how much time the call has."""
    if NODES not in _statements:
        _statements[NODES] = plpy.prepare(NODES, ["boolean"])
    rows = plpy.execute(_statements[NODES], [any_node])
    if not len(rows):
        raise ServiceUnavailable(
            "The database does not know where the inference service is.",
            hint="Its owner says so: INSERT INTO open_analytic.nodes (name, http) "
            "VALUES ('main', 'unix:/run/open_analytic/http.sock').",
        )
    return first_answer(
        [(row["http"], row["token"]) for row in rows],
        ask,
        breaker=_breaker,
        pause=pause,
        timeout_s=rows[0]["timeout_ms"] / 1000,
        wait_s=max(row["wait_ms"] for row in rows) / 1000,
    )


def _client(address: str, token: str | None) -> Client:
    """The client of a node, from call to call."""
    if (address, token) not in _clients:
        if len(_clients) >= CLIENTS:
            _clients.clear()
        _clients[address, token] = Client(address, token=token)
    return _clients[address, token]


def _error_json(error: OpenAnalyticError) -> str:
    import json

    return json.dumps(error.as_dict())

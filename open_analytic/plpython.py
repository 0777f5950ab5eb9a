"""What the plpython3u functions call inside a PostgreSQL backend: no model, no numpy, only a call of the service."""

from __future__ import annotations

from open_analytic.errors import OpenAnalyticError, ServiceUnavailable, UnknownPlan
from open_analytic.service.client import Client

TYPE_CHECKING = False  # as in typing, which a PostgreSQL backend is spared
if TYPE_CHECKING:
    from typing import Any

NODES = """
SELECT http, token, timeout_ms, wait_ms FROM open_analytic.nodes WHERE http IS NOT NULL
ORDER BY CASE WHEN $1 THEN random() END, position, name LIMIT 1
"""
KEPT = 16
_statements: dict[str, Any] = {}  # prepared in this backend
_clients: dict[tuple[Any, ...], Client] = {}  # of this backend: connections are kept from call to call


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

    try:
        client = _client(plpy, any_node)
        if operation == "describe":
            return [(client.describe(inputs[0].decode("utf-8"), pause=pause), None)]
        try:
            found = client.run(hash or "", inputs, give=operation, parameters=parameters, pause=pause)
        except UnknownPlan:
            import json

            client.define(hash or "", name, json.loads(definition or "{}"), pause=pause)
            found = client.run(hash or "", inputs, give=operation, parameters=parameters, pause=pause)
    except OpenAnalyticError as error:
        return [(None, _told(error))]
    return [(text, _told(error) if error else None) for text, error in found]


def _told(error: OpenAnalyticError) -> str:
    import json

    return json.dumps(error.as_dict())


def _client(plpy: Any, any_node: bool) -> Client:
    if NODES not in _statements:
        _statements[NODES] = plpy.prepare(NODES, ["boolean"])
    nodes = plpy.execute(_statements[NODES], [any_node])
    if not len(nodes):
        raise ServiceUnavailable(
            "The database does not know where the inference service is.",
            hint="Its owner says so: INSERT INTO open_analytic.nodes (name, http) "
            "VALUES ('main', 'unix:/run/open_analytic/http.sock').",
        )
    node = nodes[0]
    key = (node["http"], node["token"], node["timeout_ms"], node["wait_ms"])
    if key not in _clients:
        if len(_clients) >= KEPT:
            _clients.clear()
        address, token, timeout_ms, wait_ms = key
        _clients[key] = Client(address, token=token, timeout_s=timeout_ms / 1000, wait_s=wait_ms / 1000)
    return _clients[key]

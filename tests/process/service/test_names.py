"""Names in addresses: of any text, and without a change of what Starlette does for others."""

import subprocess
import sys

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from open_analytic.service.http_io import NAME

UNCHANGED = """
from starlette.convertors import CONVERTOR_TYPES
before = dict(CONVERTOR_TYPES)
import open_analytic.serve.application
print(all(CONVERTOR_TYPES[name] is before[name] for name in before))
"""


async def _echo(request: Request) -> Response:
    return JSONResponse(request.path_params["name"])


@pytest.mark.parametrize("name", ["cat", "a/b c", "line\nend", "", "/", "猫"])
def test_a_name_is_any_text(name: str) -> None:
    route = Route(f"/things/{{name:{NAME}}}/search", _echo)
    match, scope = route.matches({"type": "http", "method": "GET", "path": f"/things/{name}/search"})
    assert (match, scope["path_params"]) == (Match.FULL, {"name": name})
    assert Starlette(routes=[route]).url_path_for("_echo", name=name) == f"/things/{name}/search"


def test_starlette_s_own_convertors_are_left_as_they_are() -> None:
    done = subprocess.run([sys.executable, "-c", UNCHANGED], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"

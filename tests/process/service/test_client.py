"""The client against the real service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from open_analytic import errors
from open_analytic.pipeline.plan import Plan
from open_analytic.pipeline.spec import preset
from open_analytic.service.client import Client
from tests import tiny
from tests.process.service.gated import GREEN, colour
from tests.process.service.scripted import no_pause
from tests.process.service.serving import TOKEN, Service, service

GREEN_OUTPUT = {"feature": [0.0, 1.0, 0.0]}


@pytest.fixture(params=["unix", "tcp"])
def client(shared: Service, request: pytest.FixtureRequest) -> Iterator[Client]:
    client = Client(shared.unix) if request.param == "unix" else Client(shared.tcp, token=TOKEN)
    yield client
    client.close()


@pytest.fixture
def known(shared: Service) -> Plan:
    """A plan the service has been told of."""
    plan = shared.catalogue.plan("mean_colour")
    client = Client(shared.unix)
    client.define(plan.hash, plan.name, plan.spec.as_dict(), pause=no_pause)
    client.close()
    return plan


def test_one_picture_and_several(client: Client, known: Plan) -> None:
    def run(*inputs: bytes) -> list[tuple[Any, Any]]:
        results = client.run(known.hash, inputs, give="output", parameters="{}", pause=no_pause)
        return [(text and json.loads(text), error and type(error)) for text, error in results]

    assert run(GREEN) == [(GREEN_OUTPUT, None)]
    assert run(b"words") == [(None, errors.UnsupportedImage)]
    assert run(GREEN, b"words", GREEN) == [(GREEN_OUTPUT, None), (None, errors.UnsupportedImage), (GREEN_OUTPUT, None)]
    assert run() == []


def test_an_input_has_the_same_error_alone_and_among_others(client: Client, known: Plan) -> None:
    (alone,) = client.run(known.hash, [b"words"], give="output", parameters="{}", pause=no_pause)
    _, among = client.run(known.hash, [GREEN, b"words"], give="output", parameters="{}", pause=no_pause)
    for _, error in (alone, among):
        assert error is not None
        assert error.as_dict() == {
            "type": "UnsupportedImage", "sqlstate": "OA012",
            "message": "The bytes are not a picture of a known format.", "hint": error.hint,
        }  # fmt: skip
    assert alone[1].hint == among[1].hint  # type: ignore[union-attr]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("hash_", "give", "parameters", "kind"),
    [
        ("unknown", "output", "{}", errors.UnknownPlan),
        ("../../metrics?x=", "output", "{}", errors.NotFound),
        ("known", "nonsense&give=output", "{}", errors.BadParameter),
        ("known", "output", "nonsense", errors.InvalidInput),
        ("known", "output", '{"other": 1}', errors.BadParameter),
    ],
)
def test_what_concerns_the_whole_call_is_raised_for_one_and_for_several(
    client: Client,
    known: Plan,
    hash_: str,
    give: str,
    parameters: str,
    kind: type[errors.OpenAnalyticError],
    count: int,
) -> None:
    where = known.hash if hash_ == "known" else hash_
    with pytest.raises(errors.OpenAnalyticError) as caught:
        client.run(where, [GREEN] * count, give=give, parameters=parameters, pause=no_pause)
    assert type(caught.value) is kind


def test_definitions_are_told_and_described(client: Client, shared: Service) -> None:
    plan = shared.catalogue.plan("face_analyzer")
    with pytest.raises(errors.VersionMismatch):
        client.define("0" * 64, "faces", preset("face_analyzer").as_dict(), pause=no_pause)
    client.define(plan.hash, "faces", preset("face_analyzer").as_dict(), pause=no_pause)
    assert json.loads(client.describe('{"name": "face_analyzer"}', pause=no_pause))["hash"] == plan.hash
    with pytest.raises(errors.UnknownPipeline):
        client.describe('{"name": "nobody"}', pause=no_pause)


def test_whether_it_is_ready(client: Client, shared: Service, sockets: Path) -> None:
    assert client.ready()
    shared.work.draining = True
    assert not client.ready()
    shared.work.draining = False
    assert client.ready()
    assert not Client(f"unix:{sockets}/nobody").ready()


def test_threads_share_a_client(client: Client, known: Plan) -> None:
    def call(number: int) -> list[Any]:
        return client.run(known.hash, [colour(number)], give="output", parameters="{}", pause=no_pause)

    expected = [call(number) for number in range(20)]
    with ThreadPoolExecutor(16) as threads:
        for _ in range(3):
            assert list(threads.map(call, range(20))) == expected


def test_the_service_is_told_how_long_it_is_waited_for(tmp_path: Path, sockets: Path) -> None:
    with service(tmp_path, sockets) as it:
        plan = it.catalogue.plan("mean_colour")
        client = Client(it.unix, timeout_s=0.1)
        client.define(plan.hash, plan.name, tiny.PIPELINE, pause=no_pause)
        it.engine.gate.clear()
        with pytest.raises(errors.DeadlineExceeded, match="fewer pictures at once"):
            client.run(plan.hash, [GREEN], give="output", parameters="{}", pause=no_pause)
        client.close()


def test_who_stops_waiting_is_not_computed_for(tmp_path: Path, sockets: Path) -> None:
    with service(tmp_path, sockets) as it:
        plan, client = it.catalogue.plan("mean_colour"), Client(it.unix)
        client.define(plan.hash, plan.name, tiny.PIPELINE, pause=no_pause)
        it.engine.gate.clear()

        def cancelled() -> None:
            assert it.engine.entered.acquire(timeout=30)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            client.run(plan.hash, [GREEN], give="output", parameters="{}", pause=cancelled)
        assert it.idle()
        it.engine.gate.set()
        client.close()
    assert it.engine.ran == []

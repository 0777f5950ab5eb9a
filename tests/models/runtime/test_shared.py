"""The service's engine gives what the engine of one process gives, to any number of threads at once."""

import dataclasses
import io
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from open_analytic.config import Settings
from open_analytic.errors import ModelUnavailable, OpenAnalyticError, ServiceUnavailable, UnreadableFile
from open_analytic.models.library import Library
from open_analytic.pipeline.engine import Engine, Result
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import load
from open_analytic.runtime.batcher import Ran
from open_analytic.runtime.local import LocalEngine
from open_analytic.runtime.shared import SharedEngine
from tests import tiny


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    cards = tiny.write(tmp_path / "cards")
    return Settings.read({}, cards=(cards,), models_dir=tmp_path / "models", service_max_batch=4)


@pytest.fixture
def library(settings: Settings) -> Library:
    return Library(settings)


@pytest.fixture
def colours(library: Library) -> Plan:
    return plan(load(tiny.PIPELINE, "mean_colour"), library.cards)


@pytest.fixture
def ran() -> list[Ran]:
    """The batches that were run."""
    return []


@pytest.fixture
def shared(library: Library, settings: Settings, ran: list[Ran]) -> Iterator[SharedEngine]:
    engine = SharedEngine(library, settings, observer=ran.append)
    yield engine
    engine.close()


@pytest.fixture
def local(library: Library, settings: Settings) -> Iterator[LocalEngine]:
    engine = LocalEngine(library, settings)
    yield engine
    engine.close()


def colour(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 10), (number, 255 - number, 40)).save(file, "PNG")
    return file.getvalue()


def as_json(result: Result | OpenAnalyticError) -> str:
    """What is sent of it."""
    return json.dumps(result.as_dict() if isinstance(result, OpenAnalyticError) else result.output)


def test_the_same_json_as_in_one_process_with_bad_items_in_between(
    shared: SharedEngine, local: LocalEngine, colours: Plan
) -> None:
    items = [part for number in range(0, 250, 10) for part in (colour(number), (b"words", b"")[number % 20 // 10])]
    expected = [as_json(result) for result in local.run(colours, items)]
    assert [json.loads(text).get("type") for text in expected[:4]] == [None, "UnsupportedImage", None, "BadImage"]
    assert [as_json(result) for result in shared.run(colours, items)] == expected
    for size in (None, 1, 7, 100):
        assert [as_json(result) for result in shared.run_many(colours, items, batch_size=size)] == expected


def test_features_are_the_same_numbers(shared: SharedEngine, local: LocalEngine, colours: Plan) -> None:
    def features(engine: Engine) -> list[Any]:
        (result,) = engine.run(colours, [colour(3)])
        assert not isinstance(result, OpenAnalyticError)
        return [(feature.vector.tolist(), feature.box, dict(feature.attributes)) for feature in result.features]

    assert features(shared) == features(local)


def test_items_may_be_errors_or_functions_and_keep_their_place(shared: SharedEngine, colours: Plan) -> None:
    gone = UnreadableFile("gone")

    def fails() -> bytes:
        raise UnreadableFile("unreadable")

    items: list[bytes | OpenAnalyticError | Callable[[], bytes]] = [gone, lambda: colour(5), fails]
    (first, second, third), (alone,) = shared.run_many(colours, items), shared.run(colours, [colour(5)])
    assert first is gone
    assert (as_json(second), json.loads(as_json(third))["message"]) == (as_json(alone), "unreadable")


def test_sixty_four_threads_at_once_get_their_own_results(
    shared: SharedEngine, local: LocalEngine, colours: Plan, ran: list[Ran]
) -> None:
    expected = {number: as_json(result) for number in range(64) for result in local.run(colours, [colour(number)])}

    def call(number: int) -> str:
        (result,) = shared.run(colours, [colour(number)])
        return as_json(result)

    with ThreadPoolExecutor(64) as callers:
        for _ in range(4):
            assert dict(zip(range(64), callers.map(call, range(64)), strict=True)) == expected
    assert sum(batch.rows for batch in ran) == 4 * 64
    assert max(batch.rows for batch in ran) <= 4


def test_run_many_comes_in_order_from_several_threads(shared: SharedEngine, local: LocalEngine, colours: Plan) -> None:
    items = [colour(number) for number in range(0, 250, 7)]
    expected = [as_json(result) for result in local.run(colours, items)]

    def call(size: int) -> list[str]:
        return [as_json(each) for each in shared.run_many(colours, items, batch_size=size)]

    with ThreadPoolExecutor(4) as callers:
        for texts in callers.map(call, (1, 3, 4, 100)):
            assert texts == expected


def test_no_items_give_no_results(shared: SharedEngine, colours: Plan) -> None:
    assert (shared.run(colours, []), list(shared.run_many(colours, []))) == ([], [])


def test_run_many_takes_a_few_batches_ahead(shared: SharedEngine, colours: Plan) -> None:
    count = 0

    def endless() -> Iterator[bytes]:
        nonlocal count
        while True:
            count += 1
            yield colour(9)

    results = shared.run_many(colours, endless())
    for _ in range(5):
        next(results)
    assert count == 16  # two batches of four, and two more ahead of them


def test_models_are_loaded_let_go_of_and_loaded_again(shared: SharedEngine, colours: Plan) -> None:
    assert shared.loaded() == {}
    shared.prepare(colours)
    assert list(shared.loaded()) == ["mean_colour"]
    before = [as_json(result) for result in shared.run(colours, [colour(1)])]
    assert shared.unload_idle(3600) == []
    assert shared.unload_idle(0) == ["mean_colour"]
    assert shared.loaded() == {}
    assert [as_json(result) for result in shared.run(colours, [colour(1)])] == before
    assert list(shared.loaded()) == ["mean_colour"]


def test_models_may_be_let_go_of_at_any_moment(shared: SharedEngine, colours: Plan) -> None:
    (result,) = shared.run(colours, [colour(1)])
    with ThreadPoolExecutor(8) as callers:
        running = [callers.submit(shared.run, colours, [colour(1)]) for _ in range(25)]
        while not all(each.done() for each in running):
            shared.unload_idle(0)
        assert {as_json(text) for each in running for text in each.result(30)} == {as_json(result)}


def test_a_missing_model_is_raised_and_is_no_items_error(
    shared: SharedEngine, colours: Plan, settings: Settings
) -> None:
    (settings.cards[0] / "mean_colour.onnx").unlink()
    with pytest.raises(ModelUnavailable):
        shared.prepare(colours)
    with pytest.raises(ModelUnavailable):
        shared.run(colours, [colour(1)] * 3)
    with pytest.raises(ModelUnavailable):
        list(shared.run_many(colours, [colour(1)] * 3))


def test_a_closed_engine_refuses(shared: SharedEngine, colours: Plan) -> None:
    shared.run(colours, [colour(1)])
    shared.close()
    with pytest.raises(ServiceUnavailable):
        shared.run(colours, [colour(1)])


def test_a_call_that_ends_is_no_longer_waited_for(library: Library, settings: Settings, colours: Plan) -> None:
    patient = SharedEngine(library, dataclasses.replace(settings, service_max_wait_ms=3_600_000))
    try:
        with ThreadPoolExecutor(1) as caller:
            with patient._counted():  # another call, which has asked for no model yet
                waits = caller.submit(patient.run, colours, [colour(1)])
                deadline = time.monotonic() + 30
                while not patient._batcher._waiting:
                    assert time.monotonic() < deadline
                    time.sleep(0.001)
            (result,) = waits.result(30)
            assert not isinstance(result, OpenAnalyticError)
    finally:
        patient.close()


@pytest.mark.parametrize(("threads", "runners"), [(1, 1), (2, 2), (8, 2)])
def test_models_run_side_by_side_where_there_are_threads_for_it(
    library: Library, settings: Settings, threads: int, runners: int
) -> None:
    engine = SharedEngine(library, dataclasses.replace(settings, threads=threads))
    try:
        assert len(engine._batcher._runners) == runners
    finally:
        engine.close()

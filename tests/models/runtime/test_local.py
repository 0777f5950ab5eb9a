"""The engine in this process, with a network of three nodes: order, errors, memory and threads."""

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from open_analytic.config import Settings
from open_analytic.errors import ModelUnavailable, OpenAnalyticError, UnreadableFile
from open_analytic.models.library import Library
from open_analytic.pipeline.engine import Result
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import load
from open_analytic.runtime.local import LocalEngine
from tests import tiny


@pytest.fixture
def local(tmp_path: Path) -> Iterator[tuple[LocalEngine, Plan]]:
    settings = Settings.read({}, cards=(tiny.write(tmp_path / "cards"),), models_dir=tmp_path / "models", batch_size=4)
    library = Library(settings)
    engine = LocalEngine(library, settings)
    yield engine, plan(load(tiny.PIPELINE, "mean_colour"), library.cards)
    engine.close()


def colour(red: int, green: int, blue: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 10), (red, green, blue)).save(file, "PNG")
    return file.getvalue()


def outputs(results: list[Result | OpenAnalyticError]) -> list[Any]:
    """Features rounded, errors by their class."""
    return [
        type(result).__name__
        if isinstance(result, OpenAnalyticError)
        else [round(number, 3) for number in result.output["feature"]]
        for result in results
    ]


def test_a_result_is_made_of_what_json_has(local: tuple[LocalEngine, Plan]) -> None:
    engine, colours = local
    (result,) = engine.run(colours, [colour(255, 0, 0)])
    assert not isinstance(result, OpenAnalyticError)
    assert result.output == {"feature": [1.0, 0.0, 0.0]}
    assert {type(number) for number in result.output["feature"]} == {float}
    (feature,) = result.features
    assert (feature.vector.tolist(), feature.box, dict(feature.attributes)) == ([1, 0, 0], None, {})


def test_a_bad_item_is_its_own_error_and_its_neighbours_go_on(local: tuple[LocalEngine, Plan]) -> None:
    engine, colours = local
    items = [colour(255, 0, 0), b"words", colour(0, 255, 0), b"", colour(0, 0, 255)]
    expected = [[1, 0, 0], "UnsupportedImage", [0, 1, 0], "BadImage", [0, 0, 1]]
    assert outputs(engine.run(colours, items)) == expected
    assert outputs(list(engine.run_many(colours, items, batch_size=2))) == expected


def test_items_may_be_errors_or_functions_and_keep_their_place(local: tuple[LocalEngine, Plan]) -> None:
    engine, colours = local
    gone = UnreadableFile("gone")

    def fails() -> bytes:
        raise UnreadableFile("unreadable")

    makers: list[bytes | OpenAnalyticError | Callable[[], bytes]] = [gone, lambda: colour(0, 255, 0), fails]
    first, second, third = engine.run_many(colours, makers)
    assert first is gone
    assert outputs([second, third]) == [[0, 1, 0], "UnreadableFile"]


def test_results_come_in_order_whatever_the_batch_size(local: tuple[LocalEngine, Plan]) -> None:
    engine, colours = local
    items = [colour(number, 255 - number, 40) for number in range(0, 250, 7)]
    expected = outputs(engine.run(colours, items))
    for size in (1, 3, 16, 100):
        assert outputs(list(engine.run_many(colours, items, batch_size=size))) == expected


def test_no_items_give_no_results(local: tuple[LocalEngine, Plan]) -> None:
    engine, colours = local
    assert list(engine.run_many(colours, [])) == []
    assert engine.run(colours, []) == []


def test_items_are_taken_only_a_few_batches_ahead(local: tuple[LocalEngine, Plan]) -> None:
    engine, colours = local
    count = 0

    def endless() -> Iterator[bytes]:
        nonlocal count
        while True:
            count += 1
            yield colour(9, 9, 9)

    results = engine.run_many(colours, endless())
    for _ in range(40):
        next(results)
    assert count <= 40 + 4 * 4  # batches of four, at most three of them ahead
    results.close()  # type: ignore[attr-defined]


def test_leaving_in_the_middle_leaves_no_thread(local: tuple[LocalEngine, Plan]) -> None:
    engine, colours = local
    engine.run(colours, [colour(9, 9, 9)])  # the thread that watches runs stays until the engine is closed
    before = threading.active_count()
    results = engine.run_many(colours, [colour(9, 9, 9)] * 50)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_threads_may_share_the_engine(local: tuple[LocalEngine, Plan]) -> None:
    engine, colours = local
    items = [colour(number, 255 - number, 40) for number in range(0, 250, 50)]
    expected = outputs(engine.run(colours, items))
    with ThreadPoolExecutor(8) as callers:
        for answer in callers.map(lambda _: outputs(list(engine.run_many(colours, items))), range(16)):
            assert answer == expected


def test_a_missing_model_is_raised_once_and_is_no_items_error(local: tuple[LocalEngine, Plan], tmp_path: Path) -> None:
    engine, colours = local
    (tmp_path / "cards" / "mean_colour.onnx").unlink()
    with pytest.raises(ModelUnavailable):
        engine.prepare(colours)
    with pytest.raises(ModelUnavailable):
        engine.run(colours, [colour(1, 2, 3)] * 3)
    with pytest.raises(ModelUnavailable):
        list(engine.run_many(colours, [colour(1, 2, 3)] * 3))


def test_the_engine_works_again_after_it_was_closed(local: tuple[LocalEngine, Plan]) -> None:
    engine, colours = local
    engine.close()
    assert outputs(engine.run(colours, [colour(255, 0, 0)])) == [[1, 0, 0]]

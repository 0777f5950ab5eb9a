"""The same bytes give the same vector, whatever the batch size, the number of threads or the caller."""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import Result
from open_analytic.pipeline.spec import preset
from open_analytic.runtime.local import LocalEngine

pytestmark = [pytest.mark.models, pytest.mark.photos]


def matrix(results: Sequence[Result | OpenAnalyticError]) -> NDArray[np.float32]:
    """Every vector of every result, with its box."""
    rows = []
    for result in results:
        assert isinstance(result, Result), result
        rows += [feature.vector for feature in result.features]
    return np.stack(rows)


@pytest.fixture(scope="module")
def general(library: Library) -> Plan:
    return plan(preset("general_feature_extractor"), library.cards)


@pytest.fixture(scope="module")
def analyzer(library: Library) -> Plan:
    return plan(preset("face_analyzer"), library.cards)


@pytest.fixture(scope="module")
def one_by_one(library: Library, settings: Settings) -> LocalEngine:
    return LocalEngine(library, dataclasses.replace(settings, threads=1, decode_threads=1))


def chosen(photos: list[Path], people: dict[str, list[Path]]) -> list[bytes]:
    """Pictures of many shapes, with and without faces, in no order."""
    files = [*photos[::20], *(group[0] for group in people.values()), *photos[7:10]]
    return [file.read_bytes() for file in files]


@pytest.mark.parametrize("name", ["general", "analyzer"])
@pytest.mark.parametrize(("threads", "batch_size"), [(1, 1), (1, 5), (2, 7), (0, 16)])
def test_batches_and_threads_do_not_matter(
    name: str,
    threads: int,
    batch_size: int,
    request: pytest.FixtureRequest,
    one_by_one: LocalEngine,
    library: Library,
    settings: Settings,
    photos: list[Path],
    people: dict[str, list[Path]],
) -> None:
    made: Plan = request.getfixturevalue(name)
    items = chosen(photos, people)
    alone = [result for item in items for result in one_by_one.run(made, [item])]
    engine = LocalEngine(library, dataclasses.replace(settings, threads=threads))
    together = list(engine.run_many(made, items, batch_size=batch_size))
    assert np.abs(matrix(alone) - matrix(together)).max() < 1e-5


def test_callers_do_not_matter(engine: LocalEngine, general: Plan, photos: list[Path]) -> None:
    items = [file.read_bytes() for file in photos[:8]]
    expected = matrix(engine.run(general, items))
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(lambda item: engine.run(general, [item])[0], items))
    assert np.abs(matrix(found) - expected).max() < 1e-5


def test_plain_numbers_are_what_the_vector_holds(engine: LocalEngine, general: Plan, photos: list[Path]) -> None:
    (result,) = engine.run(general, [photos[0].read_bytes()])
    assert isinstance(result, Result)
    (feature,) = result.features
    assert feature.vector.tolist() == result.output["feature"]
    assert np.linalg.norm(feature.vector) == pytest.approx(1, abs=1e-5)

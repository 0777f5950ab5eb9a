"""The same bytes give the same vector, whatever the batch size, the number of threads or the caller."""

import dataclasses
import hashlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.pipeline.engine import Result
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import preset
from open_analytic.runtime.local import LocalEngine

pytestmark = pytest.mark.models


def matrix(results: Sequence[Result | OpenAnalyticError]) -> NDArray[np.float32]:
    """Every vector of every result, with its box."""
    rows = []
    for result in results:
        assert not isinstance(result, OpenAnalyticError), result
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


@pytest.fixture(scope="module")
def alone(one_by_one: LocalEngine) -> Callable[[Plan, list[bytes]], NDArray[np.float32]]:
    """The vectors of these items, each of which was run by itself."""
    rows: dict[str, list[Result | OpenAnalyticError]] = {}

    def alone(pipeline: Plan, items: list[bytes]) -> NDArray[np.float32]:
        key = pipeline.hash + "".join(hashlib.sha256(item).hexdigest() for item in items)
        if key not in rows:
            rows[key] = [result for item in items for result in one_by_one.run(pipeline, [item])]
        return matrix(rows[key])

    return alone


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Pictures of many shapes and both formats, with a face, with several and without."""
    woman, cat, cup = data.astronaut(), data.chelsea(), data.coffee()
    images = [
        woman,
        cat,
        cup,
        woman[:300, 80:380],
        np.hstack([woman, woman]),
        cat[::2, ::3],
        cup[:, :90],
        woman[:, ::-1],
    ]
    return [encoded(pixels, "JPEG" if number % 3 else "PNG") for number, pixels in enumerate(images)]


def encoded(pixels: NDArray[np.uint8], form: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, form)
    return file.getvalue()


@pytest.fixture(scope="module")
def real(photos: list[Path], people: dict[str, list[Path]]) -> list[bytes]:
    """Photos of many kinds, and of every person one, in no order."""
    files = [*photos[::20], *(group[0] for group in people.values()), *photos[7:10]]
    return [file.read_bytes() for file in files]


@pytest.mark.parametrize("kind", ["pictures", pytest.param("real", marks=pytest.mark.photos)])
@pytest.mark.parametrize("name", ["general", "analyzer"])
@pytest.mark.parametrize(("threads", "batch_size"), [(1, 1), (1, 5), (2, 7), (0, 16)])
def test_batches_and_threads_do_not_matter(
    kind: str,
    name: str,
    threads: int,
    batch_size: int,
    request: pytest.FixtureRequest,
    alone: Callable[[Plan, list[bytes]], NDArray[np.float32]],
    library: Library,
    settings: Settings,
) -> None:
    pipeline: Plan = request.getfixturevalue(name)
    items: list[bytes] = request.getfixturevalue(kind)
    engine = LocalEngine(library, dataclasses.replace(settings, threads=threads))
    together = list(engine.run_many(pipeline, items, batch_size=batch_size))
    assert np.abs(alone(pipeline, items) - matrix(together)).max() < 1e-5


def test_callers_do_not_matter(engine: LocalEngine, general: Plan, pictures: list[bytes]) -> None:
    expected = matrix(engine.run(general, pictures))
    with ThreadPoolExecutor(4) as callers:
        results = list(callers.map(lambda item: engine.run(general, [item])[0], pictures))
    assert np.abs(matrix(results) - expected).max() < 1e-5


def test_plain_numbers_are_what_the_vector_holds(engine: LocalEngine, general: Plan, pictures: list[bytes]) -> None:
    (result,) = engine.run(general, pictures[:1])
    assert not isinstance(result, OpenAnalyticError)
    (feature,) = result.features
    assert np.array_equal(feature.vector, np.float32(result.output["feature"]))
    assert np.linalg.norm(feature.vector) == pytest.approx(1, abs=1e-5)

"""Pipelines of videos on a tiny network: frames are pictures for every operator, and features have their frames."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from open_analytic.config import Settings
from open_analytic.errors import BadVideo, InputTooLarge, InvalidPipeline, OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators import video as operators
from open_analytic.operators.limits import Limits, budget
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import Result, run
from open_analytic.pipeline.spec import load
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import Frame
from tests import tiny, tiny_videos
from tests.tiny_videos import BLUE, GREEN, RED, SAMPLE, scenes

FILM = scenes((RED, 3), (GREEN, 1), (BLUE, 2.5))
TIMES = [(0, 0), (20, 2), (30, 3), (40, 4), (60, 6)]
COLOURS = [RED, RED, GREEN, BLUE, BLUE]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    cards = tiny.write(tmp_path_factory.mktemp("cards"))
    return Library(Settings.read({}, cards=(cards,), models_dir=cards / "models"))


@pytest.fixture(scope="module")
def cache(library: Library) -> Iterator[ModelCache]:
    cache = ModelCache(library, Settings.read({}, threads=1))
    yield cache
    cache.clear()


def ran(pipeline: Plan, cache: ModelCache, *items: bytes, limits: Limits | None = None) -> list[Any]:
    results = run(pipeline, items, cache.model, limits or Limits())
    assert budget().used == 0
    return list(results)


def near(colour: tuple[int, ...]) -> Any:
    """A feature of a picture of the colour, after a codec."""
    return pytest.approx([each / 255 for each in colour], abs=0.03)


def test_each_frame_has_a_vector_its_place_and_its_time(library: Library, cache: ModelCache) -> None:
    pipeline = plan(load(tiny_videos.PIPELINE, "videos"), library.cards)
    assert (pipeline.input, pipeline.dim, pipeline.many, str(pipeline.region and pipeline.region.name)) == (
        "video", 3, True, "frame",
    )  # fmt: skip
    result, bad = ran(pipeline, cache, FILM, b"noise")
    assert isinstance(result, Result)
    assert result.output == {
        "frames": [
            {"seconds": seconds, "feature": near(colour)} for (_, seconds), colour in zip(TIMES, COLOURS, strict=True)
        ]
    }
    assert [feature.region for feature in result.features] == [
        Frame(number=number, seconds=seconds) for number, seconds in TIMES
    ]
    assert [feature.attributes for feature in result.features] == [{"seconds": seconds} for _, seconds in TIMES]
    assert isinstance(bad, BadVideo)
    assert all(still.read is None for still in result.values["frames"])  # a result holds no pixels


def test_frames_are_pictures_for_other_operators(library: Library, cache: ModelCache) -> None:
    steps = [
        SAMPLE,
        {"operator": "resize", "size": 32, "input": "frames", "output": "small"},
        {"operator": "embed", "model": "mean_colour", "input": "small", "output": "colours"},
        {"operator": "normalize", "input": "colours", "output": "vectors"},
    ]
    spec = load({"input": "video", "steps": steps, "output": {"at": "frames", "vectors": "vectors"}}, "small")
    with pytest.raises(InvalidPipeline, match="JSON"):
        plan(load({"input": "video", "steps": steps[:2], "output": {"small": "small"}}, "pixels"), library.cards)
    (result,) = ran(plan(spec, library.cards), cache, FILM)
    assert result.output["at"] == [{"number": number, "seconds": seconds} for number, seconds in TIMES]
    assert [len(vector) for vector in result.output["vectors"]] == [3] * len(TIMES)


def test_a_pipeline_without_a_model_gives_the_times(library: Library, cache: ModelCache) -> None:
    spec = load({"input": "video", "steps": [SAMPLE], "output": {"seconds": "frames.seconds"}}, "times")
    (result,) = ran(plan(spec, library.cards), cache, FILM)
    assert result.output == {"seconds": [seconds for _, seconds in TIMES]}


def test_frames_that_do_not_stay_in_memory_give_the_same_vectors(
    library: Library, cache: ModelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = plan(load(tiny_videos.PIPELINE, "videos"), library.cards)
    (whole,) = ran(pipeline, cache, FILM)
    monkeypatch.setattr(operators, "KEPT_BYTES", 64 * 48 * 3)
    monkeypatch.setattr(operators, "SLICE_BYTES", 2 * 64 * 48 * 3)
    first, second = ran(pipeline, cache, FILM, FILM)
    assert first.output == second.output == whole.output


def test_a_detector_of_several_frames_is_refused(library: Library) -> None:
    step = {"operator": "sample_frames", "input": "frames", "output": "again"}
    definition = {"input": "video", "steps": [SAMPLE, step], "output": {"a": "again"}}
    with pytest.raises(InvalidPipeline, match="sample_frames takes a video and 'frames' is a list of frame"):
        plan(load(definition, "twice"), library.cards)


def test_decoding_shares_the_budget(library: Library, cache: ModelCache) -> None:
    """Several videos wait for each other; one that can never have room is refused."""
    pipeline = plan(load(tiny_videos.PIPELINE, "videos"), library.cards)
    limits = Limits(decode_bytes=300_000_000, max_pixels=4_000)
    assert [type(each) for each in ran(pipeline, cache, FILM, FILM, limits=limits)] == [Result, Result]
    (large,) = ran(pipeline, cache, FILM, limits=replace(limits, decode_bytes=1_000_000))
    assert type(large) is InputTooLarge
    assert isinstance(large, OpenAnalyticError)
    assert large.hint == "OPEN_ANALYTIC_DECODE_BYTES raises it."


def test_bytes_with_a_step_can_have_other_limits(library: Library, cache: ModelCache) -> None:
    steps = [{"operator": "decode_video", "max_seconds": 6, "output": "video"}, SAMPLE | {"input": "video"}]
    spec = load({"steps": steps, "output": {"seconds": "frames.seconds"}}, "short")
    good, long = ran(plan(spec, library.cards), cache, scenes((RED, 5)), FILM)
    assert good.output == {"seconds": [0, 2, 4]}
    assert str(long) == (
        "The video has 6.5 seconds or more; at most 6 are read. "
        "Give a part of it, or decode it in a step with another max_seconds."
    )

"""Running a plan: bad items, the lives of values, and memory that is bounded whatever a definition says."""

import io
import threading
import tracemalloc
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from open_analytic.config import Settings
from open_analytic.errors import DeadlineExceeded, ImageTooLarge, InvalidPipeline, ModelFailed, OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators.align import align_faces
from open_analytic.operators.formats.png import read_header
from open_analytic.operators.image import decode_image
from open_analytic.operators.limits import Limits, budget
from open_analytic.pipeline.cost import LIST_BYTES, MAX_PIXELS
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import Result, begin, finish, prefetched, run
from open_analytic.pipeline.spec import load
from open_analytic.types import Images, Model
from open_analytic.util.cancellation import CANCEL_TOKEN, CancelToken
from tests import tiny, tiny_faces

DECODE = {"operator": "decode_image", "output": "image"}


@dataclass
class Colours:
    """Meets ``types.Model``: the mean colour of a picture, and no red ones."""

    name: str = "mean_colour"
    size: tuple[int, int] | None = (16, 16)
    batches: list[int] = field(default_factory=list)

    def __call__(self, batch: Images, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
        means = batch.mean(axis=(1, 2), dtype=np.float32) / 255
        self.batches.append(len(batch))
        if (means == [1, 0, 0]).all(axis=1).any():
            raise ModelFailed("There is a red one.")
        return {"features": means}


@dataclass
class Everywhere:
    """A detector that finds a face in every cell."""

    name: str = "white_noses"
    size: tuple[int, int] | None = None

    def __call__(self, batch: Images, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
        shape = len(batch), 1, batch.shape[1] // 4, batch.shape[2] // 4
        return {
            "heatmap": np.ones(shape, np.float32),
            "scale": np.full((shape[0], 2, *shape[2:]), 2.0, np.float32),
            "offset": np.zeros((shape[0], 2, *shape[2:]), np.float32),
            "landmarks": np.tile(
                np.linspace(0, 1, 10, dtype=np.float32).reshape(1, 10, 1, 1) ** 2, (shape[0], 1, *shape[2:])
            ),
        }


def models(name: str) -> Model:
    return Everywhere() if name == "white_noses" else Colours()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    cards = tiny_faces.write(tiny.write(tmp_path_factory.mktemp("cards")))
    return Library(Settings.read({}, cards=(cards,), models_dir=cards / "models"))


@pytest.fixture(autouse=True)
def empty_budget() -> Iterator[None]:
    yield
    assert (budget().used, budget().waiting) == (0, 0)


def colour(red: int, green: int, blue: int, side: int = 40) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), (red, green, blue)).save(file, "PNG")
    return file.getvalue()


def embedded(image: str, *steps: dict[str, Any]) -> dict[str, Any]:
    """Steps, and the mean colour of the last picture."""
    embed = {"operator": "embed", "model": "mean_colour", "input": image, "output": "feature"}
    return {"steps": [*steps, embed], "output": {"feature": "feature"}}


def answers(results: list[Result | OpenAnalyticError]) -> list[Any]:
    return [str(result) if isinstance(result, OpenAnalyticError) else result.output["feature"] for result in results]


def test_a_bad_item_of_a_batched_step_is_its_own_error_only(library: Library) -> None:
    pipeline, model = plan(load(tiny.PIPELINE, "colours"), library.cards), Colours()
    items = [colour(0, 255, 0), colour(255, 0, 0), colour(0, 0, 255)]
    assert answers(run(pipeline, items, lambda _: model, Limits())) == [[0, 1, 0], "There is a red one.", [0, 0, 1]]
    assert model.batches == [3, 1, 1, 1]


def test_an_item_alone_is_tried_once(library: Library) -> None:
    pipeline, model = plan(load(tiny.PIPELINE, "colours"), library.cards), Colours()
    assert answers(run(pipeline, [colour(255, 0, 0)], lambda _: model, Limits())) == ["There is a red one."]
    assert model.batches == [1]


def chain(count: int, size: int) -> dict[str, Any]:
    """A picture resized again and again."""
    names = ["image", *(f"step{number}" for number in range(count))]
    steps = [
        {"operator": "resize", "size": size - number % 2, "input": names[number], "output": names[number + 1]}
        for number in range(count)
    ]
    return embedded(names[-1], DECODE, *steps)


def test_a_value_ends_after_its_last_use(library: Library) -> None:
    pipeline = plan(load(chain(20, 1000), "chain"), library.cards)
    run(pipeline, [colour(1, 2, 3)], models, Limits())
    tracemalloc.start()
    try:
        run(pipeline, [colour(1, 2, 3)], models, Limits())
        assert tracemalloc.get_traced_memory()[1] < 3 * 3_000_000
    finally:
        tracemalloc.stop()


def test_a_value_that_the_result_needs_stays(library: Library) -> None:
    pipeline = plan(load(tiny_faces.ANALYZER, "faces"), library.cards)
    needed = {"faces", "feature"}
    assert needed.isdisjoint(name for names in pipeline.lifetimes.drops for name in names)
    assert {name for names in pipeline.lifetimes.drops for name in names} == set(pipeline.values) - needed


def test_a_definition_of_too_many_pixels_is_refused_by_its_step(library: Library) -> None:
    with pytest.raises(InvalidPipeline) as refused:
        plan(load(chain(98, 4096), "chain"), library.cards)
    assert refused.value.message.startswith("Step 21 (resize -> step19): up to here the steps make ")
    assert refused.value.message.endswith(f"pixels of one input; at most {MAX_PIXELS:,} are accepted.")


@pytest.mark.parametrize("operator", ["decode_image", "align_faces", "detect_faces"])
def test_every_step_that_makes_or_looks_at_pixels_counts(operator: str, library: Library) -> None:
    detect = {"operator": "detect_faces", "model": "white_noses", "input": "image"}
    steps: list[dict[str, Any]] = [DECODE, detect | {"output": "faces"}]
    for number in range(40):
        more: dict[str, dict[str, Any]] = {
            "decode_image": DECODE | {"output": f"image{number}"},
            "detect_faces": detect | {"long_side": 4096, "output": f"faces{number}"},
            "align_faces": {
                "operator": "align_faces", "input": ["image", "faces"], "size": 512, "output": f"crops{number}"
            },
        }  # fmt: skip
        steps.append(more[operator])
    with pytest.raises(InvalidPipeline, match=f"Step .* \\({operator} -> "):
        plan(load(embedded("image", *steps), "many"), library.cards)


def test_every_preset_and_the_largest_single_steps_are_accepted(library: Library) -> None:
    plan(load(chain(1, 4096), "resized"), library.cards)
    plan(load(crops(1024), "faces"), library.cards)


def crops(size: int) -> dict[str, Any]:
    """Every face of a picture at a size."""
    return embedded(
        "crops",
        DECODE,
        {"operator": "detect_faces", "model": "white_noses", "input": "image", "overlap": 1.0, "output": "faces"},
        {"operator": "align_faces", "input": ["image", "faces"], "size": size, "output": "crops"},
    )


def test_a_thousand_faces_are_cut_and_embedded_in_bounded_memory(library: Library) -> None:
    size = 256
    pipeline = plan(load(crops(size), "faces"), library.cards)
    data = colour(9, 90, 200, 400)
    assert 1000 * 3 * size**2 > 2 * LIST_BYTES
    tracemalloc.start()
    try:
        (result,) = run(pipeline, [data], models, Limits())
        assert tracemalloc.get_traced_memory()[1] < 1.6 * LIST_BYTES
    finally:
        tracemalloc.stop()
    assert not isinstance(result, OpenAnalyticError), result
    picture, faces = decode_image(data, Limits()), [feature.box for feature in result.features]
    assert len(faces) == 1000
    face = begin_faces(pipeline, data)[0]
    expected = align_faces(picture, face, size=size).pixels
    assert np.allclose(result.features[0].vector, expected.mean(axis=(0, 1)) / 255, atol=0.02)


def begin_faces(pipeline: Plan, data: bytes) -> list[Any]:
    """The faces that the plan's second step finds."""
    picture = decode_image(data, Limits())
    faces: list[list[Any]] = pipeline.calls[1].operator.function(
        [picture], Everywhere(), **pipeline.calls[1].parameters
    )
    return faces[0]


def test_items_for_which_there_is_no_memory_come_after_the_others(library: Library) -> None:
    pipeline = plan(load(tiny.PIPELINE, "colours"), library.cards)
    items = [colour(0, 255, 0, 300), colour(0, 0, 255, 300), b"no picture", colour(0, 255, 0, 300)]
    one = max(read_header(item).cost() for item in items if item.startswith(b"\x89PNG"))
    together = answers(run(pipeline, items, models, Limits(decode_bytes=one)))
    assert together[:2] + together[3:] == [[0, 1, 0], [0, 0, 1], [0, 1, 0]]
    assert "not a picture" in together[2]


def test_callers_that_share_little_memory_do_not_wait_for_each_other(library: Library) -> None:
    """Each holds decoded pictures while it needs memory for the next."""
    pipeline = plan(load(tiny.PIPELINE, "colours"), library.cards)
    items = [colour(0, 255, 0, 300)] * 4
    limits = Limits(decode_bytes=read_header(colour(0, 255, 0, 300)).cost())
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: answers(run(pipeline, items, models, limits)), range(24)))
    assert results == [[[0, 1, 0]] * 4] * 24
    ran = list(
        prefetched(
            pipeline,
            items * 8,
            limits,
            lambda states: finish(pipeline, states, models, limits),
            size=5,
            decoders=4,
            runners=2,
        )
    )
    assert answers(ran) == [[0, 1, 0]] * 32  # type: ignore[arg-type]


def test_a_picture_above_the_budget_is_its_own_error(library: Library) -> None:
    pipeline = plan(load(tiny.PIPELINE, "colours"), library.cards)
    limits = Limits(decode_bytes=read_header(colour(0, 255, 0, 300)).cost())
    first, large = run(pipeline, [colour(0, 255, 0, 300), colour(0, 255, 0, 900)], models, limits)
    assert answers([first]) == [[0, 1, 0]]
    assert isinstance(large, ImageTooLarge)


def test_what_was_decoded_and_not_run_gives_its_memory_back(library: Library) -> None:
    pipeline = plan(load(tiny.PIPELINE, "colours"), library.cards)
    results = prefetched(
        pipeline, [colour(0, 255, 0, 300)] * 40, Limits(), lambda states: finish(pipeline, states, models, Limits()),
        size=2, decoders=2, runners=2,
    )  # fmt: skip
    assert answers([next(results)]) == [[0, 1, 0]]  # type: ignore[list-item]
    results.close()  # type: ignore[attr-defined]
    begin(pipeline, colour(0, 255, 0), Limits())


def test_a_caller_that_has_gone_ends_the_run_between_steps(library: Library) -> None:
    pipeline = plan(load(tiny.PIPELINE, "colours"), library.cards)

    def late(cancel_token: CancelToken) -> None:
        CANCEL_TOKEN.set(cancel_token)
        run(pipeline, [colour(0, 255, 0)], models, Limits())

    cancelled = CancelToken()
    cancelled.cancel()
    with ThreadPoolExecutor(1) as thread:
        assert isinstance(thread.submit(late, CancelToken(deadline=0)).exception(), DeadlineExceeded)
        assert isinstance(thread.submit(late, cancelled).exception(), CancelledError)


def test_a_caller_that_goes_while_many_faces_are_embedded_is_noticed(library: Library) -> None:
    pipeline, cancel_token = plan(load(crops(256), "faces"), library.cards), CancelToken()
    seen = threading.Event()

    class Last(Colours):
        def __call__(self, batch: Images, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
            assert not seen.is_set()
            seen.set()
            cancel_token.cancel()
            return super().__call__(batch, outputs)

    def work() -> None:
        CANCEL_TOKEN.set(cancel_token)
        run(
            pipeline,
            [colour(9, 90, 200, 400)],
            lambda name: Everywhere() if name == "white_noses" else Last(),
            Limits(),
        )

    with ThreadPoolExecutor(1) as thread:
        assert isinstance(thread.submit(work).exception(), CancelledError)


def test_the_plan_of_a_preset_is_as_large_as_before(tmp_path: Path) -> None:
    """What is made of a decoded picture beside it: at most a list of crops."""
    library = Library(Settings.read({}, models_dir=tmp_path))
    from open_analytic.pipeline.spec import presets

    for spec in presets().values():
        assert plan(spec, library.cards).lifetimes.beside_bytes in (0, 3 * 150**2, LIST_BYTES)

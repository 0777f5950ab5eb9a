"""Calls of all doors: a bounded number, each with its deadline, and nothing is run for nobody."""

import asyncio
import dataclasses
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from open_analytic.config import Settings
from open_analytic.errors import (
    DeadlineExceeded,
    InvalidPipeline,
    ModelUnavailable,
    NoFace,
    OpenAnalyticError,
    ServiceBusy,
    ServiceUnavailable,
    UnsupportedImage,
)
from open_analytic.models.library import Library
from open_analytic.pipeline.engine import Result
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import load, preset
from open_analytic.service.metrics import Metrics
from open_analytic.service.plans import Plans
from open_analytic.service.work import Answer, Give, Work
from open_analytic.types import Box, Feature, Json
from tests.process.service.gated import GREEN, GatedEngine, colour

T = TypeVar("T")
MakeWork = Callable[..., Work]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Meets ``pipeline.engine.Result``."""

    output: Json
    features: tuple[Feature, ...] = field(default=())


class Faces(GatedEngine):
    """Finds two faces in every picture, the second the larger; none in an empty one."""

    def run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        self.seen += items
        return [Outcome(output={"faces": []}, features=FACES if item else ()) for item in items]


FACES = tuple(
    Feature(
        vector=np.array([side, 0.5], np.float32),
        region=Box(x=1, y=2, width=side, height=side),
        attributes={"age": side},
    )
    for side in (2, 3)
)


@pytest.fixture
def make(gated: GatedEngine, tiny_library: Library, tiny_settings: Settings) -> Iterator[MakeWork]:
    works = []

    def make(engine: GatedEngine = gated, batch_size: int = 4, **options: Any) -> Work:
        settings = dataclasses.replace(tiny_settings, **options)
        works.append(Work(engine, Plans(tiny_library.cards), settings, Metrics(), batch_size=batch_size))
        return works[-1]

    yield make
    gated.gate.set()
    for work in works:
        work.close()


@pytest.fixture
def faces(tiny_library: Library) -> Plan:
    return plan(preset("face_analyzer"), tiny_library.cards)


@pytest.fixture
def boxes(tiny_library: Library) -> Plan:
    """A pipeline without a vector."""
    definition = preset("face_analyzer").as_dict()
    steps = [step for step in definition["steps"] if step["operator"] in ("decode_image", "detect_faces")]
    return plan(load({"steps": steps, "output": {"boxes": "faces.box"}}, "boxes"), tiny_library.cards)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def came(gated: GatedEngine) -> None:
    """Wait until a call has reached the engine."""
    assert await asyncio.to_thread(gated.entered.acquire, timeout=30)


def samples(work: Work, name: str) -> dict[tuple[str, ...], float]:
    """What the metrics say of it, by the values of its labels."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(work.metrics.text().decode())
        for sample in family.samples
        if sample.name == name
    }


@pytest.mark.parametrize(
    ("give", "expected"),
    [
        ("output", {"feature": [0.0, 1.0, 0.0]}),
        ("vector", [0.0, 1.0, 0.0]),
        ("query", [0.0, 1.0, 0.0]),
        (
            "whole",
            {
                "output": {"feature": [0.0, 1.0, 0.0]},
                "features": [{"vector": [0.0, 1.0, 0.0], "box": None, "attributes": {}}],
            },
        ),
    ],
)
def test_what_is_asked_for_is_given(make: MakeWork, colours: Plan, give: Give, expected: object) -> None:
    (answer,) = run(make().run(colours, [GREEN], give=give, door="test"))
    assert (json.loads(answer.text or ""), answer.error) == (expected, None)


def test_of_several_faces_the_largest_is_searched_for(make: MakeWork, gated: GatedEngine, faces: Plan) -> None:
    work = make(Faces(gated.engine, []))
    result, none = run(work.run(faces, [b"picture", b""], give="query", door="test"))
    assert (json.loads(result.text or ""), result.error) == ([3.0, 0.5], None)
    assert (none.text, type(none.error)) == (None, NoFace)
    (whole,) = run(work.run(faces, [b"picture"], give="whole", door="test"))
    assert json.loads(whole.text or "") == {
        "output": {"faces": []},
        "features": [
            {
                "vector": [side, 0.5],
                "box": {"x": 1, "y": 2, "width": side, "height": side},
                "attributes": {"age": side},
            }
            for side in (2, 3)
        ],
    }


def test_a_pipeline_without_the_vector_asked_for_is_refused(
    make: MakeWork, gated: GatedEngine, faces: Plan, boxes: Plan
) -> None:
    work = make()
    for pipeline, give, message in (
        (faces, "vector", "a list of vectors"),
        (boxes, "vector", "no"),
        (boxes, "query", "no"),
    ):
        with pytest.raises(InvalidPipeline, match=message):
            run(work.run(pipeline, [b"picture"], give=give, door="test"))  # type: ignore[arg-type]
    assert gated.seen == []


def test_answers_come_in_order_with_errors_in_their_place(make: MakeWork, gated: GatedEngine, colours: Plan) -> None:
    items = [colour(number) for number in range(2, 12)]
    items[3] = items[7] = b"words"
    answers = run(make(batch_size=3).run(colours, items, give="output", door="test"))
    alone = [run(make().run(colours, [item], give="output", door="test"))[0] for item in items]
    assert [answer.text for answer in answers] == [answer.text for answer in alone]
    assert [type(answer.error) for answer in answers].count(UnsupportedImage) == 2
    assert [type(answers[place].error) for place in (3, 7)] == [UnsupportedImage] * 2


def test_no_items_have_no_answers(make: MakeWork, colours: Plan) -> None:
    assert run(make().run(colours, [], give="output", door="test")) == []


def test_more_calls_than_accepted_are_refused_until_one_ends(make: MakeWork) -> None:
    work = make(service_queue=2)
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(work.admitted(1))
        second.enter_context(work.admitted(1))
        with pytest.raises(ServiceBusy, match="2 calls"), work.admitted(1):
            pass
        assert work.under_way == 2
        first.close()
        with work.admitted(1):
            assert work.under_way == 2
    assert work.under_way == 0


def test_more_bytes_than_accepted_are_refused_but_not_of_one_alone(make: MakeWork) -> None:
    work = make(service_queue_bytes=100)
    with work.admitted(1_000), pytest.raises(ServiceBusy), work.admitted(1):
        pass
    with work.admitted(60), work.admitted(40), pytest.raises(ServiceBusy), work.admitted(1):
        pass
    with work.admitted(100):
        assert work.under_way == 1


def test_a_place_is_free_again_after_an_error(make: MakeWork) -> None:
    work = make(service_queue=1)
    for _ in range(3):
        with pytest.raises(KeyError), work.admitted(5):
            raise KeyError
    with work.admitted(5):
        pass


def test_shutting_down_refuses_what_comes_and_waits_for_what_is_there(make: MakeWork) -> None:
    work = make()

    async def drain() -> list[bool]:
        with work.admitted(1):
            work.draining = True
            with pytest.raises(ServiceUnavailable), work.admitted(1):
                pass
            early = await work.idle(0.001)
        return [early, await work.idle(30)]

    assert run(drain()) == [False, True]


def test_what_is_too_late_is_an_error_and_the_network_sees_nothing(
    make: MakeWork, gated: GatedEngine, colours: Plan
) -> None:
    work = make()
    gated.gate.clear()
    with pytest.raises(DeadlineExceeded):
        run(work.run(colours, [GREEN], give="output", door="test", timeout_s=0.05))
    gated.gate.set()
    work.close()  # waits for the thread
    assert (gated.seen, gated.ran) == ([GREEN], [])


def test_waiting_for_a_thread_counts(make: MakeWork, gated: GatedEngine, colours: Plan) -> None:
    work = make(service_threads=1)

    async def both() -> list[Answer]:
        gated.gate.clear()
        first = asyncio.ensure_future(work.run(colours, [GREEN], give="output", door="test"))
        await came(gated)
        with pytest.raises(DeadlineExceeded):
            await work.run(colours, [GREEN] * 2, give="output", door="test", timeout_s=0.05)
        gated.gate.set()
        return await first

    (answer,) = run(both())
    assert json.loads(answer.text or "") == {"feature": [0.0, 1.0, 0.0]}
    assert gated.seen == [GREEN]


def test_no_time_at_all_is_too_late(make: MakeWork, colours: Plan, gated: GatedEngine) -> None:
    with pytest.raises(DeadlineExceeded):
        run(make().run(colours, [GREEN], give="output", door="test", timeout_s=0))
    assert gated.ran == []


def test_enough_time_changes_nothing(make: MakeWork, colours: Plan) -> None:
    (answer,) = run(make().run(colours, [GREEN], give="output", door="test", timeout_s=3600))
    assert json.loads(answer.text or "") == {"feature": [0.0, 1.0, 0.0]}


def test_a_cancelled_call_stops_what_has_not_started(make: MakeWork, gated: GatedEngine, colours: Plan) -> None:
    work = make(service_threads=1, batch_size=1)
    items = [colour(number) for number in range(4)]

    async def leave() -> None:
        gated.gate.clear()
        call = asyncio.ensure_future(work.run(colours, items, give="output", door="test"))
        await came(gated)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        gated.gate.set()

    run(leave())
    work.close()
    assert (gated.seen, gated.ran) == (items[:1], [])


def test_when_one_part_fails_the_others_do_not_start(
    make: MakeWork, gated: GatedEngine, colours: Plan, tiny_settings: Settings
) -> None:
    (tiny_settings.cards[0] / "mean_colour.onnx").unlink()
    work = make(service_threads=1, batch_size=2)
    items = [colour(number) for number in range(6)]
    with pytest.raises(ModelUnavailable):
        run(work.run(colours, items, give="output", door="test"))
    assert gated.seen[:2] == items[:2]
    assert len(gated.seen) < 6
    assert samples(work, "open_analytic_errors_total") == {("OA041",): 1}


def test_calls_are_counted(make: MakeWork, gated: GatedEngine, colours: Plan) -> None:
    work = make(service_queue=1)
    for items in ([GREEN], [GREEN, b"words", b""]):
        run(work.run(colours, items, give="output", door="test"))
    gated.gate.clear()
    with pytest.raises(DeadlineExceeded):
        run(work.run(colours, [GREEN], give="output", door="wire", timeout_s=0.01))
    with work.admitted(1), pytest.raises(ServiceBusy), work.admitted(1):
        pass
    work.draining = True
    with pytest.raises(ServiceUnavailable), work.admitted(1):
        pass
    calls = {("test", "mean_colour"): 2, ("wire", "mean_colour"): 1}
    assert samples(work, "open_analytic_requests_total") == calls
    assert samples(work, "open_analytic_inputs_total") == {("mean_colour",): 4}
    assert samples(work, "open_analytic_errors_total") == {
        ("OA012",): 1, ("OA011",): 1, ("OA071",): 1, ("OA072",): 1, ("OA073",): 1
    }  # fmt: skip
    assert samples(work, "open_analytic_request_seconds_count") == {("mean_colour",): 3}
    assert samples(work, "open_analytic_calls_under_way") == {(): 0}


def test_a_fault_nobody_thought_of_is_raised_and_counted(make: MakeWork, gated: GatedEngine, colours: Plan) -> None:
    class Broken(GatedEngine):
        def run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
            raise KeyError("nobody thought of it")

    work = make(Broken(gated.engine, []))
    with pytest.raises(KeyError):
        run(work.run(colours, [GREEN], give="output", door="test"))
    assert samples(work, "open_analytic_errors_total") == {("OA000",): 1}


def test_batches_and_models_are_measured(make: MakeWork, gated: GatedEngine, colours: Plan) -> None:
    work = make()
    work.metrics.watch_models(gated.loaded)
    assert samples(work, "open_analytic_model_bytes") == {}
    run(work.run(colours, [GREEN] * 3, give="output", door="test"))
    for batch in gated.ran:
        work.metrics.ran(batch)
    assert samples(work, "open_analytic_model_bytes") == {(name,): size for name, size in gated.loaded().items()}
    assert set(gated.loaded()) == {"mean_colour"}
    assert samples(work, "open_analytic_batch_pictures_sum") == {("mean_colour",): 3}
    assert samples(work, "open_analytic_compute_seconds_count") == {("mean_colour",): len(gated.ran)}
    assert samples(work, "open_analytic_queue_seconds_count") == {("mean_colour",): len(gated.ran)}


def test_names_that_clients_choose_have_few_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("open_analytic.service.metrics.PIPELINES", 2)
    metrics = Metrics()
    assert [metrics.label(name) for name in ("a", "b", "c", "a", "d")] == ["a", "b", "(others)", "a", "(others)"]

"""Pipelines of sounds on a tiny network: whole sounds and windows, at its rate and at others; bad ones beside them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.config import Settings
from open_analytic.errors import BadAudio, InputTooLarge, InvalidPipeline, OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators import audio
from open_analytic.operators.limits import Limits, budget
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import Result, run
from open_analytic.pipeline.spec import load
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import Span
from tests import tiny_sounds
from tests.tiny_sounds import wav


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    cards = tiny_sounds.write(tmp_path_factory.mktemp("cards"))
    return Library(Settings.read({}, cards=(cards,), models_dir=cards / "models"))


@pytest.fixture(scope="module")
def cache(library: Library) -> Iterator[ModelCache]:
    cache = ModelCache(library, Settings.read({}, threads=1))
    yield cache
    cache.clear()


def ran(pipeline: Plan, cache: ModelCache, *items: bytes, limits: Limits | None = None) -> list[Any]:
    results = run(pipeline, items, cache.model, limits or Limits())
    assert budget().used == 0
    return [result if isinstance(result, OpenAnalyticError) else result.output for result in results]


def tone(seconds: float, rate: int = tiny_sounds.RATE, height: float = 0.5) -> NDArray[np.float64]:
    """Whole waves of 100 hertz: their mean is 0, their mean square half of the square of their height."""
    return height * np.sin(2 * np.pi * 100 * np.arange(round(seconds * rate)) / rate)


def test_a_sound_gives_its_vector_and_bad_ones_their_errors(library: Library, cache: ModelCache) -> None:
    pipeline = plan(load(tiny_sounds.PIPELINE, "sounds"), library.cards)
    assert (pipeline.input, pipeline.dim, pipeline.many, pipeline.unstorable) == ("audio", 2, False, None)
    assert (pipeline.lifetimes.decodings, pipeline.lifetimes.decoded_end) == (1, 2)
    loud, bad, quiet, long = ran(pipeline, cache, wav(tone(1)), b"noise", wav(tone(2, height=0.25)), wav(tone(61)))
    assert loud == {"vector": pytest.approx([0.125, 0], abs=1e-4)}
    assert quiet == {"vector": pytest.approx([0.03125, 0], abs=1e-4)}
    assert [type(bad), type(long)] == [BadAudio, BadAudio]
    assert long.message == "The sound has 61.0 seconds; model 'sounds' takes 60."


@pytest.mark.parametrize(("rate", "width"), [(44_100, 3), (16_000, 2), (48_000, 4), (5_512, 1)])
def test_a_sound_at_another_rate_is_resampled(library: Library, cache: ModelCache, rate: int, width: int) -> None:
    pipeline = plan(load(tiny_sounds.PIPELINE, "sounds"), library.cards)
    stereo = np.column_stack([tone(1, rate), tone(1, rate)])
    assert ran(pipeline, cache, wav(stereo, rate=rate, width=width)) == [
        {"vector": pytest.approx([0.125, 0], abs=2e-3)}
    ]


def test_windows_have_vectors_and_spans(library: Library, cache: ModelCache) -> None:
    pipeline = plan(load(tiny_sounds.WINDOWS, "windows"), library.cards)
    sound = np.concatenate([tone(1), tone(1, height=0.25), tone(0.5)])
    (result,) = run(pipeline, [wav(sound)], cache.model, Limits())
    assert isinstance(result, Result)
    assert result.output == {
        "parts": [
            {"start": 0.0, "end": 1.0, "vector": pytest.approx([0.125, 0], abs=1e-4)},
            {"start": 1.0, "end": 2.0, "vector": pytest.approx([0.03125, 0], abs=1e-4)},
            {"start": 2.0, "end": 2.5, "vector": pytest.approx([0.125, 0], abs=1e-4)},
        ]
    }
    spans = [Span(start=0, end=1), Span(start=1, end=2), Span(start=2, end=2.5)]
    assert [(feature.region, feature.extent) for feature in result.features] == [(each, each.extent) for each in spans]
    assert [feature.attributes for feature in result.features] == [{"start": at.start, "end": at.end} for at in spans]
    assert (pipeline.many, pipeline.region_type, pipeline.unstorable) == (True, "span", None)
    assert budget().used == 0


def test_windows_of_a_long_sound_are_given_to_the_model_part_by_part(
    library: Library, cache: ModelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "CHUNK", 20_000)
    pipeline = plan(load(tiny_sounds.WINDOWS, "windows"), library.cards)
    heights = [0.5, 0.25, 0.125, 0.5, 0.25]
    (output,) = ran(pipeline, cache, wav(np.concatenate([tone(1, height=height) for height in heights])))
    powers = [part["vector"][0] for part in output["parts"]]
    assert powers == pytest.approx([height**2 / 2 for height in heights], abs=1e-4)


def test_bytes_with_a_step_can_have_another_limit(library: Library, cache: ModelCache) -> None:
    decode = {"operator": "decode_audio", "max_seconds": 1, "output": "sound"}
    steps = [decode, tiny_sounds.EMBED | {"input": "sound"}]
    pipeline = plan(load({"steps": steps, "output": {"vector": "vector"}}, "short"), library.cards)
    good, long = ran(pipeline, cache, wav(tone(1)), wav(tone(1.5)))
    assert good == ran(plan(load(tiny_sounds.PIPELINE, "sounds"), library.cards), cache, wav(tone(1)))[0]
    assert str(long) == (
        "The sound has 1.5 seconds; at most 1 are read. "
        "Give a part of it, or decode it in a step with another max_seconds."
    )


def test_a_sound_shares_the_memory_for_decoding(library: Library, cache: ModelCache) -> None:
    """24 bytes a sample while it is decoded: one second needs 192,000."""
    pipeline = plan(load(tiny_sounds.PIPELINE, "sounds"), library.cards)
    items = [wav(tone(1)), wav(tone(1)), wav(tone(1.5))]
    first, second, large = ran(pipeline, cache, *items, limits=Limits(decode_bytes=200_000))
    assert first == second == {"vector": pytest.approx([0.125, 0], abs=1e-4)}
    assert type(large) is InputTooLarge


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": "smell"}, "The input of pipeline 'mine' cannot be 'smell'."),
        ({"input": "segment"}, "The input of pipeline 'mine' cannot be 'segment'."),
        ({"input": "text"}, "embed_audio takes an audio and 'input' is a text."),
        ({"output": {"sound": "input"}}, "output.sound: no step gives 'input'."),
    ],
)
def test_a_definition_that_does_not_fit_is_refused(library: Library, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPipeline) as caught:
        plan(load(tiny_sounds.PIPELINE | change, "mine"), library.cards)
    assert caught.value.message.endswith(message)
    if "cannot be" in message:
        assert caught.value.hint == "Known: audio, bytes, image, text, video."

"""A model that takes sound: the same alone, beside sounds of other lengths, and through the batcher."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from open_analytic.errors import InvalidCard, InvalidInput, ModelCorrupt, ModelFailed
from open_analytic.models.card import read_card
from open_analytic.models.inputs.waveform import WaveformInput
from tests.models.runtime import graphs
from tests.models.runtime.calls import batched

MASK = graphs.WAVEFORM.replace('"samples"', '"samples"\nmask = "mask"')


def tone(samples: int, hertz: float = 440) -> NDArray[np.float32]:
    """A sine at 8,000 samples a second, moved up by a quarter."""
    wave = np.sin(2 * np.pi * hertz * np.arange(samples) / 8_000) / 2 + 0.25
    return wave.astype(np.float32)


def power(sound: NDArray[np.float32], samples: int = 0) -> list[float]:
    """The graph's output, by hand; filled up with silence."""
    whole = np.pad(sound.astype(np.float64), (0, max(0, samples - len(sound))))
    return [float((whole**2).mean()), float(whole.mean())]


SOUNDS = [tone(800), tone(810), tone(800, 880), tone(4_000), tone(1)]


@pytest.mark.parametrize(
    ("card", "runs"),
    [
        (graphs.WAVEFORM, [1, 1, 1, 2]),  # only equal lengths
        (graphs.WAVEFORM.replace("rate = 8_000", 'rate = 8_000\nlayout = "NCT"'), [1, 1, 1, 2]),
        (MASK, [1, 1, 3]),  # 800 and 810 fill the same bucket
    ],
    ids=["NT", "NCT", "mask"],
)
def test_a_sound_gives_the_same_alone_and_beside_others(tmp_path: Path, card: str, runs: list[int]) -> None:
    graphs.waveform(tmp_path, card)
    cache = graphs.opened(tmp_path)
    model = cache.model("sounds")
    together = model(SOUNDS)["features"]
    assert together == pytest.approx(np.array([power(sound) for sound in SOUNDS]), rel=1e-4)
    assert [model([sound])["features"][0].tolist() for sound in SOUNDS] == together.tolist()
    rows, ran = batched(cache, "sounds", [[sound] for sound in SOUNDS])
    assert [row[0].tolist() for row in rows] == together.tolist()
    assert sorted(run.rows for run in ran) == runs


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16])
def test_with_a_fixed_length_all_share_a_batch(tmp_path: Path, kind: int) -> None:
    graphs.waveform(tmp_path, graphs.WAVEFORM.replace("rate", "samples = 4_000\nrate"), kind)
    cache = graphs.opened(tmp_path)
    rows, ran = batched(cache, "sounds", [[sound] for sound in SOUNDS])
    assert [run.rows for run in ran] == [5]
    assert [row[0].tolist() for row in rows] == [pytest.approx(power(sound, 4_000), rel=2e-3) for sound in SOUNDS]


def test_normalization_is_over_the_sound_without_what_it_is_filled_up_with(tmp_path: Path) -> None:
    graphs.waveform(tmp_path, MASK.replace("rate", "normalize = true\nrate"))
    rows = graphs.opened(tmp_path).model("sounds")([tone(800), tone(810), np.zeros(500, np.float32)])["features"]
    assert rows == pytest.approx(np.array([[1, 0], [1, 0], [0, 0]]), abs=1e-5)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.zeros(480_001, np.float32), InvalidInput, r"has 480,001 samples; model 'sounds' takes 480,000 \(60 sec"),
        (np.zeros(0, np.float32), InvalidInput, r"The sound has no samples"),
        (np.array([0, np.nan], np.float32), InvalidInput, r"samples that are not finite"),
        (np.zeros((2, 8), np.float32), ModelFailed, r"takes sounds, arrays of \(samples,\) .*, 8000 a second"),
        (np.zeros(8, np.int16), ModelFailed, r"takes sounds, arrays of \(samples,\)"),
        ("sound", ModelFailed, r"takes sounds, arrays of \(samples,\)"),
    ],
    ids=["too long", "empty", "not finite", "two channels", "whole numbers", "a text"],
)
def test_what_it_does_not_take_is_an_error(tmp_path: Path, value: Any, error: type[Exception], message: str) -> None:
    graphs.waveform(tmp_path)
    with pytest.raises(error, match=message):
        graphs.opened(tmp_path).model("sounds")([tone(8), value])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rate = 8_000", "", r"input.rate has to be a whole number of at least 1 and at most 768000; it is missing"),
        ("rate = 8_000", "rate = 8_000\nlayout = 'TN'", "input.layout has to be one of NT, NCT"),
        ("rate = 8_000", "rate = 8_000\nmax_seconds = 100_000", "input.max_seconds has to be a whole number of"),
        ("rate = 8_000", "rate = 8_000\nmean = 1", "input.mean is not a field"),
    ],
)
def test_a_wrong_card_is_refused_when_it_is_read(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = graphs.waveform(tmp_path, graphs.WAVEFORM.replace(old, new))
    with pytest.raises(InvalidCard, match=message):
        read_card(path)


def test_a_graph_that_takes_whole_numbers_takes_no_sound(tmp_path: Path) -> None:
    graphs.waveform(tmp_path, kind=TensorProto.INT64)
    with pytest.raises(ModelCorrupt, match=r"takes 'samples' as tensor\(int64\)"):
        graphs.opened(tmp_path).model("sounds")


def test_an_operator_reads_the_rate_from_the_model(tmp_path: Path) -> None:
    graphs.waveform(tmp_path)
    input_ = graphs.opened(tmp_path).model("sounds").input
    assert isinstance(input_, WaveformInput)
    assert (input_.rate, input_.max_samples) == (8_000, 480_000)

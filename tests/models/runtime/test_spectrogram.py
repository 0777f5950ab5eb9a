"""A model that takes a spectrogram is given sound."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.errors import InvalidCard, InvalidInput, ModelFailed
from open_analytic.models.card import read_card
from open_analytic.models.inputs.mel import spectrogram
from open_analytic.models.inputs.spectrogram import SpectrogramInput
from tests.models.runtime import graphs
from tests.models.runtime.calls import batched


def sound(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


SOUNDS = [sound(2_000), sound(3_000, 1), sound(2_000, 2), sound(100, 3)]


@pytest.mark.parametrize(
    ("layout", "axes"),
    [("NMT", (1, 0)), ("NTM", (0, 1)), ("NCMT", (1, 0)), ("NCTM", (0, 1))],
    ids=lambda value: str(value),
)
def test_the_tensor_has_the_layout_of_the_card(tmp_path: Path, layout: str, axes: tuple[int, int]) -> None:
    input_ = read_card(graphs.spectrogram(tmp_path, layout=layout)).input
    assert isinstance(input_, SpectrogramInput)
    tensor = graphs.opened(tmp_path).model("mels")(SOUNDS[:1])["tensor"][0]
    expected = spectrogram(SOUNDS[0], input_.mel).transpose(axes)
    assert tensor.tolist() == (expected[None] if "C" in layout else expected).tolist()


def test_a_sound_gives_the_same_alone_and_beside_others(tmp_path: Path) -> None:
    graphs.spectrogram(tmp_path)
    cache = graphs.opened(tmp_path)
    model = cache.model("mels")
    together = model(SOUNDS, ("features",))["features"]
    assert [model([each])["features"][0].tolist() for each in SOUNDS] == together.tolist()
    rows, runs = batched(cache, "mels", [[each] for each in SOUNDS])
    assert [row[0].tolist() for row in rows] == together.tolist()
    assert sorted(run.rows for run in runs) == [1, 1, 2]


def test_an_output_that_follows_the_length_is_an_error_for_sounds_of_several(tmp_path: Path) -> None:
    graphs.spectrogram(tmp_path)
    with pytest.raises(ModelFailed, match=r"Output 'tensor' has another shape for each length"):
        graphs.opened(tmp_path).model("mels")(SOUNDS)


def test_with_a_fixed_length_all_share_a_batch(tmp_path: Path) -> None:
    card = graphs.SPECTROGRAM.replace("fft ", "samples = 3_000\nmean = -20\nstd = 2\nfft ")
    input_ = read_card(graphs.spectrogram(tmp_path, card)).input
    assert isinstance(input_, SpectrogramInput)
    cache = graphs.opened(tmp_path)
    rows, runs = batched(cache, "mels", [[each] for each in SOUNDS])
    assert [run.rows for run in runs] == [4]
    filled = [np.pad(each, (0, 3_000 - len(each))) for each in SOUNDS]
    expected = [float(((spectrogram(each, input_.mel) + 20) / 2).mean()) for each in filled]
    assert [row.item() for row in rows] == pytest.approx(expected, rel=1e-4)
    with pytest.raises(InvalidInput, match=r"3,001 samples; model 'mels' takes 3,000"):
        cache.model("mels")([sound(3_001)])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fft  = 256", "", "input.fft has to be a whole number of at least 2 and at most 65536; it is missing"),
        ("fft  = 256", "fft = 256\nhigh = 5_000", "input.high has to be above low, and at most half of the rate, 4000"),
        (
            "fft  = 256",
            "fft = 256\nwindow = 300",
            "input.window has to be a whole number of at least 2 and at most 256",
        ),
        ("fft  = 256", "fft = 256\nfloor = 0", "input.floor has to be a number above 0, not 0"),
        ("fft  = 256", "fft = 256\nlog = 'log2'", "input.log has to be one of db, ln, log10, none"),
    ],
)
def test_a_wrong_card_is_refused_when_it_is_read(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = graphs.spectrogram(tmp_path, graphs.SPECTROGRAM.replace(old, new))
    with pytest.raises(InvalidCard, match=message):
        read_card(path)


def test_the_identity_follows_every_option(tmp_path: Path) -> None:
    def identity(more: str = "") -> str:
        return read_card(graphs.spectrogram(tmp_path, graphs.SPECTROGRAM.replace("fft ", f"{more}\nfft "))).identity()

    options = ["window = 200", "low = 20", "high = 3_000", "scale = 'htk'", "area = false", "power = 1", "log = 'ln'",
               "padding = 'none'", "floor = 1e-5", "mean = 1", "std = 2", "samples = 800"]  # fmt: skip
    assert len({identity(option) for option in ["", *options]}) == len(options) + 1

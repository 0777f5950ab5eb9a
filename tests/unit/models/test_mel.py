"""Spectrograms against librosa 0.11."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from open_analytic.models.inputs.mel import Mel, filters, spectrogram

PLAIN = Mel(
    rate=8_000, fft=256, window=256, hop=80, mels=16, low=0, high=4_000, scale="slaney", area=True, power=2,
    padding="constant", log="db", floor=1e-10,
)  # fmt: skip
SECONDS = np.arange(2_000) / 8_000
SOUND = (np.sin(2 * np.pi * 440 * SECONDS) / 2 + np.sin(2 * np.pi * 1_500 * SECONDS) / 4).astype(np.float32)


@pytest.mark.parametrize(
    ("mel", "frames", "third", "first", "length"),
    [
        # power_to_db(melspectrogram(y=y, sr=8000, n_fft=256, hop_length=80, n_mels=16), top_db=None)
        (PLAIN, 26, [-61.77334, -11.07509, 9.47311, 3.43048, -54.58492, -70.57288],
         [-9.68212, -4.09962, 5.89832, 0.49948], 1310.31279),
        # log of the same with win_length=200, n_mels=12, fmin=50, fmax=3000, htk=True, norm=None, center=False, power=1
        (replace(PLAIN, window=200, mels=12, low=50, high=3_000, scale="htk", area=False, padding="none", power=1,
                 log="ln", floor=1e-5), 22,
         [-2.97379, -0.51922, 3.67524, 3.28395, -1.63444, -3.44366], [-2.79981, -0.50776, 3.67531, 3.28388], 56.347),
        # log10 of the same with n_fft=400, hop_length=160, n_mels=10, pad_mode="reflect"; some filters are empty
        (replace(PLAIN, fft=400, window=400, hop=160, mels=10, padding="reflect", log="log10"), 13,
         [-1.06704, 1.21186, 0.08738, -10.0, -10.0, 0.19202], [0.22516, 1.14375, 0.2408, -1.61348], 71.85995),
    ],
    ids=["slaney", "htk", "reflect"],
)  # fmt: skip
def test_a_spectrogram_is_librosas(
    mel: Mel, frames: int, third: list[float], first: list[float], length: float
) -> None:
    mels = spectrogram(SOUND, mel)
    assert (mels.shape, mels.dtype) == ((frames, mel.mels), np.dtype(np.float32))
    assert mels[3, :6] == pytest.approx(np.array(third), abs=2e-3)
    assert mels[0, :4] == pytest.approx(np.array(first), abs=2e-3)
    assert np.linalg.norm(mels) == pytest.approx(length, rel=1e-4)


def test_without_a_logarithm_the_filters_add_up_the_power() -> None:
    flat = replace(PLAIN, area=False, log="none", mels=1, low=0, high=4_000)
    assert filters(flat).shape == (129, 1)
    assert spectrogram(np.zeros(300, np.float32), flat).tolist() == [[0.0]] * 4


@pytest.mark.parametrize("samples", [1, 100, 255, 256, 257])
@pytest.mark.parametrize("padding", ["constant", "reflect", "none"])
def test_a_short_sound_has_at_least_a_frame(samples: int, padding: Literal["constant", "reflect", "none"]) -> None:
    mels = spectrogram(SOUND[:samples], replace(PLAIN, padding=padding))
    assert len(mels) >= 1
    assert np.isfinite(mels).all()


def test_a_long_sound_is_transformed_in_parts_that_fit_together() -> None:
    long = np.tile(SOUND, 30)  # 750 frames, two parts
    cut = replace(PLAIN, padding="none")
    whole = spectrogram(long, cut)
    assert whole[600].tolist() == spectrogram(long[600 * 80 : 600 * 80 + 256], cut)[0].tolist()

"""A model that takes strings as they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from open_analytic.errors import BadText, InvalidCard, ModelCorrupt, ModelFailed
from open_analytic.models.card import read_card
from tests.models.runtime import graphs
from tests.models.runtime.calls import batched

TEXTS, NUMBERS = ["red", "blue " * 1000, "蓝", ""], [1.0, -1.0, 2.0, 3.0]


@pytest.mark.parametrize("layout", ["N", "N1"])
def test_texts_of_any_length_share_a_batch(tmp_path: Path, layout: str) -> None:
    graphs.strings(tmp_path, graphs.STRINGS.replace('"text"', f'"text"\nlayout = "{layout}"'))
    cache = graphs.opened(tmp_path)
    model = cache.model("labels")
    assert model(TEXTS)["features"].ravel().tolist() == NUMBERS
    assert [model([text])["features"].item() for text in TEXTS] == NUMBERS
    rows, runs = batched(cache, "labels", [[text] for text in TEXTS])
    assert ([row.item() for row in rows], [run.rows for run in runs]) == (NUMBERS, [4])


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("a" * 1_000_000, BadText, r"The text has 1,000,000 characters; model 'labels' takes 100,000\."),
        ("red \ud800", BadText, r"The text is not Unicode"),
        (np.zeros(3), ModelFailed, r"Model 'labels' takes texts, and this is ndarray\."),
    ],
    ids=["a million characters", "a lone surrogate", "numbers"],
)
def test_what_it_does_not_take_is_an_error(tmp_path: Path, value: Any, error: type[Exception], message: str) -> None:
    graphs.strings(tmp_path)
    with pytest.raises(error, match=message):
        graphs.opened(tmp_path).model("labels")(["red", value])


def test_a_graph_that_takes_numbers_takes_no_strings(tmp_path: Path) -> None:
    path = graphs.waveform(tmp_path, graphs.WAVEFORM.replace('"waveform"', '"strings"').replace("rate = 8_000", ""))
    path.write_text(path.read_text().replace("audio features", "text features"))
    with pytest.raises(ModelCorrupt, match=r"takes 'samples' as tensor\(float\); .* given as tensor\(string\)"):
        graphs.opened(tmp_path).model("sounds")


def test_a_wrong_layout_is_a_wrong_card(tmp_path: Path) -> None:
    path = graphs.strings(tmp_path, graphs.STRINGS.replace('"text"', '"text"\nlayout = "1N"'))
    with pytest.raises(InvalidCard, match=r"input.layout has to be one of N, N1, not '1N'"):
        read_card(path)

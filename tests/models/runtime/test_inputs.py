"""Models that take something else than one image: the same rows alone, together, and through the batcher."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.errors import InvalidCard, ModelCorrupt, ModelFailed
from open_analytic.models.card import read_card
from open_analytic.runtime import session
from tests.models.runtime import graphs
from tests.models.runtime.calls import batched


def pair(value: int, side: int = 4) -> dict[str, NDArray[np.uint8]]:
    """The mask is one in the first row, so the sum is ``side * value / 255``."""
    mask = np.zeros((side, side, 3), np.uint8)
    mask[0] = 1
    return {"image": np.full((side, side, 3), value, np.uint8), "weight": mask}


def test_a_model_of_two_inputs_takes_a_mapping_for_each_row(tmp_path: Path) -> None:
    graphs.two(tmp_path)
    model = graphs.opened(tmp_path).model("two")
    rows = model([pair(51), pair(102, side=8), pair(255)])["features"]  # 8 x 8 in between: two groups
    assert rows == pytest.approx(np.array([[0.8] * 3, [3.2] * 3, [4.0] * 3], np.float32))
    assert [model([value])["features"][0].tolist() for value in (pair(51), pair(102, side=8), pair(255))] == (
        rows.tolist()
    )


def test_the_batcher_merges_callers_whose_values_stack(tmp_path: Path) -> None:
    graphs.two(tmp_path)
    rows, runs = batched(graphs.opened(tmp_path), "two", [[pair(51), pair(102, side=8)], [pair(255)]], 3)
    expected = [np.array([[0.8] * 3, [3.2] * 3], np.float32), np.array([[4.0] * 3], np.float32)]
    assert [each.tolist() for each in rows] == [pytest.approx(each) for each in expected]
    assert sorted(run.rows for run in runs) == [1, 2]


@pytest.mark.parametrize("value", ["text", {"image": 1}, {"image": 1, "weight": 2, "more": 3}])
def test_a_value_without_its_parts_is_an_error_that_names_them(tmp_path: Path, value: object) -> None:
    graphs.two(tmp_path)
    with pytest.raises(ModelFailed, match=r"Model 'two' takes 2 inputs: image, weight\."):
        graphs.opened(tmp_path).model("two")([value])


def test_what_is_no_image_is_an_error(tmp_path: Path) -> None:
    graphs.two(tmp_path)
    with pytest.raises(ModelFailed, match=r"Model 'two' takes images, arrays of \(height, width, 3\)\."):
        graphs.opened(tmp_path).model("two")([{"image": "text", "weight": "text"}])


def test_two_tables_for_one_input_of_the_graph_are_a_wrong_card(tmp_path: Path) -> None:
    path = graphs.two(tmp_path, graphs.TWO.replace('"mask"', '"picture"'))
    with pytest.raises(
        InvalidCard, match=r"inputs has to be of different inputs of the graph: 'picture' is named twice"
    ):
        read_card(path)


def test_a_card_that_leaves_an_input_out_does_not_fit_its_graph(tmp_path: Path) -> None:
    graphs.two(tmp_path, graphs.TWO.partition("[inputs.weight]")[0] + "[outputs" + graphs.TWO.partition("[outputs")[2])
    with pytest.raises(ModelCorrupt, match=r"takes \['mask', 'picture'\] .* says it takes \['picture'\]"):
        graphs.opened(tmp_path).model("two")


def test_the_identity_of_several_inputs_says_which_feeds_which(tmp_path: Path) -> None:
    one = read_card(graphs.two(tmp_path)).identity()
    swapped = graphs.TWO.replace('"mask"', '"?"').replace('"picture"', '"mask"').replace('"?"', '"picture"')
    assert read_card(graphs.two(tmp_path, swapped)).identity() != one


def test_a_batch_is_cut_where_its_arrays_take_too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs.two(tmp_path)
    cache = graphs.opened(tmp_path)
    calls = [[pair(value) for value in (51, 102, 153, 204)]]
    whole, together = batched(cache, "two", calls)
    monkeypatch.setattr(session, "BATCH_BYTES", 2 * 2 * 4 * 4 * 3 * 4)  # two rows of two images of 4 x 4 floats
    cut, runs = batched(cache, "two", calls)
    assert [rows.tolist() for rows in cut] == [rows.tolist() for rows in whole]
    assert ([run.rows for run in together], [run.rows for run in runs]) == ([4], [2, 2])

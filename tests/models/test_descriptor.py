"""The search descriptor is what its page says: computed in the graph as by hand, and from weights alone."""

import numpy as np
import pytest
from skimage import data

from open_analytic.models.build import descriptor
from open_analytic.models.library import Library
from open_analytic.runtime.session import OnnxModel


def test_the_projection_has_no_direction_louder_than_the_strongest_class() -> None:
    matrix = descriptor.projection(np.random.default_rng(3).standard_normal((900, 1100)))
    assert matrix.shape == (1100, 1024)
    assert np.isfinite(matrix).all()
    assert np.linalg.norm(matrix, 2) == pytest.approx(1, abs=1e-4)
    assert np.linalg.norm(matrix[:, 900:], 2) == pytest.approx(descriptor.BLIND_WEIGHT, abs=1e-4)


def test_classes_in_another_order_give_the_same_distances() -> None:
    weights = np.random.default_rng(1).standard_normal((900, 1100))
    points = np.random.default_rng(2).standard_normal((4, 1100))
    one, other = (points @ descriptor.projection(rows) for rows in (weights, weights[::-1]))
    np.testing.assert_allclose(one @ one.T, other @ other.T, rtol=1e-4, atol=0.01)


def test_the_centre_of_a_channel_that_is_never_clipped_is_its_root_mean_square() -> None:
    # Normal with mean 3 and deviation 0.4: the root of 9 + 0.16, times the share a single picture has of it.
    weights = {"norm.bias": np.array([3.0]), "norm.weight": np.array([0.4])}
    np.testing.assert_allclose(descriptor.centre(weights, "norm"), 0.7 * np.sqrt(9.16), rtol=1e-6)


@pytest.mark.models
def test_the_graph_gives_the_centred_and_projected_root_mean_square_of_its_map(library: Library) -> None:
    model = OnnxModel(library.path("efficientnet_lite2"), library.card("efficientnet_lite2"))
    pictures = np.stack(
        [data.astronaut()[:260, 120:380], data.astronaut()[200:460, 120:380], data.chelsea()[:260, :260]]
    )
    outputs = model(pictures, ("descriptor", "map"))
    pooled = np.sqrt((outputs["map"].astype(np.float64) ** 2).mean(axis=(2, 3)))
    # What is left between two pictures does not depend on the centre, and the projection is linear.
    differences, projected = pooled[1:] - pooled[0], outputs["descriptor"]
    directions, *_ = np.linalg.lstsq(differences, (projected[1:] - projected[0]), rcond=None)
    np.testing.assert_allclose(differences @ directions, projected[1:] - projected[0], atol=1e-4)
    assert np.linalg.norm(directions, 2) <= 1 + 1e-3
    assert outputs["descriptor"].shape == (3, 1024)

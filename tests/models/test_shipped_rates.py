"""The table of rates that ships is what its pictures give."""

import hashlib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from open_analytic.models.library import Library
from open_analytic.pipeline import rates
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.run import Result
from open_analytic.pipeline.spec import preset
from open_analytic.runtime.local import LocalEngine
from open_analytic.types import Feature
from tests.unit.pipeline.test_rates import shipped


@pytest.mark.models
@pytest.mark.photos
def test_the_table_that_ships_is_what_its_pictures_give(
    engine: LocalEngine, library: Library, people: dict[str, list[Path]], photos: list[Path]
) -> None:
    """Its source in code: the five people without their one picture twice, and the strangers of 40 pixels and more."""
    known = {hashlib.sha256(file.read_bytes()).digest(): (person, file) for person in people for file in people[person]}
    extractor = plan(preset("face_feature_extractor"), library.cards)

    def features(files: list[Path]) -> list[Feature | None]:
        results = engine.run_many(extractor, [file.read_bytes() for file in files])
        return [each.features[0] if isinstance(each, Result) else None for each in results]

    named = [(person, feature) for (person, _), feature in zip(
        known.values(), features([file for _, file in known.values()]), strict=True
    ) if feature]  # fmt: skip
    strangers = [
        (file.name, feature)
        for file, feature in zip(photos, features(photos), strict=True)
        if feature and feature.box and round(min(feature.box.width, feature.box.height)) >= 40
    ]
    assert (len(named), len(strangers)) == (54, 22)
    pairs = list(combinations(named + strangers, 2))
    same = np.array([one == other for (one, _), (other, _) in pairs])
    distances = rates.distances(
        np.array([one.vector for (_, one), _ in pairs]), np.array([other.vector for _, (_, other) in pairs]), "l2"
    )
    table = shipped()
    assert (int(same.sum()), int((~same).sum())) == (table["same_pairs"], table["different_pairs"]) == (265, 2585)
    lines = rates.table(same, distances)
    assert [line.false_accept_rate for line in lines] == [line["false_accept_rate"] for line in table["rates"]]
    for line, row in zip(lines, table["rates"], strict=True):
        assert line.distance == pytest.approx(row["distance"], abs=2e-3)
        assert line.true_accept_rate == pytest.approx(row["true_accept_rate"], abs=0.01)

"""The library and the pipeline of the tiny network, which no unit test runs."""

from pathlib import Path

import pytest

from open_analytic.config import Settings
from open_analytic.models.library import Library
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import load
from tests import tiny


@pytest.fixture
def tiny_library(tmp_path: Path) -> Library:
    settings = Settings.read({}, cards=(tiny.write(tmp_path / "cards"),), models_dir=tmp_path / "models")
    return Library(settings)


@pytest.fixture
def colours(tiny_library: Library) -> Plan:
    """The pipeline of the tiny network."""
    return plan(load(tiny.PIPELINE, "mean_colour"), tiny_library.cards)

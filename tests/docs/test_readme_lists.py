"""README lists every pipeline and model that comes with the package."""

from pathlib import Path

from open_analytic import __version__
from open_analytic.models.library import Library
from open_analytic.pipeline import spec

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")


def test_every_preset_is_in_readme() -> None:
    assert [name for name in spec.presets() if f"`{name}`" not in README] == []


def test_every_model_is_in_the_licence_table_with_its_licence(library: Library) -> None:
    table = README.partition("## Models and their licences")[2]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    for card in library.cards.values():
        assert any(card.name in line and card.licence in line for line in lines), card.name


def test_the_wheel_it_names_is_that_of_this_version() -> None:
    assert f"open_analytic-{__version__}-py3-none-any.whl" in README

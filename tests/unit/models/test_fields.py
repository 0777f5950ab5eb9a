"""A table of a card becomes a dataclass; types without words of their own are named, too."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from open_analytic.errors import InvalidCard
from open_analytic.models.fields import Fields, Real, Text, Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Smell:
    name: Text
    kind: Literal["sweet", "sour"] = "sweet"
    strength: Annotated[int, Meta(ge=0, le=9)] = 3
    count: int = 1
    scale: float = 1.0
    bias: Real | None = None
    label: str = ""
    labels: Texts = ("none",)
    dry: bool = False
    range: Annotated[int, Meta(le=5)] = 0


def test_a_table_becomes_a_dataclass_with_its_defaults() -> None:
    fields = Fields(Path("card.toml"), {"name": "x", "bias": 2, "labels": ["a", "b"], "kind": "sour"}, "input.")
    assert fields.read(Smell) == Smell(name="x", bias=2.0, labels=("a", "b"), kind="sour")
    assert fields.read(Smell, name="computed").name == "computed"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("name", " ", "a text"),
        ("kind", "bitter", "one of sweet, sour"),
        ("kind", ["sweet"], "one of sweet, sour"),
        ("strength", 10, "a whole number of at least 0 and at most 9"),
        ("strength", 1.0, "a whole number of at least 0 and at most 9"),
        ("range", 6, "a whole number of at most 5"),
        ("count", True, "a whole number"),
        ("scale", "1", "a number"),
        ("bias", float("nan"), "a number"),
        ("bias", float("inf"), "a number"),
        ("bias", True, "a number"),
        ("label", 3, "a text"),
        ("labels", [], "a list of texts"),
        ("labels", "a", "a list of texts"),
        ("labels", [1], "a list of texts"),
        ("dry", 1, "true or false"),
    ],
)
def test_a_wrong_field_is_named_with_its_expectation(field: str, value: Any, expected: str) -> None:
    with pytest.raises(InvalidCard) as caught:
        Fields(Path("card.toml"), {"name": "x", field: value}, "input.").read(Smell)
    assert caught.value.message == f"The card card.toml: input.{field} has to be {expected}, not {value!r}."


def test_a_field_that_a_dataclass_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(InvalidCard) as caught:
        Fields(Path("card.toml"), {"name": "x", "colour": 1}, "input.").read(Smell)
    assert caught.value.message == "The card card.toml: input.colour is not a field."
    assert caught.value.hint == "Known: name, kind, strength, count, scale, bias, label, labels, dry, range."

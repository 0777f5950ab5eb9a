"""Kinds: their fields, their JSON, and regions as the service sends them."""

import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from open_analytic import regions
from open_analytic.errors import BadParameter
from open_analytic.kinds import KINDS
from open_analytic.kinds.kind import Kind
from open_analytic.types import Box, Face, Feature, Frame, Hit, Label, Object, Region, Span, TextSpan
from open_analytic.util.jsonable import jsonable

BOX = Box(x=1.5, y=2, width=3, height=4)
REGIONS: list[Region | None] = [None, BOX, Span(start=0.5, end=2), TextSpan(start=3, end=9), Frame(number=0, seconds=0)]


@pytest.mark.parametrize("each", REGIONS, ids=lambda each: type(each).__name__)
def test_a_region_comes_back_as_it_was_sent(each: Region | None) -> None:
    sent = json.loads(json.dumps({"vector": [1.0], **regions.to_json(each), "attributes": {}}))
    assert regions.from_json(sent) == each
    assert (sent["box"] is None) == (each != BOX)


def test_the_extent_of_a_region_is_in_its_own_unit() -> None:
    vector = np.ones(1, np.float32)
    assert [Feature(vector=vector, region=each).extent for each in REGIONS] == [0, 12, 1.5, 6, 1]
    assert [Feature(vector=vector, region=each).box for each in REGIONS] == [None, BOX, None, None, None]


def test_a_hit_keeps_its_key_box_in_json() -> None:
    hit = Hit(name="a", distance=0.5, row={"age": 30}, region=BOX, part=1)
    assert list(jsonable(hit)) == ["name", "distance", "row", "box", "part"]
    assert jsonable(hit)["box"] == {"x": 1.5, "y": 2, "width": 3, "height": 4}
    assert jsonable(Hit(name="a", distance=0.5, row={})) == {
        "name": "a", "distance": 0.5, "row": {}, "box": None, "part": None,
    }  # fmt: skip
    spoken = jsonable(Hit(name="a", distance=0.5, row={}, region=Span(start=0, end=1)))
    assert (spoken["box"], spoken["region"]) == (None, {"start": 0, "end": 1})


@pytest.mark.parametrize("each", REGIONS[1:], ids=lambda each: type(each).__name__)
def test_a_region_comes_back_from_a_row(each: Region) -> None:
    elements = regions.to_row(each)
    assert regions.from_row(each.column, [float(element) for element in elements or ()]) == each
    assert [type(element) for element in regions.to_row(each) or ()] == [field.type for field in fields(each)]
    others: list[Any] = [None, [], [1.0], [1.0, None], [None] * 4, [[1.0, 2.0], [3.0, 4.0]], [1.0] * 5]
    for other in others:
        assert regions.from_row(each.column, other) is None
    assert regions.from_row(None, elements) is None
    assert regions.from_row("frame", [float("nan"), 1]) is regions.from_row("frame", [float("inf"), 1]) is None


def test_a_region_has_a_label_for_people() -> None:
    assert [each and each.label for each in REGIONS] == [None, "3x4+2+2", "0.5-2 s", "3-9", "0 (0 s)"]
    assert Box(x=12.4, y=-3, width=64, height=80.6).label == "64x81+12-3"
    assert Span(start=0.1 + 0.2, end=3600).label == "0.3-3600 s"


def test_values_and_their_fields_in_json() -> None:
    face = Face(box=BOX, score=0.5, landmarks=np.zeros((5, 2), np.float32))
    box = {"x": 1.5, "y": 2, "width": 3, "height": 4}
    assert KINDS["face"].to_json(face) == {"box": box, "score": 0.5, "landmarks": [[0, 0]] * 5}
    assert KINDS["face"].to_json(face, "box") == box
    thing = Object(label="cat", score=0.5, box=BOX)
    assert KINDS["object"].to_json(thing) == {"label": "cat", "score": 0.5, "box": box}
    assert KINDS["label"].to_json(Label("cat", 0.5), "label") == "cat"
    assert KINDS["vector"].to_json(np.array([0.1], np.float32)) == [0.1]
    assert (KINDS["text"].to_json("a"), KINDS["number"].to_json(3.5)) == ("a", 3.5)


@pytest.mark.parametrize(("name", "kind"), KINDS.items(), ids=KINDS)
def test_every_kind_holds_together(name: str, kind: Kind) -> None:
    assert kind.name == name
    assert (kind.region is None) == (kind.region_type is None)
    assert set(kind.attributes) <= set(kind.fields)
    assert kind.article == ("an" if name[0] in "aeiou" else "a")


def test_the_old_name_of_fields_warns_and_works() -> None:
    """Plugins of version 0.1 make kinds with ``parts``."""
    old: dict[str, Any] = {"parts": {"length": len}}
    with pytest.warns(DeprecationWarning, match=r"^Kind\.parts is deprecated: use fields\.$") as warned:
        kind = Kind(name="word", **old)
    assert warned[0].filename == __file__  # the line of the caller
    assert kind == Kind(name="word", fields={"length": len})
    assert kind.to_json("four") == {"length": 4}
    with pytest.warns(DeprecationWarning, match=r"^Kind\.parts is deprecated: use fields\.$"):
        assert [getattr(kind, name) for name in old] == [{"length": len}]
    with pytest.raises(BadParameter, match="Both parts and fields are present"):
        Kind(name="word", fields={}, **old)

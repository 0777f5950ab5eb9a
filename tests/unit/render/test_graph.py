"""The graph of a pipeline is an SVG that shows every step and output, none over another, whatever they are called."""

from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_analytic.pipeline import spec
from open_analytic.render import graph
from open_analytic.types import Json

SVG = "{http://www.w3.org/2000/svg}"
Sides = tuple[float, float, float, float]  # left, top, right, bottom


def drawn(definition: Json, name: str = "faces") -> ElementTree.Element:
    return ElementTree.fromstring(graph.draw(definition, name=name))  # noqa: S314 - our own


def definition(*steps: Json, output: Json | None = None, **others: Any) -> Json:
    """A pipeline of these steps; the last one's output is the pipeline's."""
    whole = {
        "input": "bytes",
        "parameters": {},
        "steps": list(steps),
        "output": output or {"feature": steps[-1]["output"]},
    }
    return whole | others


def step(number: int, *inputs: str) -> Json:
    return {"operator": "resize", "input": list(inputs) or "input", "output": f"v{number}"}


CHAIN = definition(step(0), *(step(number, f"v{number - 1}") for number in range(1, spec.MAX_STEPS)))
FAN = definition(
    *(step(number) for number in range(spec.MAX_STEPS)),
    output={"all": {f"k{number}": f"v{number}" for number in range(spec.MAX_STEPS)}},
)
PRESETS = {name: preset.as_dict() for name, preset in spec.presets().items()}


def boxes(root: ElementTree.Element) -> dict[str, list[str]]:
    """The kinds of boxes and the words in them, a list for each box."""
    by_kind: dict[str, list[str]] = {}
    for box in root.iter(f"{SVG}svg"):
        if box is not root:
            kind = str(box.get("class"))
            by_kind.setdefault(kind, []).append("|".join(str(text.text) for text in box.iter(f"{SVG}text")))
    return by_kind


def sides(element: ElementTree.Element) -> Sides:
    x, y, width, height = (float(str(element.get(key))) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def places(root: ElementTree.Element) -> list[Sides]:
    """Where boxes and the names of values are."""
    return [sides(box) for box in (*root.findall(f"{SVG}svg"), *root.findall(f"{SVG}rect[@class='tag']"))]


def assert_sound(root: ElementTree.Element) -> None:
    """All within the picture, nothing over anything else."""
    (paper,) = (sides(rect) for rect in root.findall(f"{SVG}rect[@class='paper']"))
    assert root.get("viewBox") == " ".join(
        f"{side:g}" for side in (*paper[:2], paper[2] - paper[0], paper[3] - paper[1])
    )
    for left, top, right, bottom in places(root):
        assert paper[0] < left < right < paper[2]
        assert paper[1] < top < bottom < paper[3]
    for one, other in combinations(places(root), 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_every_step_is_there_with_its_model_and_parameters_and_every_output() -> None:
    root = drawn(PRESETS["face_analyzer"], "face_analyzer")
    assert boxes(root) == {
        "input": ["bytes"],
        "step": [
            "decode_image|1|shrink_to 1200",
            "align_faces|3|size 64, padding 0.2",
            "align_faces|5|size 32, padding 0.2",
            "align_faces|7|size 150, padding 0.25",
        ],
        "network": [
            "detect_faces|2|centerface|threshold 0.5",
            "estimate_age|4|age",
            "classify_gender|6|gender",
            "embed|8|dlib_face_resnet",
        ],
        "output": [
            "faces|box ← faces.box|score ← faces.score|landmarks ← faces.landmarks|age ← ages"
            "|gender ← genders.label|gender_score ← genders.score|face_emb ← embeddings"
        ],
    }
    assert [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "value"] == [
        "image", "faces", "age_crops", "ages", "gender_crops", "genders", "face_crops", "embeddings"
    ]  # fmt: skip


def test_what_callers_may_choose_stands_at_the_input() -> None:
    assert boxes(drawn(PRESETS["face_feature_extractor"]))["input"] == ["bytes|face = largest"]


def test_it_says_what_it_shows_also_to_who_does_not_see_it() -> None:
    root = drawn(PRESETS["general_feature_extractor"], "general")
    assert (root.tag, root.get("role")) == (f"{SVG}svg", "img")
    assert root.findtext(f"{SVG}title") == "The steps of general"
    assert root.findtext(f"{SVG}desc") == (
        "Step 1, decode_image, makes image of bytes. Step 2, embed with efficientnet_lite2, makes embedding of image. "
        "Step 3, normalize, makes feature of embedding. The result's feature is made of feature."
    )
    assert "@media (prefers-color-scheme: dark)" in str(root.findtext(f"{SVG}style"))


def test_each_value_has_a_wire_with_a_head_at_each_box_that_takes_it() -> None:
    root = drawn(PRESETS["face_analyzer"])
    heads = {group.findtext(f"{SVG}title"): str(group[2].get("d")).count("z") for group in root.iter(f"{SVG}g")}
    assert heads == {
        "bytes": 1, "image": 4, "faces": 4, "age_crops": 1, "gender_crops": 1, "face_crops": 1, "ages": 1,
        "genders": 1, "embeddings": 1,
    }  # fmt: skip


def test_a_straight_chain_is_one_column() -> None:
    root = drawn(CHAIN)
    left, right = ({place[side] for place in map(sides, root.findall(f"{SVG}svg"))} for side in (0, 2))
    assert (len(left), len(right)) == (1, 1)


def test_a_row_is_as_wide_as_a_page_however_many_steps_take_the_same() -> None:
    _, _, right, _ = sides(drawn(FAN).findall(f"{SVG}rect")[0])
    assert right <= 1000


@pytest.mark.parametrize(
    "whole",
    [*PRESETS.values(), definition(step(0)), CHAIN, FAN],
    ids=[*PRESETS, "one step", "chain", "fan"],
)
def test_nothing_stands_over_anything_else(whole: Json) -> None:
    root = drawn(whole)
    assert_sound(root)
    assert sum(map(len, boxes(root).values())) == 1 + len(whole["steps"]) + len(whole["output"])


def test_boxes_below_each_other_are_those_that_take_from_those_above() -> None:
    root = drawn(PRESETS["face_feature_extractor"])
    tops = [place[1] for place in map(sides, root.findall(f"{SVG}svg"))]
    assert all(above < below for above, below in pairwise(tops))


HOSTILE = {
    "markup": '<script>alert("x")</script>&\'' + "]]><!--",
    "long": "W" * 200,
    "wide": "人脸" * 100,
    "unseen": "\x01\u202e\ud800\ufffe" * 50,
    "combining": "e\u0301\u0489" * 60,
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_text_and_cut_to_their_box(name: str) -> None:
    whole = definition(
        {"operator": name, "model": name, "output": name, name: name, "size": 10**5000},
        {"operator": name, "input": [name, "input", "gone"], "output": name * 2, "on": True},
        output={name: {name: f"{name}.box", "b": name * 2}, "b": name},
        input=name, parameters={name: name},
    )  # fmt: skip
    root = drawn(whole, name)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "title", "desc", "style", "rect", "text", "g", "path"
    }  # fmt: skip
    assert_sound(root)
    assert all(len(str(text.text)) < 50 for text in root.iter(f"{SVG}text"))
    assert root.findtext(f"{SVG}title") == "The steps of " + "".join(
        letter if letter.isprintable() else "·" for letter in name
    )


def test_parameters_beyond_four_lines_are_counted() -> None:
    many = {f"quite_a_long_parameter_{number}": number for number in range(9)}
    words = boxes(drawn(definition({"operator": "resize", "output": "v0"} | many)))["step"][0].split("|")
    assert words[2:] == [f"quite_a_long_parameter_{number} {number}" for number in range(3)] + ["+6"]


@st.composite
def definitions(draw: st.DrawFn) -> Json:
    """Steps that take from any before them, and outputs of any of them."""
    count = draw(st.integers(1, 30))
    steps = []
    for number in range(count):
        values = st.sampled_from(["input", *(f"v{before}" for before in range(number))])
        steps.append(step(number, *draw(st.lists(values, min_size=1, max_size=12))))
    value = st.sampled_from([f"v{number}" for number in range(count)])
    keys = st.text(min_size=1, max_size=spec.MAX_NAME)
    output = draw(st.dictionaries(keys, value | st.dictionaries(keys, value, min_size=1), min_size=1, max_size=8))
    return definition(*steps, output=output)


@settings(deadline=None, max_examples=30)
@given(definitions())
def test_whatever_the_graph_every_box_has_its_place_and_the_same_one_each_time(whole: Json) -> None:
    picture = graph.draw(whole, name="a")
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own
    assert_sound(root)
    by_kind = boxes(root)
    assert (len(by_kind["step"]), len(by_kind["output"])) == (len(whole["steps"]), len(whole["output"]))
    assert graph.draw(whole, name="a") == picture

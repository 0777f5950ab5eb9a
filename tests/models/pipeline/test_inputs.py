"""What a pipeline declares as its input: bytes, an image, a text."""

from typing import Any

import pytest

from open_analytic.config import Settings
from open_analytic.errors import BadImage, BadText, InvalidPipeline, OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators.budget import budget
from open_analytic.operators.limits import Limits
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import run
from open_analytic.pipeline.spec import load
from open_analytic.runtime.cache import ModelCache
from tests import tiny, tiny_faces, tiny_texts


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    cards = tiny_texts.write(tiny.write(tmp_path_factory.mktemp("cards")))
    return Library(Settings.read({}, cards=(cards,), models_dir=cards / "models"))


@pytest.fixture(scope="module")
def cache(library: Library) -> ModelCache:
    return ModelCache(library, Settings.read({}, threads=1))


IMAGE = {
    "input": "image",
    "steps": [
        {"operator": "embed", "model": "mean_colour", "output": "colours"},
        {"operator": "normalize", "input": "colours", "output": "feature"},
    ],
    "output": {"feature": "feature"},
}


def ran(made: Plan, cache: ModelCache, *items: bytes) -> list[Any]:
    results = run(made, items, cache.model, Limits())
    return [result if isinstance(result, OpenAnalyticError) else result.output for result in results]


def test_a_decoded_image_gives_what_bytes_with_a_step_give(library: Library, cache: ModelCache) -> None:
    image, data = plan(load(IMAGE, "image"), library.cards), plan(load(tiny.PIPELINE, "bytes"), library.cards)
    items = [tiny_faces.paint([(250, 10, 10)]), b"no picture", tiny_faces.paint([(10, 250, 10)])]
    first, bad, last = ran(image, cache, *items)
    assert [first, last] == [ran(data, cache, items[0])[0], ran(data, cache, items[2])[0]]
    assert isinstance(bad, BadImage)
    assert image.hash != data.hash
    assert (image.lifetimes.decodings, image.lifetimes.decoded_end, budget().used) == (1, 2, 0)


def test_a_text_gives_its_vector(library: Library, cache: ModelCache) -> None:
    """The mean of the tokens' numbers: [CLS] 2, red 5, house 7, [SEP] 3; and of their squares."""
    made = plan(load(tiny_texts.PIPELINE, "texts"), library.cards)
    assert (made.input, made.dim, made.many) == ("text", 2, False)
    results = ran(made, cache, b"red house", "\ufeffred house".encode(), b"", b"a\0b", b"\xff")
    assert results[:2] == [{"vector": [4.25, 21.75]}] * 2
    assert [type(each) for each in results[2:]] == [BadText] * 3


def test_bytes_can_be_decoded_as_a_text_by_a_step(library: Library, cache: ModelCache) -> None:
    decode = {"operator": "decode_text", "max_characters": 5, "output": "text"}
    embed = tiny_texts.PIPELINE["steps"][0] | {"input": "text"}
    made = plan(load({"steps": [decode, embed], "output": {"vector": "vector"}}, "mine"), library.cards)
    good, bad = ran(made, cache, b"red", b"red house")
    assert good == {"vector": [pytest.approx(10 / 3), pytest.approx(38 / 3)]}
    assert isinstance(bad, BadText)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input": "bytes"}, "embed_text takes a text and 'input' is a bytes."),
        ({"input": "image"}, "embed_text takes a text and 'input' is an image."),
        ({"input": "vector"}, "The input of pipeline 'mine' cannot be 'vector'."),
        ({"output": {"text": "input"}}, "output.text: no step gives 'input'."),
        ({"output": {"text": "-bytes"}}, "output.text: no step gives '-bytes'."),
    ],
)
def test_an_input_that_does_not_fit_is_refused(library: Library, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidPipeline) as caught:
        plan(load(tiny_texts.PIPELINE | change, "mine"), library.cards)
    assert caught.value.message.endswith(said)


def test_a_step_that_makes_too_many_pixels_of_an_image_is_counted_with_its_decoding(library: Library) -> None:
    sizes = [{"operator": "resize", "size": 4096, "output": f"large{number}"} for number in range(23)]
    definition = IMAGE | {"steps": [*sizes, *IMAGE["steps"]]}
    with pytest.raises(InvalidPipeline, match=r"Step 20 \(resize -> large19\): up to here"):
        plan(load(definition, "mine"), library.cards)

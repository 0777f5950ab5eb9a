"""What a pipeline declares as its input: bytes, an image, a text."""

from dataclasses import replace
from typing import Any

import pytest

from open_analytic.config import Settings
from open_analytic.errors import BadImage, BadText, InvalidPipeline, ModelFailed, OpenAnalyticError
from open_analytic.kinds.text import Tokens
from open_analytic.models.library import Library
from open_analytic.operators import OPERATORS
from open_analytic.operators.limits import Limits, budget
from open_analytic.operators.operator import Operator
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import run
from open_analytic.pipeline.spec import load
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import TextSpan
from tests import tiny, tiny_faces, tiny_texts
from tests.models.runtime import graphs


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    cards = tiny_texts.write(tiny.write(tmp_path_factory.mktemp("cards")))
    graphs.strings(cards)
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


def ran(pipeline: Plan, cache: ModelCache, *items: bytes) -> list[Any]:
    results = run(pipeline, items, cache.model, Limits())
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
    pipeline = plan(load(tiny_texts.PIPELINE, "texts"), library.cards)
    assert (pipeline.input, pipeline.dim, pipeline.many) == ("text", 2, False)
    results = ran(pipeline, cache, b"red house", "\ufeffred house".encode(), b"", b"a\0b", b"\xff")
    assert results[:2] == [{"vector": [4.25, 21.75]}] * 2
    assert [type(each) for each in results[2:]] == [BadText] * 3


def test_bytes_can_be_decoded_as_a_text_by_a_step(library: Library, cache: ModelCache) -> None:
    decode = {"operator": "decode_text", "max_characters": 5, "output": "text"}
    embed = tiny_texts.PIPELINE["steps"][0] | {"input": "text"}
    pipeline = plan(load({"steps": [decode, embed], "output": {"vector": "vector"}}, "mine"), library.cards)
    good, bad = ran(pipeline, cache, b"red", b"red house")
    assert good == {"vector": [pytest.approx(10 / 3), pytest.approx(38 / 3)]}
    assert isinstance(bad, BadText)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": "bytes"}, "embed_text takes a text and 'input' is a bytes."),
        ({"input": "image"}, "embed_text takes a text and 'input' is an image."),
        ({"input": "vector"}, "The input of pipeline 'mine' cannot be 'vector'."),
        ({"output": {"text": "input"}}, "output.text: no step gives 'input'."),
        ({"output": {"text": "-bytes"}}, "output.text: no step gives '-bytes'."),
    ],
)
def test_an_input_that_does_not_fit_is_refused(library: Library, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPipeline) as caught:
        plan(load(tiny_texts.PIPELINE | change, "mine"), library.cards)
    assert caught.value.message.endswith(message)


def test_a_step_that_makes_too_many_pixels_of_an_image_is_counted_with_its_decoding(library: Library) -> None:
    sizes = [{"operator": "resize", "size": 4096, "output": f"large{number}"} for number in range(23)]
    definition = IMAGE | {"steps": [*sizes, *IMAGE["steps"]]}
    with pytest.raises(InvalidPipeline, match=r"Step 20 \(resize -> large19\): up to here"):
        plan(load(definition, "mine"), library.cards)
    decode = {"operator": "decode_image", "shrink_to": 600, "output": "input"}
    with pytest.raises(InvalidPipeline, match=r"Step 21 \(resize -> large19\): up to here"):
        plan(load(definition | {"steps": [decode, *definition["steps"]]}, "mine"), library.cards)


TOKENS: dict[str, Any] = {
    "input": "text",
    "steps": [
        {"operator": "tokenize", "model": "words", "output": "tokens"},
        {"operator": "embed_tokens", "model": "words", "role": "features", "input": "tokens", "output": "vector"},
    ],
    "output": {"tokens": "tokens", "mask": "tokens.mask", "vector": "vector"},
}


def without_special(tokens: Tokens) -> Tokens:
    """The same, and the model does not look at special tokens."""
    return replace(tokens, mask=[int(end > start) for start, end in tokens.spans])


def test_tokens_are_handed_from_step_to_step(library: Library, cache: ModelCache) -> None:
    pipeline = plan(load(TOKENS, "tokens"), library.cards)
    short, bad, long = ran(pipeline, cache, b"Red  houses", b"", b"red " * 20)
    spans = [(0, 0), (0, 3), (5, 10), (10, 11), (0, 0)]
    assert short == {
        "tokens": {
            "ids": [2, 5, 7, 8, 3],
            "mask": [1] * 5,
            "spans": [{"start": start, "end": end} for start, end in spans],
        },
        "mask": [1] * 5,
        "vector": ran(plan(load(tiny_texts.PIPELINE, "texts"), library.cards), cache, b"Red  houses")[0]["vector"],
    }
    assert isinstance(bad, BadText)
    assert long["tokens"]["ids"] == [2, *[5] * 10, 3]


def test_an_operator_changes_tokens(library: Library, cache: ModelCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of red 5 and house 7, and of their squares."""
    monkeypatch.setitem(
        OPERATORS, "without_special", Operator(function=without_special, inputs=("tokens",), output="tokens")
    )
    first, last = TOKENS["steps"]
    between = {"operator": "without_special", "input": "tokens", "output": "inner"}
    steps = [first, between, {**last, "input": "inner"}]
    pipeline = plan(load({"input": "text", "steps": steps, "output": {"vector": "vector"}}, "mine"), library.cards)
    assert ran(pipeline, cache, b"red house") == [{"vector": [6.0, 37.0]}]


def test_tokens_of_another_tokenizer_are_refused(library: Library, cache: ModelCache) -> None:
    model = cache.model("words")
    tokens = model.read(["red house"])[0]
    assert isinstance(tokens, Tokens)
    assert [tokens.region(at) for at in (1, 2)] == [TextSpan(start=0, end=3), TextSpan(start=4, end=9)]
    assert model([tokens, "red house"])["features"].tolist() == [[4.25, 21.75]] * 2
    for change, message in (
        ({"tokenizer": "another"}, "Model 'words' was given tokens of another tokenizer."),
        ({"mask": [1]}, "Model 'words' was given 4 tokens with 4 types and a mask of 1."),
        ({"ids": [2, -1, 7, 3]}, "Model 'words' was given 4 tokens with 4 types and a mask of 4."),
    ):
        with pytest.raises(ModelFailed) as caught:
            model([replace(tokens, **change)])
        assert caught.value.message == message
    many = replace(tokens, ids=[5] * 13, types=[0] * 13, mask=[1] * 13)
    with pytest.raises(BadText, match=r"The text has 13 tokens; model 'words' takes 12\."):
        model([many])


def test_a_model_that_takes_no_tokens_is_refused(library: Library) -> None:
    steps = [{**TOKENS["steps"][0], "model": "labels"}]
    with pytest.raises(InvalidPipeline) as caught:
        plan(load({"input": "text", "steps": steps, "output": {"tokens": "tokens"}}, "mine"), library.cards)
    assert str(caught.value) == (
        "Step 1 (tokenize -> tokens): needs a model that takes tokens, and 'labels' takes strings. "
        "Those that fit: words."
    )

"""A model that takes tokens: a text gives the same alone, beside texts of other lengths, and through the batcher."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from open_analytic.errors import BadText, InvalidCard, ModelCorrupt, ModelFailed, ModelUnavailable
from open_analytic.models.card import read_card
from open_analytic.models.inputs.base import bucket
from open_analytic.types import Json
from tests.models.runtime import graphs
from tests.models.runtime.calls import batched

IDS = {word: number for number, word in enumerate(graphs.WORDS)}
TEXTS = ["a red house", "Houses", "blue " * 9, "unknown", "a a a a a a a"]
TOKENS = [
    ["[CLS]", "a", "red", "house", "[SEP]"],
    ["[CLS]", "house", "##s", "[SEP]"],
    ["[CLS]", *["blue"] * 9, "[SEP]"],  # 11 tokens: another bucket
    ["[CLS]", "[UNK]", "[SEP]"],
    ["[CLS]", *["a"] * 7, "[SEP]"],
]


def mean(tokens: list[str]) -> list[float]:
    """The graph's output, by hand."""
    ids = np.array([IDS[token] for token in tokens], np.float32)
    return [float(ids.mean()), float((ids**2).mean())]


def changed(old: str, new: str) -> str:
    assert old in graphs.TOKENS
    return graphs.TOKENS.replace(old, new)


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.INT32])
@pytest.mark.parametrize("padding", ["bucket", "max_length", "none"])
def test_a_text_gives_the_same_alone_and_beside_texts_of_other_lengths(tmp_path: Path, padding: str, kind: int) -> None:
    graphs.tokens(tmp_path, changed("max_length  = 12", f'max_length  = 12\npadding = "{padding}"'), kind)
    model = graphs.opened(tmp_path).model("words")
    together = model(TEXTS)
    assert together["features"] == pytest.approx(np.array([mean(tokens) for tokens in TOKENS], np.float32))
    assert together["length"].ravel().tolist() == [len(tokens) for tokens in TOKENS]
    assert [model([text])["features"][0].tolist() for text in TEXTS] == together["features"].tolist()


def test_the_batcher_merges_texts_of_one_bucket(tmp_path: Path) -> None:
    graphs.tokens(tmp_path)
    cache = graphs.opened(tmp_path)
    rows, runs = batched(cache, "words", [[text] for text in TEXTS])
    assert [row[0].tolist() for row in rows] == [cache.model("words")([text])["features"][0].tolist() for text in TEXTS]
    assert sorted(run.rows for run in runs) == [2, 3]  # up to 8 tokens, up to 12


def test_a_long_text_is_cut_at_its_end(tmp_path: Path) -> None:
    graphs.tokens(tmp_path)
    rows = graphs.opened(tmp_path).model("words")(["red " * 50])
    assert rows["features"][0].tolist() == pytest.approx(mean(["[CLS]", *["red"] * 10, "[SEP]"]))
    assert rows["length"].tolist() == [[12]]


def test_without_truncation_a_long_text_is_an_error(tmp_path: Path) -> None:
    graphs.tokens(tmp_path, changed("max_length  = 12", "max_length  = 12\ntruncation = false"))
    with pytest.raises(BadText, match=r"The text has 52 tokens; model 'words' takes 12\."):
        graphs.opened(tmp_path).model("words")(["red " * 50])


def test_special_tokens_are_left_out_where_the_card_says_so(tmp_path: Path) -> None:
    graphs.tokens(tmp_path, changed("max_length  = 12", "max_length  = 12\nspecial_tokens = false"))
    model = graphs.opened(tmp_path).model("words")
    assert model(["red"])["features"].tolist() == [mean(["red"])]
    with pytest.raises(BadText, match=r"The text has no tokens for model 'words'\."):
        model([" "])


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("a" * 1_000_000, BadText, r"The text has 1,000,000 characters; model 'words' takes 100,000\."),
        ("red \ud800", BadText, r"The text is not Unicode"),
        (b"red", ModelFailed, r"Model 'words' takes texts, and this is bytes\."),
        (np.zeros((2, 2, 3), np.uint8), ModelFailed, r"Model 'words' takes texts, and this is ndarray\."),
    ],
    ids=["a million characters", "a lone surrogate", "bytes", "an image"],
)
def test_what_it_does_not_take_is_an_error(tmp_path: Path, value: Any, error: type[Exception], message: str) -> None:
    graphs.tokens(tmp_path)
    with pytest.raises(error, match=message):
        graphs.opened(tmp_path).model("words")(["red", value])


def test_texts_are_errors_of_an_image_model(tmp_path: Path) -> None:
    graphs.two(tmp_path, graphs.TWO.replace("[inputs.weight]", "[inputs.weight]\ntype = 'image'"))
    with pytest.raises(ModelFailed, match=r"takes 2 inputs: image, weight"):
        graphs.opened(tmp_path).model("two")(["red"])


def test_a_bad_text_of_one_caller_does_not_reach_another(tmp_path: Path) -> None:
    graphs.tokens(tmp_path)
    cache = graphs.opened(tmp_path)
    with pytest.raises(BadText, match="1,000,000 characters"):
        batched(cache, "words", [["a" * 1_000_000]])
    assert batched(cache, "words", [["red"]])[0][0].tolist() == [mean(["[CLS]", "red", "[SEP]"])]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('tokenizer   = "tokenizer.json"', 'tokenizer = "other.json"',
         r"an input reads the file 'other.json', and \[files\] does not name it"),
        ("max_length  = 12", "", "input.max_length has to be a whole number of at least 1 and at most 100000; it is"),
        ("max_length  = 12", "max_length = 200_000", "input.max_length has to be a whole number of at least 1 and at"),
        ("max_length  = 12", 'max_length = 9\npadding = "left"', "input.padding has to be one of bucket, max_length, "),
        ("max_length  = 12", "max_length = 9\ntruncation = 1", "input.truncation has to be true or false, not 1"),
        ("max_length  = 12", "max_length = 9\nlayout = 'NCHW'", "input.layout is not a field"),
        ('"attention_mask"', '"input_ids"', "input has to be of different inputs of the graph: 'input_ids' is"),
    ],
)  # fmt: skip
def test_a_wrong_card_is_refused_when_it_is_read(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = graphs.tokens(tmp_path, changed(old, new))
    with pytest.raises(InvalidCard, match=message):
        read_card(path)


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("max_length  = 12", "max_length = 2", InvalidCard, "max_length 2 has no room beside 2 special tokens"),
        ("max_length  = 12", 'max_length = 9\npad_token = "<x>"', InvalidCard, "'tokenizer.json' has no token '<x>'"),
        ('token_types = "token_type_ids"', "", ModelCorrupt, r"its card says it takes \['attention_mask', 'input_ids'"),
        ("[2]", "[3]", ModelFailed, r"'mean' has the shape \(1, 2\) for 1 rows"),
    ],
)
def test_a_card_that_does_not_fit_its_files_is_refused(
    tmp_path: Path, old: str, new: str, error: type[Exception], message: str
) -> None:
    graphs.tokens(tmp_path, changed(old, new))
    with pytest.raises(error, match=message):
        graphs.opened(tmp_path).model("words")(["red"])


def test_a_task_of_images_is_not_one_of_a_model_of_texts(tmp_path: Path) -> None:
    path = graphs.tokens(tmp_path)
    path.write_text(path.read_text().replace("text features", "image features"))
    with pytest.raises(InvalidCard, match="task has to be one of a model that takes tokens, not 'image features'"):
        read_card(path)


@pytest.mark.parametrize("content", ["", "{}", '{"model": 1}', "\0" * 10, '{"version": "1.0", "model": {"type": "X"}}'])
def test_a_file_that_is_no_tokenizer_is_a_corrupt_model(tmp_path: Path, content: str) -> None:
    graphs.tokens(tmp_path)
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ModelCorrupt, match=r"tokenizer\.json is no tokenizer file"):
        graphs.opened(tmp_path).model("words")


def test_a_missing_tokenizer_is_the_error_of_a_missing_network(tmp_path: Path) -> None:
    graphs.tokens(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ModelUnavailable, match=r"tokenizer\.json cannot be read: No such file"):
        graphs.opened(tmp_path).model("words")


def test_a_graph_that_takes_floats_takes_no_tokens(tmp_path: Path) -> None:
    graphs.tokens(tmp_path, kind=TensorProto.FLOAT)
    with pytest.raises(ModelCorrupt):
        graphs.opened(tmp_path).model("words")


def test_the_settings_of_the_tokenizer_file_give_way_to_those_of_the_card(tmp_path: Path) -> None:
    words: Json = graphs.tokenizer() | {
        "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 20}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "[PAD]"},
    }  # fmt: skip
    graphs.tokens(tmp_path, words=words)
    assert graphs.opened(tmp_path).model("words")([TEXTS[0]])["features"].tolist() == [
        pytest.approx(mean(TOKENS[0]))
    ]  # fmt: skip


def test_the_identity_follows_the_tokenizer_and_its_options(tmp_path: Path) -> None:
    def identity(card: str = graphs.TOKENS, words: Json | None = None) -> str:
        return read_card(graphs.tokens(tmp_path, card, words=words)).identity()

    others = {
        identity(changed("max_length  = 12", "max_length = 9")),
        identity(changed("max_length  = 12", "max_length = 12\nspecial_tokens = false")),
        identity(changed("max_length  = 12", 'max_length = 12\npadding = "max_length"')),
        identity(words=graphs.tokenizer() | {"normalizer": None}),
    }
    assert len(others | {identity()}) == 5
    assert identity() == identity(changed("max_length  = 12", "max_length = 12\nmax_characters = 5"))


def test_a_model_that_is_loaded_twice_has_one_tokenizer(tmp_path: Path) -> None:
    graphs.tokens(tmp_path)
    cache = graphs.opened(tmp_path)
    assert cache.model("words", threads=1).feed is cache.model("words", threads=2).feed


def test_without_the_package_the_extra_is_named(tmp_path: Path) -> None:
    graphs.tokens(tmp_path)
    program = (
        "import sys; from pathlib import Path; sys.modules['tokenizers'] = None\n"
        "from tests.models.runtime import graphs\n"
        "try: graphs.opened(Path(sys.argv[1])).model('words')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "ModelUnavailable Model 'words' takes tokens, and the package tokenizers is not installed. "
        "pip install 'open-analytic[text]'.\n"
    )


@given(st.integers(1, 100_000))
def test_a_bucket_holds_its_length_with_little_to_spare(length: int) -> None:
    assert length <= bucket(length) <= max(8, length * 1.25 + 8)
    assert bucket(bucket(length)) == bucket(length)

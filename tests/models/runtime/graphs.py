"""Networks of a few nodes for every type of input, each written with its card."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from open_analytic.config import Settings
from open_analytic.models.library import Library
from open_analytic.runtime.cache import ModelCache

HEAD = """\
name      = "{name}"
task      = "{task}"
licence   = "Apache-2.0"
source    = "file:{name}.onnx"
max_batch = {max_batch}
"""
TWO = """
[inputs.image]
name = "picture"
mean = [0, 0, 0]
std  = [255, 255, 255]
[inputs.weight]
name = "mask"
mean = [0, 0, 0]
std  = [1, 1, 1]
[outputs.features]
name  = "sum"
shape = [3]
"""

TOKENS = """
[input]
type        = "tokens"
name        = "input_ids"
mask        = "attention_mask"
token_types = "token_type_ids"
tokenizer   = "tokenizer.json"
max_length  = 12
[files."tokenizer.json"]
source = "file:tokenizer.json"
[outputs.features]
name  = "mean"
shape = [2]
[outputs.length]
name  = "length"
shape = [1]
"""
STRINGS = """
[input]
type = "strings"
name = "text"
[outputs.features]
name  = "number"
shape = [1]
"""
WAVEFORM = """
[input]
type = "waveform"
name = "samples"
rate = 8_000
[outputs.features]
name  = "power"
shape = [2]
"""
SPECTROGRAM = """
[input]
type = "spectrogram"
name = "mels"
rate = 8_000
fft  = 256
hop  = 80
mels = 16
[outputs.features]
name  = "mean"
shape = [1]
[outputs.tensor]
name  = "tensor"
shape = {shape}
"""
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "red", "blue", "house", "##s")


def save(
    folder: Path,
    name: str,
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    card: str,
    *,
    constants: Sequence[TensorProto] = (),
    task: str = "image features",
    max_batch: int = 8,
) -> Path:
    """The graph and its card in a folder; the path of the card."""
    graph = helper.make_graph(list(nodes), name, list(inputs), list(outputs), list(constants))
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)], ir_version=8
    )
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / f"{name}.onnx"))
    path = folder / f"{name}.toml"
    path.write_text(HEAD.format(name=name, task=task, max_batch=max_batch) + card)
    return path


def two(folder: Path, card: str = TWO) -> Path:
    """Two images: the sums of the first one's colours where the second has ones; their sides can differ per batch."""
    sides: list[str | int | None] = ["n", 3, "h", "w"]
    return save(
        folder,
        "two",
        [
            helper.make_node("Mul", ["picture", "mask"], ["product"]),
            helper.make_node("ReduceSum", ["product", "axes"], ["sum"], keepdims=0),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("picture", "mask")],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n", 3])],
        card,
        constants=[helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])],
    )


def tokenizer() -> dict[str, Any]:
    """A WordPiece tokenizer of nine words, as Hugging Face's library writes it."""
    special = [
        {"id": WORDS.index(word), "content": word, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for word in WORDS[:4]
    ]  # fmt: skip
    pieces = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]  # fmt: skip
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing", "single": pieces, "pair": pieces,
            "special_tokens": {
                word: {"id": word, "ids": [WORDS.index(word)], "tokens": [word]} for word in ("[CLS]", "[SEP]")
            },
        },
        "decoder": None,
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": {word: number for number, word in enumerate(WORDS)},
        },
    }  # fmt: skip


def tokens(folder: Path, card: str = TOKENS, kind: int = TensorProto.INT64, words: object = None) -> Path:
    """The mean over a text's tokens of (id, id squared), its mask and token types counted, and how many they are.

    A row of padding that the mask does not take out would change the mean.
    """
    names = ("input_ids", "attention_mask", "token_type_ids")
    vectors = np.array([[number, number**2] for number in range(len(WORDS))], np.float32)
    nodes = [
        helper.make_node("Gather", ["vectors", "input_ids"], ["embedded"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["token_type_ids"], ["types"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide_mask"]),
        helper.make_node("Unsqueeze", ["types", "last"], ["wide_types"]),
        helper.make_node("Add", ["embedded", "wide_types"], ["typed"]),
        helper.make_node("Mul", ["typed", "wide_mask"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "second"], ["total"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "second"], ["length"], keepdims=1),
        helper.make_node("Div", ["total", "length"], ["mean"]),
    ]
    path = save(
        folder,
        "words",
        nodes,
        [helper.make_tensor_value_info(name, kind, ["n", "length"]) for name in names],
        [
            helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("length", TensorProto.FLOAT, ["n", 1]),
        ],
        card,
        constants=[
            numpy_helper.from_array(vectors, "vectors"),
            helper.make_tensor("second", TensorProto.INT64, [1], [1]),
            helper.make_tensor("last", TensorProto.INT64, [1], [-1]),
        ],
        task="text features",
    )
    (folder / "tokenizer.json").write_text(json.dumps(words or tokenizer()))
    return path


def strings(folder: Path, card: str = STRINGS) -> Path:
    """The number of a known text, -1 of another."""
    number = helper.make_node(
        "LabelEncoder", ["text"], ["label"], domain="ai.onnx.ml",
        keys_strings=["red", "蓝", ""], values_floats=[1.0, 2.0, 3.0], default_float=-1.0,
    )  # fmt: skip
    wide = helper.make_node("Reshape", ["label", "shape"], ["number"])
    sides: list[str | int | None] = ["n", 1] if "N1" in card else ["n"]
    return save(
        folder,
        "labels",
        [number, wide],
        [helper.make_tensor_value_info("text", TensorProto.STRING, sides)],
        [helper.make_tensor_value_info("number", TensorProto.FLOAT, ["n", 1])],
        card,
        constants=[helper.make_tensor("shape", TensorProto.INT64, [2], [-1, 1])],
        task="text features",
    )


def waveform(folder: Path, card: str = WAVEFORM, kind: int = TensorProto.FLOAT) -> Path:
    """The mean square and the mean of each sound; of the samples that the mask marks, where the card names one."""
    sides: list[str | int | None] = ["n", 1, "samples"] if "NCT" in card else ["n", "samples"]
    inputs = [helper.make_tensor_value_info("samples", kind, sides)]
    nodes = [
        helper.make_node("Reshape", ["samples", "flat"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["sound"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["sound", "sound"], ["square"]),
        helper.make_node("ReduceSum", ["square", "second"], ["squares"], keepdims=1),
        helper.make_node("ReduceSum", ["sound", "second"], ["sum"], keepdims=1),
        helper.make_node("Concat", ["squares", "sum"], ["sums"], axis=1),
    ]
    if "mask" in card:
        inputs.append(helper.make_tensor_value_info("mask", TensorProto.INT64, ["n", "samples"]))
        nodes.append(helper.make_node("Cast", ["mask"], ["ones"], to=TensorProto.FLOAT))
    else:
        nodes += [
            helper.make_node("Sub", ["sound", "sound"], ["zeros"]),
            helper.make_node("Add", ["zeros", "one"], ["ones"]),
        ]
    nodes += [
        helper.make_node("ReduceSum", ["ones", "second"], ["count"], keepdims=1),
        helper.make_node("Div", ["sums", "count"], ["power"]),
    ]
    return save(
        folder,
        "sounds",
        nodes,
        inputs,
        [helper.make_tensor_value_info("power", TensorProto.FLOAT, ["n", 2])],
        card,
        constants=[
            helper.make_tensor("second", TensorProto.INT64, [1], [1]),
            helper.make_tensor("flat", TensorProto.INT64, [2], [0, -1]),
            helper.make_tensor("one", TensorProto.FLOAT, [1], [1]),
        ],
        task="audio features",
    )


def spectrogram(folder: Path, card: str = SPECTROGRAM, layout: str = "NMT") -> Path:
    """The mean of each spectrogram, and the spectrogram itself."""
    sides: list[str | int | None] = ["n", *[1 if axis == "C" else axis for axis in layout[1:]]]
    written = card.format(shape=[1 if axis == "C" else 0 for axis in layout[1:]])
    return save(
        folder,
        "mels",
        [
            helper.make_node("Identity", ["mels"], ["tensor"]),
            helper.make_node("Reshape", ["mels", "flat"], ["rows"]),
            helper.make_node("ReduceMean", ["rows", "second"], ["mean"], keepdims=1),
        ],
        [helper.make_tensor_value_info("mels", TensorProto.FLOAT, sides)],
        [
            helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["n", 1]),
            helper.make_tensor_value_info("tensor", TensorProto.FLOAT, sides),
        ],
        written.replace("rate", f'layout = "{layout}"\nrate', 1),
        constants=[
            helper.make_tensor("second", TensorProto.INT64, [1], [1]),
            helper.make_tensor("flat", TensorProto.INT64, [2], [0, -1]),
        ],
        task="audio features",
    )


def opened(folder: Path) -> ModelCache:
    """The models of the folder."""
    settings = Settings.read({}, cards=(folder,), models_dir=folder / "models", threads=1)
    return ModelCache(Library(settings), settings)

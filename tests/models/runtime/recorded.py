"""Real networks that write down what they are given, and pictures for them."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from open_analytic.errors import ModelFailed
from open_analytic.models.card import ModelCard
from open_analytic.models.inputs.base import Feed, Values
from open_analytic.runtime.batcher import Batcher
from open_analytic.runtime.cache import ModelCache
from open_analytic.runtime.session import Arrays, OnnxModel
from open_analytic.types import Images
from tests import tiny

BAD = 255  # a picture of this value is one the network cannot bear
CARD = tiny.CARD.replace("height = 16\nwidth  = 16\n", "").replace("mean_colour", "colours") + (
    '\n[outputs.brightest]\nname  = "brightest"\nshape = [3]\n'
)


def write(folder: Path) -> Path:
    """A network for pictures of any size: their mean colour, and the most there is of each colour."""
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, "h", "w"])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("colour", "brightest")]
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["mean"]),
        helper.make_node("GlobalMaxPool", ["picture"], ["most"]),
        helper.make_node("Flatten", ["mean"], ["colour"]),
        helper.make_node("Flatten", ["most"], ["brightest"]),
    ]
    graph = helper.make_graph(nodes, "colours", [picture], outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    tiny.write(folder)
    onnx.save(model, str(folder / "colours.onnx"))
    (folder / "colours.toml").write_text(CARD)
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A call of a network."""

    name: str
    values: tuple[int, ...]  # of each picture
    side: int
    outputs: tuple[str, ...] | None
    threads: int | None


@dataclass(slots=True, kw_only=True)
class Recorder:
    """Real networks that write down what they are given; ``gate`` holds them."""

    cache: ModelCache
    seen: list[Seen] = field(default_factory=list)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    gate: threading.Event = field(default_factory=threading.Event)

    def model(self, name: str, threads: int | None = None) -> "Recorded":
        return Recorded(self, self.cache.model(name, threads=threads), threads)

    def card(self, name: str) -> ModelCard:
        return self.cache.card(name)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Meets ``runtime.batcher.Network``."""

    recorder: Recorder
    inner: OnnxModel
    threads: int | None

    @property
    def feed(self) -> Feed:
        return self.inner.feed

    def run(self, batch: Values, outputs: tuple[str, ...] | None = None) -> Arrays:
        values = tuple(int(picture[0, 0, 0]) for picture in batch)
        seen = Seen(name=self.inner.name, values=values, side=len(batch[0]), outputs=outputs, threads=self.threads)
        self.recorder.seen.append(seen)
        self.recorder.entered.release()
        assert self.recorder.gate.wait(30)
        if BAD in values:
            raise ModelFailed(f"Cannot bear {values}.")
        return self.inner.run(batch, outputs)


def pictures(*values: int, side: int = 16) -> Images:
    return np.concatenate([np.full((1, side, side, 3), value, np.uint8) for value in values])


def first_rows(arrays: Mapping[str, NDArray[np.float32]]) -> dict[str, list[int]]:
    """Of each picture the value it was made of, by role."""
    assert all(np.ptp(array, axis=1).max() == 0 for array in arrays.values())
    return {role: np.rint(array[:, 0] * 255).astype(int).tolist() for role, array in arrays.items()}


def submitted(batcher: Batcher, *calls: Images, name: str = "mean_colour") -> list[Any]:
    """What calls of as many threads come to, errors included."""
    with ThreadPoolExecutor(len(calls)) as callers:
        return [_outcome(each) for each in [callers.submit(batcher.model(name), call) for call in calls]]


def _outcome(call: "Future[Any]") -> Any:
    error = call.exception(30)
    return f"{type(error).__name__}: {error}" if error else first_rows(call.result())

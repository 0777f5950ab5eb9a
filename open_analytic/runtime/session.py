"""One network in ONNX Runtime, fed with pictures as its card says. The only file that imports onnxruntime."""

import ctypes
import logging
import math
import os
import weakref
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from open_analytic import telemetry
from open_analytic.errors import DeadlineExceeded, ModelCorrupt, ModelFailed
from open_analytic.models.card import ModelCard
from open_analytic.runtime.watch import Watch
from open_analytic.ticket import CALLERS, TICKET
from open_analytic.types import Images

telemetry.disable()  # again: a program can have emptied its environment since open_analytic was imported
if not telemetry.DISABLED:
    logging.getLogger(__name__).warning(telemetry.LATE)

import onnxruntime  # noqa: E402 - after that

_sessions: "weakref.WeakSet[onnxruntime.InferenceSession]" = weakref.WeakSet()


def _keep_for_ever() -> None:
    """In a fork: a session's end waits for its threads, which exist in the parent only, and the child would hang."""
    for session in list(_sessions):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


os.register_at_fork(after_in_child=_keep_for_ever)

DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


class OnnxModel:
    """Meets ``types.Model``: uint8 RGB pictures in, arrays by their roles out."""

    def __init__(self, path: Path, card: ModelCard, *, threads: int = 0, watch: Watch | None = None) -> None:
        options = onnxruntime.SessionOptions()
        # Never 0: ONNX Runtime would tie its threads to cores, a third slower where another thread is on the same one.
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A waiting thread sleeps instead of burning the core that decodes the next pictures.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.card, self._watch = card, watch
        try:
            self.bytes = path.stat().st_size  # of weights, more or less
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no class above all of its errors
            raise ModelCorrupt(
                f"ONNX Runtime cannot load {path}: {error}", hint=f"`open-analytic models verify {card.name}`."
            ) from error
        _sessions.add(self._session)
        self._check_names(path)
        self._dtype = DTYPES[self._session.get_inputs()[0].type]
        self._mean = np.array(card.input.mean, np.float32)  # in the order of the network's colours, as its authors say
        self._scale = 1 / np.array(card.input.std, np.float32)

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) in pixels, None when any will do."""
        return self.card.size

    def __call__(self, batch: Images, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
        """Arrays by role, the first axis the batch, run ``max_batch`` rows at a time."""
        roles = outputs or tuple(self.card.outputs)
        if unknown := sorted(set(roles) - set(self.card.outputs)):
            raise ModelFailed(
                f"Model {self.name!r} has no output {unknown[0]!r}.", hint=f"It has: {', '.join(self.card.outputs)}."
            )
        names = [self.card.outputs[role].name for role in roles]
        step = self.card.max_batch
        parts = [self._run(batch[start : start + step], names) for start in range(0, len(batch), step)]
        if len(parts) == 1:
            return dict(zip(roles, parts[0], strict=True))
        return {role: np.concatenate(arrays) for role, arrays in zip(roles, zip(*parts, strict=True), strict=True)}

    def _run(self, batch: Images, names: list[str]) -> list[NDArray[np.float32]]:
        options, callers = onnxruntime.RunOptions(), CALLERS.get() or (TICKET.get(),)
        try:
            with self._watch.over(options, callers) if self._watch else nullcontext():
                arrays = self._session.run(names, {self.card.input.name: self._tensor(batch)}, options)
        except Exception as error:  # onnxruntime has no class above all of its errors
            if options.terminate:
                raise DeadlineExceeded(
                    f"Model {self.name!r} was stopped: its run took too long, or nobody waited for it any more.",
                    hint="OPEN_ANALYTIC_MODEL_RUN_S is the longest time of one run; allow the call more time.",
                ) from error
            raise ModelFailed(
                f"Model {self.name!r} failed on pictures of shape {batch.shape}: {error}",
                hint="Check the input of its card: layout, height and width.",
            ) from error

        return [self._checked(array, len(batch), name) for array, name in zip(arrays, names, strict=True)]

    def _checked(self, array: Any, rows: int, name: str) -> NDArray[np.float32]:
        """An output as the card says it is: a plan has relied on its shape."""
        told = next(output.shape for output in self.card.outputs.values() if output.name == name)
        shape = array.shape[1:]
        alike = len(shape) == len(told) and all(side in (0, there) for side, there in zip(told, shape, strict=True))
        if array.shape[:1] != (rows,) or not (alike or math.prod(shape) == math.prod(told)):
            raise ModelFailed(
                f"Model {self.name!r}: output {name!r} has the shape {array.shape} for {rows} pictures.",
                hint=f"{self.card.file} says {told} for each; correct it.",
            )
        return np.asarray(array, np.float32)

    def _tensor(self, batch: Images) -> NDArray[np.float32]:
        """(x - mean) / std in the card's layout and order of colours, one contiguous array."""
        nchw = self.card.input.layout == "NCHW"
        pixels = batch[..., ::-1] if self.card.input.color == "BGR" else batch
        shape = (1, 3, 1, 1) if nchw else (1, 1, 1, 3)
        tensor = np.empty((len(batch), 3, *batch.shape[1:3]) if nchw else batch.shape, np.float32)
        np.subtract(pixels.transpose(0, 3, 1, 2) if nchw else pixels, self._mean.reshape(shape), out=tensor)
        tensor *= self._scale.reshape(shape)
        return tensor if self._dtype == np.float32 else tensor.astype(self._dtype)

    def _check_names(self, path: Path) -> None:
        inputs = {entry.name for entry in self._session.get_inputs()}
        outputs = {entry.name for entry in self._session.get_outputs()}
        wanted = {output.name for output in self.card.outputs.values()}
        kinds = {entry.type for entry in self._session.get_inputs()}
        if not kinds <= set(DTYPES):
            raise ModelCorrupt(
                f"{path} takes {', '.join(kinds)}; pictures are given as {', '.join(DTYPES)}.",
                hint="Use a model whose input is a picture.",
            )
        if inputs != {self.card.input.name} or not wanted <= outputs:
            raise ModelCorrupt(
                f"{path} takes {sorted(inputs)} and gives {sorted(outputs)}; its card says it takes "
                f"{self.card.input.name!r} and gives {sorted(wanted)}.",
                hint=f"Correct {self.card.file}.",
            )

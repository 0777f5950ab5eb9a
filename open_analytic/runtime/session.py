"""One network in ONNX Runtime: values are grouped by what can be stacked, fed as its card says, and watched.

The only file that imports onnxruntime.
"""

import ctypes
import itertools
import logging
import math
import os
import re
import threading
import time
import weakref
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import DeadlineExceeded, ModelCorrupt, ModelFailed, ModelUnavailable, OpenAnalyticError
from open_analytic.models.card import ModelCard
from open_analytic.models.inputs.base import Feed, Graph, Input, Values
from open_analytic.runtime import providers
from open_analytic.util import telemetry
from open_analytic.util.cancellation import CALLERS, CANCEL_TOKEN, CancelToken

logger = logging.getLogger(__name__)
telemetry.disable()  # again: a program can have emptied its environment since open_analytic was imported
if not telemetry.DISABLED:
    logger.warning(telemetry.LATE)

import onnxruntime  # noqa: E402 - after that

_sessions: "weakref.WeakSet[onnxruntime.InferenceSession]" = weakref.WeakSet()


def _keep_for_ever() -> None:
    """In a fork: a session's end waits for its threads, which exist in the parent only, and the child would hang."""
    for session in list(_sessions):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


os.register_at_fork(after_in_child=_keep_for_ever)


_NUMBERS = re.compile(r"tensor\((float|float16|double|bool|u?int\d+)\)")
Arrays: TypeAlias = Mapping[str, NDArray[np.float32]]  # by role, the first axis the batch

BATCH_BYTES = 256_000_000  # of the arrays of one run; a row that takes more runs alone
POLL_S = 0.25  # how often the watch looks at runs


class Stoppable(Protocol):
    """A run's options; ONNX Runtime looks at ``terminate`` before each node."""

    terminate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    options: Stoppable
    deadline: float
    callers: Sequence[CancelToken | None]  # None: a caller without a deadline

    @property
    def should_run(self) -> bool:
        alone = bool(self.callers) and all(caller is not None and caller.gone for caller in self.callers)
        return not alone and time.monotonic() < self.deadline


class Watch:
    """Stops a run that takes too long, or whose callers have all gone: a graph can hold a loop without an end.

    One thread looks at them, and only while there are any.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s or float("inf")
        self._runs: dict[int, _Run] = {}
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, options: Stoppable, callers: Sequence[CancelToken | None] = ()) -> Iterator[None]:
        """Watch a run for as long as the block takes."""
        run = _Run(options=options, deadline=time.monotonic() + self._limit_s, callers=callers)
        number = next(self._numbers)
        with self._changed:
            self._runs[number] = run
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="open_analytic-watch", daemon=True)
                self._thread.start()
            elif len(self._runs) == 1:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._runs[number]

    def close(self) -> None:
        """End the thread; the next run starts another."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread:
            thread.join()

    def _work(self) -> None:
        with self._changed:
            while self._thread is threading.current_thread():
                for run in self._runs.values():
                    if not run.should_run:
                        run.options.terminate = True
                self._changed.wait(POLL_S if self._runs else None)


def resolved(chosen: Sequence[str]) -> tuple[str, ...]:
    """The providers of the setting, by ONNX Runtime's names; BadParameter when one is not installed."""
    return providers.resolve(chosen, installed())


def installed() -> list[str]:
    """The providers that the installed ONNX Runtime was built with, by its own names."""
    return list(onnxruntime.get_available_providers())


def _extensions(model: str) -> str:
    """The path of the library with the operators of onnxruntime-extensions."""
    try:
        import onnxruntime_extensions  # 0.3 s, and few models need it
    except ImportError as error:
        raise ModelUnavailable(
            f"Model {model!r} needs the package onnxruntime-extensions, which is not installed.",
            hint="pip install onnxruntime-extensions",
        ) from error
    return str(onnxruntime_extensions.get_library_path())


class OnnxModel:
    """Meets ``types.Model``: the values that its card describes in, arrays by their roles out."""

    def __init__(
        self,
        path: Path,
        card: ModelCard,
        *,
        files: Mapping[str, Path] | None = None,
        feed: Feed | None = None,
        chosen: tuple[str, ...] = (providers.CPU,),
        threads: int = 0,
        watch: Watch | None = None,
    ) -> None:
        options = onnxruntime.SessionOptions()
        # Never 0: ONNX Runtime would tie its threads to cores, a third slower where another thread is on the same one.
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A waiting thread sleeps instead of burning the core that decodes the next inputs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if card.extensions:
            options.register_custom_ops_library(_extensions(card.name))
        self.card, self._watch = card, watch
        self.size = card.size  # (height, width) in pixels, None when any will do
        try:
            # Of weights, more or less: external data is in a file of its own.
            self.bytes = sum(file.stat().st_size for file in (path, *(files or {}).values()))
            self._session = onnxruntime.InferenceSession(str(path), options, providers=list(chosen))
        except Exception as error:  # onnxruntime has no class above all of its errors
            raise ModelCorrupt(
                f"ONNX Runtime cannot load {path}: {error}", hint=f"`open-analytic models verify {card.name}`."
            ) from error
        _sessions.add(self._session)
        self._check_providers(chosen)
        self._check_names(path)
        types = {entry.name: entry.type for entry in self._session.get_inputs()}
        graph = Graph(model=card.name, path=path, card=card.file, types=types, files=files or {})
        self.feed = feed or card.input.load(graph)

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def input(self) -> Input:
        """What it takes, as its card says."""
        return self.card.input

    def read(self, values: Values) -> Values:
        """The values as the graph's arrays are made of them, such as tokens of texts."""
        return self.feed.read(values)

    def __call__(self, batch: Values, outputs: tuple[str, ...] | None = None) -> Arrays:
        """Arrays by role, the first axis the batch; values that cannot be stacked are run in groups."""
        grouped = groups(self.feed, self.feed.read(batch))
        return in_order(grouped, [self.run(group.values, outputs) for group in grouped])

    def run(self, values: Values, outputs: tuple[str, ...] | None = None) -> Arrays:
        """The same for values that ``feed`` has read and that have one key, ``max_batch`` rows at a time."""
        roles = outputs or tuple(self.card.outputs)
        if unknown := sorted(set(roles) - set(self.card.outputs)):
            raise ModelFailed(
                f"Model {self.name!r} has no output {unknown[0]!r}.", hint=f"It has: {', '.join(self.card.outputs)}."
            )
        step = most_rows(self.feed, values[0], self.card.max_batch)
        return joined([self._run(values[start : start + step], roles) for start in range(0, len(values), step)])

    def _run(self, values: Values, roles: tuple[str, ...]) -> Arrays:
        names = [self.card.outputs[role].name for role in roles]
        options, callers = onnxruntime.RunOptions(), CALLERS.get() or (CANCEL_TOKEN.get(),)
        shapes: dict[str, tuple[int, ...]] = {}
        try:
            inputs = self.feed.arrays(values)
            shapes = {name: array.shape for name, array in inputs.items()}
            with self._watch.over(options, callers) if self._watch else nullcontext():
                arrays = self._session.run(names, inputs, options)
        except OpenAnalyticError:
            raise
        except Exception as error:  # onnxruntime has no class above all of its errors
            if options.terminate:
                raise DeadlineExceeded(
                    f"Model {self.name!r} was stopped: its run took too long, or nobody waited for it any more.",
                    hint="OPEN_ANALYTIC_MODEL_RUN_S is the longest time of one run; allow the call more time.",
                ) from error
            raise ModelFailed(
                f"Model {self.name!r} failed on inputs of shape {shapes or np.shape(values)}: {error}",
                hint=f"Check the input in {self.card.file}.",
            ) from error
        checked = [self._checked(array, len(values), name) for array, name in zip(arrays, names, strict=True)]
        return dict(zip(roles, checked, strict=True))

    def _checked(self, array: Any, rows: int, name: str) -> NDArray[np.float32]:
        """An output as the card says it is: a plan has relied on its shape."""
        declared = next(output.shape for output in self.card.outputs.values() if output.name == name)
        shape = array.shape[1:]
        alike = len(shape) == len(declared) and all(
            side in (0, there) for side, there in zip(declared, shape, strict=True)
        )
        if array.shape[:1] != (rows,) or not (alike or math.prod(shape) == math.prod(declared)):
            raise ModelFailed(
                f"Model {self.name!r}: output {name!r} has the shape {array.shape} for {rows} rows.",
                hint=f"{self.card.file} says {declared} for each; correct it.",
            )
        return np.asarray(array, np.float32)

    def _check_providers(self, chosen: tuple[str, ...]) -> None:
        """ONNX Runtime turns to the processor by itself when a provider does not start."""
        used = self._session.get_providers()
        if chosen[0] in used:
            return
        problem = f"Model {self.name!r}: ONNX Runtime could not start {chosen[0]}"
        if not set(chosen) & set(used):
            raise ModelUnavailable(
                f"{problem}.",
                hint="Its log names what is missing, such as a driver. With cpu as the last of OPEN_ANALYTIC_PROVIDERS "
                "the model runs on the processor instead.",
            )
        logger.warning("%s; it runs on %s", problem, used[0])

    def _check_names(self, path: Path) -> None:
        inputs = {entry.name for entry in self._session.get_inputs()}
        outputs = {entry.name for entry in self._session.get_outputs()}
        declared = {output.name for output in self.card.outputs.values()}
        types = {entry.name: entry.type for entry in self._session.get_outputs()}
        if wrong := sorted(name for name in declared & outputs if not _NUMBERS.fullmatch(types[name])):
            raise ModelCorrupt(
                f"{path} gives {wrong[0]!r} as {types[wrong[0]]}; an output has to be a tensor of numbers.",
                hint=f"Name another output in {self.card.file}, or export the model without its last step.",
            )
        if inputs != set(self.card.input.names) or not declared <= outputs:
            raise ModelCorrupt(
                f"{path} takes {sorted(inputs)} and gives {sorted(outputs)}; its card says it takes "
                f"{sorted(self.card.input.names)} and gives {sorted(declared)}.",
                hint=f"Correct {self.card.file}.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Values that can be stacked, and which rows of the batch they are."""

    key: Hashable
    values: Values
    rows: Sequence[int]

    def cut(self, most: int) -> Iterator[Values]:
        """The values, at most ``most`` at a time."""
        for start in range(0, len(self.values), most):
            yield self.values[start : start + most]


def groups(feed: Feed, values: Values) -> list[Group]:
    """The groups of ready values, in the order of their first rows."""
    rows: dict[Hashable, list[int]] = {}
    for row, value in enumerate(values):
        rows.setdefault(feed.key(value), []).append(row)
    if not rows:
        raise ModelFailed("A model was called with no values.", hint="Call it with at least one.")
    if len(rows) == 1:  # an array stays an array
        return [Group(key=key, values=values, rows=own) for key, own in rows.items()]
    return [Group(key=key, values=[values[row] for row in own], rows=own) for key, own in rows.items()]


def most_rows(feed: Feed, value: object, max_batch: int) -> int:
    """How many rows like this ready value one run takes."""
    return max(1, min(max_batch, BATCH_BYTES // max(1, feed.row_bytes(value))))


def stacked(batches: Sequence[Values]) -> Values:
    """The values of one key, of several callers, one after another."""
    if len(batches) == 1:
        return batches[0]
    if all(isinstance(batch, np.ndarray) for batch in batches):
        return np.concatenate(batches)
    return [value for batch in batches for value in batch]


def joined(results: Sequence[Arrays]) -> Arrays:
    """The rows of all parts, one after another."""
    if len(results) == 1:
        return results[0]
    shapes = {role: {result[role].shape[1:] for result in results} for role in results[0]}
    if mixed := [role for role, sides in shapes.items() if len(sides) > 1]:
        raise ModelFailed(
            f"Output {mixed[0]!r} has another shape for each length or size of the input.",
            hint="Call the model with values of one shape, or choose an output of a fixed shape.",
        )
    return {role: np.concatenate([result[role] for result in results]) for role in results[0]}


def in_order(grouped: Sequence[Group], results: Sequence[Arrays]) -> Arrays:
    """The arrays of the groups as one batch, each row where its value was."""
    arrays = joined(results)
    if len(grouped) == 1:
        return arrays
    order = np.argsort([row for group in grouped for row in group.rows])
    return {role: array[order] for role, array in arrays.items()}

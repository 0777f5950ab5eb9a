"""Running a plan on a batch: a bad item becomes that item's error, its neighbours go on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from open_analytic.errors import OpenAnalyticError, ServiceError
from open_analytic.operators.image import Limits
from open_analytic.operators.kinds import Label
from open_analytic.operators.picture import Picture
from open_analytic.pipeline.call import INPUT, Call
from open_analytic.pipeline.plan import Plan
from open_analytic.plain import numbers
from open_analytic.types import Face, Feature, Json, Model

State: TypeAlias = dict[str, Any]  # the values of one item so far, by their names
Models: TypeAlias = Callable[[str], Model]


@dataclass(frozen=True, slots=True)
class Result:
    """What a pipeline gives for one input."""

    plan: Plan
    values: Mapping[str, Any]

    @property
    def output(self) -> Json:
        """The public result, made of what JSON has."""
        return {key: self._json(reference) for key, reference in self.plan.spec.output.items()}

    @property
    def features(self) -> tuple[Feature, ...]:
        """The vectors, each with the face it was made of and what else was said of that."""
        name = self.plan.vector
        if name is None:
            return ()
        vectors = self.values[name] if self.plan.many else [self.values[name]]
        return tuple(
            Feature(vector=vector, box=face.box if face else None, attributes=attributes)
            for vector, face, attributes in zip(
                vectors, self._faces(name, len(vectors)), self._attributes(name, len(vectors)), strict=True
            )
        )

    def _json(self, reference: Any) -> Any:
        if isinstance(reference, str):
            name, _, part = reference.partition(".")
            value = self.values[name]
            many = self.plan.values[name].kind.many
            return [_plain(each, part) for each in value] if many else _plain(value, part)
        columns = {key: self._json(inner) for key, inner in reference.items()}
        first = next(iter(reference.values())).partition(".")[0]
        if not self.plan.values[first].kind.many:
            return columns
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _faces(self, name: str, count: int) -> Sequence[Face | None]:
        face = self.plan.values[name].face
        if face is None:
            return [None] * count
        return list(self.values[face]) if self.plan.many else [self.values[face]]

    def _attributes(self, vector: str, count: int) -> list[dict[str, Any]]:
        """The numbers and texts that were said of each vector's region, by their keys in the output."""
        wanted = self.plan.values[vector].list_of
        rows: list[dict[str, Any]] = [{} for _ in range(count)]
        for key, reference in _leaves(self.plan.spec.output):
            name = reference.partition(".")[0]
            if self.plan.values[name].list_of != wanted or self.plan.values[name].kind.name == "vector":
                continue
            said = self._json(reference)
            for row, value in zip(rows, said if wanted else [said], strict=True):
                if isinstance(value, int | float | str):
                    row[key] = value
        return rows


def _leaves(output: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, reference in output.items():
        yield from [(key, reference)] if isinstance(reference, str) else reference.items()


def _plain(value: Any, part: str) -> Any:
    """One value, or a part of it, as JSON has it."""
    if isinstance(value, np.ndarray):
        return numbers(value)
    if isinstance(value, Face):
        whole = {
            "box": {"x": value.box.x, "y": value.box.y, "width": value.box.width, "height": value.box.height},
            "score": value.score,
            "landmarks": numbers(value.landmarks),
        }
        return whole[part] if part else whole
    if isinstance(value, Label):
        return value._asdict()[part] if part else value._asdict()
    return value


def run(plan: Plan, items: Sequence[bytes], models: Models, limits: Limits) -> list[Result | OpenAnalyticError]:
    """A result or an error for each item, in order."""
    return finish(plan, [begin(plan, item, limits) for item in items], models, limits)


def begin(plan: Plan, item: bytes, limits: Limits) -> State | OpenAnalyticError:
    """The steps before the first model, on one item: what decoding threads do."""
    state: State = {INPUT: item}
    try:
        for call in plan.calls[: _before_models(plan)]:
            _each(call, [state], limits)
    except OpenAnalyticError as error:
        return error
    return state


def finish(
    plan: Plan, states: Sequence[State | OpenAnalyticError], models: Models, limits: Limits
) -> list[Result | OpenAnalyticError]:
    """The steps from the first model on, on a batch."""
    done: list[State | OpenAnalyticError] = list(states)
    for call in plan.calls[_before_models(plan) :]:
        alive = [index for index, state in enumerate(done) if isinstance(state, dict)]
        faults = _step(call, [state for state in done if isinstance(state, dict)], models, limits)
        for index, fault in zip(alive, faults, strict=True):
            if fault:
                done[index] = fault
    return [_result(plan, state) if isinstance(state, dict) else state for state in done]


def _before_models(plan: Plan) -> int:
    return next((index for index, call in enumerate(plan.calls) if call.operator.batched), len(plan.calls))


def _result(plan: Plan, state: State) -> Result:
    wanted = {reference.partition(".")[0] for _, reference in _leaves(plan.spec.output)}
    faces = {plan.values[name].face for name in wanted}
    return Result(plan, {name: state[name] for name in wanted | faces if name})


def _step(call: Call, states: list[State], models: Models, limits: Limits) -> list[OpenAnalyticError | None]:
    """Apply a step to every item; the error of each, or None. What a batch does not bear is tried one by one."""
    if not states:
        return []
    if not call.operator.batched:
        return [_attempt(partial(_each, call, limits=limits), [state]) for state in states]
    # A model that cannot be had is no item's fault, so that error is not caught here.
    apply = partial(_batch, call, model=models(call.step.model) if call.step.model else None)
    if len(states) > 1 and _attempt(apply, states) is None:
        return [None] * len(states)
    return [_attempt(apply, [state]) for state in states]


def _attempt(apply: Callable[[list[State]], None], states: list[State]) -> OpenAnalyticError | None:
    try:
        apply(states)
    except ServiceError:
        raise  # nobody waits any more, or the models are gone: no item's fault
    except OpenAnalyticError as error:
        return error
    return None


def _elements(call: Call, state: State) -> list[tuple[Any, ...]]:
    """What the function is applied to: lists element by element, single values beside each of them."""
    inputs = [_given(call, state[name]) for name in call.inputs]
    if not any(call.many) or call.operator.takes_list:
        return [tuple(inputs)]
    count = max(len(value) for value, many in zip(inputs, call.many, strict=True) if many)
    columns = [value if many else [value] * count for value, many in zip(inputs, call.many, strict=True)]
    return list(zip(*columns, strict=True))


def _given(call: Call, value: Any) -> Any:
    """Pictures as bare pixels, but for operators that ask for their place too."""
    if call.operator.placed:
        return value
    if isinstance(value, list):
        return [_given(call, each) for each in value]
    return value.pixels if isinstance(value, Picture) else value


def _keep(call: Call, state: State, made: Any) -> None:
    many = any(call.many) and not call.operator.takes_list
    state[call.step.output] = made if many else made[0]


def _each(call: Call, states: Sequence[State], limits: Limits) -> None:
    """Apply a function to one thing after another."""
    extra = (limits,) if call.operator.limited else ()
    for state in states:
        elements = _elements(call, state)
        _keep(call, state, [call.operator.function(*element, *extra, **call.parameters) for element in elements])


def _batch(call: Call, states: Sequence[State], model: Model | None) -> None:
    """Apply a function to all elements of all items at once."""
    elements = [_elements(call, state) for state in states]
    flat = [element for part in elements for element in part]
    made: Any = []
    if flat:
        columns = [
            _column(kind, [element[place] for element in flat]) for place, kind in enumerate(call.operator.inputs)
        ]
        made = call.operator.function(*columns, *([model] if model else []), **call.parameters)
    start = 0
    for state, part in zip(states, elements, strict=True):
        _keep(call, state, made[start : start + len(part)])
        start += len(part)


def _column(kind: str, column: list[Any]) -> Any:
    return np.stack(column) if kind == "vector" else column

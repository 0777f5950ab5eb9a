"""Running a plan on a batch, or on many items while others are decoded.

A bad item becomes the error of that item, its neighbours go on.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from open_analytic.errors import OpenAnalyticError, PluginError, ServiceError
from open_analytic.kinds.kind import Kind
from open_analytic.kinds.lazy import Lazy
from open_analytic.operators.limits import Hold, Limits, NoRoom
from open_analytic.pipeline import engine
from open_analytic.pipeline.call import Call, Value
from open_analytic.pipeline.cost import LIST_BYTES
from open_analytic.pipeline.plan import Plan, kept_values, leaves
from open_analytic.types import Feature, Json, Model, Region
from open_analytic.util.cancellation import check_cancelled

State: TypeAlias = dict[str, Any]  # the values of one item so far, by their names
HOLD = "-hold"  # beside them what they have of the budget of decoded bytes; no step can have this name
Begun: TypeAlias = "State | OpenAnalyticError | Postponed"
Models: TypeAlias = Callable[[str], Model]
Finish: TypeAlias = Callable[[list[Begun]], Sequence[engine.Result | OpenAnalyticError]]

RUNNERS = 2  # batches that run side by side: two runs of half the threads waste less on waiting than one of all
BATCHES_AHEAD = RUNNERS + 1  # one more is decoded meanwhile


@dataclass(frozen=True, slots=True)
class Postponed:
    """An item that was not decoded, for there was no memory left: what runs has to end first."""

    item: bytes


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
        """The vectors, each with the region it was made of and the attributes of that."""
        name = self.plan.vector
        if name is None:
            return ()
        vectors = self.values[name] if self.plan.many else [self.values[name]]
        return tuple(
            Feature(vector=vector, region=region, attributes=attributes)
            for vector, region, attributes in zip(
                vectors, self._regions(name, len(vectors)), self._attributes(name, len(vectors)), strict=True
            )
        )

    def _json(self, reference: Any) -> Any:
        if isinstance(reference, str):
            name, _, field = reference.partition(".")
            value, known = self.values[name], self.plan.values[name]
            return (
                [known.kind.to_json(each, field) for each in value] if known.many else known.kind.to_json(value, field)
            )
        columns = {key: self._json(inner) for key, inner in reference.items()}
        first = next(iter(reference.values())).partition(".")[0]
        if not self.plan.values[first].many:
            return columns
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _regions(self, vector: str, count: int) -> Sequence[Region | None]:
        name = self.plan.values[vector].region
        if name is None:
            return [None] * count
        region = self.plan.values[name].kind.region
        assert region is not None  # noqa: S101 - a plan names only such values
        if self.plan.values[name].many:
            return [region(each) for each in self.values[name]]
        return [region(self.values[name])] * count

    def _attributes(self, vector: str, count: int) -> list[dict[str, Any]]:
        """The numbers and texts beside each vector's region, by their keys in the output."""
        list_name = self.plan.values[vector].list_of
        rows: list[dict[str, Any]] = [{} for _ in range(count)]
        for key, reference in leaves(self.plan.spec.output):
            name, _, field = reference.partition(".")
            known = self.plan.values[name]
            if known.list_of != list_name or known.kind.searchable:
                continue
            columns = {} if field else {each: self._json(f"{name}.{each}") for each in known.kind.attributes}
            for column, values in [*columns.items(), (key, self._json(reference))]:
                for row, value in zip(rows, values if list_name else [values], strict=True):
                    if isinstance(value, int | float | str) and (column == key or column not in row):
                        row[column] = value
        return rows


def run(plan: Plan, items: Sequence[bytes], models: Models, limits: Limits) -> list[Result | OpenAnalyticError]:
    """A result or an error for each item, in order."""
    # Only the first item waits for memory: the others would wait while they hold some.
    return finish(plan, [begin(plan, item, limits, wait=not at) for at, item in enumerate(items)], models, limits)


def prefetched(
    plan: Plan, items: Iterable[engine.Item], limits: Limits, finish: Finish, *, size: int, decoders: int, runners: int
) -> Iterator[engine.Result | OpenAnalyticError]:
    """A result or an error for each item, in order: at most ``BATCHES_AHEAD`` batches of ``size`` are held at once.

    The threads have the cancel token of the caller: what waits in them ends with it.
    """
    source = iter(items)
    batches: deque[Future[Sequence[engine.Result | OpenAnalyticError]]] = deque()
    decoding = ThreadPoolExecutor(decoders, thread_name_prefix="open_analytic-decode")
    running = ThreadPoolExecutor(runners, thread_name_prefix="open_analytic-run")
    try:
        while True:
            while len(batches) < BATCHES_AHEAD and (batch := list(itertools.islice(source, size))):
                states = [decoding.submit(copy_context().run, _read, plan, item, limits) for item in batch]
                batches.append(running.submit(copy_context().run, _finished, finish, states))
            if not batches:
                return
            yield from batches.popleft().result()
    finally:
        running.shutdown(wait=False, cancel_futures=True)
        decoding.shutdown(wait=True, cancel_futures=True)
        running.shutdown(wait=True)


def _read(plan: Plan, item: engine.Item, limits: Limits) -> Begun:
    """Read an item, where that is still to be done, and take it through the steps before the first model."""
    try:
        data = item() if callable(item) else item
    except OpenAnalyticError as error:
        return error
    return data if isinstance(data, OpenAnalyticError) else begin(plan, data, limits, wait=False)


def _finished(finish: Finish, states: list[Future[Begun]]) -> Sequence[engine.Result | OpenAnalyticError]:
    return finish([state.result() for state in states])


def begin(plan: Plan, item: bytes, limits: Limits, *, wait: bool = True) -> Begun:
    """The steps before the first model, on one item: what decoding threads do.

    Without ``wait`` an item for which there is no memory at the moment is postponed: ``finish`` begins it again.
    """
    hold = Hold(times=plan.lifetimes.decodings, beside=plan.lifetimes.beside_bytes, wait=wait)
    limits = replace(limits, hold=hold, too_large=plan.input_kind.too_large)
    state: State = {plan.source: item, HOLD: hold}
    try:
        if not plan.checks_bytes:
            limits.check_bytes(item)
        for number, call in enumerate(plan.calls[: _before_models(plan)]):
            check_cancelled()
            _each(call, [state], limits)
            _drop(plan, number, state)
    except NoRoom:
        return Postponed(item)
    except OpenAnalyticError as error:
        hold.release()
        if isinstance(error, ServiceError):
            raise
        return error
    hold.keep(_held(plan, state))
    return state


def _held(plan: Plan, state: State) -> int:
    """Bytes of decoded values."""
    known = [(value, plan.values[name]) for name, value in state.items() if name in plan.values]
    return sum(
        value.held_bytes if isinstance(value, Lazy) else sum(map(each.kind.held_bytes, value if each.many else [value]))
        for value, each in known
        if each.kind.held_bytes
    )


def finish(plan: Plan, states: Sequence[Begun], models: Models, limits: Limits) -> list[Result | OpenAnalyticError]:
    """The steps from the first model on, on a batch; what was postponed comes last, one by one."""
    begun = [index for index, state in enumerate(states) if not isinstance(state, Postponed)]
    done = dict(zip(begun, _finish(plan, [states[index] for index in begun], models, limits), strict=True))
    for index, state in enumerate(states):
        if isinstance(state, Postponed):
            (done[index],) = _finish(plan, [begin(plan, state.item, limits)], models, limits)
    return [done[index] for index in range(len(states))]


def _finish(plan: Plan, states: Sequence[Any], models: Models, limits: Limits) -> list[Result | OpenAnalyticError]:
    done: list[State | OpenAnalyticError] = list(states)
    try:
        for number, call in enumerate(plan.calls):
            if number < _before_models(plan):
                continue
            check_cancelled()
            if number == plan.lifetimes.decoded_end:
                _settle(plan, done)
                _release(states)
            alive = [index for index, state in enumerate(done) if isinstance(state, dict)]
            faults = _step(call, [state for state in done if isinstance(state, dict)], models, limits)
            for index, fault in zip(alive, faults, strict=True):
                _drop(plan, number, done[index])
                if fault:
                    done[index] = fault
        return [_result(plan, state) if isinstance(state, dict) else state for state in done]
    finally:
        _release(states)


def _settle(plan: Plan, states: Sequence[State | OpenAnalyticError]) -> None:
    """Leave of the values that the result needs what lasts."""
    for state in states:
        if isinstance(state, dict):
            state |= _results(plan, state)


def _release(states: Sequence[State | OpenAnalyticError]) -> None:
    for state in states:
        if isinstance(state, dict):
            state[HOLD].release()


def _drop(plan: Plan, number: int, state: State | OpenAnalyticError) -> None:
    """Forget the values that no later step takes."""
    if isinstance(state, dict):
        for name in plan.lifetimes.drops[number]:
            state.pop(name, None)


def _before_models(plan: Plan) -> int:
    return next((index for index, call in enumerate(plan.calls) if call.operator.batched), len(plan.calls))


def _result(plan: Plan, state: State) -> Result:
    return Result(plan, _results(plan, state))


def _results(plan: Plan, state: State) -> State:
    """The values that the result needs, of those that are there."""
    names = kept_values(plan.spec, plan.values) & state.keys()
    return {name: _lasting(plan.values[name], state[name]) for name in names}


def _lasting(known: Value, value: Any) -> Any:
    lasting = known.kind.lasting
    if lasting is None:
        return value
    return [lasting(each) for each in value] if known.many else lasting(value)


def _step(call: Call, states: list[State], models: Models, limits: Limits) -> list[OpenAnalyticError | None]:
    """Apply a step to every item; the error of each, or None. What a batch does not bear is tried one by one."""
    if not states:
        return []
    if not call.operator.batched:
        return [_attempt(partial(_each, call, limits=limits), [state]) for state in states]
    # A model that cannot be had is no item's fault, so that error is not caught here.
    model = models(call.step.model) if call.step.model else None
    apply = partial(_batch, call, model=model)
    if any(isinstance(state[name], Lazy) for state in states for name in call.inputs):
        return [_attempt(partial(_in_slices, apply, call), [state]) for state in states]
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


def _in_slices(apply: Callable[[list[State]], None], call: Call, states: list[State]) -> None:
    """Apply a batched step to a list that is too long to be in memory at once."""
    (state,) = states
    lists = [name for name, many in zip(call.inputs, call.many, strict=True) if many]
    steps = [state[name].at_once for name in lists if isinstance(state[name], Lazy)]
    outputs: list[Any] = []
    for start in range(0, len(state[lists[0]]), min(steps)):
        check_cancelled()
        outputs += _slice(apply, call, state | {name: state[name][start : start + min(steps)] for name in lists})
    state[call.step.output] = outputs


def _slice(apply: Callable[[list[State]], None], call: Call, state: State) -> list[Any]:
    """What a batched step makes of a part of its lists, which is forgotten with this call."""
    apply([state])
    return list(state[call.step.output])


def _columns(call: Call, state: State) -> tuple[list[Any], int | None]:
    """The inputs, and how many elements they have; None when the function is applied to them as they are."""
    inputs = [state[name] for name in call.inputs]
    if not any(call.many) or call.operator.takes_list:
        columns = zip(call.arguments, inputs, call.many, strict=True)
        return [_argument(convert, value, many=many) for convert, value, many in columns], None
    return inputs, max(len(value) for value, many in zip(inputs, call.many, strict=True) if many)


def _argument(convert: Callable[[Any], Any] | None, value: Any, *, many: bool) -> Any:
    """What an operator gets of a value, or of a whole list."""
    if convert is None:
        return value
    return [convert(each) for each in value] if many else convert(value)


def _element(call: Call, columns: Sequence[Any], at: int) -> tuple[Any, ...]:
    """Of lists one element, single values beside each of them."""
    return tuple(
        _argument(argument, value[at] if many else value, many=False)
        for argument, value, many in zip(call.arguments, columns, call.many, strict=True)
    )


def _elements(call: Call, state: State) -> list[tuple[Any, ...]]:
    """What the function is applied to."""
    columns, count = _columns(call, state)
    return [tuple(columns)] if count is None else [_element(call, columns, at) for at in range(count)]


def _store(call: Call, state: State, outputs: Any) -> None:
    many = any(call.many) and not call.operator.takes_list
    state[call.step.output] = outputs if many else outputs[0]


def _each(call: Call, states: Sequence[State], limits: Limits) -> None:
    """Apply a function to one thing after another; a long list of decoded values is made lazily."""
    extra = (limits,) if call.operator.limited else ()
    function = partial(call.operator.function, **call.parameters)
    for state in states:
        columns, count = _columns(call, state)
        if count is not None and call.operator.pixels and call.gives.held_bytes:
            size = 3 * call.operator.pixels(call.parameters)
            if count * size > LIST_BYTES:
                state[call.step.output] = Lazy(count, max(1, LIST_BYTES // size), _maker(call, function, columns))
                continue
        _store(call, state, [function(*element, *extra) for element in _elements(call, state)])


def _maker(call: Call, function: Callable[..., Any], columns: Sequence[Any]) -> Callable[[int], Any]:
    return lambda at: function(*_element(call, columns, at))


def _batch(call: Call, states: Sequence[State], model: Model | None) -> None:
    """Apply a function to all elements of all items at once."""
    elements = [_elements(call, state) for state in states]
    flat = [element for group in elements for element in group]
    outputs: Any = []
    if flat:
        columns = [_column(kind, [element[place] for element in flat]) for place, kind in enumerate(call.takes)]
        extra = [*([model] if model else []), *([call.labels] if call.operator.labelled else [])]
        outputs = call.operator.function(*columns, *extra, **call.parameters)
        if len(outputs) != len(flat):
            raise PluginError(f"Operator {call.step.operator} gave {len(outputs)} values for {len(flat)}.")
    start = 0
    for state, group in zip(states, elements, strict=True):
        _store(call, state, outputs[start : start + len(group)])
        start += len(group)


def _column(kind: Kind, column: list[Any]) -> Any:
    return kind.stack(column) if kind.stack else column

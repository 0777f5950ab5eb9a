"""A definition's steps and outputs under examination; every complaint names the step and says what would fit."""

import difflib
import math
import typing
from collections import ChainMap
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any

from open_analytic.errors import BadParameter, InvalidPipeline, UnknownModel, UnknownOperator
from open_analytic.kinds import ALL_KINDS
from open_analytic.kinds.kind import Kind
from open_analytic.kinds.labels import Labels
from open_analytic.operators import ALL_OPERATORS
from open_analytic.operators.operator import Between
from open_analytic.pipeline.call import INPUT, Call, Card, Value, defaults, names, signature
from open_analytic.pipeline.spec import Spec, Step, excerpt


class StepCheck:
    """One step under examination; ``where`` names it in every complaint."""

    def __init__(self, where: str, step: Step, cards: Mapping[str, Card]) -> None:
        self.where, self.step, self.cards = where, step, cards
        if step.operator not in ALL_OPERATORS:
            raise UnknownOperator(
                f"{where}: no operator is named {step.operator!r}.", hint=known(ALL_OPERATORS, step.operator)
            )
        self.operator = ALL_OPERATORS[step.operator]

    def wrong(self, message: str, hint: str | None = None) -> InvalidPipeline:
        return InvalidPipeline(f"{self.where}: {message}", hint=hint)

    def call(self, values: Mapping[str, Value], settled: ChainMap[str, Any]) -> Call:
        if self.step.output in values:
            raise self.wrong(f"{self.step.output!r} is there already.", "Give each output a name of its own.")
        if not self.step.output.isidentifier():
            raise self.wrong(f"{self.step.output!r} cannot be a name.", "Use letters, digits and _.")
        self._check_model()
        many = self._check_inputs(values)
        inputs = names(self.step, self.operator)
        takes = tuple(ALL_KINDS[kind] for kind in self.operator.inputs)
        return Call(
            step=self.step,
            operator=self.operator,
            parameters=self._parameters(settled),
            inputs=inputs,
            takes=takes,
            gives=ALL_KINDS[self.operator.output],
            many=many,
            arguments=tuple(
                kind.argument(values[name].kind, placed=self.operator.placed)
                for kind, name in zip(takes, inputs, strict=True)
            ),
            labels=self.cards[self.step.model].labels if self.step.model else Labels(),
        )

    def _check_model(self) -> None:
        name, tasks = self.step.model, self.operator.tasks
        if not tasks:
            if name is not None:
                raise self.wrong(f"{self.step.operator} uses no model, and {name!r} is given.", "Leave model out.")
            return
        types = self.operator.input_types
        suitable = [card for card, entry in self.cards.items() if entry.task in tasks]
        fitting = [card for card in suitable if not types or self.cards[card].input.type in types]
        if name is None:
            raise self.wrong("a model is needed.", f"Those that fit: {', '.join(sorted(fitting))}.")
        if name not in self.cards:
            raise UnknownModel(f"{self.where}: no model is named {name!r}.", hint=known(self.cards, name))
        if name in suitable and name not in fitting:
            raise self.wrong(
                f"needs a model that takes {' or '.join(types)}, and {name!r} takes {self.cards[name].input.type}.",
                f"Those that fit: {', '.join(sorted(fitting)) or 'none'}.",
            )
        if name not in fitting:
            raise self.wrong(
                f"needs a model for {' or '.join(tasks)}, and {name!r} is for {self.cards[name].task}.",
                f"Those that fit: {', '.join(sorted(fitting))}.",
            )
        if missing := sorted(set(self.operator.roles) - set(self.cards[name].outputs)):
            raise self.wrong(
                f"it needs the output {missing[0]!r}, and model {name!r} has none.", "Name it on its card."
            )
        if self.operator.labelled and not self.operator.labels_optional and not self.cards[name].labels:
            raise self.wrong(f"model {name!r} has no labels.", "Name its classes on its card: labels = [...].")

    def _check_inputs(self, values: Mapping[str, Value]) -> tuple[bool, ...]:
        inputs, kinds = names(self.step, self.operator), self.operator.inputs
        if len(inputs) != len(kinds):
            raise self.wrong(f"takes {len(kinds)} inputs ({', '.join(kinds)}), not {len(inputs)}.")
        for name, kind in zip(inputs, kinds, strict=True):
            fitting = [other for other, value in values.items() if ALL_KINDS[kind].accepts(value.kind)]
            if name not in values:
                raise self.wrong(f"nothing before it is named {name!r}.", self._fitting(kind, fitting))
            if not ALL_KINDS[kind].accepts(values[name].kind):
                raise self.wrong(
                    f"{self.step.operator} takes {ALL_KINDS[kind].phrase()} and {name!r} is {values[name].phrase()}.",
                    self._fitting(kind, fitting),
                )
        many = tuple(values[name].many for name in inputs)
        if self.operator.takes_list and not many[0]:
            raise self.wrong(f"{self.step.operator} takes a list, and {inputs[0]!r} is a single {kinds[0]}.")
        if self.operator.finds_many and any(many):
            raise self.wrong("it would give a list of lists.", f"Apply it to a single {kinds[many.index(True)]}.")
        lists = {values[name].list_of for name in inputs if values[name].many}
        if len(lists) > 1:
            raise self.wrong(f"its inputs are lists of different things: {', '.join(sorted(map(str, lists)))}.")
        return many

    @staticmethod
    def _fitting(kind: str, fitting: list[str]) -> str:
        if fitting:
            return f"What would fit: {', '.join(fitting)}."
        return f"No step before it gives {ALL_KINDS[kind].phrase()}."

    def value(self, call: Call, values: Mapping[str, Value]) -> Value:
        sources = [values[name] for name in names(self.step, self.operator)]
        many = call.operator.finds_many or any(call.many)
        if call.operator.takes_list:
            many = bool(call.operator.keeps_list and call.operator.keeps_list(call.parameters))
        return Value(
            kind=call.gives,
            many=many,
            dim=self._dim(call, sources) if call.gives.searchable else None,
            region=self.step.output if call.gives.region else _region(call, sources, values),
            list_of=self._list_of(call, sources) if many else None,
        )

    def _list_of(self, call: Call, sources: list[Value]) -> str | None:
        """Its own list where the operator makes one or changes the order; else that of its inputs."""
        if call.operator.finds_many or call.operator.takes_list:
            return self.step.output
        return next((source.list_of for source in sources if source.list_of), None)

    def _dim(self, call: Call, sources: list[Value]) -> int | None:
        if call.operator.dim:
            return call.operator.dim(call.parameters)
        if not self.step.model:
            return sources[0].dim
        outputs = self.cards[self.step.model].outputs
        role = call.parameters.get("role") or (next(iter(outputs)) if len(outputs) == 1 else "")
        if role not in outputs:
            problem = f"has no output {role!r}" if role else "has several outputs"
            raise self.wrong(f"model {self.step.model!r} {problem}.", f"Name one, role = {' or '.join(outputs)}.")
        dim = math.prod(outputs[role].shape)
        if not dim:
            raise self.wrong(f"output {role!r} of model {self.step.model!r} has no fixed size.", "Choose another role.")
        return dim

    def _parameters(self, settled: ChainMap[str, Any]) -> Mapping[str, Any]:
        accepted = signature(self.step.operator)
        values = {}
        for key, value in self.step.parameters.items():
            of_caller = False
            if key not in accepted:
                raise self.wrong(f"{self.step.operator} has no parameter {key!r}.", known(accepted, key))
            if isinstance(value, str) and value.startswith("$"):
                if value[1:] not in settled:
                    raise self.wrong(f"{key} = {value!r}, and the pipeline has no such parameter.", known(settled))
                of_caller = value[1:] in settled.maps[0]
                value = settled[value[1:]]
            if expected := mismatch(value, accepted[key].annotation):
                message = f"{key} has to be {expected}, not {excerpt(value)}."
                raise BadParameter(f"{self.where}: {message}") if of_caller else self.wrong(message)
            values[key] = value
        whole = {**defaults(self.step.operator), **values}
        if missing := sorted(set(accepted) - set(whole)):
            raise self.wrong(f"{self.step.operator} needs {missing[0]}.", "Add it to the step.")
        return whole


def mismatch(value: Any, hint: Any) -> str | None:
    """What a parameter has to be when the value is something else; None when it fits."""
    limits: Between | None = None
    if typing.get_origin(hint) is typing.Annotated:
        hint, limits = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        choices = typing.get_args(hint)
        return None if value in choices else " or ".join(map(repr, choices))
    accepted: type | UnionType = int | float if hint is float else hint
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        return {int: "a whole number", float: "a number", str: "a text"}.get(hint, "true or false")
    if limits and not limits.low <= typing.cast(float, value) <= limits.high:
        return f"between {limits.low} and {limits.high}"
    return None


def check_unused(spec: Spec, settled: Mapping[str, Any]) -> None:
    used = {value[1:] for step in spec.steps for value in step.parameters.values() if str(value).startswith("$")}
    if unused := sorted(set(settled) - used):
        raise InvalidPipeline(f"No step uses the parameter {unused[0]!r}.", hint=f"Write it as ${unused[0]} in a step.")


def check_output(spec: Spec, values: Mapping[str, Value]) -> list[str]:
    """Every output names a value that is there; those of kind vector."""
    vectors: dict[str, None] = {}
    for key, output in spec.output.items():
        if isinstance(output, str):
            references = {key: output}
        else:
            references = {f"{key}.{name}": reference for name, reference in output.items()}
        lists = set()
        for where, reference in references.items():
            name, _, field = reference.partition(".")
            if name not in values or name == INPUT:
                raise InvalidPipeline(
                    f"output.{where}: no step gives {name!r}.", hint=known(set(values) - {INPUT}, name)
                )
            _check_field(where, name, field, values[name].kind)
            lists.add(values[name].list_of)
            if values[name].kind.searchable:
                vectors[name] = None
        if len(lists) > 1:
            raise InvalidPipeline(f"output.{key} mixes lists of different things.", hint="Make an object of each.")
    return list(vectors)


def _region(call: Call, sources: list[Value], values: Mapping[str, Value]) -> str | None:
    """The value whose regions a step's output has.

    The regions of a list belong to the elements of lists in the same order. An operator on a whole list can change
    the order or give one value, so its output has none of them.
    """
    regions = [source.region for source in sources if source.region]
    lists = [name for name in regions if values[name].many]
    if lists and not call.operator.takes_list:
        return lists[0]
    return next((name for name in regions if name not in lists), None)


def _check_field(where: str, name: str, field: str, kind: Kind) -> None:
    if not kind.in_json:
        raise InvalidPipeline(
            f"output.{where}: {name!r} is {kind.phrase()}, which JSON cannot hold.", hint="Embed it first."
        )
    if field and field not in kind.fields:
        raise InvalidPipeline(f"output.{where}: {kind.phrase()} has no {field!r}.", hint=known(kind.fields, field))


def known(candidates: Iterable[str], name: str = "") -> str:
    """A hint: what there is, and the closest name."""
    ordered = sorted(candidates)
    near = difflib.get_close_matches(name, ordered, 1)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    return f"{guess}Known: {', '.join(ordered)}." if ordered else "There is none."

"""What is known of a pipeline's values and steps before anything runs."""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from open_analytic.kinds.kind import Kind
from open_analytic.kinds.labels import Labels
from open_analytic.operators import ALL_OPERATORS
from open_analytic.operators.operator import Operator
from open_analytic.pipeline.spec import Step

INPUT = "input"  # what the first steps take when they name nothing
RAW = "-bytes"  # what the input is decoded from; no step can have this name


class Tensor(Protocol):
    """What a plan has to know of a model's output."""

    @property
    def shape(self) -> tuple[int, ...]: ...


class ModelInput(Protocol):
    """What a plan has to know of a model's input."""

    @property
    def type(self) -> str: ...


class Card(Protocol):
    """What a plan has to know of a model; ``models.card.ModelCard`` is one."""

    @property
    def task(self) -> str: ...

    @property
    def input(self) -> ModelInput: ...

    @property
    def outputs(self) -> Mapping[str, Tensor]: ...

    @property
    def labels(self) -> Labels: ...

    def identity(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What is known of a step's output before it is computed."""

    kind: Kind
    many: bool = False  # a list for each input of the pipeline, not one value
    dim: int | None = None  # of vectors
    region: str | None = None  # the value that says which region of the input it was made of
    list_of: str | None = None  # the list whose order it has

    def __str__(self) -> str:
        return f"list of {self.kind.name}" if self.many else self.kind.name

    def phrase(self) -> str:
        """For messages, with an article."""
        return self.kind.phrase(many=self.many)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A step ready to run."""

    step: Step
    operator: Operator
    parameters: Mapping[str, Any]
    inputs: tuple[str, ...]  # the names of the values it takes
    takes: tuple[Kind, ...]  # the operator's kinds of them
    gives: Kind
    many: tuple[bool, ...]  # which inputs are lists
    arguments: tuple[Callable[[Any], Any] | None, ...]  # what makes the operator's argument of a value; None: it is it
    labels: Labels = field(default_factory=Labels)  # the classes of its model


def keeping_list(call: Call) -> Mapping[str, Any]:
    """The parameter of the pipeline, and its value, with which the call keeps its whole list; empty without one."""
    if call.operator.keeps_list is None:
        return {}
    for name, value in call.step.parameters.items():
        kind = signature(call.step.operator)[name].annotation
        choices = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
        for choice in choices if str(value).startswith("$") else ():
            if call.operator.keeps_list({**call.parameters, name: choice}):
                return {value[1:]: choice}
    return {}


@cache
def signature(operator: str) -> Mapping[str, inspect.Parameter]:
    """The parameters of an operator: the keyword-only ones of its function."""
    function = ALL_OPERATORS[operator].function
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    return {
        key: entry.replace(annotation=hints[key])
        for key, entry in parameters.items()
        if entry.kind is entry.KEYWORD_ONLY
    }


def defaults(operator: str) -> Mapping[str, Any]:
    """The values of parameters that a step leaves out."""
    entries = signature(operator).items()
    return {key: entry.default for key, entry in entries if entry.default is not inspect.Parameter.empty}


def names(step: Step, operator: Operator) -> tuple[str, ...]:
    """The values a step takes; one that names none takes the pipeline's input."""
    return step.inputs or (INPUT,) * len(operator.inputs)

"""A pipeline's definition: names and numbers, in TOML, JSON or a dict, and the presets that come with the package."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from open_analytic import resources
from open_analytic.errors import InvalidPipeline, UnknownPipeline
from open_analytic.types import Json

MAX_STEPS = 100
Output: TypeAlias = str | Mapping[str, str]  # a value's name, or an object of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operator with its model, inputs and parameters, and the name of what it gives."""

    operator: str
    output: str
    inputs: tuple[str, ...] = ()
    model: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> Json:
        entry: Json = {"operator": self.operator}
        if self.model is not None:
            entry["model"] = self.model
        if self.inputs:
            entry["input"] = self.inputs[0] if len(self.inputs) == 1 else list(self.inputs)
        return entry | {"output": self.output} | dict(self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A definition whose form is right; whether its steps fit together is the plan's business."""

    name: str
    description: str
    input: str
    parameters: Mapping[str, Any]
    steps: tuple[Step, ...]
    output: Mapping[str, Output]

    def as_dict(self) -> Json:
        """The definition as ``load`` takes it, and as the catalogue keeps it."""
        return {
            "description": self.description,
            "input": self.input,
            "parameters": dict(self.parameters),
            "steps": [step.as_dict() for step in self.steps],
            "output": {key: value if isinstance(value, str) else dict(value) for key, value in self.output.items()},
        }

    def canonical(self) -> str:
        """One text for one meaning, whatever the spelling of the file; the description does not count."""
        meaning = self.as_dict() | {"description": ""}
        return json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def load(definition: str | Path | Mapping[str, Any], name: str | None = None) -> Spec:
    """A definition from TOML or JSON text, a file of either, or a dict. ``name`` wins over the name it states."""
    if isinstance(definition, Path):
        try:
            definition = definition.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidPipeline(f"The definition {definition} cannot be read: {error}.") from error
    table = dict(_parse(definition) if isinstance(definition, str) else definition)
    stated = table.pop("name", None)
    return _spec(name or stated, table)


@cache
def presets() -> Mapping[str, Spec]:
    """The definitions that come with the package, by name."""
    return {path.stem: load(path, path.stem) for path in sorted(resources.folder("pipelines").glob("*.toml"))}


def preset(name: str) -> Spec:
    """The definition of this name that comes with the package."""
    try:
        return presets()[name]
    except KeyError:
        raise UnknownPipeline(
            f"No pipeline named {name!r} comes with open_analytic.",
            hint=f"Those that do: {', '.join(presets())}. For another, give a definition as well.",
        ) from None


def _parse(text: str) -> Mapping[str, Any]:
    reads = (json.loads, "JSON") if text.lstrip().startswith("{") else (tomllib.loads, "TOML")
    try:
        table = reads[0](text)
    except (ValueError, RecursionError) as error:
        raise InvalidPipeline(
            f"The definition is not {reads[1]}: {error}", hint="docs/pipelines.md shows a whole one."
        ) from error
    if not isinstance(table, dict):
        raise _wrong("the definition", "an object", table)
    return table


def _spec(name: object, table: dict[str, Any]) -> Spec:
    known = ("description", "input", "parameters", "steps", "output")
    if unknown := sorted(str(key) for key in table if key not in known):
        raise InvalidPipeline(
            f"The definition has an unknown field {unknown[0]!r}.", hint=f"Known: {', '.join(known)}."
        )
    steps = table.get("steps")
    if not isinstance(steps, list | tuple) or not 0 < len(steps) <= MAX_STEPS:
        raise _wrong("steps", f"a list of 1 to {MAX_STEPS} steps", steps)
    return Spec(
        name=_text("name", name),
        description=table.get("description", "") if isinstance(table.get("description", ""), str) else "",
        input=_text("input", table.get("input", "bytes")),
        parameters=_parameters("parameters", table.get("parameters", {})),
        steps=tuple(_step(number, step) for number, step in enumerate(steps, 1)),
        output=_output(table.get("output")),
    )


def _step(number: int, table: object) -> Step:
    where = f"step {number}"
    if not isinstance(table, Mapping):
        raise _wrong(where, "an object with operator and output", table)
    inputs = table.get("input", ())
    names = (inputs,) if isinstance(inputs, str) else inputs
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise _wrong(f"input of {where}", "a name or a list of names", inputs)
    rest = {key: value for key, value in table.items() if key not in ("operator", "output", "input", "model")}
    return Step(
        operator=_text(f"operator of {where}", table.get("operator")),
        output=_text(f"output of {where}", table.get("output")),
        inputs=tuple(names),
        model=_text(f"model of {where}", table["model"]) if "model" in table else None,
        parameters=_parameters(where, rest),
    )


def _output(table: object) -> Mapping[str, Output]:
    if not isinstance(table, Mapping) or not table:
        raise _wrong("output", "an object: the key of the result = the name of a step's output", table)
    return {
        _text("a key of output", key): {_text(f"a key of output.{key}", name): _text(f"output.{key}.{name}", part)
                                        for name, part in value.items()}
        if isinstance(value, Mapping) and value
        else _text(f"output.{key}", value)
        for key, value in table.items()
    }  # fmt: skip


def _parameters(where: str, table: object) -> Mapping[str, Any]:
    if not isinstance(table, Mapping):
        raise _wrong(where, "an object", table)
    for key, value in table.items():
        if not isinstance(value, str | int | float | bool):
            raise _wrong(f"{key} of {where}", "a text, a number, true or false", value)
    return {str(key): value for key, value in table.items()}


def _text(what: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(what, "a text", value)
    return value


def _wrong(what: str, expected: str, value: object) -> InvalidPipeline:
    shown = repr(value)
    return InvalidPipeline(
        f"In the definition, {what} has to be {expected}, not {shown if len(shown) < 80 else shown[:77] + '...'}.",
        hint="docs/pipelines.md shows a whole one.",
    )

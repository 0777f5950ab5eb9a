"""A pipeline's definition: names and numbers, in TOML, JSON or a dict, and the presets that come with the package."""

import importlib.resources
import json
import logging
import re
import reprlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from open_analytic import plugins
from open_analytic.errors import InvalidPipeline, OpenAnalyticError, PluginError, UnknownPipeline
from open_analytic.types import Json
from open_analytic.util import resources

if TYPE_CHECKING:
    from types import ModuleType

logger = logging.getLogger(__name__)

PRESETS = "open_analytic.presets"  # entry points of packages with TOML files
MAX_STEPS = 100
MAX_BYTES = 1_000_000  # of a definition's text
MAX_NAME = 200  # characters
MAX_SHOWN = 120  # characters of a wrong value in a message
HINT = "docs/pipelines.md shows a whole one."
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # by PostgreSQL, as text in JSON
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
        meaning = _whole(self.as_dict() | {"description": ""})
        return json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def load(definition: str | Path | Mapping[str, Any], name: str | None = None) -> Spec:
    """A definition from TOML or JSON text, a file of either, or a dict. ``name`` wins over the name it states."""
    if isinstance(definition, Path):
        definition = _read(definition)
    table = _parse(definition) if isinstance(definition, str) else definition
    if not isinstance(table, Mapping):
        raise InvalidPipeline(f"A definition is TOML, JSON or an object, not {excerpt(table)}.", hint=HINT)
    table = dict(table)
    stated = table.pop("name", None)
    return _spec(name or stated, table)


@cache
def presets() -> Mapping[str, Spec]:
    """The definitions that come with the package, by name."""
    return {path.stem: load(path, path.stem) for path in sorted(resources.folder("pipelines").glob("*.toml"))}


def all_presets() -> Mapping[str, Spec]:
    """These and the definitions of plugins. A plugin that does not work is left out, and a warning logged."""
    specs = dict(presets())
    for entries in plugins.entry_points(PRESETS).values():
        for entry in entries:
            try:
                specs = {**plugin_presets(entry), **specs}
            except PluginError as error:
                logger.warning("%s", error)
    return dict(sorted(specs.items()))


def preset(name: str) -> Spec:
    """The definition of this name that comes with the package or a plugin."""
    entries = [entry for entries in plugins.entry_points(PRESETS).values() for entry in entries]
    broken, matches = [], {plugins.OWN: presets()[name]} if name in presets() else {}
    for entry in entries:
        try:
            matches |= {plugins.distribution(entry): each for key, each in plugin_presets(entry).items() if key == name}
        except PluginError as error:
            broken.append(error)
    if len(matches) > 1:
        raise plugins.conflict(PRESETS, name, list(matches))
    if not matches and broken:
        raise broken[0]
    if not matches:
        raise UnknownPipeline(
            f"No pipeline named {name!r:.200} comes with open_analytic.",
            hint=f"Those that do: {', '.join(all_presets())}. For another, give a definition as well.",
        )
    return next(iter(matches.values()))


@cache
def plugin_presets(entry: EntryPoint) -> Mapping[str, Spec]:
    """The TOML files of the package that a plugin names."""
    module = plugins.load(entry)
    try:
        folder = importlib.resources.files(cast("ModuleType", module))
        files = [each for each in folder.iterdir() if each.name.endswith(".toml")]
        texts = {each.name.removesuffix(".toml"): each.read_text("utf-8") for each in files}
        return {name: load(texts[name], name) for name in sorted(texts)}
    except (OpenAnalyticError, OSError, TypeError, ValueError) as error:
        raise plugins.broken(entry, str(error).rstrip(".")) from error


def _parse(text: str) -> Any:
    if len(text) > MAX_BYTES:
        raise InvalidPipeline(f"The definition has {len(text):,} characters; at most {MAX_BYTES:,} are read.")
    json_text = text.lstrip().startswith(("{", "["))
    try:
        return json.loads(text, object_pairs_hook=_object) if json_text else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPipeline(
            f"The definition is not {'JSON' if json_text else 'TOML'}: {error}.", hint=HINT
        ) from error


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidPipeline(
            f"The definition {path} cannot be read: {error}.", hint="Give a TOML or JSON file."
        ) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, where a key stands once as it does in TOML."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError(f"a key stands twice among {', '.join(key for key, _ in pairs)}")
    return table


def _whole(value: Any) -> Any:
    """1.0 as 1 throughout: some writers of JSON know no difference."""
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
        description=_text("description", table.get("description") or " ", MAX_BYTES).strip(),
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
        _text("a key of output", key): {
            _text(f"a key of output.{key}", name): _text(f"output.{key}.{name}", reference)
            for name, reference in value.items()
        }
        if isinstance(value, Mapping) and value
        else _text(f"output.{key}", value)
        for key, value in table.items()
    }


def _parameters(where: str, table: object) -> Mapping[str, Any]:
    if not isinstance(table, Mapping):
        raise _wrong(where, "an object", table)
    for key, value in table.items():
        _text(f"a key of {where}", key)
        if not isinstance(value, str | int | float | bool):
            raise _wrong(f"{key} of {where}", "a text, a number, true or false", value)
        if isinstance(value, str) and value:
            _text(f"{key} of {where}", value)
    return dict(table)


def _text(what: str, value: object, longest: int = MAX_NAME) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise _wrong(what, f"a text of 1 to {longest} characters", value)
    if _UNSTORABLE.search(value):
        raise _wrong(what, "a text without zero bytes and lone surrogates", value)
    return value


def excerpt(value: object) -> str:
    """A value for a message, however large or deep it is."""
    try:
        text = reprlib.repr(value)
    except ValueError:  # an integer of more digits than Python prints
        return f"an enormous {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _wrong(what: str, expected: str, value: object) -> InvalidPipeline:
    return InvalidPipeline(f"In the definition, {what} has to be {expected}, not {excerpt(value)}.", hint=HINT)

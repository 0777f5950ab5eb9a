"""A definition, checked: operators and models are known, every step gets what it takes, parameters have values."""

import hashlib
import json
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from open_analytic.errors import BadParameter, InvalidPipeline
from open_analytic.kinds import ALL_KINDS, KINDS
from open_analytic.kinds.general import BYTES
from open_analytic.kinds.kind import Kind
from open_analytic.operators import ALL_OPERATORS
from open_analytic.pipeline.call import INPUT, RAW, Call, Card, Value, defaults, keeping_list
from open_analytic.pipeline.check import StepCheck, check_output, check_unused, known
from open_analytic.pipeline.cost import Lifetimes, check_pixels, lifetimes
from open_analytic.pipeline.spec import Output, Spec, Step
from open_analytic.regions import BOX, TYPES
from open_analytic.types import InputColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What running a pipeline means."""

    name: str
    spec: Spec
    input_kind: Kind  # of its inputs
    parameters: Mapping[str, Any]  # of the whole pipeline, defaults included
    calls: tuple[Call, ...]
    values: Mapping[str, Value]
    hash: str  # SHA-256 of the definition with its models' identities
    vector: str | None  # the output that is the feature: the only one of kind vector
    lifetimes: Lifetimes

    @property
    def input(self) -> str:
        return self.spec.input

    @property
    def input_columns(self) -> InputColumns:
        """The columns of a new collection that hold its inputs."""
        return self.input_kind.input_columns

    @property
    def source(self) -> str:
        """The name of the value that an item of the engine is."""
        return RAW if self.calls[0].step.output == INPUT else INPUT  # the call that decodes the input

    @property
    def checks_bytes(self) -> bool:
        """Whether every operator that takes the bytes of an item compares them with the limits itself."""
        return all(call.operator.limited for call in self.calls if self.source in call.inputs)

    @property
    def output(self) -> tuple[str, ...]:
        """The keys of the result."""
        return tuple(self.spec.output)

    @property
    def models(self) -> tuple[str, ...]:
        """The models it runs, each once."""
        return tuple(dict.fromkeys(call.step.model for call in self.calls if call.step.model))

    @property
    def dim(self) -> int | None:
        """Numbers of a feature; None when it gives none, or several."""
        return self.values[self.vector].dim if self.vector else None

    @property
    def many(self) -> bool:
        """Whether an input has a list of features, such as one a face, not one feature."""
        return bool(self.vector and self.values[self.vector].many)

    @property
    def region(self) -> Kind | None:
        """The kind of what its features were made of, which has their regions; None when they have none."""
        name = self.values[self.vector].region if self.vector else None
        return self.values[name].kind if name else None

    @property
    def region_type(self) -> str:
        """The name of the type of its regions, such as box or span: that of the column in which rows hold them."""
        type_ = self.region.region_type if self.region else None
        return next((name for name, each in TYPES.items() if each is type_), BOX)

    @property
    def every_region(self) -> Mapping[str, Any]:
        """The parameters with which it gives every region of an input; empty where a caller cannot choose."""
        return next(filter(None, map(keeping_list, self.calls)), {})

    @property
    def unstorable(self) -> InvalidPipeline | None:
        """The error of a collection of its features; None when a collection can store them with their regions."""
        if not self.many or self.region is None or self.region.region_type in TYPES.values():
            return None
        return InvalidPipeline(
            f"The vectors of pipeline {self.name!r} belong to regions of kind {self.region.name!r}, which no column of "
            "a collection can hold.",
            hint=f"Its region_type can be one of open_analytic.regions: {', '.join(TYPES)}.",
        )


def plan(
    spec: Spec, cards: Mapping[str, Card], parameters: Mapping[str, Any] | None = None, *, registered: bool = False
) -> Plan:
    """Check the definition and settle its parameters.

    The budget of pixels is for new definitions: one that is ``registered`` runs, because features of it are stored.
    """
    chosen = dict(parameters or {})
    for key in chosen:
        if key not in spec.parameters:
            raise BadParameter(
                f"Pipeline {spec.name!r} has no parameter {key!r:.200}.", hint=known(spec.parameters, key)
            )
    settled = ChainMap(chosen, dict(spec.parameters))
    calls, values = _input(spec, settled)
    decoded = 1 if own_decoder(spec) else 0
    for number, step in enumerate(spec.steps[decoded:], 1 + decoded):
        checked = StepCheck(f"Step {number} ({step.operator} -> {step.output})", step, cards)
        call = checked.call(values, settled)
        values[step.output] = checked.value(call, values)
        calls.append(call)
    check_unused(spec, settled)
    vectors = check_output(spec, values)
    if not registered:
        check_pixels(calls, len(spec.steps))
    return Plan(
        name=spec.name,
        spec=spec,
        input_kind=ALL_KINDS[spec.input],
        parameters=dict(settled),
        calls=tuple(calls),
        values=values,
        hash=_hash(spec, cards),
        vector=vectors[0] if len(vectors) == 1 else None,
        lifetimes=lifetimes(calls, values, kept_values(spec, values)),
    )


def _input(spec: Spec, settled: ChainMap[str, Any]) -> tuple[list[Call], dict[str, Value]]:
    """The input as a value, and the call that decodes it where it is not the bytes themselves."""
    decoder = ALL_KINDS[spec.input].decoder if spec.input in ALL_KINDS else None
    if decoder is None:
        inputs = sorted(name for name, kind in KINDS.items() if kind.decoder is not None)
        raise InvalidPipeline(
            f"The input of pipeline {spec.name!r} cannot be {spec.input!r}.", hint=f"Known: {', '.join(inputs)}."
        )
    if not decoder:
        return [], {INPUT: Value(kind=ALL_KINDS[spec.input])}
    raw = {RAW: Value(kind=BYTES)}
    own = own_decoder(spec)
    step = replace(own, inputs=(RAW,)) if own else Step(operator=decoder, inputs=(RAW,), output=INPUT)
    checked = StepCheck(f"Step 1 ({decoder} -> {INPUT})" if own else f"The input ({decoder})", step, {})
    call = checked.call(raw, settled)
    return [call], {INPUT: checked.value(call, raw)}


def own_decoder(spec: Spec) -> Step | None:
    """The first step when it decodes the input with parameters: the kind's decoder, whose output is ``input``."""
    first = spec.steps[0]
    decodes = first.operator == ALL_KINDS[spec.input].decoder and first.output == INPUT and not first.inputs
    return first if decodes else None


def kept_values(spec: Spec, values: Mapping[str, Value]) -> set[str]:
    """The values that the result needs: what the output names, and the regions that was made of."""
    named = {reference.partition(".")[0] for _, reference in leaves(spec.output)}
    return named | {region for name in named if (region := values[name].region)}


def leaves(output: Mapping[str, Output]) -> Iterator[tuple[str, str]]:
    """Each key of the output, or of an object in it, with what it refers to."""
    for key, reference in output.items():
        yield from [(key, reference)] if isinstance(reference, str) else reference.items()


def _hash(spec: Spec, cards: Mapping[str, Card]) -> str:
    """What the definition says, what it leaves to defaults, and what its operators and models are."""
    models = {step.model: cards[step.model].identity() for step in spec.steps if step.model}
    decoder = ALL_KINDS[spec.input].decoder
    names = [*([decoder] if decoder else []), *(step.operator for step in spec.steps)]
    operators = [[ALL_OPERATORS[name].version, _first_defaults(name), *_plugin(name)] for name in names]
    return hashlib.sha256(json.dumps([spec.canonical(), operators, models], sort_keys=True).encode()).hexdigest()


def _first_defaults(operator: str) -> dict[str, Any]:
    """The operator's defaults without those of later parameters: with them every pipeline would be a new version."""
    later = ALL_OPERATORS[operator].later
    return {name: value for name, value in defaults(operator).items() if name not in later}


def _plugin(operator: str) -> list[str]:
    """Whose operator it is, when it does not come with the package: another's of that name gives something else."""
    owner = ALL_OPERATORS.owner(operator)
    return [owner] if owner else []

"""Definitions by their hash. A caller sends the hash; a definition travels only when the service asks for it."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypeAlias

from open_analytic.errors import InvalidPipeline, UnknownPlan, VersionMismatch
from open_analytic.pipeline import spec as specs
from open_analytic.pipeline.call import Card
from open_analytic.pipeline.cost import check_pixels
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import Spec
from open_analytic.service.typed import Rule, from_json, json_object, json_value

CAPACITY = 1000  # definitions, and plans of them with parameters
CAPACITY_BYTES = 64_000_000  # of the definitions' texts: clients send one again when the service asks for it


_Definition: TypeAlias = Annotated[
    str | dict[str, Any],
    Rule(expected="an object, or TOML or JSON text", error=InvalidPipeline, hint=specs.HINT),
]
_Parameters: TypeAlias = Annotated[dict[str, Any], Rule(expected="an object", hint='For example {"face": "all"}.')]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A pipeline's definition, to be known by its hash."""

    name: Annotated[str, Rule(error=InvalidPipeline, hint="Give the pipeline's name.")] | None = None
    definition: _Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A pipeline to describe: a definition with a name, or the preset of that name."""

    name: Annotated[str, Rule(error=InvalidPipeline, hint="Give the pipeline's name.")]
    definition: _Definition | None = None
    parameters: _Parameters | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """The parameters of a run."""

    parameters: _Parameters | None


class Plans:
    """What can be run. A hash means one thing for ever, so nothing here grows old.

    ``is_registered`` tells whether the catalogue has a hash; only such a definition can exceed the budget of pixels.
    """

    def __init__(self, cards: Mapping[str, Card], *, is_registered: Callable[[str], bool] = lambda _: False) -> None:
        self._cards, self._is_registered = cards, is_registered
        self._exempt: set[str] = set()  # from the budget of pixels
        self._specs: OrderedDict[str, Spec] = OrderedDict()
        self._sizes: dict[str, int] = {}  # of their texts
        self._plans: OrderedDict[tuple[str, str], Plan] = OrderedDict()
        self._lock = threading.Lock()

    def define(self, hash: str, text: str) -> None:  # noqa: A002 - the catalogue's word
        """Take a definition, ``{"name": ..., "definition": {...}}``, whose hash is this one with the models here."""
        request = from_json(Definition, json_object(text))
        spec = specs.load(request.definition, name=request.name)
        pipeline = plan(spec, self._cards, registered=True)
        if pipeline.hash != hash:
            raise VersionMismatch(
                f"Pipeline {spec.name!r} was created with other models than the service has: its vectors would not be "
                "comparable.",
                hint=f"Give the service the same model cards, or pipeline_create({spec.name!r}) for a new version.",
            )
        exempt = self._check_pixels(pipeline)
        with self._lock:
            if exempt:
                self._exempt.add(hash)
            self._specs[hash], self._sizes[hash] = spec, len(text)
            while len(self._specs) > 1 and (len(self._specs) > CAPACITY or sum(self._sizes.values()) > CAPACITY_BYTES):
                self._forget(next(iter(self._specs)))

    def _check_pixels(self, pipeline: Plan) -> bool:
        """Refuse a plan beyond the budget that the catalogue does not have; True: it is beyond, and registered."""
        try:
            check_pixels(pipeline.calls, len(pipeline.spec.steps))
        except InvalidPipeline:
            if not self._is_registered(pipeline.hash):
                raise
            return True
        return False

    def _forget(self, hash: str) -> None:  # noqa: A002
        """Remove a definition, and the plans that hold it."""
        del self._specs[hash], self._sizes[hash]
        self._exempt.discard(hash)
        for key in [key for key in self._plans if key[0] == hash]:
            del self._plans[key]

    def get(self, hash: str, parameters: str = "{}") -> Plan:  # noqa: A002
        """The plan of a definition that was given, with parameters in JSON."""
        key = (hash, parameters)
        with self._lock:
            cached, spec = self._plans.get(key), self._specs.get(hash)
        if cached:
            return cached
        if spec is None:
            raise UnknownPlan(hint="Send its definition, then ask again.")
        pipeline = plan(spec, self._cards, _parameters(parameters), registered=hash in self._exempt)
        with self._lock:
            if hash in self._specs:
                _put(self._plans, key, pipeline)
        return pipeline

    def describe(self, text: str) -> str:
        """What the catalogue says of a pipeline: ``{"name", "definition"?, "parameters"?}`` in, JSON out.

        Without a definition it is the preset of that name.
        """
        request = from_json(Description, json_object(text))
        name, definition = request.name, request.definition
        spec = specs.preset(name) if definition is None else specs.load(definition, name=name)
        pipeline = plan(spec, self._cards, request.parameters or {}, registered=True)
        self._check_pixels(pipeline)
        error = pipeline.unstorable
        return json.dumps(
            {
                "name": pipeline.name,
                "input": pipeline.input,
                "output": list(pipeline.output),
                "dim": pipeline.dim,
                "many": pipeline.many,
                "hash": pipeline.hash,
                "definition": json.dumps(spec.as_dict()),
                "parameters": dict(pipeline.parameters),
                "input_columns": asdict(pipeline.input_columns) | {"region": pipeline.region_type},
            }
            | ({"unstorable": error.as_dict()} if error else {})
        )


def _put(cache: "OrderedDict[Any, Any]", key: Any, value: Any) -> None:
    cache[key] = value
    if len(cache) > CAPACITY:
        cache.popitem(last=False)


def _parameters(text: str) -> Mapping[str, Any]:
    return from_json(_Request, {"parameters": json_value(text)}).parameters or {}

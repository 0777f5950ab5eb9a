"""Plans of registered pipelines, made once for each version and set of parameters."""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from open_analytic.errors import VersionMismatch
from open_analytic.pipeline import spec as specs
from open_analytic.pipeline.call import Card
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.types import PipelineInfo

CAPACITY = 1000  # plans


class PlanCache:
    """A hash means one definition with its models for ever, so nothing here grows old. Threads can share it."""

    def __init__(self, cards: Callable[[], Mapping[str, Card]]) -> None:
        self._cards = cards
        self._plans: dict[tuple[str, str, str], Plan] = {}
        self._lock = threading.Lock()

    def get(self, info: PipelineInfo, parameters: Mapping[str, Any]) -> Plan:
        """The plan of a version. Errors: VersionMismatch when its models are others now, BadParameter."""
        key = (info.name, info.hash, json.dumps(dict(parameters), sort_keys=True, default=repr))
        with self._lock:
            cached = self._plans.get(key)
        result = cached or self._make(info, parameters)
        with self._lock:
            self._plans.pop(key, None)
            self._plans[key] = result  # the last of those that were used
            if len(self._plans) > CAPACITY:
                del self._plans[next(iter(self._plans))]
        return result

    def _make(self, info: PipelineInfo, parameters: Mapping[str, Any]) -> Plan:
        spec = specs.load(info.definition, name=info.name)
        result = plan(spec, self._cards(), parameters, registered=True)
        if result.hash != info.hash:
            raise VersionMismatch(
                f"The models of pipeline {info.name!r} version {info.version} have changed since it was created: "
                "its vectors would not be comparable.",
                hint=f"Put the models' cards back, or pipeline_create({info.name!r}) for a new version "
                "and import into a new collection.",
            )
        return result

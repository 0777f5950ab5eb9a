"""What Prometheus reads at /metrics."""

from collections.abc import Callable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
PIPELINES, OTHERS = 1000, "(others)"  # names that have counters of their own, and where all further ones count
ROWS = (1, 2, 4, 8, 16, 32, 64)


class Ran(Protocol):
    """A batch that was run; ``runtime.batcher.Ran`` is one."""

    @property
    def model(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def waited_s(self) -> float: ...
    @property
    def compute_s(self) -> float: ...


class Metrics:
    """The counters of one service. Threads can share them."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._pipelines: set[str] = set()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        labels = ["door", "pipeline"]
        self.requests = Counter("open_analytic_requests", "Calls answered, well or not", labels, registry=registry)
        self.inputs = Counter("open_analytic_inputs", "Pictures computed", ["pipeline"], registry=registry)
        self.errors = Counter("open_analytic_errors", "Errors by SQLSTATE", ["sqlstate"], registry=registry)
        self.under_way = Gauge("open_analytic_calls_under_way", "Calls waiting or computing", registry=registry)
        self.seconds = Histogram(
            "open_analytic_request_seconds",
            "From the call to its answer",
            ["pipeline"],
            buckets=SECONDS,
            registry=registry,
        )
        self._queue = Histogram(
            "open_analytic_queue_seconds",
            "A batch's oldest picture waited",
            ["model"],
            buckets=SECONDS,
            registry=registry,
        )
        self._compute = Histogram(
            "open_analytic_compute_seconds", "A batch took in its model", ["model"], buckets=SECONDS, registry=registry
        )
        self._rows = Histogram(
            "open_analytic_batch_pictures", "Pictures in a batch", ["model"], buckets=ROWS, registry=registry
        )

    def label(self, pipeline: str) -> str:
        """What a pipeline counts as: clients choose names, and each has counters for ever."""
        if len(self._pipelines) < PIPELINES:
            self._pipelines.add(pipeline)
        return pipeline if pipeline in self._pipelines else OTHERS

    def watch_models(self, loaded: Callable[[], Mapping[str, int]]) -> None:
        """Report the models in memory whenever somebody asks."""
        self._registry.register(_Models(loaded))

    def ran(self, batch: Ran) -> None:
        """Count a batch."""
        self._queue.labels(batch.model).observe(batch.waited_s)
        self._compute.labels(batch.model).observe(batch.compute_s)
        self._rows.labels(batch.model).observe(batch.rows)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)


class _Models(Collector):
    def __init__(self, loaded: Callable[[], Mapping[str, int]]) -> None:
        self._loaded = loaded

    def collect(self) -> list[GaugeMetricFamily]:
        family = GaugeMetricFamily("open_analytic_model_bytes", "Weights in memory", labels=["model"])
        for name, size in self._loaded().items():
            family.add_metric([name], size)
        return [family]

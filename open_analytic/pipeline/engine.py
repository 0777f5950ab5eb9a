"""What runs plans: in this process, or elsewhere. A caller sees no difference."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeAlias

from open_analytic.errors import OpenAnalyticError
from open_analytic.pipeline.plan import Plan
from open_analytic.types import Feature, Json, ProgressCallback

# Bytes, a function that reads them (in a decoding thread), or an error that takes the item's place in the results.
Item: TypeAlias = bytes | Callable[[], bytes] | OpenAnalyticError


class Result(Protocol):
    """What a pipeline gives for one input."""

    @property
    def output(self) -> Json:
        """The public result, made of what JSON has."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """The vectors, each with the region it was made of."""


class Engine(Protocol):
    """Runs plans on inputs. Threads can share it."""

    def run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        """A result or an error for each item, in order."""

    def run_many(
        self, plan: Plan, items: Iterable[Item], *, batch_size: int | None = None
    ) -> Iterator[Result | OpenAnalyticError]:
        """The same for any number of items, in bounded memory: decoding goes on while models run."""

    def prepare(self, plan: Plan, progress: ProgressCallback | None = None) -> None:
        """Pull the models of the plan, so that running it waits for no download."""

    def close(self) -> None:
        """Unload the models and end the threads."""

"""The kinds of values between steps, and what an operator declares of itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

KindName: TypeAlias = Literal["bytes", "image", "face", "vector", "number", "label"]


class Between(NamedTuple):
    """The range a parameter may have, both ends included."""

    low: float
    high: float


class Kind(NamedTuple):
    """What a value is: one thing of a name for each input of the pipeline, or a list of them."""

    name: KindName
    many: bool = False

    def __str__(self) -> str:
        return f"list of {self.name}" if self.many else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A function and the kinds it takes and gives.

    It is written for single things; given a list (the faces of a picture) it is applied to each of its elements.
    ``batched`` functions get all elements of a batch at once, the others one after another.
    """

    function: Callable[..., Any]
    inputs: tuple[KindName, ...]
    output: KindName
    version: int = 1  # raised when the same input would give another output: pipelines that use it become new versions
    finds_many: bool = False  # gives a list for one input, as a detector does
    takes_list: bool = False  # its first input is the whole list, not its elements
    keeps_list: Callable[[Mapping[str, Any]], bool] | None = None  # with takes_list: whether it gives a list again
    tasks: tuple[str, ...] = ()  # of the models it can use; none when it needs no model
    roles: tuple[str, ...] = ()  # outputs such a model must have
    batched: bool = False
    limited: bool = False  # is given the limits on pictures
    pixels: Callable[[Mapping[str, Any]], int] | None = None  # of the picture it makes or looks at, by its parameters
    placed: bool = False  # is given pictures with their place in the original, not only their pixels


class Label(NamedTuple):
    """A class and how sure the network is, 0..1."""

    label: str
    score: float

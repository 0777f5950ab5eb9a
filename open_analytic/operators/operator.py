"""What an operator declares of itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Between(NamedTuple):
    """The range a parameter can have, both ends included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A function and the kinds it takes and gives, by their names in ``open_analytic.kinds``.

    It is written for single things; given a list (the faces of a picture) it is applied to each of its elements.
    ``batched`` functions get all elements of a batch at once, the others one after another.
    """

    function: Callable[..., Any]
    inputs: tuple[str, ...]
    output: str
    version: int = 1  # raised when the same input would give another output: pipelines that use it become new versions
    later: tuple[str, ...] = ()  # parameters added after a release whose defaults leave the output as it was
    finds_many: bool = False  # gives a list for one input, as a detector does
    takes_list: bool = False  # its first input is the whole list, not its elements
    keeps_list: Callable[[Mapping[str, Any]], bool] | None = None  # with takes_list: whether it gives a list again
    dim: Callable[[Mapping[str, Any]], int] | None = None  # numbers of the vectors it makes without a model
    tasks: tuple[str, ...] = ()  # of the models it can use; none when it needs no model
    input_types: tuple[str, ...] = ()  # of such a model, as its card names them; none: any that the tasks have
    roles: tuple[str, ...] = ()  # outputs such a model must have
    labelled: bool = False  # is given the labels of its model's card, after the model
    labels_optional: bool = False  # with labelled: a card without labels will do
    batched: bool = False
    limited: bool = False  # is given the limits on inputs
    pixels: Callable[[Mapping[str, Any]], int] | None = None  # of the picture it makes or looks at, by its parameters
    placed: bool = False  # is given values with their place in the original, not only what they hold

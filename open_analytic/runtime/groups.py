"""The rows of a batch, grouped by what can be stacked, and the rows of the answers in their order again."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelFailed
from open_analytic.models.inputs.base import Feed, Values

Arrays: TypeAlias = Mapping[str, NDArray[np.float32]]  # by role, the first axis the batch

BATCH_BYTES = 256_000_000  # of the arrays of one run; a row that takes more runs alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Values that can be stacked, and which rows of the batch they are."""

    key: Hashable
    values: Values
    rows: Sequence[int]

    def cut(self, most: int) -> Iterator[Values]:
        """The values, at most so many at a time."""
        for start in range(0, len(self.values), most):
            yield self.values[start : start + most]


def groups(feed: Feed, values: Values) -> list[Group]:
    """The groups of ready values, in the order of their first rows."""
    rows: dict[Hashable, list[int]] = {}
    for row, value in enumerate(values):
        rows.setdefault(feed.key(value), []).append(row)
    if not rows:
        raise ModelFailed("A model was called with no values.", hint="Call it with at least one.")
    if len(rows) == 1:  # an array stays an array
        return [Group(key=key, values=values, rows=own) for key, own in rows.items()]
    return [Group(key=key, values=[values[row] for row in own], rows=own) for key, own in rows.items()]


def most_rows(feed: Feed, value: object, max_batch: int) -> int:
    """How many rows like this ready value one run takes."""
    return max(1, min(max_batch, BATCH_BYTES // max(1, feed.row_bytes(value))))


def stacked(parts: Sequence[Values]) -> Values:
    """The values of one key, of several callers, one after another."""
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    return [value for part in parts for value in part]


def joined(parts: Sequence[Arrays]) -> Arrays:
    """The rows of all parts, one after another."""
    if len(parts) == 1:
        return parts[0]
    shapes = {role: {part[role].shape[1:] for part in parts} for role in parts[0]}
    if mixed := [role for role, sides in shapes.items() if len(sides) > 1]:
        raise ModelFailed(
            f"Output {mixed[0]!r} has another shape for each length or size of the input.",
            hint="Call the model with values of one shape, or choose an output of a fixed shape.",
        )
    return {role: np.concatenate([part[role] for part in parts]) for role in parts[0]}


def in_order(grouped: Sequence[Group], parts: Sequence[Arrays]) -> Arrays:
    """The arrays of the groups as one batch, each row where its value was."""
    arrays = joined(parts)
    if len(grouped) == 1:
        return arrays
    order = np.argsort([row for group in grouped for row in group.rows])
    return {role: array[order] for role, array in arrays.items()}

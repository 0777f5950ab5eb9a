"""What running a definition costs at most: pixels it makes, and pixels it holds at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from open_analytic.errors import InvalidPipeline
from open_analytic.pipeline.call import INPUT, Call, Value

MAX_PIXELS = 400_000_000  # that all steps make of one input: 23 pictures of 4096 x 4096
ELEMENTS = 100  # of a list, as many as a definition is charged for
LIST_BYTES = 64_000_000  # of a list of decoded values; longer ones are made part by part, when they are needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """Which values end after each step, and what memory decoded values take meanwhile."""

    drops: tuple[tuple[str, ...], ...]  # after each step, the values that no later one takes
    decoded_end: int  # the first step that begins without decoded values
    beside_bytes: int  # at most, of values that steps make of a decoded one
    decodings: int  # how often the input is decoded


def check_pixels(calls: Sequence[Call], steps: int) -> None:
    """Refuse a definition of so many steps that make more pixels than a service can bear."""
    pixels = 0
    first = 1 + steps - len(calls)  # 0: a call that no step names decodes the input
    for number, call in enumerate(calls, first):
        pixels += _pixels(call) * (ELEMENTS if any(call.many) else 1)
        if pixels > MAX_PIXELS:
            raise InvalidPipeline(
                f"Step {number} ({call.step.operator} -> {call.step.output}): up to here the steps make "
                f"{pixels:,} pixels of one input; at most {MAX_PIXELS:,} are accepted.",
                hint="Leave steps out, or lower their sizes.",
            )


def lifetimes(calls: Sequence[Call], values: Mapping[str, Value], results: set[str]) -> Lifetimes:
    """``results`` are the values that the result needs."""
    last = {INPUT: 0} | {call.step.output: number for number, call in enumerate(calls)}
    for number, call in enumerate(calls):
        last |= dict.fromkeys(call.inputs, number)
    drops = tuple(
        tuple(name for name, until in last.items() if until == number and name not in results)
        for number in range(len(calls))
    )
    held = {name for name, value in values.items() if value.kind.held_bytes}
    decoded = {call.step.output for call in calls if call.operator.limited and call.step.output in held}
    sizes = {call.step.output: _bytes(call) for call in calls if call.step.output in held - decoded}
    beside = [
        sum(size for name, size in sizes.items() if _producer(calls, name) <= number <= last[name])
        for number in range(len(calls))
    ]
    return Lifetimes(
        drops=drops,
        decoded_end=max((last[name] for name in held), default=-1) + 1,
        beside_bytes=max(beside, default=0),
        decodings=len(decoded),
    )


def _producer(calls: Sequence[Call], name: str) -> int:
    return next(number for number, call in enumerate(calls) if call.step.output == name)


def _pixels(call: Call) -> int:
    return call.operator.pixels(call.parameters) if call.operator.pixels else 0


def _bytes(call: Call) -> int:
    return LIST_BYTES if any(call.many) else 3 * _pixels(call)

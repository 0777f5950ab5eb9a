"""Regions as the inference service sends them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from open_analytic.types import Box, Frame, Json, Region, Span, TextSpan

TYPES: Mapping[str, type[Box] | type[Span] | type[TextSpan] | type[Frame]] = {
    "box": Box,
    "span": Span,
    "text_span": TextSpan,
    "frame": Frame,
}


def to_json(region: Region | None) -> Json:
    """``box``: the box or None. Another region stands beside it, under the name of its type."""
    made: Json = {"box": None}
    for name, type_ in TYPES.items():
        if isinstance(region, type_):
            made[name] = asdict(region)
    return made


def from_json(made: Mapping[str, Any]) -> Region | None:
    """The region that ``to_json`` wrote among other keys."""
    return next((type_(**made[name]) for name, type_ in TYPES.items() if made.get(name)), None)

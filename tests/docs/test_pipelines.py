"""docs/pipelines.md describes every operator as it is, and shows a preset as it is."""

import inspect
import json
import re
import typing
from pathlib import Path
from typing import Any

from open_analytic.config import Settings
from open_analytic.kinds import KINDS
from open_analytic.kinds.kind import Kind
from open_analytic.models.library import Library
from open_analytic.operators import OPERATORS
from open_analytic.operators.operator import Operator
from open_analytic.pipeline import spec
from open_analytic.pipeline.call import signature
from open_analytic.pipeline.plan import plan

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "pipelines.md").read_text("utf-8")


def _values(hint: Any) -> str:
    limits = ""
    if typing.get_origin(hint) is typing.Annotated:
        hint, range_ = typing.get_args(hint)
        limits = f" {range_.low} to {range_.high}"
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(f'`"{choice}"`' for choice in typing.get_args(hint))
    return {bool: "true or false", int: "whole number", float: "number", str: "text"}[hint] + limits


def _parameter(entry: inspect.Parameter) -> str:
    default = "" if entry.default is inspect.Parameter.empty else f" (`{json.dumps(entry.default)}`)"
    return f"`{entry.name}`: {_values(entry.annotation)}{default}"


def _line(name: str, operator: Operator) -> str:
    takes = f"list of {operator.inputs[0]}" if operator.takes_list else ", ".join(operator.inputs)
    if operator.tasks:
        takes += f"; a model for {' or '.join(operator.tasks)}"
    gives = f"list of {operator.output}" if operator.finds_many else operator.output
    parameters = "; ".join(_parameter(entry) for entry in signature(name).values())
    return f"| `{name}` | {takes} | {gives} | {parameters} |"


def _whole(kind: Kind) -> str:
    return "in a result as it is" if kind.in_json else "not in a result"


def _table(heading: str) -> list[str]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def test_the_page_describes_every_operator_as_it_is() -> None:
    assert _table("Operators") == [_line(name, operator) for name, operator in OPERATORS.items()]


def test_the_page_describes_every_kind_and_its_fields() -> None:
    written = [tuple(cell.strip() for cell in line.strip("| ").split("|")) for line in _table("Kinds")]
    described = {(name.strip("`"), "".join(rest[1:])) for name, *rest in written}
    concrete = [kind for kind in KINDS.values() if not kind.any_region]
    assert described == {
        (kind.name, ", ".join(f"`{field}`" for field in kind.fields) or _whole(kind)) for kind in concrete
    }


def test_the_example_of_passages_gives_rows_with_their_characters() -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.partition("### Passages\n")[2], re.DOTALL)
    assert example
    passages = plan(spec.load(example[1], "passages"), Library(Settings.read({})).cards)
    assert (passages.many, passages.region_type, passages.unstorable) == (True, "text_span", None)


def test_the_example_is_the_preset() -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    assert (
        spec.load(example[1], "face_feature_extractor").canonical() == spec.preset("face_feature_extractor").canonical()
    )

"""Tables for people and pipes, JSON for programs."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from open_analytic.cli import output
from open_analytic.cli.pipeline import _print_output
from open_analytic.errors import NoFace
from open_analytic.types import Box, Hit
from open_analytic.util.jsonable import jsonable


def test_a_table_in_a_pipe_is_aligned_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["猫.jpg", 1, "x" * 200], ["a\nb\x1b[0m", 20000, None]]
    output.print_table(["name", "n", "note"], rows, right=["n"])
    assert capsys.readouterr().out.splitlines() == [
        "name             n  note",
        "猫.jpg           1  " + "x" * 200,
        r"a\nb\x1b[0m  20000",
    ]


def test_an_empty_table_has_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["name", "n"], [])
    assert capsys.readouterr().out == "name  n\n"


@dataclass(frozen=True)
class _Everything:
    array: object
    number: object
    day: date
    time: datetime
    price: Decimal
    path: Path
    data: bytes
    error: NoFace
    parts: tuple[int, ...]


def test_json_holds_everything_a_row_can(capsys: pytest.CaptureFixture[str]) -> None:
    value = _Everything(
        array=np.array([1.5, 2]), number=np.float32(0.5), day=date(2026, 1, 2), time=datetime(2026, 1, 2, tzinfo=UTC),
        price=Decimal("1.10"), path=Path("a"), data=b"\x01", error=NoFace("No."), parts=(1, 2),
    )  # fmt: skip
    output.print_json(value)
    assert json.loads(capsys.readouterr().out) == {
        "array": [1.5, 2.0], "number": 0.5, "day": "2026-01-02", "time": "2026-01-02T00:00:00+00:00",
        "price": "1.10", "path": "a", "data": "01", "error": NoFace("No.").as_dict(), "parts": [1, 2],
    }  # fmt: skip


def test_a_hit_has_the_keys_of_python() -> None:
    hit = Hit(name="a", distance=0.5, row={"d": "A"}, region=Box(x=1, y=2, width=3, height=4))
    assert jsonable(hit) == {
        "name": "a", "distance": 0.5, "row": {"d": "A"}, "box": {"x": 1, "y": 2, "width": 3, "height": 4},
        "part": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""), (True, "yes"), (3, "3"), (0.25, "0.25"), ((1, "a"), "1, a"), ({"a": 1}, "a=1"), ("x\ty", r"x\ty"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02 03:04:05+00:00"), (date(2026, 1, 2), "2026-01-02"),
    ],
)  # fmt: skip
def test_values_in_tables(value: object, expected: str) -> None:
    assert output.format_value(value) == expected


def test_an_output_without_anything_in_it_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    _print_output({"faces": [], "text": None, "label": "", "numbers": [1, 2]})
    assert capsys.readouterr().out.splitlines() == ["faces: none", "text: none", "label: none", "numbers: 1, 2"]

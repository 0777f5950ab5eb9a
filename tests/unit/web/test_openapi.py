"""The description of the site holds together: every reference, parameter and status."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from open_analytic import errors
from open_analytic.errors import OpenAnalyticError
from open_analytic.web.openapi import ERRORS, document

CALLS = [(path, method) for path, entry in document()["paths"].items() for method in entry]


def references(value: Any) -> Iterator[str]:
    """All that a value refers to."""
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        value = list(value.values())
    for inner in value if isinstance(value, list) else []:
        yield from references(inner)


def test_every_schema_is_referred_to_and_there() -> None:
    schema = document()
    schemas = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    assert set(references(schema)) == schemas


@pytest.mark.parametrize(("path", "method"), CALLS)
def test_a_call_says_what_it_takes_and_answers(path: str, method: str) -> None:
    call = document()["paths"][path][method]
    parameters = [(each["in"], each["name"]) for each in call.get("parameters", [])]
    assert len(parameters) == len(set(parameters))
    inside = {part[1:-1] for part in path.split("/") if part.startswith("{")}
    assert {name for where, name in parameters if where == "path"} == inside
    assert call["summary"].endswith(".")
    assert len(call["tags"]) == 1
    assert "default" in call["responses"]
    assert [status for status in call["responses"] if status < "400"]


def test_every_status_of_an_error_is_explained() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, OpenAnalyticError)]
    ours = {500, 507}  # nothing that a caller did
    assert {kind.http_status for kind in kinds} - ours == set(ERRORS)


def test_the_document_is_made_anew() -> None:
    assert document() == document()
    assert document() is not document()

"""The description of the HTTP interface in OpenAPI 3.1."""

from typing import Any

from open_analytic import __version__
from open_analytic.service.plans import Definition, Description
from open_analytic.service.requests import Batch, Options, Query, RunOptions
from open_analytic.service.typed import json_schema, query_parameters

INPUT = {"content": {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    "text/plain": {"schema": {"type": "string"}},
}}  # fmt: skip
PICTURE = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_RESULTS = {"type": "object", "required": ["results"], "properties": {"results": {"type": "array", "items": {
    "oneOf": [
        {"type": "object", "required": ["output"], "properties": {"output": {}}},
        {"type": "object", "required": ["error"], "properties": {"error": {"$ref": "#/components/schemas/Error"}}},
    ]}}}}  # fmt: skip
_SEARCH = {
    "type": "object",
    "description": "One of image, text and vector.",
    "additionalProperties": False,
    "properties": json_schema(Query)["properties"] | json_schema(Options)["properties"],
}


def document() -> dict[str, Any]:
    """All of it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "open_analytic", "version": __version__,
                 "description": "Runs pipelines on pictures and searches collections."},
        "paths": _pages() | _pipelines() | _plans() | _collections(),
        "components": {
            "schemas": {"Error": {
                "type": "object", "required": ["type", "sqlstate", "message", "hint"],
                "properties": {"type": {"type": "string"}, "sqlstate": {"type": "string"},
                               "message": {"type": "string"}, "hint": {"type": ["string", "null"]}},
            }},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }  # fmt: skip


def _pages() -> dict[str, Any]:
    return {
        "/health/live": {"get": call("The process runs.", None)},
        "/health/ready": {"get": call("It takes calls and its database answers; else 503.", None)},
        "/metrics": {"get": call("Counters for Prometheus.", None, "text/plain")},
        "/openapi.json": {"get": call("This page.", None)},
    }


def _pipelines() -> dict[str, Any]:
    name, options = in_path("name"), [*query_parameters(RunOptions), TIMEOUT]
    return {
        "/api/v1/pipelines": {"get": call("The registered pipelines.", None)},
        "/api/v1/pipelines/{name}": {"get": call("One of them.", None, parameters=[name])},
        "/api/v1/pipelines/{name}/run": {
            "post": call("Run its newest version on a picture or a text.", INPUT, parameters=[name, *options])
        },
        "/api/v1/pipelines/{name}/run-batch": {
            "post": call(
                "Run it on several.", json_body(json_schema(Batch)), parameters=[name, *options], schema=_RESULTS
            )
        },
    }


def _plans() -> dict[str, Any]:
    hash_, options = in_path("hash"), [*query_parameters(RunOptions), TIMEOUT]
    return {
        "/api/v1/plans": {
            "post": call("What a definition or preset is; nothing is registered.", json_body(json_schema(Description)))
        },
        "/api/v1/plans/{hash}": {
            "put": call(
                "Tell the service what a hash means.",
                json_body(json_schema(Definition)),
                status=204,
                parameters=[hash_],
            )
        },
        "/api/v1/plans/{hash}/run": {
            "post": call("Run a definition on a picture.", PICTURE, parameters=[hash_, *options])
        },
        "/api/v1/plans/{hash}/run-batch": {
            "post": call(
                "Run it on several.", json_body(json_schema(Batch)), parameters=[hash_, *options], schema=_RESULTS
            )
        },
    }


def _collections() -> dict[str, Any]:
    options = query_parameters(Options)
    body = {"content": json_body(_SEARCH)["content"] | PICTURE["content"]}
    return {
        "/api/v1/collections": {"get": call("The collections.", None)},
        "/api/v1/collections/{name}/search": {
            "post": call("The nearest rows, nearest first.", body, parameters=[in_path("name"), *options, TIMEOUT])
        },
        "/api/v1/collections/{name}/explain-search": {
            "post": call("How that is done, and why.", body, parameters=[in_path("name"), *options, TIMEOUT])
        },
    }


def call(
    summary: str,
    body: dict[str, Any] | None,
    media: str = "application/json",
    *,
    status: int = 200,
    parameters: list[dict[str, Any]] | None = None,
    schema: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One operation: what it takes, what it answers, and that errors have a form of their own."""
    answer: dict[str, Any] = {"description": "Done."}
    if status != 204:
        answer["content"] = {media: {"schema": schema or {}}}
    error = {"description": "An error.", "content": json_body({"$ref": "#/components/schemas/Error"})["content"]}
    entry: dict[str, Any] = {"summary": summary, "responses": {str(status): answer, "default": error}}
    if parameters:
        entry["parameters"] = parameters
    if body:
        entry["requestBody"] = {"required": True} | body
    return entry


def json_body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def in_query(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}


TIMEOUT = {
    "name": "open-analytic-timeout-ms",
    "in": "header",
    "description": "How long you wait; 504 when it is not done by then.",
    "schema": {"type": "integer", "minimum": 0},
}

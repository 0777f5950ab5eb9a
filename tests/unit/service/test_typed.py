"""Requests as types: what a caller sends becomes a value, or an error that names the field; the type describes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from open_analytic.analyticdb.demo_routes import DemoForm
from open_analytic.analyticdb.form import Upload
from open_analytic.errors import BadParameter, BadText, InvalidInput, InvalidPipeline, OpenAnalyticError
from open_analytic.search_options import SearchOptions
from open_analytic.service import requests as service
from open_analytic.service.plans import Definition, Description
from open_analytic.service.typed import HINT, from_json, from_query, json_object, json_schema, query_parameters
from open_analytic.types import Box, Hit
from open_analytic.web import requests as web

NAME = "Give it in the query string: ?name=cat.jpg."
OPTIONS = "k, filter, params, max_distance, target_recall, after, where"
DEEP = '{"a": ' + "[" * 900 + "]" * 900 + "}"
DIGITS = "9" * 5000


@pytest.mark.parametrize(
    ("kind", "sent", "expected"),
    [
        (web.PicturesPage, {}, web.PicturesPage(after="", limit=60)),
        (web.PicturesPage, {"after": "a", "limit": "200"}, web.PicturesPage(after="a", limit=200)),
        (web.PictureView, {"name": "猫", "other": "1"}, web.PictureView(name="猫", part=None)),
        (web.PictureView, {"name": "a", "part": "007"}, web.PictureView(name="a", part=7)),
        (web.Login, {"next": "/api", "x": "1"}, web.Login(next="/api")),
        (web.ImportOptions, {"on_conflict": "skip"}, web.ImportOptions(on_conflict="skip")),
        (web.Search, {"query": "q", "region": "1,2,3,4", "filter": "[]"},
         web.Search(query="q", region=Box(x=1, y=2, width=3, height=4), filter=[])),
        (service.RunOptions, {"give": "whole", "x": "1"}, service.RunOptions(parameters="{}", give="whole")),
        (service.Options, {"k": "0", "max_distance": "inf", "params": '{"a": 1}'},
         service.Options(k=0, max_distance=float("inf"), params={"a": 1})),
        (service.Options, {"after": '{"name": "a", "distance": 1, "row": {}}'},
         service.Options(after=service.Place(name="a", distance=1.0))),
    ],
)  # fmt: skip
def test_a_query_string_becomes_a_request(kind: type[Any], sent: dict[str, str], expected: Any) -> None:
    assert from_query(kind, sent) == expected


@pytest.mark.parametrize(
    ("kind", "sent", "message", "hint"),
    [
        (web.PicturesPage, {"limit": "0"}, "limit has to be a whole number from 1 to 200, not 0.", "Give 1 to 200."),
        (web.PicturesPage, {"limit": "1.0"}, "limit has to be a whole number from 1 to 200, not '1.0'.",
         "Give 1 to 200."),
        (web.PicturesPage, {"limit": DIGITS}, f"limit has to be a whole number from 1 to 200, not '{DIGITS[:40]}'.",
         "Give 1 to 200."),
        (web.PictureName, {}, "name has to be the name of a picture; it is missing.", NAME),
        (web.PictureName, {"name": ""}, "name has to be the name of a picture, not ''.", NAME),
        (web.PictureView, {"name": "a", "part": "-1"}, "part has to be a whole number, 0 or more, not '-1'.",
         "Give it in digits."),
        (web.ImportOptions, {"on_conflict": "merge"},
         "on_conflict has to be one of error, skip, replace, keep_both, not 'merge'.", HINT),
        (web.Search, {"like": "a", "rate": "nan"}, "rate has to be a number, not nan.", "Give one such as 0.5."),
        (web.Search, {"like": "a", "region": "1,2"}, "region has to be x, y, width and height in pixels, not '1,2'.",
         "Give them as 10,20,300,200."),
        (service.RunOptions, {"give": "all"}, "give has to be one of output, vector, query, whole, not 'all'.", HINT),
        (service.Options, {"k": "-1"}, "k has to be a whole number from 0 to 2147483647, not '-1'.",
         "Give the number of hits, 0 or more."),
        (service.Options, {"target_recall": "nan"}, "target_recall has to be a number above 0, at most 1, not nan.",
         "Give a share such as 0.95."),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named_with_the_next_step(
    kind: type[Any], sent: dict[str, str], message: str, hint: str
) -> None:
    with pytest.raises(BadParameter) as caught:
        from_query(kind, sent)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("kind", "sent", "error", "message"),
    [
        (web.Rename, {}, BadParameter, "name has to be a text; it is missing."),
        (web.Rename, {"name": 3}, BadParameter, "name has to be a text, not 3."),
        (web.PictureUrl, {"url": None}, InvalidInput, "url has to be a text, not None."),
        (web.Decision, {"on_conflict": ["skip"]}, BadParameter,
         "on_conflict has to be one of error, skip, replace, keep_both, not ['skip']."),
        (web.Decision, {"on_conflict": "\ud800"}, BadParameter,
         "on_conflict has to be one of error, skip, replace, keep_both, not '\\ud800'."),
        (web.Files, {"files": [{"name": "a"}]}, InvalidInput,
         "files has to be a list of names with their SHA-256, not [{'name': 'a'}]."),
        (web.Files, {"files": [{"name": "a", "sha256": "0"}]}, InvalidInput,
         "files has to be a list of names with their SHA-256, not [{'name': 'a', 'sha256': '0'}]."),
        (service.Batch, {}, InvalidInput, "inputs has to be a list of texts; it is missing."),
        (service.Batch, {"inputs": [1] * 100_000}, InvalidInput,
         "inputs has to be a list of texts, not [1, 1, 1, 1, 1, 1, ...]."),
        (service.Query, {"vector": [1, "a"]}, InvalidInput, "vector has to be a list of numbers, not [1, 'a']."),
        (service.Query, {"vector": [True]}, InvalidInput, "vector has to be a list of numbers, not [True]."),
        (service.Query, {"image": 5}, InvalidInput, "image has to be a text, not 5."),
        (service.Query, {}, InvalidInput, "There is no query."),
        (service.Query, {"image": "", "text": "a"}, InvalidInput, "There is no query."),
        (service.Options, {"k": True}, BadParameter, "k has to be a whole number from 0 to 2147483647, not True."),
        (service.Options, {"k": 5.0}, BadParameter, "k has to be a whole number from 0 to 2147483647, not 5.0."),
        (service.Options, {"params": []}, BadParameter, "params has to be an object, not []."),
        (service.Options, {"filter": "a", "where": "b"}, BadParameter, "Both filter and where are present."),
        (service.Options, {"after": {"name": "a"}}, BadParameter, "after has to be a hit, not {'name': 'a'}."),
        (DemoForm, {}, InvalidInput, "image has to be a picture; it is missing."),
        (DemoForm, {"image": Upload(name="a", data=b"")}, InvalidInput, "The field image is empty."),
        (DemoForm, {"image": "a", "top_k": Upload(name="k", data=b"3" * 10**6)}, BadParameter,
         "top_k has to be a whole number from 1 to 200, not Upload(name='k')."),
        (DemoForm, {"image": "a", "image_name": Upload(name="k", data=b"3")}, BadParameter,
         "image_name has to be a text, not Upload(name='k')."),
        (Definition, {}, InvalidPipeline, "definition has to be an object, or TOML or JSON text; it is missing."),
        (Description, {"name": 7}, InvalidPipeline, "name has to be a text, not 7."),
        (Description, {"name": "a", "parameters": 1}, BadParameter, "parameters has to be an object, not 1."),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused(
    kind: type[Any], sent: dict[str, Any], error: type[OpenAnalyticError], message: str
) -> None:
    with pytest.raises(OpenAnalyticError) as caught:
        from_json(kind, sent)
    assert (type(caught.value), caught.value.message) == (error, message)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["k", "max_distance", "target_recall"])
def test_a_number_without_end_is_refused(name: str) -> None:
    with pytest.raises(BadParameter) as caught:
        from_json(service.Options, {name: 10**4000})
    assert caught.value.message.startswith(f"{name} has to be a")
    assert len(caught.value.message) < 120


def test_json_of_a_depth_that_is_read_is_shown_in_short() -> None:
    with pytest.raises(BadParameter) as caught:
        from_json(service.Options, json_object(DEEP) | {"filter": json_object(DEEP)})
    assert caught.value.message == "filter has to be a text, not {'a': [[[[[[...]]]]]]}."


@pytest.mark.parametrize("text", ["[" * 100_000, '{"k": ' + DIGITS + "}", "{", "[]", "\0", ""])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        json_object(text)
    assert caught.value.hint == HINT


def test_other_names_are_refused_where_a_request_is_named() -> None:
    with pytest.raises(BadParameter) as caught:
        from_json(service.Options, {"k": 1, "limit": 5}, only="A search")
    assert (caught.value.message, caught.value.hint) == ("A search has no option 'limit'.", f"Known: {OPTIONS}.")


def test_a_text_for_an_address_has_a_limit() -> None:
    assert from_query(web.Search, {"text": "a" * 4000}).text == "a" * 4000
    with pytest.raises(BadText, match=r"The text has 4,001 characters; at most 4,000 are read\."):
        from_query(web.Search, {"text": "a" * 4001})


def test_a_body_becomes_a_request() -> None:
    sent = {"files": [{"name": "a", "sha256": "0F" * 32}], "more": 1}
    assert from_json(web.Files, sent) == web.Files(files=[web.File(name="a", sha256="0F" * 32)])
    last = {"name": "a", "distance": 0.5, "part": 2, "row": {"city": "Oslo"}, "box": None}
    options = from_json(service.Options, {"k": None, "max_distance": 1, "after": last, "where": "x = 1"})
    assert options.search_options() == SearchOptions(
        k=None, max_distance=1.0, filter="x = 1", after=Hit(name="a", distance=0.5, row={}, part=2)
    )


def test_the_description_comes_from_the_types() -> None:
    index = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
    name = {"name": "name", "in": "query", "schema": {"type": "string", "minLength": 1}, "required": True}
    part = {"name": "part", "in": "query", "description": "A region to frame.", "schema": index}
    assert query_parameters(web.PictureView) == [name, part]
    assert json_schema(web.PictureUrl) == {
        "description": "The body of a query by URL.",
        "type": "object",
        "properties": {"url": {"type": "string", "format": "uri", "maxLength": 8192}},
        "required": ["url"],
    }
    assert json_schema(service.Query)["properties"]["vector"] == {
        "anyOf": [{"type": "array", "items": {"type": "number"}}, {"type": "null"}], "default": None,
    }  # fmt: skip
    json.dumps([json_schema(kind) for kind in (web.Files, service.Options, service.Batch, Description)])

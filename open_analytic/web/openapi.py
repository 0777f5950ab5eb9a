"""The description of the site's HTTP interface in OpenAPI 3.1: the service's, the site's own, the original demo's."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from open_analytic.analyticdb.demo_routes import DEMOS
from open_analytic.analyticdb.form import MULTIPART, URLENCODED
from open_analytic.service import openapi as service
from open_analytic.service.openapi import PICTURE, in_path, in_query, json_body
from open_analytic.service.typed import json_schema, query_parameters
from open_analytic.web import requests
from open_analytic.web.guard import COOKIE
from open_analytic.web.language import LANGUAGES
from open_analytic.web.schemas import COUNT, SCHEMAS, TEXT, Schema, each, ref, thing

Paths: TypeAlias = dict[str, dict[str, Any]]  # by path, then by method

JSON, JPEG, SVG, HTML = "application/json", "image/jpeg", "image/svg+xml", "text/html"
API, QUERY, IMPORT = "/api/v1/collections/{collection}", "/api/v1/queries/{id}", "/api/v1/imports/{id}"
ERRORS: Mapping[int, str] = {
    400: "A parameter or the body is not accepted.",
    401: "The token was not shown.",
    403: "Refused: URL queries are off, pictures are not fetched from there, or the database role is not allowed to.",
    404: "There is nothing of this name.",
    409: "It would contradict what is there: a name is taken, or features come from another version.",
    413: "The picture has more bytes or pixels than are read.",
    415: "The bytes are not a picture of a known format.",
    422: "The picture cannot be read, or shows no face, or could not be fetched.",
    503: "There is too much to do, or the database cannot be reached. Retry-After says when to try again.",
    504: "It was not done in time.",
}
ALWAYS = (401, 503)  # from what stands before a call
OF_PICTURES = (400, 413, 415, 422, 504)
COLLECTION, NAME = in_path("collection"), in_path("name")
ID = in_path("id")


def document() -> dict[str, Any]:
    """All of it, each call under a tag."""
    description = service.document()
    paths: Paths = {path: _tagged("service", entry) for path, entry in description["paths"].items()}
    ours = {
        "collections": _collections(),
        "pictures": _pictures(),
        "search": _search(),
        "imports": _imports(),
        "pipelines": _pipelines(),
        "site": _site(),
        "original demo": _demos(),
        "pages": _pages(),
    }
    for tag, entries in ours.items():
        for path, entry in entries.items():
            paths[path] = paths.get(path, {}) | _tagged(tag, entry)
    description["info"]["description"] = "Runs pipelines on pictures, fills and searches collections, and shows both."
    description["paths"] = paths
    description["tags"] = [{"name": tag} for tag in (*ours, "service")]
    description["components"]["schemas"] |= SCHEMAS
    description["components"]["securitySchemes"]["login"] = {"type": "apiKey", "in": "cookie", "name": COOKIE}
    description["security"] = [{"token": []}, {"login": []}, {}]
    return description


def _tagged(tag: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {method: {"tags": [tag]} | call for method, call in entry.items()}


def _collections() -> Paths:
    return {
        "/api/v1/collections": {"get": _call("The collections, by name.", each(ref("Collection")))},
        API: {
            "get": _call(
                "One, with its counts, index, recall and filters.", ref("CollectionDetails"), (COLLECTION,), (404,)
            )
        },
        f"{API}/curve.svg": {
            "get": _call(
                "What its searches find and cost, drawn; 404 when not measured.", TEXT, (COLLECTION,), (404,), media=SVG
            )
        },
    }


def _pictures() -> Paths:
    known = {"name": "if-none-match", "in": "header", "schema": TEXT}
    responses = ((COLLECTION, *query_parameters(requests.PictureView), known), (400, 404, 413, 415, 422))
    named = (COLLECTION, *query_parameters(requests.PictureName))
    body = json_body(json_schema(requests.Rename))
    return {
        f"{API}/pictures": {
            "get": _call(
                "Its pictures by name, a page at a time.", ref("Pictures"),
                (COLLECTION, *query_parameters(requests.PicturesPage)), (400, 404),
            ),
        },
        f"{API}/picture": {
            "get": _image("A picture, upright and encoded again, at most 2048 pixels.", *responses),
            "patch": _call("Rename a picture.", thing(name=TEXT), named, (400, 403, 404, 409), body=body),
            "delete": _call("Delete a picture.", thing(deleted=COUNT), named, (400, 403, 404)),
        },
        f"{API}/thumbnail": {"get": _image("The same, at most 320 pixels.", *responses)},
        f"{API}/media": {
            "get": _media("A sound as it is stored, whole or the range that is asked for.",
                          (COLLECTION, *query_parameters(requests.PictureName)), (400, 404)),
        },
        f"{API}/regions": {
            "get": _call("What was detected in an item: where, and your columns.", ref("Regions"), named,
                         (400, 404, 413, 415, 422)),
        },
        f"{API}/text": {
            "get": _call(
                "A text, or a part of it: marked is the span of a region.", ref("Excerpt"),
                (COLLECTION, *query_parameters(requests.TextView)), (400, 404, 409),
            )
        },
    }  # fmt: skip


def _search() -> Paths:
    body = {"content": PICTURE["content"] | json_body(json_schema(requests.PictureUrl))["content"]}
    refused = (*OF_PICTURES, 403, 404)
    return {
        f"{API}/queries": {
            "post": _call("Keep a picture or a sound to search with; its regions, if those are searched.", ref("Query"),
                          (COLLECTION,), refused, body=body),
        },
        f"{API}/queries/{{id}}": {
            "get": _call("What was found in a kept picture, for this collection too.", ref("Query"),
                         (COLLECTION, ID), refused),
        },
        f"{QUERY}/picture": {"get": _image("The picture, at most 1024 pixels.", (ID,), (404,))},
        f"{QUERY}/media": {"get": _media("A kept sound.", (ID,), (404,))},
        f"{API}/hits": {
            "get": _call("The nearest rows to a kept picture, a text or a row. Give query, text or like.", ref("Hits"),
                         (COLLECTION, *query_parameters(requests.Search)), refused),
        },
    }  # fmt: skip


def _imports() -> Paths:
    status, known = ref("Import"), thing(known=each(TEXT), taken=each(TEXT))
    options, named = query_parameters(requests.ImportOptions), query_parameters(requests.PictureName)
    return {
        f"{API}/imports": {"post": _call("Begin an import.", status, (COLLECTION, *options), (400, 403, 404),
                                           status=201)},
        IMPORT: {
            "get": _call("What became of it so far.", status, (ID,), (404,)),
            "delete": _call("Stop it; what was committed stays.", status, (ID,), (404,)),
            "patch": _call("Decide on files whose names other pictures have; those to send again come back.",
                           thing(again=each(TEXT)), (ID,), (400, 404, 409, 413),
                           body=json_body(json_schema(requests.Decision))),
        },
        f"{IMPORT}/known": {
            "post": _call("Which files are there already and need not be sent, which names others have.", known, (ID,),
                          (400, 404, 409, 413), body=json_body(json_schema(requests.Files))),
        },
        f"{IMPORT}/file": {
            "put": _call("Send a file. It waits while too many are waiting.", status, (ID, *named),
                         (400, 404, 409, 413), status=202, body=PICTURE),
        },
        f"{IMPORT}/files": {
            "post": _call("Send several small files: a line of JSON, [[name, bytes], ...], then their bytes in a row.",
                          status, (ID,), (400, 404, 409, 413), status=202, body=PICTURE),
        },
        f"{IMPORT}/commit": {
            "post": _call("Do what waits now, not after a pause of a second. More can be sent.", status, (ID,), (404,)),
        },
        f"{IMPORT}/finish": {
            "post": _call("All were sent: what waits is done first, then the index.", status, (ID,), (404, 409)),
        },
    }  # fmt: skip


def _pipelines() -> Paths:
    top = "/api/v1/pipelines"
    return {
        top: {"get": _call("The registered pipelines.", each(ref("Pipeline")))},
        f"{top}/{{name}}": {"get": _call("One of them.", ref("Pipeline"), (NAME,), (404,))},
        f"{top}/{{name}}/graph.svg": {"get": _call("Its steps, drawn.", TEXT, (NAME,), (404,), media=SVG)},
    }


def _site() -> Paths:
    login = {
        "summary": "Log in with the token.",
        "requestBody": _form(json_schema(requests.Login)),
        "security": [{}],
        "responses": {"303": _to("The page asked for, with a cookie."), "401": _answer(HTML, TEXT)} | _errors(400),
    }
    logout = {"summary": "Log out.", "responses": {"303": _to("The login page.")} | _errors()}
    return {
        "/api/v1/site": {"get": _call("What this site is and takes.", ref("Site"))},
        "/login": {"post": login},
        "/logout": {"post": logout},
    }  # fmt: skip


def _demos() -> Paths:
    """The same status and JSON as ``code`` and ``msg`` say; a client of the original needs no change."""
    form = _form(ref("DemoForm"), MULTIPART, URLENCODED)
    refused = (400, 404, 409, 413, 415, 422, 504)
    paths: Paths = {}
    for name in DEMOS:
        search = _call("The nearest pictures.", ref("DemoHits"), (), refused, body=form, error="DemoError")
        insert = _call("Add a picture.", ref("DemoInserted"), (), refused, body=form, error="DemoError")
        init = _call("Make what is missing for it.", ref("DemoDone"), (), (409, 504), error="DemoError")
        count = _call("How many pictures there are.", ref("DemoCount"), (), (504,), error="DemoError")
        paths[f"/{name}/search"] = {"get": search, "post": search}
        paths[f"/{name}/insert"] = {"post": insert}
        paths[f"/{name}/init"] = {"get": init, "post": init}
        paths[f"/{name}/count"] = {"get": count}
    return paths


def _pages() -> Paths:
    """For people: HTML in the language of the browser, or of ?lang=en|zh."""
    search = _page("Search a collection.", *query_parameters(requests.Search), named=True)
    return {
        "/": {"get": {"summary": "The first page.", "responses": {"303": _to("It.")} | _errors()}},
        "/search/{name}": {"get": search},
        "/collections": {"get": _page("The collections.")},
        "/collections/{name}": {"get": _page("A collection: add pictures, browse.", named=True)},
        "/pipelines": {"get": _page("The pipelines.")},
        "/pipelines/{name}": {"get": _page("A pipeline: its steps, and what it gives for a picture.", named=True)},
        "/api": {"get": _page("This description.")},
        "/login": {"get": _page("Where the token is asked for.")},
        "/static/{name}": {"get": {
            "summary": "Scripts, styles and pictures of the pages.", "parameters": [NAME],
            "responses": {"200": {"description": "The file.", "content": {"*/*": {}}},
                          "304": {"description": "You have it."}, "404": _answer("text/plain", TEXT)} | _errors(),
        }},
    }  # fmt: skip


def _page(summary: str, *parameters: Mapping[str, Any], named: bool = False) -> dict[str, Any]:
    language = _query("lang", {"type": "string", "enum": list(LANGUAGES)}, "Leads to the page in this language.")
    missing = {"404": _answer(HTML, TEXT)} if named else {}
    return {
        "summary": summary,
        "parameters": [*([NAME] if named else []), *parameters, language],
        "responses": {"200": _answer(HTML, TEXT), "303": _to("Another page.")} | missing | _errors(),
    }


def _image(summary: str, parameters: tuple[Any, ...], errors: tuple[int, ...]) -> dict[str, Any]:
    """A JPEG that is asked for again with its ETag."""
    call = _call(summary, {"type": "string", "format": "binary"}, parameters, errors, media=JPEG)
    call["responses"]["200"]["headers"] = {"ETag": {"schema": TEXT}, "Cache-Control": {"schema": TEXT}}
    call["responses"]["304"] = {"description": "You have it."}
    return call


def _media(summary: str, parameters: tuple[Any, ...], errors: tuple[int, ...]) -> dict[str, Any]:
    """What a browser plays, in ranges when it wants to."""
    conditions = tuple({"name": name, "in": "header", "schema": TEXT} for name in ("if-none-match", "range"))
    call = _image(summary, (*parameters, *conditions), errors)
    binary = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    call["responses"]["200"]["content"] = binary
    call["responses"]["206"] = {"description": "The range.", "content": binary}
    call["responses"]["416"] = {"description": "There is nothing in this range."}
    return call


def _call(
    summary: str,
    answer: Schema,
    parameters: tuple[Mapping[str, Any], ...] = (),
    errors: tuple[int, ...] = (),
    *,
    status: int = 200,
    media: str = JSON,
    body: Mapping[str, Any] | None = None,
    error: str = "Error",
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {str(status): _answer(media, answer)} | _errors(*ALWAYS, *errors, form=error),
    }
    if parameters:
        operation["parameters"] = list(parameters)
    if body:
        operation["requestBody"] = {"required": True, **body}
    return operation


def _answer(media: str, schema: Schema) -> dict[str, Any]:
    return {"description": "Done.", "content": {media: {"schema": schema}}}


def _to(place: str) -> dict[str, Any]:
    return {"description": place, "headers": {"Location": {"schema": TEXT}}}


def _errors(*statuses: int, form: str = "Error") -> dict[str, Any]:
    """Those of the call in their form; what its door or any other place tells has the usual one."""
    responses: dict[str, Any] = {}
    for status in sorted({*statuses}):
        known = ref("Error" if status == 401 else form)
        responses[str(status)] = {"description": ERRORS[status], **json_body(known)}
    return responses | {"default": {"description": "Another error.", **json_body(ref("Error"))}}


def _query(name: str, schema: Schema, description: str = "", *, required: bool = False) -> dict[str, Any]:
    parameter = in_query(name, description) | {"schema": schema} | ({"required": True} if required else {})
    return {key: value for key, value in parameter.items() if value != ""}


def _form(schema: Schema, *kinds: str) -> dict[str, Any]:
    return {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}

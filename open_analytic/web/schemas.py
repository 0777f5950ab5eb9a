"""What the site's calls take and answer, in the words of OpenAPI 3.1 (JSON Schema)."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from open_analytic.analyticdb.demo_routes import MOST, DemoForm
from open_analytic.regions import TYPES
from open_analytic.service.typed import json_schema
from open_analytic.web.filters import OPERATORS

Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
ANY: Schema = {}
MAP: Schema = {"type": "object", "additionalProperties": True}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def none_or(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]} if "$ref" in schema else schema | {"type": [schema["type"], "null"]}


def each(schema: Schema, **limits: Any) -> Schema:
    return {"type": "array", "items": schema} | limits


def thing(described: str = "", *, optional: tuple[str, ...] = (), **fields: Schema) -> Schema:
    """An object that has all the fields, besides the optional ones."""
    return ({"description": described} if described else {}) | record(fields, optional)


def record(fields: Mapping[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in fields if name not in optional]
    return {"type": "object", "required": required, "properties": dict(fields)}


def choice(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


_COLLECTION: Mapping[str, Schema] = {
    "name": TEXT, "schema": TEXT, "pipeline": none_or(TEXT), "version": none_or(COUNT), "dim": COUNT,
    "metric": choice("l2", "cosine", "ip"), "many": FLAG, "parameters": MAP,
    "columns": {"type": "object", "additionalProperties": TEXT}, "created_at": TIME, "has_source": FLAG,
    "region": {"oneOf": [choice(*TYPES), {"type": "null"}]},
    "inputs": thing(name=TEXT, data=TEXT, sha256=TEXT, data_type=choice("bytea", "text")),
}  # fmt: skip
_HIT: Mapping[str, Schema] = {
    "name": TEXT, "distance": NUMBER, "part": none_or(COUNT), "box": none_or(ref("Box")), "row": MAP,
    "region": ref("Region"),
}  # fmt: skip

_PLACE: Schema = {"anyOf": [ref("Box"), ref("Region")]}

SCHEMAS: Mapping[str, Schema] = {
    "Box": thing("Pixels of the upright picture.", x=NUMBER, y=NUMBER, width=NUMBER, height=NUMBER),
    "Collection": {"description": "columns: your own, with their SQL types.", **record(_COLLECTION)},
    "CollectionDetails": record({
        **_COLLECTION,
        "noun": {"type": "string", "description": "What an item of it is called: picture, text, sound."},
        "modality": {"type": "string", "description": "What an item is: image, text, audio."},
        "texts": {"type": "boolean", "description": "Whether a search takes a text, not a file."},
        "suffixes": each(TEXT),
        "region_noun": none_or({"type": "string", "description": "What its rows stand for: face, object, segment."}),
        "caption": none_or({"type": "string", "description": "The column that says what a region shows."}),
        "pictures": COUNT, "rows": COUNT, "vectors": COUNT, "index": choice("ready", "building", "invalid", "absent"),
        "bytes": thing(table=COUNT, index=COUNT),
        "calibration": none_or(ref("RecallCurve")), "rates": each(ref("Rate")), "filters": each(ref("Filter")),
    }),
    "RecallCurve": thing(
        "What searches find and cost, measured with rows of the collection as queries.",
        measured_at=TIME, rows=COUNT, queries=COUNT, scan_ms=NUMBER, exact_ms=NUMBER, efforts=each(COUNT),
        first_ms=each(NUMBER), all_ms=each(NUMBER), ranks=each(COUNT), recalls=each(each(NUMBER)),
    ),
    "Rate": thing(
        "What a distance is worth: pairs nearer than it are taken for the same.",
        false_accept_rate=NUMBER, distance=NUMBER, true_accept_rate=NUMBER,
    ),
    "Filter": thing(
        "A column that can be asked for; values lists its few different ones.",
        column=TEXT, type=choice(*OPERATORS), operators=each(TEXT),
        values={"oneOf": [each(ANY), {"type": "null"}]},
    ),
    "Pictures": thing(
        "next: give it as after for those that follow.",
        pictures=each(thing(name=TEXT, parts=COUNT)), next=none_or(TEXT),
    ),
    "Query": thing(
        "A file to search with, kept in memory for a while. width and height: of a picture. faces: regions that are "
        "boxes.",
        id=TEXT, width=none_or(COUNT), height=none_or(COUNT), faces=each(thing(part=COUNT, box=ref("Box"))),
        regions=each(thing(part=COUNT, region=_PLACE, attributes=MAP)),
    ),
    "Regions": thing(
        "What a pipeline detected in an item. width and height: of a picture with boxes.",
        width=none_or(COUNT), height=none_or(COUNT),
        regions=each(thing(part=none_or(COUNT), region=_PLACE, row=MAP)),
    ),
    "Excerpt": thing(
        "Characters start to end of a text of `characters` characters; marked: the span of a region, else empty.",
        before=TEXT, marked=TEXT, after=TEXT, start=COUNT, end=COUNT, characters=COUNT,
    ),
    "Hit": record(_HIT, optional=("region",)),
    "Region": {
        "description": "Of a row that is no box: seconds or characters from start to end, or a frame with its seconds.",
        "type": "object", "additionalProperties": NUMBER,
    },
    "Hits": thing(
        optional=("explained",),
        hits=each(ref("Hit"), maxItems=MOST),
        limit=thing(max_distance=none_or(NUMBER), false_accept_rate=none_or(NUMBER)),
        milliseconds=thing(decode_and_model=none_or(NUMBER), search=NUMBER, total=NUMBER),
        sql={"type": "string", "description": "The statement that gives the same answer."},
        explained=thing("How it was done, and why.", reason=TEXT, plan=choice("index", "exact")),
    ),
    "Import": thing(
        "What became of the files so far. Failures are listed when an import is looked at, not with every file.",
        optional=("failures",),
        id=TEXT, collection=TEXT, state=choice("receiving", "finishing", "done", "stopped", "failed"),
        waiting=COUNT, done=COUNT, added=COUNT, updated=COUNT, unchanged=COUNT,
        skipped=COUNT, without_face=COUNT, failed=COUNT, conflicts=COUNT,
        failures=each(thing(name=TEXT, error=ref("Error")), maxItems=1000),
        seconds=NUMBER, error=none_or(ref("Error")),
    ),
    "Pipeline": thing(
        name=TEXT, version=COUNT, input=TEXT, output=each(TEXT), dim=none_or(COUNT), hash=TEXT, created_at=TIME,
        definition=MAP,
    ),
    "Site": thing(
        "login: a token is asked for. max_bytes: of one picture.",
        version=TEXT, url_queries=FLAG, login=FLAG, max_bytes=COUNT,
    ),
    "DemoForm": {**json_schema(DemoForm), "additionalProperties": False},
    "DemoDone": thing(code={"const": 200}, msg={"const": ""}),
    "DemoInserted": thing(code={"const": 200}, msg={"const": ""}, result=each(ANY, maxItems=0)),
    "DemoCount": thing(
        code={"const": 200}, msg={"const": ""}, result=each(COUNT, minItems=1, maxItems=1)
    ),
    "DemoHits": thing(
        "Name, picture as a data URL (empty when there is none to show) and distance of each, the nearest first.",
        code={"const": 200}, msg={"const": ""},
        result=each(each({"type": ["string", "number"]}, minItems=3, maxItems=3), maxItems=MOST),
    ),
    "DemoError": thing(
        "An error as the original tells it, and as it is elsewhere here.",
        code={"type": "integer", "minimum": 400}, msg=TEXT, type=TEXT, sqlstate=TEXT, message=TEXT,
        hint=none_or(TEXT),
    ),
}  # fmt: skip

"""A network of texts and a pipeline around it: the mean of a text's tokens by their numbers, and of their squares."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from open_analytic import Collection, OpenAnalytic
from tests.models.runtime import graphs

PIPELINE: dict[str, Any] = {
    "description": "The mean of a text's tokens.",
    "input": "text",
    "steps": [
        {"operator": "embed_text", "model": "words", "role": "features", "output": "vector"},
    ],
    "output": {"vector": "vector"},
}

PASSAGES: dict[str, Any] = {
    "description": "The same of each passage of a text.",
    "input": "text",
    "steps": [
        {"operator": "cut_passages", "characters": 25, "output": "passages"},
        {"operator": "crop_text", "input": ["input", "passages"], "output": "parts"},
        {"operator": "embed_text", "model": "words", "role": "features", "input": "parts", "output": "vectors"},
    ],
    "output": {"passages": {"start": "passages.start", "end": "passages.end", "vector": "vectors"}},
}


def write(folder: Path) -> Path:
    """The network, its tokenizer and its card."""
    graphs.tokens(folder)
    return folder


def image_layout(db: OpenAnalytic, name: str, columns: Mapping[str, str]) -> Collection:
    """A collection of texts as versions before revision 0015 made them: image_name, image_data of type bytea."""
    with psycopg.connect(db.dsn) as connection:
        connection.execute(
            "SELECT open_analytic._make_collection(%s, 2, 'l2', false, %s, 'texts', 1, '{}', false, 'public')",
            [name, json.dumps(columns)],
        )
    return db.collection(name)

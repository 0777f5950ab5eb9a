"""A network of texts and a pipeline around it: the mean of a text's tokens by their numbers, and of their squares."""

from pathlib import Path
from typing import Any

from tests.models.runtime import graphs

PIPELINE: dict[str, Any] = {
    "description": "The mean of a text's tokens.",
    "input": "text",
    "steps": [
        {"operator": "embed_text", "model": "words", "role": "features", "output": "vector"},
    ],
    "output": {"vector": "vector"},
}


def write(folder: Path) -> Path:
    """The network, its tokenizer and its card."""
    graphs.tokens(folder)
    return folder

"""English or Chinese: which one a request is answered in, and the words of both."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from starlette.requests import Request

LANGUAGES = {"en": "English", "zh": "中文"}  # in their own words
TAGS = {"en": "en", "zh": "zh-Hans"}  # as HTML says it
COOKIE, COOKIE_S = "lang", 365 * 24 * 3600
FOLDER = Path(__file__).parent / "words"

Text: TypeAlias = str | Mapping[str, str]  # or by number: {"one": ..., "other": ...}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of one language; called with a key and the values of its placeholders."""

    language: str
    table: Mapping[str, Text]

    def __call__(self, key: str, **values: object) -> str:
        text = self.table[key]
        if not isinstance(text, str):
            text = text["one" if values.get("n") == 1 else "other"]
        return re.sub(r"\{(\w+)\}", lambda found: str(values[found[1]]), text)


@cache
def words(language: str) -> Words:
    """Those of ``en`` or ``zh``."""
    text = (FOLDER / f"{language}.json").read_text(encoding="utf-8")
    return Words(language=language, table=json.loads(text))


def chosen(request: Request) -> str:
    """The language of the cookie, else the one the browser prefers."""
    cookie = request.cookies.get(COOKIE)
    return cookie if cookie in LANGUAGES else preferred(request.headers.get("accept-language", ""))


def preferred(header: str) -> str:
    """Of an Accept-Language header; English when it names neither language."""
    best, weight = "en", 0.0
    for part in header.split(","):
        tag, *options = (piece.strip().lower() for piece in part.split(";"))
        language, quality = tag.split("-")[0], _quality(options)
        if language in LANGUAGES and quality > weight:
            best, weight = language, quality
    return best


def _quality(options: list[str]) -> float:
    for option in options:
        name, _, value = option.partition("=")
        if name.strip() == "q":
            return float(value) if re.fullmatch(r"[01](\.\d{0,3})?", value.strip()) else 0.0
    return 1.0

"""English or Chinese: which one a request is answered in, and the words of both.

``texts.json`` has the service's own texts (messages and hints of errors, descriptions of presets) as templates, with
the words that pages show instead: Chinese ones, and plainer English ones where a text is meant for programmers.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

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
    texts: Mapping[str, str] = field(default_factory=dict)  # words of this language by the service's template

    def __call__(self, key: str, **values: object) -> str:
        text = self.table[key]
        if not isinstance(text, str):
            text = text["one" if values.get("n") == 1 else "other"]
        return _filled(text, values)

    def text(self, message: str) -> str:
        """A text of the service in these words; one that they do not have stays as it is."""
        for template, ours in self.texts.items():
            if match := pattern(template).fullmatch(message):
                return _filled(ours, match.groupdict())
        return message


@cache
def words(language: str) -> Words:
    """Those of ``en`` or ``zh``."""
    texts = {template: ours[language] for template, ours in _read("texts").items() if language in ours}
    return Words(language=language, table=_read(language), texts=texts)


@cache
def pattern(template: str) -> re.Pattern[str]:
    """What a template's texts look like: anything in the place of ``{name}``."""
    pieces = re.split(r"\{(\w+)\}", template)  # text and name by turns
    patterns = (f"(?P<{piece}>.+?)" if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))
    return re.compile("".join(patterns), re.S)


def _filled(text: str, values: Mapping[str, object]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), text)


def _read(name: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return table


def chosen(request: Request) -> str:
    """The language of the cookie, else the one the browser prefers."""
    cookie = request.cookies.get(COOKIE)
    return cookie if cookie in LANGUAGES else preferred(request.headers.get("accept-language", ""))


def preferred(header: str) -> str:
    """Of an Accept-Language header; English when it names neither language."""
    best, weight = "en", 0.0
    for entry in header.split(","):
        tag, *options = (piece.strip().lower() for piece in entry.split(";"))
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

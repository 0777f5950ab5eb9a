"""What callers of the site send: each type checks a request and describes it in OpenAPI."""

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from open_analytic.errors import BadParameter, BadText, InvalidInput
from open_analytic.service.typed import Rule
from open_analytic.types import Box, OnConflict
from open_analytic.web.texts import MOST_QUERY, WHOLE

MOST_NAMES, MOST_HITS = 200, 200  # of a page, of a search
FAR = 1e9  # pixels; no picture has as many

_LIKE = "The name of a picture in the collection, which is itself left out."
_RATE = "A false accept rate of the collection's rates, in place of max_distance."
_CONDITION = '[{"column": "city", "operator": "=", "value": "Oslo"}]'
_MAX = 1.7e308  # neither nan nor inf

Number: TypeAlias = Annotated[float, Meta(ge=-_MAX, le=_MAX), Rule(expected="a number", hint="Give one such as 0.5.")]
Index: TypeAlias = Annotated[
    int, Meta(ge=0, le=999_999_999), Rule(expected="a whole number, 0 or more", hint="Give it in digits.")
]
Name: TypeAlias = Annotated[
    str,
    Meta(min_length=1),
    Rule(expected="the name of a picture", hint="Give it in the query string: ?name=cat.jpg."),
]
QueryText: TypeAlias = Annotated[
    str,
    Meta(max_length=MOST_QUERY, extra_json_schema={"minLength": 1}),
    Rule(hint="Give a part of it, or POST it to /api/v1/collections/NAME/search.", error=BadText),
]
Conflict: TypeAlias = Annotated[
    OnConflict, Meta(description="When another picture has the name; error: the file fails.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesPage:
    """The query string of a list of pictures."""

    after: Annotated[str, Meta(description="The last name of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=MOST_NAMES)] = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureName:
    """The query string that names a picture."""

    name: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureView:
    """The query string of a picture that is shown."""

    name: Name
    part: Annotated[Index | None, Meta(description="A region to frame.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextView:
    """The query string of a text that is shown."""

    name: Name
    part: Annotated[Index | None, Meta(description="A region to mark.")] = None
    length: Annotated[int, Meta(ge=1, le=WHOLE, description="Characters at most.")] = WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """The query string of a new import."""

    on_conflict: Conflict = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """The body of a rename."""

    name: Annotated[str, Rule(hint='Send {"name": "new name"}.')]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The body that decides on names that other pictures have."""

    on_conflict: Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureUrl:
    """The body of a query by URL."""

    url: Annotated[
        str,
        Meta(extra_json_schema={"format": "uri", "maxLength": 8192}),
        Rule(error=InvalidInput, hint='Send a picture\'s bytes, or {"url": "https://..."}.'),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that an import is about to send."""

    name: str
    # A digest of another length is that of no picture.
    sha256: Annotated[str, Meta(pattern="^(?:[0-9a-fA-F]{2})*$", description="64 hexadecimal digits.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The body that asks which files are there already."""

    files: Annotated[
        list[File],
        Rule(
            expected="a list of names with their SHA-256",
            error=InvalidInput,
            hint='Send {"files": [{"name": "cat.jpg", "sha256": "9f86..."}]}.',
        ),
    ]


def _region(text: str) -> Box:
    x, y, width, height = (float(part) for part in text.split(","))
    if not all(abs(number) < FAR for number in (x, y, width, height)) or width <= 0 or height <= 0:
        raise ValueError
    return Box(x=x, y=y, width=width, height=height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The parameters of a search, the same as in the address of its page."""

    query: Annotated[str | None, Meta(description="The id of a kept picture.")] = None
    face: Annotated[Index | None, Meta(description="Which of its faces.")] = None
    region: Annotated[
        Box | None,
        Meta(description="X,Y,WIDTH,HEIGHT in its pixels.", extra_json_schema={"pattern": "^[0-9.]+(,[0-9.]+){3}$"}),
        Rule(expected="x, y, width and height in pixels", hint="Give them as 10,20,300,200.", from_text=_region),
    ] = None
    like: Annotated[str | None, Meta(description=_LIKE)] = None
    part: Annotated[Index | None, Meta(description="Which of its regions.")] = None
    text: Annotated[QueryText | None, Meta(description="A text, in a collection of texts.")] = None
    k: Annotated[int, Meta(ge=1, le=MOST_HITS)] = 10
    max_distance: Number | None = None
    rate: Annotated[Number | None, Meta(description=_RATE)] = None
    filter: Annotated[
        Any,
        Meta(description="JSON: " + _CONDITION + "; all must hold."),
        Rule(expected="JSON", hint=f"Give conditions such as {_CONDITION}.", from_text=json.loads),
    ] = field(default_factory=list)
    explain: Annotated[
        bool,
        Meta(description="1: say how it was done, and why.", extra_json_schema={"enum": ["0", "1"]}),
        Rule(from_text=lambda text: text not in ("", "0", "false")),
    ] = False

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.query, self.text, self.like)) != 1:
            raise BadParameter("There is no query.", hint="Give one of: query (a picture's id), text, like (a name).")
        if self.max_distance is not None and self.rate is not None:
            raise BadParameter("Both max_distance and rate are given.", hint="Give one of them.")
        if self.face is not None and self.region is not None:
            raise BadParameter("Both face and region are given.", hint="Give one of them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The form of the login page; ``next`` is the page to show then."""

    token: str = ""
    next: str = "/"

"""What callers of the service send: each type checks a request and describes it in OpenAPI."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from open_analytic.errors import BadParameter, InvalidInput
from open_analytic.search_options import LARGEST_K, TARGET_RECALL, SearchOptions
from open_analytic.service import limits
from open_analytic.service.typed import Rule, json_object
from open_analytic.service.work import Give
from open_analytic.types import Hit

Base64: TypeAlias = Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=LARGEST_K)]
_AFTER = 'Give the last one of the page before: {"distance": 0.5, "name": "cat.jpg"}.'
_GIVE = "output, vector, query (of the largest region), or whole (output and features)."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The query string of a run."""

    parameters: Annotated[str, Meta(description="JSON object of the pipeline's parameters.")] = "{}"
    give: Annotated[Give, Meta(description=_GIVE)] = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The body of a run of several inputs."""

    inputs: Annotated[
        list[Base64],
        Meta(extra_json_schema={"maxItems": limits.MAX_ITEMS}),
        Rule(expected="a list of texts", error=InvalidInput, hint='Send {"inputs": [...]}, the pictures in Base64.'),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a search in JSON is for."""

    image: Annotated[Base64 | None, Rule(error=InvalidInput, hint="Give the picture in Base64.")] = None
    text: Annotated[
        str | None,
        Meta(description="Where the pipeline's input is text."),
        Rule(error=InvalidInput, hint='Send {"text": "a red house"}.'),
    ] = None
    vector: Annotated[
        list[float] | None, Rule(expected="a list of numbers", error=InvalidInput, hint="Send [0.1, 0.2, ...].")
    ] = None

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.image, self.text, self.vector)) != 1:
            raise InvalidInput("There is no query.", hint="Give one of: image (Base64), text, vector (numbers).")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of a hit in the order."""

    name: str
    distance: float
    part: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a search is done: in its JSON, or in the query string beside a picture."""

    k: Annotated[Count | None, Rule(hint="Give the number of hits, 0 or more.")] = 10
    filter: Annotated[str | None, Meta(description="An SQL condition on the collection's columns.")] = None
    params: Annotated[
        dict[str, Any] | None,
        Meta(description="Values for %(name)s in filter."),
        Rule(expected="an object", hint="Give values by the names in the filter.", from_text=json_object),
    ] = None
    max_distance: float | None = None
    target_recall: Annotated[
        float, Meta(gt=0, le=1), Rule(expected="a number above 0, at most 1", hint="Give a share such as 0.95.")
    ] = TARGET_RECALL
    after: Annotated[
        Place | None,
        Meta(description="The last hit of the page before."),
        Rule(expected="a hit", hint=_AFTER, from_text=json_object),
    ] = None
    where: Annotated[
        str | None, Meta(description="The deprecated name of filter.", extra_json_schema={"deprecated": True})
    ] = None

    def __post_init__(self) -> None:
        if self.where is not None and self.filter is not None:
            hint = "where is the old name of filter: give filter."
            raise BadParameter("Both filter and where are present.", hint=hint)

    def search_options(self) -> SearchOptions:
        """As a collection takes them."""
        last = None
        if self.after:
            last = Hit(name=self.after.name, distance=self.after.distance, row={}, part=self.after.part)
        return SearchOptions(
            k=self.k, filter=self.where if self.filter is None else self.filter, params=self.params,
            max_distance=self.max_distance, target_recall=self.target_recall, after=last,
        )  # fmt: skip

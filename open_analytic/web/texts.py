"""Texts of a collection as pages show them: an excerpt, or the whole up to a limit, the span of a region apart."""

from dataclasses import dataclass

from open_analytic.collection import Collection
from open_analytic.errors import BadParameter
from open_analytic.regions import TextSpan

WHOLE = 20_000  # characters of a text in one answer
MOST_QUERY = 4_000  # characters of a query in an address; POST .../search takes longer ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A part of a text in three: the span of a region, and what stands before and after it."""

    before: str
    marked: str  # "" where the whole text is meant
    after: str
    start: int  # where ``before`` begins in the text
    end: int  # where ``after`` ends in it
    characters: int  # of the whole text


def excerpt(collection: Collection, name: str, part: int | None, *, length: int) -> Excerpt:
    """At most ``length`` characters of a stored text, around the span of a region of it."""
    if not collection.kind.encode:
        raise BadParameter(f"Collection {collection.name!r} holds no texts.", hint="Ask for its picture.")
    text = collection.image(name).decode("utf-8-sig", "replace")
    region = collection.get(name, part).region if part is not None else None
    return cut(text, region if isinstance(region, TextSpan) else None, length)


def cut(text: str, span: TextSpan | None, length: int) -> Excerpt:
    """At most ``length`` characters; a quarter of them stand before the span where the text has as many."""
    total = len(text)
    first, last = (min(span.start, total), min(span.end, total)) if span else (0, 0)
    start = max(0, min(first - length // 4, total - length))
    end = min(total, start + length)
    last = min(last, end)
    return Excerpt(
        before=text[start:first], marked=text[first:last], after=text[last:end], start=start, end=end, characters=total
    )

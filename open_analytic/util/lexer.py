"""PostgreSQL's lexical rules, with exact positions: what a quote, a comment or a dollar sign hides.

sqlglot's tokenizer takes ``#--`` for an operator and an unfinished comment for a finished one, so we have our own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from open_analytic.errors import UntranslatableStatement

Kind: TypeAlias = Literal["word", "quoted", "string", "number", "sign"]

# Source: PostgreSQL's scan.l. Possessive, so that an unfinished text is not taken for a shorter finished one.
PATTERN = r"""
    (?P<blank> [ \t\n\r\f\v]+ | --[^\r\n]* )
  | (?P<comment> /\* )
  | (?P<string> [eE]'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+' | '[^']*+(?:''[^']*+)*+' )
  | (?P<quoted> "[^"]*+(?:""[^"]*+)*+" )
  | (?P<open> [eE]?' | " )
  | (?P<dollar> \$ (?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)? \$ )
  | (?P<word> [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]* )
  | (?P<number> [0-9][A-Za-z0-9_.]* )
  | (?P<sign> . )
    """
EDGE = re.compile(r"/\*|\*/")
KINDS: dict[str, Kind] = {
    "word": "word", "quoted": "quoted", "string": "string", "dollar": "string", "number": "number", "sign": "sign",
}  # fmt: skip
NAMES = {"open": "The quote", "dollar": "The dollar quote", "comment": "The comment"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL and where it stands."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """A keyword in small letters; empty for everything else."""
        return self.text.lower() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """What it names as an identifier; empty when it is none."""
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.word

    def moved(self, by: int) -> "Token":
        """The same, as many characters further left."""
        return Token(self.kind, self.text, self.start - by, self.end - by)


def tokens(text: str) -> Iterator[Token]:
    """What the text is made of, without blanks and comments."""
    place, token = 0, _token()
    while match := token.match(text, place):
        group = str(match.lastgroup)
        end = _end(text, match, group)
        if end is None:
            raise UntranslatableStatement(
                f"{NAMES[group]} that begins in line {line(text, place)} has no end.", hint="Close it."
            )
        if group in KINDS:
            yield Token(KINDS[group], text[place:end], place, end)
        place = end


@cache
def _token() -> re.Pattern[str]:
    """Compiled with the first text: it takes 10 ms, and most processes read none."""
    return re.compile(PATTERN, re.VERBOSE | re.DOTALL)


def line(text: str, place: int) -> int:
    """The number of the line, from 1."""
    return text.count("\n", 0, place) + 1


def _end(text: str, match: re.Match[str], group: str) -> int | None:
    if group == "open":
        return None
    if group == "comment":
        return _comment(text, match.end())
    if group == "dollar":
        close = text.find(match[0], match.end())
        return None if close < 0 else close + len(match[0])
    return match.end()


def _comment(text: str, place: int) -> int | None:
    """Where a comment ends that can hold others."""
    depth = 1
    while depth and (edge := EDGE.search(text, place)):
        depth += 1 if edge[0] == "/*" else -1
        place = edge.end()
    return place if depth == 0 else None


def is_text(value: object) -> bool:
    """Whether PostgreSQL can hold this as text: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

"""A script as its statements, each exactly as written, and how we speak of one."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from open_analytic.errors import UntranslatableStatement
from open_analytic.util.lexer import Token, line, tokens

Edit: TypeAlias = tuple[int, int, str]  # start and end in the text, and what comes there instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One statement of a script, without the semicolon; the places of its tokens count from its start."""

    number: int
    line: int
    text: str
    tokens: tuple[Token, ...]

    def words(self, count: int) -> list[str]:
        """Its first words in small letters; something else than a word is empty."""
        return [token.word for token in self.tokens[:count]]

    def refused(self, why: str, hint: str) -> UntranslatableStatement:
        """The error that names the statement."""
        return UntranslatableStatement(f"{named(self.number, self.line, self.text)}: {why}", hint=hint)

    def cut(self, first: int, last: int) -> Edit:
        """Without these tokens and the blanks before them; a comment there stays."""
        start, before = self.tokens[first].start, self.tokens[first - 1].end if first else 0
        return before if self.text[before:start].isspace() else start, self.tokens[last].end, ""

    def edited(self, edits: Sequence[Edit]) -> str:
        """Its text with pieces replaced, everything else as it was."""
        text = self.text
        for start, end, new in sorted(edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def named(number: int, line: int, text: str) -> str:
    """A statement as messages call it: its number, its line and its first words."""
    return f"Statement {number} (line {line}, {textwrap.shorten(text, 48, placeholder=' ...')})"


def split(script: str) -> Iterator[Source]:
    """The statements of a script, in order; where one ends is decided as psql does it. Empty ones are left out."""
    if "\0" in script:
        raise UntranslatableStatement("The script has a zero byte.", hint="Save it as text in UTF-8.")
    held: list[Token] = []
    number = depth = blocks = 0
    for token in tokens(script):
        if token.text == "\\":
            raise _psql(script, token)
        if token.text == ";" and not depth and not blocks:
            number += bool(held)
            yield from _finished(script, number, held)
            held = []
            continue
        depth = max(0, depth + {"(": 1, ")": -1}.get(token.text, 0))
        held.append(token)
        blocks += _blocks(held, blocks)
    yield from _finished(script, number + 1, held)


def closing(tokens: Sequence[Token], place: int) -> int:
    """Where the parenthesis that opens at ``place`` closes; the last token when it does not."""
    depth = 0
    for number in range(place, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[number].text, 0)
        if depth == 0:
            return number
    return len(tokens) - 1


def outside(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """The tokens that are in no parentheses, with their places; of a parenthesis only where it opens."""
    place = 0
    while place < len(tokens):
        yield place, tokens[place]
        place = closing(tokens, place) + 1 if tokens[place].text == "(" else place + 1


def _blocks(held: Sequence[Token], open_blocks: int) -> int:
    """How many BEGIN ATOMIC bodies of routines the last token opens or closes: their semicolons end no statement."""
    word = held[-1].word
    start = [token.word for token in held[:4]]
    if word not in ("begin", "case", "end") or start[0] != "create" or not {"function", "procedure"} & set(start):
        return 0
    if word == "end":
        return -1 if open_blocks else 0
    return 1 if word == "begin" or open_blocks else 0


def _finished(script: str, number: int, held: Sequence[Token]) -> Iterator[Source]:
    if not held:
        return
    start = held[0].start
    source = Source(
        number=number,
        line=line(script, start),
        text=script[start : held[-1].end],
        tokens=tuple(token.moved(start) for token in held),
    )
    words = {token.word for token in held}
    if held[0].word == "copy" and words & {"stdin", "stdout"}:  # its data would follow in the script
        raise source.refused(
            "COPY from and to the client is a matter of psql.",
            "Run it with `open-analytic db psql`; pictures are imported by `open-analytic import`.",
        )
    yield source


def _psql(script: str, token: Token) -> UntranslatableStatement:
    command = re.compile(r"\\\S*").match(script, token.start)
    return UntranslatableStatement(
        f"Line {line(script, token.start)}: {command[0] if command else token.text} is a command of psql, not SQL.",
        hint="Remove it, or run the script with `open-analytic db psql -- -f FILE`.",
    )

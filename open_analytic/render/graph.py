"""A picture of a pipeline's steps and of the values between them: SVG for light and dark pages, on its own."""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from open_analytic.render.graph_layout import Layout, Piece, Place, arrange

INPUT = "input"  # what a step takes that names nothing
WORDS = ("operator", "model", "input", "output")  # of a step; the others are parameters

LEAST, MOST = 140, 232  # pixels a box is wide: as its text asks for, between these
PAD, MARGIN, CORNER = 12, 20, 8  # pixels within a box, around the picture, of a box's round corner
FIRST, LINE = 18, 16  # heights of a box's first line and of those below it
LARGE, SMALL, TINY = 13, 12, 11  # heights of letters: titles, lines, names of values
TAG, STUB, ARROW = 20, 8, 6  # heights of a value's name below its step, of the line to it, of an arrow's head
LINES = 4  # of parameters; more than that are counted
STYLE = """
.steps { color-scheme: light dark; font: 12px system-ui, Helvetica, Arial, sans-serif; }
.steps .paper { fill: #ffffff; }
.steps text { fill: #1a202c; }
.steps .title { font-size: 13px; font-weight: 600; }
.steps .quiet { fill: #5a6474; }
.steps .model { fill: #2559a8; }
.steps .box { fill: #f8fafc; stroke: #cbd5e1; }
.steps .network .box { fill: #eef5fe; stroke: #a9c8ee; }
.steps .input .box { fill: #f1f3f6; stroke: #94a3b8; }
.steps .output .box { fill: #edf9f2; stroke: #97d3b3; }
.steps .tag { fill: #ffffff; stroke: #dbe2ea; }
.steps .value { font-size: 11px; fill: #3f4a5a; text-anchor: middle; }
.steps .edge { fill: none; stroke: #8d9bad; stroke-width: 1.4; }
.steps .head { fill: #8d9bad; }
@media (prefers-color-scheme: dark) {
.steps .paper { fill: #14181f; }
.steps text { fill: #e8ecf2; }
.steps .quiet { fill: #a3adbb; }
.steps .model { fill: #8fc1fb; }
.steps .box { fill: #1c222c; stroke: #3a4453; }
.steps .network .box { fill: #17263b; stroke: #35557d; }
.steps .input .box { fill: #232a35; stroke: #5c6b80; }
.steps .output .box { fill: #15291f; stroke: #34694c; }
.steps .tag { fill: #14181f; stroke: #333d4b; }
.steps .value { fill: #c3ccd8; }
.steps .edge { stroke: #66758a; }
.steps .head { fill: #66758a; }
}"""
# What letters take of their size in the usual fonts, a little too much rather than too little.
LATIN = 0x24F  # letters beyond it can have any width
BOLD, NARROW, WIDE, CAPITAL, USUAL, WHOLE = 1.12, 0.36, 0.92, 0.72, 0.58, 1.06
_NARROWS, _WIDES = frozenset("fijlrtI.,:;'|!()[]{}/\\ `"), frozenset("mwMW@%&<>=+~^—…←→")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """A box's words, and which boxes the values come from that it takes."""

    kind: str  # input, step, network or output
    title: str
    sources: tuple[int, ...] = ()
    value: str = ""  # the name of what it gives, where that stands below it
    number: str = ""
    model: str = ""
    small: tuple[str, ...] = ()
    joined: bool = False  # whether the small texts share lines

    def width(self) -> float:
        """What its words ask for."""
        small = [", ".join(self.small)] if self.joined else self.small
        number = _width(f"  {self.number}", SMALL)
        texts = (_width(self.model, SMALL), _width(self.value, TINY) + 8, *(_width(text, SMALL) for text in small))
        return 2 * PAD + max(_width(self.title, LARGE * BOLD) + number, *texts)

    def lines(self, room: float) -> list[str]:
        """Its small texts, in lines of this width."""
        if not self.joined:
            return [_cut(text, SMALL, room) for text in self.small]
        lines = _joined(self.small, room)
        if len(lines) <= LINES:
            return lines
        head = lines[: LINES - 1]
        return [*head, f"+{len(self.small) - sum(line.count(', ') + 1 for line in head)}"]

    def words(self) -> list[str]:
        """All of them, however long."""
        return list(filter(None, (self.title, self.model, *self.small)))

    def height(self, room: float) -> int:
        return 2 * PAD + FIRST + LINE * (bool(self.model) + len(self.lines(room))) - 4


def draw(definition: Mapping[str, Any], *, name: str) -> str:
    """The input, steps and outputs of a definition as boxes, the names of values on the arrows between them, as SVG."""
    boxes = _boxes(definition)
    width = 2 * math.ceil(min(max(LEAST, *(box.width() for box in boxes)), MOST) / 2)
    heights = [box.height(width - 2 * PAD) for box in boxes]
    feet = [STUB + TAG if box.value else 0 for box in boxes]
    late = {number for number, box in enumerate(boxes) if box.kind == "output"}
    layout = arrange([box.sources for box in boxes], late=late, width=width, heights=heights, feet=feet)
    elements = (_head(boxes, layout, name), *_edges(boxes, layout), *_drawn(boxes, layout, width))
    return "\n".join((*elements, "</svg>", ""))


def _boxes(definition: Mapping[str, Any]) -> list[_Box]:
    """The input, the steps in their order, and what the pipeline gives."""
    parameters = [f"{key} = {_value_text(value)}" for key, value in definition.get("parameters", {}).items()]
    boxes = [_Box(kind="input", title=str(definition["input"]), small=tuple(parameters))]
    named = {INPUT: 0}  # which box gives a value
    for number, step in enumerate(definition["steps"], 1):
        boxes.append(_step(step, number, named))
        named[step["output"]] = number
    for key, output in definition["output"].items():
        boxes.append(_output(key, output, named))
    return boxes


def _step(step: Mapping[str, Any], number: int, named: Mapping[str, int]) -> _Box:
    inputs = step.get("input", INPUT)
    names = [inputs] if isinstance(inputs, str) else inputs
    model = step.get("model", "")
    return _Box(
        kind="network" if model else "step",
        title=step["operator"],
        sources=_sources(names, named),
        value=step["output"],
        number=str(number),
        model=model,
        small=tuple(f"{key} {_value_text(value)}" for key, value in step.items() if key not in WORDS),
        joined=True,
    )


def _output(key: str, output: str | Mapping[str, str], named: Mapping[str, int]) -> _Box:
    if isinstance(output, str):
        names, small = [output], [f"← {output}"] if "." in output else []
    else:
        names, small = list(output.values()), [f"{part} ← {name}" for part, name in output.items()]
    return _Box(kind="output", title=key, small=tuple(small), sources=_sources([_value(name) for name in names], named))


def _value(name: str) -> str:
    """The value an output names, or names a part of."""
    return name.partition(".")[0]


def _sources(names: Iterable[str], named: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(named[name] for name in names if name in named))


def _value_text(value: object) -> str:
    """A parameter as TOML has it, without quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return str(value)
    except ValueError:  # an integer of more digits than Python prints
        return "…"


def _head(boxes: Sequence[_Box], layout: Layout, name: str) -> str:
    width, height = round(layout.width) + 2 * MARGIN, round(layout.height) + 2 * MARGIN
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" class="steps" role="img" viewBox="{-MARGIN} {-MARGIN} {width} {height}" \
width="{width}" height="{height}">
<title>{_text(f"The steps of {name}")}</title>
<desc>{_text(_described(boxes))}</desc>
<style>{STYLE}</style>
<rect class="paper" x="{-MARGIN}" y="{-MARGIN}" width="{width}" height="{height}"/>"""


def _described(boxes: Sequence[_Box]) -> str:
    """What the picture shows, for who does not see it."""
    sentences = []
    for box in boxes[1:]:
        inputs = " and ".join(boxes[source].value or boxes[source].title for source in box.sources) or "nothing"
        if box.kind == "output":
            sentences.append(f"The result's {box.title} is made of {inputs}.")
        else:
            model = f" with {box.model}" if box.model else ""
            sentences.append(f"Step {box.number}, {box.title}{model}, makes {box.value} of {inputs}.")
    return " ".join(sentences)


def _edges(boxes: Sequence[_Box], layout: Layout) -> Iterator[str]:
    for number, pieces in layout.wires.items():
        lines = "".join(_line(piece) for piece in pieces)
        heads = "".join(
            f"M{piece.to_x:g} {piece.to_y:g}l{-ARROW / 2:g} {-ARROW}h{ARROW}z" for piece in pieces if piece.enters
        )
        yield f"<g><title>{_text(boxes[number].value or boxes[number].title)}</title>"
        yield f'<path class="edge" d="{lines}"/><path class="head" d="{heads}"/></g>'


def _line(piece: Piece) -> str:
    x, y, to_x, to_y, enters = piece
    if x == to_x:
        return f"M{x:g} {y:g}V{to_y - enters:g}"
    # It leaves and arrives straight down; an arrow's head stands on a straight end.
    end = to_y - ARROW * enters
    middle = (y + end) / 2
    return f"M{x:g} {y:g}C{x:g} {middle:g} {to_x:g} {middle:g} {to_x:g} {end:g}"


def _drawn(boxes: Sequence[_Box], layout: Layout, width: float) -> Iterator[str]:
    """Each box, a picture within the picture: nothing in it is seen beyond its edge."""
    for box, place in zip(boxes, layout.places, strict=True):
        at = f'x="{place.x:g}" y="{place.y:g}" width="{width}" height="{place.height:g}"'
        yield f'<svg class="{box.kind}" {at}><title>{_text(" · ".join(box.words()))}</title>'
        yield f'<rect class="box" x=".5" y=".5" width="{width - 1}" height="{place.height - 1:g}" rx="{CORNER}"/>'
        yield from _words(box, width - 2 * PAD)
        yield "</svg>"
        if box.value:
            yield from _tag(box, place, width)


def _words(box: _Box, room: float) -> Iterator[str]:
    y = PAD + LARGE - 2
    number = _width(f"  {box.number}", SMALL) if box.number else 0
    yield f'<text class="title" x="{PAD}" y="{y}">{_text(_cut(box.title, LARGE * BOLD, room - number))}</text>'
    if box.number:
        yield f'<text class="quiet" x="{PAD + room:g}" y="{y}" text-anchor="end">{box.number}</text>'
    y += FIRST
    if box.model:
        yield f'<text class="model" x="{PAD}" y="{y}">{_text(_cut(box.model, SMALL, room))}</text>'
        y += LINE
    for line in box.lines(room):
        yield f'<text class="quiet" x="{PAD}" y="{y}">{_text(line)}</text>'
        y += LINE


def _tag(box: _Box, place: Place, width: float) -> Iterator[str]:
    """The name of the value that leaves a box, on its wire."""
    label = _cut(box.value, TINY, width - 16)
    wide = round(min(_width(label, TINY) + 16, width))
    x, y = place.x + width / 2, place.y + place.height + STUB
    yield f'<path class="edge" d="M{x:g} {y:g}v-{STUB}"/>'
    yield f'<rect class="tag" x="{x - wide / 2:g}" y="{y:g}" width="{wide}" height="{TAG}" rx="{TAG / 2:g}"/>'
    yield f'<text class="value" x="{x:g}" y="{y + TAG / 2 + 4:g}">{_text(label)}</text>'


def _text(text: str) -> str:
    """Any text as SVG has it; what cannot be seen or would turn the line around is a dot."""
    return escape("".join(letter if letter.isprintable() else "·" for letter in text))


def _joined(texts: Sequence[str], room: float) -> list[str]:
    """The texts one after another, on as many lines as they need."""
    lines: list[str] = []
    for text in texts:
        longer = f"{lines[-1]}, {text}" if lines else ""
        if lines and _width(longer, SMALL) <= room:
            lines[-1] = longer
        else:
            lines.append(_cut(text, SMALL, room))
    return lines


def _cut(text: str, size: float, room: float) -> str:
    """The text, its end left out where it is wider than the room."""
    if _width(text, size) <= room:
        return text
    room -= _width("…", size)
    length = 0
    while room >= (next_one := _width(text[length], size)):
        room, length = room - next_one, length + 1
    return f"{text[:length].rstrip()}…"


def _width(text: str, size: float) -> float:
    return size * sum(map(_em, text))


def _em(letter: str) -> float:
    if letter in _NARROWS:
        return NARROW
    if letter in _WIDES:
        return WIDE
    if letter.isascii():
        return CAPITAL if letter.isupper() else USUAL
    wide = unicodedata.east_asian_width(letter) in "WF" or ord(letter) > LATIN
    return WHOLE if wide else CAPITAL

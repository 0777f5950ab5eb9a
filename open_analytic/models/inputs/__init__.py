"""What models take. Each type of input is one file: how a card describes it, and how values become arrays."""

from collections.abc import Callable

from open_analytic.models.fields import Fields
from open_analytic.models.inputs.base import Input
from open_analytic.models.inputs.image import ImageInput
from open_analytic.models.inputs.several import SeveralInputs
from open_analytic.models.inputs.spectrogram import SpectrogramInput
from open_analytic.models.inputs.strings import StringsInput
from open_analytic.models.inputs.tokens import TokensInput
from open_analytic.models.inputs.waveform import WaveformInput

# By the field ``type`` of a card's input.
INPUTS: dict[str, Callable[[Fields], Input]] = {
    "image": ImageInput.read,
    "tokens": TokensInput.read,
    "strings": StringsInput.read,
    "waveform": WaveformInput.read,
    "spectrogram": SpectrogramInput.read,
}


def read(fields: Fields) -> Input:
    """The input of a whole card: the table ``input``, or the tables ``inputs.NAME``."""
    if "inputs" not in fields.table:
        return _one(fields.below("input"))
    if "input" in fields.table:
        raise fields.wrong("inputs", "left out: the card has [input] already")
    tables = fields.below("inputs")
    inputs = SeveralInputs(inputs={name: _one(tables.below(name)) for name in tables.table})
    if twice := sorted({name for name in inputs.names if inputs.names.count(name) > 1}):
        raise fields.wrong("inputs", f"tables of different inputs of the graph: {twice[0]!r} is in two of them")
    return inputs


def _one(fields: Fields) -> Input:
    return INPUTS[fields.text("type", default="image", choices=tuple(INPUTS))](fields)

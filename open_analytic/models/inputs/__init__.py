"""What models take. Each type of input is one file: how a card describes it, and how values become arrays."""

from collections.abc import Callable
from typing import cast

from open_analytic.models.fields import Fields
from open_analytic.models.inputs.base import Input
from open_analytic.models.inputs.image import ImageInput
from open_analytic.models.inputs.several import SeveralInputs
from open_analytic.models.inputs.spectrogram import SpectrogramInput
from open_analytic.models.inputs.strings import StringsInput
from open_analytic.models.inputs.tokens import TokensInput
from open_analytic.models.inputs.waveform import WaveformInput
from open_analytic.plugins import Registry

# By the field ``type`` of a card's input.
INPUTS: dict[str, Callable[[Fields], Input]] = {
    "image": ImageInput.read,
    "tokens": TokensInput.read,
    "strings": StringsInput.read,
    "waveform": WaveformInput.read,
    "spectrogram": SpectrogramInput.read,
}


def _reader(function: object) -> Callable[[Fields], Input]:
    """A plugin's function: it reads its part of a card."""
    if not callable(function):
        raise TypeError("it is no function that reads the fields of a card")
    return cast(Callable[[Fields], Input], function)


ALL_INPUTS = Registry("open_analytic.inputs", INPUTS, _reader)  # with those of plugins


def read(fields: Fields) -> Input:
    """The input of a whole card: the table ``input``, or the tables ``inputs.NAME``."""
    several = "inputs" in fields.table
    if several and "input" in fields.table:
        raise fields.wrong("inputs", "left out: the card has [input] already")
    input_ = _several(fields.below("inputs")) if several else _one(fields.below("input"))
    if twice := sorted({name for name in input_.names if input_.names.count(name) > 1}):
        where = "inputs" if several else "input"
        raise fields.wrong(where, f"of different inputs of the graph: {twice[0]!r} is named twice")
    return input_


def owners(input_: Input) -> list[str]:
    """The distributions of plugins that read a part of the card."""
    each = input_.inputs.values() if isinstance(input_, SeveralInputs) else [input_]
    return sorted({owner for one in each if (owner := ALL_INPUTS.owner(one.type))})


def _several(tables: Fields) -> Input:
    return SeveralInputs(inputs={name: _one(tables.below(name)) for name in tables.table})


def _one(fields: Fields) -> Input:
    return ALL_INPUTS[fields.text("type", default="image", choices=tuple(ALL_INPUTS))](fields)

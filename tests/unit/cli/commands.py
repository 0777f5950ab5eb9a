"""Every command of the command line with its options, found in Typer's own tree."""

import inspect
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import typer

from open_analytic.cli.root import app


def commands(parent: typer.Typer = app, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Words and function of each command; old names, which are hidden, are left out."""
    for command in parent.registered_commands:
        assert command.name
        if not command.hidden:
            yield (*before, command.name), command.callback
    for group in parent.registered_groups:
        assert group.name
        assert group.typer_instance
        yield from commands(group.typer_instance, (*before, group.name))


def options(function: Any) -> Iterator[tuple[str, str | None]]:
    """Parameter's name and help of each argument and option."""
    for name, parameter in inspect.signature(function).parameters.items():
        if get_origin(parameter.annotation) is Annotated:
            yield name, get_args(parameter.annotation)[1].help


ALL = dict(commands())

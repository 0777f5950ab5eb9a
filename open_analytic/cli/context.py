"""What every command takes: where the database is, JSON or text, how much to say. Given before or after the command."""

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from open_analytic.errors import BadParameter

if TYPE_CHECKING:
    from open_analytic.app import OpenAnalytic
    from open_analytic.config import Settings

Function = TypeVar("Function", bound=Callable[..., None])

PANEL = "Options of every command"
NUMBERS = (  # what Typer says of a word in the place of a number, and what this package says
    (r"Input should be a valid integer.*", "a whole number is needed, such as 10."),
    (r"Input should be a valid number.*", "a number is needed, such as 0.5."),
)
COMMON: dict[str, Any] = {
    "dsn": Annotated[
        str | None,
        typer.Option(
            help="An existing PostgreSQL, as postgresql://user@host/database. Default: OPEN_ANALYTIC_DSN, else the "
            "embedded server.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ],
    "home": Annotated[
        Path | None,
        typer.Option(
            help="Folder of the embedded server. Default: OPEN_ANALYTIC_HOME, else ./.open_analytic.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ],
    "json": Annotated[bool, typer.Option("--json", help="Print JSON, errors too.", rich_help_panel=PANEL)],
    "verbose": Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, help="Say on standard error what is done; -vv says more.",
            show_default=False, metavar="", rich_help_panel=PANEL,
        ),
    ],
    "debug": Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an unexpected error.", rich_help_panel=PANEL)
    ],
}  # fmt: skip
DEFAULTS: dict[str, Any] = {"dsn": None, "home": None, "json": False, "verbose": 0, "debug": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The common options of one call."""

    dsn: str | None = None
    home: Path | None = None
    json: bool = False
    verbose: int = 0
    debug: bool = False

    def merged(self, options: dict[str, Any]) -> "Context":
        """A copy with the options that stand further right; an option left out changes nothing."""
        return dataclasses.replace(self, **{name: value for name, value in options.items() if value})

    @property
    def settings(self) -> "Settings":
        """From the environment and the command line; ``--home`` asks for the embedded server."""
        from open_analytic.config import Settings

        if self.dsn and self.home:
            raise BadParameter("--dsn and --home were both given.", hint="One names a server, the other a folder.")
        settings = Settings.read(dsn=self.dsn, home=self.home)
        return dataclasses.replace(settings, dsn=None) if self.home else settings

    def open(self) -> "OpenAnalytic":
        """The database, its pipelines and collections; use it in ``with``."""
        from open_analytic.app import connect

        return connect(settings=self.settings)


def group(parent: typer.Typer, name: str, help: str) -> typer.Typer:  # noqa: A002 - Typer's own word
    """A noun with commands of its own."""
    app = typer.Typer(no_args_is_help=True, help=help)
    app.callback()(signed(_global_options))
    parent.add_typer(app, name=name)
    return app


def command(app: typer.Typer, name: str, **settings: Any) -> Callable[[Function], Function]:
    """Register a function as a command: it receives a Context first, and its errors become a line and an exit code."""

    def register(function: Function) -> Function:
        app.command(name, cls=_Command, help=_paragraphs(function), **settings)(signed(function))
        return function

    return register


class _Command(TyperCommand):
    """Says of a number what is needed, in words of this package."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            for pattern, words in NUMBERS:
                error.message = re.sub(pattern, words, error.message)
            raise


def _global_options(context: Context) -> None:
    """Options given before the command are remembered for it."""


def _paragraphs(function: Callable[..., None]) -> str:
    """The docstring with every paragraph on one line: Typer keeps the line breaks of the source otherwise."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (inspect.getdoc(function) or "").split("\n\n"))


def signed(function: Callable[..., None]) -> Callable[..., None]:
    """The function with the common options added to its signature, which is what Typer reads."""
    from open_analytic.cli.failures import handled, listen

    own = [item for item in inspect.signature(function).parameters.values() if item.name != "context"]

    @functools.wraps(function)
    def run(ctx: typer.Context, **values: Any) -> None:
        context = (ctx.obj or Context()).merged({name: values.pop(name) for name in COMMON})
        ctx.obj = context
        listen(context)
        with handled(context):
            function(context, **values)

    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS[name], annotation=hint)
        for name, hint in COMMON.items()
    ]
    first = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [first, *(item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own), *common]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {item.name: item.annotation for item in parameters}
    return run

"""``open-analytic serve``: the inference service, for SQL and for other machines."""

import dataclasses
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from open_analytic.cli.context import Context
from open_analytic.cli.failures import hide
from open_analytic.cli.output import print_json, say
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, UnreadableFile

if TYPE_CHECKING:
    from open_analytic.service.server import ListenOptions

WEB = "127.0.0.1:8000"

Folder = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the Unix sockets http.sock and .s.PGSQL.5433. Default: the embedded server's own, "
        "else /run/open_analytic or $XDG_RUNTIME_DIR/open_analytic.",
        show_default=False,
    ),
]
Group = Annotated[str | None, typer.Option(help="Group that can use the Unix sockets, besides you.")]
Tcp = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Serve HTTP over TCP too. Needs a token.")]
WireTcp = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Serve dblink over TCP too, unencrypted. Needs a token."),
]
Web = Annotated[bool, typer.Option("--web", help=f"Serve the pages on this machine, at {WEB}.")]
WebTcp = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Serve the pages there. Elsewhere than on this machine they need a token."),
]
UrlQueries = Annotated[
    bool, typer.Option("--url-queries", help="Let the pages fetch pictures by URL, from public addresses only.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="File with the token asked for over TCP. Default: OPEN_ANALYTIC_SERVICE_TOKEN.", show_default=False
    ),
]
Certificate = Annotated[Path | None, typer.Option(help="Certificate (PEM) for --tcp and --web-tcp, to speak HTTPS.")]
Key = Annotated[Path | None, typer.Option(help="Its private key, unless the certificate's file has it.")]
Preload = Annotated[
    list[str] | None,
    typer.Option(metavar="PIPELINE", help="Load its models before serving. Repeatable; all for all."),
]
MaxBatch = Annotated[int | None, typer.Option(min=1, help="Pictures of several callers a model is given at once.")]
MaxWait = Annotated[int | None, typer.Option(min=0, help="Milliseconds a picture waits for others on their way.")]
Queue = Annotated[int | None, typer.Option(min=1, help="Calls under way at most; more are refused.")]
IdleUnload = Annotated[int | None, typer.Option(min=0, help="Seconds until an unused model is unloaded; 0: never.")]
Drain = Annotated[int | None, typer.Option(min=0, help="Seconds that calls under way can take after a signal to stop.")]
Companion = Annotated[int | None, typer.Option(hidden=True, help="Descriptor of the lock of an embedded server's own.")]


def serve(
    context: Context,
    folder: Folder = None,
    group: Group = None,
    web: Web = False,
    web_tcp: WebTcp = None,
    url_queries: UrlQueries = False,
    tcp: Tcp = None,
    wire_tcp: WireTcp = None,
    token_file: TokenFile = None,
    ssl_certfile: Certificate = None,
    ssl_keyfile: Key = None,
    preload: Preload = None,
    max_batch: MaxBatch = None,
    max_wait_ms: MaxWait = None,
    queue: Queue = None,
    idle_unload_s: IdleUnload = None,
    drain_s: Drain = None,
    companion: Companion = None,
) -> None:
    """Run the inference service: for SQL, for HTTP, for other machines. With --web it has pages for the browser.

    It prints where it listens, then ready. SIGTERM or Ctrl-C stops it once calls under way are finished.
    The embedded database starts one by itself; one you start takes its place, with --folder it serves beside that.
    """
    from open_analytic.service.server import ListenOptions

    limits = {"max_batch": max_batch, "max_wait_ms": max_wait_ms, "queue": queue, "idle_unload_s": idle_unload_s}
    token = _token(token_file) if token_file else None
    settings = _with(context.settings, **limits, drain_s=drain_s, token=token, url_queries=1 if url_queries else None)
    listen = ListenOptions(
        folder=folder.absolute() if folder else None,
        group=group,
        http=_address(tcp, "--tcp"),
        wire=_address(wire_tcp, "--wire-tcp"),
        web=_address(web_tcp or (WEB if web else None), "--web-tcp"),
        ssl_certfile=ssl_certfile,
        ssl_keyfile=ssl_keyfile,
    )
    _run(context, settings, listen, preload or [], companion)


def _run(
    context: Context, settings: Settings, listen: "ListenOptions", preload: Sequence[str], companion: int | None
) -> None:
    _log(context)
    if companion is not None:
        from open_analytic.serve import background

        background.run(settings, companion, started=partial(_tell, context, False))
        return
    from open_analytic.serve import application

    _check_certificate(listen)
    application.run(settings, listen, preload=preload, started=partial(_tell, context, listen.web is not None))


def _with(settings: Settings, **options: int | str | None) -> Settings:
    """The settings with those of the service that were given."""
    named: dict[str, Any] = {f"service_{name}": value for name, value in options.items() if value is not None}
    return dataclasses.replace(settings, **named)


def _tell(context: Context, pages: bool, addresses: Sequence[str]) -> None:
    if context.json:
        print_json({"listening": list(addresses), "ready": True})
    else:
        for address in addresses:
            say(address)
        say("ready")
        if pages and sys.stdout.isatty():
            place = next(address for address in reversed(addresses) if address.startswith("http"))
            say(f"Open {place} in a browser. Ctrl-C stops the service.")
    sys.stdout.flush()


def _address(text: str | None, option: str) -> tuple[str, int] | None:
    """Host and port; an IPv6 address stands in brackets."""
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise BadParameter(f"{option} {text!r} is not HOST:PORT.", hint=f"For example {option} 127.0.0.1:8000.")
    return host, int(port)


def _token(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UnreadableFile(f"The token in {str(file)!r} cannot be read: {reason}.") from error
    if mode & 0o007:
        raise BadParameter(f"Everybody on this machine can read the token in {str(file)!r}.", hint=f"chmod o= {file}")
    if not text or not text.isascii() or not text.isprintable():
        raise BadParameter(f"{str(file)!r} holds no token.", hint=f"For example: openssl rand -hex 32 > {file}")
    return text


def _check_certificate(listen: "ListenOptions") -> None:
    """Refuse what TLS cannot be spoken with, before anything is opened."""
    import ssl

    if (listen.ssl_certfile or listen.ssl_keyfile) and not ((listen.http or listen.web) and listen.ssl_certfile):
        raise BadParameter(
            "A certificate is for HTTP over TCP.", hint="Give --ssl-certfile together with --tcp or --web-tcp."
        )
    if listen.ssl_certfile:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(listen.ssl_certfile, listen.ssl_keyfile)
        except OSError as error:  # ssl.SSLError is one
            raise BadParameter(
                f"TLS cannot be spoken with {str(listen.ssl_certfile)!r}: {error.strerror or error}.",
                hint="Give a certificate and its private key in PEM: --ssl-certfile, --ssl-keyfile.",
            ) from error


class _Handler(logging.StreamHandler[TextIO]):
    """Lines with the time, for a log; what we do is in it, of others only what is wrong."""

    def __init__(self, context: Context) -> None:
        super().__init__(sys.stderr)
        self._context = context
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def filter(self, record: logging.LogRecord) -> bool:
        least = logging.WARNING if not self._context.verbose else logging.DEBUG
        return record.levelno >= least or record.name.startswith("open_analytic")

    def format(self, record: logging.LogRecord) -> str:
        return hide(super().format(record), self._context.dsn)


def _log(context: Context) -> None:
    top = logging.getLogger()
    top.handlers = [_Handler(context)]
    top.setLevel(logging.DEBUG if context.verbose > 1 else logging.INFO)

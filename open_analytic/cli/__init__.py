"""The command line: one file a noun."""


def main() -> None:
    """Run the command line; errors become one line, a hint and an exit code."""
    try:
        from open_analytic.cli import streams

        streams.prepare()
        streams.interrupt_at_once()
    except KeyboardInterrupt:  # before anybody listens for it
        raise SystemExit(130) from None
    from open_analytic.cli.root import run

    run()

"""The command line: one file a noun."""


def main() -> None:
    """Run the command line; errors become one line, a hint and an exit code."""
    from open_analytic.cli import streams

    streams.prepare()
    streams.interrupt_at_once()
    from open_analytic.cli.root import run

    run()

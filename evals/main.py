"""What the command `recnet` runs: the command line, and before it nothing that takes time."""

import signal


def main() -> None:
    """Run the command line; a Ctrl-C while it is still being read ends it without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from evals.cli import app  # noqa: PLC0415 - takes seconds

    signal.signal(signal.SIGINT, signal.default_int_handler)
    app()

"""The `ringback` command's way in."""

import signal


def main() -> None:
    """Run the command; what the user can put right is one line, without a traceback."""
    # Until a command says otherwise, Ctrl-C ends us silently, also while the imports run.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cli.commands import app  # noqa: PLC0415 - see above
    from core.starting import errors_in_one_line  # noqa: PLC0415 - see above

    with errors_in_one_line():
        app()

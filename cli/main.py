"""The `ringback` command's way in."""

import signal
import sys


def main() -> None:
    """Run the command; what the user can put right is one line, without a traceback."""
    # Until a command says otherwise, Ctrl-C ends us silently, also while the imports run.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cli.commands import app  # noqa: PLC0415 - see above
    from cli.failure import CommandError  # noqa: PLC0415 - see above
    from core.model.start_error import StartError  # noqa: PLC0415 - see above

    try:
        app()
    except (CommandError, StartError) as error:
        sys.stderr.write(f"ringback: {error}\n")
        sys.exit(error.code if isinstance(error, CommandError) else 1)

"""How a command ends badly: one line, and a code that a script can go by."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The codes of `ringback`; 2 is what a wrong command line ends with, 130 what Ctrl-C does."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    FAILED = 4


class CommandError(Exception):
    """A command that cannot go on, or that did what it was told and found something failed."""

    def __init__(self, line: str, code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(line)
        self.code = code

"""The one error of a start."""


class StartError(Exception):
    """A process cannot start; the message is one line for whoever can put that right."""

"""How a process starts: with settings that it can work with, or with one line that says what is wrong."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

from pydantic import ValidationError

from core.model.start_error import StartError
from core.settings import Settings


@contextmanager
def errors_in_one_line() -> Generator[None]:
    """Exit with one line, without a traceback, for what the user can put right."""
    try:
        yield
    except StartError as error:
        sys.exit(f"ringback: {error}")


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        StartError: one of them is wrong.
    """
    try:
        return Settings.model_validate({})  # reads the environment, as `Settings()` does
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise StartError(f"RINGBACK_{name}: {first['msg']}") from error

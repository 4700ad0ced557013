"""Which release this is."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _version() -> str:
    try:
        return version("ringback")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0+checkout"


VERSION: Final = _version()

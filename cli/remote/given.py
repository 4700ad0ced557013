"""JSON that stands on the command line, in a file, or in standard input."""

import json
import sys
from pathlib import Path
from typing import cast

from cli.failure import CommandError, ExitCode


def read_json(text: str, *, option: str) -> object:
    """Return what a text says; `@path` names a file, `-` standard input.

    Raises `CommandError` for what cannot be read or is no JSON, which has no infinite number and no half of a pair.
    """
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        found: object = json.loads(text)
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()  # else it could not be sent
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{option}: {error}", ExitCode.USAGE) from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{option} is not JSON: {error}", ExitCode.USAGE) from error
    return found


def read_object(text: str, *, option: str) -> dict[str, object]:
    """Return the JSON object that a text holds, as `read_json` reads it; raise `CommandError` for anything else."""
    found = read_json(text, option=option)
    if not isinstance(found, dict):
        raise CommandError(f"{option} is no JSON object", ExitCode.USAGE)
    return cast("dict[str, object]", found)

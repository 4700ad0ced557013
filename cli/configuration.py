"""Writes `docs/configuration.md` from the settings' own descriptions.

`python -m cli.configuration` writes it; with `--check` it only says whether the file is in step, by its exit code.
"""

import sys
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path
from types import NoneType, UnionType
from typing import Final, Literal, cast, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from core.settings import Settings

PAGE: Final = Path("docs/configuration.md")
_HEAD: Final = """# Configuration

<!-- Written by `python -m cli.configuration` from core/settings.py. -->

Every setting is an environment variable. Those that are lists are separated by commas.

| variable | type | default | meaning |
| --- | --- | --- | --- |
"""
_NAMES: Final = {
    bool: "`true` or `false`",
    int: "integer",
    float: "number",
    str: "text",
    SecretStr: "secret text",
    Path: "path",
    IPv4Network: "network",
}


def configuration_page() -> str:
    """Return the whole page."""
    return _HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def main(args: Sequence[str]) -> int:
    """Write the page, or with `--check` compare it; return the exit code."""
    page = configuration_page()
    if "--check" not in args:
        PAGE.write_text(page)
        return 0
    if PAGE.exists() and PAGE.read_text() == page:
        return 0
    sys.stderr.write(f"{PAGE} is out of step: run python -m cli.configuration\n")
    return 1


def _row(name: str, field: FieldInfo) -> str:
    description = (field.description or "").replace("|", "\\|")
    return f"| `RINGBACK_{name.upper()}` | {_type_name(field.annotation)} | {_default(field)} | {description} |\n"


def _type_name(annotation: object) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in args)
    if origin is tuple:
        return f"list of {_type_name(args[0])}s"
    if origin is UnionType or NoneType in args:
        return _type_name(next(part for part in args if part is not NoneType))
    return next(name for kind, name in _NAMES.items() if annotation is kind)


def _default(field: FieldInfo) -> str:
    value: object = field.get_default()
    if value is None:
        return "unset"
    if isinstance(value, tuple):
        parts = cast("tuple[object, ...]", value)
        return f"`{','.join(map(str, parts))}`" if parts else "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

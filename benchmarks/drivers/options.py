"""What every driver's command line has, and how a result leaves."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar, cast

import msgspec

from benchmarks.instruments.ceilings import ceilings
from benchmarks.instruments.machine import describe

SIZE: Final = 1000
"""Bytes of padding in each event's data."""

S = TypeVar("S", bound=msgspec.Struct)


def read(name: str, description: str | None, arguments: Sequence[str], *, whole: S, quick: S) -> S:
    """Return the settings of a run: those of `whole`, or of `quick` with `--quick`, and what was named beside it.

    Each field is an option; several values have commas between them.
    """
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}", description=description, formatter_class=formatter
    )
    parser.add_argument("--quick", action="store_true", help="a smaller run of some 20 seconds")
    for field in msgspec.structs.fields(whole):
        told = _told(getattr(whole, field.name))
        parser.add_argument(f"--{field.name.replace('_', '-')}", metavar=told, help=f"unless told: {told}")
    named = cast("dict[str, str | None]", vars(parser.parse_args(arguments)))
    base = quick if named.pop("quick") else whole
    return _with(base, {field: text for field, text in named.items() if text is not None})


def result(name: str, settings: msgspec.Struct, figures: Mapping[str, object]) -> dict[str, object]:
    """Return a result with where and with what it was measured, and what the instruments could have done."""
    return {"benchmark": name, **describe(), "settings": settings, "ceilings": ceilings(), **figures}


def show(found: Mapping[str, object]) -> None:
    """Print a result as JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")


def say(line: str) -> None:
    """Tell on standard error how far it is."""
    sys.stderr.write(f"{line}\n")


def _told(value: object) -> str:
    return ",".join(map(str, cast("tuple[object, ...]", value))) if isinstance(value, tuple) else str(value)


def _with(base: S, named: Mapping[str, str]) -> S:
    values: dict[str, object] = msgspec.structs.asdict(base)
    for field, text in named.items():
        values[field] = tuple(text.split(",")) if isinstance(values[field], tuple) else text
    return msgspec.convert(values, type(base), strict=False)

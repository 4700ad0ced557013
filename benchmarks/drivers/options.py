"""What every driver's command line has, and how a result leaves."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar, cast

import msgspec

from benchmarks.instruments.ceilings import ceilings
from benchmarks.instruments.machine import describe
from benchmarks.report import page

SIZE: Final = 1000
"""Bytes of padding in each event's data."""

S = TypeVar("S", bound=msgspec.Struct)


def run(
    name: str,
    description: str | None,
    arguments: Sequence[str],
    measure: Callable[[S], Mapping[str, object]],
    *,
    whole: S,
    quick: S,
) -> None:
    """Measure with the settings that were asked for and print the result; with `--record`, put it into the docs too.

    The settings are those of `whole`, or of `quick` with `--quick`, and what was named beside it: each field is an
    option, several values have commas between them.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=description)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a smaller run of some 20 seconds")
    parser.add_argument("--record", action="store_true", help="write the result, its table and plot into docs")
    for field in msgspec.structs.fields(whole):
        told = _told(getattr(whole, field.name))
        parser.add_argument(f"--{field.name.replace('_', '-')}", metavar=told, help=f"unless told: {told}")
    named = vars(parser.parse_args(arguments))
    base, record = quick if named.pop("quick") else whole, bool(named.pop("record"))
    settings = _with(base, {field: str(text) for field, text in named.items() if text is not None})
    written = _document(name, settings, measure(settings))
    sys.stdout.write(written)
    if record:
        page.record(name, written)


def _document(name: str, settings: msgspec.Struct, figures: Mapping[str, object]) -> str:
    """Return a result with where and with what it was measured, and what the instruments could have done."""
    found = {"benchmark": name, **describe(), "settings": settings, "ceilings": ceilings(), **figures}
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"


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

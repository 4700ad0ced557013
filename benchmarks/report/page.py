"""docs/benchmarks.md, written from the results in docs/benchmarks."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import msgspec

from benchmarks.report.plots import plot
from benchmarks.report.tables import COLUMNS, table

DOCS: Final = Path("docs")
_MARK: Final = "<!-- What follows is written by `python -m benchmarks NAME --record`. -->"
_BESIDE: Final = {
    "ratio_of_cpu": "CPU of the tutorial's design for a delivered event, as a multiple of Ringback's, median of rounds",
    "backlog": "The backlog",
    "first_page": "The first page in Chromium, medians",
}


def record(name: str, written: str, docs: Path = DOCS) -> None:
    """Keep a result, draw its plot, and write the page anew; what stands above its mark stays."""
    folder, file = docs / "benchmarks", docs / "benchmarks.md"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(written)
    (folder / f"{name}.svg").write_bytes(plot(name, _rows(_read(folder / f"{name}.json"))))
    above = file.read_text().partition(_MARK)[0]
    results = [_read(folder / f"{one}.json") for one in COLUMNS if (folder / f"{one}.json").exists()]
    file.write_text("\n\n".join([above + _MARK, *map(_section, results)]) + "\n")


def _section(result: Mapping[str, object]) -> str:
    name = str(result["benchmark"])
    described = importlib.import_module(f"benchmarks.drivers.{name}").__doc__ or ""
    parts = [
        f"## {name}",
        described.strip(),
        table(COLUMNS[name], _rows(result)),
        *(f"{told}: {_words(result[field])}." for field, told in _BESIDE.items() if field in result),
        f"![{name}](benchmarks/{name}.svg)",
        _where(name, result),
    ]
    return "\n\n".join(parts)


def _where(name: str, result: Mapping[str, object]) -> str:
    machine = cast("Mapping[str, object]", result["machine"])
    place = f"Commit {result['commit']}, {machine['cores']} cores of {machine['cpu']}, {machine['system']}."
    settings, ceilings = _words(result["settings"]), _words(result["ceilings"])
    return (
        f"{place} Settings: {settings}. Ceilings of the instruments: {ceilings}. [Everything](benchmarks/{name}.json)"
    )


def _words(value: object) -> str:
    """Return figures as text."""
    match value:
        case dict():
            named = cast("dict[str, object]", value)
            return ", ".join(f"{name.replace('_', ' ')} {_words(one)}" for name, one in named.items() if one != "")
        case list():
            return "/".join(_words(one) for one in cast("list[object]", value))
        case int() | float():
            return f"{value:,}"
        case _:
            return str(value)


def _rows(result: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", result["rows"])


def _read(file: Path) -> Mapping[str, object]:
    return msgspec.json.decode(file.read_bytes(), type=dict[str, object])

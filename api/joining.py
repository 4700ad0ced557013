"""Fewer files for a browser to ask for: the scripts of the first page as one, and the style sheets as one.

Each request costs a browser some milliseconds: a page of thirty small files takes a third of its time for them. The
scripts stay apart where they are written, and are joined when the process starts, into plain JavaScript: each becomes
a function that is called once and gives back what it exports. They keep to the few forms of `import` and `export` that
stand below, so that a line is enough to know one; any other is refused.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from posixpath import dirname, normpath, relpath
from typing import Final

_FROM: Final = r' from "(?P<path>\.[^"]+)";$'
_NAMES: Final = r"\{ (?P<names>\w+(?:, \w+)*) \}"
_IMPORT: Final = re.compile(rf"^import (?:{_NAMES}|(?P<default>\w+)){_FROM}", re.MULTILINE)
_EXPORT: Final = re.compile(
    rf"^export (?:(?=(?:async function|function|class|const) (?P<name>\w+))|{_NAMES}(?:{_FROM}|;$))", re.MULTILINE
)
_FETCH: Final = re.compile(r'\bimport\("(?P<path>\.[^"]+)"\)')
_LEFT: Final = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_NAMED: Final = re.compile(r'\bfrom "(?P<path>\.[^"]+)"')
_HELD: Final = "modules"


class UnknownFormError(ValueError):
    """A script imports or exports in a way that is not understood here, or in a circle."""


def join_scripts(scripts: Mapping[str, str], parts: Collection[str], main: str) -> dict[str, str]:
    """Return each script by its path, with `parts` joined into `main`; the others import them from there.

    What is needed but not one of the parts (a vendored module) is imported as it is. Raises `UnknownFormError`.
    """
    joined = {*parts, main}
    outside = sorted({path for name in joined for path in _needed(name, scripts[name])} - joined)
    held = joined.union(outside)
    lines = [f'import * as outside{at} from "{_way(main, path)}";\n' for at, path in enumerate(outside)]
    known = ", ".join(f'"{path}": outside{at}' for at, path in enumerate(outside))
    lines.append(f"export const {_HELD} = {{ {known} }};\n")
    order = [*_in_order(scripts, sorted(joined - {main})), main]
    lines += [_as_function(name, scripts[name], held, main) for name in order]
    others = {name: _taking(name, text, joined, main) for name, text in scripts.items() if name not in joined}
    return {**others, main: "".join(lines)}


def _in_order(scripts: Mapping[str, str], joined: Sequence[str]) -> list[str]:
    """Return the scripts to join, each after all that it needs."""
    order: list[str] = []

    def put(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise UnknownFormError(" → ".join((*above, name)))
        if name in joined and name not in order:
            for path in _needed(name, scripts[name]):
                put(path, (*above, name))
            order.append(name)

    for name in joined:
        put(name, ())
    return order


def _as_function(name: str, text: str, held: Collection[str], main: str) -> str:
    """Return a script as a function that is called once and gives back what the script exports."""
    given: list[str] = []

    def export(match: re.Match[str]) -> str:
        given.extend([match["name"]] if match["name"] else match["names"].split(", "))
        return _taken(name, match) if match["path"] else ""

    body = _EXPORT.sub(export, _IMPORT.sub(lambda match: _taken(name, match), text))
    body = _FETCH.sub(_fetching(name, held, main), body)
    left = _LEFT.search(body)
    if left is not None:
        raise UnknownFormError(f"{name}: {left[0]}")
    return f'{_HELD}["{name}"] = (() => {{\n{body}return {{ {", ".join(given)} }};\n}})();\n'


def _taking(name: str, text: str, joined: Collection[str], main: str) -> str:
    """Return a script that stays apart, with what is joined taken from there."""

    def take(match: re.Match[str]) -> str:
        return _taken(name, match) if _place(name, match["path"]) in joined else match[0]

    body = _FETCH.sub(_fetching(name, joined, name), _IMPORT.sub(take, text))
    left = [match[0] for match in _NAMED.finditer(body) if _place(name, match["path"]) in joined]
    if left:
        raise UnknownFormError(f"{name}: {left[0]}")
    return body if body == text else f'import {{ {_HELD} }} from "{_way(name, main)}"; {body}'


def _needed(name: str, text: str) -> list[str]:
    """Return the paths of what a script cannot run without."""
    found = [*_IMPORT.finditer(text), *_EXPORT.finditer(text)]
    return [_place(name, match["path"]) for match in found if match["path"]]


def _taken(name: str, match: re.Match[str]) -> str:
    names = match["names"] or f"default: {match['default']}"
    return f'const {{ {names} }} = {_HELD}["{_place(name, match["path"])}"];'


def _fetching(name: str, held: Collection[str], main: str) -> Callable[[re.Match[str]], str]:
    """Return what makes a fetch at run time one that works from `main`, or needs no request."""

    def fetch(match: re.Match[str]) -> str:
        path = _place(name, match["path"])
        return f'Promise.resolve({_HELD}["{path}"])' if path in held else f'import("{_way(main, path)}")'

    return fetch


def _place(name: str, path: str) -> str:
    """Return where a path leads to that stands in a script."""
    return normpath(f"{dirname(name)}/{path}").lstrip("/")


def _way(name: str, path: str) -> str:
    """Return the path that has to stand in a script to lead there."""
    way = relpath(path, dirname(name) or ".")
    return way if way.startswith(".") else f"./{way}"

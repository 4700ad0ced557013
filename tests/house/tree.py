"""The repository as its house rules see it: files, modules, functions."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PRODUCT: Final = ("api", "core", "workers", "cli", "migrations")
CODE: Final = (*PRODUCT, "tests", "examples", "clients")
GENERATED: Final = ("clients/python/ringback/generated/", "clients/python/ringback/_sync/")
"""Written by `make clients`: nobody reads it to change it."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method; its lines are counted from `def` to the last one."""

    name: str
    lines: int


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file; `path` is relative to the repository, with slashes."""

    path: str
    text: str

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return len(self.text.splitlines())

    @property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return _parsed(self)

    def functions(self) -> Iterator[Function]:
        """Yield its functions and methods, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield Function(f"{self.path}::{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)

    def imports(self) -> Iterator[str]:
        """Yield what it imports, by its full dotted name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def calls(self) -> Iterator[str]:
        """Yield what it calls, as written: `sleep`, `time.sleep`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func)

    def strings(self) -> Iterator[str]:
        """Yield its string constants and the constant parts of its f-strings, without docstrings."""
        documentation = {id(node) for node in _docstrings(self.tree)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                yield node.value

    def definitions(self) -> set[str]:
        """Return the names that it defines: `f`, `C`, `C.f`, and its constants."""
        return set(_definitions(self.tree, ""))


@cache
def _parsed(module: Module) -> ast.Module:
    return ast.parse(module.text, module.path)


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield every string that stands alone: docstrings, of attributes too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            yield node.value


def _definitions(node: ast.AST, prefix: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            yield prefix + child.name
            yield from _definitions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))


@cache
def files() -> tuple[str, ...]:
    """Return every file of the repository, committed or about to be, but none that git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()))


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Return the Python modules under these folders; with none, under all that hold code."""
    wanted = tuple(f"{folder}/" for folder in folders or CODE)
    return tuple(
        Module(name, (ROOT / name).read_text(encoding="utf-8"))
        for name in files()
        if name.endswith(".py") and name.startswith(wanted) and not name.startswith(GENERATED)
    )


@cache
def texts() -> dict[str, str]:
    """Return every text file of the repository."""
    found: dict[str, str] = {}
    for name in files():
        raw = (ROOT / name).read_bytes()
        if b"\0" not in raw:
            found[name] = raw.decode("utf-8")
    return found

"""The codes of problems that the code can emit, read from its classes and its source."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import api
import core
from core.model.errors import RingbackError

CALLS = {"ProblemError": 1, "problem": 2}
"""What makes a problem, and where its code stands among the arguments."""
API = Path(next(iter(api.__path__)))


def emitted_codes() -> list[str]:
    """Return the codes of all the domain's errors, and those that the API names itself."""
    for package in (api, core):
        _load(package)
    return sorted({kind.code for kind in _below(RingbackError)} | set(_named()))


def _load(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _below(kind: type[RingbackError]) -> Iterator[type[RingbackError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def _named() -> Iterator[str]:
    for path in API.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            yield from _code(node)
            yield from _by_status(node)


def _code(node: ast.AST) -> Iterator[str]:
    """Give the code of a call that makes a problem."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
        code = node.args[CALLS[node.func.id]]
        if isinstance(code, ast.Constant):
            yield str(code.value)


def _by_status(node: ast.AST) -> Iterator[str]:
    """Give the codes of the errors that the framework raises."""
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "_CODES" and node.value is not None:
        codes: dict[int, str] = ast.literal_eval(node.value)
        yield from codes.values()

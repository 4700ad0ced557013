"""Both clients are in step with the API's document, and know all of its operations."""

import json
import re
from typing import Final, cast

from clients.generate import CLIENTS, DOCUMENT, STAMP, hashes

# What the clients leave to `client.request` and `ringback.http`: what probes read, and what browsers sign in by.
LEFT_OUT: Final = re.compile(r"/healthz|/readyz|/metrics|/problems.*|/v1/session")


def operations() -> set[str]:
    """Return the operations that the clients should have, as `POST /v1/tasks/{}`."""
    paths = cast("dict[str, dict[str, object]]", json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"])
    return {
        f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}"
        for path, methods in paths.items()
        for method in methods
        if not LEFT_OUT.fullmatch(path)
    }


def called_in_python() -> set[str]:
    """Return the operations that the client of Python calls."""
    sources = "\n".join(file.read_text(encoding="utf-8") for file in (CLIENTS / "python/ringback/_async").glob("*.py"))
    named = re.findall(r'"(GET|POST|PUT|PATCH|DELETE)",\s+path\(([^)]*)\)', sources)
    read = r"(?:AsyncPages|events|lines)\(self\._wire, path\(([^)]*)\)"
    listed = [("GET", parts) for parts in re.findall(read, sources)]
    return {f"{method} /v1/{'/'.join(map(_part, parts.split(', ')))}" for method, parts in [*named, *listed]}


def _part(argument: str) -> str:
    return argument.strip('"') if argument.startswith('"') else "{}"


def called_in_typescript() -> set[str]:
    """Return the operations that the client of TypeScript calls."""
    sources = "\n".join(file.read_text(encoding="utf-8") for file in (CLIENTS / "typescript/src").glob("*.ts"))
    named = re.findall(r'http\s*\.(GET|POST|PUT|PATCH|DELETE)\(\s*"([^"]+)"', sources)
    return {f"{method} {re.sub(r'{[^}]*}', '{}', path)}" for method, path in named}


def test_what_is_generated_is_in_step_with_the_document() -> None:
    kept = json.loads(STAMP.read_text(encoding="utf-8"))

    assert hashes() == kept, "run `make clients`"


def test_the_client_of_python_knows_every_operation() -> None:
    assert called_in_python() == operations()


def test_the_client_of_typescript_knows_every_operation() -> None:
    assert called_in_typescript() == operations()

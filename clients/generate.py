"""`python -m clients.generate` brings both clients in step with docs/openapi.json.

Python: models by datamodel-code-generator; the synchronous client from the asynchronous one by unasync.
TypeScript: types by openapi-typescript, which clients/typescript/package-lock.json locks.
`clients/generated.json` keeps the hash of the document and of every generated file.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

from tests.support.node_packages import run_node

CLIENTS: Final = Path(__file__).parent
DOCUMENT: Final = CLIENTS.parent / "docs" / "openapi.json"
STAMP: Final = CLIENTS / "generated.json"
PYTHON: Final = CLIENTS / "python" / "ringback"
TYPESCRIPT: Final = CLIENTS / "typescript"
GENERATED: Final = (PYTHON / "generated", PYTHON / "_sync", TYPESCRIPT / "src" / "generated")

SYNC_NAMES: Final = {
    "AsyncClient": "Client",
    "_async": "_sync",
    "aclose": "close",
    "aclosing": "closing",
    "aiter_text": "iter_text",
    "aread": "read",
    "asynccontextmanager": "contextmanager",
    "async_pause": "pause",
    **{
        f"Async{name}": name
        for name in (
            "DefaultSecret",
            "Deliveries",
            "Endpoints",
            "EventTypes",
            "Events",
            "Keys",
            "Pages",
            "PortalLinks",
            "Ringback",
            "TaskTypes",
            "Tasks",
            "Tenants",
            "Wire",
        )
    },
}
# What the server checks is the server's to say; the models keep shapes.
_CHECKS: Final = frozenset(
    {"title", "examples", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"}
)
_COMMON: Final = (
    "--input-file-type=openapi",
    "--target-python-version=3.11",
    "--enum-field-as-literal=all",
    "--disable-timestamp",
    "--use-schema-description",
    "--collapse-root-models",
    "--formatters=ruff-format",
    "--ignore-pyproject",
)
_MODELS: Final = (
    "--output-model-type=pydantic_v2.BaseModel",
    "--base-class=ringback.base.Model",
    "--openapi-scopes=schemas",
    "--use-field-description",
    "--use-annotated",
    "--extra-fields=allow",
)
_PARAMS: Final = (
    "--output-model-type=typing.TypedDict",
    "--openapi-scopes",
    "schemas",
    "parameters",
    "paths",
    "--use-operation-id-as-name",
    "--no-use-closed-typed-dict",
)

Json = dict[str, object]


def main() -> None:
    """Write every generated file, and their hashes."""
    document = cast("Json", json.loads(DOCUMENT.read_text(encoding="utf-8")))
    _write_models(only(document, told(document)), "models.py", *_MODELS)
    _write_models(only(unanswered(document), asked(document)), "params.py", *_PARAMS)
    _write_sync()
    _write_types()
    STAMP.write_text(json.dumps(hashes(), indent=1) + "\n", encoding="utf-8")


def hashes() -> dict[str, str]:
    """Return the hash of the document and of each generated file, by its path."""
    files = [DOCUMENT, *(file for folder in GENERATED for file in folder.glob("*") if file.is_file())]
    return {
        file.relative_to(CLIENTS.parent).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(files)
    }


def told(document: Json) -> set[str]:
    """Return the schemas of what the API says: in answers, and in webhooks."""
    operations = list(_operations(document, "paths"))
    components = cast("dict[str, Json]", document["components"])
    answers = [operation["responses"] for operation in operations]
    return _closure(document, [answers, components["responses"], document["webhooks"]])


def asked(document: Json) -> set[str]:
    """Return the schemas of what the API takes."""
    return _closure(document, [operation.get("requestBody") for operation in _operations(document, "paths")])


def unanswered(document: Json) -> Json:
    """Return the document without what the operations answer."""
    paths = cast("dict[str, dict[str, Json]]", document["paths"])
    return {
        **document,
        "paths": {
            path: {
                method: {name: value for name, value in operation.items() if name != "responses"}
                for method, operation in methods.items()
            }
            for path, methods in paths.items()
        },
        "webhooks": {},
    }


def only(document: Json, names: Iterable[str]) -> Json:
    """Return a document that has these schemas alone, without what only a server checks."""
    components = cast("dict[str, Json]", document["components"])
    kept = {name: components["schemas"][name] for name in sorted(names)}
    return cast("Json", _bare({**document, "components": {**components, "schemas": kept}}))


def _operations(document: Json, section: str) -> Iterator[Json]:
    for methods in cast("dict[str, Json]", document[section]).values():
        yield from (cast("Json", operation) for operation in methods.values() if isinstance(operation, dict))


def _closure(document: Json, roots: object) -> set[str]:
    schemas = cast("dict[str, dict[str, object]]", document["components"])["schemas"]
    found: set[str] = set()
    waiting = set(_references(roots))
    while waiting:
        found |= waiting
        waiting = {name for one in waiting for name in _references(schemas[one])} - found
    return found


def _references(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        mapping = cast("Mapping[str, object]", node)
        reference = str(mapping.get("$ref", ""))
        if reference.startswith("#/components/schemas/"):
            yield reference.rpartition("/")[2]
        yield from (name for value in mapping.values() for name in _references(value))
    elif isinstance(node, list):
        yield from (name for value in cast("list[object]", node) for name in _references(value))


def _bare(node: object) -> object:
    if isinstance(node, Mapping):
        mapping = cast("Mapping[str, object]", node)
        return {name: _bare(value) for name, value in mapping.items() if not _is_check(name, value)}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_bare(value) for value in cast("Sequence[object]", node)]
    return node


def _is_check(name: str, value: object) -> bool:
    return name in _CHECKS and not isinstance(value, Mapping)  # a property may have such a name


def _write_models(document: Json, name: str, *options: str) -> None:
    with TemporaryDirectory() as directory:
        source = Path(directory, "openapi.json")
        source.write_text(json.dumps(document), encoding="utf-8")
        command = [sys.executable, "-m", "datamodel_code_generator", f"--input={source}"]
        target = PYTHON / "generated" / name
        subprocess.run([*command, f"--output={target}", *_COMMON, *options], check=True)


def _write_sync() -> None:
    """Make the synchronous client: tokens are replaced one for one, strings and comments stay."""
    import unasync  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs] - needed here alone

    rule = unasync.Rule(f"{PYTHON}/_async/", f"{PYTHON}/_sync/", additional_replacements=SYNC_NAMES)
    unasync.unasync_files([str(file) for file in sorted((PYTHON / "_async").glob("*.py"))], [rule])  # pyright: ignore[reportUnknownMemberType] - untyped
    subprocess.run([sys.executable, "-m", "ruff", "check", "--fix", "-q", "--select=I", PYTHON / "_sync"], check=True)
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", PYTHON / "_sync"], check=True)


def _write_types() -> None:
    target = TYPESCRIPT / "src" / "generated" / "schema.ts"
    target.parent.mkdir(parents=True, exist_ok=True)
    done = run_node(TYPESCRIPT, "openapi-typescript/bin/cli.js", str(DOCUMENT), "--output", str(target))
    if done.returncode:
        raise RuntimeError(done.stderr)


if __name__ == "__main__":
    main()

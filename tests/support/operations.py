"""Every operation of the API, as its OpenAPI document lists them, with a request that each would take."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import httpx

from api.app import create_app
from core.settings import Settings

Schema = Mapping[str, object]
DOCUMENT: Schema = create_app(Settings()).openapi()
_WORDS: Mapping[str, object] = {"string": "x", "boolean": False, "array": [], "null": None}
_JSON = "application/json"
_STREAM = "text/event-stream"
FIRST_WORDS = 0.5


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    described: Schema = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def names(self) -> set[str]:
        """The parameters in its path."""
        return set(re.findall(r"{(\w+)}", self.path))

    @property
    def filters(self) -> set[str]:
        """The parameters of its query."""
        given = cast("Sequence[Schema]", self.described.get("parameters", ()))
        return {str(one["name"]) for one in given if one["in"] == "query"}

    def request(self, client: httpx.AsyncClient, things: Mapping[str, str], **headers: str) -> httpx.Request:
        """Return a request for one of these things, with the least body that the description allows."""
        unknown = self.names - set(things)
        assert not unknown, f"{self}: say in tests/support/things.py how to make a thing for {sorted(unknown)}"
        content: bytes | None = None
        if (media_type := self._media_type()) is not None:
            headers = {"Content-Type": media_type, **headers}
            body = cast("Mapping[str, Mapping[str, Mapping[str, Schema]]]", self.described["requestBody"])
            content = json.dumps(least(body["content"][media_type]["schema"])).encode()
        return client.build_request(self.method, self.path.format_map(things), content=content, headers=headers)

    def _media_type(self) -> str | None:
        body = cast("Mapping[str, Schema]", self.described.get("requestBody", {}))
        offered = list(body.get("content", {}))
        return _JSON if _JSON in offered else next(iter(offered), None)


def least(schema: Schema) -> object:
    """Return the least value that a schema allows: an example, a default, or what is required."""
    if "$ref" in schema:
        return least(_resolved(str(schema["$ref"])))
    for name in ("examples", "enum", "anyOf", "oneOf", "allOf"):
        if given := cast("Sequence[object]", schema.get(name, ())):
            return least(cast("Schema", given[0])) if name.endswith("Of") else given[0]
    if "default" in schema:
        return schema["default"]
    if schema.get("type") == "object":
        properties = cast("Mapping[str, Schema]", schema.get("properties", {}))
        return {name: least(properties[name]) for name in cast("Sequence[str]", schema.get("required", ()))}
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    return schema.get("const", schema.get("minimum", _WORDS.get(str(schema.get("type")), 1)))


def _resolved(reference: str) -> Schema:
    found = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = cast("Schema", found[part])
    return found


OPERATIONS = [
    Operation(method.upper(), path, described)
    for path, operations in cast("Mapping[str, Mapping[str, Schema]]", DOCUMENT["paths"]).items()
    for method, described in operations.items()
    if path.startswith("/v1/")
]


async def beginning(client: httpx.AsyncClient, request: httpx.Request) -> tuple[httpx.Response, str]:
    """Send a request; return its answer and the text of it, of a stream what comes in half a second."""
    answer = await client.send(request, stream=True)
    try:
        if not answer.headers.get("content-type", "").startswith(_STREAM):
            return answer, (await answer.aread()).decode()
        text = ""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_WORDS):
                async for chunk in answer.aiter_text():
                    text += chunk
        return answer, text
    finally:
        await answer.aclose()

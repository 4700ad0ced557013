"""What holds for every operation of the OpenAPI document, put on it here, so that no route has to say it.

The errors that can occur, the headers of its answers, an example for each body, and where `GET` honours ETags.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final, cast

from api.problem_types import PROBLEM_TYPES
from api.reference.examples import Examples, Json
from api.reference.headers import HEADERS, IF_NONE_MATCH, of_answer, of_error, references
from api.schemas.fields import NO_NUL

PROBLEM: Final = "application/problem+json"
JSON: Final = "application/json"
_BOUNDS: Final = {"enum", "format", "pattern"}
_UNUSED: Final = ("HTTPValidationError", "ValidationError")
"""FastAPI's own description of a 422."""
_MODEL: Final = {"$ref": "#/components/schemas/Problem"}
_PARAMETERS: Final[Mapping[str, object]] = {
    "attempt": "att_01jz8f6kq3e5v9t2w4x6y8z0ab",
    "code": "not-found",
    "cursor": "AZEF2d5cfZ2VdK5lnqBrywGRBdneXH2dlXSuZZ6ga8tuQ1hy",
    "delivery": "dlv_01jz8f6kq3e5v9t2w4x6y8z0ab",
    "endpoint": "ep_01jz8f6kq3e5v9t2w4x6y8z0ab",
    "event": "evt_01jz8f6kq3e5v9t2w4x6y8z0ab",
    "key": "key_01jz8f6kq3e5v9t2w4x6y8z0ab",
    "link": "link_01jz8f6kq3e5v9t2w4x6y8z0ab",
    "name": "math.divide",
    "task": "task_01jz8f6kq3e5v9t2w4x6y8z0ab",
    "tenant": "acme",
}


def complete(document: Json) -> None:
    """Complete every operation of the document in place."""
    components = cast("dict[str, Json]", document["components"])
    components["headers"] = dict(HEADERS)
    components["responses"] = {_name(status): _error(status) for status in _statuses()}
    for model in _UNUSED:
        components["schemas"].pop(model, None)
    for model in components["schemas"].values():
        _close_tuples(model)
    examples = Examples(document)
    for path, method, operation in _operations(document):
        operation["summary"] = str(operation["operationId"]).replace("_", " ").capitalize()
        _errors(operation)
        _bodies(operation, examples)
        _parameters(path, operation, examples)
        _answers(path, method, operation, components["schemas"])


def _close_tuples(schema: object) -> None:
    """Say of tuples what all of their items are, for tools that read no `prefixItems` (JSON Schema 2020-12)."""
    if isinstance(schema, dict):
        found = cast("Json", schema)
        if "prefixItems" in found:
            found.setdefault("items", cast("list[Json]", found["prefixItems"])[0])
        for value in found.values():
            _close_tuples(value)


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, operations in cast("dict[str, dict[str, Json]]", document["paths"]).items():
        for method, operation in operations.items():
            yield path, method, operation


def _responses(operation: Json) -> dict[str, Json]:
    return cast("dict[str, Json]", operation["responses"])


def _statuses() -> set[HTTPStatus]:
    """Return the statuses that operations share: 405 is the answer where there is none, 426 is of the export alone."""
    own = {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.UPGRADE_REQUIRED}
    return {kind.status for kind in PROBLEM_TYPES.values()} - own


def _name(status: HTTPStatus) -> str:
    return "".join(word.capitalize() for word in status.name.split("_"))


def _error(status: HTTPStatus) -> Json:
    """Return an error's answer, with an example of each problem type that has this status."""
    kinds = {code: kind for code, kind in PROBLEM_TYPES.items() if kind.status is status}
    examples = {code: {"summary": kind.title, "value": kind.example(code)} for code, kind in kinds.items()}
    described = " ".join(f"{kind.title}." for kind in kinds.values())
    content = {PROBLEM: {"schema": _MODEL, "examples": examples}}
    return {"description": described, "headers": of_error(str(int(status))), "content": content}


def _errors(operation: Json) -> None:
    """Refer to the answers that all operations share, where they can occur; keep what the route describes itself."""
    responses = _responses(operation)
    if any(model in str(responses.get("422")) for model in _UNUSED):
        del responses["422"]
    for status in _expected(operation):
        responses.setdefault(str(int(status)), {"$ref": f"#/components/responses/{_name(status)}"})
    for status, response in responses.items():
        content = cast("dict[str, Json]", response.get("content", {}))
        if any(one.get("schema") == _MODEL for one in content.values()):  # FastAPI names the route's own media type
            known = cast("dict[str, Json]", _error(HTTPStatus(int(status)))["content"])
            response |= {"content": known, "headers": of_error(status)}
            responses[status] = response


def _expected(operation: Json) -> Iterator[HTTPStatus]:
    """Give the errors that can occur, by what the operation takes."""
    sent = {str(one["name"]).lower() for one in cast("list[Json]", operation.get("parameters", []))}
    if "security" in operation:
        yield HTTPStatus.BAD_REQUEST
        yield HTTPStatus.UNAUTHORIZED
        yield HTTPStatus.FORBIDDEN
        yield HTTPStatus.NOT_FOUND
        yield HTTPStatus.TOO_MANY_REQUESTS
        yield HTTPStatus.INTERNAL_SERVER_ERROR
        yield HTTPStatus.SERVICE_UNAVAILABLE
    if "requestBody" in operation or "idempotency-key" in sent:
        yield HTTPStatus.REQUEST_TIMEOUT
        yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if "idempotency-key" in sent:
        yield HTTPStatus.CONFLICT
        yield HTTPStatus.GONE
    if "requestBody" in operation:
        yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    if "security" in operation or "requestBody" in operation:
        yield HTTPStatus.UNPROCESSABLE_ENTITY


def _bodies(operation: Json, examples: Examples) -> None:
    """Show an example of each body that is sent or answered."""
    described = (cast("Json", operation.get("requestBody", {})), *_responses(operation).values())
    for body in described:
        for media_type in cast("dict[str, Json]", body.get("content", {})).values():
            if not {"example", "examples"} & set(media_type) and media_type.get("schema"):
                media_type["example"] = examples.of(cast("Json", media_type["schema"]))


def _parameters(path: str, operation: Json, examples: Examples) -> None:
    for parameter in cast("list[Json]", operation.get("parameters", [])):
        name = str(parameter["name"])
        parameter["schema"] = schema = _without_null(cast("Json", parameter["schema"]))
        if parameter["in"] == "query" and schema.get("type") == "string" and not _BOUNDS & set(schema):
            schema["pattern"] = NO_NUL
        if "example" in parameter or "examples" in parameter:
            continue
        if name in _PARAMETERS:
            parameter["example"] = _PARAMETERS[name]
        elif f"{{{name}}}" in path:
            parameter["example"] = examples.of(parameter["schema"], name)


def _without_null(schema: Json) -> Json:
    """Return what a parameter holds if it is there: no URL and no header can say null."""
    choices = [one for one in cast("list[Json]", schema.get("anyOf", [])) if one.get("type") != "null"]
    if len(choices) != 1:
        return schema
    return {name: value for name, value in schema.items() if name != "anyOf"} | choices[0]


def _answers(path: str, method: str, operation: Json, schemas: Json) -> None:
    """Put headers on the answers; a `GET` of a single thing of the API honours `If-None-Match`."""
    responses = _responses(operation)
    for status, response in tuple(responses.items()):
        if "$ref" in response or int(status) >= HTTPStatus.BAD_REQUEST:
            continue
        paged, json = _is_paged(response, schemas), _has_json(response)
        tagged = path.startswith("/v1/") and method == "get" and json and not paged
        if response["description"] == "Successful Response":
            response["description"] = f"{HTTPStatus(int(status)).phrase}."
        more = cast("Json", response.get("headers", {}))
        response["headers"] = more | of_answer(method, operation, status, tagged=tagged, paged=paged)
        if tagged and "304" not in responses:
            _honour_etags(operation)


def _honour_etags(operation: Json) -> None:
    cast("list[Json]", operation.setdefault("parameters", [])).append(dict(IF_NONE_MATCH))
    headers = references(("X-Request-ID", "ETag", "Retry-After"))
    _responses(operation)["304"] = {"description": "The client has it already.", "headers": headers}


def _has_json(response: Json) -> bool:
    return JSON in cast("Json", response.get("content", {}))


def _is_paged(response: Json, schemas: Json) -> bool:
    content = cast("dict[str, dict[str, Json]]", response.get("content", {}))
    model = str(content.get(JSON, {}).get("schema", {}).get("$ref", "")).rpartition("/")[2]
    return "next_cursor" in cast("dict[str, Json]", cast("Json", schemas.get(model, {})).get("properties", {}))

"""Examples for the OpenAPI document, made from the examples of the schemas' own fields.

Every request and every answer has one without anybody writing it: a field that says `examples=[…]` is shown with the
first of them, one that says nothing with what its name or its type suggests. A model whose fields depend on each other
gives a whole example in its `json_schema_extra`.
"""

from collections.abc import Mapping
from typing import Final, cast

Json = dict[str, object]

MOMENT: Final = "2026-01-31T12:00:00.000Z"
_BY_NAME: Final[Mapping[str, object]] = {
    "address": "203.0.113.7",
    "attempts": 1,
    "attempt_count": 1,
    "body": "ok",
    "checks": {"database": "ok", "redis": "ok", "broker": "ok"},
    "deliveries": 1,
    "description": "Orders of the shop",
    "detail": "Division by zero.",
    "event_type": "order.paid",
    "host": "example.com",
    "input": {"x": 1, "y": 4},
    "input_schema": {"type": "object"},
    "instance": "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e",
    "last_four": "2y3z",
    "max_attempts": 3,
    "message": "2 of 5 steps",
    "metadata": {"order": "42"},
    "name": "backend",
    "next_cursor": "AZEF2d5cfZ2VdK5lnqBrywGRBdneXH2dlXSuZZ6ga8tuQ1hy",
    "output_schema": {"type": "number"},
    "queue": "default",
    "reason": "client",
    "request_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "response_code": 200,
    "last_response_code": 200,
    "result": 0.25,
    "retry_policy": {"schedule": [5, 300, 1800]},
    "slug": "acme",
    "status": 200,
    "title": "Division by zero",
    "trigger": "first",
    "unique_key": "order-42",
    "url": "https://example.com/hook",
}
"""What a field is shown with that has no example of its own."""
_BY_MODEL: Final[Mapping[str, Json]] = {
    "PulledRequestOut": {
        "url": None,
        "headers": {"Content-Type": "application/json", "webhook-id": "evt_01jz8f6kq3e5v9t2w4x6y8z0ab"},
        "body": '{"type":"order.paid","timestamp":"2026-01-31T12:00:00Z","data":{"id":42}}',
    },
    "AttemptOut": {"error": None, "note": None},
    "DeliveryOut": {
        "status": "succeeded",
        "task_id": None,
        "reason": None,
        "waiting_for": None,
        "next_attempt_at": None,
    },
    "DeliveryDetailOut": {
        "status": "succeeded",
        "task_id": None,
        "reason": None,
        "waiting_for": None,
        "next_attempt_at": None,
    },
    "EndpointOut": {"mode": "push", "public_key": None, "filter": None, "owner": None, "disabled_reason": None},
    "NewEndpointOut": {"public_key": None, "filter": None, "owner": None, "disabled_reason": None},
    "ScheduledOut": {"error": None},
    "TaskLinks": {
        "self": "https://ringback.example/v1/tasks/task_01jz8f6kq3e5v9t2w4x6y8z0ab",
        "result": "https://ringback.example/v1/tasks/task_01jz8f6kq3e5v9t2w4x6y8z0ab/result",
        "deliveries": "https://ringback.example/v1/tasks/task_01jz8f6kq3e5v9t2w4x6y8z0ab/deliveries",
    },
    "TaskOut": {
        "type": "math.divide",
        "status": "SUCCESS",
        "error": None,
        "retry_of": None,
        "unique_key": None,
        "webhook_url": None,
    },
}
"""Fields of a model that would contradict each other if each were shown for itself."""
_BY_FORMAT: Final = {"date-time": MOMENT, "uri": "https://example.com/", "binary": "one two three"}
_MISSING: Final = object()


class Examples:
    """Makes examples of the schemas of one document."""

    def __init__(self, document: Json) -> None:
        self._schemas: Final = cast("dict[str, Json]", cast("Json", document["components"])["schemas"])

    def of(self, schema: Json, name: str = "") -> object:
        """Return an example that fits the schema; `name` is that of the field that has it."""
        if "$ref" in schema and "examples" not in schema:
            model = str(schema["$ref"]).rpartition("/")[2]
            return self._with(self.of(self._schemas[model], name), _BY_MODEL.get(model, {}))
        if (told := _told(schema)) is not _MISSING:
            return told
        if choices := _choices(schema):
            return self.of(choices[0], name)
        if schema.get("type") == "object":
            return self._object(schema, name)
        return _BY_NAME[name] if _is_of(schema, _BY_NAME.get(name)) else self._plain(schema, name)

    def _with(self, example: object, values: Json) -> object:
        if not isinstance(example, dict):
            return example
        made = cast("Json", example)
        return made | {field: value for field, value in values.items() if field in made}

    def _object(self, schema: Json, name: str) -> object:
        properties = cast("dict[str, Json]", schema.get("properties", {}))
        if not properties:
            return _BY_NAME[name] if _is_of(schema, _BY_NAME.get(name)) else {}
        required = cast("list[str]", schema.get("required", []))
        shown = {field: one for field, one in properties.items() if field in required or _is_shown(one)}
        return {field: self.of(one, field) for field, one in shown.items()}

    def _plain(self, schema: Json, name: str) -> object:
        match schema.get("type"):
            case "array":
                return [self.of(one, name) for one in _items(schema)]
            case "string":
                return _BY_FORMAT.get(str(schema.get("format")), name.replace("_", " ") or "text")
            case "integer":
                return schema.get("minimum", 1)
            case "number":
                return schema.get("minimum", 1.5)
            case "boolean":
                return False
            case _:
                return None


_TYPES: Final = {"string": str, "integer": int, "number": int | float, "boolean": bool, "object": dict, "array": list}


def _is_of(schema: Json, value: object) -> bool:
    """Tell whether a value is of the schema's type; every value is of a schema that names none."""
    kind = schema.get("type")
    return value is not None and (kind is None or isinstance(value, _TYPES[str(kind)]))


def _told(schema: Json) -> object:
    """Return what the schema itself shows."""
    if examples := cast("list[object]", schema.get("examples", [])):
        return examples[0]
    for keyword in ("example", "const"):
        if keyword in schema:
            return schema[keyword]
    if values := cast("list[object]", schema.get("enum", [])):
        return values[0]
    return schema["default"] if schema.get("default") not in (None, {}) else _MISSING


def _choices(schema: Json) -> list[Json]:
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in schema:
            found = cast("list[Json]", schema[keyword])
            return [one for one in found if one.get("type") != "null"] or found
    return []


def _is_shown(schema: Json) -> bool:
    """Tell whether a field that may be left out has something of its own to show."""
    return any("examples" in one or "enum" in one for one in (schema, *_choices(schema)))


def _items(schema: Json) -> list[Json]:
    if "prefixItems" in schema:
        return cast("list[Json]", schema["prefixItems"])
    return [cast("Json", schema.get("items", {"type": "string"}))]

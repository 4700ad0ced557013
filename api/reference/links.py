"""Links (OpenAPI 3.1, 4.8.20): what can be done next with a thing that was just made or read."""

from collections.abc import Iterator, Mapping
from typing import Final, cast

from api.reference.examples import Json

_IDS: Final[Mapping[str, Mapping[str, str]]] = {
    "DeliveryDetailOut": {"delivery": "id", "event": "event_id"},
    "DeliveryOut": {"delivery": "id", "event": "event_id"},
    "EndpointOut": {"endpoint": "id"},
    "EventOut": {"event": "id"},
    "NewEndpointOut": {"endpoint": "id"},
    "NewKeyOut": {"key": "id"},
    "TaskOut": {"task": "task_id"},
    "TenantOut": {"tenant": "slug"},
}
"""Which parameter of a path is named by which field of an answer."""


def add_links(document: Json) -> None:
    """Link every answer that names a thing to the operations on that thing."""
    operations = [
        one for paths in cast("dict[str, dict[str, Json]]", document["paths"]).values() for one in paths.values()
    ]
    targets = {name: list(_on(operations, name)) for name in {name for ids in _IDS.values() for name in ids}}
    for operation in operations:
        for status, response in cast("dict[str, Json]", operation["responses"]).items():
            if status < "400" and (links := _links(response, targets, str(operation["operationId"]))):
                response["links"] = links


def _on(operations: list[Json], parameter: str) -> Iterator[str]:
    """Give the operations whose path names such a thing, and nothing else."""
    for operation in operations:
        named = [one["name"] for one in cast("list[Json]", operation.get("parameters", [])) if one["in"] == "path"]
        if named == [parameter]:
            yield str(operation["operationId"])


def _links(response: Json, targets: Mapping[str, list[str]], own: str) -> Json:
    content = cast("dict[str, dict[str, Json]]", response.get("content", {}))
    model = str(content.get("application/json", {}).get("schema", {}).get("$ref", "")).rpartition("/")[2]
    return {
        target: {"operationId": target, "parameters": {parameter: f"$response.body#/{field}"}}
        for parameter, field in _IDS.get(model, {}).items()
        for target in targets[parameter]
        if target != own
    }

"""The OpenAPI document: valid, complete, and the one that is committed."""

import json
from typing import cast

import httpx
import pytest
from openapi_spec_validator import validate

from api import openapi
from api.app import create_app
from core.settings import Settings
from tests.support.accounts import Json

CONTRACT = {
    "/v1/tenants": {"get", "post"},
    "/v1/tenants/{tenant}": {"get"},
    "/v1/keys": {"get", "post"},
    "/v1/keys/{key}": {"delete"},
    "/v1/secret": {"get"},
    "/v1/tasks": {"get", "post"},
    "/v1/tasks/{task}": {"get"},
    "/v1/tasks/{task}/result": {"get"},
    "/v1/tasks/{task}/deliveries": {"get"},
    "/v1/task-types": {"get"},
    "/v1/task-types/{name}": {"get"},
    "/v1/endpoints": {"get", "post"},
    "/v1/endpoints/{endpoint}": {"get", "patch", "delete"},
    "/v1/endpoints/{endpoint}/secret": {"get"},
    "/v1/endpoints/{endpoint}/stats": {"get"},
    "/v1/endpoints/{endpoint}/secret/rotate": {"post"},
    "/v1/endpoints/{endpoint}/pause": {"post"},
    "/v1/endpoints/{endpoint}/enable": {"post"},
    "/v1/endpoints/{endpoint}/cancel": {"post"},
    "/v1/deliveries": {"get"},
    "/v1/deliveries/{delivery}": {"get"},
    "/v1/deliveries/{delivery}/attempts": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
}
DOCUMENT: Json = create_app(Settings()).openapi()
PATHS = cast("dict[str, dict[str, Json]]", DOCUMENT["paths"])
OPERATIONS = [(path, method) for path, of in PATHS.items() for method in of]


async def test_the_served_document_is_valid(nobody: httpx.AsyncClient) -> None:
    served = await nobody.get("/openapi.json")

    validate(served.json())
    assert served.json()["openapi"].startswith("3.1")


def test_the_committed_document_is_in_step() -> None:
    assert json.loads(openapi.COMMITTED.read_text()) == json.loads(openapi.document(create_app(Settings())))


@pytest.mark.parametrize("path", CONTRACT)
def test_the_document_holds_the_contracts_operations(path: str) -> None:
    assert CONTRACT[path] <= set(PATHS[path])


def test_the_document_describes_the_webhooks() -> None:
    webhooks = cast("dict[str, dict[str, Json]]", DOCUMENT["webhooks"])

    assert {"task.succeeded", "task.failed"} <= set(webhooks)
    assert {"endpoint.failing", "endpoint.disabled", "delivery.exhausted"} <= set(webhooks)
    assert all("requestBody" in one["post"] for one in webhooks.values())


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_says_what_it_does_and_what_it_answers(path: str, method: str) -> None:
    operation = PATHS[path][method]

    assert str(operation["description"]).endswith(".")
    assert operation["tags"]
    assert operation["responses"]


@pytest.mark.parametrize(("path", "method"), [one for one in OPERATIONS if one[0].startswith("/v1/")])
def test_every_operation_of_the_api_wants_a_key_and_tells_its_errors(path: str, method: str) -> None:
    operation = PATHS[path][method]

    responses = cast("dict[str, Json]", operation["responses"])
    assert operation["security"]
    assert {"401", "403", "404", "503"} <= set(responses)


def test_no_example_is_a_secret_that_works() -> None:
    assert "password" not in json.dumps(DOCUMENT)


async def test_the_pages_for_people_are_served(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.get("/docs")

    assert (answer.status_code, "openapi.json" in answer.text) == (200, True)

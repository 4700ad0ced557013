"""Single things carry a strong ETag made from their bytes, and say when they have not changed."""

import httpx
import pytest
from sqlalchemy import func

from core.model import ids, tables
from tests.support.accounts import Account, document
from tests.support.rows import Rows

Path = str


async def make(what: str, account: Account, rows: Rows) -> Path:
    """Make a thing, and return where it is read."""
    endpoint = await rows.endpoint(account.tenant_id)
    match what:
        case "waiting task":
            return f"/v1/tasks/{ids.encode(ids.TASK, await rows.task(account.tenant_id))}"
        case "ended task" | "result":
            ended = {"status": "SUCCESS", "due_at": None, "finished_at": func.now(), "result": b"7", "result_size": 1}
            task = ids.encode(ids.TASK, await rows.task(account.tenant_id, **ended))
            return f"/v1/tasks/{task}/result" if what == "result" else f"/v1/tasks/{task}"
        case "task type":
            return "/v1/task-types/math.divide"
        case "secret":
            return "/v1/secret"
        case "endpoint":
            return f"/v1/endpoints/{ids.encode(ids.ENDPOINT, endpoint)}"
        case _:
            return f"/v1/deliveries/{ids.encode(ids.DELIVERY, await rows.delivery(account.tenant_id, endpoint))}"


@pytest.fixture(params=["waiting task", "ended task", "result", "endpoint", "delivery", "task type", "secret"])
async def path(request: pytest.FixtureRequest, acme: Account, rows: Rows) -> Path:
    """Each single thing in turn."""
    what: str = request.param
    return await make(what, acme, rows)


async def test_a_single_thing_has_a_strong_etag_of_its_bytes(client: httpx.AsyncClient, path: Path) -> None:
    first, second = await client.get(path), await client.get(path)

    assert first.headers["etag"].startswith('"')
    assert first.headers["etag"] == second.headers["etag"]
    assert first.content == second.content


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*", '"x",W/{}'])
async def test_what_the_client_has_is_not_sent_again(client: httpx.AsyncClient, path: Path, form: str) -> None:
    first = await client.get(path)

    again = await client.get(path, headers={"If-None-Match": form.format(first.headers["etag"])})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers.get("retry-after") == first.headers.get("retry-after")
    assert again.headers["x-request-id"]


async def test_what_the_client_has_may_be_told_in_several_lines(client: httpx.AsyncClient, path: Path) -> None:
    first = await client.get(path)

    again = await client.get(path, headers=[("If-None-Match", '"x"'), ("If-None-Match", first.headers["etag"])])

    assert again.status_code == 304


async def test_a_change_is_answered_with_what_it_made(client: httpx.AsyncClient, acme: Account, rows: Rows) -> None:
    path = f"/v1/endpoints/{ids.encode(ids.ENDPOINT, await rows.endpoint(acme.tenant_id))}"

    answer = await client.patch(path, json={"description": "new"}, headers={"If-None-Match": "*"})

    assert (answer.status_code, document(answer)["description"]) == (200, "new")


@pytest.mark.parametrize("tag", ['"x"', "", "x", '"', "W/"])
async def test_what_the_client_has_not_is_sent(client: httpx.AsyncClient, path: Path, tag: str) -> None:
    answer = await client.get(path, headers={"If-None-Match": tag})

    assert answer.status_code in {200, 202}
    assert answer.content


async def test_a_thing_that_changed_has_another_etag(client: httpx.AsyncClient, acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    path = f"/v1/endpoints/{ids.encode(ids.ENDPOINT, endpoint)}"
    before = await client.get(path)
    await rows.change(tables.endpoints, endpoint, description="changed")

    after = await client.get(path, headers={"If-None-Match": before.headers["etag"]})

    assert document(after)["description"] == "changed"


async def test_a_waiting_task_keeps_its_retry_after_in_a_304(
    client: httpx.AsyncClient, acme: Account, rows: Rows
) -> None:
    path = await make("waiting task", acme, rows)
    first = await client.get(path)

    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, first.headers["retry-after"]) == (202, "1")
    assert (again.status_code, again.headers["retry-after"]) == (304, "1")


async def test_a_secret_is_never_kept_by_a_cache(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/secret")

    assert answer.headers["cache-control"] == "no-store"


async def test_a_list_has_no_etag(client: httpx.AsyncClient) -> None:
    assert "etag" not in (await client.get("/v1/tasks")).headers

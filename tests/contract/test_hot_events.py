"""Events that go straight from the parser to their group are answered as those that go the long way."""

import asyncio
from uuid import uuid4

import httpx
import msgspec
import pytest

from core.intake.shared import REFUSED_WITHIN
from tests.support.accounts import Account, client_of, data, document
from tests.support.pulse import promised
from tests.support.raw_http import RawAnswer, converse, key_of, post
from tests.support.stack import Stack, eventually

BODY = b'{"type":"order.paid","data":{"total": 1.50}}'
LONG_WAY = {"Content_Type": "application/json; charset=utf-8"}
"""What leads to the same answer, past the short way."""
CUT = b"\r\n\r\n"
ANY_TIME = {"id", "timestamp", "created_at", "request_id", "instance"}


@pytest.fixture
async def known(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client whose key was looked up a moment ago."""
    await client.get("/v1/events")
    return client


async def send(client: httpx.AsyncClient, body: bytes = BODY, /, **headers: str) -> RawAnswer:
    (answer,), _ = await converse(client, [post("/v1/events", key_of(client), body, **headers)])
    return answer


def shown(answer: RawAnswer) -> tuple[int, dict[str, object], set[str]]:
    """Return what of an answer does not differ from one time to the next."""
    told: dict[str, object] = msgspec.json.decode(answer.body)
    return answer.status, {name: told[name] for name in told if name not in ANY_TIME}, set(answer.headers)


async def test_one_that_comes_again_slowly_is_answered_as_before(known: httpx.AsyncClient) -> None:
    body = b'{"type":"order.paid","id":"mine","data":{"total": 1.50}}'
    first = await send(known, body)
    head, content = post("/v1/events", key_of(known), body).split(CUT, 1)

    (again,), _ = await converse(known, [head + CUT, content], rest=REFUSED_WITHIN + 0.2)

    assert (first.status, again.status) == (202, 202)
    assert msgspec.json.decode(again.body)["id"] == msgspec.json.decode(first.body)["id"]


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        b'{"type":"order.paid","data":null,"ordering_key":"k"}',
        b'{"type":"order.paid","data":[1],"timestamp":"2026-01-01T00:00:00Z"}',
        b'{"type":"order.paid","data":"' + b"x" * 200_000 + b'"}',
        b'{"type":"task.mine","data":1}',
        b'{"type":"no type","data":1}',
        b'{"type":"order.paid"}',
        b'{"type":"order.paid","data":1,"more":1}',
        b'{"type":"order.paid","data":' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"type":"order.paid","data":NaN}',
        b"",
        b"[]",
    ],
)
async def test_it_is_answered_as_on_the_long_way(known: httpx.AsyncClient, body: bytes) -> None:
    hot = await send(known, body)

    slow = await send(known, body, **LONG_WAY)

    assert shown(hot) == shown(slow)


@pytest.mark.parametrize("key", ["", '""', "k" * 256, "a\tb"])
async def test_a_malformed_key_is_refused_as_on_the_long_way(known: httpx.AsyncClient, key: str) -> None:
    hot = await send(known, Idempotency_Key=f" {key} ")

    slow = await send(known, Idempotency_Key=f" {key} ", **LONG_WAY)

    assert shown(hot) == shown(slow)
    assert hot.status == 400


async def test_a_body_over_the_limit_is_refused(known: httpx.AsyncClient) -> None:
    length = 1024 * 1024 + 1

    answer = await send(known, Content_Length=str(length), Connection="close")

    assert answer.status == 413


@pytest.mark.parametrize(
    ("old", "new", "closed"),
    [
        (b"Content-Type", b"CONTENT-TYPE", False),
        (b"Host", b"Connection: close\r\nHost", True),
        (b"/v1/events", b"/v1/events?a=b", False),
        (b"HTTP/1.1", b"HTTP/1.0", True),
        (b"Host", b"Expect: 100-continue\r\nHost", False),
    ],
)
@pytest.mark.parametrize("cuts", [(0,), (30, 90, 200)])
async def test_however_it_is_written_it_is_one_event(
    known: httpx.AsyncClient, *, old: bytes, new: bytes, closed: bool, cuts: tuple[int, ...]
) -> None:
    whole = post("/v1/events", key_of(known), BODY).replace(old, new)
    pieces = [whole[start:end] for start, end in zip((0, *cuts), (*cuts, None), strict=True)]

    (answer,), over = await converse(known, pieces)

    (event,) = data(await known.get("/v1/events"))
    assert (answer.status, over) == (202, closed)
    assert msgspec.json.decode(answer.body)["id"] == event["id"]


async def test_a_body_in_chunks_is_one_event(known: httpx.AsyncClient) -> None:
    whole = post("/v1/events", key_of(known), b"", Content_Length="", Transfer_Encoding="chunked")

    (answer,), _ = await converse(known, [whole, b"%x\r\n%b\r\n" % (len(BODY), BODY), b"0\r\n\r\n"])

    assert (answer.status, len(data(await known.get("/v1/events")))) == (202, 1)


async def test_requests_that_do_not_wait_for_answers_are_answered_in_their_order(known: httpx.AsyncClient) -> None:
    key = key_of(known)
    sent = [
        post("/v1/events", key, b'{"type":"first","data":1}'),
        post("/v1/events", key, b'{"type":"bad type","data":1}'),
        post("/v1/events", key, b'{"type":"third","data":1}'),
        post("/v1/events/batch", key, b'[{"type":"fourth","data":1}]'),
        post("/v1/events", key, b'{"type":"fifth","data":1}'),
    ]

    answers, _ = await converse(known, [b"".join(sent)], count=5)

    told = [msgspec.json.decode(answer.body) for answer in answers]
    assert [answer.status for answer in answers] == [202, 422, 202, 202, 202]
    assert [one.get("type") for one in told] == ["first", "/problems/invalid-input", "third", None, "fifth"]
    made = {one["type"] for one in data(await known.get("/v1/events"))}  # within a millisecond in any order
    assert made == {"first", "third", "fourth", "fifth"}


async def test_a_connection_is_used_again(known: httpx.AsyncClient) -> None:
    request = post("/v1/events", key_of(known), BODY)

    answers, _ = await converse(known, [request] * 20, count=20)

    assert {answer.status for answer in answers} == {202}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 20


@pytest.mark.parametrize("own", ["", '"id":"one",'])
async def test_fifty_requests_with_one_key_at_once_make_one_event(known: httpx.AsyncClient, own: str) -> None:
    body = f'{{"type":"order.paid",{own}"data":1}}'.encode()

    answers = await asyncio.gather(*(send(known, body, Idempotency_Key='"k"') for _ in range(50)))

    assert {answer.status for answer in answers} == {202}
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert len({answer.body for answer in answers}) == 1
    assert len(data(await known.get("/v1/events"))) == 1


async def test_a_key_with_another_body_is_refused_and_hurts_nobody_beside_it(known: httpx.AsyncClient) -> None:
    other = b'{"type":"order.paid","id":"two","data":2}'
    await send(known, b'{"type":"order.paid","id":"one","data":1}', Idempotency_Key='"k"')

    answers = await asyncio.gather(send(known, other, Idempotency_Key='"k"'), *(send(known) for _ in range(20)))

    assert [answer.status for answer in answers] == [422, *[202] * 20]
    assert msgspec.json.decode(answers[0].body)["type"] == "/problems/idempotency-key-reused"


@pytest.mark.parametrize("role", [{"role": "inspector"}, {"role": "partner", "owner": "a"}, {"role": "client"}])
async def test_what_a_key_may_do_is_the_same_each_time(client: httpx.AsyncClient, role: dict[str, str]) -> None:
    made = document(await client.post("/v1/keys", json={"name": "k", **role}))
    async with client_of(str(client.base_url), made["key"]) as holder:
        first = await send(holder)

        second = await send(holder)

    assert first.status == (202 if role == {"role": "client"} else 403)
    assert shown(first) == shown(second)


async def test_a_key_that_was_revoked_is_refused_soon(known: httpx.AsyncClient) -> None:
    made = document(await known.post("/v1/keys", json={"name": "k", "role": "client"}))
    async with client_of(str(known.base_url), made["key"]) as holder:
        assert (await send(holder)).status == 202

    await known.delete(f"/v1/keys/{made['id']}")

    def look() -> None:
        headers = {"Authorization": f"Bearer {made['key']}"}
        sent = {"type": "order.paid", "data": 1}
        assert httpx.post(f"{known.base_url}/v1/events", json=sent, headers=headers, trust_env=False).status_code == 401

    await asyncio.to_thread(promised, look, within=5)


async def test_a_tenants_rate_limit_holds(acme: Account, operator: httpx.AsyncClient) -> None:
    limits = {"limits": {"requests_per_second": 1}}
    await operator.patch(f"/v1/tenants/{acme.slug}", json=limits)

    answers = [await send(acme.client) for _ in range(5)]

    assert 429 in {answer.status for answer in answers}


async def test_an_event_that_a_filter_has_to_judge_anew_is_judged(known: httpx.AsyncClient) -> None:
    await send(known)
    await known.post("/v1/endpoints", json={"url": "http://127.0.0.1:9999/", "filter": "$.total"})

    answers = [await send(known), await send(known), await send(known, b'{"type":"order.paid","data":{}}')]

    assert [msgspec.json.decode(answer.body)["deliveries"] for answer in answers] == [1, 1, 0]


async def test_an_event_of_a_type_with_a_schema_has_to_fit_it(known: httpx.AsyncClient) -> None:
    await send(known)
    schema = {"type": "object", "required": ["total"]}
    await known.put("/v1/event-types/order.paid", json={"description": "d", "schema": schema})

    answers = [await send(known), await send(known, b'{"type":"order.paid","data":{}}')]

    assert [answer.status for answer in answers] == [202, 422]


async def test_the_operator_acts_for_a_tenant(acme: Account, operator: httpx.AsyncClient) -> None:
    acting = {"Ringback_Tenant": acme.slug}
    await send(operator, **acting)

    answer = await send(operator, **acting)

    assert (answer.status, len(data(await acme.client.get("/v1/events")))) == (202, 2)


async def test_another_tenant_cannot_be_named(known: httpx.AsyncClient, other: Account) -> None:
    answer = await send(known, Ringback_Tenant=other.slug)

    assert answer.status == 404


async def test_it_is_logged_as_any_request(known: httpx.AsyncClient, api: Stack) -> None:
    secret = uuid4().hex
    answer = await send(known, b'{"type":"order.paid","data":"%b"}' % secret.encode())

    def look() -> str:
        lines = [line for line in api.log("api").splitlines() if answer.headers["x-request-id"] in line]
        assert lines
        return lines[0]

    line: dict[str, object] = msgspec.json.decode(await asyncio.to_thread(eventually, look))
    told = ("event", "level", "logger", "method", "route", "status")
    assert [line[name] for name in told] == ["request", "info", "api.middleware", "POST", "/v1/events", 202]
    assert set(line) - set(told) == {"request_id", "ms", "tenant_id", "timestamp"}
    assert secret not in api.log("api")


async def test_a_refusal_names_its_request(known: httpx.AsyncClient) -> None:
    await send(known, Idempotency_Key='"k"')

    answer = await send(known, b'{"type":"other","data":1}', Idempotency_Key='"k"')

    assert msgspec.json.decode(answer.body)["request_id"] == answer.headers["x-request-id"]

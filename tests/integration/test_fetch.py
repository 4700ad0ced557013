"""`http.fetch` against a real receiver on loopback."""

import asyncio
from ipaddress import ip_network

import msgspec
import pytest

from core.model.endings import TaskAgain, TaskEnd
from core.settings import Settings
from tests.support.answers import Answer, Reset, redirect
from tests.support.desks import context_of
from tests.support.receiver import Receiver
from tests.support.task_records import task_record
from workers.lifecycle import call
from workers.task_types.define import defined
from workers.task_types.network import Fetched, fetch

LOOPBACK = Settings(allow_targets=(ip_network("127.0.0.0/8"),))


async def fetched(url: str, *, attempt: int = 1, **more: object) -> object:
    assert fetch
    task = task_record(input=msgspec.json.encode({"url": url, **more}), run=attempt)
    return await asyncio.to_thread(call, defined()["http.fetch"], task, context_of(settings=LOOPBACK))


def result(end: object) -> Fetched:
    assert isinstance(end, TaskEnd), end
    return Fetched.model_validate_json(end.result or b"null")


async def test_the_answer_is_given_back_as_it_came() -> None:
    async with Receiver() as receiver:
        receiver.script(Answer(status=404, headers={"X-One": "1", "x-one": "2"}, body="nö".encode()))

        answer = result(await fetched(receiver.url))

    assert (answer.status, answer.body, answer.headers["x-one"]) == (404, "nö", "1, 2")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def test_each_method_is_sent(method: str) -> None:
    async with Receiver() as receiver:
        await fetched(receiver.url_for(receiver.host, "/a/../b?c=%41"), method=method)

    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == (method, "/a/../b?c=%41", b"")


async def test_its_own_headers_are_added() -> None:
    async with Receiver() as receiver:
        await fetched(receiver.url, headers={"X-Token": "t", "accept": "text/plain"})

    (request,) = receiver.requests
    assert (request.header("x-token"), request.header("accept")) == ("t", "text/plain")
    assert request.header("accept-encoding") == "identity"


async def test_a_redirect_is_not_followed() -> None:
    async with Receiver() as receiver:
        receiver.script(redirect(receiver.url))

        answer = result(await fetched(receiver.url))

    assert (answer.status, len(receiver.requests)) == (307, 1)


async def test_of_a_long_body_the_first_64_kib_are_kept() -> None:
    async with Receiver() as receiver:
        receiver.script(Answer(status=200, body=b"x" * 100_000))

        answer = result(await fetched(receiver.url))

    assert answer.body == "x" * 65_536


async def test_bytes_that_are_no_text_are_replaced() -> None:
    async with Receiver() as receiver:
        receiver.script(Answer(status=200, body=b"a\xff\xfeb"))

        answer = result(await fetched(receiver.url))

    assert answer.body == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    "fault",
    [Answer(reset=Reset.BEFORE_ANSWER), Answer(reset=Reset.IN_BODY, body=b"x" * 999), Answer(raw=b"", close=True)],
)
async def test_a_connection_that_breaks_is_tried_again(fault: Answer) -> None:
    async with Receiver() as receiver:
        receiver.script(fault)

        end = await fetched(receiver.url)

    assert isinstance(end, TaskAgain)
    assert 0 < end.delay < 1


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    "fault", [Answer(reset=Reset.BEFORE_ANSWER), Answer(status=201, reset=Reset.IN_BODY, body=b"x" * 999)]
)
async def test_what_may_have_been_done_is_not_done_again(fault: Answer, method: str) -> None:
    async with Receiver() as receiver:
        receiver.script(fault)

        end = await fetched(receiver.url, method=method)

    assert isinstance(end, TaskEnd)
    assert (end.error_code, len(receiver.requests)) == ("connect", 1)


async def test_a_port_that_nobody_listens_on_fails_in_the_end() -> None:
    async with Receiver() as receiver:
        url = receiver.url

    end = await fetched(url, attempt=3)

    assert isinstance(end, TaskEnd)
    assert end.error_code == "connect"

"""What a connection keeps of an event on the short way, and what it makes of what uvicorn does at its edges."""

import asyncio
import gc
from collections.abc import Generator

import msgspec
import pytest

from api.hot_protocol import HotEvent, HotProtocol
from core.settings import Settings
from tests.support.accounts import data
from tests.support.apps import settings_of
from tests.support.listening import listening
from tests.support.raw_http import converse, heard, key_of, post
from tests.support.stack import eventually

BODY = b'{"type":"first","data":1}'
BEHIND = b'{"type":"second","data":2}'


@pytest.fixture
def settings(api_database: str, redis_store: str) -> Settings:
    """The settings of an API that can record events."""
    return settings_of(database=api_database, redis=redis_store)


@pytest.fixture
def uncollected() -> Generator[None]:
    """Nothing that refers to itself is freed meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def kept() -> int:
    return sum(isinstance(one, HotEvent) for one in gc.get_objects())


class Repeating(HotProtocol):
    """A connection whose parser tells of a body behind the end of an event, as before an upgrade without a cycle."""

    def on_message_complete(self) -> None:
        """Come to an end, twice if it is that of an event."""
        super().on_message_complete()
        if isinstance(self.cycle, HotEvent):
            self.on_body(BEHIND)
            super().on_message_complete()


class Breaking(HotProtocol):
    """A connection that breaks while an answer to an event is sent."""

    def on_response_complete(self) -> None:
        """Fail."""
        assert not isinstance(self.cycle, HotEvent)
        super().on_response_complete()


@pytest.mark.usefixtures("uncollected")
async def test_an_idle_connection_keeps_nothing_of_an_event(settings: Settings) -> None:
    async with listening(settings) as client:
        assert client.base_url.port is not None
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(post("/v1/events", key_of(client), BODY))

        line = await reader.readline()

        assert line == b"HTTP/1.1 202 Accepted\r\n"
        assert kept() == 0
        writer.close()


@pytest.mark.usefixtures("uncollected")
async def test_a_lost_connection_keeps_nothing_of_an_event(settings: Settings) -> None:
    async with listening(settings) as client:
        await heard(client, post("/v1/events", key_of(client), BODY) + b"\x00")

        await asyncio.to_thread(eventually, nothing_kept)

        assert len(data(await client.get("/v1/events"))) == 2


def nothing_kept() -> None:
    assert kept() == 0


async def test_what_is_read_behind_an_event_adds_nothing_to_it(settings: Settings) -> None:
    async with listening(settings, Repeating) as client:
        (answer,), _ = await converse(client, [post("/v1/events", key_of(client), BODY)])

        event, _ = data(await client.get("/v1/events"))
    assert (answer.status, event["type"]) == (202, "first")
    assert msgspec.json.decode(answer.body)["id"] == event["id"]


async def test_what_breaks_while_an_answer_is_sent_ends_its_connection(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with listening(settings, Breaking) as client:
        answer = await heard(client, post("/v1/events", key_of(client), BODY))

    assert answer.startswith(b"HTTP/1.1 202 ")
    assert "request.failed" in capsys.readouterr().out

"""A deliverer ends when it is asked to, says which of its parts ended by itself, and loses no error on the way."""

import asyncio
from collections.abc import Callable, Coroutine, MutableMapping, Sequence

import pytest
from structlog.testing import capture_logs

from core.settings import Settings
from tests.support.apps import settings_of
from workers.delivery.deliverer import BrokenError, Deliverer
from workers.delivery.engine import Engine
from workers.delivery.record import Recorder

ENDS = ("deliverer.broken", "deliverer.stopped")
Run = Callable[..., Coroutine[None, None, None]]


class FailedError(Exception):
    """What a part raises."""


@pytest.fixture
def settings(database_url: str, redis_url: str, redis_broker_url: str) -> Settings:
    """A deliverer's, with stores of the test's own."""
    return settings_of(database=database_url, redis=redis_url, broker=redis_broker_url)


async def fail(_: object) -> None:
    """Break at once."""
    raise FailedError


def watched(run: Run, begun: asyncio.Event, *, breaks: bool) -> Run:
    """Tell when a part's run has begun, and let it break instead of ending well."""

    async def instead(part: object) -> None:
        begun.set()
        try:
            await run(part)
        finally:
            if breaks:
                await fail(part)

    return instead


def told(logs: Sequence[MutableMapping[str, object]]) -> list[tuple[object, object]]:
    """Return what was said of parts and of the end."""
    return [(one["event"], one.get("part", one.get("broken"))) for one in logs if one["event"] in ENDS]


async def stopped(settings: Settings, begun: asyncio.Event) -> list[tuple[object, object]]:
    """Run a deliverer, ask it to stop once it runs; return what is told then."""
    stopping = asyncio.Event()
    running = asyncio.create_task(Deliverer.build(settings).run(stopping))
    await begun.wait()
    with capture_logs() as logs:
        stopping.set()
        await running
    return told(logs)


async def test_who_is_asked_to_stop_ends_well(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()
    monkeypatch.setattr(Engine, "run", watched(Engine.run, begun, breaks=False))

    assert await stopped(settings, begun) == [("deliverer.stopped", None)]


@pytest.mark.parametrize(("part", "name"), [(Engine, "engine"), (Recorder, "recorder")])
async def test_a_part_that_ends_by_itself_ends_the_deliverer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, part: type, name: str
) -> None:
    monkeypatch.setattr(part, "run", fail)

    with capture_logs() as logs, pytest.raises(BrokenError, match=name):
        await Deliverer.build(settings).run(asyncio.Event())

    assert told(logs) == [("deliverer.broken", name), ("deliverer.stopped", name)]


@pytest.mark.parametrize(("part", "name"), [(Engine, "engine"), (Recorder, "recorder")])
async def test_a_part_that_breaks_while_it_drains_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, part: type[Engine] | type[Recorder], name: str
) -> None:
    begun = asyncio.Event()
    monkeypatch.setattr(part, "run", watched(part.run, begun, breaks=True))

    assert await stopped(settings, begun) == [("deliverer.broken", name), ("deliverer.stopped", None)]

"""The log of attempts says in one line each how they ended."""

import json
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.database import Database
from core.model import ids
from core.model.ids import DeliveryId
from core.settings import Settings
from tests.support.claiming import DOWN, claim_one, settled
from workers.delivery.attempt_log import AttemptLog


async def told(database: Database, delivery: DeliveryId, **settings: str) -> list[dict[str, object]]:
    written: list[bytes] = []
    log = AttemptLog(Settings.model_validate(settings), written.append)
    log.tell([settled(await claim_one(database, delivery), DOWN)])
    return [json.loads(line) for lines in written for line in lines.splitlines()]


async def test_a_line_says_how_an_attempt_ended_and_what_comes_next(database: Database, delivery: DeliveryId) -> None:
    (line,) = await told(database, delivery)

    assert line.pop("timestamp")
    assert line == {
        "event": "attempt",
        "level": "info",
        "logger": "workers.delivery.attempt_log",
        "delivery_id": ids.encode(ids.DELIVERY, delivery),
        "number": 1,
        "trigger": "first",
        "outcome": "failed",
        "error": "http_status",
        "status": 500,
        "total_ms": 0.0,
        "next": "retrying",
        "delay": 5.0,
    }


@pytest.mark.parametrize("settings", [{"log_level": "warning"}, {"log_format": "console"}])
async def test_what_is_not_asked_for_is_not_written(
    database: Database, delivery: DeliveryId, settings: Mapping[str, str]
) -> None:
    assert await told(database, delivery, **settings) == []


@pytest.fixture
def deaf() -> Generator[SimpleNamespace]:
    """A standard error to which every write fails."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        yield SimpleNamespace(buffer=full)


async def test_a_log_that_takes_no_more_costs_no_attempt(
    database: Database, delivery: DeliveryId, deaf: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = settled(await claim_one(database, delivery), DOWN)
    monkeypatch.setattr(sys, "stderr", deaf)

    AttemptLog(Settings()).tell([entry])

    with pytest.raises(OSError, match="No space left"):
        sys.stderr.buffer.write(b"\n")

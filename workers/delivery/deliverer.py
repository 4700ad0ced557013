"""One deliverer process: consumer → engine, feeder, upkeep; SIGTERM drains it.

```
broker ─► consumer thread ─► engine ─► recorder ─► Postgres
Postgres ─► feeder ─► publisher thread ─► broker
```
"""

import asyncio
import gc
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
import uvloop
from redis.asyncio import Redis

from core.database import Database
from core.dispatch.celery import make_celery
from core.dispatch.consume import DeliveryConsumer
from core.dispatch.depths import QueueDepths
from core.dispatch.publish import Publisher
from core.intake.notices import Notices
from core.intake.telling import Teller
from core.model.queued import Queued
from core.model.sealing import KeyRing
from core.open_files import raise_open_files
from core.patience import end_all
from core.progress import ProgressBoard
from core.redis import open_redis
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT
from core.resolver import AresResolver
from core.results import Results
from core.settings import Settings, require, require_secret
from core.starting import errors_in_one_line, read_settings
from core.telemetry import configure_logging
from workers.delivery.attempt import Attempts, Leases
from workers.delivery.attempt_log import AttemptLog
from workers.delivery.choose import sender_of
from workers.delivery.engine import Bounds, Engine
from workers.delivery.exchange import Sender
from workers.delivery.gate import PAUSE as GATE_PAUSE
from workers.delivery.gate import Gate
from workers.delivery.hosts import Hosts
from workers.delivery.lanes import Lanes
from workers.delivery.record import Recorder
from workers.feeder.feed import Feeder
from workers.loop import STORE_ERRORS, repeat
from workers.upkeep.clock import PAUSE as CLOCK_PAUSE
from workers.upkeep.clock import ClockReader
from workers.upkeep.endpoint_health import EndpointHealth
from workers.upkeep.erasure import PAUSE as ERASURE_PAUSE
from workers.upkeep.erasure import Erasure
from workers.upkeep.expiry import Expiry
from workers.upkeep.leases import PAUSE as LEASES_PAUSE
from workers.upkeep.leases import LeaseMender
from workers.upkeep.partitions import PAUSE as PARTITIONS_PAUSE
from workers.upkeep.partitions import Partitions
from workers.upkeep.retention import PAUSE as RETENTION_PAUSE
from workers.upkeep.retention import Retention

DIRECT: Final = 3
"""Connections for single statements: one claims, one records, one refills or feeds."""

GARBAGE: Final = 20_000
"""Objects made, less those gone, after which cycles are looked for: what is on the wire is no garbage."""

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Deliverer:
    """The parts of the process, connected."""

    settings: Settings
    database: Database
    redis: Redis | None
    publisher: Publisher
    sender: Sender
    resolver: AresResolver
    recorder: Recorder
    gate: Gate
    engine: Engine
    feeder: Feeder
    notices: Notices

    @classmethod
    def build(cls, settings: Settings) -> "Deliverer":
        """Connect the parts; raise `MissingSettingError` if a store is not named."""
        broker = require(settings.broker_url, "BROKER_URL")
        database = Database(require(settings.database_url, "DATABASE_URL"), direct=DIRECT)
        redis = open_redis(settings.redis_url) if settings.redis_url else None
        depths = QueueDepths()
        publisher = Publisher(broker, make_celery(settings), depths=depths)
        resolver = AresResolver()
        sender = sender_of(settings.sender, resolver, allowed=settings.allow_targets, proxy=settings.proxy)

        def release(queued: Sequence[Queued]) -> None:
            (publisher.deliveries if engine.stopping else engine.offer)(queued)

        ring = KeyRing(require_secret(settings.secret_keys, "SECRET_KEYS"))
        notices = Notices(database, ring, settings)
        recorder = Recorder(database, publisher.deliveries, notices, release, AttemptLog(settings).tell)
        leases = Leases(database, settings)
        gate = Gate(redis, database.unix_seconds)
        attempts = Attempts(leases, sender, recorder, ring, settings, gate.note)
        lanes = Lanes(DEFAULT_MAX_IN_FLIGHT, bound=settings.max_in_flight, doors=gate, hosts=Hosts(settings.host_cap))
        bounds = Bounds(settings.max_in_flight, settings.max_bytes_in_flight)
        engine = Engine(leases, attempts.start, lanes, gate, bounds)
        teller = Teller(database, publisher, settings.base_url)
        board = None if redis is None else ProgressBoard(redis, ttl=settings.result_ttl)
        feeder = Feeder(database, publisher, settings, teller, notices, rooms=engine.rooms, board=board, depths=depths)
        return cls(settings, database, redis, publisher, sender, resolver, recorder, gate, engine, feeder, notices)

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until `stopping` is set, then end what is on the wire, record it, and return."""
        loop = asyncio.get_running_loop()

        def offer(queued: Sequence[Queued], decided: Callable[[], None]) -> None:
            loop.call_soon_threadsafe(self.engine.offer, queued, decided)

        consumer = DeliveryConsumer(require(self.settings.broker_url, "BROKER_URL"), offer)
        with suppress(*STORE_ERRORS):
            await self.database.ping()  # the gate's clock
        await self.gate.run_once()  # what is held stays so
        self.publisher.start()
        consumer.start()
        recording = asyncio.create_task(self.recorder.run(), name="recorder")
        parts = [asyncio.create_task(self.engine.run(), name="engine"), *self._loops(stopping)]
        _log.info("deliverer.started")
        broken = await _first_to_end(stopping, recording, *parts)
        stopping.set()
        await asyncio.to_thread(consumer.stop)
        self.engine.stop()
        await asyncio.gather(*parts, return_exceptions=True)
        await self._close(recording)
        _tell_of_broken([part for part in (recording, *parts) if part.get_name() != broken])
        _log.info("deliverer.stopped", broken=broken)
        if broken is not None:
            raise BrokenError(broken)

    def _loops(self, stopping: asyncio.Event) -> list[asyncio.Task[None]]:
        results = None if self.redis is None else Results(self.redis, ttl=self.settings.result_ttl)
        teller = Teller(self.database, self.publisher, self.settings.base_url)
        health = EndpointHealth(self.database, self.notices, disable_after=self.settings.disable_after)
        turns = {
            "feeder": (self.feeder.run_once, self.settings.feed_interval),
            "expiry": (Expiry(self.database, teller).run_once, self.settings.feed_interval),
            "partitions": (Partitions(self.database).run_once, PARTITIONS_PAUSE),
            "erasure": (Erasure(self.database, results).run_once, ERASURE_PAUSE),
            "endpoint_health": (health.run_once, health.pause),
            "retention": (self._retention().run_once, RETENTION_PAUSE),
            "leases": (LeaseMender(self.database).run_once, LEASES_PAUSE),
            "gate": (self.gate.run_once, GATE_PAUSE),
            "clock": (ClockReader(self.database).run_once, CLOCK_PAUSE),
        }
        return [
            asyncio.create_task(repeat(name, run_once, pause=pause, stopping=stopping), name=name)
            for name, (run_once, pause) in turns.items()
        ]

    def _retention(self) -> Retention:
        settings = self.settings
        return Retention(self.database, retention_days=settings.retention_days, disable_after=settings.disable_after)

    async def _close(self, recording: asyncio.Task[None]) -> None:
        await end_all(recording)
        await asyncio.to_thread(self.publisher.stop)
        await self.sender.aclose()
        await self.resolver.aclose()
        await self.database.close()
        if self.redis is not None:
            await self.redis.aclose()


class BrokenError(Exception):
    """A part of the process ended by itself: whoever started the process should start it again."""

    def __init__(self, part: str) -> None:
        super().__init__(f"the {part} ended by itself")


async def _first_to_end(stopping: asyncio.Event, *parts: asyncio.Task[None]) -> str | None:
    """Wait until the process is asked to stop; return the name of a part that ended before that."""
    asked = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait((asked, *parts), return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if stopping.is_set():  # the parts end with it, some in the same turn
        return None
    (part, *_) = done
    _log.error("deliverer.broken", part=part.get_name(), exc_info=part.exception())
    return part.get_name()


def _tell_of_broken(ended: Sequence[asyncio.Task[None]]) -> None:
    """Log what the parts raised while they drained."""
    for part in ended:
        if not part.cancelled() and (error := part.exception()) is not None:
            _log.error("deliverer.broken", part=part.get_name(), exc_info=error)


async def _serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    deliverer = Deliverer.build(settings)
    gc.freeze()
    gc.set_threshold(GARBAGE)
    await deliverer.run(stopping)


def main() -> None:
    """Run the process until a signal ends it."""
    with errors_in_one_line():
        settings = read_settings()
        require(settings.database_url, "DATABASE_URL")
        require(settings.broker_url, "BROKER_URL")
        KeyRing(require_secret(settings.secret_keys, "SECRET_KEYS"))
    configure_logging(settings.log_level, settings.log_format)
    raise_open_files()
    uvloop.run(_serve(settings))

"""One deliverer process: consumer → engine, feeder, upkeep; SIGTERM drains it.

```
broker ─► consumer thread ─► engine ─► recorder ─► Postgres
Postgres ─► feeder ─► publisher thread ─► broker
```
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
import uvloop

from core.database import Database
from core.dispatch.celery import make_celery
from core.dispatch.consume import DeliveryConsumer
from core.dispatch.publish import Publisher
from core.model.queued import Queued
from core.model.sealing import KeyRing
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT
from core.resolver import ThreadResolver
from core.settings import Settings, require, require_secret
from core.telemetry import configure_logging
from workers.delivery.attempt import Attempts, Leases
from workers.delivery.engine import Engine
from workers.delivery.lanes import Lanes
from workers.delivery.record import Recorder
from workers.delivery.send import HttpxSender
from workers.ending import Ending
from workers.feeder.feed import Feeder
from workers.loop import repeat
from workers.upkeep.clock import PAUSE as CLOCK_PAUSE
from workers.upkeep.clock import ClockReader
from workers.upkeep.partitions import PAUSE as PARTITIONS_PAUSE
from workers.upkeep.partitions import Partitions

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Deliverer:
    """The parts of the process, connected."""

    settings: Settings
    database: Database
    publisher: Publisher
    sender: HttpxSender
    resolver: ThreadResolver
    recorder: Recorder
    engine: Engine
    feeder: Feeder

    @classmethod
    def build(cls, settings: Settings) -> "Deliverer":
        """Connect the parts; raise `MissingSettingError` if a store is not named."""
        broker = require(settings.broker_url, "BROKER_URL")
        database = Database(require(settings.database_url, "DATABASE_URL"))
        publisher = Publisher(broker, make_celery(settings))
        resolver = ThreadResolver()
        sender = HttpxSender(resolver, allowed=settings.allow_targets)
        recorder = Recorder(database, publisher.deliveries)
        leases = Leases(database, settings)
        ring = KeyRing(require_secret(settings.secret_keys, "SECRET_KEYS"))
        attempts = Attempts(leases, sender, recorder, ring, settings)
        engine = Engine(leases, attempts.make, Lanes(DEFAULT_MAX_IN_FLIGHT), limit=settings.max_in_flight)
        feeder = Feeder(database, publisher, settings, Ending(publisher, settings.public_url or ""))
        return cls(settings, database, publisher, sender, resolver, recorder, engine, feeder)

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until `stopping` is set, then end what is on the wire, record it, and return."""
        loop = asyncio.get_running_loop()

        def offer(queued: Sequence[Queued], decided: Callable[[], None]) -> None:
            loop.call_soon_threadsafe(self.engine.offer, queued, decided)

        consumer = DeliveryConsumer(require(self.settings.broker_url, "BROKER_URL"), offer)
        self.publisher.start()
        consumer.start()
        recording = asyncio.create_task(self.recorder.run())
        engine = asyncio.create_task(self.engine.run())
        background = self._loops(stopping)
        _log.info("deliverer.started")
        await stopping.wait()
        await asyncio.to_thread(consumer.stop)
        self.engine.stop()
        await asyncio.gather(engine, *background)
        await self._close(recording)
        _log.info("deliverer.stopped")

    def _loops(self, stopping: asyncio.Event) -> list[asyncio.Task[None]]:
        feed, parts, clock = (
            self.feeder.run_once,
            Partitions(self.database).run_once,
            ClockReader(self.database).run_once,
        )
        return [
            asyncio.create_task(repeat("feeder", feed, pause=self.settings.feed_interval, stopping=stopping)),
            asyncio.create_task(repeat("partitions", parts, pause=PARTITIONS_PAUSE, stopping=stopping)),
            asyncio.create_task(repeat("clock", clock, pause=CLOCK_PAUSE, stopping=stopping)),
        ]

    async def _close(self, recording: asyncio.Task[None]) -> None:
        recording.cancel()
        with suppress(asyncio.CancelledError):
            await recording
        await asyncio.to_thread(self.publisher.stop)
        await self.sender.aclose()
        await self.resolver.aclose()
        await self.database.close()


async def _serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await Deliverer.build(settings).run(stopping)


def main() -> None:
    """Run the process until a signal ends it."""
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format)
    uvloop.run(_serve(settings))

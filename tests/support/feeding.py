"""A feeder with a real publisher behind it."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from core.database import Database
from core.dispatch.celery import make_celery
from core.dispatch.depths import QueueDepths
from core.dispatch.publish import Publisher
from core.dispatch.spacing import Spacing
from core.intake.notices import Notices
from core.intake.telling import Teller
from core.model.sealing import KeyRing
from core.progress import ProgressBoard
from core.settings import Settings
from workers.feeder.feed import Feeder

SETTINGS = Settings(retry_schedule=(5, 300), timeout=15, lease=15)
BASE_URL = "https://ringback.example"


def new_publisher(broker_url: str, *, apart: float = 0.0) -> Publisher:
    """Return a publisher that is not started."""
    return Publisher(broker_url, make_celery(Settings(broker_url=broker_url)), spacing=Spacing(apart, apart, many=1))


@asynccontextmanager
async def publishing(broker_url: str) -> AsyncGenerator[Publisher]:
    """Run a publisher that is connected."""
    publisher = new_publisher(broker_url)
    publisher.start()
    try:
        assert await asyncio.to_thread(publisher.wait_until_ready, 10)
        yield publisher
    finally:
        await asyncio.to_thread(publisher.stop)


def new_notices(database: Database) -> Notices:
    """Return what tells of endpoints and deliveries, with a key ring of its own."""
    return Notices(database, KeyRing(base64.b64encode(bytes(32)).decode()), SETTINGS)


def new_feeder(
    database: Database,
    publisher: Publisher,
    *,
    board: ProgressBoard | None = None,
    depths: QueueDepths | None = None,
) -> Feeder:
    """Return a feeder of one process."""
    teller = Teller(database, publisher, BASE_URL)
    return Feeder(database, publisher, SETTINGS, teller, new_notices(database), board=board, depths=depths)

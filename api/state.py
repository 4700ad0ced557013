"""What one API process holds open."""

from dataclasses import dataclass, field
from typing import Final

from redis.asyncio import Redis

from core.database import Database
from core.dispatch.celery import make_celery
from core.dispatch.depths import QueueDepths
from core.dispatch.publish import Publisher
from core.dispatch.spacing import Spacing
from core.flights import Flights
from core.intake import event_group
from core.journal.tasks import TaskRecord
from core.model.api_key import has_valid_checksum, hash_api_key
from core.model.sealing import KeyRing
from core.model.start_error import StartError
from core.progress import Progress, ProgressBoard
from core.redis import open_redis
from core.resolver import AresResolver
from core.results import Results
from core.settings import Settings, require, require_secret

HINTS_APART: Final = 0.003
HINTS_AT_MOST_APART: Final = 0.01
"""Seconds between bursts of hints to the broker, so that what many requests made shares messages and confirms."""
HINTS_MANY: Final = 40
"""Hints of a burst that are enough for it to go later, and for one message to carry what two would."""
PATIENCE: Final = 5.0
"""Seconds that a statement of the API may take: a client is told 503 sooner than it gives up."""


class InvalidOperatorKeyError(StartError):
    """The operator's key was mistyped or cut."""

    def __init__(self) -> None:
        super().__init__("RINGBACK_OPERATOR_KEY is not a key of Ringback: its checksum is wrong")


def check(settings: Settings) -> None:
    """Raise a `StartError` if an API process cannot work with these settings; opens nothing."""
    KeyRing(require_secret(settings.secret_keys, "SECRET_KEYS"))
    if not has_valid_checksum(require_secret(settings.operator_key, "OPERATOR_KEY")):  # each call with it is a 401
        raise InvalidOperatorKeyError
    require(settings.database_url, "DATABASE_URL")
    require(settings.broker_url, "BROKER_URL")
    require(settings.redis_url, "REDIS_URL")


@dataclass(frozen=True, slots=True)
class State:
    """The stores, the key ring and the settings."""

    settings: Settings
    database: Database
    redis: Redis
    results: Results
    board: ProgressBoard
    publisher: Publisher
    depths: QueueDepths
    ring: KeyRing
    resolver: AresResolver
    operator_hash: bytes
    task_reads: Flights[TaskRecord | None] = field(default_factory=Flights[TaskRecord | None])
    result_reads: Flights[bytes | None] = field(default_factory=Flights[bytes | None])
    large_answers: Flights[bytes] = field(default_factory=Flights[bytes])
    progress_reads: Flights[Progress | None] = field(default_factory=Flights[Progress | None])

    @classmethod
    def open(cls, settings: Settings) -> "State":
        """Open everything.

        Raises `MissingSettingError` if a store or a secret is not named, `InvalidKeyRingError` and
        `InvalidOperatorKeyError` if a secret is malformed; nothing is open then. All are `StartError`s.
        """
        check(settings)
        depths = QueueDepths()
        spacing = Spacing(HINTS_APART, HINTS_AT_MOST_APART, many=HINTS_MANY)
        broker = require(settings.broker_url, "BROKER_URL")
        publisher = Publisher(broker, make_celery(settings), depths=depths, spacing=spacing)
        redis = open_redis(require(settings.redis_url, "REDIS_URL"))
        publisher.start()
        return cls(
            settings,
            Database(
                require(settings.database_url, "DATABASE_URL"),
                size=10,
                direct=event_group.AT_ONCE,
                patience=PATIENCE,
            ),
            redis,
            Results(redis, ttl=settings.result_ttl),
            ProgressBoard(redis, ttl=settings.result_ttl),
            publisher,
            depths,
            KeyRing(require_secret(settings.secret_keys, "SECRET_KEYS")),
            AresResolver(),
            hash_api_key(require_secret(settings.operator_key, "OPERATOR_KEY")),
        )

    async def close(self) -> None:
        """Close everything, publishing what was handed over first."""
        self.publisher.stop()
        await self.resolver.aclose()
        await self.redis.aclose()
        await self.database.close()

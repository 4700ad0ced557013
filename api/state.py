"""What one API process holds open."""

from dataclasses import dataclass

from redis.asyncio import Redis

from core.database import Database
from core.dispatch.celery import make_celery
from core.dispatch.publish import Publisher
from core.model.api_key import hash_api_key
from core.model.sealing import KeyRing
from core.progress import ProgressBoard
from core.redis import open_redis
from core.resolver import ThreadResolver
from core.results import Results
from core.settings import Settings, require, require_secret


@dataclass(frozen=True, slots=True)
class State:
    """The stores, the key ring and the settings."""

    settings: Settings
    database: Database
    redis: Redis
    results: Results
    board: ProgressBoard
    publisher: Publisher
    ring: KeyRing
    resolver: ThreadResolver
    operator_hash: bytes

    @classmethod
    def open(cls, settings: Settings) -> "State":
        """Open everything; raise `MissingSettingError` if a store is not named."""
        redis = open_redis(require(settings.redis_url, "REDIS_URL"))
        publisher = Publisher(require(settings.broker_url, "BROKER_URL"), make_celery(settings))
        publisher.start()
        return cls(
            settings,
            Database(require(settings.database_url, "DATABASE_URL"), size=10),
            redis,
            Results(redis, ttl=settings.result_ttl),
            ProgressBoard(redis, ttl=settings.result_ttl),
            publisher,
            KeyRing(require_secret(settings.secret_keys, "SECRET_KEYS")),
            ThreadResolver(),
            hash_api_key(require_secret(settings.operator_key, "OPERATOR_KEY")),
        )

    async def close(self) -> None:
        """Close everything, publishing what was handed over first."""
        self.publisher.stop()
        await self.resolver.aclose()
        await self.redis.aclose()
        await self.database.close()

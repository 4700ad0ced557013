"""How far tasks are, in Redis, and the word that something about a task has changed.

Both are for those who watch: whatever is lost here is read from Postgres a moment later.
"""

from dataclasses import asdict, dataclass
from typing import Final

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.model.ids import TaskId
from core.model.json_value import storable

CHANNEL: Final = "ringback:tasks"
"""Where the IDs of tasks are published whenever something about them has changed."""
CLOSED: Final = "closed"
"""What is published there when a tenant was closed, whose keys end with it."""

# A run goes on for a moment after its task was erased: an empty value, which no progress is, keeps it from the board.
_PUT: Final = """
if redis.call('GET', KEYS[1]) == '' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is: `current` of `total`, in the task's own units."""

    current: float
    total: float | None = None
    message: str | None = None

    def document(self) -> dict[str, object]:
        """Return it as clients see it, and as Postgres can keep it."""
        shown: dict[str, object] = asdict(self)
        return shown | {"message": self.message and storable(self.message)}


class ProgressBoard:
    """Where running tasks write how far they are, and clients read it."""

    def __init__(self, redis: Redis, *, ttl: int) -> None:
        self._redis: Final = redis
        self._ttl: Final = ttl
        self._put: Final = redis.register_script(_PUT)

    async def put(self, task_id: TaskId, run: int, progress: Progress) -> None:
        """Show how far a run is, unless its task was erased; nothing happens if Redis is away."""
        try:
            await self._put(keys=[_key(task_id, run)], args=[msgspec.json.encode(progress), self._ttl])
            await self._publish(task_id)
        except RedisError as error:
            _log.warning("progress.not_shown", error=type(error).__name__)

    async def get(self, task_id: TaskId, run: int) -> Progress | None:
        """Return how far a run is, if it said so and Redis is there."""
        try:
            found: object = await self._redis.get(_key(task_id, run))
        except RedisError:
            return None
        try:
            return msgspec.json.decode(found, type=Progress) if isinstance(found, bytes) and found else None
        except msgspec.MsgspecError as error:  # it holds up nobody that something else was written there
            _log.warning("progress.unreadable", error=type(error).__name__)
            return None

    async def changed(self, task_id: TaskId) -> None:
        """Tell those who watch a task to look again."""
        try:
            await self._publish(task_id)
        except RedisError as error:
            _log.warning("progress.not_told", error=type(error).__name__)

    async def closed(self) -> None:
        """Tell every API process that a tenant was closed."""
        try:
            await self._publish(CLOSED)
        except RedisError as error:
            _log.warning("tenant.not_told", error=type(error).__name__)

    async def _publish(self, word: TaskId | str) -> None:
        await self._redis.publish(CHANNEL, str(word))  # pyright: ignore[reportUnknownMemberType] - untyped options

    async def erase(self, task_id: TaskId, run: int) -> None:
        """Forget how far a run is, and what it shows from now on; raise `RedisError` if Redis is away."""
        await self._redis.set(_key(task_id, run), b"", ex=self._ttl)


def _key(task_id: TaskId, run: int) -> str:
    return f"ringback:progress:{task_id}:{run}"

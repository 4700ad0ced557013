"""What the API does again and again while it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from core.database import is_away

_log: Final = structlog.stdlib.get_logger()


async def repeat(name: str, turn: Callable[[], Awaitable[object]], *, pause: float) -> None:
    """Take turns until cancelled, `pause` seconds apart.

    A store that is away costs a turn and is not told here: the requests that need it tell of it. Anything else is a
    mistake and logged, once until a turn goes well again, but it must not end what everybody waits for.
    """
    told = False
    while True:
        try:
            await turn()
            told = False
        except Exception as error:  # noqa: BLE001 - see above
            if not (told or is_away(error) or isinstance(error, RedisConnectionError | RedisTimeoutError)):
                told = True
                _log.exception("background.failed", task=name)
        await asyncio.sleep(pause)

"""Doing something for as long as the store is away, but not while somebody else is in the way."""

from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec

from sqlalchemy.exc import DBAPIError
from tenacity import AsyncRetrying, retry_if_exception, wait_exponential_jitter

from core.database import is_away, is_lock_timeout
from core.model.errors import UnavailableError

MOST_APART: Final = 1.0
"""Seconds between two tries while the store is away."""
P = ParamSpec("P")


async def while_away(work: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
    """Do something as often as the store is away for it, but not while a row is locked."""
    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, Exception) and is_away(error) and not is_stuck(error)),
        wait=wait_exponential_jitter(multiplier=0.1, max=MOST_APART, jitter=0.2),
        reraise=True,
    )
    await retrying(work, *args, **kwargs)


def is_stuck(error: Exception) -> bool:
    """Tell whether it is others who are in the way: their locks, or filters that change while they are judged."""
    return isinstance(error, UnavailableError) or (isinstance(error, DBAPIError) and is_lock_timeout(error))

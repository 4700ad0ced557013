"""Whether the process lives, and whether it can work."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Final, Literal

from fastapi import APIRouter, Response
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from api.deps import StateDep
from api.schemas.fields import Out
from api.state import State
from core.registry.queries import list_task_types

PATIENCE: Final = 2.0
_AWAY: Final = (SQLAlchemyError, RedisError, OSError, TimeoutError)

router = APIRouter(tags=["operations"])


class HealthOut(Out):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadyOut(Out):
    """Each store by its name: `ok` or `unavailable`."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, Literal["ok", "unavailable"]]


@router.get("/healthz")
async def healthz(response: Response) -> HealthOut:
    """Say that the process lives; asks no store."""
    response.headers["Cache-Control"] = "no-store"
    return HealthOut()


@router.get("/readyz", responses={503: {"model": ReadyOut, "description": "A store is away."}})
async def readyz(state: StateDep, response: Response) -> ReadyOut:
    """Say whether each store can be reached, and the workers have registered their task types."""
    checks = await _checks(state)
    ready = all(value == "ok" for value in checks.values())
    response.status_code = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    response.headers["Cache-Control"] = "no-store"
    return ReadyOut(status="ok" if ready else "unavailable", checks=checks)


async def _checks(state: State) -> dict[str, Literal["ok", "unavailable"]]:
    database, redis = await asyncio.gather(_answers(_ask_database(state)), _answers(state.results.ping()))
    return {"database": _word(database), "redis": _word(redis), "broker": _word(state.publisher.connected)}


async def _ask_database(state: State) -> None:
    """Ask for what the workers offer: before any has registered, nothing could be submitted."""
    async with state.database.engine() as tx:
        if not await list_task_types(tx):
            raise TimeoutError


async def _answers(asked: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            await asked
    except _AWAY:
        return False
    return True


def _word(there: bool) -> Literal["ok", "unavailable"]:  # noqa: FBT001 - it is what the word says
    return "ok" if there else "unavailable"

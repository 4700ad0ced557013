"""The API in this process, started and stopped as a server would."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from api.app import create_app
from api.state import State
from core.model.api_key import new_api_key
from core.settings import Settings
from tests.support.stack import SECRET_KEYS

NOWHERE = "/nonexistent"


def settings_of(*, database: str | None = None, redis: str | None = None, broker: str | None = None) -> Settings:
    """Return the settings of an API whose stores are away, but for those that are given."""
    return Settings.model_validate(
        {
            "database_url": database or f"postgresql://ringback@/ringback?host={NOWHERE}",
            "redis_url": redis or f"unix://{NOWHERE}/redis.sock?db=1",
            "broker_url": broker or f"redis+socket://{NOWHERE}/redis.sock?virtual_host=0",
            "operator_key": new_api_key(),
            "secret_keys": SECRET_KEYS,
        }
    )


@asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """Run the API, once its broker is there or known to be away; the client holds the operator's key."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        state: object = app.state.ringback
        assert isinstance(state, State)
        await asyncio.to_thread(state.publisher.wait_until_ready, 0.5 if NOWHERE in str(settings.broker_url) else 10)
        assert settings.operator_key is not None
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://ringback",
            headers={"Authorization": f"Bearer {settings.operator_key.get_secret_value()}"},
        ) as client:
            yield client

"""The API in this process, started and stopped as a server would."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
from starlette.types import Message

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


async def asked_until(settings: Settings, path: str, tenant: str, *, chunks: int) -> bytes:
    """Ask the API as the operator for a tenant, and hang up while so many pieces of the body have come.

    Returns what came; raises `TimeoutError` if the API does not end then.
    """
    app = create_app(settings)
    assert settings.operator_key is not None
    headers = {"authorization": f"Bearer {settings.operator_key.get_secret_value()}", "ringback-tenant": tenant}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    written: list[bytes] = []
    gone, asked = asyncio.Event(), iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        if (message := next(asked, None)) is not None:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if body := message.get("body"):
            written.append(body)
        if len(written) == chunks:
            gone.set()
            await asyncio.Event().wait()  # as a server does once the client takes nothing more

    async with app.router.lifespan_context(app), asyncio.timeout(60):
        await app(scope, receive, send)
    return b"".join(written)

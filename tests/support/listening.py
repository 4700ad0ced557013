"""The API in this process behind a socket, spoken to through the product's protocol or one that goes further."""

from asyncio import get_running_loop
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
from uvicorn import Config
from uvicorn.server import ServerState

from api.app import create_app
from api.holdings import Holdings
from api.hot_protocol import HotProtocol
from core.settings import Settings
from tests.support.accounts import client_of, open_account


@asynccontextmanager
async def listening(
    settings: Settings, protocol: type[HotProtocol] = HotProtocol, holdings: Holdings | None = None
) -> AsyncGenerator[httpx.AsyncClient]:
    """Serve the API; the client has sent an event, for whose tenant nothing has to be asked any more."""
    app, state = create_app(settings), ServerState()
    config = Config(app, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False)
    loop = get_running_loop()
    async with app.router.lifespan_context(app):
        if holdings is not None:
            app.state.holdings = holdings
        server = await loop.create_server(lambda: protocol(config, state, {}, loop), "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert settings.operator_key is not None
        async with client_of(url, settings.operator_key.get_secret_value()) as operator:
            account = await open_account(operator)
        async with account.client as client:
            await client.post("/v1/events", json={"type": "warm", "data": 1})
            yield client
        server.close()
        await server.wait_closed()

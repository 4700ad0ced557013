"""The sender `httpx`: the reference, through the guarded transport."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from typing import Final

import httpx

from core.model.addresses import Network
from core.model.outcome import Outcome
from core.model.proxy import Proxy
from core.resolver import Resolver
from workers.delivery.deadlines import Deadlines
from workers.delivery.exchange import Listener, OutgoingRequest, Progress, judged
from workers.delivery.pool import IDLE_SECONDS
from workers.delivery.probe import ExchangeError, Probe
from workers.delivery.transport import GuardedTransport, SendError

_PIECES: Final = 4
"""In how many a body goes out that is to be slow."""


class HttpxSender:
    """A sender on httpx, through the guarded transport."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        allowed: tuple[Network, ...] = (),
        tls: ssl.SSLContext | None = None,
        idle_seconds: float = IDLE_SECONDS,
        proxy: Proxy | None = None,
    ) -> None:
        self._deadlines = Deadlines()
        self._under_way: set[asyncio.Task[None]] = set()
        self._transport = GuardedTransport(resolver, allowed=allowed, tls=tls, idle_seconds=idle_seconds, proxy=proxy)

    def start(self, request: OutgoingRequest, listener: Listener) -> None:
        """See `Sender.start`."""
        task = asyncio.get_running_loop().create_task(self._tell(request, listener))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def send(self, request: OutgoingRequest) -> Outcome:
        """See `Sender.send`."""
        return await judged(request, self._exchange, self._deadlines)

    async def aclose(self) -> None:
        """See `Sender.aclose`."""
        await self._transport.aclose()

    async def _tell(self, request: OutgoingRequest, listener: Listener) -> None:
        try:
            outcome = await self.send(request)
        except asyncio.CancelledError as error:
            listener.broke(error)
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits for it has to hear of it
            listener.broke(error)
        else:
            listener.ended(outcome)

    async def _exchange(self, request: OutgoingRequest, progress: Progress) -> None:
        try:
            await self._send(request, progress)
        except SendError as failure:
            raise ExchangeError(failure.error) from failure

    async def _send(self, request: OutgoingRequest, progress: Progress) -> None:
        response = await self._transport.handle_async_request(_httpx_request(request, progress.probe))
        progress.status, progress.headers = response.status_code, response.headers.raw
        try:
            await _read_body(response, progress)
        finally:
            await response.aclose()


async def _read_body(response: httpx.Response, progress: Progress) -> None:
    """Read the raw bytes to their end, or beyond the limit."""
    if not isinstance(response.stream, httpx.AsyncByteStream):
        return
    async for chunk in response.stream:
        progress.body += chunk
        if progress.full:
            return


def _httpx_request(request: OutgoingRequest, probe: Probe) -> httpx.Request:
    to = request.to
    target = to.target
    host = f"[{target.host}]" if ":" in target.host else target.host
    return httpx.Request(
        to.method,
        # httpx would rewrite `/a/../b` and re-quote what it does not like; the target goes beside the URL.
        f"{target.scheme}://{host}:{target.port}/",
        headers=[*to.headers, *request.headers, *_length(request)],
        content=_slowly(request) if request.pause else request.body,
        extensions={
            "lane": to.lane,
            "tenant": to.tenant,
            "probe": probe,
            "target": target.path_and_query.encode("ascii"),
        },
    )


def _length(request: OutgoingRequest) -> Sequence[tuple[str, str]]:
    """Return what httpx cannot know of a body that comes in pieces."""
    return (("Content-Length", str(len(request.body))),) if request.pause else ()


async def _slowly(request: OutgoingRequest) -> AsyncGenerator[bytes]:
    size = max(1, -(-len(request.body) // _PIECES))
    for start in range(0, len(request.body), size):
        yield request.body[start : start + size]
        await asyncio.sleep(request.pause / _PIECES)

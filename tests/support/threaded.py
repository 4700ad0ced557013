"""A receiver for tests that block."""

import asyncio
import threading
from functools import partial
from types import TracebackType
from typing import Self

from tests.support.answers import Answer
from tests.support.received import ReceivedRequest
from tests.support.receiver import Receiver


class ThreadedReceiver:
    """A `Receiver` in a loop and thread of its own, for tests that block: `with ThreadedReceiver() as …`."""

    def __init__(self, receiver: Receiver | None = None) -> None:
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="receiver", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.receiver = receiver or Receiver()

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.receiver.url

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Everything received so far."""
        return self.receiver.requests

    def script(self, *answers: Answer, path: str | None = None) -> None:
        """See `Receiver.script`."""
        self._running().call_soon_threadsafe(partial(self.receiver.script, *answers, path=path))

    def wait_for(self, count: int, *, within: float = 60.0) -> tuple[ReceivedRequest, ...]:
        """See `Receiver.wait_for`; blocks."""
        waiting = self.receiver.wait_for(count, within=within)
        return asyncio.run_coroutine_threadsafe(waiting, self._running()).result()

    def verify(self, secret: str) -> None:
        """See `Receiver.verify`."""
        self.receiver.verify(secret)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running().call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self.receiver:
            self._ready.set()
            await self._stop.wait()

    def _running(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

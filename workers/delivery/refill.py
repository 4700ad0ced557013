"""Fetch what lanes that have run dry may send next: all that run dry together in one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

import structlog

from core.model.queued import Queued
from core.patience import came
from workers.delivery.lanes import Lanes
from workers.loop import STORE_ERRORS

ROWS: Final = 1_000
"""Deliveries that one statement asks for at most, unless a single lane has room for more: lanes wait for each other."""
AGAIN_AFTER: Final = 0.5
"""Seconds until what could not be read is asked for again."""

_log: Final = structlog.stdlib.get_logger()


class Refills:
    """Brings lanes what they may send next, at once and not at the feeder's next turn."""

    def __init__(
        self,
        due: Callable[[Mapping[UUID, int]], Awaitable[Sequence[Queued]]],
        lanes: Lanes,
        brought: Callable[[], None],
    ) -> None:
        """Fetch nothing yet; `due` is `Claims.due`, `brought` is called after each fetch."""
        self._due: Final = due
        self._lanes: Final = lanes
        self._brought: Final = brought
        self._wanted: dict[UUID, int] = {}
        self._under_way: Final[set[asyncio.Task[None]]] = set()
        self._ended: Final = asyncio.Event()

    def want(self, lane: UUID, room: int) -> None:
        """Fetch so many of a lane, together with those of all lanes that are wanted in this turn of the loop."""
        if not self._wanted:
            asyncio.get_running_loop().call_soon(self._begin)
        self._wanted[lane] = max(room, self._wanted.get(lane, 0))

    async def end(self) -> None:
        """Fetch nothing more, and wait for what is being fetched."""
        self._ended.set()
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _begin(self) -> None:
        wanted, self._wanted = self._wanted, {}
        if self._ended.is_set():
            return
        for rooms in _parts(wanted):
            task = asyncio.create_task(self._fetch(rooms))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _fetch(self, rooms: Mapping[UUID, int]) -> None:
        try:
            self._lanes.offer(await self._due(rooms))
        except STORE_ERRORS as error:
            _log.warning("refill.failed", lanes=len(rooms), error=type(error).__name__)
            await self._ask_again(rooms)
            return
        except Exception:  # noqa: BLE001 - the lanes have to go on by what the feeder brings
            _log.exception("refill.broken", lanes=len(rooms))
        for lane in rooms:
            self._lanes.forget_idle(lane)
        self._brought()

    async def _ask_again(self, rooms: Mapping[UUID, int]) -> None:
        """Ask for all of them once more: of what was published the feeder would bring nothing for half a minute."""
        if not await came(self._ended, AGAIN_AFTER):
            for lane, room in rooms.items():
                self.want(lane, room)


def _parts(wanted: Mapping[UUID, int]) -> Iterator[dict[UUID, int]]:
    """Split lanes among statements of `ROWS` each; one that has room for more has a statement of its own."""
    part: dict[UUID, int] = {}
    rows = 0
    for lane, room in sorted(wanted.items(), key=lambda one: one[1]):
        if part and rows + room > ROWS:
            yield part
            part, rows = {}, 0
        part[lane] = room
        rows += room
    yield part

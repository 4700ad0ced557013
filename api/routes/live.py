"""The tenant's attempts as they happen: Server-Sent Events (WHATWG HTML, section 9.2)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from api.deps import LiveDep, TenantCaller, scoped
from api.listening import BEAT, BEAT_EVERY, HEADERS, Listener
from api.live import KEPT, Feed, Live
from api.schemas.live import LiveAttemptOut
from core import clock
from core.journal.live_queries import LiveAttempt, Place
from core.patience import came

_SLOW: Final = b'event: end\ndata: {"reason":"slow"}\n\n'

router = APIRouter(tags=["deliveries"])


@router.get(
    "/v1/stream",
    response_class=StreamingResponse,
    responses={200: {"description": "`attempt`, `reset` and `end` events.", "content": {"text/event-stream": {}}}},
)
async def stream_attempts(
    request: Request,
    live: LiveDep,
    caller: Annotated[TenantCaller, Depends(scoped("deliveries:read", owners=True))],
    last_event_id: Annotated[str | None, Header(description="Resumes after this event.", max_length=100)] = None,
) -> StreamingResponse:
    """Follow attempts as they are recorded: an `attempt` event for each, without headers and bodies.

    `Last-Event-ID` resumes without gap or repeat; a stream begins with an ID, so that one that broke off before it told
    of anything is resumed, too. Where more than 10,000 attempts came meanwhile, or the ID is none of this stream's, a
    `reset` event says that what came before now is left out: read it by `GET /v1/deliveries`. An `end` event tells a
    client that it reads too slowly. An attempt whose outcome came late comes a second time.
    """
    now, place = await live.horizon(), read_place(last_event_id)
    if place is None or not await live.may_resume(caller.tenant_id, place, now):
        place = None
    events = follow_attempts(request, live, caller, now, place, reset=last_event_id is not None and place is None)
    return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)


def read_place(text: str | None) -> Place | None:
    """Read an event's ID; `None` if it is none."""
    transaction, _, rest = (text or "").partition(".")
    delivery, _, number = rest.partition(".")
    with suppress(ValueError):
        place = Place(int(transaction), UUID(delivery), int(number))
        if 0 <= place.transaction < 2**63 and 0 <= place.number < 2**31:
            return place
    return None


def write_place(place: Place) -> str:
    """Return an event's ID."""
    return f"{place.transaction}.{place.delivery_id.hex}.{place.number}"


async def follow_attempts(
    request: Request, live: Live, caller: TenantCaller, now: Place, resumed: Place | None, *, reset: bool
) -> AsyncGenerator[bytes]:
    """Yield a stream; what is only others' shows every `BEAT_EVERY` seconds from where it may be resumed.

    That place names no delivery but one that was shown: an ID tells when it was made, which is no other owner's matter.
    """
    # Who has heard of nothing yet may resume as well.
    yield b"id: %b\nretry: 3000\n\n" % write_place(resumed or now).encode()
    if reset:
        yield b"id: %b\nevent: reset\ndata: {}\n\n" % write_place(now).encode()
    place = last = resumed or now
    caught_up, listener, told = False, Listener(request), clock.monotonic()
    with live.listening(caller.tenant_id, now) as (feed, changed):
        while await listener.may_listen() and not live.stopping:
            changed.clear()
            new, place, behind = await _next(live, caller, feed, place)
            if behind and caught_up:
                yield _SLOW
                return
            own = [one for one in new if caller.owner in (None, one.owner)]
            shown, last = b"".join(_event(one) for one in own), own[-1].place if own else last
            if not own and new and clock.monotonic() - told >= BEAT_EVERY:
                shown = b"id: %b\n\n" % write_place(max(last, Place(place.transaction))).encode()
            if shown:
                yield shown
                told = clock.monotonic()
            if behind:
                continue
            caught_up = True
            if not new and await listener.listen(partial(came, changed)) is False:
                yield BEAT
                told = clock.monotonic()


async def _next(
    live: Live, caller: TenantCaller, feed: Feed, place: Place
) -> tuple[Sequence[LiveAttempt], Place, bool]:
    """Return what comes after a place, the place after it, and whether it had to be read from Postgres."""
    kept = feed.after(place)
    if kept is not None:
        return kept, kept[-1].place if kept else place, False
    found, after = await live.page(caller.tenant_id, place)
    return found, after, True


@lru_cache(maxsize=KEPT)  # all listeners of a tenant get the same
def _event(attempt: LiveAttempt) -> bytes:
    data = LiveAttemptOut.of(attempt).model_dump_json().encode()
    return b"id: %b\nevent: attempt\ndata: %b\n\n" % (write_place(attempt.place).encode(), data)

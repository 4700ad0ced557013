"""Plain events straight from the parser to their group: no task, no ASGI messages, no future for each of them.

```
headers ──► POST /v1/events, plain, a key that was just looked up? ──► no: uvicorn's way, in `api.hot`
                 └──► yes: body ──► read ──► its group ──► 202, with all others of the group
                                     └──► anything else than usual: uvicorn's way, from the start
```
What is not answered by 202 at once is answered by the functions that answer it there, so that errors are the same.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, cast

from fastapi import FastAPI, Request, Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.auth import Caller, Keys
from api.errors import error_answer
from api.hot_events import EVENTS_PATH, Headers, first_of_each, is_plain, key_in, known_sender
from api.incoming import read_usual
from api.middleware import new_request_id
from api.request_lines import RequestLine, RequestLines
from api.routes.events import answer_to_event
from core import clock
from core.intake.acceptance import Acceptance
from core.intake.dedupe import RequestKey
from core.intake.event_group import Outcome
from core.intake.event_queries import Line
from core.intake.outcomes import Accepted
from core.intake.together import record_of

_URL: Final = EVENTS_PATH.encode()
_NOT_HERE: Final = frozenset({b"transfer-encoding", b"upgrade", b"expect"})
_NOBODY_WAITS: Final = asyncio.Event()


@dataclass(frozen=True, slots=True)
class HotWay:
    """What recording events on this way needs, as `app.state.hot`."""

    keys: Keys
    acceptance: Acceptance
    lines: RequestLines


class HotProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a way of its own for events."""

    def on_headers_complete(self) -> None:
        """Begin a request."""
        event = self._begin()
        if event is None:
            super().on_headers_complete()
        else:
            self.cycle = event

    def on_body(self, body: bytes) -> None:
        """Keep a part of a body; there is no more of it than its length says, which is within the limit."""
        event = self.cycle
        if isinstance(event, HotEvent):
            event.parts.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Have an event recorded, or begin its request again on uvicorn's way."""
        event = self.cycle
        if not isinstance(event, HotEvent):
            super().on_message_complete()
            return
        body = event.parts[0] if len(event.parts) == 1 else b"".join(event.parts)
        event.parts.clear()
        if not event.record(body):
            self.cycle = None  # pyright: ignore[reportAttributeAccessIssue] - as it is at first, whatever its type says
            super().on_headers_complete()
            super().on_body(body)
            super().on_message_complete()

    def _begin(self) -> "HotEvent | None":
        parser, before = self.parser, cast("RequestResponseCycle | None", self.cycle)  # it is none at first
        if self.url != _URL or parser is None or parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return None
        if not (before is None or before.response_complete) or self.flow.write_paused or self.root_path:
            return None
        headers, app = first_of_each(self.headers), self.config.app
        if not is_plain(headers) or not _NOT_HERE.isdisjoint(headers) or self.limit_concurrency is not None:
            return None
        way: object = getattr(app.state, "hot", None) if isinstance(app, FastAPI) else None
        caller = known_sender(way.keys, headers) if isinstance(way, HotWay) else None
        if caller is None or not isinstance(way, HotWay):
            return None
        return HotEvent(self, way, headers, caller, keep_alive=parser.should_keep_alive())


class HotEvent(RequestResponseCycle):
    """An event on its way, in the place of uvicorn's cycle of a request and its answer."""

    def __init__(
        self, protocol: HotProtocol, way: HotWay, headers: Headers, caller: Caller, *, keep_alive: bool
    ) -> None:
        """Begin; what uvicorn looks at is set here, and not by its own constructor."""
        self.scope = protocol.scope
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False
        self.message_event = _NOBODY_WAITS
        self.parts: Final[list[bytes]] = []
        self._protocol: Final = protocol
        self._way: Final = way
        self._headers: Final = headers
        self._caller: Final = caller
        self._started: Final = clock.monotonic()
        self._line: Line | None = None
        self._key: RequestKey | None = None
        self._request_id: Final = new_request_id()
        self._told = False

    def record(self, body: bytes) -> bool:
        """Hand the event to its group; false if it is not as usual, and nothing was begun."""
        tenant_id = self._caller.tenant_id
        try:
            wish = read_usual(body)
            if wish is None or tenant_id is None:
                return False
            self._key = key_in(self._headers, tenant_id, EVENTS_PATH, body)
            self._line = self._way.acceptance.begin(tenant_id, wish, self._key, self)
        except Exception:  # noqa: BLE001 - whatever it is, it is raised again on the other way, which answers it
            return False
        return self._line is not None

    def done(self) -> bool:
        """See `core.intake.shared.Answer`; a client that has gone is waited for like any other."""
        return self._told

    def set_result(self, outcome: Outcome | None, /) -> None:
        """Answer, at once if the event was made, else when it is clear why not."""
        self._told = True
        if self._line is None or outcome is None or outcome.inserted.made_at is None:
            self._later(outcome)
            return
        try:
            response = answer_to_event(Accepted(record_of(self._line.event, outcome.inserted)))
        except Exception as error:  # noqa: BLE001 - it must not reach the others of the group
            response = self._refusal(error)
        self._send(response)

    def set_exception(self, error: Exception, /) -> None:
        """Answer an error."""
        self._told = True
        self._send(self._refusal(error))

    def _later(self, outcome: Outcome | None) -> None:
        tasks = self._protocol.tasks
        task = asyncio.get_running_loop().create_task(self._settle(outcome))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _settle(self, outcome: Outcome | None) -> None:
        assert self._line is not None
        try:
            response = answer_to_event(await self._way.acceptance.settled(self._line, self._key, outcome))
        except Exception as error:  # noqa: BLE001 - each has its answer, the last one a 500
            response = self._refusal(error)
        self._send(response)

    def _refusal(self, error: Exception) -> Response:
        told = {"method": "POST", "path": EVENTS_PATH, "query_string": b"", "ringback.request_id": self._request_id}
        return error_answer(Request({**self.scope, **told}), error)

    def _send(self, response: Response) -> None:
        """Send a whole answer, as `RequestResponseCycle.send` does in two messages."""
        self._tell(response.status_code)
        self.response_complete = True
        if self.disconnected:
            return
        protocol = self._protocol
        lines = [STATUS_LINE[response.status_code]]
        for name, value in (*protocol.server_state.default_headers, *response.raw_headers):
            lines += (name, b": ", value, b"\r\n")
        lines += (b"x-request-id: ", self._request_id.encode(), b"\r\n")
        lines += (b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n", bytes(response.body))
        protocol.transport.write(b"".join(lines))
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()

    def _tell(self, status: int) -> None:
        ms = round((clock.monotonic() - self._started) * 1000, 1)
        self._way.lines.tell(RequestLine(self._request_id, "POST", EVENTS_PATH, status, ms, self._caller.shown_tenant))

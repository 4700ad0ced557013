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
from http import HTTPStatus
from typing import Final, cast

import structlog
from fastapi import FastAPI, Request, Response
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from api.auth import Caller, Keys
from api.errors import CLIENT_LEFT, ProblemError, error_answer
from api.holdings import SHORT
from api.hot_events import EVENTS_PATH, Headers, first_of_each, is_plain, key_in, known_sender, text_in
from api.incoming import read_usual
from api.middleware import new_request_id
from api.patient_protocol import PatientProtocol
from api.raw_answers import ANSWERED, NOBODY_WAITS, refusal, written
from api.request_lines import RequestLine, RequestLines
from api.routes.events import answer_to_event
from api.traces import traced
from core import clock
from core.intake.acceptance import Acceptance
from core.intake.dedupe import RequestKey
from core.intake.event_group import Outcome
from core.intake.event_queries import Line
from core.intake.outcomes import Accepted
from core.intake.together import record_of

_URL: Final = EVENTS_PATH.encode()
_NOT_HERE: Final = frozenset({b"transfer-encoding", b"upgrade", b"expect"})

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class HotWay:
    """What recording events on this way needs, as `app.state.hot`."""

    keys: Keys
    acceptance: Acceptance
    lines: RequestLines


class HotProtocol(PatientProtocol):
    """uvicorn's protocol, with a way of its own for events.

    Of requests that do not wait for answers uvicorn knows the last one, as `cycle`; `_first` is the one that is
    answered next. Only one of those that have no answer yet is an event on the short way, and that is the first.
    """

    _first: RequestResponseCycle | None = None

    def on_headers_complete(self) -> None:
        """Begin a request."""
        event = self._begin()
        if event is None:
            self._begin_the_long_way()
        else:
            self.cycle = self._first = event

    def on_body(self, body: bytes) -> None:
        """Keep a part of a body; there is no more of it than its length says, which is within the limit."""
        event = self.cycle
        if not isinstance(event, HotEvent):
            super().on_body(body)
        elif not event.begun:  # else it is the body of an upgrade, for which uvicorn makes no cycle
            event.parts.append(body)

    def on_message_complete(self) -> None:
        """Have an event recorded, or begin its request again on uvicorn's way."""
        event = self.cycle
        if not isinstance(event, HotEvent):
            super().on_message_complete()
            return
        self._whole = True
        if event.begun:
            return
        body = event.parts[0] if len(event.parts) == 1 else b"".join(event.parts)
        event.parts.clear()
        if not event.record(body):
            self.cycle, self._first = ANSWERED, None
            self._begin_the_long_way()
            super().on_body(body)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Let go of an event that was answered: the connection may lie idle for long. Begin the next request."""
        self._first = self.pipeline[-1][0] if self.pipeline else None
        if isinstance(self.cycle, HotEvent):
            self.cycle = ANSWERED
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP by a problem, and close; only close if the answer to an earlier request is due."""
        self._refuse(ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", msg))

    def is_awaited(self) -> bool:
        """Tell whether no earlier request is under way."""
        last = cast("RequestResponseCycle | None", self.cycle)
        if not super().is_awaited() or last is None or last.response_complete:
            return super().is_awaited()
        return last is self._first and (last.more_body if not isinstance(last, HotEvent) else not last.begun)

    def refuse_late(self) -> None:
        """Answer a request that does not come by a problem, and close."""
        self._refuse(ProblemError(HTTPStatus.REQUEST_TIMEOUT, "request-timeout", "It did not come in time."))

    def _refuse(self, error: ProblemError) -> None:
        answers = self._reads_what_is_answered_next() and not self.transport.is_closing()
        self._hang_up()
        if answers:
            self.transport.write(refusal(self.server_state.default_headers, error))
        self.transport.close()

    def shutdown(self) -> None:
        """As uvicorn stops: answer what is under way, which then waits for nothing more."""
        app = self.config.app
        dismiss: object = getattr(app.state, "dismiss", None) if isinstance(app, FastAPI) else None
        if callable(dismiss):
            dismiss()
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request under way, where uvicorn tells the last one, and let go of them."""
        self._hang_up()
        if isinstance(self.cycle, HotEvent):
            self.cycle.leave()
        super().connection_lost(exc)
        self.cycle, self._first = ANSWERED, None

    def _hang_up(self) -> None:
        for cycle in (self._first, cast("RequestResponseCycle | None", self.cycle)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _reads_what_is_answered_next(self) -> bool:
        last = cast("RequestResponseCycle | None", self.cycle)
        if last is None:
            return True
        if last.response_complete:
            return not last.more_body
        if isinstance(last, HotEvent):
            return not last.begun
        return last is self._first and last.more_body and not last.response_started

    def _begin_the_long_way(self) -> None:
        super().on_headers_complete()
        if self._first is None:
            self._first = self.cycle

    def _begin(self) -> "HotEvent | None":
        parser, before = self.parser, cast("RequestResponseCycle | None", self.cycle)  # it is none at first
        if self.url != _URL or parser is None or parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return None
        if not (before is None or before.response_complete) or self.flow.write_paused or self.root_path:
            return None
        headers, app = first_of_each(self.headers), self.config.app
        if not is_plain(headers, SHORT) or not _NOT_HERE.isdisjoint(headers) or self.limit_concurrency is not None:
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
        self.message_event = NOBODY_WAITS
        self.more_body = False  # for what is not HTTP: there is no such thing within a body of a known length
        self.begun = False
        self.parts: Final[list[bytes]] = []
        self._protocol: Final = protocol
        self._way: Final = way
        self._headers: Final = headers
        self._caller: Final = caller
        self._started: Final = clock.monotonic()
        self._whole_at = self._started
        self._line: Line | None = None
        self._key: RequestKey | None = None
        self._request_id: Final = new_request_id()
        self._told = False

    def record(self, body: bytes) -> bool:
        """Hand the event to its group; false if it is not as usual, and nothing was begun."""
        tenant_id, self._whole_at = self._caller.tenant_id, clock.monotonic()
        try:
            wish = read_usual(body)
            if wish is None or tenant_id is None:
                return False
            wish = traced(wish, text_in(self._headers, b"traceparent"))
            self._key = key_in(self._headers, tenant_id, EVENTS_PATH, body)
            self._line = self._way.acceptance.begin(tenant_id, wish, self._key, self)
        except Exception:  # noqa: BLE001 - whatever it is, it is raised again on the other way, which answers it
            return False
        self.begun = self._line is not None
        return self.begun

    def leave(self) -> None:
        """Log a request whose client hung up before it was whole."""
        if not self.begun:
            self._tell(CLIENT_LEFT)

    def done(self) -> bool:
        """See `core.intake.shared.Answer`; a client that has gone is waited for like any other."""
        return self._told

    def set_result(self, outcome: Outcome | None, /) -> None:
        """Answer, at once if the event was made, else when it is clear why not."""
        self._told = True
        try:
            if self._line is None or outcome is None or outcome.inserted.made_at is None:
                self._later(outcome)
            else:
                self._send(answer_to_event(Accepted(record_of(self._line.event, outcome.inserted))))
        except Exception as error:  # noqa: BLE001 - it must not reach the others of the group
            self._refuse(error)

    def set_exception(self, error: Exception, /) -> None:
        """Answer an error."""
        self._told = True
        self._refuse(error)

    def _later(self, outcome: Outcome | None) -> None:
        tasks = self._protocol.tasks
        task = asyncio.get_running_loop().create_task(self._settle(outcome))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _settle(self, outcome: Outcome | None) -> None:
        assert self._line is not None
        try:
            settled = self._way.acceptance.settled(self._line, self._key, outcome, since=self._whole_at)
            self._send(answer_to_event(await settled))
        except Exception as error:  # noqa: BLE001 - each has its answer, the last one a 500
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        """Answer an error; one while an answer was sent ends the connection, as a part of it may have left."""
        failed = error
        if not self.response_complete:
            try:
                self._send(self._refusal(error))
            except Exception as another:  # noqa: BLE001 - it is logged
                failed = another
            else:
                return
        _log.error("request.failed", request_id=self._request_id, exc_info=failed)
        self._protocol.transport.abort()

    def _refusal(self, error: Exception) -> Response:
        told = {"method": "POST", "path": EVENTS_PATH, "query_string": b"", "ringback.request_id": self._request_id}
        return error_answer(Request({**self.scope, **told}), error)

    def _send(self, response: Response) -> None:
        """Send a whole answer, as `RequestResponseCycle.send` does in two messages, if somebody is there for it."""
        self.response_complete = True
        self._tell(response.status_code)
        protocol, keep = self._protocol, self.keep_alive
        transport = protocol.transport
        if self.disconnected or transport.is_closing():
            return
        transport.write(written(protocol.server_state.default_headers, response, self._request_id, keep_alive=keep))
        if not keep:
            transport.close()
        protocol.on_response_complete()

    def _tell(self, status: int) -> None:
        ms = round((clock.monotonic() - self._started) * 1000, 1)
        self._way.lines.tell(RequestLine(self._request_id, "POST", EVENTS_PATH, status, ms, self._caller.shown_tenant))

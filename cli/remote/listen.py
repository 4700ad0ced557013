"""`ringback listen`: events on their way to a server on this machine.

```
a pull endpoint, made for this ──► pull ──► the local server ──► ack ──► printed        deleted at the end
```
"""

import json as json_text
import signal
import socket
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Annotated, Final, NoReturn, cast

import typer
from rich.text import Text

from cli.failure import CommandError
from cli.remote.client import Client, Json
from cli.remote.forward import Forwarded, Forwarder
from cli.remote.patience import patiently
from cli.remote.show import AsJson, console, opened, print_json

AT_ONCE: Final = 10
WAIT: Final = 30
SCHEDULE: Final = (1, 5, 30)
"""Seconds: somebody sits in front of it."""
_GOOD: Final = range(200, 300)
_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _StoppedError(Exception):
    """Somebody wishes an end."""


def listen(
    context: typer.Context,
    *,
    forward: Annotated[str, typer.Option(help="Where events are sent on to: http://localhost:3000/hook.")],
    event_type: Annotated[list[str] | None, typer.Option("--type", help="May stand several times; all else.")] = None,
    secret: Annotated[str | None, typer.Option(help="What they are signed with; made if not given.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
    json: AsJson = False,
) -> None:
    """Send events on to a local server as they come, until Ctrl-C.

    A temporary endpoint takes them, beside all others; it is deleted at the end.
    """
    client, forwarder = opened(context), Forwarder(forward)
    wish: Json = {
        "mode": "pull",
        "event_types": event_type or None,
        "description": f"ringback listen on {socket.gethostname()}",
        "retry_policy": {"schedule": list(SCHEDULE)},
        "secret": secret,
    }
    with suppress(_StoppedError), _stoppable(), closing(forwarder), _endpoint(client, wish) as made:
        _greet(made, forward, as_json=json)
        _run(client, str(made["id"]), forwarder, count, as_json=json)


@contextmanager
def _stoppable() -> Generator[None]:
    """Let Ctrl-C, SIGTERM and a terminal that is closed end what is under way, once.

    What is cleaned up then is not interrupted.
    """

    def stop(*_: int | FrameType | None) -> NoReturn:
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)
        raise _StoppedError

    before = {number: signal.signal(number, stop) for number in _ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _endpoint(client: Client, wish: Json) -> Generator[Json]:
    made = client.post("/v1/endpoints", wish)
    try:
        yield made
    finally:
        try:
            client.delete(f"/v1/endpoints/{made['id']}")
        except CommandError as error:
            message = f"{error}; its endpoint {made['id']} is still there: `ringback endpoints delete {made['id']}`"
            raise CommandError(message, error.code) from error


def _run(client: Client, endpoint: str, forwarder: Forwarder, count: int | None, *, as_json: bool) -> None:
    left = count
    with ThreadPoolExecutor(AT_ONCE) as threads:
        while left is None or left > 0:
            most = AT_ONCE if left is None else min(AT_ONCE, left)
            page = patiently(partial(_pull, client, endpoint, most), partial(_pull, client, endpoint, most, wait=0))
            pulled = cast("Sequence[Json]", page["data"])
            done = list(threads.map(forwarder.send, pulled))
            if done:
                acks: Json = {"acks": [one.ack for one in done]}
                patiently(partial(client.post, f"/v1/endpoints/{endpoint}/ack", acks))
            for one in done:
                _print(one, as_json=as_json)
            left = None if left is None else left - len(done)


def _pull(client: Client, endpoint: str, most: int, *, wait: int = WAIT) -> Json:
    return client.post(f"/v1/endpoints/{endpoint}/pull", {"max": most, "wait": wait})


def _greet(made: Json, forward: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"endpoint_id": made["id"], "secret": made["secret"], "forward": forward})
        return
    lines = console()
    lines.print(Text.assemble("listening for ", forward, (f"  {made['id']}", "dim")))
    lines.print(Text.assemble("signed with ", str(made["secret"])))


def _print(one: Forwarded, *, as_json: bool) -> None:
    event = cast("Json", json_text.loads(str(cast("Json", one.pulled["request"])["body"])))
    said: Json = {
        "event_id": one.pulled["event_id"],
        "type": event["type"],
        "number": one.pulled["number"],
        "status": one.status,
        "error": one.error,
        "ms": round(one.milliseconds, 1),
    }
    if as_json:
        print_json({**said, "delivery_id": one.pulled["delivery_id"], "data": event["data"]})
        return
    good = one.status in _GOOD
    line = Text.assemble(
        f"{str(event['timestamp'])[11:19]} {said['type']} → ",
        (str(one.status or one.error), "green" if good else "red"),
        (
            f"  {said['ms']} ms  {said['event_id']}" + (f"  #{said['number']}" if one.pulled["number"] != 1 else ""),
            "dim",
        ),
    )
    console().print(line)

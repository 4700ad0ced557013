"""`ringback tail`: attempts as they happen."""

import json as json_text
import sys
from typing import Annotated, Final, cast

import typer
from rich.text import Text

from cli.failure import CommandError, ExitCode
from cli.remote.client import Client, Json
from cli.remote.show import AsJson, console, opened, print_json, styled
from cli.remote.sse import Event, events_of
from core import clock

GAP: Final = 1.0
"""Seconds that a stream has to have lasted to be taken up again at once."""


def tail(
    context: typer.Context,
    *,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
    json: AsJson = False,
) -> None:
    """Print attempts as they happen, until Ctrl-C."""
    client, left, last = opened(context), count, None
    while left is None or left > 0:
        began = clock.monotonic()
        left, last = _follow(client, left, last, as_json=json)
        if clock.monotonic() - began < GAP and left != 0:
            raise CommandError("the stream ends as soon as it begins", ExitCode.UNREACHABLE)


def _follow(client: Client, left: int | None, last: str | None, *, as_json: bool) -> tuple[int | None, str | None]:
    """Print one stream; return how many are left, and after which event it goes on."""
    with client.stream("/v1/stream", last) as lines:
        if last is None:
            sys.stderr.write("following attempts\n")
            sys.stderr.flush()
        for event in events_of(lines):
            last = event.id or last
            if event.name == "attempt":
                _print(event, as_json=as_json)
                left = None if left is None else left - 1
            if left == 0:
                break
    return left, last


def _print(event: Event, *, as_json: bool) -> None:
    attempt = cast("Json", json_text.loads(event.data))
    if as_json:
        print_json(attempt)
        return
    became = attempt["response_status"] or attempt["error"] or attempt["outcome"]
    total = cast("Json", attempt["duration_ms"])["total"]
    line = Text.assemble(
        f"{str(attempt['started_at'])[11:23]} ",
        styled(attempt["outcome"]),
        f" {became} {attempt['event_type']} #{attempt['number']} → {attempt['url'] or 'pulled'}",
        (f" {total} ms {attempt['delivery_id']}", "dim"),
    )
    console().print(line)

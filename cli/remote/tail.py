"""`ringback tail`: attempts as they happen."""

import json as json_text
import sys
from contextlib import closing
from typing import Annotated, cast

import typer
from rich.text import Text

from cli.remote.client import Json
from cli.remote.patience import followed, say
from cli.remote.show import AsJson, console, opened, print_json, styled
from cli.remote.sse import Event


def tail(
    context: typer.Context,
    *,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
    json: AsJson = False,
) -> None:
    """Print attempts as they happen, until Ctrl-C."""
    left = count
    with closing(followed(opened(context), "/v1/stream", _greet)) as events:
        for event in events:
            if event.name == "attempt":
                _print(event, as_json=json)
                left = None if left is None else left - 1
            elif event.name == "reset":
                say("more attempts came meanwhile than are told again: `ringback deliveries list` has them")
            if left == 0:
                break


def _greet() -> None:
    sys.stderr.write("following attempts\n")
    sys.stderr.flush()


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

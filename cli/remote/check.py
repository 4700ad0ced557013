"""`ringback check`: whether a receiver takes what it has to, and refuses what it has to."""

from typing import Annotated, cast

import typer
from rich.text import Text

from cli.failure import CommandError, ExitCode
from cli.remote.client import Json
from cli.remote.show import AsJson, console, opened, show_one
from cli.remote.tasks import follow
from core import clock
from core.model import ids


def check(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="URL or ENDPOINT", help="http://localhost:3000/hook, or ep_…")],
    *,
    secret: Annotated[
        str | None, typer.Option(envvar="RINGBACK_SECRET", help="Of a URL: what it verifies with [RINGBACK_SECRET].")
    ] = None,
    timeout: Annotated[int, typer.Option(min=1, max=30, help="Of a URL: seconds for each answer.")] = 15,
    json: AsJson = False,
) -> None:
    """Try what a receiver takes and what it refuses, by eleven messages of type `ringback.test`.

    A URL is tried from this machine; an endpoint by Ringback, as its deliveries are sent. Exit 4 if anything failed.
    """
    if target.startswith(f"{ids.ENDPOINT}_"):
        report = _by_ringback(context, target)
    else:
        report = _from_here(target, secret, timeout)
    if json:
        show_one(report, as_json=True)
    else:
        _print(report)
    if not report["passed"]:
        raise CommandError("the receiver does not pass", ExitCode.FAILED)


def _from_here(url: str, secret: str | None, timeout: int) -> Json:
    from cli.remote.trial import Trials  # noqa: PLC0415 - what signs takes long to import, and no other command needs it
    from core.model.conformance import messages  # noqa: PLC0415 - see above
    from core.model.signature import InvalidSecretError, parse_secret  # noqa: PLC0415 - see above

    if secret is None:
        raise CommandError("a URL is checked with its secret: --secret whsec_… or RINGBACK_SECRET", ExitCode.USAGE)
    try:
        key = parse_secret(secret)
    except InvalidSecretError as error:
        raise CommandError(f"--secret: {error}", ExitCode.USAGE) from error
    now = clock.unix_seconds()
    made = messages([key], now=int(now), new_id=lambda: ids.encode(ids.EVENT, ids.new_uuid7(now)))
    trials = Trials(url, timeout)
    found = [trials.run(message) for message in made]
    return {"passed": all(one["passed"] for one in found), "trials": found}


def _by_ringback(context: typer.Context, endpoint: str) -> Json:
    client = opened(context)
    started = client.post(f"/v1/endpoints/{endpoint}/check")
    task = follow(client, str(started["task_id"]), started)
    if task["status"] != "SUCCESS":
        error = cast("Json", task.get("error") or {})
        raise CommandError(f"the check ended as {task['status']}: {error.get('detail')}", ExitCode.FAILED)
    return cast("Json", task["result"])


def _print(report: Json) -> None:
    lines = console()
    for one in cast("list[Json]", report["trials"]):
        mark, style = {True: ("ok  ", "green"), False: ("FAIL", "red")}.get(
            cast("bool", one["passed"]), ("?   ", "yellow")
        )
        said = one["status"] or str(one["error"]).replace("_", " ")
        lines.print(Text.assemble((mark, style), f" {one['sends']}: {said}", (f"  {one['ms']} ms", "dim")))
        if one["mend"]:
            lines.print(Text(f"     {one['mend']}", style=style))
    if any(one["passed"] is None and one["error"] != "not_sent" for one in cast("list[Json]", report["trials"])):
        lines.print(Text("?    proves nothing while a good message is not taken", style="yellow"))

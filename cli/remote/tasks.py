"""`ringback tasks`: run one, and see how it goes."""

import json as json_text
from contextlib import closing
from typing import Annotated, Final, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cli.failure import CommandError, ExitCode
from cli.remote.client import Client, Json
from cli.remote.given import read_json
from cli.remote.patience import followed
from cli.remote.show import AsJson, Limit, opened, show_one, show_rows

app = typer.Typer(help="Tasks.", no_args_is_help=True)
_ENDED: Final = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


@app.command("types")
def list_types(context: typer.Context, *, limit: Limit = 100, json: AsJson = False) -> None:
    """List what can be run."""
    rows = opened(context).items("/v1/task-types", limit=limit)
    show_rows(rows, ("name", "description", "queue"), as_json=json)


@app.command("run")
def run_task(
    context: typer.Context,
    type_: Annotated[str, typer.Argument(metavar="TYPE")],
    *,
    input_: Annotated[str, typer.Option("--input", help="JSON, @file, or - for standard input.")] = "{}",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit 4 if it fails.")] = False,
    json: AsJson = False,
) -> None:
    """Submit a task."""
    client = opened(context)
    task = client.post("/v1/tasks", {"type": type_, "input": read_json(input_, option="--input")})
    if wait and task["status"] not in _ENDED:
        task = follow(client, str(task["task_id"]), task)
    show_one(task, as_json=json)
    if wait and task["status"] != "SUCCESS":
        error = cast("Json", task.get("error") or {})
        raise CommandError(f"the task ended as {task['status']}: {error.get('detail')}", ExitCode.FAILED)


@app.command("list")
def list_tasks(
    context: typer.Context,
    *,
    status: Annotated[str | None, typer.Option()] = None,
    type_: Annotated[str | None, typer.Option("--type")] = None,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """List tasks."""
    rows = opened(context).items("/v1/tasks", limit=limit, status=status, type=type_)
    show_rows(rows, ("task_id", "type", "status", "created_at", "finished_at"), as_json=json)


@app.command("show")
def show_task(context: typer.Context, task: str, *, json: AsJson = False) -> None:
    """Show a task."""
    show_one(opened(context).get(f"/v1/tasks/{task}"), as_json=json)


@app.command("cancel")
def cancel_task(context: typer.Context, task: str, *, json: AsJson = False) -> None:
    """Revoke a task that waits, stop one that runs."""
    show_one(opened(context).post(f"/v1/tasks/{task}/cancel"), as_json=json)


def follow(client: Client, task_id: str, task: Json) -> Json:
    """Follow a task to its end, with a bar where somebody looks; a stream that breaks off is taken up again."""
    with bar_on(Console(stderr=True)) as bar:
        row = bar.add_task(str(task["type"]), total=None, said="")
        with closing(followed(client, f"/v1/tasks/{task_id}/stream")) as events:
            while task["status"] not in _ENDED:
                task = cast("Json", json_text.loads(next(events).data))
                _draw(bar, row, task)
    return task


def bar_on(console: Console) -> Progress:
    """Return a bar; what the task says beside it is text, whatever brackets it holds."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def _draw(bar: Progress, row: TaskID, task: Json) -> None:
    progress = cast("Json", task.get("progress") or {})
    total, current = progress.get("total"), progress.get("current")
    bar.update(
        row,
        total=total if isinstance(total, int | float) else None,
        completed=current if isinstance(current, int | float) else 0,
        said=str(progress.get("message") or task["status"]),
    )

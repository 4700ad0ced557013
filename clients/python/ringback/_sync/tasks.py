"""Tasks, and the types that they are of."""

import json
from collections.abc import Generator, Mapping
from contextlib import closing
from http import HTTPStatus
from math import ceil
from typing import Any, Final, Unpack

from ringback._sync.pages import Pages
from ringback._sync.streams import events
from ringback._sync.wire import Wire
from ringback.answers import given, path, read
from ringback.clock import Deadline
from ringback.errors import ResultPendingError, TaskFailedError, WaitTimeoutError
from ringback.generated.models import DeliveryOut, DeliveryPage, TaskOut, TaskPage, TaskTypeList, TaskTypeOut
from ringback.generated.params import ListTaskDeliveriesParametersQuery, ListTasksParametersQuery
from ringback.pauses import pause
from ringback.retries import retry_after

HOLD: Final = 30
"""Seconds for which one request waits: half of what the API allows, as some proxies cut a silent connection at 60."""
_ASYNC: Final = {"Prefer": "respond-async"}


class Tasks:
    """`client.tasks`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def submit(
        self,
        type: str,  # noqa: A002 - the API's word
        input: Mapping[str, object] | None = None,  # noqa: A002 - the API's word
        *,
        file: bytes | tuple[str, bytes] | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        delay: int | None = None,
        expires_in: int | None = None,
        unique_key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> TaskOut:
        """Submit a task and return it as it stands: recorded, and mostly not begun.

        `file`, or its name and content, goes with task types that take one (10 MiB at most); `delay` and `expires_in`
        are seconds. With a `unique_key` that a task has which waits, runs or has succeeded, that task comes back.
        """
        wish = given(
            {
                "input": input if input is not None or file is not None else {},
                "webhook_url": webhook_url,
                "webhook_secret": webhook_secret,
                "delay": delay,
                "expires_in": expires_in,
                "unique_key": unique_key,
                "metadata": metadata,
            }
        )
        answer = self._wire.send(
            "POST",
            path("tasks"),
            json={"type": type, **wish} if file is None else None,
            files=None if file is None else _form(type, wish, file),
            headers=_ASYNC,
            idempotency_key=idempotency_key,
        )
        return read(answer, TaskOut)

    def run(
        self,
        type: str,  # noqa: A002 - the API's word
        input: Mapping[str, object] | None = None,  # noqa: A002 - the API's word
        *,
        timeout: float | None = None,
    ) -> Any:  # noqa: ANN401  # pyright: ignore[reportExplicitAny] - known to the type of task alone
        """Submit a task, wait for its end and return its result; `timeout` is in seconds.

        Raises `TaskFailedError` if it does not succeed, `WaitTimeoutError` if it goes on.
        """
        task = self.wait((self.submit(type, input)).task_id, timeout=timeout)
        if task.status != "SUCCESS":
            raise TaskFailedError(task)
        return task.result if task.result is not None else self.result(task.task_id)

    def get(self, task_id: str) -> TaskOut:
        """Return a task as it stands."""
        return self._wire.request("GET", path("tasks", task_id), into=TaskOut)

    def wait(self, task_id: str, *, timeout: float | None = None) -> TaskOut:
        """Return a task once it has ended, well or badly; `timeout` is in seconds, `None` for as long as it takes.

        The API holds each request until the task ends, 30 s at most. Raises `WaitTimeoutError`.
        """
        deadline = Deadline(timeout)
        while True:
            hold = ceil(min(HOLD, deadline.left()))
            answer = self._wire.send(
                "GET", path("tasks", task_id), headers={"Prefer": f"wait={hold}"}, timeout=hold + self._wire.timeout
            )
            task = read(answer, TaskOut)
            if answer.status_code == HTTPStatus.OK:
                return task
            asked = retry_after(answer.headers) or 0.0
            if deadline.left() <= asked:
                raise WaitTimeoutError(task)
            pause(asked)

    def follow(self, task_id: str) -> Generator[TaskOut]:
        """Yield a task as it stands, and again whenever its state or its progress changes, until its end.

        A connection that is lost is opened again, and what is known is not told twice. Raises `ConnectionFailedError`
        once there have been enough tries.
        """
        with closing(events(self._wire, path("tasks", task_id, "stream"))) as stream:
            for event in stream:
                task = TaskOut.model_validate_json(event.data)
                yield task
                if task.finished_at is not None:
                    return

    def result(self, task_id: str) -> Any:  # noqa: ANN401  # pyright: ignore[reportExplicitAny] - as for run
        """Return the bare result of a task.

        Raises `ResultPendingError` if it has not ended, a `ServerError` with code `task-failed` if it failed, and
        `GoneError` if it was revoked or its result is not kept any more.
        """
        answer = self._wire.send("GET", path("tasks", task_id, "result"))
        if answer.status_code == HTTPStatus.ACCEPTED:
            raise ResultPendingError(task_id)
        return read(answer, object)

    def list(
        self, *, metadata: Mapping[str, str] | None = None, **filters: Unpack[ListTasksParametersQuery]
    ) -> Pages[TaskOut]:
        """List tasks, newest first; `metadata` names what they have to carry."""
        marks = {f"metadata.{name}": value for name, value in (metadata or {}).items()}
        return Pages(self._wire, path("tasks"), TaskPage, {**filters, **marks})

    def cancel(self, task_id: str, *, idempotency_key: str | None = None) -> TaskOut:
        """Cancel a task that waits or runs. Raises `ConflictError` if it has ended."""
        return self._wire.request(
            "POST", path("tasks", task_id, "cancel"), into=TaskOut, idempotency_key=idempotency_key
        )

    def retry(self, task_id: str, *, idempotency_key: str | None = None) -> TaskOut:
        """Run an ended task again, as a new one. Raises `ConflictError` if it has not ended."""
        return self._wire.request(
            "POST", path("tasks", task_id, "retry"), into=TaskOut, headers=_ASYNC, idempotency_key=idempotency_key
        )

    def delete(self, task_id: str) -> None:
        """End a task if it has not, and erase what it holds."""
        self._wire.request("DELETE", path("tasks", task_id), into=object)

    def deliveries(self, task_id: str, **filters: Unpack[ListTaskDeliveriesParametersQuery]) -> Pages[DeliveryOut]:
        """List what was sent about a task."""
        return Pages(self._wire, path("tasks", task_id, "deliveries"), DeliveryPage, {**filters})


class TaskTypes:
    """`client.task_types`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def get(self, name: str) -> TaskTypeOut:
        """Return a task type, with the JSON Schemas of its input and output."""
        return self._wire.request("GET", path("task-types", name), into=TaskTypeOut)

    def list(self) -> Pages[TaskTypeOut]:
        """List what workers offer."""
        return Pages(self._wire, path("task-types"), TaskTypeList, {})


def _form(
    kind: str, wish: Mapping[str, object], file: bytes | tuple[str, bytes]
) -> dict[str, tuple[str | None, bytes | str, str]]:
    name, content = ("file", file) if isinstance(file, bytes) else file
    fields = {key: (None, json.dumps(value), "application/json") for key, value in wish.items()}
    return {"type": (None, kind, "text/plain"), **fields, "file": (name, content, "application/octet-stream")}

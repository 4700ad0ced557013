"""What a running task can ask and say."""

import math
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, Protocol, SupportsFloat, TypeVar, cast
from uuid import UUID

from pydantic import TypeAdapter

from core.model.json_value import storable
from core.model.parts import Slice, TaskInParts
from core.progress import Progress
from core.settings import Settings

T = TypeVar("T")
LARGEST: Final = 2**63
"""What an integer stays below that is kept as one."""


class TaskError(Exception):
    """A failure that the client is told of in just these words, which must be safe to show."""

    def __init__(self, code: str, title: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.title = title
        self.detail = detail


class CancelledTaskError(Exception):
    """Raised by `TaskContext.stop_if_cancelled`; a task lets it pass."""


class InPartsError(Exception):
    """Raised by `TaskContext.in_parts`; a task lets it pass."""

    def __init__(self, parts: TaskInParts) -> None:
        super().__init__(parts)
        self.parts = parts


class Desk(Protocol):
    """Where a running task's words go; the worker's runtime is one."""

    def show(self, progress: Progress) -> None:
        """Show how far the task is."""
        ...

    def cancel_was_asked(self) -> bool:
        """Ask Postgres whether somebody wants the task to end."""
        ...

    def marker(self, name: str) -> bytes | None:
        """Return what a side effect gave back, if it was done."""
        ...

    def read_content(self) -> bytes | None:
        """Return the file that came with the task."""
        ...

    def mark(self, name: str, value: bytes) -> None:
        """Note that a side effect was done; raise `CancelledTaskError` if the task is another run's, or erased."""
        ...


class TaskContext:
    """A running task's own view of itself; `run` counts its runs from 1, `settings` are the worker's.

    `traceparent` is that of the request that submitted it (W3C Trace Context), for what it asks of others.
    """

    def __init__(
        self, task_id: UUID, run: int, desk: Desk, settings: Settings, *, traceparent: str | None = None
    ) -> None:
        self.task_id: Final = task_id
        self.run: Final = run
        self.settings: Final = settings
        self.traceparent: Final = traceparent
        self._desk: Final = desk

    def progress(self, current: float, total: float | None = None, message: str | None = None) -> None:
        """Show how far the task is, in units of its own; raise `ValueError` for a number that JSON cannot say."""
        whole = None if total is None else _finite(total)
        self._desk.show(Progress(_finite(current), whole, None if message is None else storable(str(message))))

    @property
    def cancelled(self) -> bool:
        """Whether somebody has asked for the task's end; one that does not look is killed a second later."""
        return self._desk.cancel_was_asked()

    def stop_if_cancelled(self) -> None:
        """Raise `CancelledTaskError` if somebody has asked for the task's end."""
        if self.cancelled:
            raise CancelledTaskError

    def read_file(self) -> bytes:
        """Return the content of the file that came with the task; raise `LookupError` if there is none."""
        content = self._desk.read_content()
        if content is None:
            raise LookupError("there is no file")
        return content

    def in_parts(self, slices: Sequence[Slice], content: bytes | None = None) -> NoReturn:
        """End this run and go on in parts, one for each slice of the file, or of a `content` of at most 10 MiB."""
        raise InPartsError(TaskInParts(slices, content))

    def once(self, name: str, action: Callable[[], T], *, kind: TypeAdapter[T] | None = None) -> T:
        """Do a side effect that must not be done twice, and return what it gave back.

        A later run of the same task that comes here again gets what the first one got, without doing it. What the
        action returns must be JSON of at most 16 KiB; with a `kind`, whatever that can read and write. Only a
        crash between the action and the note lets it happen again: pass the task's ID on as an idempotency key where
        the other side takes one.
        """
        adapter = kind or _anything()
        done = self._desk.marker(name)
        if done is not None:
            return adapter.validate_json(done)
        value = action()
        self._desk.mark(name, adapter.dump_json(value))
        return value


def _anything() -> TypeAdapter[T]:
    return cast("TypeAdapter[T]", TypeAdapter(object))


def _finite(number: SupportsFloat) -> float:
    """Return a number that JSON can say and 64 bits hold, as it is, and any other as the nearest `float`."""
    try:
        known = number if isinstance(number, int | float) and abs(number) < LARGEST else float(number)
    except OverflowError:
        known = math.inf
    if not math.isfinite(known):
        raise ValueError(f"progress cannot be {number}")
    return known

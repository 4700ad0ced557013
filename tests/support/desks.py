"""Where the words of a task go that runs without a worker: a desk that keeps what it is told."""

from uuid import UUID

from core.progress import Progress
from core.settings import Settings
from workers.task_types.context import CancelledTaskError, TaskContext

SETTINGS = Settings()


class KeepingDesk:
    """A `Desk` in memory; `cancel_after` says how many looks find nothing, `taken_away` that another run has come."""

    def __init__(
        self, *, content: bytes | None = None, cancel_after: int | None = None, taken_away: bool = False
    ) -> None:
        self.content = content
        self.shown: list[Progress] = []
        self.markers: dict[str, bytes] = {}
        self.looks = 0
        self._cancel_after = cancel_after
        self._taken_away = taken_away

    def show(self, progress: Progress) -> None:
        """See `Desk.show`."""
        self.shown.append(progress)

    def cancel_was_asked(self) -> bool:
        """See `Desk.cancel_was_asked`."""
        self.looks += 1
        return self._cancel_after is not None and self.looks > self._cancel_after

    def marker(self, name: str) -> bytes | None:
        """See `Desk.marker`."""
        return self.markers.get(name)

    def mark(self, name: str, value: bytes) -> None:
        """See `Desk.mark`."""
        if self._taken_away:
            raise CancelledTaskError
        self.markers[name] = value

    def read_content(self) -> bytes | None:
        """See `Desk.read_content`."""
        return self.content


def context_of(desk: KeepingDesk | None = None, *, run: int = 1, settings: Settings | None = None) -> TaskContext:
    """Return the context of a run that speaks to this desk."""
    return TaskContext(UUID(int=1), run, desk or KeepingDesk(), settings or SETTINGS)

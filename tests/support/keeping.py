"""A lease keeper of which a test runs the turns itself."""

from collections.abc import Sequence
from uuid import UUID

from core.database import Database
from workers.leases import LeaseKeeper
from workers.task_types.define import Definition
from workers.time_limits import Overrun, TimeLimits

NOWHERE = "postgresql://ringback@/ringback?host=/nonexistent"


class Keeping:
    """The keeper of a worker that runs what `running` names; `killed` are those that it ended by force."""

    def __init__(
        self, limits: TimeLimits, *, leased_by: str, lease: int = 15, register_every: float = 60, away_for: float = 60
    ) -> None:
        self.running: list[UUID] = []
        self.killed: list[UUID] = []
        self.registered = 0
        self.keeper = LeaseKeeper(
            NOWHERE,
            leased_by=leased_by,
            lease=lease,
            running=self._running,
            kill=self.killed.append,
            register=self._register,
            end=limits.end,
            register_every=register_every,
            away_for=away_for,
        )

    def overran(self, definition: Definition, task_id: UUID, run: int | None = None) -> None:
        """Say that Celery is about to kill a run."""
        self.running = [one for one in self.running if one != task_id]
        self.keeper.overran(Overrun(definition, task_id, run))

    def _running(self) -> Sequence[UUID]:
        return tuple(self.running)

    async def _register(self, _database: Database) -> None:
        self.registered += 1

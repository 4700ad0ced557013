"""Tasks as Postgres holds them, without one."""

from datetime import UTC, datetime
from uuid import UUID

from core.journal.tasks import TaskRecord
from core.model.ids import TaskId, TenantId


def task_record(**columns: object) -> TaskRecord:
    """Return a task that has started its first run."""
    values: dict[str, object] = {
        "id": TaskId(UUID(int=1)),
        "tenant_id": TenantId(UUID(int=2)),
        "type": "math.divide",
        "queue": "default",
        "status": "STARTED",
        "input": b'{"x":22,"y":7}',
        "result": None,
        "result_size": None,
        "progress": None,
        "error_code": None,
        "error_title": None,
        "error_detail": None,
        "run": 1,
        "lost_count": 0,
        "max_attempts": 1,
        "webhook_url": None,
        "unique_key": None,
        "retry_of": None,
        "metadata": {},
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "started_at": None,
        "finished_at": None,
    }
    return TaskRecord(**(values | columns))  # pyright: ignore[reportArgumentType] - a test names what it changes

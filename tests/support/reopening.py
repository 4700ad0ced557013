"""Deliveries in each of their states, for tests of what reopens and cancels them."""

from sqlalchemy import func

from core.database import Database
from core.dispatch.celery import make_celery
from core.dispatch.publish import Publisher
from core.intake.reopen import Reopenings
from core.model import tables
from core.model.ids import DeliveryId
from tests.support.apps import settings_of
from tests.support.rows import Rows

Columns = dict[str, object]
ENDED: Columns = {"due_at": None, "finished_at": func.now()}
SUCCEEDED: Columns = ENDED | {"status": "succeeded", "succeeded_at": func.now()}
EXHAUSTED: Columns = ENDED | {"status": "exhausted", "step": 2}
CANCELLED: Columns = ENDED | {"status": "cancelled", "reason": "client"}
DISABLED: Columns = ENDED | {"status": "cancelled", "reason": "endpoint_disabled"}
DUE: Columns = {"status": "pending"}
WAITING: Columns = {"status": "retrying", "due_at": func.now() + func.make_interval(0, 0, 0, 0, 1), "step": 2}
TRIED: Columns = {"claim": 3, "attempt_count": 3, "unknown_run": 1}
_STATE = ("status", "reason", "trigger", "step", "unknown_run", "attempt_count")


def reopenings_of(database: Database) -> Reopenings:
    """Return what clients reopen and cancel by; its broker is away."""
    return Reopenings(database, Publisher("memory://", make_celery(settings_of())))


async def state(rows: Rows, delivery: DeliveryId, *names: str) -> list[object]:
    """Return what matters of a delivery."""
    row = await rows.row(tables.deliveries, delivery)
    return [row[name] for name in names or _STATE]

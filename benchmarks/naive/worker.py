"""The tutorial's delivery: one Celery task each, one session each, httpx: `celery -A benchmarks.naive.worker worker`.

Kinder than most tutorials: the HTTP client is shared by a process's tasks, and no results are kept.
"""

import os
from time import monotonic
from typing import Final
from uuid import UUID

import httpx
import msgspec
from celery import Celery, Task
from standardwebhooks import Webhook

from benchmarks.naive.models import Attempt, Delivery, Session
from core.clock import now

app: Final = Celery("naive", broker=os.environ["NAIVE_BROKER"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_default_queue="naive",
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
)
client: Final = httpx.Client(timeout=15, trust_env=False)


@app.task(name="naive.deliver", bind=True, max_retries=9)
def deliver(self: "Task[[str], None]", delivery_id: str) -> None:
    """Send one delivery and record the attempt; come again if it failed."""
    with Session() as session:
        delivery = session.get_one(Delivery, UUID(delivery_id))
        attempt = _send(delivery)
        session.add(attempt)
        succeeded = attempt.status_code is not None and 200 <= attempt.status_code < 300  # noqa: PLR2004 - 2xx
        delivery.status = "succeeded" if succeeded else "retrying"
        session.commit()
    if not succeeded:
        raise self.retry(countdown=5 * 2**self.request.retries)


def _send(delivery: Delivery) -> Attempt:
    event, started = delivery.event, monotonic()
    body = msgspec.json.encode({"type": event.type, "timestamp": event.created_at, "data": event.data}).decode()
    at = now()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": str(event.id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(delivery.endpoint.secret).sign(str(event.id), at, body),
    }
    code, error, text = None, None, None
    try:
        answer = client.post(delivery.endpoint.url, content=body, headers=headers)
        code, text = answer.status_code, answer.text[:16384]
    except httpx.HTTPError as raised:
        error = type(raised).__name__
    took = (monotonic() - started) * 1000
    return Attempt(delivery_id=delivery.id, status_code=code, error=error, body=text, duration_ms=took)

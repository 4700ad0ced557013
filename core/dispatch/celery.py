"""The Celery app, configured once for those who send tasks and those who run them."""

from typing import Final

from celery import Celery
from kombu import Queue

from core.dispatch.broker import TASK_QUEUES, queue_name, task_queue, transport_options
from core.settings import Settings

PREFETCH: Final = 1
LOST_WAIT: Final = 0.5
"""Seconds that a dead child's last words are waited for; the end of a task is in Postgres, not in its message."""


def make_celery(settings: Settings) -> Celery:
    """Return an app that knows the queues but no task code; raises nothing until it connects."""
    broker = settings.broker_url or "memory://"
    app = Celery("ringback", broker=broker, backend=celery_backend(settings.redis_url), set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        broker_channel_error_retry=True,  # RabbitMQ before 4.3 closes the channel of a task that it finds too long
        broker_connection_retry_on_startup=True,
        broker_transport_options=transport_options(broker),
        result_accept_content=["json"],
        result_serializer="json",
        task_acks_late=True,
        task_create_missing_queues=False,
        task_default_queue=queue_name("default"),
        task_ignore_result=True,
        task_queues=_queues(),
        task_reject_on_worker_lost=True,
        task_serializer="json",
        task_track_started=False,
        timezone="UTC",
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_redirect_stdouts=False,
        worker_lost_wait=LOST_WAIT,
        worker_prefetch_multiplier=PREFETCH,
        worker_send_task_events=False,  # Flower turns them on by remote control; they cost four messages a task
    )
    return app


def celery_backend(redis_url: str | None) -> str | None:
    """Return the URL in Celery's spelling: it calls a socket `redis+socket`, redis-py calls it `unix`."""
    if redis_url is None or not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    return f"redis+socket://{path}?{query.replace('db=', 'virtual_host=')}"


def _queues() -> tuple[Queue, ...]:
    return tuple(task_queue(name) for name in TASK_QUEUES)

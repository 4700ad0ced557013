"""A task of parts on the broker: a Celery chord, whose messages name slices and carry no content."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from amqp.exceptions import AMQPError
from celery import Celery, chord
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from core.dispatch.broker import queue_name
from core.model.parts import Slice

_PARTS: Final = queue_name("parts")
_JOINS: Final = queue_name("joins")
"""Behind the parts of others a join would wait with nobody to push its task's lease."""


class PartsNotSentError(Exception):
    """The broker or the chord's counter is away; some parts may have been sent, and will find nothing to do."""


def part_name(type_: str) -> str:
    """Return the Celery name of a type's parts."""
    return f"{type_}.part"


def join_name(type_: str) -> str:
    """Return the Celery name of what ends a type's tasks of parts."""
    return f"{type_}.join"


def publish_parts(app: Celery, type_: str, task_id: UUID, run: int, slices: Sequence[Slice]) -> None:
    """Send the parts; return once the broker has confirmed them. Raises `PartsNotSentError`."""
    task = str(task_id)
    parts = [app.signature(part_name(type_), (task, run, one.offset, one.length), queue=_PARTS) for one in slices]
    join = app.signature(join_name(type_), (task, run), queue=_JOINS)
    try:
        chord(parts, app=app)(join)
    except (KombuError, AMQPError, RedisError, OSError) as error:
        raise PartsNotSentError from error

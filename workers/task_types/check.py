"""`endpoints.check`: sends a receiver what it has to take and what it has to refuse, past the guard of deliveries.

The messages come signed (`core/intake/check.py`); they are sent one after another, each as soon as the one before it
was answered. What hangs is waited for once: else a receiver could hold the worker for eleven times its timeout.
"""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

from core.database import Database
from core.intake.check import CHECK
from core.model import ids
from core.model.conformance import BY_NAME, NOT_SENT, Finding, Message, body_of, headers_of, judge
from core.model.outcome import ErrorClass, Outcome
from core.resolver import AresResolver
from core.settings import Settings, require
from core.version import VERSION
from workers.delivery.exchange import OutgoingRequest
from workers.delivery.place import Place
from workers.delivery.send import HttpxSender
from workers.task_types.check_queries import CheckTarget, read_check_target
from workers.task_types.define import TaskContext, TaskError, task_type

_LAST: Final = "Nothing was sent after it."
_LEFT_OUT: Final = "A check does not send the headers of the endpoint's own: does the receiver want them?"


class TrialOut(BaseModel):
    """What came of one trial; `passed` is `None` where it proves nothing, or was not sent."""

    name: str
    sends: str
    expected: str
    passed: bool | None
    status: int | None
    error: str | None
    ms: float
    mend: str | None


class Report(BaseModel):
    """What came of all of them."""

    passed: bool
    trials: list[TrialOut]


@task_type(
    CHECK.name,
    queue=CHECK.queue,
    soft_time_limit=CHECK.soft_time_limit,
    hard_time_limit=CHECK.hard_time_limit,
    listed=False,
)
def check(
    context: TaskContext, *, endpoint_id: str, messages: list[dict[str, object]], headers_left_out: bool = False
) -> Report:
    """Try what an endpoint's receiver takes and what it refuses; says of what failed how to mend it."""
    given = TypeAdapter(list[Message]).validate_python(messages)
    with asyncio.Runner() as runner:
        trials = _check(context, runner, ids.decode(ids.ENDPOINT, endpoint_id), given)
    if headers_left_out and not trials[0].passed:
        trials[0].mend = f"{trials[0].mend} {_LEFT_OUT}"
    return Report(passed=all(trial.passed for trial in trials), trials=trials)


def _check(
    context: TaskContext, runner: asyncio.Runner, endpoint_id: UUID, messages: Sequence[Message]
) -> list[TrialOut]:
    """Send one after another; between them, outside of the loop, the task says how far it is.

    None is sent after one that was not answered in time, or if the first has no answer: nothing proves anything then.
    """
    target = runner.run(_target(context.task_id, endpoint_id, context.settings))
    found: list[TrialOut] = []
    with _sending(runner, context.settings) as sender:
        for number, message in enumerate(messages):
            context.progress(number, len(messages), BY_NAME[message.trial].sends)
            outcome = runner.run(sender.send(_request(endpoint_id, target, message)))
            found.append(_judged(message, outcome, proves=bool(found and found[0].passed)))
            if found[-1].error == ErrorClass.TIMEOUT.value or found[0].status is None:
                return _ended(found, messages[len(found) :])
    return found


def _ended(found: Sequence[TrialOut], left: Sequence[Message]) -> list[TrialOut]:
    """Return all trials of a check that ends with the last one found."""
    if left:
        found[-1].mend = " ".join(filter(None, [found[-1].mend, _LAST]))
    return [*found, *(_shown(Finding(BY_NAME[one.trial], passed=None, mend=None), None, NOT_SENT, 0) for one in left)]


@contextmanager
def _sending(runner: asyncio.Runner, settings: Settings) -> Generator[HttpxSender]:
    resolver, sender = runner.run(_open(settings))
    try:
        yield sender
    finally:
        runner.run(sender.aclose())
        runner.run(resolver.aclose())


async def _open(settings: Settings) -> tuple[AresResolver, HttpxSender]:
    resolver = AresResolver()
    return resolver, HttpxSender(resolver, allowed=settings.allow_targets, proxy=settings.proxy)


async def _target(task_id: UUID, endpoint_id: UUID, settings: Settings) -> CheckTarget:
    database = Database(require(settings.database_url, "DATABASE_URL"), size=1, direct=0)
    try:
        async with database.engine() as tx:
            found = await read_check_target(
                tx, task_id=task_id, endpoint_id=endpoint_id, default_timeout=settings.timeout
            )
    finally:
        await database.close()
    if found is None:
        raise TaskError("endpoint_deleted", "Endpoint deleted", "There is no such endpoint any more.")
    return found


def _judged(message: Message, outcome: Outcome, *, proves: bool) -> TrialOut:
    """Return what came of a trial; nothing proves anything before a good message was taken, the first of all."""
    trial = BY_NAME[message.trial]
    status = None if outcome.response is None or _broken(outcome) else outcome.response.status
    error = None if outcome.error is None or status is not None else outcome.error.value
    return _shown(judge(trial, status, error=error, proves=proves), status, error, outcome.timings.total)


def _broken(outcome: Outcome) -> bool:
    """Tell whether an answer began and did not end as it should."""
    return outcome.error not in (None, ErrorClass.HTTP_STATUS)


def _request(lane: UUID, target: CheckTarget, message: Message) -> OutgoingRequest:
    headers = tuple(headers_of(message, version=VERSION).items())
    pause = BY_NAME[message.trial].pause
    return OutgoingRequest(Place(lane, target.url), headers, body_of(message), target.timeout + pause, pause=pause)


def _shown(finding: Finding, status: int | None, error: str | None, milliseconds: float) -> TrialOut:
    return TrialOut(
        name=finding.trial.name,
        sends=finding.trial.sends,
        expected="taken" if finding.trial.taken else "refused",
        passed=finding.passed,
        status=status,
        error=error,
        ms=round(milliseconds, 1),
        mend=finding.mend,
    )

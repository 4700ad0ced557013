from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from pydantic import BaseModel
from structlog.testing import capture_logs
from tenacity import wait_exception, wait_fixed

from core.model.endings import CANCELLED, TaskAgain, TaskEnd, TaskMisfit
from core.model.states import TaskStatus
from core.results import RESULT_LIMIT
from tests.support.desks import KeepingDesk, context_of
from tests.support.task_records import task_record
from workers.lifecycle import call, killed
from workers.task_types import mathematics
from workers.task_types.define import Definition, Retry, TaskContext, TaskError, defined, task_type
from workers.task_types.retry import NO_RETRY


class Strict(BaseModel):
    """What a task may check for itself."""

    x: int


def define(function: Callable[[TaskContext], object], retry: Retry = NO_RETRY) -> Definition:
    """Return a task type without input that runs this."""

    def run(context: TaskContext) -> object:
        return function(context)

    name = f"tests.{uuid4().hex}"
    task_type(name, soft_time_limit=7, hard_time_limit=8, retry=retry)(run)
    return defined()[name]


def raising(error: Exception, retry: Retry = NO_RETRY) -> Definition:
    """Return a task type that raises this."""

    def fail(_context: TaskContext) -> object:
        raise error

    return define(fail, retry)


def ended(definition: Definition, input_: bytes | None = b"{}") -> TaskEnd:
    end = call(definition, task_record(input=input_), context_of())
    assert isinstance(end, TaskEnd)
    return end


def test_a_result_is_success_and_json() -> None:
    assert mathematics.divide

    end = ended(defined()["math.divide"], b'{"x":22,"y":7}')

    assert end == TaskEnd(TaskStatus.SUCCESS, str(22 / 7).encode())


def test_the_function_is_told_its_task_and_its_run() -> None:
    seen: list[TaskContext] = []
    context = context_of(run=3)

    call(define(seen.append), task_record(run=3, input=None), context)

    assert seen == [context]


def test_a_division_by_zero_is_a_failure_with_its_code() -> None:
    end = ended(defined()["math.divide"], b'{"x":1,"y":0}')

    assert (end.status, end.error_code, end.result) == (TaskStatus.FAILURE, "division_by_zero", None)


def test_a_task_error_is_told_in_its_own_words() -> None:
    end = ended(raising(TaskError("no_luck", "No luck", "The coin fell on its edge.")))

    assert end == TaskEnd(TaskStatus.FAILURE, None, "no_luck", "No luck", "The coin fell on its edge.")


def test_a_task_error_may_hold_what_a_database_cannot() -> None:
    end = ended(raising(TaskError("odd\x00", "Odd \ud800", "nul: \x00, surrogate: \udfff")))

    assert end == TaskEnd(TaskStatus.FAILURE, None, "odd\ufffd", "Odd ?", "nul: \ufffd, surrogate: ?")


@pytest.mark.parametrize(
    "error", [ValueError("password=hunter2"), KeyError("hunter2"), ZeroDivisionError("hunter2"), OSError(5, "hunter2")]
)
def test_an_unexpected_error_never_shows_its_text(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    end = ended(raising(error))

    assert capsys.readouterr()
    assert (end.status, end.error_code) == (TaskStatus.FAILURE, "task_error")
    assert "hunter2" not in f"{end}"


def test_the_soft_time_limit_is_a_failure_of_its_own() -> None:
    end = ended(raising(SoftTimeLimitExceeded()))

    assert (end.error_code, end.error_detail) == ("time_limit", "It ran longer than 7 seconds.")


@pytest.mark.parametrize("input_", [b'{"x":1}', b'{"x":1,"y":"no"}', b'{"x":1,"y":2,"z":3}', b"[]", b"null", b"{"])
def test_an_input_that_does_not_fit_this_version_is_a_failure_of_its_own(input_: bytes) -> None:
    misfit = call(defined()["math.divide"], task_record(input=input_), context_of())

    assert isinstance(misfit, TaskMisfit)
    assert (misfit.end.status, misfit.end.error_code) == (TaskStatus.FAILURE, "invalid_input")


def test_what_a_function_finds_invalid_itself_is_no_fault_of_the_input() -> None:
    end = ended(define(lambda _: Strict.model_validate({"x": "no"})))

    assert end.error_code == "task_error"


def test_a_result_that_is_too_large_is_a_failure() -> None:
    end = ended(define(lambda _: "x" * RESULT_LIMIT))

    assert (end.status, end.error_code, end.result) == (TaskStatus.FAILURE, "result_too_large", None)


@pytest.mark.parametrize("result", ["\ud800", object()], ids=["surrogate", "object"])
def test_a_result_that_is_no_json_is_a_failure(result: object) -> None:
    assert ended(define(lambda _: result)).error_code == "task_error"


QUICKLY = Retry(on=(ConnectionError, TaskError), stop_after_attempt=3, wait=wait_fixed(7))


def lost(error: BaseException) -> float:
    raise KeyError(error)


ASTRAY = replace(QUICKLY, wait=wait_exception(lost))


def test_a_failure_that_the_policy_names_is_tried_again_later() -> None:
    end = call(raising(ConnectionResetError(), QUICKLY), task_record(input=None), context_of())

    assert end == TaskAgain(7)


@pytest.mark.parametrize(("run", "lost"), [(2, 0), (4, 2)], ids=["second", "fourth, two lost"])
def test_runs_that_were_lost_with_their_worker_do_not_count(run: int, lost: int) -> None:
    task = task_record(input=None, run=run, lost_count=lost)

    assert call(raising(ConnectionResetError(), QUICKLY), task, context_of(run=run)) == TaskAgain(7)


@pytest.mark.parametrize("error", [ConnectionResetError(), TaskError("no_luck", "No luck", "Once.")])
def test_a_wait_that_raises_ends_the_run(error: Exception) -> None:
    with capture_logs() as logged:
        end = ended(raising(error, ASTRAY))

    assert (end.status, end.error_code) == (TaskStatus.FAILURE, "retry_policy")
    assert [(one["event"], one["error"]) for one in logged] == [("task.wait_failed", "KeyError")]


def test_a_wait_that_raises_ends_a_run_that_was_killed() -> None:
    policy = replace(ASTRAY, on=(SoftTimeLimitExceeded,))

    again, end = killed(define(lambda _: None, policy), 1)

    assert (again, end.error_code) == (None, "retry_policy")


def test_the_last_attempt_tells_why_it_failed() -> None:
    definition = raising(TaskError("no_luck", "No luck", "Thrice."), QUICKLY)

    end = call(definition, task_record(input=None, run=3), context_of(run=3))

    assert end == TaskEnd(TaskStatus.FAILURE, None, "no_luck", "No luck", "Thrice.")


def test_an_error_that_the_policy_does_not_name_is_final() -> None:
    assert ended(raising(KeyError(), QUICKLY)).error_code == "task_error"


def test_a_task_that_stops_because_it_was_cancelled_is_revoked() -> None:
    context = context_of(KeepingDesk(cancel_after=0))

    assert call(define(TaskContext.stop_if_cancelled), task_record(input=None), context) == CANCELLED

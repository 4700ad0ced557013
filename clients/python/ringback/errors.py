"""What this package raises.

RingbackError
    ConnectionFailedError           nobody answered, however often it was tried; the cause is httpx's error
    UnexpectedAnswerError           an answer that no Ringback gives: a proxy's page, another service
    ProblemError                    the API answered with a problem (RFC 9457)
        BadRequestError             400
        AuthenticationError         401
        PermissionDeniedError       403
        NotFoundError               404
        ConflictError               409
        GoneError                   410
        InvalidInputError           422, with `errors`
        RateLimitedError            429, with `retry_after`
        ServerError                 5xx
            UnavailableError        503, with `retry_after`
    TaskFailedError                 the task has ended, and not well
    ResultPendingError              the task has no result yet
    WaitTimeoutError                the task goes on; also a `TimeoutError`
    WebhookVerificationError        the request is not to be trusted
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from ringback.generated.models import Problem as ProblemOut
from ringback.generated.models import TaskOut


class RingbackError(Exception):
    """Everything that this package raises on purpose."""


class ConnectionFailedError(RingbackError):
    """Nobody answered; a POST may have been carried out all the same."""

    def __init__(self, method: str, url: str, tries: int) -> None:
        self.tries = tries
        super().__init__(f"{method} {url} was sent {tries} times and got no answer")


class UnexpectedAnswerError(RingbackError):
    """What answered is not the API."""

    def __init__(self, status: int, content_type: str) -> None:
        self.status = status
        super().__init__(
            f"an answer {status} with {content_type or 'no type'} is none of Ringback's: is the URL right?"
        )


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad value: a JSON Pointer (RFC 6901) into the body, or a parameter's name, and what is wrong there."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document (RFC 9457); `code` is the last part of its `type`, for programs to go by."""

    status: int
    code: str
    title: str
    detail: str
    errors: Sequence[FieldError] = ()
    request_id: str | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, document: Mapping[str, object], retry_after: float | None) -> "Problem":
        """Read a problem document. Raises `ValueError` for what is none."""
        read = ProblemOut.model_validate(document)
        return cls(
            read.status,
            read.type.rpartition("/")[2],
            read.title,
            read.detail,
            tuple(FieldError(one.pointer, one.detail) for one in read.errors or ()),
            read.request_id,
            retry_after,
        )


class ProblemError(RingbackError):
    """The API answered with a problem; `request_id` finds the request in its logs."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.status = problem.status
        self.code = problem.code
        self.title = problem.title
        self.detail = problem.detail
        self.errors = problem.errors
        self.request_id = problem.request_id
        self.retry_after = problem.retry_after
        fields = "".join(f"; {one.pointer}: {one.detail}" for one in problem.errors)
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}{fields}")


class BadRequestError(ProblemError):
    """400."""


class AuthenticationError(ProblemError):
    """401: the key is missing, wrong, revoked or expired."""


class PermissionDeniedError(ProblemError):
    """403: the key lacks the scope that `detail` names."""


class NotFoundError(ProblemError):
    """404: it is not there, or not this tenant's."""


class ConflictError(ProblemError):
    """409: its state forbids it."""


class GoneError(ProblemError):
    """410: it is not kept any more."""


class InvalidInputError(ProblemError):
    """422: some values are not allowed; `errors` names them."""


class RateLimitedError(ProblemError):
    """429: a limit of the tenant is reached."""


class ServerError(ProblemError):
    """5xx."""


class UnavailableError(ServerError):
    """503: a store is away, or there is too much to do."""


class TaskFailedError(RingbackError):
    """A task ended as `FAILURE` or `REVOKED`; `task` is the whole of it."""

    def __init__(self, task: TaskOut) -> None:
        self.task = task
        self.code = task.error.code if task.error else task.status.lower()
        self.title = (task.error and task.error.title) or task.status
        self.detail = (task.error and task.error.detail) or ""
        super().__init__(f"{task.task_id} ended as {task.status}: {self.code}: {self.detail}")


class ResultPendingError(RingbackError):
    """A task has no result yet: it waits or runs."""

    def __init__(self, task_id: str) -> None:
        super().__init__(f"{task_id} has not ended")


class WaitTimeoutError(RingbackError, TimeoutError):
    """A task had not ended in time; it goes on, and `task` is what was last seen of it."""

    def __init__(self, task: TaskOut) -> None:
        self.task = task
        super().__init__(f"{task.task_id} is still {task.status}")


class WebhookVerificationError(RingbackError):
    """A request that does not verify: answer 400 or 401, and do nothing else."""


_BY_STATUS: Final[Mapping[int, type[ProblemError]]] = {
    HTTPStatus.BAD_REQUEST: BadRequestError,
    HTTPStatus.UNAUTHORIZED: AuthenticationError,
    HTTPStatus.FORBIDDEN: PermissionDeniedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.GONE: GoneError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidInputError,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimitedError,
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError,
}


def error_of(problem: Problem) -> ProblemError:
    """Return the error for a problem."""
    server = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return _BY_STATUS.get(problem.status, ServerError if server else ProblemError)(problem)

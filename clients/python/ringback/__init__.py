"""The client of Ringback: `Ringback`, or `AsyncRingback` for asyncio."""

from ringback import errors, models
from ringback._async.client import AsyncRingback
from ringback._async.pages import AsyncPages
from ringback._sync.client import Ringback
from ringback._sync.pages import Pages
from ringback.errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ConnectionFailedError,
    FieldError,
    GoneError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    Problem,
    ProblemError,
    RateLimitedError,
    ResultPendingError,
    RingbackError,
    ServerError,
    TaskFailedError,
    UnavailableError,
    UnexpectedAnswerError,
    WaitTimeoutError,
    WebhookVerificationError,
)
from ringback.lines import Ack, NewEvent
from ringback.retries import Retry
from ringback.webhooks import Message, Webhook

__all__ = [
    "Ack",
    "AsyncPages",
    "AsyncRingback",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "ConnectionFailedError",
    "FieldError",
    "GoneError",
    "InvalidInputError",
    "Message",
    "NewEvent",
    "NotFoundError",
    "Pages",
    "PermissionDeniedError",
    "Problem",
    "ProblemError",
    "RateLimitedError",
    "ResultPendingError",
    "Retry",
    "Ringback",
    "RingbackError",
    "ServerError",
    "TaskFailedError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "WaitTimeoutError",
    "Webhook",
    "WebhookVerificationError",
    "errors",
    "models",
]

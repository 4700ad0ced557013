"""What can go wrong for a caller, as the API tells it.

```
RingbackError
├── NotFoundError        there is no such thing, or not for this tenant
├── InvalidInputError    a known shape with bad values; says where
├── ConflictError        the thing is in a state that forbids it
├── GoneError            it was there and is no more
├── ForbiddenError       the key lacks a scope; says which
├── OtherOwnerError      the key is of one owner, and this is not for that owner
├── LimitReachedError    a limit of the tenant; says which
└── UnavailableError     a store is away; try again
```
"""

from dataclasses import dataclass


class RingbackError(Exception):
    """Base of all errors that a client is told; `code` is stable, `detail` is a safe sentence."""

    code = "error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFoundError(RingbackError):
    """There is no such thing for this tenant."""

    code = "not-found"

    def __init__(self, kind: str) -> None:
        super().__init__(f"There is no such {kind}.")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad value: a JSON Pointer (RFC 6901) into the input, and what is wrong there."""

    pointer: str
    detail: str


class InvalidInputError(RingbackError):
    """A known shape with bad values."""

    code = "invalid-input"

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("The input has values that are not allowed.")
        self.errors = errors


class ConflictError(RingbackError):
    """The thing is in a state that forbids it."""

    code = "conflict"


class GoneError(RingbackError):
    """It was there and is no more."""

    code = "gone"


class ForbiddenError(RingbackError):
    """The key lacks a scope."""

    code = "forbidden"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a key with the scope {scope}.")
        self.scope = scope


class OtherOwnerError(RingbackError):
    """The key is of one owner, and what was asked for is another's or the whole tenant's."""

    code = "other-owner"

    def __init__(self) -> None:
        super().__init__("This key is of one owner, and this is not that owner's.")


class LimitReachedError(RingbackError):
    """A limit of the tenant is reached: `policy` names it, `quota` is how many it allows.

    `reset` is in how many seconds there may be room again, where time alone makes some.
    """

    code = "limit-reached"

    def __init__(self, detail: str, *, policy: str, quota: int, reset: int | None = None) -> None:
        super().__init__(detail)
        self.policy = policy
        self.quota = quota
        self.reset = reset


class UnavailableError(RingbackError):
    """A store is away for now."""

    code = "unavailable"

    def __init__(self) -> None:
        super().__init__("The service cannot take this now; try again.")

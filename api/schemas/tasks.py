"""Tasks and task types on the wire."""

from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, StringConstraints

from api.schemas.fields import WHOLE, In, Line, Metadata, Moment, Out, TaskIdOut, Url

TypeName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,128}$"), Field(examples=["math.divide", "words.count"])
]
SigningSecret = Annotated[
    str, StringConstraints(max_length=128), Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
]
_YEAR: Final = 365 * 86_400
Status = Literal["PENDING", "STARTED", "PROGRESS", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]


class TaskIn(In):
    """A task to run."""

    type: TypeName
    input: dict[str, JsonValue] = Field(
        description="What the type's `input_schema` asks for.", examples=[{"x": 1, "y": 4}]
    )
    webhook_url: Url | None = Field(default=None, description="Where its end is told, besides the endpoints.")
    webhook_secret: SigningSecret | None = Field(
        default=None, description="Signs that; the tenant's default otherwise."
    )
    delay: Annotated[int, Field(strict=True, ge=0, le=_YEAR), WHOLE] = Field(
        default=0, description="Seconds to wait before it may run."
    )
    expires_in: Annotated[int, Field(strict=True, ge=1, le=_YEAR), WHOLE] | None = Field(
        default=None, description="Seconds that it may wait; then it ends as `REVOKED`."
    )
    unique_key: Line | None = Field(
        default=None, description="While a task with this key waits, runs or has succeeded, that one is given back."
    )
    metadata: Metadata = Field(default_factory=dict)


class ProgressOut(Out):
    """How far it is."""

    current: float
    total: float | None
    message: str | None


class TaskErrorOut(Out):
    """Why it failed: a stable code and safe sentences."""

    code: str = Field(examples=["division_by_zero"])
    title: str | None
    detail: str | None


class TaskLinks(Out):
    """Where to go on."""

    self: str
    result: str
    deliveries: str


class TaskOut(Out):
    """A task."""

    task_id: TaskIdOut
    type: str
    status: Status
    input: JsonValue
    progress: ProgressOut | None
    result: JsonValue
    error: TaskErrorOut | None
    attempts: int
    max_attempts: int
    webhook_url: str | None
    unique_key: str | None
    retry_of: TaskIdOut | None
    metadata: dict[str, str]
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    links: TaskLinks


class TaskPage(Out):
    """A page of tasks, newest first."""

    data: list[TaskOut]
    next_cursor: str | None


class PendingOut(Out):
    """There is no result yet."""

    detail: str = Field(examples=["Result not available yet"])


class TaskTypeOut(Out):
    """What the workers offer."""

    name: str
    description: str
    queue: str
    input_schema: dict[str, JsonValue]
    output_schema: dict[str, JsonValue]
    soft_time_limit: int = Field(description="Seconds.")
    hard_time_limit: int = Field(description="Seconds.")
    retry_policy: dict[str, JsonValue]


class TaskTypeList(Out):
    """All task types."""

    data: list[TaskTypeOut]
    next_cursor: None = None

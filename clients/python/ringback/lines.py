"""What a batch is made of."""

from typing import NotRequired, TypedDict


class NewEvent(TypedDict):
    """An event to send; as `POST /v1/events` takes it."""

    type: str
    data: object
    id: NotRequired[str]
    timestamp: NotRequired[str]
    ordering_key: NotRequired[str]

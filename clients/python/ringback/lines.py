"""What is sent, by the words that one says."""

from typing import NotRequired, TypedDict

from ringback.generated.params import AckIn1, AckIn2

Ack = AckIn1 | AckIn2
"""What became of one pulled delivery."""


class NewEvent(TypedDict):
    """An event to send; as `POST /v1/events` takes it."""

    type: str
    data: object
    id: NotRequired[str]
    timestamp: NotRequired[str]
    ordering_key: NotRequired[str]
